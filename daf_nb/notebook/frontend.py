"""Which view of a run fits the place: widgets in a notebook, text elsewhere."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from daf_nb.notebook.text import TextPanel

if TYPE_CHECKING:
    from daf_nb.notebook.live import LivePanel
    from daf_nb.session import Run

__all__ = ["panel"]


def panel(run: Run) -> LivePanel | TextPanel:
    """A view of a run: live widgets in a notebook with ipywidgets, else text.

    Args:
        run: the run to show.
    """
    if not _has_widgets():
        return TextPanel(run)
    from daf_nb.notebook.live import LivePanel

    return LivePanel(run)


def _has_widgets() -> bool:
    if find_spec("IPython") is None or find_spec("ipywidgets") is None:
        return False
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    return getattr(shell, "kernel", None) is not None
