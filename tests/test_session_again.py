"""A run from its record: the same spec, the same moves, the same bits; or where they part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import daf_nb as daf
from daf_nb.session.again import train_spec
from tests.test_session import TINY, start
from tests.worlds import Counting


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


def edit(path: Path, change) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_steered_run_is_reproduced_to_the_last_bit(tmp_path):
    run = start(tmp_path, total_timesteps=2000, name="steered", tags=("a",))
    steered(run)
    run.wait()
    assert len(run.controls.journal) == 2
    again = daf.reproduce(run.id, runs_dir=tmp_path)
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
    first = daf.reproduce(run.id, runs_dir=tmp_path).first_difference
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
    again = daf.reproduce(run.id, runs_dir=tmp_path)
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
    assert daf.reproduce(run.id, runs_dir=tmp_path).identical


def test_functions_of_a_record_are_imported_only_where_they_are_trusted(tmp_path):
    run = finished(start(tmp_path, success=half))
    with pytest.raises(daf.ConfigError, match="code that the record holds by name only"):
        daf.reproduce(run.id, runs_dir=tmp_path)
    assert daf.reproduce(run.id, runs_dir=tmp_path, success=half).identical
    edit(run.folder / "config.json", lambda spec: spec.update(success="tests.no_such.thing"))
    with pytest.raises(daf.ConfigError, match=r"nothing is found under 'tests\.no_such\.thing'"):
        daf.reproduce(run.id, runs_dir=tmp_path, trust=True)


def test_a_live_run_and_one_without_training_cannot_be_reproduced(tmp_path):
    run = start(tmp_path, total_timesteps=10**6)
    with pytest.raises(daf.RecordError, match="reproduce it when it has ended"):
        daf.reproduce(run.id, runs_dir=tmp_path)
    run.stop()
    run.wait()
    with pytest.raises(daf.ConfigError, match="unknown argument of reproduce 'sucess'"):
        daf.reproduce(run.id, runs_dir=tmp_path, sucess=half)


def test_a_spec_as_a_user_writes_it_is_trained(tmp_path):
    spec = {"world": "tests.worlds:Counting", **TINY, "total_timesteps": 100}
    spec["policy_kwargs"] = {"activation_fn": "torch.nn.ReLU", "net_arch": [8]}
    run = finished(train_spec(spec, runs_dir=tmp_path, name="typed", tags=("t",), seed=5))
    record = daf.load_run(run.id, runs_dir=tmp_path)
    assert (record.name, record.tags, record.config["seed"]) == ("typed", ("t",), 5)
    assert record.config["policy_kwargs"]["net_arch"] == [8]
    assert "ReLU" in str(run.policies["all"].policy)
    assert daf.reproduce(run.id, runs_dir=tmp_path).identical


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"world": "tests.worlds:Counting", "sed": 1}, "Did you mean 'seed'"),
        ({}, "a spec names its world as text"),
        ({"world": "w", "env_kwargs": {"key": "<redacted>"}}, r"env_kwargs\.key was hidden"),
        ({"world": 3}, "a spec names its world as text"),
        ({"world": "tests.worlds:Counting", "policy": "os.system"}, "trust=True"),
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
        daf.reproduce(run.id, runs_dir=tmp_path)
    assert daf.reproduce(run.id, runs_dir=tmp_path, trust=True).identical


def falling(left: float) -> float:
    return 1e-3 * left
