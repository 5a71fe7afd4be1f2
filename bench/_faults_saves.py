"""Death between, and in the middle of, the system calls of a save, of a resume, and of a run."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _faults_shim import HALF
from _faults_stage import COSTLY, Count, Stage, heard

from daf_nb.record.checkpoints import newest_checkpoint
from daf_nb.record.checkpoints.writing import checkpoint_folders
from daf_nb.record.series import EVENTS, JOURNAL, METRICS

DIED = -signal.SIGKILL
"""The exit code of a process that the shim ended."""
_LOGS = (METRICS, EVENTS, JOURNAL)


def died_in_a_save(tries: int, folder: Path) -> dict[str, int | None]:
    """At every call of one save, whatever `tries`: a checkpoint is whole, and nobody says else."""
    count = Count(exact=False)
    with Stage(folder) as stage:
        root = stage.stopped("base")
        step = checkpoint_folders(root / "1" / "checkpoints")[-1].name
        for number, how in _points(stage, root, "saved"):
            with stage.copy(root) as copy:
                done = stage.work("saved", folder=copy / "1", number=number, how=how)
                found, said = heard(lambda at=copy / "1" / "checkpoints": newest_checkpoint(at))
                whole = found is not None and found.folder.name.startswith(step)
                count.add(
                    f"call {number}, {how}: code {done.code}, {found and found.folder}, {said}",
                    recovered=done.code == DIED and whole,
                    said=not said and stage.status(copy) == "INTERRUPTED",
                )
    return count.told()


def died_in_a_save_and_resumed(tries: int, folder: Path) -> dict[str, int | None]:
    """At calls drawn from one save; the run goes on to the same end."""
    count = Count()
    with Stage(folder) as stage:
        root = stage.stopped("base")
        for number, how in _drawn(_points(stage, root, "saved"), min(tries, COSTLY)):
            with stage.copy(root) as copy:
                stage.work("saved", folder=copy / "1", number=number, how=how)
                done, exact = stage.goes_on(copy)
                count.add(f"call {number}, {how}", exact=exact, recovered=done, said=done)
    return count.told()


def died_in_a_resume(tries: int, folder: Path) -> dict[str, int | None]:
    """At every call that makes a folder ready: it can be made ready again, and nothing is lost."""
    count = Count(exact=False)
    with Stage(folder) as stage:
        root = _with_a_tail(stage)
        before = {name: (root / "1" / name).read_bytes() for name in _LOGS}
        names = _checkpoints(root)
        for number, how in _points(stage, root, "taken_up"):
            with stage.copy(root) as copy:
                died = stage.work("taken_up", folder=copy / "1", number=number, how=how)
                lost = stage.status(copy) in ("INTERRUPTED", "LOST")
                again = stage.work("taken_up", folder=copy / "1", number=0)
                count.add(
                    f"call {number}, {how}: {died.code}, then {again.error or again.code}",
                    recovered=died.code == DIED
                    and again.code == 0
                    and _all_there(copy, before)
                    and _checkpoints(copy) == names,
                    said=lost and all("is damaged" in text for _, text in again.said),
                )
    return count.told()


def died_anywhere(tries: int, folder: Path) -> dict[str, int | None]:
    """At a call drawn from a whole run, then at one drawn from its resume; then it goes on."""
    count = Count()
    with Stage(folder) as stage:
        calls = stage.work("dying", root=stage.fresh(), number=0).value
        for _ in range(min(tries, COSTLY)):
            root, deaths, true = stage.fresh(), [], True
            for most in (calls, calls // 3):
                number, how = random.randint(1, most), random.choice((0, HALF))
                deaths.append((number, how))
                true &= _dies_truly(stage, root, number=number, how=how)
                if stage.status(root) == "COMPLETED":
                    break
            _ends(count, stage, root, f"calls {deaths}", said=true)
    return count.told()


def died_at_its_saves(tries: int, folder: Path) -> dict[str, int | None]:
    """At calls below a run's `checkpoints`, evenly over all that it makes."""
    count = Count()
    with Stage(folder) as stage:
        calls = stage.work("dying", root=stage.fresh(), number=0, under="1/checkpoints").value
        many = min(tries, COSTLY)
        for place in range(many):
            root, number = stage.fresh(), 1 + place * (calls - 1) // max(1, many - 1)
            true = _dies_truly(stage, root, number=number, under="1/checkpoints")
            _ends(count, stage, root, f"call {number} of {calls}", said=true)
    return count.told()


def _dies_truly(stage: Stage, root: Path, **given: Any) -> bool:
    """Lets a run die; whether its status is true then."""
    done, status = stage.work("dying", root=root, **given), stage.status(root)
    # A process may also die, or come to its end, when its run is complete.
    return status == "COMPLETED" or (done.code == DIED and status in (None, "LOST"))


def _ends(count: Count, stage: Stage, root: Path, what: str, *, said: bool) -> None:
    ended = stage.status(root) == "COMPLETED"
    recovered, exact = (True, stage.ended_so(root)) if ended else stage.goes_on(root)
    count.add(what, exact=exact, recovered=recovered, said=said)


def _points(stage: Stage, root: Path, function: str) -> list[tuple[int, int]]:
    """Every call of a piece of work, and whether death comes before it or in the middle."""
    if not stage.warm.shimmed:
        print("  there is no gcc to build the shim with", file=sys.stderr)
        return []
    with stage.copy(root) as copy:
        calls = stage.work(function, folder=copy / "1", number=0).value
    return [(number, how) for how in (0, HALF) for number in range(1, calls + 1)]


def _drawn(points: list[tuple[int, int]], tries: int) -> list[tuple[int, int]]:
    return random.sample(points, min(tries, len(points)))


def _with_a_tail(stage: Stage) -> Path:
    """The runs folder of a run whose logs know more than its newest checkpoint that is whole."""
    root = stage.stopped("tail")
    newest = checkpoint_folders(root / "1" / "checkpoints")[-1]
    (newest / "state.json").write_bytes(b"{")
    return root


def _checkpoints(root: Path) -> list[str]:
    """Names of all that a run has, those of no more use too."""
    return sorted(path.parent.name for path in (root / "1").rglob("manifest.json"))


def _all_there(root: Path, before: dict[str, bytes]) -> bool:
    """Whether each log is what it was: what is still there, and what a part of the run keeps."""
    for name, content in before.items():
        kept = (root / "1" / name).read_bytes()
        rest = content[len(kept) :]
        parts = [path.read_bytes() for path in (root / "1" / "parts").glob(f"*/{name}")]
        if not content.startswith(kept) or (rest and rest not in parts):
            return False
    return True


ROWS: dict[str, Callable[[int, Path], dict[str, int | None]]] = {
    "1 trainer killed (SIGKILL) at calls swept over its saves": died_at_its_saves,
    "2 death between the system calls of a save: a checkpoint loads": died_in_a_save,
    "2 death between the system calls of a save, then resumed": died_in_a_save_and_resumed,
    "2 death between the system calls of a resume: nothing lost": died_in_a_resume,
    "2 death at any system call of a run, then of its resume": died_anywhere,
}
