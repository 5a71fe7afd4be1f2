"""What changed a run from outside, and what rules decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daf_nb.control.requests import shown
from daf_nb.notebook.panels.bands import band_words
from daf_nb.notebook.report.blocks import Section, Table
from daf_nb.notebook.report.material import Material
from daf_nb.notebook.report.texts import clip, ends, number, plural
from daf_nb.notebook.words import why

__all__ = ["decisions", "journal"]

MOST = 200
"""Rows of a table."""


def journal(material: Material) -> Section:
    """The journal as a table; without blocks where nothing was changed."""
    every = material.journal
    if not every:
        return Section("Journal", ())
    kept, left = ends(every, MOST)
    rows = [
        [
            number(row["step"]),
            str(row["name"]),
            shown(row["old"]),
            shown(row["new"]),
            str(row["by"]),
            why({key: value for key, value in row.items() if value is not None}),
        ]
        for row in kept
    ]
    columns = ("Step", "What", "From", "To", "By", "Why")
    caption = f"{plural(len(every), 'change')} from outside{left}"
    return Section("Journal", [Table(caption, columns, rows, frozenset({0, 2, 3}))])


def decisions(material: Material) -> Section:
    """What the adaptive controller decided; without blocks where it did nothing."""
    made: dict[Any, Mapping[str, Any]] = {}
    for place, event in enumerate(material.events_of("decision")):
        # A later one of the same number says what became of it.
        made[str(event["data"].get("number", f"at {place}"))] = event["data"]
    if not made:
        return Section("Adaptive decisions", ())
    kept, left = ends(list(made.values()), MOST)
    columns = ("Step", "Rule", "Because", "Action", "State")
    caption = f"{plural(len(made), 'decision')}{left}"
    table = Table(caption, columns, [_decision(row) for row in kept], frozenset({0}))
    return Section("Adaptive decisions", [table])


def _decision(row: Mapping[str, Any]) -> list[str]:
    rule, by, state = (str(row.get(name, "")) for name in ("rule", "by", "state"))
    whose = f" of {row['group']}" if row.get("group") else ""
    band = band_words(row.get("value"), row.get("low"), row.get("high"))
    message = row.get("message")
    return [
        number(row.get("step")),
        rule,
        clip(f"{row.get('signal')}{whose} {band}"),
        f"{row.get('action')} ({message})" if message else str(row.get("action")),
        state if not by or rule in by else f"{state} by {by}",
    ]
