"""The report of one run: its parts in the order in which one reads."""

from __future__ import annotations

from collections.abc import Callable

from daf_nb.notebook.report.artifacts import figures, output
from daf_nb.notebook.report.blocks import Prose, Report, Section, Table
from daf_nb.notebook.report.curriculum import curriculum
from daf_nb.notebook.report.happenings import evaluations, happenings
from daf_nb.notebook.report.making import cell, environment, spec, spec_rows
from daf_nb.notebook.report.material import Material
from daf_nb.notebook.report.progress import progress, return_chart
from daf_nb.notebook.report.steering import decisions, journal
from daf_nb.notebook.report.summary import failure, summary

__all__ = ["run_report", "short_section"]

_PARTS: tuple[tuple[Callable[[Material], Section], tuple[str, ...]], ...] = (
    (summary, ("run.json",)),
    (failure, ()),
    (progress, ("metrics",)),
    (curriculum, ()),
    (evaluations, ()),
    (journal, ("journal.jsonl",)),
    (decisions, ()),
    (happenings, ("events.jsonl", "observers.json")),
    (spec, ("config.json",)),
    (cell, ("source.py", "history.json")),
    (figures, ()),
    (output, ()),
    (environment, ("facts.json",)),
)
"""Each part, and the files whose troubles are told in it."""
_MOST_CHOSEN = 40


def run_report(material: Material, *, made: str) -> Report:
    """The whole report of a run.

    Args:
        material: its record.
        made: when the report was made, in words.
    """
    sections = [(part(material), names) for part, names in _PARTS]
    return Report(
        title=_title(material),
        running=f"daf_nb, run {material.record.id}".replace("_", " "),
        made=made,
        sections=[_with_troubles(section, names, material) for section, names in sections],
    )


def short_section(material: Material) -> Section:
    """A run among others: its summary, what it was told, its return, and what went wrong."""
    chosen, _ = spec_rows(material)
    blocks = [*summary(material).blocks, *return_chart(material)]
    if chosen:
        left = len(chosen) - _MOST_CHOSEN
        more = f"; {left:,} more are left out" if left > 0 else ""
        caption = f"What is not a default{more}"
        blocks.append(Table(caption, ("Field", "Value"), chosen[:_MOST_CHOSEN], folded=True))
    blocks += failure(material).blocks
    # By now everything that is told here has been read.
    blocks += [Prose(said, "warn") for said in material.troubles.values()]
    return Section(_title(material), blocks)


def _title(material: Material) -> str:
    return f"Run {material.record.id} {material.name}".strip()


def _with_troubles(section: Section, names: tuple[str, ...], material: Material) -> Section:
    troubles = [material.troubles[name] for name in names if name in material.troubles]
    said = [Prose(text, "warn") for text in troubles]
    return Section(section.title, [*section.blocks, *said], section.level)
