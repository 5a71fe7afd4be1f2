"""A recorded spec read back: the arguments of `train` that it came from."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

from daf_nb.config import AdaptiveConfig, CurriculumConfig, RlConfig
from daf_nb.curriculum import CurriculumManager
from daf_nb.errors import ConfigError, unknown_name
from daf_nb.record.redact import REDACTED

__all__ = ["arguments_of"]

_OWN = ("env_kwargs", "policy", "success", "world", "wrappers")
_BESIDE = ("adaptive_config", "curriculum_state")
_FIELDS = (*RlConfig.model_fields, *_OWN, *_BESIDE)
_HARMLESS = ("torch.nn.", "torch.optim.", "stable_baselines3.", "sb3_contrib.")
"""Names that may be looked up in libraries which are loaded anyway."""
_SCHEDULES = ("clip_range", "clip_range_vf", "learning_rate")


def arguments_of(spec: Mapping[str, Any], *, trust: bool = False) -> dict[str, Any]:
    """The keyword arguments of `train`, its world under "world", that a record's config stands for.

    Args:
        spec: `load_run(id).config`, or as much of such a mapping as a user writes: the world, and
            whatever else is not to be the default.
        trust: whether code may be imported by the names in it, for functions and classes that the
            record holds by name only.

    Raises:
        ConfigError: an unknown field; a function that is not trusted, or not found under its name;
            a value that was hidden as a secret.
    """
    for name in spec:
        if name not in _FIELDS:
            raise ConfigError(unknown_name("field of a spec", name, _FIELDS))
    hidden = next((path for path, text in _texts("", spec) if REDACTED in text), None)
    if hidden is not None:
        raise ConfigError(
            f"{hidden} was hidden from the record as a secret; give it again: "
            f"{hidden.split('.')[0]}=..."
        )
    if not isinstance(spec.get("world"), str):
        raise ConfigError(f"a spec names its world as text; world={spec.get('world')!r} came.")
    find = _finder(trust)
    given = {name: value for name, value in spec.items() if name not in _BESIDE}
    given["wrappers"] = tuple(_wrapper(one, find) for one in given.get("wrappers") or ())
    if isinstance(given.get("success"), str):
        given["success"] = find("success", given["success"])
    if isinstance(given.get("policy"), str) and "." in given["policy"]:
        given["policy"] = find("policy", given["policy"])
    given["policy_kwargs"] = _found(given.get("policy_kwargs") or {}, find)
    given["algorithm_kwargs"] = _algorithm(given.get("algorithm_kwargs") or {}, find)
    given["curriculum"] = _curriculum(given.pop("curriculum_config", None), spec)
    adaptive = spec.get("adaptive_config")
    given["controller"] = None if adaptive is None else AdaptiveConfig(**adaptive)
    return given


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


def _algorithm(given: Mapping[str, Any], find: Callable[[str, str], Any]) -> dict[str, Any]:
    """A schedule is a function, of which the record has the name alone."""
    return {
        name: find(name, value) if name in _SCHEDULES and isinstance(value, str) else value
        for name, value in given.items()
    }


def _wrapper(given: Any, find: Callable[[str, str], Any]) -> Any:
    if isinstance(given, str):
        return find("wrapper", given) if "." in given else given
    name, arguments = given
    return (name, arguments)


def _found(value: Any, find: Callable[[str, str], Any]) -> Any:
    """Values of `policy_kwargs`: SB3 takes classes there, such as an activation function."""
    if isinstance(value, Mapping):
        return {key: _found(item, find) for key, item in value.items()}
    if isinstance(value, list):
        return [_found(item, find) for item in value]
    if isinstance(value, str) and "." in value:
        return find("policy_kwargs", value)
    return value


def _finder(trust: bool) -> Callable[[str, str], Any]:
    def find(field: str, path: str) -> Any:
        if not trust and not path.startswith(_HARMLESS):
            raise ConfigError(
                f"{field} is {path!r}, code that the record holds by name only. Pass trust=True to "
                f"import it from there, or give it: {field}=..."
            )
        return _lookup(field, path)

    return find


def _lookup(field: str, path: str) -> Any:
    """What a dotted name stands for: its longest part that is a module, and the rest in it."""
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:count]))
            return reduce(getattr, parts[count:], module)
        except (AttributeError, ImportError):
            continue
    raise ConfigError(f"{field}: nothing is found under {path!r}; give it: {field}=...")
