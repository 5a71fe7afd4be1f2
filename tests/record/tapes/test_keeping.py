"""The tapes of real runs: which are kept, whatever happened to the run, and never a secret."""

from __future__ import annotations

import json
import os
import signal
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import daf_nb as daf
from daf_nb.envs import Episode, play
from daf_nb.errors import DafWarning
from daf_nb.record.tapes.keeping import TapeKeeping
from daf_nb.session import resume
from daf_nb.testing import Scripted
from tests.learn.helpers import make_trainer
from tests.record.children import hear, start_child
from tests.worlds import Counting, SeedEcho, Shaped

TINY = {
    "num_envs": 2,
    "seed": 3,
    "batch_size": 16,
    "algorithm_kwargs": {"n_steps": 16, "n_epochs": 1},
    "device": "cpu",
    "torch_threads": 1,
}


class Kind(Scripted):
    """Says whether it went well."""

    def info(self, agent: str) -> dict[str, Any]:
        return {"is_success": self.drawn > 0.5}


class Staged(Shaped):
    """Has stages as mpe2's worlds do."""

    def set_curriculum_stage(self, stage: int) -> None:
        self.set_stage(stage)


class Slow(Kind):
    """Takes a moment for a step."""

    def step(self, actions: Any) -> Any:
        time.sleep(0.0004)
        return super().step(actions)


def train(root: Path, world: Any = Scripted, **changes: Any) -> daf.Run:
    return daf.train(world, runs_dir=root, **{**TINY, "total_timesteps": 2000, **changes})


def slowly(root: Path, **changes: Any) -> daf.Run:
    return train(root, f"{__name__}:Slow", **{**FIELDS, **changes})


def record_of(root: Path, id: int = 1) -> daf.RunRecord:
    return daf.load_run(id, runs_dir=root)


def kept(root: Path, id: int = 1) -> tuple[str, dict[str, bytes]]:
    """All that a run's record says of its tapes, and all that they hold."""
    record = record_of(root, id)
    table = record.tapes
    names = [f"{episode:06d}.tape" for episode in table.index]
    tapes = {name: (record.folder / "tapes" / name).read_bytes() for name in names}
    return table.to_csv(), tapes


FIELDS = {
    "tape_interval": 7,
    "evaluation_interval": 900,
    "evaluation_episodes": 3,
    "total_timesteps": 4000,
}


def kept_as(table: pd.DataFrame, word: str) -> pd.DataFrame:
    """The rows of the tapes that are kept for a reason."""
    return table.loc[[word in reasons.split("+") for reasons in table["kept"]]]


def first_of(table: pd.DataFrame, task: str) -> int:
    """The first tape of a task."""
    return table.index.tolist()[table["task"].tolist().index(task)]


class Heard:
    """Every episode of a training with its success; for `RlTrainer.on_tapes`."""

    def __init__(self, trainer: daf.RlTrainer) -> None:
        self.room, self.told = 0, list[tuple[Episode, float | None]]()
        trainer.on_tapes(self)

    def ended(self, episode: Episode, success: float | None, cut: Any, steps: Any) -> None:
        self.told.append((episode, success))

    def forget(self) -> None: ...

    def evaluated(self, step: int, played: Any) -> None: ...


@pytest.mark.parametrize("world", [Scripted, Kind])
def test_the_best_the_worst_and_every_nth_of_all_episodes_are_kept(tmp_path, world):
    train(tmp_path, world, tape_interval=10).wait()
    trainer = make_trainer(world, **{**TINY, "total_timesteps": 2000})
    heard = Heard(trainer)
    trainer.train()
    scores = [(success or 0.0, episode.mean_return) for episode, success in heard.told]
    assert len(set(scores)) > 20
    table = record_of(tmp_path).tapes
    for word, extreme in (("best", max), ("worst", min)):
        (row,) = kept_as(table, word).to_dict("records")
        episode, success = heard.told[scores.index(extreme(scores))]
        assert (row["copy"], row["number"]) == (episode.copy, episode.number)
        assert (row["seed"], row["length"]) == (episode.seed, episode.length)
        assert row["mean_return"] == episode.mean_return
        assert success is None or row["success"] == success
    every = kept_as(table, "every")
    assert list(zip(every["copy"], every["number"], strict=True)) == [
        (episode.copy, episode.number) for episode, _ in heard.told[::10]
    ]
    assert sorted(set(every["step"])) == every["step"].tolist()
    assert kept_as(table, "evaluation").empty


