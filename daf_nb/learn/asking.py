"""One knob of every group, asked for at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from daf_nb.control import Controls, Knob, Request

__all__ = ["ask_groups"]


def ask_groups(
    controls: Controls,
    groups: Iterable[str],
    knob: str,
    ask: Callable[[str], Request],
    *,
    inside: bool,
) -> dict[str, Any]:
    """Asks the knob of every group; group -> the value that it gets.

    Args:
        controls: whose knobs.
        groups: all that there are; where there are several, knobs are named after them.
        knob: without the group's name.
        ask: asks for a change of the knob of this name.
        inside: a callback in the middle of a rollout asks, which cannot wait for the boundary.

    Raises:
        ConfigError: it is refused.
    """
    groups = list(groups)
    names = {group: f"{knob}[{group}]" if len(groups) > 1 else knob for group in groups}
    asked = {group: ask(name) for group, name in names.items()}
    if inside:
        return {group: _to_come(one, controls.knobs[one.name]) for group, one in asked.items()}
    return {group: controls[one.wait().name] for group, one in asked.items()}


def _to_come(request: Request, knob: Knob) -> Any:
    """What a request comes to, unless another comes before its turn."""
    if request.state != "pending":
        return knob.read()
    value = request.value
    if request.relative:
        value = knob.read() * request.factor + request.amount
    return knob.check(value, clip=request.relative)
