"""What the agents of simple_spread and simple_tag see, as places in one row of numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["view_parts"]


@lru_cache(maxsize=64)
def view_parts(
    adversaries: tuple[bool, ...], landmarks: tuple[bool, ...], *, silence: int
) -> tuple[np.ndarray, list[slice]]:
    """Which numbers of everything make up the views of simple_spread and simple_tag.

    Everything is one row of numbers: the agents' velocities, the places of all entities (agents
    first), for each agent the way to each entity, and a zero.

    Args:
        adversaries: of simple_tag; nobody's velocity is seen if it is one of these.
        landmarks: which of them are seen.
        silence: how many numbers each other agent says, all of them zero; simple_spread's.

    Returns:
        The places of all views' numbers in that row, and each agent's part of them.
    """
    number, many = len(adversaries), len(adversaries) + len(landmarks)
    total = 2 * (number + many + number * many)
    everything = np.arange(total)
    velocities = everything[: 2 * number].reshape(number, 2)
    places = everything[2 * number : 2 * (number + many)].reshape(many, 2)
    apart = everything[2 * (number + many) :].reshape(number, many, 2)
    seen = [number + at for at, there in enumerate(landmarks) if there]
    index: list[np.int_ | int] = []
    parts: list[slice] = []
    for me in range(number):
        others = [at for at in range(number) if at != me]
        begin = len(index)
        index += [*velocities[me], *places[me], *apart[me, seen + others].ravel()]
        if silence:
            index += [total] * (silence * len(others))
        else:
            index += [*velocities[[at for at in others if not adversaries[at]]].ravel()]
        parts.append(slice(begin, len(index)))
    return np.array(index), parts
