"""Several processes at one run, or at one runs folder."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from _faults_killed import newest
from _faults_stage import COSTLY, Count, Stage

import daf_nb as daf
from daf_nb.record.locks import is_held
from daf_nb.record.trash import list_trash, restore_runs

_AT_ONCE = 32
_SOON = 0.5
"""Seconds until several that were begun begin at once."""


def two_writers(tries: int, folder: Path) -> dict[str, int | None]:
    """One records, another would; the first is killed, and the other goes on at once."""
    count = Count(exact=False)
    with Stage(folder) as stage:
        for _ in range(min(tries, COSTLY)):
            root = stage.fresh()
            writer = stage.begin("kept_running", root=root)
            # It is killed somewhere between its first checkpoint and its fourth.
            while stage.status(root) != "RUNNING" or not list(root.glob("1/checkpoints/step-*")):
                time.sleep(0.05)
            time.sleep(random.uniform(0.0, 1.0))
            refused = stage.work("trained", root=root)
            held = is_held(root / "1")
            os.kill(writer, signal.SIGKILL)
            stage.warm.wait(writer)
            freed, status = is_held(root / "1") is False, stage.status(root)
            named = f"process {writer} on " in refused.error and "RUNNING" in refused.error
            # Its goal is far away: what goes on is stopped, and is to be whole.
            again = stage.work("trained", root=root, stop_at=1)
            count.add(
                f"{refused.error}, freed {freed}, {status}, {again.error}",
                recovered=again.code == 0 and stage.status(root) == "INTERRUPTED",
                said=bool(named and held and freed) and status == "LOST",
            )
    return count.told()


def resumed_twice(tries: int, folder: Path) -> dict[str, int | None]:
    """Several processes resume a lost run at once: one goes on, the others name it."""
    count = Count()
    with Stage(folder) as stage:
        base = _lost(stage)
        for number in range(min(tries, COSTLY)):
            with stage.copy(base) as root:
                after = time.monotonic() + _SOON
                ids = [
                    stage.begin("resumed_with_others", root=root, after=after)
                    for _ in range(2 + number % 2)
                ]
                done = {id: stage.warm.wait(id) for id in ids}
                winners = [id for id, each in done.items() if each.code == 0]
                errors = [each.error for each in done.values() if each.code]
                named = all(f"process {winner} on " in e for winner in winners for e in errors)
                ended = len(winners) == 1 and stage.status(root) == "COMPLETED"
                count.add(
                    f"winners {winners}, {errors}",
                    exact=ended and stage.ended_so(root),
                    recovered=ended,
                    said=named,
                )
    return count.told()


def deleted_meanwhile(tries: int, folder: Path) -> dict[str, int | None]:
    """One deletes a lost run while another resumes it: one of them is refused, and says why."""
    count = Count()
    with Stage(folder) as stage:
        base = _lost(stage)
        for _ in range(min(tries, COSTLY)):
            with stage.copy(base) as root:
                after = time.monotonic() + _SOON
                later = after + random.uniform(-0.05, 0.05)
                resumes = stage.begin("resumed_with_others", root=root, after=after)
                deletes = stage.begin("deleted_with_others", root=root, after=later)
                resumed, deleted = stage.warm.wait(resumes), stage.warm.wait(deletes)
                one = (resumed.code == 0) != (deleted.code == 0)
                gone = "It lies in the trash" in resumed.error
                stays = "stop it first" in deleted.error
                if list_trash(runs_dir=root):
                    restore_runs(1, runs_dir=root)
                    ended, exact = stage.goes_on(root)
                else:
                    ended, exact = stage.status(root) == "COMPLETED", stage.ended_so(root)
                count.add(
                    f"resume: {resumed.error or 'went on'}; delete: {deleted.error or 'did'}",
                    exact=exact,
                    recovered=ended and one,
                    said=gone if resumed.code else stays,
                )
    return count.told()


def starts_at_once(tries: int, folder: Path) -> dict[str, int | None]:
    """Processes that begin a run in one folder at one moment, as many as that in a round."""
    count, many = Count(exact=False), min(_AT_ONCE, tries)
    with Stage(folder) as stage:
        for _ in range(tries // many):
            root, after = stage.fresh(), time.monotonic() + 4 * _SOON
            ids = [stage.begin("one_of_many", root=root, after=after) for _ in range(many)]
            done = [stage.warm.wait(id) for id in ids]
            numbers = [each.value for each in done]
            for each in done:
                alone = numbers.count(each.value) == 1
                status = each.value and daf.load_run(each.value, runs_dir=root).status
                count.add(
                    f"{each.value}: {status} {each.error}",
                    recovered=alone and status == "COMPLETED",
                    said=not each.said and not each.error,
                )
            assert newest(root) == many, "numbers are given in order"
    return count.told()


def _lost(stage: Stage) -> Path:
    """The runs folder of a run whose process was killed, before it was through."""
    while True:
        root = stage.fresh()
        child = stage.begin("trained", root=root)
        while not list(root.glob("1/checkpoints/step-*")):
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        stage.warm.wait(child)
        if stage.status(root) == "LOST":
            return root


ROWS: dict[str, Callable[[int, Path], dict[str, int | None]]] = {
    "12 two writers on one run": two_writers,
    "12 two and three resumes of one lost run at once": resumed_twice,
    "12 a resume and a deletion at once": deleted_meanwhile,
    f"13 {_AT_ONCE} starts at once": starts_at_once,
}
