"""What a call to `train` does not say: the settings of this lab in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daf_nb.config import AdaptiveConfig, lab
from daf_nb.control import AdaptiveController

__all__ = ["default_fields", "default_observers"]

_FROM_LAB = ("checkpoint_interval", "device", "evaluation_interval", "strict")


def default_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `RlConfig`: those that were given, None among them, and the lab's others."""
    settings = lab()
    return {name: getattr(settings, name) for name in _FROM_LAB} | dict(fields)


def default_observers(
    given: Sequence[Any] | None, controller: AdaptiveController | AdaptiveConfig | None
) -> list[Any]:
    """Who is told of a run beside its folder.

    Args:
        given: as the call has it; None takes the lab's.
        controller: one with a `wandb_project` adds that.
    """
    observers = list(lab().observers if given is None else given)
    config = getattr(controller, "config", controller)
    project = getattr(config, "wandb_project", None)
    if project is not None:
        asked = f"wandb:{project}"
        observers = [one for one in observers if one != "wandb"]
        observers += [asked] if asked not in observers else []
    return observers
