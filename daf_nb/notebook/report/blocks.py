"""What a report is made of before it is HTML or Markdown: plain texts, of which none is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daf_nb.notebook.curves import Curve

__all__ = ["Block", "Chart", "Code", "Pairs", "Picture", "Prose", "Report", "Section", "Table"]


@dataclass(frozen=True)
class Prose:
    """A paragraph.

    Attributes:
        text: any text; line breaks in it are shown as escapes.
        tone: "" plain, "quiet" in passing, "warn" what is wrong or missing.
    """

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Pairs:
    """Names and what they stand for, in two columns."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows under headings.

    Attributes:
        caption: what the rows are.
        columns: headings, at least one.
        rows: as many cells each; the first names the row.
        numbers: places of the columns that are numbers.
        folded: shown on request where the format can do that.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    folded: bool = False


@dataclass(frozen=True)
class Code:
    """Text of several lines, shown as it is.

    Attributes:
        caption: what it is.
        text: any text.
        folded: shown on request where the format can do that.
        language: of a Markdown fence: one word of our own.
    """

    caption: str
    text: str
    folded: bool = False
    language: str = ""


@dataclass(frozen=True)
class Chart:
    """Curves in one picture.

    Attributes:
        what: what is drawn, in words.
        curves: at least one.
        total: agent-steps of the whole run, where the axis ends; 0 for the last step.
        marks: steps that are marked, each with what happened there.
        span: least and greatest value of the axis; None for those of the curves.
        size: "large", "middle" or "small"; small ones stand side by side.
    """

    what: str
    curves: Sequence[Curve]
    total: int = 0
    marks: Sequence[tuple[int, str]] = ()
    span: tuple[float, float] | None = None
    size: str = "large"


@dataclass(frozen=True)
class Picture:
    """A figure as bytes.

    Attributes:
        name: its file's name.
        media: its media type, such as "image/png".
        data: the file.
        alt: what to read out in place of it.
    """

    name: str
    media: str
    data: bytes
    alt: str


Block = Prose | Pairs | Table | Code | Chart | Picture


@dataclass(frozen=True)
class Section:
    """Blocks under a heading.

    Attributes:
        title: any text.
        blocks: in their order.
        level: 2 for a chapter, 3 for a part of one.
    """

    title: str
    blocks: Sequence[Block]
    level: int = 2


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes:
        title: any text.
        running: what stands at the head of each printed page: letters, digits, spaces, commas.
        made: when, in words.
        sections: in their order; those without a block are left out.
    """

    title: str
    running: str
    made: str
    sections: Sequence[Section]
