"""The record of every run: written so that it survives, and read as data.

Names load on first use, so that listing runs needs neither Sacred nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daf_nb.record.facts import environment_facts
    from daf_nb.record.folders import runs_root, safe_name
    from daf_nb.record.reading import RunRecord, list_runs, load_run
    from daf_nb.record.recorder import Recorder
    from daf_nb.record.sacred_run import Interrupted
    from daf_nb.record.source import Source, launching_source

__all__ = [
    "Interrupted",
    "Recorder",
    "RunRecord",
    "Source",
    "environment_facts",
    "launching_source",
    "list_runs",
    "load_run",
    "runs_root",
    "safe_name",
]

_HOMES = {
    "Interrupted": "sacred_run",
    "Recorder": "recorder",
    "RunRecord": "reading",
    "Source": "source",
    "environment_facts": "facts",
    "launching_source": "source",
    "list_runs": "reading",
    "load_run": "reading",
    "runs_root": "folders",
    "safe_name": "folders",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
