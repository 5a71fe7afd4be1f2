"""Rows of worlds that fail: they raise, hang, find no memory; and of what is refused at once."""

from __future__ import annotations

import contextlib
import logging
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from _faults_stage import COSTLY, Count

import daf_nb as daf
from daf_nb.envs import EpisodeSeeds

sys.path.append(
    str(Path(__file__).resolve().parents[1])
)  # the worlds of the tests, and their table

from tests.test_bad_input import REFUSED
from tests.worlds import Counting, Failing

COPIES, TOTAL, DEADLINE = 3, 900, 0.5
SOUND = {"how": "none"}


def begin(
    root: Path, given: dict[str, Any], *, world: type[Failing] = Failing, **fields: Any
) -> daf.Run:
    """A short run in which one world may fail."""
    return daf.train(
        world,
        env_kwargs=given,
        total_timesteps=TOTAL,
        num_envs=COPIES,
        seed=0,
        device="cpu",
        torch_threads=1,
        algorithm_kwargs={"n_steps": 16, "n_epochs": 2},
        checkpoint_interval=96,
        runs_dir=root,
        observers=(),
        **fields,
    )


def ended(run: daf.Run) -> BaseException | None:
    """What the run raised."""
    try:
        run.wait()
    except daf.DafError as error:
        return error
    return None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The stacks of hanging worlds are told in the records too."""
    log = logging.getLogger("daf_nb")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def one_place(how: str) -> tuple[str, dict[str, Any]]:
    """A place at random where one episode fails: as messages say it, and as the world is told."""
    copy, episode, step = random.randrange(COPIES), random.randint(1, 20), random.randrange(7)
    seed = EpisodeSeeds(0, num_envs=COPIES)(copy, episode)
    where = f"step {step}" if step else "the reset"
    told = f"copy {copy}, episode {episode} (seed {seed}), {where}: "
    return told, {"how": how, "at": step, "every": 2**32, "rest": seed}


def stopped(tries: int, root: Path, *, how: str, said: str, **fields: Any) -> dict[str, int | None]:
    """One failure ends the run; then it is resumed in a world that is mended.

    Args:
        tries: how often.
        root: an empty folder.
        how: what the world does.
        said: what the message says of it.
        **fields: of the run; `world` is another class than `Failing`.
    """
    count, whole = Count(), begin(root / "whole", SOUND)
    whole.wait()
    for number in range(min(tries, COSTLY)):
        where, place = one_place(how)
        folder = root / str(number)
        with quiet():
            run = begin(folder, place, step_deadline=DEADLINE, **fields)
            error = ended(run)
        record = daf.load_run(run.id, runs_dir=folder)
        trace = "".join(record.fail_trace or ())
        true = record.status == run.status == "FAILED" and "in fail" in trace
        true = true and str(error).startswith(where + said)
        if how == "sleep" or said.startswith("the world did"):
            true = true and any(event["kind"] == "hang" for event in record.events)
        again = daf.resume(run.id, runs_dir=folder, world=Failing, env_kwargs=SOUND)
        again.wait()
        count.add(
            f"{how}, {where}{error}",
            exact=again.fingerprint() == whole.fingerprint(),
            recovered=again.status == "COMPLETED",
            said=true,
        )
    return count.told()


def dropped(
    tries: int, root: Path, *, how: str, said: str, every: int = 4, **fields: Any
) -> dict[str, int | None]:
    """Failures here and there are left out; the same run again is the same.

    For one that hangs, that is the run that raises in its place; with workers (`fields`), one
    without.
    """
    count = Count()
    for number in range(min(tries, COSTLY)):
        place = {"at": random.randrange(7), "every": random.randint(every, 2 * every + 1)}
        runs, errors = [], []
        for kind in ("raise", how):
            with quiet():
                run = begin(
                    root / f"{number}-{len(runs)}",
                    {**place, "how": kind},
                    on_failure="drop",
                    step_deadline=DEADLINE,
                    **(fields if runs else {}),
                )
                errors.append(ended(run))
            runs.append(run)
        records = [daf.load_run(run.id, runs_dir=run.folder.parent) for run in runs]
        journal = records[1].journal
        where = f"step {place['at']}: " if place["at"] else "the reset: "
        rows = [old for old in journal["old"] if f"), {where}{said}" in old] if len(journal) else []
        events = [event for event in records[1].events if event["kind"] == "dropped"]
        count.add(
            f"{how}, {place}, {errors}",
            exact=runs[0].fingerprint() == runs[1].fingerprint(),
            recovered=all(record.status == "COMPLETED" for record in records),
            said=len(rows) == len(journal) == len(events) > 0,
        )
    return count.told()


def refused(tries: int, root: Path) -> dict[str, int | None]:
    """Each input of the table; then a run that is in order, in the same folder."""
    count = Count(exact=False)
    for number, (case, (given, kind, words)) in enumerate(REFUSED.items()):
        folder = root / str(number)
        message = ""
        try:
            with quiet():
                given(folder)
        except kind as error:
            message = str(error)
        except Exception:
            traceback.print_exc()
        sound = daf.train(
            Counting, runs_dir=folder, total_timesteps=64, num_envs=2, seed=0, device="cpu",
            torch_threads=1, algorithm_kwargs={"n_steps": 8, "n_epochs": 1}, observers=(),
        )  # fmt: skip
        sound.wait()
        statuses = daf.list_runs(runs_dir=folder)["status"].tolist()
        count.add(
            f"{case}: {message}",
            recovered=sound.status == "COMPLETED" and not {"RUNNING", "LOST"} & {*statuses},
            said=all(word in message for word in words) and bool(message),
        )
    return count.told()


RAISED = "the world raised RuntimeError: the world broke at step"
LATE = f"the world did not come back within {DEADLINE:g} s"
_MEMORY = "the world found no more memory (MemoryError)"

ROWS: dict[str, Callable[[int, Path], dict[str, int | None]]] = {
    "5 a world raises: stop, mend, resume": partial(stopped, how="raise", said=RAISED),
    "5 a world raises: episode dropped": partial(dropped, how="raise", said=RAISED),
    "6 a world hangs in Python: stop, mend, resume": partial(stopped, how="hang", said=LATE),
    "6 a world hangs in Python: episode dropped": partial(dropped, how="hang", said=LATE),
    "6 a world hangs in C: left behind, resume": partial(
        stopped, how="sleep", said="the world hangs, and cannot be got out"
    ),
    "8 no memory left for a world: stop, resume": partial(stopped, how="memory", said=_MEMORY),
    "8 no memory left for a world: dropped": partial(dropped, how="memory", said=_MEMORY),
    "bad input refused": refused,
}
