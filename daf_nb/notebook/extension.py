"""`%load_ext daf_nb`: the cell magic, and what a kernel tells the record."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from daf_nb.notebook.displays import displayed_images
from daf_nb.notebook.magic import ExperimentMagics
from daf_nb.record.cells.experiment import Surrounding, surround
from daf_nb.record.cells.history import note_outcome

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

MAGIC = "experiment"
_loaded: dict[int, Callable[[], None]] = {}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Adds `%%experiment`; from now on experiments keep what they display."""
    unload_ipython_extension(shell)
    shell.register_magics(ExperimentMagics(shell))
    images: Surrounding = partial(displayed_images, shell)
    leave = surround(images)
    shell.events.register("post_run_cell", _note)

    def unload() -> None:
        shell.magics_manager.magics["cell"].pop(MAGIC, None)
        shell.events.unregister("post_run_cell", _note)
        leave()

    _loaded[id(shell)] = unload


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Takes away what `load_ipython_extension` added."""
    unload = _loaded.pop(id(shell), None)
    if unload is not None:
        unload()


def _note(result: Any) -> None:
    # A body that a magic runs has no number of its own.
    if result is not None and result.info.store_history and result.execution_count is not None:
        note_outcome(result.execution_count, bool(result.success))
