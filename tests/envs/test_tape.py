"""Tapes as bytes: exact there and back, small, and harmless whatever somebody wrote into them."""

from __future__ import annotations

import hashlib
import json
import pickle
import zlib
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from daf_nb.envs import Setting, Tape, World, set_stage
from daf_nb.envs.coding import decode, encode
from daf_nb.envs.tape_bytes import LARGEST
from daf_nb.errors import ConfigError
from daf_nb.testing import SCENARIOS, Scripted
from tests import worlds
from tests.envs.acting import copies_of, play_on


@dataclass(frozen=True)
class Ticket:
    """Plain data, but a class of its own."""

    index: int
    point: tuple[float, ...]
    values: Any


class Acting(Scripted):
    """Acts in `space`."""

    def __init__(self, *, space: spaces.Space):
        self.space = space
        super().__init__(agents=2, limit=5)

    def make_action_space(self, agent):
        return self.space


def tapes_of(world: World, *, steps: int = 8, **kwargs: Any) -> list[Tape]:
    """Finished and unfinished ones."""
    kept: list[Tape] = []
    copies = copies_of(world, **kwargs)
    copies.on_tape = lambda episode, tape: kept.append(tape())
    copies.reset()
    play_on(copies, steps, np.random.default_rng(0))
    return [*kept, *copies.tapes()]


def content_of(tape: Tape) -> tuple[Any, ...]:
    def arrays() -> Any:
        for array in (tape.acted, tape.digests, *tape.actions.values()):
            yield array.dtype, array.shape, array.tobytes()

    return (
        *(tape.copy, tape.number, tape.seed, tape.agents, list(tape.actions), tape.stride),
        *(dict(tape.returns), tape.finished, tape.length, tape.agent_steps, tape.digest),
        *(list(arrays()), told(tape.setting), told(tape.next_setting)),
    )


def told(setting: Setting | None) -> Any:
    if setting is None:
        return None
    goal = None if setting.goal is None else (setting.goal.dtype, setting.goal.tolist())
    return repr((setting.task, dict(setting.env_kwargs), dict(setting.options), goal))


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("steps", [0, 1, 8, 60])
def test_tapes_come_back_as_they_were(scenario, steps):
    for tape in tapes_of(World(SCENARIOS[scenario]), steps=steps):
        again = Tape.from_bytes(tape.to_bytes())
        assert content_of(again) == content_of(tape)
        assert again.to_bytes() == Tape.from_bytes(again.to_bytes()).to_bytes()


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(70_000),
        spaces.Box(-1, 1, (2, 3), np.float64),
        spaces.Box(-1, 1, (), np.float32),
        spaces.Box(-5, 300, (4,), np.int16),
        spaces.MultiDiscrete([3, 300, 2]),
        spaces.MultiBinary((2, 2)),
    ],
    ids=str,
)
def test_actions_of_every_space_come_back_as_they_were(space):
    for tape in tapes_of(World(Acting, {"space": space})):
        assert content_of(Tape.from_bytes(tape.to_bytes())) == content_of(tape)


def test_the_world_as_data_comes_back():
    world = World(
        "mpe2.simple_tag_v3",
        {"num_good": 1, "max_cycles": 9},
        ("pad_observations_v0", ("frame_stack_v1", {"stack_size": 2})),
    )
    (tape, *_) = tapes_of(world, steps=1, num_envs=1)
    again = Tape.from_bytes(tape.to_bytes())
    assert again.missing == ()
    assert again.world == world


