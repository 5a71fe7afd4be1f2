"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it.

    Attributes:
        name: what was looked at.
        state: "wrong" keeps daf_nb from working; "warning" is worth knowing.
        said: what was found, in words; no secret is in it.
        advice: what to do; empty where it is ok.
    """

    name: str
    state: Literal["ok", "warning", "wrong"]
    said: str
    advice: str = ""
