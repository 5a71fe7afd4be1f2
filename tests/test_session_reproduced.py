"""Runs with a curriculum, a controller, moves by hand, resumes and forks: made again, or named."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.control import Controls
from daf_nb.record.checkpoints.writing import checkpoint_folders
from tests.test_session import TINY
from tests.test_session_resume import Slow, doctored, slowly, stopped
from tests.worlds import Counting

SCRIPT = [
    {"step": 96, "name": "ent_coef", "new": 0.02, "by": "user"},
    {"step": 192, "name": "curriculum.difficulty_bias", "new": 0.4, "by": "user"},
    {"step": 320, "name": "learning_rate", "new": 1e-3, "by": "user"},
    {"step": 320, "name": "gamma", "new": 0.9, "by": "user"},
    {"step": 640, "name": "learning_rate", "new": 5e-4, "by": "user"},
    {"step": 700, "name": "curriculum.weight[count[0.667..1]]", "new": 3.0, "by": "user"},
]


def curriculum() -> daf.CurriculumManager:
    made = daf.CurriculumManager(daf.CurriculumConfig(strategy="learnability"))
    made.add_tasks(daf.buckets("count", count=3, config={}))
    return made


@pytest.fixture(scope="module")
def steered(tmp_path_factory) -> Path:
    """The folder of a run with a curriculum, a controller and moves by a script."""
    run = daf.train(
        Counting,
        runs_dir=tmp_path_factory.mktemp("runs"),
        curriculum=curriculum(),
        controller=daf.AdaptiveConfig(rules="all"),
        controls=Controls(script=SCRIPT),
        success=(0.0, 10.0),
        **{**TINY, "total_timesteps": 1200},
    )
    run.wait()
    return run.folder


def entries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def made_again(folder: Path, **given: Any) -> daf.Reproduction[Any]:
    given.setdefault("world", Counting)
    return daf.reproduce(folder.name, runs_dir=folder.parent, **given).wait()


def test_a_run_that_was_steered_in_all_ways_is_made_again(steered):
    rows = entries(steered)
    assert {row["by"] for row in rows} > {"user"}, "the rules moved something too"
    assert sum(row["by"] == "user" for row in rows) == len(SCRIPT)
    made = made_again(steered)
    assert made.identical, made
    # A rule on throughput may act after the last update, which is not played again.
    now, was = (
        [
            [row[key] for key in ("step", "name", "old", "new")]
            for row in daf.load_run(id, runs_dir=steered.parent).journal.to_dict("records")
            if row["step"] < made.run.step
        ]
        for id in (made.run.id, steered.name)
    )
    assert now == was


@pytest.mark.slow
def test_without_any_one_entry_of_the_journal_the_boundary_is_named(steered, tmp_path):
    """Of entries that had an effect: the first boundary after it at which something can differ."""
    rows = entries(steered)
    steps = daf.load_run(steered.name, runs_dir=steered.parent).metrics.index
    without_effect = []
    for place, row in enumerate(rows):
        folder = tmp_path / str(place) / "1"
        shutil.copytree(steered, folder)
        left = [json.dumps(one) + "\n" for one in rows if one is not row]
        (folder / "journal.jsonl").write_text("".join(left))
        made = made_again(folder)
        first = made.first_difference
        if first is None:
            without_effect.append(row["name"])
            continue
        assert first.what == "metric" and first.step is not None, (row, made)
        following = next(step for step in steps if step > row["step"])
        if row["name"] in ("learning_rate", "ent_coef", "gamma", "clip_range"):
            assert first.step == following, (row, made)
        assert first.step >= following, (row, made)
        assert f"they part at step {first.step:,}, in its metric" in repr(made)
    assert len(without_effect) < len(rows) / 2, without_effect


def test_an_entry_that_was_put_in_is_named_in_the_journal(steered, tmp_path):
    folder = tmp_path / "1"
    shutil.copytree(steered, folder)
    rows = entries(folder)
    rows[0]["old"] = 77
    (folder / "journal.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first = made_again(folder).first_difference
    assert first is not None
    assert (first.what, first.step) == ("journal", rows[0]["step"])
    assert "from 77 to" in str(first)


def move(run: daf.Run, name: str, value: float) -> None:
    """By hand, waiting until it took effect."""
    asked = run.controls.set(name, value, by="user")
    while asked.state == "pending":
        time.sleep(0.002)
    assert asked.state == "applied"


@pytest.mark.parametrize("again", [True, False])
def test_a_run_that_was_resumed_follows_the_journal_as_it_is_recorded(tmp_path, again):
    """Moves after the checkpoint were lost with what they had changed, or were made again."""
    run = slowly(tmp_path, total_timesteps=2500, checkpoint_interval=400)
    move(run, "ent_coef", 0.03)
    while run.step < 1000:
        time.sleep(0.002)
    move(run, "learning_rate", 2e-3)
    stopped(run, at=1100)
    for folder in checkpoint_folders(run.folder / "checkpoints")[1:]:
        shutil.rmtree(folder)  # as after a kill: only one from before the move is left
    went_on = daf.resume(1, runs_dir=tmp_path, trust=True)
    if again:
        move(went_on, "learning_rate", 1e-3)
    went_on.wait()
    record = daf.load_run(1, runs_dir=tmp_path)
    assert len(record.parts) == 2 and record.parts[1]["from_step"] < 1000
    assert list(record.journal["name"]) == ["ent_coef", *(["learning_rate"] * again)]
    made = made_again(run.folder, world=Slow)
    assert made.identical, made


def test_what_went_on_warm_is_made_again_up_to_there(tmp_path):
    run = slowly(tmp_path, total_timesteps=1500)
    stopped(run, at=600)
    at = run.step
    daf.resume(1, runs_dir=tmp_path, trust=True, mode="warm").wait()
    made = made_again(run.folder, world=Slow)
    assert made.identical and made.run.step == at
    assert f"only up to step {at:,}, from where it went on warm" in repr(made)


def test_a_fork_is_made_again_from_its_checkpoint(tmp_path):
    run = slowly(tmp_path, total_timesteps=1000)
    move(run, "ent_coef", 0.03)
    run.wait()
    fork = daf.fork(
        1,
        runs_dir=tmp_path,
        trust=True,
        total_timesteps=2500,
        algorithm_kwargs={**TINY["algorithm_kwargs"], "learning_rate": 1e-3},
    )
    move(fork, "gamma", 0.9)
    fork.wait()
    made = made_again(fork.folder, world=Slow)
    assert made.identical, made
    assert made.run.fingerprint() == fork.fingerprint()
    journal = fork.folder / "journal.jsonl"
    assert [row["name"] for row in entries(fork.folder)] == ["ent_coef", "gamma"]
    journal.write_text(journal.read_text().splitlines(keepends=True)[0])
    first = made_again(fork.folder, world=Slow).first_difference
    assert first is not None and first.what == "metric"


def test_what_was_done_to_a_curriculum_before_the_launch_is_made_again_by_the_spec(tmp_path):
    config = daf.CurriculumConfig(strategy="uniform", on_failure="reduce_difficulty")
    manager = daf.CurriculumManager(config)
    manager.add_tasks(daf.buckets("count", count=3, config={}))
    manager.add_task("odd", difficulty=0.3, env_kwargs={"crowds": 3})
    fields = daf.RlConfig(**{**TINY, "total_timesteps": 600})
    with pytest.warns(daf.DafWarning, match="left out: task 'odd'"):
        trainer = daf.RlTrainer(fields, env=Counting, curriculum_manager=manager, success=(0, 10))
    manager.adapt_curriculum("reduce_difficulty")
    run = daf.launch(trainer, runs_dir=tmp_path)
    run.wait()
    rows = [(row["name"], row["new"], row["own"]) for row in entries(run.folder)]
    assert rows == [
        ("curriculum.weight[odd]", 0.0, True),
        ("curriculum.difficulty_bias", -0.25, True),
    ]
    with pytest.warns(daf.DafWarning, match="left out: task 'odd'"):
        made = made_again(run.folder)
    assert made.identical, made
    assert made.run.fingerprint() == run.fingerprint()


def test_a_fork_of_a_steered_run_goes_on_without_its_rules(steered, tmp_path):
    shutil.copytree(steered, tmp_path / "1")
    fork = daf.fork(1, runs_dir=tmp_path, world=Counting, total_timesteps=2000)
    fork.wait()
    assert made_again(fork.folder).identical


def test_a_fork_to_other_copies_is_made_again(tmp_path):
    slowly(tmp_path, total_timesteps=600).wait()
    fork = daf.fork(1, runs_dir=tmp_path, trust=True, total_timesteps=1500, num_envs=3)
    fork.wait()
    made = made_again(fork.folder, world=Slow)
    assert made.identical, made


def test_a_fork_whose_checkpoint_has_no_journal_says_so(tmp_path):
    slowly(tmp_path, total_timesteps=600).wait()
    fork = daf.fork(1, runs_dir=tmp_path, trust=True, total_timesteps=1000)
    fork.wait()
    doctored(tmp_path / "1", lambda _, members: members.update({"state.json": b"{}"}))
    with pytest.raises(daf.RecordError, match="cannot be had any more: its state lacks a journal"):
        made_again(fork.folder, world=Slow)


@pytest.mark.parametrize("named", ["gone", "../../elsewhere", 5])
def test_a_fork_whose_checkpoint_is_gone_says_so(tmp_path, named):
    slowly(tmp_path, total_timesteps=600).wait()
    fork = daf.fork(1, runs_dir=tmp_path, trust=True, total_timesteps=1000)
    fork.wait()
    document = json.loads((fork.folder / "run.json").read_text())
    document["daf_nb"]["forked"]["from"] = named
    (fork.folder / "run.json").write_text(json.dumps(document))
    with pytest.raises(
        daf.RecordError, match=r"forked from run 1 at step .* cannot be had any more"
    ):
        made_again(fork.folder, world=Slow)
