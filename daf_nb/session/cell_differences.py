"""Two records of one cell beside each other: where they first differ, and in what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from daf_nb.errors import RecordError
from daf_nb.record import RunRecord, load_run
from daf_nb.record.files import read_regular
from daf_nb.session.differences import Difference, boundaries, training_difference
from daf_nb.session.settled import settled

__all__ = ["STOPPED", "cell_difference", "children_of"]

STOPPED = ("INTERRUPTED", "LOST")
"""How a run ends that would have gone on: only what it came to is compared."""
_ADDRESS = re.compile(r"(?<=\bat )0x[0-9a-fA-F]+")
_LONGEST = 200
"""Letters of a line that are told."""


@dataclass(frozen=True)
class _Same:
    """What is the same in two records, though it is written otherwise.

    Attributes:
        numbers: of a run then -> of the run in its place.
        folder: what the folder of all runs is called.
    """

    numbers: Mapping[int, int]
    folder: str

    def text(self, text: str, *, then: bool) -> str:
        """Without memory addresses; a run's number, of then, is that of the run in its place."""

        def number(found: re.Match[str]) -> str:
            told = found[0]
            return str(self.numbers.get(int(told), told)) if then and len(told) < 16 else told

        runs = rf"(?<=\b[Rr]un )\d+\b|(?<={re.escape(self.folder)}/)\d+\b"
        return re.sub(runs, number, _ADDRESS.sub("0x…", text))


def cell_difference(was: RunRecord, now: RunRecord) -> Difference | None:
    """The first in which two records of a cell differ; None for nothing.

    Of one that was stopped, all that it came to must be there again; more may be.
    """
    numbers = dict(zip((was.id, *was.children), (now.id, *now.children), strict=False))
    same = _Same(numbers, was.folder.parent.name)
    return next((found for found in _differences(was, now, same) if found is not None), None)


def children_of(record: RunRecord) -> list[RunRecord]:
    """The runs that belong to an experiment, those that can be read."""
    found = []
    for number in record.children:
        try:
            found.append(load_run(number, runs_dir=record.folder.parent))
        except RecordError:
            continue
    return found


def _differences(was: RunRecord, now: RunRecord, same: _Same) -> Iterator[Difference | None]:
    partly = was.status in STOPPED
    yield _specs_differ(was, now)
    mine, its = children_of(was), children_of(now)
    if len(its) < len(mine) or (len(its) > len(mine) and not partly):
        yield _one("training", "runs inside", len(mine), len(its))
    for child, again in zip(mine, its, strict=False):
        yield _child_differs(child, again)
    yield _outputs_differ(was, now, same, partly)
    yield _metrics_differ(was, now, partly)
    yield _figures_differ(was, now, partly)
    if was.status == now.status or not partly or now.status == "FAILED":
        yield from _ends_differ(was, now, same)


def _specs_differ(was: RunRecord, now: RunRecord) -> Difference | None:
    old, new = was.config, now.config
    chosen = settled(was) if was.kind == "training" else {}  # by timing then, and given now
    values = {
        name: (_told(old.get(name)), _told(new.get(name)))
        for name in sorted({*old, *new} - chosen.keys())
        if _told(old.get(name)) != _told(new.get(name))
    }
    return Difference("spec", step=None, values=values) if values else None


def _child_differs(was: RunRecord, now: RunRecord) -> Difference | None:
    if was.kind == "experiment":
        found = cell_difference(was, now)
    else:
        found = _specs_differ(was, now) or _training_differs(was, now)
    if found is None:
        return None
    return Difference(found.what, found.step, found.values, run=found.run or was.id)


def _training_differs(was: RunRecord, now: RunRecord) -> Difference | None:
    mine, its = boundaries(was), boundaries(now)
    last = (mine[-1] if mine else 0, its[-1] if its else 0)
    found = training_difference(was, now, min(last)) if min(last) else None
    if found is None and last[0] != last[1]:
        return _one("status", "last update", *last)
    return found


def _outputs_differ(was: RunRecord, now: RunRecord, same: _Same, partly: bool) -> Difference | None:
    old, new = was.output.splitlines(), now.output.splitlines()
    for place in range(max(len(old), len(new)) if not partly else len(old)):
        mine, its = _line(old, place, same, then=True), _line(new, place, same, then=False)
        cut = partly and place == len(old) - 1
        if mine != its and not (cut and its is not None and its.startswith(mine or "")):
            shown = [lines[place] if place < len(lines) else None for lines in (old, new)]
            return _one("output", f"line {place + 1}", *map(_told, shown))
    return None


def _line(lines: list[str], place: int, same: _Same, *, then: bool) -> str | None:
    return same.text(lines[place], then=then) if place < len(lines) else None


def _metrics_differ(was: RunRecord, now: RunRecord, partly: bool) -> Difference | None:
    old, new = was.metrics, now.metrics
    names = sorted(old.columns if partly else {*old.columns, *new.columns})
    steps = old.index if partly else sorted({*old.index, *new.index})
    mine, its = (
        table.reindex(index=steps, columns=names).to_numpy(dtype=float) for table in (old, new)
    )
    same = (mine == its) | np.isnan(mine) if partly else (mine == its)
    differs = ~(same | (np.isnan(mine) & np.isnan(its)))
    rows = np.flatnonzero(differs.any(axis=1))
    if not len(rows):
        return None
    row = int(rows[0])
    values = {names[c]: (mine[row, c], its[row, c]) for c in np.flatnonzero(differs[row])}
    return Difference("metric", step=int(steps[row]), values=values)


def _figures_differ(was: RunRecord, now: RunRecord, partly: bool) -> Difference | None:
    old, new = was.figures, now.figures
    if len(new) < len(old) or (len(new) > len(old) and not partly):
        return _one("figure", "figures", len(old), len(new))
    for mine, its in zip(old, new, strict=False):
        # An SVG has dates and random names in it.
        drawn = mine.suffix == its.suffix == ".svg" or read_regular(mine) == read_regular(its)
        if not drawn:
            return _one("figure", mine.name, "as recorded", "drawn otherwise")
    return None


def _ends_differ(was: RunRecord, now: RunRecord, same: _Same) -> Iterator[Difference | None]:
    if was.status != now.status:
        told = [_told(f"{one.status} {_raised(one.fail_trace)}".strip()) for one in (was, now)]
        yield _one("status", "it ended", *told)
    if was.status == "FAILED":
        old, new = _raised(was.fail_trace), _raised(now.fail_trace)
        if same.text(old, then=True) != same.text(new, then=False):
            yield _one("error", "it raised", _told(old), _told(new))
    elif was.status == "COMPLETED" and not _same_result(was.result, now.result, same):
        yield _one("result", "result", _told(was.result), _told(now.result))


def _raised(trace: str) -> str:
    """The end of a traceback: type and message."""
    lines = trace.strip().splitlines()
    begins = [place for place, line in enumerate(lines) if line.startswith((" ", "Traceback"))]
    return "\n".join(lines[begins[-1] + 1 :] if begins else lines)


def _same_result(old: Any, new: Any, same: _Same) -> bool:
    if type(old) is int and type(new) is int and same.numbers.get(old) == new:
        return True  # the number of a run inside
    return same.text(json.dumps(old), then=True) == same.text(json.dumps(new), then=False)


def _one(what: str, name: str, was: Any, now: Any) -> Difference:
    return Difference(what, step=None, values={name: (was, now)})


def _told(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
