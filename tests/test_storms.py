"""More slider moves than a run has boundaries: the newest count, and the journal tells all."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import daf_nb as daf
from tests.test_session import TINY

BOUNDS = {"learning_rate": (1e-5, 1e-2), "ent_coef": (0.0, 0.1), "clip_range": (0.05, 0.4)}
INVALID: tuple[tuple[str, Any], ...] = (
    ("learning_rate", float("nan")),
    ("clip_range", -3.0),
    ("ent_coef", "much"),
    ("nob", 1),
)


def blow(run: daf.Run, *, moves: int, threads: int = 4) -> tuple[dict[str, Any], int]:
    """Moves knobs from several threads; what was asked for last, and how many were refused."""
    lock, last, refused = threading.Lock(), dict[str, Any](), [0]

    def one(number: int) -> None:
        chance = random.Random(number)
        for move in range(moves // threads):
            if move % 10 == 9:
                try:
                    run.controls.set(*chance.choice(INVALID), by="panel")
                except daf.ConfigError:
                    with lock:
                        refused[0] += 1
                continue
            name = chance.choice(list(BOUNDS))
            with lock:
                last[name] = run.controls.set(name, chance.uniform(*BOUNDS[name]), by="panel").value

    workers = [threading.Thread(target=one, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return last, refused[0]


def test_a_storm_while_a_run_saves_is_bounded_and_can_be_played_again(tmp_path: Path):
    run = daf.train(
        "tests.worlds:Counting",
        runs_dir=tmp_path,
        observers=(),
        **{**TINY, "total_timesteps": 10**8, "torch_threads": 1, "device": "cpu"},
    )
    while run.step < 200:
        time.sleep(0.01)
    over = threading.Event()

    def save() -> None:
        while not over.is_set():
            run.checkpoint()

    saver = threading.Thread(target=save)
    saver.start()
    last, refused = blow(run, moves=4_000)
    over.set()
    saver.join()
    while run.controls.pending:
        time.sleep(0.01)
    assert refused == 400
    assert {name: run.controls[name] for name in last} == last
    run.stop()
    run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path)
    journal, boundaries = record.journal, [0, *record.metrics.index]
    assert set(journal["step"]) <= set(boundaries)
    # A knob changes once at a boundary, or at each time that a boundary answers.
    assert len(last) <= len(journal) < 4_000 / 4
    assert set(journal["by"]) == {"panel"}
    assert daf.reproduce(run.id, runs_dir=tmp_path, trust=True).identical
