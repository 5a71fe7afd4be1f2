"""What an experiment is asked for, checked before anything is recorded."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any

from daf_nb.errors import ConfigError

__all__ = ["SEEDS", "checked_config", "checked_name", "checked_seed", "checked_texts"]

SEEDS = 2**32  # numpy's legacy generator takes no more


def checked_name(name: object) -> str:
    """An experiment's name."""
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"an experiment's name is a text that is not blank, not {name!r}.")
    return name


def checked_seed(seed: object) -> int | None:
    """A seed that every generator takes; None stays None."""
    if seed is None:
        return None
    try:
        number = -1 if isinstance(seed, bool) else operator.index(seed)  # pyright: ignore[reportArgumentType] - tried
    except TypeError:
        number = -1
    if not 0 <= number < SEEDS:
        raise ConfigError(f"seed={seed!r}: a seed is an integer from 0 to {SEEDS - 1}, or None.")
    return number


def checked_texts(texts: object, *, what: str) -> tuple[Any, ...]:
    """Several texts; a single one counts as one, not as its letters."""
    if isinstance(texts, str):
        return (texts,)
    if not isinstance(texts, Iterable):
        raise ConfigError(f"{what} is a list of texts, not {texts!r}.")
    return tuple(texts)


def checked_config(config: object) -> dict[str, Any]:
    """What an experiment was told, without what its record adds."""
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        raise ConfigError(f"config is a dict, not {type(config).__name__}.")
    if "seed" in config:
        raise ConfigError("config has the key 'seed'; give it as the argument seed=... instead.")
    return dict(config)
