"""What `run.json` says about a run: Sacred's keys, and ours under "daf_nb"."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from daf_nb.record.source import Source

__all__ = ["experiment_info", "queued_document", "utc_now"]

LINE = 200  # characters of a cell that a list shows


def utc_now() -> str:
    """Now, in Sacred's format: UTC, ISO 8601, without an offset."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat()


def queued_document(
    *,
    name: str,
    tags: Sequence[str],
    spec: Mapping[str, Any],
    source: Source,
    kind: str = "training",
    parent: int | None = None,
) -> dict[str, Any]:
    """The first `run.json` of a run: every key that Sacred gives one, and what `list_runs` shows.

    The world and the seed are what the spec calls "world" (or "env") and "seed".
    """
    now = utc_now()
    return {
        "experiment": {"name": name},
        "command": None,
        "host": {"hostname": platform.node()},
        "meta": {"queue_time": now},
        "start_time": None,
        "stop_time": None,
        "heartbeat": now,
        "status": "QUEUED",
        "result": None,
        "fail_trace": None,
        "artifacts": [],
        "resources": [],
        "daf_nb": {
            "name": name,
            "tags": [str(tag) for tag in tags],
            "world": spec.get("world", spec.get("env")),
            "seed": spec.get("seed"),
            "source": {
                "kind": source.kind,
                "name": source.name,
                "directory": source.directory or None,
            },
            "kind": kind,
            "parent": parent,
            "children": [],
            "cell_line": _first_line(source.text),
            "success": None,
        },
    }


def experiment_info(
    *, name: str, folder: Path, project: Path, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Sacred's "experiment" entry, from our facts. The launching code is the only source."""
    git = facts["git"]
    return {
        "name": name,
        "base_dir": str(project),
        "mainfile": "source.py",
        "sources": [["source.py", f"{folder.name}/source.py"]],
        "dependencies": [f"{package}=={version}" for package, version in facts["versions"].items()],
        "repositories": [{"url": None, **git}] if git else [],
    }


def _first_line(source: str) -> str:
    """The first line that tells something: not blank and, where there are others, no cell magic."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("%%")]
    return next(iter([*telling, *lines]), "")[:LINE]
