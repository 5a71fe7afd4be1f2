"""Whether a folder holds what was written to it: asked once, before a run may say COMPLETED."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from daf_nb.record.files import read_json, read_lines, sync, write_atomic
from daf_nb.record.output import OUTPUT
from daf_nb.record.plain import json_bytes
from daf_nb.record.series import EVENTS, JOURNAL, METRICS, TAPES, parse_metrics, sacred_metrics

__all__ = ["prove_folder"]


def prove_folder(folder: Path, *, rows: Mapping[str, int], output: int) -> list[str]:
    """Reads back the files of a run that is ending, and writes its `metrics.json` from its log.

    Args:
        folder: the run's folder.
        rows: how many lines were given to each log.
        output: how many bytes were given to `cout.txt`.

    Returns:
        What is missing or broken, a sentence each. Empty: everything is on the disk.
    """
    proofs: dict[str, Callable[[], object]] = {
        METRICS: partial(_prove_metrics, folder, rows[METRICS]),
        EVENTS: partial(_prove_log, folder / EVENTS, rows[EVENTS]),
        JOURNAL: partial(_prove_log, folder / JOURNAL, rows[JOURNAL]),
        TAPES: partial(_prove_log, folder / TAPES, rows[TAPES]),
        OUTPUT: partial(_prove_size, folder / OUTPUT, output),
        "config.json": partial(read_json, folder / "config.json"),
    }
    problems: list[str] = []
    for name, proof in proofs.items():
        try:
            proof()
        except Exception as error:
            problems.append(f"{name}: {error}")
    return problems


def _prove_log(path: Path, expected: int) -> None:
    for _ in _proven(path, expected, lambda row: row):
        pass


def _prove_size(path: Path, expected: int) -> None:
    sync(path)
    found = path.stat().st_size
    if found != expected:
        raise ValueError(f"{found} of {expected} bytes are there")


def _prove_metrics(folder: Path, expected: int) -> None:
    path = folder / "metrics.json"
    data = json_bytes(sacred_metrics(_proven(folder / METRICS, expected, parse_metrics)))
    write_atomic(path, data)
    if path.stat().st_size != len(data):
        raise OSError("metrics.json does not hold what was written")


def _proven(path: Path, expected: int, parse: Callable[[Any], Any]) -> Iterator[Any]:
    """The rows of a log that is on the disk itself; an error unless they are that many."""
    sync(path)
    found = 0
    for row in read_lines(path, parse):
        found += 1
        yield row
    if found != expected:
        raise ValueError(f"{found} of {expected} lines are there")
