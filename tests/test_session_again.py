"""A run from its record: the same spec, the same moves, the same bits; or where they part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stable_baselines3.common.callbacks import BaseCallback

import daf_nb as daf
from daf_nb.session.again import train_spec
from tests.test_session import TINY, start
from tests.worlds import Counting

WORLD = "mpe2.simple_spread_v3"
REACHED = "stable_baselines3.common.utils.os.getcwd"
"""What a library's module has imported is not the library."""


def half(episode) -> float:
    return 0.5


def steered(run: daf.Run) -> None:
    """Two changes while it trains, the second after the first took effect."""
    run.controls.set("learning_rate", 1e-3, by="user")
    run.wait(timeout=0.2)
    run.controls.set("ent_coef", 0.02, by="user")


def finished(run: daf.Run) -> daf.Run:
    run.wait()
    return run


def reproduced(run: daf.Run, **given: Any) -> daf.Reproduction:
    return daf.reproduce(
        run.id, runs_dir=run.folder.parent, world=given.pop("world", Counting), **given
    )


def edit(path: Path, change) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_steered_run_is_reproduced_to_the_last_bit(tmp_path):
    run = start(tmp_path, total_timesteps=2000, name="steered", tags=("a",))
    steered(run)
    run.wait()
    assert len(run.controls.journal) == 2
    again = reproduced(run)
    assert again.identical
    assert again.first_difference is None
    assert again.run.fingerprint() == run.fingerprint()
    assert repr(again) == f"run {run.id} played again as run {again.run.id}: identical"
    listed = daf.list_runs(runs_dir=tmp_path, where={"id": again.run.id}).iloc[0]
    assert (listed["parent"], listed["tags"]) == (run.id, ("a", "reproduction"))


def test_without_one_of_its_moves_it_says_where_they_part(tmp_path):
    run = start(tmp_path, total_timesteps=1000)
    run.controls.set("learning_rate", 1e-2, by="user")
    run.wait()
    (entry,) = run.controls.journal
    (run.folder / "journal.jsonl").unlink()
    first = reproduced(run).first_difference
    assert first is not None
    assert first.step == min(step for step, _ in run.rows if step > entry.step)
    assert first.values["train/learning_rate"] == (1e-2, 3e-4)


def test_a_run_that_was_stopped_is_played_to_where_it_stopped(tmp_path):
    run = start(tmp_path, total_timesteps=10**6)
    while not run.rows:
        run.wait(timeout=0.05)
    run.stop()
    run.wait()
    assert run.status == "INTERRUPTED"
    again = reproduced(run)
    assert again.identical
    assert again.run.step == run.step


def test_a_curriculum_and_its_rules_are_reproduced_from_the_journal(tmp_path):
    curriculum = daf.CurriculumManager(daf.CurriculumConfig(strategy="learnability"))
    curriculum.add_tasks(daf.buckets("count", count=3, config={}))
    run = start(
        tmp_path,
        total_timesteps=1500,
        curriculum=curriculum,
        controller=daf.AdaptiveConfig(rules="all"),
        success=(0.0, 10.0),
    )
    run.controls.set("curriculum.difficulty_bias", 0.5, by="user")
    run.controls.set("adaptive.mode", "advise", by="user")
    run.wait()
    assert reproduced(run).identical


def test_functions_of_a_record_are_imported_only_where_they_are_trusted(tmp_path):
    run = finished(start(tmp_path, success=half))
    with pytest.raises(daf.ConfigError, match="code that the record holds by name only"):
        reproduced(run)
    assert reproduced(run, success=half).identical
    edit(run.folder / "config.json", lambda spec: spec.update(success="tests.no_such.thing"))
    with pytest.raises(daf.ConfigError, match=r"nothing is found under 'tests\.no_such\.thing'"):
        daf.reproduce(run.id, runs_dir=tmp_path, trust=True)


def test_a_live_run_and_one_without_training_cannot_be_reproduced(tmp_path):
    run = start(tmp_path, total_timesteps=10**6)
    with pytest.raises(daf.RecordError, match="reproduce it when it has ended"):
        reproduced(run)
    run.stop()
    run.wait()
    with pytest.raises(daf.ConfigError, match="unknown argument of reproduce 'sucess'"):
        daf.reproduce(run.id, runs_dir=tmp_path, sucess=half)


