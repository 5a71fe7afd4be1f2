"""A run as HTML: every text from outside is escaped, every colour is the theme's."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from daf_nb.notebook.chart import MOST_CURVES, chart
from daf_nb.notebook.curves import Curve
from daf_nb.notebook.state import RunState, one_line, sentence, title

__all__ = ["STYLE", "curves_html", "head_html", "snapshot_html"]

_HUES = ("#2f7fd0", "#d9822b", "#2a9d78", "#b35bb0", "#7a76d6", "#b8952a", "#3a9fb5", "#cc5a5a")

STYLE = (
    """<style>
.daf-view { max-width: 720px; line-height: 1.5; font-size: var(--jp-ui-font-size1, 13px);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif);
  color: var(--jp-ui-font-color1, #222); font-variant-numeric: tabular-nums; }
.daf-view p { margin: 0; }
.daf-title { display: flex; gap: 8px; align-items: baseline; font-size: 1.15em; font-weight: 600; }
.daf-title span { color: var(--jp-ui-font-color2, #666); font-weight: 400; white-space: nowrap; }
.daf-title b { font-weight: 600; overflow-wrap: anywhere; }
.daf-bar { height: 6px; margin: 8px 0; border-radius: 3px; overflow: hidden;
  background: var(--jp-layout-color2, #eee); }
.daf-bar div { height: 100%; border-radius: 3px; background: currentColor; }
.daf-say::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px;
  border-radius: 50%; background: currentColor; }
.daf-say span { color: var(--jp-ui-font-color1, #222); }
.daf-QUEUED, .daf-INTERRUPTED { color: var(--jp-ui-font-color2, #666); }
.daf-RUNNING { color: var(--jp-brand-color1, #1976d2); }
.daf-PAUSED { color: var(--jp-warn-color1, #b26a00); }
.daf-COMPLETED { color: var(--jp-success-color1, #2e7d32); }
.daf-FAILED { color: var(--jp-error-color1, #c62828); }
.daf-view pre.daf-error { margin: 8px 0 0; padding: 8px 10px;
  white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere;
  font: var(--jp-code-font-size, 13px)/1.4 var(--jp-code-font-family, monospace);
  color: var(--jp-ui-font-color1, #222);
  background: var(--jp-layout-color2, #f2f2f2);
  border-left: 3px solid var(--jp-error-color1, #c62828); }
.daf-quiet { color: var(--jp-ui-font-color2, #666); }
.daf-chart { display: block; width: 100%; height: auto; margin-top: 4px; }
.daf-chart text { font: 11px var(--jp-ui-font-family, system-ui, sans-serif);
  fill: var(--jp-ui-font-color2, #666); }
.daf-chart > line { stroke: var(--jp-border-color2, #ddd); stroke-width: 1; }
.daf-chart polyline { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round;
  stroke-linecap: round; }
.daf-chart circle { fill: currentColor; }
.daf-view .daf-legend { display: flex; flex-wrap: wrap; gap: 0 16px; margin-top: 10px;
  color: var(--jp-ui-font-color2, #666); }
.daf-legend i { display: inline-block; width: 14px; height: 3px; margin-right: 6px;
  vertical-align: middle; background: currentColor; }
.daf-legend span span { color: var(--jp-ui-font-color1, #222); }
"""
    + "\n".join(f".daf-hue-{place} {{ color: {hue}; }}" for place, hue in enumerate(_HUES))
    + "\n</style>"
)


def head_html(state: RunState) -> str:
    """Name, progress and state."""
    percent = round(100 * state.fraction)
    word, _, rest = sentence(state).partition(", ")
    error = f'<pre class="daf-error">{escape(state.error)}</pre>' if state.error else ""
    return (
        '<div class="daf-view">'
        f'<p class="daf-title"><span>run {state.id}</span><b>{escape(one_line(state.name))}</b></p>'
        f'<div class="daf-{state.status}">'
        f'<div class="daf-bar" role="progressbar" aria-label="progress of {escape(title(state))}"'
        f' aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}">'
        f'<div style="width:{100 * state.fraction:.1f}%"></div></div>'
        f'<p class="daf-say"><b>{escape(word)}</b><span>, {escape(rest)}</span></p></div>'
        f"{error}</div>"
    )


def curves_html(curves: Sequence[Curve], *, total: int) -> str:
    """The return curves with what they are called; a sentence before there are any."""
    if not curves:
        return '<div class="daf-view"><p class="daf-quiet">No episode has ended.</p></div>'
    what = "<span>Return per agent, against agent-steps</span>"
    parts = [f'<div class="daf-view"><p class="daf-legend">{what}']
    for place, curve in enumerate(curves[:MOST_CURVES] if curves[0].group else ()):
        name = escape(one_line(curve.group))
        parts.append(f'<span class="daf-hue-{place}"><i></i><span>{name}</span></span>')
    if len(curves) > MOST_CURVES:
        parts.append(f'<span class="daf-quiet">{len(curves) - MOST_CURVES} more groups</span>')
    return "".join([*parts, "</p>", chart(curves, total=total), "</div>"])


def snapshot_html(state: RunState, curves: Sequence[Curve], *, at: str, live: str) -> str:
    """What a saved notebook shows when its kernel is gone.

    Args:
        state: what to show.
        curves: what to draw.
        at: the time of day.
        live: the CSS class of the widgets, while which are on the page this stays hidden.
    """
    return (
        f"{STYLE}<style>body:has(.{live}) .{live}-saved {{ display: none; }}</style>"
        f'<div class="{live}-saved">{head_html(state)}'
        f"{curves_html(curves, total=state.total)}"
        f'<div class="daf-view"><p class="daf-quiet">State at {escape(at)}; '
        f"load_run({state.id}) reads the record.</p></div></div>"
    )
