"""Policies of a record that play again: the run's own, read as data, at the step that is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import daf_nb as daf
from daf_nb.envs import World
from daf_nb.session.players import recorded_players, recorded_world
from tests.notebook.helpers import graded
from tests.worlds import Shaped

WORLD = "mpe2.simple_spread_v3"
TINY: dict[str, Any] = {
    "num_envs": 2,
    "seed": 3,
    "torch_threads": 1,
    "env_kwargs": {"max_cycles": 5},
    "algorithm_kwargs": {"n_steps": 10, "n_epochs": 1},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = daf.train(WORLD, total_timesteps=240, runs_dir=tmp_path_factory.mktemp("runs"), **TINY)
    run.wait()
    return run


def recorded(run: daf.Run) -> daf.RunRecord:
    return daf.load_run(run.id, runs_dir=run.folder.parent)


def same(one: Any, other: Any) -> bool:
    mine, its = one.state_dict(), other.state_dict()
    return all(torch.equal(mine[name], its[name]) for name in mine)


def test_they_are_the_runs_own_and_nothing_is_unpickled(run, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a model was unpickled")

    monkeypatch.setattr("daf_nb.record.policies.read_model", refuse)
    players = recorded_players(recorded(run))
    assert players.step == run.step
    assert same(players.policies["all"], run.policies["all"].policy)
    assert players.tape(1).digest == run.trainer.players().tape(1).digest


def test_those_saved_nearest_to_a_step_are_taken(tmp_path):
    run = daf.train(WORLD, total_timesteps=480, runs_dir=tmp_path, checkpoint_interval=120, **TINY)
    run.wait()
    steps = [
        int(folder.name.split("-")[1])
        for folder in (run.folder / "checkpoints").iterdir()
        if folder.is_dir()
    ]
    early = min(steps)
    assert early < run.step
    players = recorded_players(recorded(run), step=0)
    assert players.step == early
    assert not same(players.policies["all"], run.policies["all"].policy)
    assert recorded_players(recorded(run), step=10**9).step == run.step


def test_where_one_is_damaged_another_is_taken(run, tmp_path):
    import shutil

    folder = tmp_path / "7"
    shutil.copytree(run.folder, folder)
    record = daf.RunRecord(id=7, folder=folder)
    for archive in (folder / "checkpoints").glob("*.zip"):
        archive.write_bytes(b"broken")
    assert recorded_players(record).step == run.step, "from the checkpoint"
    for path in (folder / "checkpoints").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(daf.RecordError, match="saved no policies"):
        recorded_players(record)


def test_tasks_of_the_recorded_curriculum_are_played(tmp_path):
    fields = {**TINY, "env_kwargs": {}}
    run = daf.train(
        Shaped,
        total_timesteps=160,
        runs_dir=tmp_path,
        curriculum=graded("easy", "hard"),
        success=(0.0, 10.0),
        **fields,
    )
    run.wait()
    record = recorded(run)
    with pytest.raises(daf.ConfigError, match="Pass trust=True"):
        recorded_players(record)
    for players in (recorded_players(record, trust=True), recorded_players(record, world=Shaped)):
        tape = players.tape(4, setting=players.setting("hard", seed=4))
        assert tape.setting.options == {"level": 1.0}
        live = run.trainer.players()
        assert tape.digest == live.tape(4, setting=live.setting("hard", seed=4)).digest


def test_the_world_is_the_recorded_one_or_the_given_one(run):
    record = recorded(run)
    assert recorded_world(record) == World(WORLD, {"max_cycles": 5})
    assert recorded_world(record, world=Shaped).env_kwargs == {"max_cycles": 5}
    whole = World(Shaped, {"limit": 2})
    assert recorded_world(record, world=whole) is whole


def test_an_experiment_has_no_policies(tmp_path):
    with daf.experiment("plain", runs_dir=tmp_path):
        pass
    with pytest.raises(daf.RecordError, match="no training"):
        recorded_players(daf.load_run(1, runs_dir=Path(tmp_path)))