def test_a_spec_as_a_user_writes_it_is_trained(tmp_path):
    spec = {"world": "tests.worlds:Counting", **TINY, "total_timesteps": 100}
    spec["policy_kwargs"] = {"activation_fn": "torch.nn.ReLU", "net_arch": [8]}
    run = finished(
        train_spec(spec, runs_dir=tmp_path, name="typed", tags=("t",), seed=5, trust=True)
    )
    record = daf.load_run(run.id, runs_dir=tmp_path)
    assert (record.name, record.tags, record.config["seed"]) == ("typed", ("t",), 5)
    assert record.config["policy_kwargs"]["net_arch"] == [8]
    assert "ReLU" in str(run.policies["all"].policy)
    assert reproduced(run).identical


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"world": "tests.worlds:Counting", "sed": 1}, "Did you mean 'seed'"),
        ({}, "a spec names its world as text"),
        ({"world": "w", "env_kwargs": {"key": "<redacted>"}}, r"env_kwargs\.key was hidden"),
        ({"world": 3}, "a spec names its world as text"),
        ({"world": "tests.worlds:Counting"}, "neither PettingZoo's nor of mpe2 or daf_nb"),
        ({"world": "subprocess:run", "env_kwargs": {"args": "exit"}}, "trust=True"),
        ({"world": WORLD, "policy": "os.system"}, "trust=True"),
        ({"world": WORLD, "policy_kwargs": {"a": REACHED}}, "trust=True"),
        ({"world": WORLD, "policy_kwargs": {"a": "torch.nn.no_such"}}, "nothing is found"),
        ({"world": WORLD, "wrappers": [["a"]]}, r"wrapper \['a'\] in a spec"),
        ({"world": WORLD, "wrappers": 5}, "a list is needed"),
        ({"world": WORLD, "algorithm_kwargs": 5}, "a mapping is needed"),
        ({"world": WORLD, "curriculum_config": [1]}, "a mapping is needed"),
        ({"world": WORLD, "env_kwargs": [1]}, "a mapping is needed"),
        ({"world": WORLD, "world_instance": True}, "whose state the record does not hold"),
    ],
)
def test_a_spec_that_cannot_be_trained_is_refused_before_anything_is_recorded(tmp_path, spec, said):
    with pytest.raises(daf.ConfigError, match=said):
        train_spec(spec, runs_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_schedules_are_functions_too(tmp_path):
    kwargs = {**TINY["algorithm_kwargs"], "learning_rate": falling}
    run = finished(start(tmp_path, Counting, algorithm_kwargs=kwargs))
    with pytest.raises(daf.ConfigError, match=r"learning_rate is 'tests\.test_session_again\.fal"):
        reproduced(run)
    assert daf.reproduce(run.id, runs_dir=tmp_path, trust=True).identical


def falling(left: float) -> float:
    return 1e-3 * left


@pytest.mark.parametrize("schedule", ["learning_rate", "clip_range", "curriculum"])
def test_what_follows_progress_is_the_same_where_a_run_was_stopped(tmp_path, schedule):
    kwargs, given = dict(TINY["algorithm_kwargs"]), {}
    if schedule == "curriculum":
        given["curriculum"] = daf.CurriculumManager(daf.CurriculumConfig(strategy="schedule"))
        given["curriculum"].add_tasks(daf.buckets("count", count=3, config={}))
        given["success"] = (0.0, 10.0)
    else:
        kwargs[schedule] = falling
    run = start(tmp_path, algorithm_kwargs=kwargs, total_timesteps=5000, **given)
    while len(run.rows) < 3:
        run.wait(timeout=0.02)
    run.stop()
    run.wait()
    again = reproduced(run, trust=True)
    assert again.identical, again
    assert (again.run.step, again.run.trainer.config.total_timesteps) == (run.step, 5000)


def make_counting() -> Counting:
    return Counting()


class Stopping(BaseCallback):
    """Logs a metric of its own, and stops in the middle of a rollout."""

    def _on_step(self) -> bool:
        daf.log("mine", self.num_timesteps)
        return self.num_timesteps < 200


def test_a_run_that_a_callback_stopped_is_played_to_its_last_update(tmp_path):
    run = finished(start(tmp_path, callback=Stopping(), total_timesteps=5000))
    assert run.status == "INTERRUPTED"
    assert "mine" in daf.load_run(run.id, runs_dir=tmp_path).metrics
    again = reproduced(run)
    assert again.identical, again
    assert 0 < again.run.step < run.step


def test_a_training_that_went_on_from_another_is_refused(tmp_path):
    first = start(tmp_path, total_timesteps=2000)
    while not first.rows:
        first.wait(timeout=0.02)
    first.stop()
    first.wait()
    at = first.step
    second = finished(daf.launch(first.trainer, runs_dir=tmp_path))
    with pytest.raises(daf.RecordError, match=f"went on from step {at:,} of an earlier"):
        reproduced(second)


def test_a_world_that_was_an_instance_has_to_be_given_again(tmp_path):
    run = finished(start(tmp_path, Counting()))
    with pytest.raises(daf.ConfigError, match="whose state the record does not hold"):
        daf.reproduce(run.id, runs_dir=tmp_path)
    assert reproduced(run, world=Counting()).identical
    assert reproduced(run, world=make_counting).identical


def test_a_name_in_the_journal_that_is_no_text_is_told_as_an_unknown_knob(tmp_path):
    run = finished(start(tmp_path))
    row = {"step": 1, "name": 5, "old": 0, "new": 1, "by": "x"}
    (run.folder / "journal.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(daf.DafWarning, match="unknown knob '5'"):
        reproduced(run).wait()
