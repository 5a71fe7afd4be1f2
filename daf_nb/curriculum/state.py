"""An object's attributes as plain data and back, exactly: floats, arrays, queues, generators."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from daf_nb.errors import ConfigError

__all__ = ["as_data", "capture", "of_data", "restore"]


def as_data(value: Any, name: str) -> Any:
    """One value as data that strict JSON holds without loss.

    Args:
        value: of the kinds that `capture` takes.
        name: what the error calls it.

    Raises:
        ConfigError: it is of no such kind.
    """
    return _plain(value, name)


def of_data(value: Any) -> Any:
    """What `as_data` was given.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: nothing that it gives.
    """
    return _back(value)


def capture(owner: Any, *, leave: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Attribute -> its value as data that strict JSON holds without loss.

    Args:
        owner: the object.
        leave: attributes that its constructor makes, and that do not change.

    Raises:
        ConfigError: an attribute that is none of None, bool, int, float, str, list, tuple, dict,
            deque, numpy scalar, array or Generator, or that holds something else.
    """
    return {
        name: _plain(value, f"{type(owner).__name__}.{name}")
        for name, value in vars(owner).items()
        if name not in leave
    }


def restore(owner: Any, state: Mapping[str, Any], *, leave: frozenset[str] = frozenset()) -> None:
    """Puts captured attributes back into an object of the same make.

    Raises:
        ConfigError: the state is not of such an object; nothing was put back.
    """
    mine = vars(owner).keys() - leave
    if not isinstance(state, Mapping) or mine != state.keys():
        odd = sorted(mine ^ state.keys()) if isinstance(state, Mapping) else [repr(state)]
        raise ConfigError(f"the state is not one of {type(owner).__name__}: {', '.join(odd)}.")
    found = {}
    for name, value in state.items():
        try:
            found[name] = _back(value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"the state of {type(owner).__name__}.{name} cannot be read: {error}"
            ) from error
    vars(owner).update(found)


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, np.generic):
        return {"scalar": value.dtype.str, "data": _cells(np.array([value]), name)}
    if isinstance(value, float) and not isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        data = _cells(value.ravel(), name)
        return {"dtype": value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, np.random.Generator):
        return {"bit_generator": _plain(dict(value.bit_generator.state), name)}
    if isinstance(value, list):
        return [_plain(item, name) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_plain(item, name) for item in value]}
    if isinstance(value, deque):
        return {"deque": [_plain(item, name) for item in value], "maxlen": value.maxlen}
    if isinstance(value, dict):
        return {"items": [[_plain(k, name), _plain(v, name)] for k, v in value.items()]}
    raise _refused(name, type(value).__name__)


def _cells(array: np.ndarray, name: str) -> list[Any]:
    """The values of a flat array; floats that strict JSON has no word for are told in words."""
    if array.dtype.kind not in "biufU" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        raise _refused(name, f"{array.dtype} array")
    finite = array.dtype.kind != "f" or np.isfinite(array).all()
    return array.tolist() if finite else [repr(value) for value in array.tolist()]


def _refused(name: str, kind: str) -> ConfigError:
    return ConfigError(
        f"{name} is a {kind}, which a state cannot hold; keep numbers, arrays, lists, dicts or "
        "deques, or write state_dict and load_state_dict."
    )


def _back(value: Any) -> Any:
    """What `_plain` made data of."""
    if isinstance(value, list):
        return [_back(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "dtype" in value:
        return np.array(value["data"], np.dtype(value["dtype"])).reshape(value["shape"])
    if "scalar" in value:
        return np.array(value["data"], np.dtype(value["scalar"]))[0]
    if "float" in value:
        return float(value["float"])
    if "bit_generator" in value:
        return _generator(_back(value["bit_generator"]))
    if "tuple" in value:
        return tuple(_back(item) for item in value["tuple"])
    if "deque" in value:
        return deque(map(_back, value["deque"]), maxlen=value["maxlen"])
    return {_back(k): _back(v) for k, v in value["items"]}


def _generator(state: dict[str, Any]) -> np.random.Generator:
    kind = getattr(np.random, state["bit_generator"], None)
    if not (isinstance(kind, type) and issubclass(kind, np.random.BitGenerator)):
        raise ValueError(f"{state['bit_generator']!r} is no bit generator of numpy")
    bits = kind()
    bits.state = state
    return np.random.Generator(bits)
