"""Log files as a strict reader sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; NaN and its like are refused."""
    text = path.read_bytes().decode("ascii")
    assert not text or text.endswith("\n")
    return [json.loads(line, parse_constant=_refuse) for line in text.splitlines()]


def names_in(folder: Path) -> list[str]:
    """What a folder holds, in order."""
    return sorted(path.name for path in folder.iterdir())


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
