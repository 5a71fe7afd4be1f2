"""Lists of tasks: from grids of values, and from a continuous difficulty cut into buckets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from daf_nb.curriculum.parameters import is_number
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError

__all__ = ["buckets", "grid"]


def grid(
    name: str,
    *,
    difficulty: Callable[..., float],
    env_kwargs: Mapping[str, Sequence[Any]] | None = None,
    config: Mapping[str, Sequence[Any]] | None = None,
    **fields: Any,
) -> list[Task]:
    """One task for every combination of values.

    Args:
        name: the tasks are called `name[key=value,...]`.
        difficulty: gives a combination's difficulty in [0, 1], called with its values by name.
        env_kwargs: constructor argument -> its values.
        config: reset option -> its values.
        **fields: `success`, `weight` and `apply` of every task.
    """
    env_kwargs, config = env_kwargs or {}, config or {}
    names = [*env_kwargs, *config]
    tasks = []
    for combination in itertools.product(*env_kwargs.values(), *config.values()):
        values = dict(zip(names, combination, strict=True))
        tasks.append(
            Task(
                f"{name}[{','.join(f'{key}={value}' for key, value in values.items())}]",
                difficulty(**values),
                {key: values[key] for key in env_kwargs},
                {key: values[key] for key in config},
                **fields,
            )
        )
    return tasks


def buckets(
    name: str, *, count: int, low: float = 0.0, high: float = 1.0, **fields: Any
) -> list[Task]:
    """A continuous difficulty cut into `count` tasks of equal width, called `name[low..high]`.

    Each has a range of difficulties, and its difficulty is drawn uniformly from there.

    Args:
        name: what the tasks' names begin with.
        count: tasks.
        low: the least difficulty.
        high: the greatest.
        **fields: the other fields of every `Task`; functions of the difficulty read the drawn one.

    Raises:
        ConfigError: no bucket, or difficulties outside of [0, 1] or not in order.
    """
    if not (isinstance(count, int) and count >= 1):
        raise ConfigError(f"count={count!r}: at least one bucket is needed.")
    if not (is_number(low) and is_number(high) and 0 <= low < high <= 1):
        raise ConfigError(f"low={low!r}, high={high!r}: 0 <= low < high <= 1 is needed.")
    edges = np.linspace(low, high, count + 1).tolist()
    written = _apart(edges)
    return [
        Task(f"{name}[{first}..{last}]", ends, **fields)
        for ends, (first, last) in zip(
            itertools.pairwise(edges), itertools.pairwise(written), strict=True
        )
    ]


def _apart(edges: Sequence[float]) -> list[str]:
    """Numbers with the fewest digits, three at least, that tell all of them apart."""
    for digits in range(3, 17):
        written = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(written)) == len(edges):
            return written
    return [repr(edge) for edge in edges]
