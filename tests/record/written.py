"""Runs' folders written as data, many in little time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from daf_nb.record.document import queued_document
from daf_nb.record.plain import dumps
from daf_nb.record.source import Source

MOMENT = "2026-01-01T00:00:00"


def write_run(
    root: Path,
    number: int,
    *,
    rows: Iterable[tuple[int, Mapping[str, Any]]] = (),
    spec: Mapping[str, Any] | None = None,
    status: str = "COMPLETED",
    name: str = "written",
    journal: Iterable[Mapping[str, Any]] = (),
    facts: Mapping[str, Any] | None = None,
    ours: Mapping[str, Any] | None = None,
) -> Path:
    """A run's folder with these rows of (step, metrics)."""
    folder = root / str(number)
    folder.mkdir(parents=True)
    spec = {"world": "toy", "seed": number, **(spec or {})}
    source = Source(kind="script", text="train()\n", name="train.py")
    document = queued_document(name=name, tags=[], spec=spec, source=source)
    document |= {"status": status, "start_time": MOMENT, "stop_time": MOMENT, "heartbeat": MOMENT}
    document["daf_nb"] |= dict(ours or {})
    (folder / "run.json").write_text(dumps(document))
    (folder / "config.json").write_text(dumps(spec))
    (folder / "source.py").write_text(source.text)
    (folder / "metrics.jsonl").write_text(metric_lines(rows))
    (folder / "journal.jsonl").write_text("".join(dumps(row) + "\n" for row in journal))
    if facts is not None:
        (folder / "facts.json").write_text(dumps(facts))
    return folder


def metric_lines(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> str:
    """The text of a `metrics.jsonl`."""
    lines = [{"step": step, "time": 0.5, "values": dict(values)} for step, values in rows]
    return "".join(dumps(line) + "\n" for line in lines)


def change(document: Path, **keys: Any) -> None:
    """Rewrites keys of a JSON file."""
    document.write_text(json.dumps({**json.loads(document.read_text()), **keys}))