def test_what_is_no_plain_data_is_named_and_left_out():
    def wrapper(env):
        return env

    def prepare(env):
        return None

    world = World(worlds.Shaped, {"size": 4, "deaths": {0: 9}}, (wrapper,))
    tape = replace(
        tapes_of(World(worlds.Shaped), steps=1, num_envs=1)[0],
        world=world,
        setting=Setting("a", {"size": 4, "f": len}, {"x": object, "y": (1,)}, prepare, tag=len),
        next_setting=Setting("b", prepare=partial(set_stage, 3), family="curriculum_stage"),
    )
    again = Tape.from_bytes(tape.to_bytes())
    assert again.missing == (
        "world",
        "world.wrappers[0]",
        "setting.prepare",
        "setting.env_kwargs['f']",
        "setting.options['x']",
        "setting.tag",
    )
    assert again.world is not None
    assert (again.world.world, again.world.env_kwargs) == (
        "tests.worlds:Shaped",
        {"size": 4, "deaths": {0: 9}},
    )
    assert (again.setting.env_kwargs, again.setting.options) == ({"size": 4}, {"y": (1,)})
    upcoming: Any = again.next_setting
    assert (upcoming.prepare.func, upcoming.prepare.args) == (set_stage, (3,))
    assert upcoming.kin == tape.next_setting.kin  # type: ignore[union-attr] - it is given above
    whole = again.remade(lambda setting: tape.setting if setting.task == "a" else setting)
    assert whole.setting is tape.setting
    assert whole.missing == ("world", "world.wrappers[0]")


def test_a_tag_that_is_a_dataclass_comes_back_as_a_dict():
    setting = Setting("a", tag=Ticket(3, (0.25, 1.0), MappingProxyType({"limit": np.int64(4)})))
    tape = replace(tapes_of(World(Scripted), steps=1)[0], setting=setting)
    assert Tape.from_bytes(tape.to_bytes()).setting.tag == {
        "index": 3,
        "point": (0.25, 1.0),
        "values": {"limit": 4},
    }


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 1, 2**70, -0.5, float("inf"), "x\ud800", b"\x00\xff"),
        *([], (), {}, [1, (2, [3])], {"a": {"b": (1,)}}, {1: 2, (3, None): [4]}, {"!": "tuple"}),
        *(np.float32(0.1), np.int64(-3), np.bool_(True), np.zeros((2, 0)), np.array(5)),
        np.arange(6, dtype=np.uint8).reshape(2, 3),
    ],
    ids=repr,
)
def test_plain_values_come_back_with_their_types(value):
    again = decode(json.loads(json.dumps(encode(value))))
    assert type(again) is type(value)
    assert repr(again) == repr(value)


@pytest.mark.parametrize("value", [object(), len, {1, 2}, 1j, np.array([None]), [{"a": object()}]])
def test_other_values_are_no_plain_data(value):
    with pytest.raises(TypeError, match="is not plain data"):
        encode(value)


# Size


def test_a_million_agent_steps_of_simple_spread_take_less_than_20_mb():
    """Every episode's tape by itself, as bytes; episodes of 25 steps and 3 agents."""
    tapes = [tape for tape in tapes_of(World("mpe2.simple_spread_v3"), steps=100) if tape.finished]
    size = sum(len(tape.to_bytes()) for tape in tapes)
    steps = sum(tape.agent_steps for tape in tapes)
    assert steps == 12 * 75
    assert size * 1_000_000 / steps < 10_000_000


# Strangers