def test_the_best_tape_plays_to_the_same_rewards_and_observations(tmp_path):
    train(tmp_path, "mpe2.simple_spread_v3", env_kwargs={"N": 2}).wait()
    record = record_of(tmp_path)
    tape = record.tape("best")
    (row,) = kept_as(record.tapes, "best").to_dict("records")
    steps = list(play(tape))  # stops where a digest differs
    assert len(steps) == row["length"] + 1
    returns = dict.fromkeys(tape.agents, 0.0)
    for step in steps[1:]:
        for agent, reward in step.rewards.items():
            returns[agent] += reward
    assert sum(returns.values()) / 2 == pytest.approx(row["mean_return"])
    assert record.tape("worst").mean_return < tape.mean_return
    assert record.tape("last").seed == record.tapes.iloc[-1]["seed"]


def test_without_an_interval_the_best_and_the_worst_are_kept_alone(tmp_path):
    train(tmp_path, tape_interval=None).wait()
    assert sorted(record_of(tmp_path).tapes["kept"]) == ["best", "worst"]
    with pytest.raises(daf.ConfigError, match="tape_interval"):
        train(tmp_path, tape_interval=0)


def test_every_episode_of_every_evaluation_is_kept_with_its_place(tmp_path):
    given = {"evaluation_interval": 700, "evaluation_episodes": 5, "total_timesteps": 100_000}
    run = train(tmp_path, Slow, **given)
    while run.step < 1500:
        time.sleep(0.005)
    run.pause()
    by_hand = run.evaluate(episodes=3, deterministic=True)
    run.stop()
    run.wait()
    table = record_of(tmp_path).tapes.query("kept == 'evaluation'")
    told = [e for e in record_of(tmp_path).events if e["kind"] == "evaluation"]
    assert sorted(set(table["evaluation"])) == list(range(len(told)))
    for place, event in enumerate(told):
        rows = table.loc[[number == place for number in table["evaluation"]]]
        assert rows["mean_return"].tolist() == event["data"]["returns"]
        assert set(rows["step"]) == {event["step"]}
    assert table["mean_return"].tolist()[-3:] == list(by_hand.returns)
    last = record_of(tmp_path).tape(int(table.index[-1]), trust=True)
    assert sum(1 for _ in play(last)) == last.length + 1


def test_a_curriculum_is_taped_with_its_tasks(tmp_path):
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="uniform"))
    manager.add_task("short", difficulty=0.1, env_kwargs={"limit": 3})
    manager.add_task("staged", difficulty=0.5, config={"curriculum_stage": 2})
    manager.add_task("put", difficulty=0.9, config={"level": 7}, apply=put_level)
    success = (0.0, 20.0)
    train(tmp_path, Staged, curriculum=manager, success=success, tape_interval=3).wait()
    record = record_of(tmp_path)
    table = record.tapes
    assert set(table["task"]) == {"short", "staged", "put"}
    assert all(0 <= success <= 1 for success in table["success"])
    for task in ("short", "staged"):
        tape = record.tape(first_of(table, task), trust=True)
        assert sum(1 for _ in play(tape)) == tape.length + 1
    put = first_of(table, "put")
    with pytest.raises(daf.ConfigError, match="prepare"):
        next(play(record.tape(put), Staged))
    again = daf.CurriculumManager(daf.CurriculumConfig(strategy="uniform"))
    for task in manager.tasks.values():
        again.add_tasks([task])
    for tape in (record.tape(put, trust=True), record.tape(put, curriculum=again)):
        steps = list(play(tape, Staged))
        assert steps[0].observations["agent_0"][2] == 7


def put_level(env: Any, params: Any) -> None:
    env.unwrapped.level = params["level"]
    env.unwrapped.reset = _with_level(env.unwrapped, params["level"])


def _with_level(env: Any, level: int) -> Any:
    def reset(seed: int | None = None, options: Any = None) -> Any:
        return type(env).reset(env, seed=seed, options={"level": level})

    return reset


# Going on


def stopped(run: daf.Run, *, at: int, now: bool = False) -> None:
    while run.step < at and not run.done:
        time.sleep(0.002)
    run.stop(now=now)
    run.wait()
    assert run.status == "INTERRUPTED"


@pytest.mark.parametrize("now", [False, True])
def test_a_run_that_was_stopped_keeps_the_tapes_of_one_that_was_not(tmp_path, now):
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    slowly(whole).wait()
    run = slowly(parted)
    for at in (500, 1500, 2800):
        stopped(run, at=at, now=now)
        run = resume(1, runs_dir=parted, trust=True)
    run.wait()
    assert kept(parted) == kept(whole)
    lines = [(at / "1" / "tapes.jsonl").read_text() for at in (parted, whole)]
    assert lines[0] == lines[1]


