"""A run as HTML: every text from outside is escaped, every colour is the theme's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from html import escape
from pathlib import Path

from daf_nb.notebook.chart import MIDDLE, MOST_CURVES, SMALL, chart
from daf_nb.notebook.curves import Curve
from daf_nb.notebook.state import RunState, one_line, sentence, title

__all__ = [
    "HUES",
    "charts_html",
    "course_html",
    "curves_html",
    "digest_html",
    "head_html",
    "legend_html",
    "snapshot_html",
    "style_html",
]

HUES = ("#2f7fd0", "#d9822b", "#2a9d78", "#b35bb0", "#7a76d6", "#b8952a", "#3a9fb5", "#cc5a5a")
"""Colours of curves and agents, in this order."""


@cache
def style_html() -> str:
    """The style that all HTML of this package goes by."""
    rules = (Path(__file__).parent / "assets" / "panel.css").read_text(encoding="utf-8")
    hues = (f".daf-hue-{place} {{ color: {hue}; }}" for place, hue in enumerate(HUES))
    return "\n".join(["<style>", rules, *hues, "</style>"])


def head_html(state: RunState) -> str:
    """Name, progress and state."""
    percent = round(100 * state.fraction)
    word, _, rest = sentence(state).partition(", ")
    error = f'<pre class="daf-error">{escape(state.error)}</pre>' if state.error else ""
    told = f"<code>{escape(state.further)}</code> goes on from there"
    further = f'<p class="daf-quiet">{told}</p>' if state.further else ""
    return (
        '<div class="daf-view">'
        f'<p class="daf-title"><span>run {state.id}</span><b>{escape(one_line(state.name))}</b></p>'
        f'<div class="daf-{escape(state.status)}">'
        f'<div class="daf-bar" role="progressbar" aria-label="progress of {escape(title(state))}"'
        f' aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}">'
        f'<div style="width:{100 * state.fraction:.1f}%"></div></div>'
        f'<p class="daf-say"><b>{escape(word)}</b><span>, {escape(rest)}</span></p></div>'
        f"{error}{further}</div>"
    )


def curves_html(curves: Sequence[Curve], *, total: int, note: str = "") -> str:
    """The return curves with what they are called; a sentence before there are any.

    Args:
        curves: at most `MOST_CURVES` are drawn.
        total: agent-steps of the whole run.
        note: what else is to be said of them.
    """
    if not curves:
        return '<div class="daf-view"><p class="daf-quiet">No episode has ended.</p></div>'
    banded = ", 95 % interval" if any(curve.low for curve in curves) else ""
    what = f"Return per agent{banded}, against agent-steps{f'; {note}' if note else ''}"
    legend = legend_html(what, [curve.name for curve in curves])
    return f'<div class="daf-view">{legend}{chart(curves, total=total)}</div>'


def legend_html(what: str, names: Sequence[str]) -> str:
    """What curves show, and whose they are; one without a name needs no mark.

    Args:
        what: in words.
        names: of the curves, as they are drawn.
    """
    parts = [f'<p class="daf-legend"><span>{escape(what)}</span>']
    for place, name in enumerate(names[:MOST_CURVES] if names[0] else ()):
        shown = escape(one_line(name))
        parts.append(f'<span class="daf-hue-{place}"><i></i><span>{shown}</span></span>')
    if len(names) > MOST_CURVES:
        parts.append(f'<span class="daf-quiet">{len(names) - MOST_CURVES} more</span>')
    return "".join([*parts, "</p>"])


def charts_html(series: Mapping[str, Sequence[Curve]]) -> str:
    """Small pictures side by side, each with its name and the newest value of every curve."""
    parts = ['<div class="daf-view"><div class="daf-small">']
    for what, curves in series.items():
        newest = ", ".join(f"{curve.means[-1]:.3g}" for curve in curves[:MOST_CURVES])
        parts.append(
            f"<figure><figcaption><span>{escape(what)}</span>"
            f'<b title="{newest}">{newest}</b></figcaption>'
            f"{chart(curves, total=0, what=what, frame=SMALL)}</figure>"
        )
    return "".join([*parts, "</div></div>"]) if series else ""


def digest_html(told: Mapping[str, Sequence[str]]) -> str:
    """Lines under their headings."""
    rows = [
        f"<dt>{escape(heading)}</dt><dd>{'<br/>'.join(map(escape, lines))}</dd>"
        for heading, lines in told.items()
    ]
    return f'<div class="daf-view"><dl class="daf-rows">{"".join(rows)}</dl></div>' if rows else ""


def snapshot_html(
    state: RunState, curves: Sequence[Curve], *, at: str, live: str, more: str = ""
) -> str:
    """What a saved notebook shows when its kernel is gone.

    Args:
        state: what to show.
        curves: what to draw.
        at: the time of day.
        live: the CSS class of the widgets, while which are on the page this stays hidden.
        more: HTML of what else is to be kept.
    """
    return (
        f"{style_html()}<style>body:has(.{live}) .{live}-saved {{ display: none; }}</style>"
        f'<div class="{live}-saved">{head_html(state)}'
        f"{curves_html(curves, total=state.total)}{more}"
        f'<div class="daf-view"><p class="daf-quiet">State at {escape(at)}; '
        f"daf.attach({state.id}) opens its panel again, daf.load_run({state.id}) reads the record."
        "</p></div></div>"
    )


def course_html(series: Mapping[str, Curve | None], *, total: int) -> str:
    """Curves of values in [0, 1] with what they are called; empty before there are any."""
    curves = [replace(curve, name=what) for what, curve in series.items() if curve is not None]
    if not curves:
        return ""
    legend = legend_html("Curriculum, against agent-steps", [curve.name for curve in curves])
    picture = chart(curves, total=total, what="Curriculum", frame=MIDDLE, span=(0.0, 1.0))
    return f'<div class="daf-view">{legend}{picture}</div>'
