"""The record of every run: written so that it survives, and read as data.

Names load on first use, so that listing runs needs neither Sacred nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daf_nb.record.cells.scope import log
    from daf_nb.record.comparing import Comparison, compare
    from daf_nb.record.facts import environment_facts
    from daf_nb.record.folders import runs_root, safe_name
    from daf_nb.record.observers import deliver
    from daf_nb.record.reading import RunRecord, list_runs, load_run
    from daf_nb.record.recorder import Recorder
    from daf_nb.record.sacred_run import Interrupted
    from daf_nb.record.source import Source, launching_source
    from daf_nb.record.trash import delete_runs, empty_trash, list_trash, restore_runs

__all__ = [
    "Comparison",
    "Interrupted",
    "Recorder",
    "RunRecord",
    "Source",
    "compare",
    "delete_runs",
    "deliver",
    "empty_trash",
    "environment_facts",
    "launching_source",
    "list_runs",
    "list_trash",
    "load_run",
    "log",
    "restore_runs",
    "runs_root",
    "safe_name",
]

_HOMES = {
    "Comparison": "comparing",
    "Interrupted": "sacred_run",
    "Recorder": "recorder",
    "RunRecord": "reading",
    "Source": "source",
    "compare": "comparing",
    "delete_runs": "trash",
    "deliver": "observers",
    "empty_trash": "trash",
    "environment_facts": "facts",
    "launching_source": "source",
    "list_runs": "reading",
    "list_trash": "trash",
    "load_run": "reading",
    "log": "cells.scope",
    "restore_runs": "trash",
    "runs_root": "folders",
    "safe_name": "folders",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