CHILD = """
import sys, time
import daf_nb as daf
from daf_nb.record.checkpoints import taking
from tests.record.tapes.test_keeping import LONG, slowly
taking.EVERY = 0.05
run = (
    slowly(sys.argv[2], **LONG)
    if sys.argv[1] == "train"
    else daf.resume(1, runs_dir=sys.argv[2], trust=True)
)
begun = run.step
while run.step == begun:
    time.sleep(0.001)
print("going", flush=True)
run.wait()
"""
LONG = {"total_timesteps": 20_000, "tape_interval": 3, "evaluation_interval": 2000}


@pytest.mark.slow
def test_a_run_that_was_killed_keeps_the_tapes_of_one_that_was_not(tmp_path):
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    slowly(whole, **LONG).wait()
    kills = 0
    for delay in (0.1, 0.3, 0.5, 0.7, None):
        child = start_child(CHILD, "resume" if kills else "train", parted)
        assert hear(child) == "going"
        if delay is not None:
            time.sleep(delay)
            os.kill(child.pid, signal.SIGKILL)
        _, complaints = child.communicate(timeout=120)
        kills += child.returncode == -signal.SIGKILL
        for episode in record_of(parted).tapes.index:  # whatever is listed is whole
            assert record_of(parted).tape(int(episode)).finished
    assert kills == 4, complaints
    assert record_of(parted).status == "COMPLETED"
    assert kept(parted) == kept(whole)


def test_a_run_that_starts_over_keeps_no_tape_of_before(tmp_path):
    run = slowly(tmp_path)
    stopped(run, at=1500)
    before = kept(tmp_path)
    for folder in (run.folder / "checkpoints").glob("step-*"):
        (folder / "manifest.json").unlink()
    with pytest.warns(DafWarning):
        again = resume(1, runs_dir=tmp_path, trust=True)
    again.wait()
    slowly(tmp_path / "whole").wait()
    assert kept(tmp_path) == kept(tmp_path / "whole")
    aside = (run.folder / "parts" / "1" / "tapes.jsonl").read_text().splitlines()
    assert len(aside) >= len(before[1])


def test_a_checkpoint_from_before_tapes_can_still_be_resumed(tmp_path):
    from daf_nb.record.checkpoints.manifest import MANIFEST, manifest_bytes, read_manifest

    stopped(slowly(tmp_path), at=1500)
    for folder in (tmp_path / "1" / "checkpoints").glob("step-*"):
        about = read_manifest((folder / MANIFEST).read_bytes())
        del about["positions"]["tapes.jsonl"]
        members = {name: (folder / name).read_bytes() for name in about["members"]}
        (folder / MANIFEST).write_bytes(manifest_bytes(about, members))
    resume(1, runs_dir=tmp_path, trust=True).wait()
    table = record_of(tmp_path).tapes
    assert record_of(tmp_path).status == "COMPLETED"
    assert min(table["step"]) > 1000
    first = (tmp_path / "1" / "tapes.jsonl").read_text().splitlines()[0]
    assert json.loads(first)["episode"] == 0


def test_a_fork_keeps_tapes_of_its_own(tmp_path):
    slowly(tmp_path).wait()
    run = daf.fork(1, runs_dir=tmp_path, trust=True, total_timesteps=6000, tape_interval=50)
    run.wait()
    table = record_of(tmp_path, run.id).tapes
    assert min(table["step"]) >= 4000
    assert {"best", "worst"} <= set("+".join(table["kept"]).split("+"))


# In nobody's way


def test_of_what_is_not_kept_nothing_is_cut(new_recorder):
    trainer = make_trainer(Counting, tape_interval=None)
    keeping = TapeKeeping(new_recorder(), trainer)
    heard = Heard(trainer)
    trainer.train()
    (first, success), *others = heard.told
    cut = list[int]()

    def tape() -> Any:
        cut.append(1)
        raise AssertionError("it was cut")

    with pytest.raises(AssertionError):
        keeping.ended(first, success, tape, {})
    trainer.on_tapes(keeping)
    more = make_trainer(Counting, tape_interval=None)
    more.on_tapes(keeping)
    more.train()
    cut.clear()
    for episode, success in others:  # all alike: the first is the best and the worst
        keeping.ended(episode, success, tape, {})
    assert others
    assert cut == []


def blocked(run: daf.Run) -> None:
    """From now on the disk takes no tape."""
    run.pause()
    while run.status != "PAUSED":
        time.sleep(0.01)
    folder = run.folder / "tapes"
    time.sleep(0.2)
    if folder.exists():
        folder.rename(run.folder / "moved")
    folder.write_text("a file where the folder goes")
    run.resume()


