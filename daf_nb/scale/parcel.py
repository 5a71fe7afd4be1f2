"""What a run in a process of its own is told, and how it is sent there: by a pipe."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import cloudpickle

from daf_nb.errors import ConfigError

__all__ = ["NOW", "STOP", "Parcel", "pack", "receive", "send", "unpack"]

STOP, NOW = b"s", b"n"
"""What may follow a parcel: stop at the next boundary; stop within a step."""

_LENGTH = 8  # bytes
_INSTEAD = {
    "controller": " Give its config: controller=AdaptiveConfig(...).",
    "controls": " Every run makes its own.",
    "observers": ' Name them: observers=["mongo"].',
}


@dataclass(frozen=True)
class Parcel:
    """A run, but for its seed.

    Attributes:
        trainer: arguments of `make_trainer`, the world under "world".
        record: arguments of `launch`.
    """

    trainer: Mapping[str, Any]
    record: Mapping[str, Any]


def pack(parcel: Parcel) -> bytes:
    """The parcel as bytes; what was defined in a cell or a script goes with it, by value.

    Raises:
        ConfigError: something in it cannot be sent, such as a lock or an open file.
    """
    try:
        return cloudpickle.dumps(parcel)
    except Exception as error:
        for name, value in {**parcel.trainer, **parcel.record}.items():
            _check(name, value)
        raise ConfigError(f"the runs cannot be sent to other processes: {error!r}.") from error


def send(stream: IO[bytes], seed: int, parcel: bytes) -> None:
    """Writes a seed and a packed parcel."""
    for part in (str(seed).encode(), parcel):
        stream.write(len(part).to_bytes(_LENGTH) + part)
    stream.flush()


def receive(source: int) -> tuple[int, bytes]:
    """The seed and the packed parcel that `send` wrote, from a file descriptor; no byte more.

    Raises:
        EOFError: it broke off.
    """
    seed, parcel = (_exactly(source, _length(source)) for _ in range(2))
    return int(seed), parcel


def unpack(parcel: bytes) -> Parcel:
    """What `pack` packed, in the process that it was sent to by the one that started it."""
    return pickle.loads(parcel)  # noqa: S301 - from our own parent, by a pipe that it alone holds


def _length(source: int) -> int:
    return int.from_bytes(_exactly(source, _LENGTH))


def _exactly(source: int, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = os.read(source, length - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _check(name: str, value: Any) -> None:
    try:
        cloudpickle.dumps(value)
    except Exception as error:
        raise ConfigError(
            f"{name}={value!r:.100} cannot be sent to another process: {error}."
            f"{_INSTEAD.get(name, '')}"
        ) from error
