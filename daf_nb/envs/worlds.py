"""From a name to a world: registry ids, module paths, callables, and SuperSuit wrappers by name."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pettingzoo
from pettingzoo.utils.conversions import aec_to_parallel
from pettingzoo.utils.env import AECEnv, ParallelEnv

from daf_nb.envs.batched.protocol import BatchedWorld, is_batched
from daf_nb.envs.batched.scenarios import PREFIX, is_scenario, scenario_maker
from daf_nb.envs.remedies import remedy
from daf_nb.errors import ConfigError, DafWarning, unknown_name

if TYPE_CHECKING:
    import torch

__all__ = [
    "World",
    "WorldLike",
    "Wrapper",
    "as_parallel",
    "close_world",
    "is_known_world",
    "known_wrappers",
    "registry_id",
]

WorldLike = str | Callable[..., Any]
Wrapper = str | tuple[str, Mapping[str, Any]] | Callable[[Any], Any]

_OURS = ("mpe2.", "daf_nb.envs.")
_NOT_FOR_WORLDS = {
    "black_death_v3": "dead agents are masked already; black death would train ghosts",
    "concat_vec_envs_v1": "copies are made by num_envs",
    "gym_vec_env_v0": "copies are made by num_envs",
    "pettingzoo_env_to_vec_env_v1": "the bridge does this",
    "stable_baselines3_vec_env_v0": "the bridge does this",
    "stable_baselines_vec_env_v0": "the bridge does this",
    "vectorize_aec_env_v0": "copies are made by num_envs",
}


@dataclass(frozen=True)
class World:
    """A world as data: what to build, with which arguments and wrappers.

    Attributes:
        world: a PettingZoo registry id (`sisl/pursuit-v5`), a module path
            (`mpe2.simple_spread_v3`), a path to a callable (`package.module:name`), one of VMAS's
            scenarios (`vmas/simple_spread`), or a callable that returns a world.
        env_kwargs: the world's constructor arguments.
        wrappers: SuperSuit wrappers, innermost first: a name, a (name, arguments) pair, or a
            callable from world to world.
    """

    world: WorldLike
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    wrappers: Sequence[Wrapper] = ()

    @property
    def name(self) -> str:
        """What the world is called in messages and records."""
        if isinstance(self.world, str):
            return self.world
        module = getattr(self.world, "__module__", "?")
        return f"{module}:{getattr(self.world, '__qualname__', repr(self.world))}"

    def changed(self, env_kwargs: Mapping[str, Any]) -> World:
        """The same world and wrappers, with `env_kwargs` in place of its own of those names."""
        return replace(self, env_kwargs={**self.env_kwargs, **env_kwargs})

    @property
    def is_batched(self) -> bool:
        """It steps all its copies as tensors; see `BatchedWorld`.

        Raises:
            ConfigError: an unknown world.
        """
        return is_batched(self._maker())

    def _maker(self) -> Callable[..., Any]:
        return _resolve(self.world) if isinstance(self.world, str) else self.world

    def build_batched(self, num_envs: int, device: torch.device | str) -> BatchedWorld:
        """A fresh instance of a batched world, of so many copies, not yet reset.

        Raises:
            ConfigError: arguments that the world refuses, or wrappers, which are for worlds that
                are stepped copy by copy.
        """
        if self.wrappers:
            raise ConfigError(
                f"{self.name} is a batched world: SuperSuit's wrappers are for worlds that are "
                "stepped copy by copy. Leave them out, or change the world itself."
            )
        try:
            return self._maker()(num_envs=num_envs, device=device, **self.env_kwargs)
        except TypeError as error:
            raise ConfigError(
                f"{self.name} does not take env_kwargs {dict(self.env_kwargs)!r}: {error}"
            ) from error

    def build(self) -> ParallelEnv:
        """A fresh instance, not yet reset; of a batched world, one copy of it on the CPU.

        Raises:
            ConfigError: an unknown world or wrapper, arguments that the world refuses, a
                turn-based world, or something that is no PettingZoo world at all.
        """
        maker = self._maker()
        if is_batched(maker):
            from daf_nb.envs.batched.single import SingleCopy

            return SingleCopy(self.build_batched(1, "cpu"), self.name)
        try:
            env = maker(**self.env_kwargs)
        except TypeError as error:
            raise ConfigError(
                f"{self.name} does not take env_kwargs {dict(self.env_kwargs)!r}: {error}"
            ) from error
        env = as_parallel(env, self.name)
        for wrapper in self.wrappers:
            env = _wrap(env, wrapper)
        return env


def is_known_world(name: str) -> bool:
    """Whether a world of this name is PettingZoo's, mpe2's, VMAS's or daf_nb's: safe to be made.

    Others are code that is imported and called by its name.
    """
    name = registry_id(name)
    known = name in pettingzoo.parallel_registry or name in pettingzoo.aec_registry
    known = known or is_scenario(name)
    return known or (name.startswith(_OURS) and ":" not in name)


def known_wrappers() -> list[str]:
    """The names of the SuperSuit wrappers that may be named in `wrappers`."""
    import supersuit

    names = {name for name in dir(supersuit) if name[-3:-1] == "_v" and name[-1].isdigit()}
    return sorted(names - _NOT_FOR_WORLDS.keys())


def registry_id(path: str) -> str:
    """`pettingzoo.sisl.pursuit_v5` -> `sisl/pursuit-v5`; calling those modules is deprecated."""
    parts = path.split(".")
    stem, _, version = parts[-1].rpartition("_v")
    if parts[0] == "pettingzoo" and len(parts) == 3 and version.isdigit():
        return f"{parts[1]}/{stem}-v{version}"
    return path


def _resolve(name: str) -> Callable[..., Any]:
    name = registry_id(name)
    if name.startswith(PREFIX):
        return scenario_maker(name)
    if name in pettingzoo.parallel_registry:
        return lambda **kwargs: pettingzoo.make("parallel", name, **kwargs)
    if name in pettingzoo.aec_registry:
        return lambda **kwargs: pettingzoo.make("aec", name, **kwargs)
    known = {*pettingzoo.parallel_registry, *pettingzoo.aec_registry, "mpe2.simple_spread_v3"}
    module_path, _, attribute = name.partition(":")
    if name.startswith("pettingzoo.mpe") or name.startswith("mpe/"):
        raise ConfigError(
            f"unknown world {name!r}: the particle worlds are the package mpe2, for example "
            "'mpe2.simple_spread_v3'."
        )
    if "/" in name:
        raise ConfigError(unknown_name("world", name, known))
    try:
        module = importlib.import_module(module_path)
    except ModuleNotFoundError as error:
        if error.name is None or not module_path.startswith(error.name):
            raise  # the world's own dependency is missing: its message is the better one
        raise ConfigError(unknown_name("world", name, known)) from error
    for candidate in (attribute,) if attribute else ("parallel_env", "env"):
        if callable(maker := getattr(module, candidate, None)):
            return maker
    wanted = attribute or "parallel_env or env"
    raise ConfigError(f"module {module_path!r} has no callable {wanted} to make a world with.")


def as_parallel(env: Any, name: str) -> ParallelEnv:
    """`env` itself, or the parallel form of a turn-based world that allows it; remedied.

    Raises:
        ConfigError: it is turn-based for good, or no PettingZoo world.
    """
    remedy(env)
    if isinstance(env, ParallelEnv):
        return env
    if not isinstance(env, AECEnv):
        raise ConfigError(
            f"{name} gave an object of type {type(env).__name__}; a PettingZoo ParallelEnv or "
            "AECEnv is needed. Name a world ('mpe2.simple_spread_v3'), or pass a function that "
            "makes one."
        )
    if not env.metadata.get("is_parallelizable", False):
        raise ConfigError(
            f"{name} is turn-based (an AEC world whose metadata does not say is_parallelizable): "
            "its agents cannot act at once. Use its parallel_env if it has one, or wrap it with "
            "pettingzoo.utils.turn_based_aec_to_parallel and mask the agents whose turn it is not."
        )
    return aec_to_parallel(env)


def close_world(env: ParallelEnv, name: str) -> None:
    """Closes a world; what it raises then is told of, and loses nobody's results."""
    try:
        env.close()
    except Exception as error:
        warnings.warn(
            f"{name} raised {type(error).__name__} when it was closed: {error}",
            DafWarning,
            stacklevel=2,
        )


def _wrap(env: ParallelEnv, wrapper: Wrapper) -> ParallelEnv:
    if callable(wrapper):
        return as_parallel(wrapper(env), getattr(wrapper, "__name__", repr(wrapper)))
    name, kwargs = (wrapper, {}) if isinstance(wrapper, str) else wrapper
    if name in _NOT_FOR_WORLDS:
        raise ConfigError(f"wrapper {name!r} has no place here: {_NOT_FOR_WORLDS[name]}.")
    known = known_wrappers()
    if name not in known:
        raise ConfigError(unknown_name("wrapper", name, known))
    import supersuit

    try:
        return getattr(supersuit, name)(env, **kwargs)
    except (AssertionError, TypeError) as error:
        raise ConfigError(f"wrapper {name}({dict(kwargs)!r}) was refused: {error}") from error
