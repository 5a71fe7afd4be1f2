"""What goes to workers and comes back, in all that worlds and their users may give."""

from __future__ import annotations

import resource
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daf_nb.envs import AgentVecEnv, Setting, World
from daf_nb.errors import ConfigError
from daf_nb.testing import Scripted
from tests import worlds
from tests.envs.acting import assert_alike, assert_go_on_alike
from tests.envs.workers.helpers import children, started, step
from tests.envs.workers.rough_worlds import Confiding, Obeying, Switches, Talking

pytestmark = pytest.mark.timeout(60)


def test_reset_options_may_hold_arrays(made):
    world = World(worlds.Counting, {"limit": 2})
    sides: list[Any] = []
    for workers in (0, 1):
        copies = made(world, num_workers=workers)
        setting = Setting("mapped", options={"map": np.arange(4), "level": 1})
        for copy in range(2):
            copies.prepare(copy, setting)
        copies.reset([{}, {"level": 2, "start": np.zeros(2)}, {"start": np.ones(3)}])
        ended = []
        for _ in range(5):
            step(copies)
            ended += copies.episodes
        assert [one.setting is setting for one in ended] == [True, *[False] * 2, True, True, False]
        sides.append(repr([(one.copy, one.task, dict(one.options)) for one in ended]))
    assert sides[0] == sides[1]


@pytest.mark.parametrize("workers", [0, 1])
def test_as_many_settings_as_one_likes_are_prepared_within_an_episode(made, workers, tmp_path):
    copies = made(World(Obeying, {"flag": tmp_path / "flag"}), num_envs=1, num_workers=workers)
    copies.prepare(0, Setting("first", options={"limit": 50}))
    copies.reset()
    played, prepared = [], {}
    for at in range(120):
        setting = prepared[str(at)] = Setting(str(at), options={"limit": 50})
        copies.prepare(0, setting)
        step(copies)
        played += [episode.setting for episode in copies.episodes]
    assert [setting.task for setting in played] == ["first", "49"]
    assert played[1] is prepared["49"]
    assert copies.tapes()[0].setting is prepared["99"]


def test_what_cannot_be_sent_of_an_info_is_left_out_and_told_of_once(made, caplog):
    copies = made(World(Confiding), num_envs=2, num_workers=1)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        copies.reset()
        ended = []
        for _ in range(6):
            step(copies)
            ended += copies.episodes
        infos, reset_infos = copies.infos, copies.reset_infos
    said = [*(str(one.message) for one in warned), *caplog.messages]
    assert sum("engine" in one for one in said) == 1
    assert [dict(episode.info) for episode in ended] == [{"agent_0": {"score": 2}}] * 6
    assert infos == {(copy, "agent_0"): {"score": 2} for copy in range(2)}
    assert reset_infos == {(copy, "agent_0"): {"score": 0} for copy in range(2)}


ERRORS = """
from daf_nb.envs import Copies
from daf_nb.errors import TrainingEnvironmentError
from daf_nb.testing import Scripted

class Mine(ValueError):
    "Defined in the program itself, as in a notebook's cell."

class World(Scripted):
    def step(self, actions):
        error = Mine("boo", 3)
        error.kept = {"level": 7}
        raise error

copies = Copies(World, num_envs=1, num_workers=1, seed=4)
copies.reset()
try:
    copies.step({"all": copies.arrays.choices * 0})
except TrainingEnvironmentError as error:
    cause = error.__cause__
    print(type(cause) is Mine, cause.args, cause.kept)
copies.close()
"""


def test_an_error_of_the_programs_own_class_comes_back_as_that():
    output, _ = started(ERRORS).communicate(timeout=50)
    assert output == "True ('boo', 3) {'level': 7}\n"


@pytest.mark.parametrize("workers", [-1, -8])
def test_fewer_workers_than_none_are_refused(workers):
    with pytest.raises(ConfigError, match=f"num_workers.*{workers}"):
        AgentVecEnv(Scripted, num_envs=2, num_workers=workers)
    assert not children()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_world_logs_is_logged_by_the_trainer(made, caplog, workers):
    copies = made(World(Talking), num_envs=2, num_workers=workers)
    copies.reset()
    step(copies, 3)
    records = [record for record in caplog.records if record.name == "rough.talking"]
    assert sorted(record.getMessage() for record in records) == [
        f"step {at}" for at in (1, 1, 2, 2, 3, 3)
    ]
    assert {record.levelname for record in records} == {"WARNING"}


def test_a_record_that_cannot_be_written_breaks_no_step(made):
    ours, theirs = made(World(Talking, {"badly": True}), num_workers=1), made(World(Talking))
    for copies in (ours, theirs):
        copies.reset()
    assert_go_on_alike(ours, theirs, 8, np.random.default_rng(0))


@pytest.fixture
def many_open() -> Iterator[None]:
    """More descriptors are open than `select` knows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip(f"this process may open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    with ExitStack() as stack:
        for _ in range(1050):
            stack.enter_context(Path("/dev/null").open())
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_open")
def test_much_is_sent_where_many_files_are_open(made):
    ours, theirs = made(World(worlds.Staggered), num_workers=2), made(World(worlds.Staggered))
    for copies in (ours, theirs):
        for copy in range(3):
            copies.prepare(copy, Setting("large", options={"map": np.zeros(1_000_000)}))
        copies.reset([{"seen": np.ones(1_000_000)}] * 3)
    assert_alike(ours, theirs)
    for _ in range(8):
        for copies in (ours, theirs):
            step(copies)
        assert_alike(ours, theirs)


def test_actions_of_switches_are_as_they_are_here(made):
    ours, theirs = made(World(Switches), num_workers=2), made(World(Switches))
    for copies in (ours, theirs):
        copies.reset()
    for kind in (np.int8, np.int64, np.float32, np.bool_):
        rng = np.random.default_rng(0)
        for _ in range(3):
            chosen = {"group 0": rng.integers(0, 2, (3, 3, 3)).astype(kind)}
            ours.step(chosen)
            theirs.step(chosen)
            assert ours.arrays.rewards.tolist() == theirs.arrays.rewards.tolist()
            assert_alike(ours, theirs)
