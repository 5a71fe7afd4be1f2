"""What a saved notebook still shows of a replay: a still picture of each film, and its numbers."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from html import escape

from daf_nb.notebook.markup import style_html
from daf_nb.notebook.replay.film import Film
from daf_nb.notebook.replay.words import caption, facts
from daf_nb.notebook.state import figure, one_line

__all__ = ["page_name", "saved_page"]

_MOST = 24
"""Agents whose returns are kept."""
_STYLE = (
    ".daf-stills { display: flex; flex-wrap: wrap; gap: 8px 24px; } "
    ".daf-stills figure { margin: 6px 0 0; flex: 1 1 300px; max-width: 440px; min-width: 0; } "
    ".daf-stills img { display: block; max-width: 100%; max-height: 420px; border-radius: 4px; }"
)


def page_name() -> str:
    """A CSS class for the widgets, while which are on a page the rest is hidden."""
    return f"daf-live-{uuid.uuid4().hex[:12]}"


def saved_page(films: Sequence[Film], *, live: str) -> str:
    """The films as HTML.

    Args:
        films: what is known of them is kept.
        live: the CSS class of the widgets.
    """
    stills = "".join(_still(film) for film in films)
    return (
        f"{style_html()}<style>{_STYLE} "
        f"body:has(.{live}) .{live}-saved {{ display: none; }}</style>"
        f'<div class="{live}-saved daf-view"><div class="daf-stills">{stills}</div>'
        '<p class="daf-quiet">A still of a replay; run the cell again to play it.</p></div>'
    )


def _still(film: Film) -> str:
    parts = [
        "<figure>",
        f'<p class="daf-title"><b>{escape(film.take.title)}</b></p>',
        f"<p>{escape(facts(film))}</p>",
    ]
    content = film.kept(film.still)
    if content is not None:
        kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
        data = base64.b64encode(content).decode()
        about = escape(f"step {film.still} of {film.last or 0}")
        parts.append(f'<img alt="{about}" src="data:image/{kind};base64,{data}"/>')
        parts.append(f'<p class="daf-quiet">{about[:1].upper()}{about[1:]}. ')
    else:
        parts.append('<p class="daf-quiet">')
    parts.append(f"{escape(caption(film))}</p>")
    if film.error:
        parts.append(f'<pre class="daf-error">{escape(film.error)}</pre>')
    return "".join([*parts, _returns(film), "</figure>"])


def _returns(film: Film) -> str:
    if film.numbers is None:
        return ""
    returns = list(film.numbers.tape.returns.items())
    rows = [
        f"<dt>{escape(one_line(agent, limit=40))}</dt><dd>{figure(total)}</dd>"
        for agent, total in returns[:_MOST]
    ]
    if len(returns) > _MOST:
        rows.append(f"<dt>{len(returns) - _MOST} more</dt><dd></dd>")
    return f'<dl class="daf-rows">{"".join(rows)}</dl>'
