"""Which view of a run fits the place: widgets in a notebook, text elsewhere."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from daf_nb.notebook.text import TextPanel

if TYPE_CHECKING:
    from daf_nb.notebook.panels import RunPanel
    from daf_nb.session import Run

__all__ = ["attach", "panel"]

_WIDGETS = ("anywidget", "ipywidgets")
_panels: WeakValueDictionary[Path, RunPanel] = WeakValueDictionary()


def panel(run: Run) -> RunPanel | TextPanel:
    """A view of a run: live widgets in a notebook, else text.

    Every call gives the same widgets, so that a cell that is run again adds no second thread.

    Args:
        run: the run to show.
    """
    if not _has_widgets():
        return TextPanel(run)
    from daf_nb.notebook.panels import RunPanel

    shown = _panels.get(run.folder)
    if shown is None or shown.source.run is not run:
        shown = _panels[run.folder] = RunPanel(run)
    return shown


def attach(id: int | str, *, runs_dir: Path | str | None = None) -> RunPanel | TextPanel:
    """A view of any run: of one that trains in this kernel its live panel, else of its record.

    The record of a run that another process trains is followed until that ends.

    Args:
        id: the run's number.
        runs_dir: where runs are recorded; by default DAF_NB_RUNS, else `runs/` in the project.

    Raises:
        RecordError: there is no such run.
    """
    from daf_nb.notebook.recorded import RecordedSource
    from daf_nb.record import load_run
    from daf_nb.session.live import live_run

    record = load_run(id, runs_dir=runs_dir)
    run = live_run(record.folder)
    if run is not None:
        return panel(run)
    source = RecordedSource(record)
    if not _has_widgets():
        return TextPanel(source)
    from daf_nb.notebook.panels import RunPanel

    return RunPanel(source)


def _has_widgets() -> bool:
    if "IPython" not in sys.modules or any(find_spec(name) is None for name in _WIDGETS):
        return False
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    return getattr(shell, "kernel", None) is not None
