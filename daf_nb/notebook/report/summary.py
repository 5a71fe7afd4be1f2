"""The head of a report: what the run is, how it ended, and what went wrong."""

from __future__ import annotations

import math
from typing import Any

from daf_nb.notebook.report.blocks import Code, Pairs, Prose, Section
from daf_nb.notebook.report.material import Material
from daf_nb.notebook.report.texts import compact, lasted, lines, moment, number

__all__ = ["failure", "summary", "summary_rows"]

MOST_TRACE = 300
"""Lines of a traceback."""


def summary(material: Material) -> Section:
    """Status, when, how long, steps, returns, success, and the rest of what a run is told by."""
    blocks: list[Any] = [Pairs(summary_rows(material))]
    blocks += [Prose(said, "warn") for said in _short_of(material)]
    return Section("Summary", blocks)


def summary_rows(material: Material) -> list[tuple[str, str]]:
    """What a run is told by, as names and texts; what it does not say is left out."""
    ours, document = material.ours, material.document
    tags, children = ours.get("tags"), ours.get("children")
    host = document.get("host")
    rows = [
        ("status", material.status),
        ("name", material.name),
        ("kind", _text(ours.get("kind"))),
        ("started", moment(material.started)),
        ("lasted", lasted(material.seconds)),
        ("steps", _steps(material)),
        ("last return", number(_number(ours.get("return_last")))),
        ("best return", number(_number(ours.get("return_best")))),
        ("success", number(_success(material))),
        ("result", _result(material)),
        ("world", _text(ours.get("world"))),
        ("seed", _text(ours.get("seed"))),
        ("tags", ", ".join(map(str, tags)) if isinstance(tags, list) else ""),
        ("host", _text(host.get("hostname") if isinstance(host, dict) else None)),
        ("parent", f"run {_text(ours['parent'])}" if ours.get("parent") is not None else ""),
        ("children", _runs(children)),
    ]
    return [(name, text) for name, text in rows if text]


def failure(material: Material) -> Section:
    """The traceback of a run that failed; without blocks where there is none."""
    trace = material.document.get("fail_trace")
    text = "".join(map(str, trace)) if isinstance(trace, list) else _text(trace)
    if not text.strip():
        return Section("Failure", ())
    return Section("Failure", [Code("What it raised", lines(text, most=MOST_TRACE, tail=True))])


def _short_of(material: Material) -> list[str]:
    """What keeps this report from being that of a whole run that ended well."""
    said = {
        "LOST": "Its process is gone without a word; what it had recorded by then is told here.",
        "UNREADABLE": "Its run.json cannot be read; what else is in its folder is told here.",
        "QUEUED": "It has not started.",
        "RUNNING": "It was still running when this was written.",
        "PAUSED": "It was paused when this was written.",
        "INTERRUPTED": "It was stopped before its end.",
    }
    found = [said[material.status]] if material.status in said else []
    incomplete = material.ours.get("incomplete")
    if isinstance(incomplete, list) and incomplete:
        found.append(f"Its record is not whole: {'; '.join(map(_text, incomplete))}.")
    return found


def _steps(material: Material) -> str:
    steps = material.ours.get("steps")
    count = steps if isinstance(steps, int) else material.steps
    if not count and not material.total:
        return ""
    return f"{count:,} of {material.total:,}" if material.total else number(count)


def _success(material: Material) -> float | None:
    """As recorded; of older records, from their metrics."""
    told = _number(material.ours.get("success"))
    if told is not None:
        return told
    newest = material.history.newest
    rate = newest("rollout/success_rate")
    return newest("rollout/success") if rate is None else rate


def _result(material: Material) -> str:
    """What an experiment returned; that of a training is told by the rows above."""
    trained = "total_timesteps" in material.config
    return "" if trained else _text(material.document.get("result"))


def _runs(numbers: Any) -> str:
    return ", ".join(f"run {_text(one)}" for one in numbers) if isinstance(numbers, list) else ""


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:
    return "" if value is None else compact(value)
