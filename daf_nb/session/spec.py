"""A recorded spec read back: the arguments of `train` that it came from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from daf_nb.config import AdaptiveConfig, CurriculumConfig, RlConfig
from daf_nb.curriculum import CurriculumManager
from daf_nb.envs import is_known_world
from daf_nb.errors import ConfigError, unknown_name
from daf_nb.record.redact import REDACTED
from daf_nb.session.lookup import finder

__all__ = ["arguments_of"]

_OWN = ("env_kwargs", "policy", "success", "world", "wrappers")
_BESIDE = ("adaptive_config", "curriculum_state", "world_instance")
_FIELDS = (*RlConfig.model_fields, *_OWN, *_BESIDE)
_MAPPINGS = (
    "adaptive_config",
    "algorithm_kwargs",
    "curriculum_config",
    "curriculum_state",
    "env_kwargs",
    "policy_kwargs",
)
_SCHEDULES = ("clip_range", "clip_range_vf", "learning_rate")

_Find = Callable[[str, str], Any]


def arguments_of(
    spec: Mapping[str, Any], *, trust: bool = False, given: Collection[str] = ()
) -> dict[str, Any]:
    """The keyword arguments of `train`, its world under "world", that a record's config stands for.

    Args:
        spec: `load_run(id).config`, or as much of such a mapping as a user writes: the world, and
            whatever else is not to be the default.
        trust: whether code may be imported by the names in it: worlds other than those of
            PettingZoo, mpe2 and daf_nb, and functions and classes that the record holds by name.
        given: fields that the user gives again, and that are not read.

    Raises:
        ConfigError: an unknown field, or a value of the wrong kind; code that is not trusted, or
            not found under its name; a value that was hidden as a secret.
    """
    spec = {name: value for name, value in spec.items() if name not in given}
    _check(spec)
    find = finder(trust)
    read = {name: value for name, value in spec.items() if name not in _BESIDE}
    if "world" not in given:
        _check_world(spec, trust)
    if "wrappers" in read:
        read["wrappers"] = tuple(_wrapper(one, find) for one in read["wrappers"] or ())
    if isinstance(read.get("success"), str):
        read["success"] = find("success", read["success"])
    if isinstance(read.get("policy"), str) and "." in read["policy"]:
        read["policy"] = find("policy", read["policy"])
    if "policy_kwargs" in read:
        read["policy_kwargs"] = _found(read["policy_kwargs"] or {}, find)
    if "algorithm_kwargs" in read:
        read["algorithm_kwargs"] = _algorithm(read["algorithm_kwargs"] or {}, find)
    read["curriculum"] = _curriculum(read.pop("curriculum_config", None), spec)
    adaptive = spec.get("adaptive_config")
    read["controller"] = None if adaptive is None else AdaptiveConfig(**adaptive)
    return read


def _check(spec: Mapping[str, Any]) -> None:
    for name, value in spec.items():
        if name not in _FIELDS:
            raise ConfigError(unknown_name("field of a spec", name, _FIELDS))
        if name in _MAPPINGS and not (value is None or isinstance(value, Mapping)):
            raise ConfigError(f"{name}={value!r} in a spec: a mapping is needed.")
    if not isinstance(spec.get("wrappers") or [], (list, tuple)):
        raise ConfigError(f"wrappers={spec['wrappers']!r} in a spec: a list is needed.")
    hidden = next((path for path, text in _texts("", spec) if REDACTED in text), None)
    if hidden is not None:
        raise ConfigError(
            f"{hidden} was hidden from the record as a secret; give it again: "
            f"{hidden.split('.')[0]}=..."
        )


def _check_world(spec: Mapping[str, Any], trust: bool) -> None:
    world = spec.get("world")
    if not isinstance(world, str):
        raise ConfigError(f"a spec names its world as text; world={world!r} came.")
    if spec.get("world_instance"):
        raise ConfigError(
            f"the world was an instance of {world}, whose state the record does not hold; give it "
            "again: world=..."
        )
    if not trust and not is_known_world(world):
        raise ConfigError(
            f"world is {world!r}, which is neither PettingZoo's nor of mpe2 or daf_nb: making it "
            "runs code by that name. Pass trust=True if it is yours, or give it: world=..."
        )


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text in the spec, under its dotted name."""
    if isinstance(value, str):
        yield path, value
    items = value.items() if isinstance(value, Mapping) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from _texts(f"{path}.{key}" if path else str(key), item)


def _curriculum(config: Any, spec: Mapping[str, Any]) -> CurriculumManager | None:
    if config is None:
        return None
    curriculum = CurriculumManager(CurriculumConfig(**config))
    if spec.get("curriculum_state") is not None:
        curriculum.load_state_dict(spec["curriculum_state"])
    return curriculum


def _algorithm(given: Mapping[str, Any], find: _Find) -> dict[str, Any]:
    """A schedule is a function, of which the record has the name alone."""
    return {
        name: find(name, value) if name in _SCHEDULES and isinstance(value, str) else value
        for name, value in given.items()
    }


def _wrapper(given: Any, find: _Find) -> Any:
    if isinstance(given, str):
        return find("wrapper", given) if "." in given else given
    pair = isinstance(given, (list, tuple)) and len(given) == 2
    if not (pair and isinstance(given[0], str) and isinstance(given[1], Mapping)):
        raise ConfigError(f"wrapper {given!r} in a spec: a name, or [name, arguments].")
    return given[0], given[1]


def _found(value: Any, find: _Find) -> Any:
    """Values of `policy_kwargs`: SB3 takes classes there, such as an activation function."""
    if isinstance(value, Mapping):
        return {key: _found(item, find) for key, item in value.items()}
    if isinstance(value, list):
        return [_found(item, find) for item in value]
    if isinstance(value, str) and "." in value:
        return find("policy_kwargs", value)
    return value
