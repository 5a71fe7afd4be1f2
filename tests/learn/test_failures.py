"""Training on worlds that fail: what trains, what is counted and credited, and what ends it."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from typing import Any

import numpy as np
import pytest

import daf_nb as daf
from daf_nb.envs import EpisodeSeeds
from daf_nb.errors import TrainingEnvironmentError
from daf_nb.learn.buffer import buffer_of
from daf_nb.learn.course import follow
from tests import worlds
from tests.learn.helpers import endless, make_collector, make_trainer


def journal(trainer: Any) -> list[tuple[Any, ...]]:
    return [(row.step, row.name, row.old, row.new, row.by) for row in trainer.controls.journal]


def collected(make: Any, n_steps: int, **fields: Any) -> tuple[Any, Any, Any]:
    collector, models = make_collector(make, **fields)
    (model,) = models.values()
    model.n_steps = n_steps
    buffer_of(model).resize(n_steps)
    follow(collector.copies, collector.course, drop=True)
    return collector.collect(n_steps), buffer_of(model), model


def test_an_episode_is_cut_before_the_step_that_failed_as_a_time_limit_cuts_it():
    """The same policy, noise and worlds; in one the time is up where the other fails."""
    failed, ours, model = collected(lambda: worlds.Failing(every=1, at=5, limit=99), 8, num_envs=1)
    assert [(drop.step, at) for drop, at in zip(failed.drops, failed.dropped_at, strict=True)] == [
        (5, 4)
    ]
    plain, theirs, _ = collected(lambda: worlds.Failing(how="none", limit=99), 8, num_envs=1)
    assert not plain.drops
    kept = np.s_[:, :4]
    for name in ("observations", "actions", "values", "log_probs"):
        np.testing.assert_array_equal(getattr(ours, name)[kept], getattr(theirs, name)[kept])
    # By hand: GAE over the four steps, with the value of the fifth state at their end.
    gamma, lam = model.gamma, model.gae_lambda
    values, rewards = theirs.values, theirs.rewards
    running = np.zeros(len(values))
    expected = np.zeros((len(values), 4))
    for step in reversed(range(4)):
        delta = rewards[:, step] + gamma * values[:, step + 1] - values[:, step]
        running = delta + gamma * lam * running
        expected[:, step] = running
    np.testing.assert_allclose(ours.advantages[kept], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.returns[kept], expected + values[kept], rtol=1e-5, atol=1e-6)


def test_nothing_of_the_step_that_failed_trains_or_counts():
    failed, buffer, model = collected(
        lambda: worlds.Failing(every=1, at=3, limit=99), 8, num_envs=1, algorithm_kwargs={}
    )
    assert failed.dropped_at == [2, 5]
    alive = np.array([True, True, False, True, True, False, True, True])
    np.testing.assert_array_equal(buffer.alive, np.stack([alive, alive]))
    assert sum(failed.steps.values()) == 12
    assert model.num_timesteps == 12
    for plane in (buffer.advantages, buffer.returns, buffer.values):
        assert not plane[~buffer.alive].any()
    assert not failed.episodes
    assert not any(failed.ends.values())


def test_a_failure_in_the_first_step_of_a_rollout_leaves_the_rollout_before_it_alone():
    collector, models = make_collector(lambda: worlds.Failing(every=1, at=5, limit=99), num_envs=1)
    (model,) = models.values()
    buffer_of(model).resize(4)
    follow(collector.copies, collector.course, drop=True)
    collector.collect(4)
    before = buffer_of(model).advantages.copy()
    rollout = collector.collect(4)
    assert rollout.dropped_at == [0]
    assert not buffer_of(model).alive[:, 0].any()
    assert before.any()


def test_an_agent_that_died_before_is_not_brought_back_by_the_cut():
    class Dying(worlds.Failing):
        def __init__(self) -> None:
            super().__init__(every=1, at=4, agents=3, limit=99)
            self.deaths = {1: 3}

    _, buffer, _ = collected(Dying, 6, num_envs=1)
    row = 1  # it died in the third step, so nothing comes after its reward there
    np.testing.assert_array_equal(buffer.alive[row, :5], [True, True, True, False, True])
    reward = 2.0 + 0.1 * float(buffer.actions[row, 2, 0])
    assert buffer.returns[row, 2] == pytest.approx(reward, rel=1e-5)
    other = 0  # it was cut off, so the value of what it saw then does
    earned = 1.0 + 0.1 * float(buffer.actions[other, 2, 0])
    assert buffer.rewards[other, 2] != pytest.approx(earned, abs=1e-4)
    assert buffer.rewards[row, 2] == pytest.approx(reward)


@pytest.mark.parametrize("how", ["raise", "nan", "shape", "memory"])
def test_a_run_with_drops_is_the_same_again(how):
    trainers = []
    for _ in range(2):
        trainer = make_trainer(lambda: worlds.Failing(how=how), on_failure="drop", num_envs=3)
        trainer.train()
        trainers.append(trainer)
    one, other = trainers
    assert one.fingerprint() == other.fingerprint()
    assert journal(one) == journal(other) != []


def test_every_drop_is_in_the_journal_at_its_boundary_and_in_an_event_and_counted():
    trainer = make_trainer(worlds.Failing, on_failure="drop", num_envs=3)
    events = []
    trainer.subscribe(events.append)
    trainer.train()
    rows = journal(trainer)
    dropped = [event for event in events if event.kind == "dropped"]
    assert len(rows) == len(dropped) == trainer.progress.metrics["rollout/dropped"] > 1
    boundaries = {event.step for event in events if event.kind == "metrics"}
    for (step, name, old, new, by), event in zip(rows, dropped, strict=True):
        assert (name, new, by) == ("on_failure", "dropped", "recovery")
        told = event.data
        where = f"copy {told['copy']}, episode {told['episode']} (seed {told['seed']}), step 3: "
        assert old == where + told["error"]
        assert step == event.step
        assert step in boundaries


def test_a_run_without_failures_is_the_same_whatever_is_to_follow_them():
    prints = set()
    for fields in ({}, {"on_failure": "drop"}, {"step_deadline": None}, {"step_deadline": 5.0}):
        trainer = make_trainer(worlds.Counting, **fields)
        trainer.train()
        prints.add(trainer.fingerprint())
    assert len(prints) == 1


def test_a_dropped_episode_is_credited_to_nobody():
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="uniform"))
    for name in ("sound", "broken"):
        kwargs = {"how": "raise" if name == "broken" else "none", "every": 1}
        manager.add_task(name, difficulty=0.5, env_kwargs=kwargs)
    seen = []

    def success(episode: Any) -> float:
        seen.append(episode.task)
        return 1.0

    trainer = make_trainer(
        worlds.Failing, on_failure="drop", curriculum_manager=manager, success=success, num_envs=3
    )
    trainer.train()
    rows = journal(trainer)
    assert len(rows) > 2
    assert all("task 'broken'" in row[2] for row in rows)
    assert set(seen) == {"sound"}
    assert manager.teacher.episodes == len(seen) == trainer.progress.episodes


def test_what_a_dropped_episode_was_worth_is_not_told_of_the_next():
    """plr scores episodes by their advantages, gathered over rollouts."""
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="plr"))
    manager.add_task("only", difficulty=0.5, env_kwargs={"every": 3, "at": 7, "limit": 11})
    scored, teacher = [], manager.teacher
    score = teacher.score

    def noted(assignment: Any, value: float) -> None:
        scored.append(value)
        score(assignment, value)

    teacher.score = noted
    trainer = make_trainer(
        worlds.Failing,
        on_failure="drop",
        curriculum_manager=manager,
        success=(0.0, 100.0),
        total_timesteps=400,
    )
    trainer.train()
    assert journal(trainer)
    assert len(scored) == trainer.progress.episodes > 3


def test_by_default_a_failure_ends_training_with_the_worlds_own_frames():
    seed = EpisodeSeeds(0, num_envs=2)(1, 2)
    trainer = make_trainer(worlds.Failing, env_kwargs={"every": 2**32, "rest": seed})
    with pytest.raises(TrainingEnvironmentError, match=r"^copy 1, episode 2 \(seed") as caught:
        trainer.train()
    cause = caught.value.__cause__
    assert isinstance(cause, RuntimeError)
    assert traceback.extract_tb(cause.__traceback__)[-1].name == "fail"
    ours = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert ours[-2:] == ["train", "called"], "nothing between the trainer and the world"
    assert "on_failure='drop'" in str(caught.value)


def test_all_copies_failing_always_ends_in_an_error():
    class Late(worlds.Failing):
        """Sound in the pre-flight episode alone, whose seed is 0."""

        @property
        def failing(self) -> bool:
            return self.elapsed == self.at and bool(self.seed)

    trainer = make_trainer(Late, on_failure="drop", total_timesteps=10**9)
    with pytest.raises(TrainingEnvironmentError, match="dropped one after the other"):
        trainer.train()


def test_a_pre_flight_that_fails_is_flown_again_where_episodes_may_be_dropped():
    """Its first seed is 0."""
    trainer = make_trainer(
        worlds.Failing, env_kwargs={"every": 10**6, "rest": 0}, on_failure="drop"
    )
    notes = []
    trainer.subscribe(lambda event: notes.append(event.data) if event.kind == "note" else None)
    trainer.train()
    assert len(notes) == 1
    assert notes[0]["preflight"].startswith("dropped: tests.worlds:Failing, pre-flight: step 3")
    with pytest.raises(TrainingEnvironmentError, match="pre-flight"):
        make_trainer(worlds.Failing, env_kwargs={"every": 1}, on_failure="drop").train()


def test_an_evaluation_that_fails_is_left_out_or_ends_training():
    class InEvaluation(worlds.Failing):
        """Held-out seeds are those of copies that were made after training began."""

        begun = False

        @property
        def failing(self) -> bool:
            return type(self).begun and self.fresh and self.elapsed == self.at

        def __init__(self) -> None:
            super().__init__()
            self.fresh = type(self).begun

    for on_failure in ("drop", "stop"):
        InEvaluation.begun = False
        trainer = make_trainer(InEvaluation, on_failure=on_failure, evaluation_interval=32)
        notes: list[Any] = []

        def hear(event: Any, notes: list[Any] = notes) -> None:
            InEvaluation.begun |= event.kind == "metrics"
            if event.kind == "note":
                notes.append(event.data["evaluation"])

        trainer.subscribe(hear)
        if on_failure == "drop":
            trainer.train()
            assert notes[0].startswith("left out: copy ")
        else:
            with pytest.raises(TrainingEnvironmentError):
                trainer.train()


def test_the_evaluation_behind_the_end_is_left_out_too():
    class Worn(worlds.Counting):
        """Raises once training has ended."""

        over = False

        def step(self, actions: Any) -> Any:
            if Worn.over:
                raise RuntimeError("worn out")
            return super().step(actions)

    for on_failure in ("drop", "stop"):
        Worn.over, notes, told = False, list[Any](), list[Any]()
        trainer = make_trainer(Worn, on_failure=on_failure)

        def hear(event: Any, notes: list[Any] = notes) -> None:
            Worn.over |= event.kind == "end"
            if event.kind == "note":
                notes.append(event.data["evaluation"])

        trainer.subscribe(hear)
        if on_failure == "drop":
            trainer.train(on_evaluation_complete=told.append)
            assert trainer.finished
            assert [note.partition(":")[0] for note in notes] == ["left out"]
        else:
            with pytest.raises(TrainingEnvironmentError, match="worn out"):
                trainer.train(on_evaluation_complete=told.append)
        assert told == []


def test_a_trainer_whose_thread_was_left_behind_trains_on_in_another():
    class Stuck(worlds.Counting):
        """Stands in C for once, in its 40th step."""

        steps = 0

        def step(self, actions: Any) -> Any:
            Stuck.steps += 1
            if Stuck.steps == 40:
                time.sleep(20)
            return super().step(actions)

    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="uniform"))
    manager.add_task("only", difficulty=0.5)
    trainer = make_trainer(
        Stuck, step_deadline=0.2, curriculum_manager=manager, success=lambda episode: 0.5
    )
    told: queue.Queue[TrainingEnvironmentError] = queue.Queue()
    trainer.when_stuck(told.put)
    thread = threading.Thread(target=trainer.train, daemon=True)
    thread.start()
    assert "cannot be got out" in str(told.get(timeout=10))
    trainer.train()
    assert thread.is_alive()
    assert trainer.finished


def test_a_run_with_drops_goes_on_exactly_from_a_snapshot():
    def trainer() -> Any:
        return make_trainer(worlds.Failing, on_failure="drop", num_envs=3, total_timesteps=300)

    whole, first, second = trainer(), trainer(), trainer()
    states: list[Any] = []
    first.at_boundaries(
        lambda resting: states.append(first.state()) if first.playing and not states else None
    )
    whole.train()
    first.train()
    assert states[0].step < 100
    second.load_state(states[0])
    second.train()
    assert second.fingerprint() == whole.fingerprint() == first.fingerprint()
    assert journal(second) == journal(whole)
    assert second.progress.dropped == whole.progress.dropped


def test_a_hang_is_dropped_as_an_error_is():
    raising = make_trainer(lambda: worlds.Failing(how="raise", every=4), on_failure="drop")
    raising.train()
    hanging = make_trainer(
        lambda: worlds.Failing(how="hang", every=4), on_failure="drop", step_deadline=0.2
    )
    events = []
    hanging.subscribe(events.append)
    hanging.train()
    assert hanging.fingerprint() == raising.fingerprint()
    hangs = [event.data for event in events if event.kind == "hang"]
    assert len(hangs) == len(journal(hanging)) > 0
    assert all("in fail" in told["stack"][-1] for told in hangs)
    assert {row[2].split(": ")[1] for row in journal(hanging)} == {
        "the world did not come back within 0.2 s"
    }


def test_a_hang_stops_a_run_with_the_place_where_it_stood():
    trainer = make_trainer(lambda: worlds.Failing(how="hang", every=4), step_deadline=0.2)
    with pytest.raises(TrainingEnvironmentError, match=r"step_deadline=\.\.\.") as caught:
        trainer.train()
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert traceback.extract_tb(caught.value.__cause__.__traceback__)[-1].name == "fail"
    assert trainer.hanging == ""


def test_an_evaluation_that_hangs_in_another_thread_comes_back_to_who_asked():
    trainer = make_trainer(endless_hang, step_deadline=0.2)
    with pytest.raises(TrainingEnvironmentError, match=r"did not come back within 0\.2 s"):
        trainer.evaluate_policy(episodes=2)


def endless_hang() -> Any:
    world = endless(lambda: worlds.Failing(how="hang", every=1))
    world.limit = 6
    return world