def forged(header: Any, arrays: bytes = b"", *, size: int | None = None) -> bytes:
    """Bytes with a right checksum around whatever they say."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    raw = len(text).to_bytes(4, "little") + text + arrays
    body = (len(raw) if size is None else size).to_bytes(8, "little") + zlib.compress(raw)
    return b"daftape1" + hashlib.blake2b(body, digest_size=16).digest() + body


def header_of(tape: Tape) -> tuple[dict[str, Any], bytes]:
    raw = zlib.decompress(tape.to_bytes()[32:])
    start = 4 + int.from_bytes(raw[:4], "little")
    return json.loads(raw[4:start]), raw[start:]


def refused(content: bytes) -> str:
    with pytest.raises(ConfigError, match="are no whole tape") as caught:
        Tape.from_bytes(content)
    return str(caught.value)


def test_bytes_that_are_cut_anywhere_are_refused():
    content = tapes_of(World(Scripted))[0].to_bytes()
    for length in range(len(content)):
        refused(content[:length])
    refused(content + b"\x00")


def test_every_flipped_bit_is_found():
    content = bytearray(tapes_of(World(Scripted))[0].to_bytes())
    for at in range(len(content)):
        content[at] ^= 1 << at % 8
        refused(bytes(content))
        content[at] ^= 1 << at % 8
    Tape.from_bytes(bytes(content))


def changed(**changes: Any) -> bytes:
    header, arrays = header_of(tapes_of(World(Scripted))[0])
    return forged({**header, **changes}, arrays)


def test_the_forgery_of_these_tests_is_read_where_it_is_right():
    tape = tapes_of(World(Scripted))[0]
    assert content_of(Tape.from_bytes(forged(*header_of(tape)))) == content_of(tape)


@pytest.mark.parametrize(
    "changes",
    [
        {"length": 10**12},
        {"length": 6},
        {"length": 4},
        {"length": -1},
        {"length": 5.0},
        {"length": None},
        {"agents": []},
        {"agents": [["agent_0", "|u1", "|u1", []]] * 3},
        {"agents": [["agent_0", "|O", "|O", []]]},
        {"agents": [["agent_0", "|u1", "object", []]]},
        {"agents": [["agent_0", "|u1", "|u1", [0, 10**30]]]},
        {"agents": [["agent_0", "|u1", "|u1", [-1]]]},
        {"agents": "agent_0"},
        {"setting": None},
        {"setting": {"task": "a"}},
        {"setting": 5},
        {"next_setting": {"!": "tuple"}},
        {"copy": -1},
        {"seed": "0"},
        {"returns": [1]},
        {"returns": {"agent_0": "much"}},
        {"world": {"name": "x", "env_kwargs": {"a": {"!": "code", "of": "x"}}, "wrappers": []}},
        {"world": {"name": "x", "env_kwargs": [1], "wrappers": []}},
        {"missing": 3},
    ],
    ids=str,
)
def test_tapes_that_say_what_cannot_be_are_refused(changes):
    refused(changed(**changes))


def setting_with(**changes: Any) -> dict[str, Any]:
    header, _ = header_of(tapes_of(World(Scripted))[0])
    return {"setting": {**header["setting"], **changes}}


@pytest.mark.parametrize(
    "changes",
    [
        {"goal": {"!": "array", "dtype": "|O", "shape": [1], "of": ""}},
        {"goal": {"!": "array", "dtype": "<f4", "shape": [10**9], "of": ""}},
        {"goal": [1, 2]},
        {"stage": -1},
        {"stage": "os.system"},
        {"tag": {"!": "bytes", "of": "no base 64!"}},
        {"tag": {"!": "dict", "of": [[[], 1]]}},
        {"options": {"x": {"!": "pickle", "of": ""}}},
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(changes):
    refused(changed(**setting_with(**changes)))


def test_bombs_are_not_unpacked():
    body = LARGEST.to_bytes(8, "little") + zlib.compress(bytes(2**20))
    content = b"daftape1" + hashlib.blake2b(body, digest_size=16).digest() + body
    assert "do not unpack to" in refused(content)
    assert "are read at most" in refused(forged({}, size=LARGEST + 1))
    assert "do not unpack to 3" in refused(forged({}, size=3))
    refused(forged(b"[" * 200_000))
    refused(forged(b"9" * 10_000))
    header, _ = header_of(tapes_of(World(Scripted))[0])
    wide = [["a", "|u1", "<f8", [1]]]
    length = LARGEST // 8 + 1
    zeros = bytes(-(-length // 8) + 8 * 9)
    refused(forged({**header, "agents": wide, "length": length}, zeros))


def test_nothing_of_a_tape_is_executed(tmp_path):
    """A pickle, a name of a function as the world, and a wrapper: data, and no more."""
    mark = tmp_path / "executed"

    class Payload:
        def __reduce__(self):
            return mark.touch, ()

    refused(pickle.dumps(Payload()))
    refused(b"daftape1" + pickle.dumps(Payload()))
    refused(forged(pickle.dumps(Payload())))
    header, arrays = header_of(tapes_of(World(Scripted))[0])
    header["world"] = {
        "name": "os:system",
        "env_kwargs": {"command": f"touch {mark}"},
        "wrappers": ["pad_observations_v0"],
    }
    tape = Tape.from_bytes(forged(header, arrays))
    assert tape.world == World("os:system", {"command": f"touch {mark}"}, ("pad_observations_v0",))
    assert not mark.exists()
