"""What was changed, decided and learned, in words and short lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daf_nb.control.requests import shown
from daf_nb.notebook.source import Source
from daf_nb.notebook.state import figure, one_line

__all__ = ["change", "curriculum_line", "decision_line", "digest", "journal_line", "rate", "why"]

_ARROW = "\N{RIGHTWARDS ARROW}"
_LATEST = 5
"""Rows that a digest has room for."""


def change(row: Mapping[str, Any]) -> str:
    """Of a row of the journal: from what to what."""
    old, new = (one_line(shown(row.get(side)), limit=60) for side in ("old", "new"))
    return f"{old} {_ARROW} {new}"


def why(row: Mapping[str, Any]) -> str:
    """Of a row of the journal: what caused it; empty where nothing is known."""
    parts = []
    if row.get("undoes") is not None:
        parts.append(f"takes back no. {one_line(str(row['undoes']))}")
    because = row.get("because")
    if isinstance(because, Mapping):
        parts += [f"{name} {shown(value)}" for name, value in because.items() if value is not None]
    return one_line(", ".join(parts), limit=160)


def journal_line(row: Mapping[str, Any]) -> str:
    """A row of the journal on one line."""
    step = row.get("step")
    at = f"step {step:,}" if isinstance(step, int) else "some step"
    return f"{at}: {one_line(str(row.get('name')))} {change(row)} by {one_line(str(row.get('by')))}"


def decision_line(row: Mapping[str, Any]) -> str:
    """A decision of the adaptive controller on one line."""
    said = [row.get("rule"), row.get("action"), row.get("state")]
    return ": ".join(one_line(str(part)) for part in said)


def rate(stats: Mapping[str, Any]) -> str:
    """Of a task or a curriculum: success with its interval; empty where nothing is known."""
    success = stats.get("success")
    if not isinstance(success, int | float):
        return ""
    interval = stats.get("interval")
    around = f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
    return f"{success:.2f}{around}"


def curriculum_line(stats: Mapping[str, Any]) -> str:
    """A curriculum as one sentence."""
    parts = [one_line(str(stats.get("strategy") or "default strategy"))]
    if isinstance(stats.get("difficulty"), int | float):
        parts.append(f"difficulty {figure(stats['difficulty'])}")
    if isinstance(stats.get("avg_performance"), int | float):
        parts.append(f"recent success {stats['avg_performance']:.2f}")
    tasks = stats.get("tasks") or {}
    parts.append(f"{len(tasks):,} task{'s' if len(tasks) != 1 else ''}")
    if stats.get("episodes") is not None:
        parts.append(f"{stats['episodes']:,.0f} episodes")
    if stats.get("task") is not None:
        parts.append(f"only {one_line(str(stats['task']))} is played")
    if stats.get("hold"):
        parts.append("held still")
    if stats.get("stagnation"):
        parts.append(f"stagnates: {one_line(str(stats['stagnation']), limit=200)}")
    elif stats.get("adaptation_needed"):
        parts.append("outside of its band of success")
    return ", ".join(parts)


def digest(source: Source) -> dict[str, list[str]]:
    """Curriculum, journal and open proposals in short: heading -> lines; without what is empty."""
    told: dict[str, list[str]] = {}
    if source.has_curriculum:
        told["curriculum"] = [curriculum_line(source.curriculum_stats())]
    count, rows = source.journal(_LATEST)
    if rows:
        heading = "journal" if count == len(rows) else f"journal, newest of {count:,}"
        told[heading] = [journal_line(row) for row in rows]
    _, decisions = source.decisions(50)
    open_ones = [row for row in decisions if row.get("state") == "proposed"]
    if open_ones:
        told["proposals"] = [decision_line(row) for row in open_ones[:_LATEST]]
    return told
