"""Folders of runs for `records.py`, written as the recorder and as Sacred write them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daf_nb.record.document import queued_document
from daf_nb.record.source import Source

_MOMENT = "2026-01-01T00:00:00"
_RETURN = "rollout/return_mean"


def make_all(root: Path, *, runs: int, points: int) -> None:
    """Every folder that is measured; named after what is done with it."""
    print(f"writing {runs} runs and 3 of {points} points", file=sys.stderr, flush=True)
    generator = np.random.default_rng(0)
    row = {_RETURN: generator.normal(size=1)}
    for number in range(1, runs + 1):
        make_run(root / "list", number, steps=[0], columns=row)
    names = [_RETURN, *(f"train/metric_{place}" for place in range(49))]
    many = {name: generator.normal(size=points // 50) for name in names}
    make_run(root / "load 50 metrics", 1, steps=range(0, 1024 * (points // 50), 1024), columns=many)
    one = {_RETURN: generator.normal(size=points)}
    make_run(root / "load 1 metric", 1, steps=range(points), columns=one)
    make_run(root / "load Sacred's", 1, steps=range(points), columns=one)
    (root / "load Sacred's" / "1" / "metrics.jsonl").unlink()
    for number in range(1, 21):
        columns = {name: generator.normal(size=400).cumsum() for name in names}
        rate = 0.001 if number <= 10 else 0.0003
        make_run(
            root / "compare 2 x 10",
            number,
            steps=range(0, 400 * 4096, 4096),
            columns=columns,
            spec={"algorithm_kwargs": {"learning_rate": rate}},
        )


def make_run(
    root: Path,
    number: int,
    *,
    steps: Sequence[int],
    columns: Mapping[str, NDArray[np.float64]],
    spec: Mapping[str, Any] | None = None,
) -> None:
    """One completed run with its log and with Sacred's `metrics.json`, no point left out."""
    folder = root / str(number)
    folder.mkdir(parents=True)
    told = {"world": "mpe2.simple_spread_v3", "seed": number, **(spec or {})}
    source = Source(kind="cell", text="run = daf.train()\n", name="cell")
    document = queued_document(name=f"run {number}", tags=["bench"], spec=told, source=source)
    moments = dict.fromkeys(("start_time", "stop_time", "heartbeat"), _MOMENT)
    document |= {"status": "COMPLETED", **moments}
    document["daf_nb"] |= {"steps": steps[-1], "return_last": 1.0, "return_best": 2.0}
    (folder / "run.json").write_text(json.dumps(document, indent=2))
    (folder / "config.json").write_text(json.dumps(told, indent=2))
    values = {name: column.tolist() for name, column in columns.items()}
    with (folder / "metrics.jsonl").open("w") as log:
        for place, step in enumerate(steps):
            row = {name: column[place] for name, column in values.items()}
            log.write(json.dumps({"step": step, "time": 1.7e9 + place, "values": row}) + "\n")
    series = {
        name: {"steps": list(steps), "timestamps": [_MOMENT] * len(steps), "values": column}
        for name, column in values.items()
    }
    (folder / "metrics.json").write_text(json.dumps(series, indent=2))
