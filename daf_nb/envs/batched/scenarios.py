"""The names of VMAS's scenarios, told without loading torch: `vmas/<scenario>`."""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import Any

from daf_nb.errors import ConfigError, unknown_name

__all__ = ["PREFIX", "is_scenario", "scenario_maker"]

PREFIX = "vmas/"


def scenario_maker(name: str) -> Any:
    """What makes the world of a name such as `vmas/simple_spread`.

    Raises:
        ConfigError: VMAS is not installed, or has no such scenario.
    """
    if importlib.util.find_spec("vmas") is None:
        raise ConfigError(
            f"world {name!r} is one of VMAS, which is not installed: pip install 'daf_nb[vmas]'."
        )
    known = _scenarios()
    scenario = name.removeprefix(PREFIX)
    if scenario not in known:
        raise ConfigError(unknown_name("world", name, [PREFIX + one for one in known]))
    from daf_nb.envs.batched.vmas import VmasWorld

    maker = partial(VmasWorld, scenario)
    maker.batched = True  # type: ignore[attr-defined] - a partial takes attributes
    return maker


def is_scenario(name: str) -> bool:
    """Whether a world of this name is one of VMAS's own; without VMAS, none is."""
    if not name.startswith(PREFIX) or importlib.util.find_spec("vmas") is None:
        return False
    return name.removeprefix(PREFIX) in _scenarios()


def _scenarios() -> list[str]:
    import vmas

    return [*vmas.scenarios, *vmas.mpe_scenarios, *vmas.debug_scenarios]
