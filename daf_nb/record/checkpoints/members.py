"""A snapshot as the files of a checkpoint, and back: JSON, safetensors, tapes; all of it data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from daf_nb.envs.plain_settings import setting_to_plain
from daf_nb.envs.tape import Tape
from daf_nb.errors import CheckpointError

if TYPE_CHECKING:
    from daf_nb.learn.snapshot import Snapshot

__all__ = ["MEMBERS", "STATE", "TAPES", "TENSORS", "members_of", "snapshot_of"]

STATE, TENSORS, TAPES = "state.json", "tensors.safetensors", "tapes.bin"
MEMBERS = (STATE, TENSORS, TAPES)

_SIZE = 8
"""Bytes that say how long the tape behind them is, little-endian."""


def members_of(snapshot: Snapshot, *, hide: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """Name -> content of each file.

    Args:
        snapshot: a trainer's state.
        hide: takes secrets out of bytes.

    Raises:
        CheckpointError: a secret is among what episodes are played with.
        ConfigError: an episode is too long for a tape.
        ValueError: a number that JSON has no word for.
    """
    from safetensors.torch import save

    tensors = {name: tensor.cpu().contiguous() for name, tensor in snapshot.tensors.items()}
    text = json.dumps(snapshot.state, allow_nan=False, separators=(",", ":"))
    return {
        STATE: hide(text.encode()),
        TENSORS: save(tensors),
        TAPES: b"".join(_taped(tape, hide) for tape in snapshot.tapes),
    }


def snapshot_of(step: int, members: Mapping[str, bytes]) -> Snapshot:
    """The snapshot that `members_of` was given. Nothing is executed.

    Raises:
        ValueError: these are no such files.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from daf_nb.learn.snapshot import Snapshot

    try:
        state = json.loads(members[STATE], parse_constant=_refuse)
        tensors = load(members[TENSORS])
    except (RecursionError, SafetensorError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{STATE} holds no state")
    return Snapshot(step, state, tensors, _tapes(members[TAPES]))


def _taped(tape: Tape, hide: Callable[[bytes], bytes]) -> bytes:
    """Its world is in the run's config, where its secrets are hidden."""
    missing: list[str] = []
    for setting in (tape.setting, tape.next_setting):
        told = json.dumps(setting_to_plain(setting, "setting", missing)).encode()
        if hide(told) != told:
            raise CheckpointError(
                f"task {tape.task!r} is played with a secret, which no file may hold; give it to "
                "the world in another way, such as by the environment."
            )
    content = replace(tape, world=None).to_bytes()
    return len(content).to_bytes(_SIZE, "little") + content


def _tapes(content: bytes) -> Sequence[Tape]:
    tapes, at = [], 0
    while at < len(content):
        start = at + _SIZE
        at = start + int.from_bytes(content[at:start], "little")
        if at > len(content):
            raise ValueError(f"{TAPES} ends before its tapes do")
        tapes.append(Tape.from_bytes(content[start:at]))
    return tapes


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number")
