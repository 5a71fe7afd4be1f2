"""Storms of slider moves from several threads, invalid ones among them, and while a run saves."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import _faults_points as points
from _faults_stage import Count

import daf_nb as daf

__all__ = ["ROWS", "Storm"]

MOVES, SECONDS, THREADS = 10_000, 1.0, 4
FREEZE = 0.2
"""Seconds that neither the training nor the kernel may stand still for."""
_BOUNDS = {"learning_rate": (1e-5, 1e-2), "ent_coef": (0.0, 0.1), "clip_range": (0.05, 0.4)}
_INVALID = (("learning_rate", float("nan")), ("clip_range", -3.0), ("ent_coef", "much"), ("nob", 1))


class Beating(points.Paced):
    """Says when it was stepped."""

    steps: list[float] = []  # noqa: RUF012 - of all copies, in the training thread

    def step(self, actions: Any) -> Any:
        Beating.steps.append(time.perf_counter())
        return super().step(actions)


class Storm:
    """So many moves, from several threads, spread over a time.

    Args:
        run: whose knobs are moved.
        moves: how many, in all.
        seconds: in which.

    Attributes:
        asked: valid moves.
        refused: invalid ones that were refused, as they must be.
        last: knob -> the value that was asked for last.
        slowest: seconds that one move took.
    """

    def __init__(self, run: daf.Run, *, moves: int = MOVES, seconds: float = SECONDS) -> None:
        self.asked = self.refused = 0
        self.slowest = 0.0
        self.last: dict[str, float] = {}
        self._run, self._moves, self._seconds = run, moves, seconds
        self._lock = threading.Lock()

    def blow(self) -> float:
        """All of them; seconds that it took."""
        began = time.perf_counter()
        threads = [threading.Thread(target=self._one, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - began

    def _one(self, number: int) -> None:
        chance, began, share = random.Random(number), time.perf_counter(), self._moves // THREADS
        for move in range(share):
            if move % 50 == 49:
                self._refused(*chance.choice(_INVALID))
                continue
            name = chance.choice(list(_BOUNDS))
            value = chance.uniform(*_BOUNDS[name])
            with self._lock:  # so that the last one is known
                at = time.perf_counter()
                self._run.controls.set(name, value, by=f"panel {number}")
                self.slowest = max(self.slowest, time.perf_counter() - at)
                self.last[name] = value
                self.asked += 1
            ahead = began + self._seconds * move / share - time.perf_counter()
            if ahead > 0:
                time.sleep(ahead)

    def _refused(self, name: str, value: Any) -> None:
        try:
            self._run.controls.set(name, value, by="panel")
        except daf.ConfigError:
            with self._lock:
                self.refused += 1


def storms(tries: int, folder: Path) -> dict[str, int | None]:
    """A storm each, every other while the run saves; the journal makes the run again."""
    count = Count()
    for number in range(tries):
        _one(count, folder / str(number), saving=number % 2 == 1)
    return count.told()


def _one(count: Count, root: Path, *, saving: bool) -> None:
    run = daf.train(
        "_faults_storms:Beating",
        policy=points.Standing,
        runs_dir=root,
        observers=(),
        **points.fields(
            total_timesteps=10**9,
            evaluation_interval=None,
            torch_threads=1,
            algorithm_kwargs={"n_steps": 16, "n_epochs": 1},
        ),
    )
    while run.step < 1_000:
        time.sleep(0.005)
    calm = _longest(Beating.steps[-800:])
    Beating.steps.clear()
    storm, kernel, over = Storm(run), list[float](), threading.Event()
    heart = threading.Thread(target=_beat, args=(kernel, over))
    heart.start()
    if saving:
        threading.Thread(target=_save, args=(run, over), daemon=True).start()
    seconds = storm.blow()
    over.set()
    heart.join()
    for name in storm.last:
        while name in run.controls.pending:
            time.sleep(0.005)
    stall, frozen = _longest(Beating.steps), _longest(kernel)
    held = {name: run.controls[name] for name in storm.last} == storm.last
    run.stop()
    run.wait()
    record = daf.load_run(run.id, runs_dir=root)
    metrics, journal = record.metrics, record.journal
    bounded = len(journal) <= len(_BOUNDS) * (len(metrics) + 1)
    at_boundaries = set(journal["step"]) <= {0, *metrics.index}
    again = daf.reproduce(run.id, runs_dir=root, trust=True)
    what = (
        f"{storm.asked:,} moves and {storm.refused} refused in {seconds:.2f} s, saving {saving}: "
        f"{len(journal)} rows over {len(metrics)} boundaries; longest from step to step "
        f"{stall * 1e3:.0f} ms (calm: {calm * 1e3:.0f}), in the kernel {frozen * 1e3:.0f} ms, "
        f"a move {storm.slowest * 1e3:.0f} ms"
    )
    print(f"  {what}", flush=True)
    whole = storm.asked + storm.refused == MOVES
    count.add(
        what,
        exact=again.identical,
        recovered=held and whole and max(stall, frozen) < FREEZE,
        said=bounded and at_boundaries,
    )


def _beat(times: list[float], over: threading.Event) -> None:
    """What a kernel's own loop would notice."""
    while not over.wait(0.005):
        times.append(time.perf_counter())


def _save(run: daf.Run, over: threading.Event) -> None:
    while not over.is_set():
        run.checkpoint()


def _longest(times: list[float]) -> float:
    return max((later - one for one, later in pairwise(times)), default=0.0)


Row = Callable[[int, Path], dict[str, int | None]]
ROWS: dict[str, Row] = {"16 a storm of slider moves": storms}
