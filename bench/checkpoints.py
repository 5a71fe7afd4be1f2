"""What tapes and checkpoints cost a run: processor time, how long training stands still, disk.

simple_spread with 8 copies and two layers of 64. Tapes are recorded at every step, and some are
kept; the state is held at boundaries, for a stop in the middle, and taken for a checkpoint, both in
the training thread; it is written beside it. Shares are of the processor time of the whole process,
counted where it is spent, so that they hold on a busy machine too; so does the time that training
stands still, which is told in processor time beside that of the clock. Python's garbage collector
passes through all objects now and then, wherever a thread stands: its passes are left out, and the
longest is told apart.
"""

from __future__ import annotations

import argparse
import functools
import gc
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _common import table

import daf_nb as daf
from daf_nb.envs.taping import Taping
from daf_nb.learn.footing import Footing
from daf_nb.record.checkpoints import taking
from daf_nb.record.checkpoints.taking import Checkpointing
from daf_nb.record.tapes.keeping import TapeKeeping
from daf_nb.record.tapes.writing import TapeFiles

_COLUMNS = (
    *("run", "checkpoint every", "CPU us/agent-step", "tapes", "held", "taken", "written"),
    *(
        "all",
        "all, were it alone",
        "stops",
        "longest stop, CPU ms",
        "longest stop, ms",
        "longest pass of the collector, ms",
        "one written, CPU ms",
        "checkpoints, MB",
        "tapes, MB",
        "the record, MB",
    ),
)


class Collector(threading.local):
    """Times the garbage collector's passes in this thread: its seconds, and those of the clock."""

    cpu = wall = 0.0
    longest = 0.0
    """Of all threads."""
    _began = 0.0, 0.0

    def __call__(self, phase: str, _: dict[str, int]) -> None:
        """Python calls it at each end of a pass."""
        now = time.thread_time(), time.perf_counter()
        if phase == "start":
            self._began = now
            return
        self.cpu += now[0] - self._began[0]
        self.wall += now[1] - self._began[1]
        Collector.longest = max(Collector.longest, now[1] - self._began[1])


COLLECTOR = Collector()


@dataclass
class Spent:
    """In the calls of some methods: seconds of their threads, and of the clock."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def watch(self, owner: type, name: str) -> None:
        """Counts what a method takes from now on."""
        plain = getattr(owner, name)

        @functools.wraps(plain)
        def timed(*given: Any, **named: Any) -> Any:
            began, at = time.thread_time() - COLLECTOR.cpu, time.perf_counter() - COLLECTOR.wall
            try:
                return plain(*given, **named)
            finally:
                self.cpu.append(time.thread_time() - COLLECTOR.cpu - began)
                self.wall.append(time.perf_counter() - COLLECTOR.wall - at)

        setattr(owner, name, timed)


def curriculum() -> dict[str, Any]:
    """Five tasks, and a log of outcomes that is full."""
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="learnability"))
    for place in range(5):
        kwargs = {"max_cycles": 21 + place}
        manager.add_task(f"task {place}", difficulty=place / 5, env_kwargs=kwargs)
    log = manager.teacher.log
    assert log is not None, "slices are analysed by default"
    for number in range(20_000):
        task = number % 5
        values = {"task": f"task {task}", "difficulty": task / 5, "max_cycles": 21 + task}
        log.add(values, (number * 0.618) % 1.0)
    return {"curriculum": manager, "success": (-60.0, 0.0)}


def train(root: Path, steps: int, spent: dict[str, Spent], **more: Any) -> tuple[float, float]:
    """Trains; the processor time that it takes, and that of the clock, in seconds."""
    for each in spent.values():
        each.cpu.clear()
        each.wall.clear()
    gc.collect()
    Collector.longest = 0.0
    began, at = time.process_time(), time.perf_counter()
    run = daf.train(
        "mpe2.simple_spread_v3",
        total_timesteps=steps,
        num_envs=8,
        seed=0,
        device="cpu",
        torch_threads=1,
        runs_dir=root,
        observers=(),
        **more,
    )
    run.wait()
    return time.process_time() - began, time.perf_counter() - at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400_000)
    given = parser.parse_args()
    spent = {name: Spent() for name in ("tapes", "held", "taken", "written")}
    tapes = {
        Taping: ("before_step", "after_step", "begin"),
        TapeKeeping: ("ended", "evaluated", "_on_event"),
        TapeFiles: ("_write", "_remove"),
    }
    for owner, names in tapes.items():
        for name in names:
            spent["tapes"].watch(owner, name)
    spent["held"].watch(Footing, "leave")
    spent["taken"].watch(Checkpointing, "take")
    spent["written"].watch(Checkpointing, "_write")
    gc.callbacks.append(COLLECTOR)
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for name, more in (("plain", dict), ("full curriculum", curriculum)):
            for said, every in (("10 s, the default", taking.EVERY), ("update", 0.0)):
                taking.EVERY, before = every, taking.EVERY
                root = Path(temporary) / f"{name} {said}"
                cpu, wall = train(root, given.steps, spent, **more())
                taking.EVERY = before
                rows.append([name, said, *_told(root, cpu, wall, given.steps, spent)])
    print(table(_COLUMNS, rows))


def _told(root: Path, cpu: float, wall: float, steps: int, spent: dict[str, Spent]) -> list[str]:
    shares = {name: sum(each.cpu) / cpu for name, each in spent.items()}
    tapes, every = shares["tapes"], sum(shares.values())
    # States are taken by the clock: the more others compute beside it, the more of them in a step.
    alone = tapes + (every - tapes) * min(1.0, cpu / wall)
    stops, written = spent["taken"], spent["written"]
    stops = Spent(stops.cpu + spent["held"].cpu, stops.wall + spent["held"].wall)
    folder = root / "1"
    sizes = [
        sum(path.stat().st_size for path in found if path.is_file())
        for found in (
            folder.glob("checkpoints/**/*"),
            [folder / "tapes.jsonl", *folder.glob("tapes/**/*")],
            folder.rglob("*"),
        )
    ]
    return [
        f"{cpu / steps * 1e6:.1f}",
        *(f"{share:.2%}" for share in (*shares.values(), every, alone)),
        str(len(spent["taken"].cpu)),
        f"{max(stops.cpu) * 1e3:.1f}",
        f"{max(stops.wall) * 1e3:.1f}",
        f"{Collector.longest * 1e3:.1f}",
        f"{max(written.cpu) * 1e3:.1f}",
        *(f"{size / 1e6:.2f}" for size in sizes),
    ]


if __name__ == "__main__":
    main()
