"""A curriculum's state put back: refused where it is another curriculum's, and all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daf_nb.curriculum.parameters import is_number
from daf_nb.errors import ConfigError

__all__ = ["check_state", "load_parts"]


def check_state(state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Whether a state is one of a curriculum with this configured strategy and these tasks.

    Args:
        state: what came.
        own: the curriculum's own, without its parts: `configured`, `tasks`, and plain values.

    Raises:
        ConfigError: it is not, or its plain values are not such.
    """
    if not isinstance(state, Mapping) or "strategy_name" not in state:
        raise ConfigError("the state is not one of a curriculum.")
    if own.keys() - state.keys() or state["configured"] != own["configured"]:
        raise ConfigError(
            f"the state is not one of this curriculum: configured with strategy "
            f"{state.get('configured')!r}; this one with {own['configured']!r}."
        )
    if state["tasks"] != own["tasks"]:
        raise ConfigError(
            f"the state is one of other tasks; they must be the same {len(own['tasks'])}, in the "
            "same order."
        )
    recent = state["recent"]
    kinds = {
        "episodes": _is_count(state["episodes"]),
        "adapted_at": _is_count(state["adapted_at"]),
        "recent": isinstance(recent, list) and all(map(is_number, recent)),
        "hold": isinstance(state["hold"], bool),
    }
    for name, fits in kinds.items():
        if not fits:
            raise ConfigError(f"the state cannot be read: {name} is {state[name]!r}.")


def load_parts(state: Mapping[str, Any], own: Mapping[str, Any], parts: Mapping[str, Any]) -> None:
    """Loads every part's state; where one refuses its own, all are as they were.

    Args:
        state: of a curriculum; one entry for each part, beside those of `own`.
        own: as in `check_state`.
        parts: name -> what has `state_dict` and `load_state_dict`.

    Raises:
        ConfigError: an entry is missing, of no part, or refused.
    """
    if state.keys() != own.keys() | parts.keys():
        raise ConfigError(
            f"the state is not one of this curriculum: it holds "
            f"{', '.join(sorted(state.keys() - own.keys()))}; this one {', '.join(sorted(parts))}."
        )
    before = {name: part.state_dict() for name, part in parts.items()}
    try:
        for name, part in parts.items():
            part.load_state_dict(state[name])
    except ConfigError:
        for name, part in parts.items():
            part.load_state_dict(before[name])
        raise


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
