"""What is seen below the table: a run's panel, an experiment's record, a comparison, a file."""

from __future__ import annotations

import base64
import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import ipywidgets as widgets

from daf_nb.errors import RecordError
from daf_nb.notebook.markup import style_html
from daf_nb.notebook.state import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from daf_nb.record import RunRecord

__all__ = ["close", "comparison_view", "file_link", "put_away", "record_view", "run_view"]

_OURS = "daf-shown-here"
"""Marks a view that is nobody else's: the panel of a live run is shared by all who ask for it."""
_LARGEST = 8 * 2**20
"""Bytes of a file that go to the page, to be saved from there."""
_LONGEST = 20_000
"""Letters of a cell or an output that are shown."""


def run_view(id: int, root: Path) -> widgets.Widget:
    """The panel of a run: live where it trains in this kernel, else of its record."""
    from daf_nb.notebook.frontend import panel
    from daf_nb.notebook.panels import RunPanel
    from daf_nb.notebook.recorded import RecordedSource
    from daf_nb.record import load_run
    from daf_nb.session.live import live_run

    record = load_run(id, runs_dir=root)
    run = live_run(record.folder)
    shown = RunPanel(RecordedSource(record)) if run is None else panel(run)
    assert isinstance(shown, RunPanel), "a browser is a widget, so there are widgets"
    if run is None:
        shown.widget.add_class(_OURS)
    return shown.widget


def record_view(id: int, root: Path) -> widgets.Widget:
    """What an experiment's cell was, what it put out and returned, and how it failed."""
    from daf_nb.record import load_run

    record = load_run(id, runs_dir=root)
    parts: dict[str, Callable[[], Any]] = {
        "Cell": lambda: record.cell,
        "Output": lambda: record.output,
        "Result": lambda: "" if record.result is None else record.result,
        "Error": lambda: record.fail_trace,
    }
    told = {heading: _told(read) for heading, read in parts.items()}
    html = [f'<p class="daf-title"><span>run {id}</span><b>{escape(_name(record))}</b></p>']
    for heading, text in told.items():
        if text.strip():
            failed = " daf-error" if heading == "Error" else ""
            html.append(f'<h5>{heading}</h5><pre class="daf-record{failed}">{escape(text)}</pre>')
    return _ours(f'{style_html()}<div class="daf-view">{"".join(html)}</div>')


def comparison_view(comparison: Any) -> widgets.Widget:
    """Its picture and its tables."""
    png = base64.b64encode(comparison.plot()._repr_png_()).decode()
    picture = f'<img alt="curves of the runs that are compared" src="data:image/png;base64,{png}"/>'
    html = f'<div class="daf-view daf-comparison">{picture}{comparison._repr_html_()}</div>'
    return _ours(html)


def file_link(path: Path) -> widgets.Widget:
    """A file's path, a link that JupyterLab opens, and one that any page can save it by.

    JupyterLab turns a path relative to the notebook into an address, where the file lies under the
    folder that it serves. It does so in a cell's output, not in a widget's HTML.
    """
    near = quote(Path(os.path.relpath(path, Path.cwd())).as_posix())
    link = f'<a href="{escape(near)}" target="_blank">Open {escape(path.name)} in JupyterLab</a>'
    opening = widgets.Output()
    opening.outputs = (
        {
            "output_type": "display_data",
            "data": {"text/html": link, "text/plain": near},
            "metadata": {},
        },
    )
    shown = ""
    if path.stat().st_size <= _LARGEST:
        data = base64.b64encode(path.read_bytes()).decode()
        name = escape(path.name)
        shown = f'<p><a download="{name}" href="data:text/html;base64,{data}">Save {name}</a></p>'
    shown += f"<p><code>{escape(one_line(str(path), limit=1000))}</code></p>"
    html = widgets.HTML(f'<div class="daf-view daf-file">{shown}</div>')
    view = widgets.VBox([opening, html])
    view.add_class(_OURS)
    return view


def put_away(widget: widgets.Widget) -> None:
    """Ends the widgets of a view that nobody else shows."""
    if _OURS in getattr(widget, "_dom_classes", ()):
        close(widget)


def close(widget: widgets.Widget) -> None:
    """Ends a widget and those inside of it."""
    for child in getattr(widget, "children", ()):
        close(child)
    widget.close()


def _ours(html: str) -> widgets.HTML:
    view = widgets.HTML(html)
    view.add_class(_OURS)
    return view


def _name(record: RunRecord) -> str:
    return one_line(_told(lambda: record.name))


def _told(read: Callable[[], Any]) -> str:
    """Printable lines; what a terminal would act on is written as escapes."""
    try:
        text = str(read())
    except RecordError as error:
        text = str(error)
    cut = text[:_LONGEST]
    lines = [one_line(line.replace("\t", "    "), limit=_LONGEST) for line in cut.splitlines()]
    return "\n".join(lines) + ("\n…" if len(text) > _LONGEST else "")
