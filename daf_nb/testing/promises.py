"""The promises by name, and how a broken one is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from daf_nb.errors import ConformanceError

__all__ = ["PROMISES", "Sight", "at", "raise_if_any", "raised"]

Sight = tuple[str, str]
"""A promise's name, and what was seen instead."""

PROMISES = {
    "running": "It can be built, reset and stepped.",
    "interface": "It is an SB3 `VecEnv`.",
    "vector metadata": "`metadata`, infos and `reset_infos` are what its interface says.",
    "arrays": "Observations, rewards and dones have the declared shapes and dtypes.",
    "fresh arrays": "What a step returned is not overwritten by the next.",
    "row access": "get_attr, set_attr, has_attr and env_method reach the world behind each row.",
    "seeding": "The same seed and actions give the same trajectory, bit for bit.",
    "independent copies": "Copies and episodes draw their own randomness.",
    "faithful": "Actions, rewards and observations reach and leave the row's own agent unchanged.",
    "deaths": "An agent's own last step has done=True, for the reason that the world gave.",
    "episode ends": "done=True nowhere else: no step is invented, no last step is lost.",
    "time limits": "`TimeLimit.truncated` tells a time limit from a death at every done=True.",
    "terminal observations": "Every done=True comes with the agent's final observation.",
    "episode records": "Every done=True comes with `episode`: the agent's return and length.",
    "no ghosts": "`alive` marks the rows whose agents take part; all others are silent.",
    "whole episodes": "`row_agents` and `row_copies` say which rows make one copy's episode.",
    "credit": "A step's infos are its own episode's; the next one's are in `reset_infos`.",
    "closing": "close() closes every world exactly once, in worker processes too.",
}
"""Every promise that the suite checks, under the name by which `ConformanceError` reports it."""


def at(number: int, row: int) -> str:
    """Where something was seen."""
    return f"step {number}, row {row}"


def raised(what: str, error: Exception) -> str:
    """An exception as something seen."""
    return f"{what} raised {type(error).__name__}: {error}".rstrip(": ")


def raise_if_any(sights: Iterable[Sight]) -> None:
    """Raises `ConformanceError` with the first sight of each broken promise and their number."""
    sights = list(sights)
    counts = Counter(promise for promise, _ in sights)
    first = dict(reversed(sights))
    broken = {}
    for promise in PROMISES:
        if promise in counts:
            more = counts[promise] - 1
            broken[promise] = first[promise] + (f" (and {more} more like it)" if more else "")
    if broken:
        raise ConformanceError(broken)
