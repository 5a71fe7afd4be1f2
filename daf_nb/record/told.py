"""What a run was told when it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Told"]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a run was told.

    Attributes:
        name: any text.
        tags: any texts.
        spec: plain JSON without secrets.
        return_metric: the metric that `list_runs` shows.
        project: the folder whose state is recorded.
    """

    name: str
    tags: Sequence[str]
    spec: Mapping[str, Any]
    return_metric: str
    project: Path