def test_a_full_disk_stops_no_training_and_is_said(tmp_path):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run = slowly(tmp_path)
        blocked(run)
        results = run.wait()
    assert sum("no tape can be written" in str(one.message) for one in said) == 1
    assert results is not None
    assert results["timesteps"] >= 4000
    record = record_of(tmp_path)
    assert record.status == "FAILED"
    assert "tapes: " in record.fail_trace
    assert [e for e in record.events if "tapes" in e["data"]]
    with pytest.raises(daf.RecordError, match="has no tapes"):
        record.tape()


def test_a_disk_that_is_freed_in_time_misses_no_tape(tmp_path):
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    slowly(whole).wait()
    run = slowly(parted)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        blocked(run)
        while run.step < 2500:
            time.sleep(0.005)
        run.pause()
        obstacle, moved = run.folder / "tapes", run.folder / "moved"
        obstacle.unlink()
        if moved.exists():
            moved.rename(obstacle)
        run.resume()
        run.wait()
    assert sum("no tape can be written" in str(one.message) for one in said) == 1
    assert record_of(parted).status == "COMPLETED"
    assert kept(parted) == kept(whole)


# Secrets

KEY = "sk-hidden-0123456789abcdef"


class Locked(Scripted):
    """Wants a key."""

    def __init__(self, *, api_key: str = "", **others: Any):
        self.opened = api_key
        super().__init__(**others)


def all_bytes(folder: Path) -> bytes:
    from daf_nb.envs.tape_bytes import _unpacked

    files = [path for path in folder.rglob("*") if path.is_file()]
    tapes = [_unpacked(path.read_bytes()) for path in files if path.suffix == ".tape"]
    return b"".join([*(path.read_bytes() for path in files), *tapes])


@pytest.mark.parametrize("key", [KEY, "abc"])
def test_a_secret_of_the_world_is_on_no_tape(tmp_path, key):
    run = train(tmp_path, Locked, env_kwargs={"api_key": key, "limit": 4})
    run.wait()
    assert key == "abc" or key.encode() not in all_bytes(run.folder)
    tape = record_of(tmp_path).tape("best", trust=True)
    assert tape.world is not None
    assert tape.world.env_kwargs == {"limit": 4}
    with pytest.raises(daf.ConfigError, match=r"give it: play\(tape, world\)"):
        next(play(tape))
    with pytest.raises(daf.ConfigError, match=r"env_kwargs\['api_key'\]"):
        next(play(tape, Locked))
    from daf_nb.envs import World

    world = World(Locked, {"api_key": key, "limit": 4})
    assert sum(1 for _ in play(tape, world)) == tape.length + 1


def test_episodes_of_a_task_with_a_secret_are_not_kept_and_that_is_said(tmp_path):
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="uniform"))
    manager.add_task("open", difficulty=0.1, env_kwargs={"limit": 3})
    manager.add_task("locked", difficulty=0.5, env_kwargs={"api_key": KEY})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run = train(tmp_path, Locked, curriculum=manager, success=(0.0, 20.0), tape_interval=2)
        run.wait()
    told = "task 'locked' is played with a secret: no tapes of it are kept"
    assert sum(told in str(one.message) for one in said) == 1
    assert set(record_of(tmp_path).tapes["task"]) == {"open"}
    assert {"best", "worst"} <= set("+".join(record_of(tmp_path).tapes["kept"]).split("+"))
    assert KEY.encode() not in all_bytes(run.folder)


def test_no_name_of_a_run_or_task_becomes_a_path(tmp_path):
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="uniform"))
    manager.add_task("../../<b>\x00", difficulty=0.1)
    run = train(tmp_path, curriculum=manager, success=(0.0, 20.0), name="../../../x")
    run.wait()
    assert {path.suffix for path in (run.folder / "tapes").iterdir()} == {".tape"}
    assert set(record_of(tmp_path).tapes["task"]) == {"../../<b>\x00"}
    lines = (run.folder / "tapes.jsonl").read_text().splitlines()
    assert [json.loads(line)["task"] for line in lines] == ["../../<b>\x00"] * len(lines)


def test_tapes_of_another_world_say_so(tmp_path):
    from daf_nb.record.listener import TrainingListener, run_spec
    from daf_nb.record.recorder import Recorder

    trainer = make_trainer(SeedEcho, total_timesteps=10_000)
    recorder = Recorder(spec=run_spec(trainer), name="visits", runs_dir=tmp_path)
    listener = TrainingListener(recorder, trainer)
    recorder.run(lambda: trainer.train_on_task("more", env_kwargs={"limit": 6}, episodes=4))
    listener.end()
    tape = record_of(tmp_path).tape("best", trust=True)
    assert tape.world is not None
    assert tape.world.env_kwargs == {"limit": 6}
    assert sum(1 for _ in play(tape)) == 7
