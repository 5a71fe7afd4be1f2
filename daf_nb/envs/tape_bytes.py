"""Tapes as bytes: a checksum, then zlib over a header in JSON and the arrays as they are in memory.

    8 bytes   b"daftape1"
    16 bytes  BLAKE2b of all that follows
    8 bytes   size of what was compressed (little-endian, as everything here)
    the rest  zlib: 4 bytes size of the header, the header, then the arrays that it describes

Reading trusts nothing: sizes are bounded before anything is unpacked, arrays are of numbers, and no
name is looked up.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import Any

import numpy as np

from daf_nb.envs.coding import DTYPES
from daf_nb.envs.plain_settings import setting_to_plain, to_setting, to_world, world_to_plain
from daf_nb.envs.tape import Tape
from daf_nb.errors import ConfigError

__all__ = ["LARGEST", "from_bytes", "to_bytes"]

LARGEST = 2**28
"""Bytes of the largest tape, unpacked."""

_MAGIC = b"daftape1"
_START = len(_MAGIC) + 16


def to_bytes(tape: Tape) -> bytes:
    """See `Tape.to_bytes`."""
    missing = list(tape.missing)
    actions = {agent: _smallest(tape.actions[agent]) for agent in tape.agents}
    header = {
        "world": world_to_plain(tape.world, missing),
        "setting": setting_to_plain(tape.setting, "setting", missing),
        "next_setting": setting_to_plain(tape.next_setting, "next_setting", missing),
        "copy": tape.copy,
        "number": tape.number,
        "seed": tape.seed,
        "agents": [
            [agent, kept.dtype.str, tape.actions[agent].dtype.str, list(kept.shape[1:])]
            for agent, kept in actions.items()
        ],
        "length": tape.length,
        "stride": tape.stride,
        "returns": dict(tape.returns),
        "finished": tape.finished,
        "missing": missing,
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    arrays = [np.packbits(tape.acted), tape.digests.astype("<u8"), *actions.values()]
    raw = b"".join([len(text).to_bytes(4, "little"), text, *(a.tobytes() for a in arrays)])
    if max(len(raw), sum(tape.actions[agent].nbytes for agent in tape.agents)) > LARGEST:
        raise ConfigError(
            f"copy {tape.copy}, episode {tape.number}: {tape.length} steps take more than the "
            f"{LARGEST} bytes of the largest tape. Give the world a time limit, such as max_cycles."
        )
    body = len(raw).to_bytes(8, "little") + zlib.compress(raw, 6)
    return _MAGIC + _checksum(body) + body


def from_bytes(content: bytes) -> Tape:
    """See `Tape.from_bytes`."""
    try:
        return _tape(_unpacked(content))
    except (
        *(ValueError, TypeError, KeyError, IndexError, AttributeError, zlib.error),
        # JSON nested beyond all reason, and sizes beyond it.
        *(RecursionError, MemoryError, OverflowError),
    ) as error:
        raise ConfigError(
            f"these {len(content)} bytes are no whole tape: {error}. Nothing of them was used; "
            "take another copy of the file."
        ) from error


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_START - len(_MAGIC)).digest()


def _unpacked(content: bytes) -> bytes:
    body = content[_START:]
    if not content.startswith(_MAGIC):
        raise ValueError(f"they do not begin with {_MAGIC.decode()}")
    if _checksum(body) != content[len(_MAGIC) : _START]:
        raise ValueError("their checksum is not right: they were cut or changed")
    size = int.from_bytes(body[:8], "little")
    if size > LARGEST:
        raise ValueError(f"they unpack to {size} bytes; {LARGEST} are read at most")
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(body[8:], size + 1)
    if len(raw) != size or not unpacker.eof or unpacker.unused_data:
        raise ValueError(f"they do not unpack to {size} bytes, as they say")
    return raw


def _tape(raw: bytes) -> Tape:
    start = 4 + int.from_bytes(raw[:4], "little")
    header = json.loads(raw[4:start])
    length, agents = _count(header["length"]), [str(row[0]) for row in header["agents"]]
    if not agents or len(set(agents)) < len(agents):
        raise ValueError("their agents are not told apart")
    setting = to_setting(header["setting"])
    if setting is None:
        raise ValueError("they do not say what was played")
    reader = _Reader(raw, start)
    bits = reader.take("|u1", "|u1", (-(-length * len(agents) // 8),))
    digests = reader.take("<u8", "<u8", (length + 1,))
    actions = {
        agent: reader.take(kept, dtype, (length, *shape))
        for agent, (_, kept, dtype, shape) in zip(agents, header["agents"], strict=True)
    }
    reader.refuse_rest()
    acted = np.unpackbits(bits, count=length * len(agents))
    return Tape(
        world=to_world(header["world"]),
        setting=setting,
        next_setting=to_setting(header["next_setting"]),
        copy=_count(header["copy"]),
        number=_count(header["number"]),
        seed=_count(header["seed"]),
        agents=tuple(agents),
        actions=actions,
        acted=acted.astype(bool).reshape(length, len(agents)),
        digests=digests,
        stride=max(1, _count(header["stride"])),
        returns={str(agent): float(total) for agent, total in header["returns"].items()},
        finished=header["finished"] is True,
        missing=tuple(str(name) for name in header["missing"]),
    )


class _Reader:
    """Takes arrays from bytes, one after the other: never beyond their end, or too many."""

    def __init__(self, raw: bytes, start: int) -> None:
        self._raw, self._at, self._left = raw, start, LARGEST

    def take(self, kept: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        """The next array, kept as one dtype and given as another."""
        count = 1
        for length in shape:
            count *= _count(length)
        stop = self._at + count * _known(kept).itemsize
        self._left -= count * _known(dtype).itemsize
        if stop > len(self._raw) or self._left < 0:
            raise ValueError("they end before their arrays do")
        array = np.frombuffer(self._raw, kept, count, self._at).reshape(shape)
        self._at = stop
        return array.astype(dtype)

    def refuse_rest(self) -> None:
        if self._at != len(self._raw):
            raise ValueError("they go on behind their arrays")


def _known(dtype: Any) -> np.dtype:
    if dtype not in DTYPES:
        raise ValueError(f"arrays of dtype {dtype!r} are not read")
    return np.dtype(dtype)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{value!r} is no count")
    return value


def _smallest(actions: np.ndarray) -> np.ndarray:
    """The same integers in the fewest bytes; what is none stays as it is."""
    if actions.dtype.kind not in "iu":
        return actions
    low, high = (int(actions.min()), int(actions.max())) if actions.size else (0, 0)
    for dtype in map(np.dtype, ("u1", "i1", "<u2", "<i2", "<u4", "<i4")):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return actions.astype(dtype)
    return actions
