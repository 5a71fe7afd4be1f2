"""A training that is broken off anywhere goes on as if nobody had touched it."""

from __future__ import annotations

from typing import Any

import pytest

import daf_nb as daf
from daf_nb.control import Controls
from daf_nb.curriculum.state import of_data
from daf_nb.learn import RlTrainer
from tests.learn.helpers import config, make_trainer
from tests.notebook.helpers import Graded
from tests.worlds import Counting, Failing

CYCLE = 3 * 2 * 16
"""Agents, copies, steps."""
TOTAL = 5 * CYCLE


class Stopper:
    """Stops a trainer, now, behind so many steps of its worlds or of its optimiser.

    Args:
        trainer: which.
        of: "world" or "optimiser".
    """

    def __init__(self, trainer: RlTrainer, of: str) -> None:
        self.left = 0
        self.trainer = trainer
        if of == "optimiser":
            for model in trainer.policies.values():
                model.policy.optimizer.register_step_post_hook(lambda *_: self.passed())
        else:
            Watched.passed = self.passed

    def passed(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.trainer.gate.stop(now=True)


class Watched(Graded):
    """Says when it is stepped."""

    passed: Any = staticmethod(lambda: None)

    def step(self, actions: Any) -> Any:
        type(self).passed()
        return super().step(actions)


@pytest.fixture(autouse=True)
def every_boundary(monkeypatch):
    monkeypatch.setattr("daf_nb.learn.footing.EVERY", 0.0)
    monkeypatch.setattr("daf_nb.learn.footing.SHARE", 1e9)
    yield
    Watched.passed = staticmethod(lambda: None)


def make(strategy: str | None, **fields: Any) -> RlTrainer:
    if strategy is not None:
        asked = daf.CurriculumConfig(strategy=strategy, window=10, stats_update_frequency=5)
        curriculum = daf.CurriculumManager(asked)
        for place in range(3):
            curriculum.add_task(f"{place}", difficulty=place / 2, config={"level": place / 2})
        fields["curriculum_manager"] = curriculum
    script = [{"step": 150, "name": "ent_coef", "new": 0.02, "by": "user"}]
    kwargs = {"n_steps": 16, "n_epochs": 2}
    told = config(total_timesteps=TOTAL, batch_size=16, algorithm_kwargs=kwargs)
    return RlTrainer(told, env=Watched, controls=Controls(script=script), **fields)


def ends(trainer: RlTrainer) -> tuple[Any, ...]:
    """What a training has come to: parameters, counts, journal, curriculum."""
    curriculum = trainer.curriculum
    return (
        trainer.fingerprint(),
        trainer.progress.results(),
        [entry.to_plain() for entry in trainer.controls.journal],
        None if curriculum is None else curriculum.state_dict(),
    )


@pytest.mark.parametrize("of", ["world", "optimiser"])
@pytest.mark.parametrize("strategy", [None, "uniform", "plr", "adaptive"])
def test_broken_off_again_and_again_it_comes_to_the_same_end(strategy, of):
    whole, trainer = make(strategy), make(strategy)
    whole.train()
    stopper, stops = Stopper(trainer, of), 0
    for left in range(3, 200, 5):
        stopper.left = left
        before = trainer.progress.step
        trainer.train()
        if trainer.finished:
            break
        assert trainer.progress.step % CYCLE == 0  # a boundary
        assert trainer.progress.step >= before
        stops += 1
        if stops % 3 == 0 and trainer.footing.back is not None:
            trainer.close()  # the worlds are made anew
    assert stops >= 3
    assert trainer.finished
    assert ends(trainer) == ends(whole)


def test_what_is_moved_after_a_stop_holds_when_it_goes_on():
    trainer = make(None)
    Stopper(trainer, "world").left = 110
    trainer.train()
    assert 0 < trainer.progress.step < TOTAL
    trainer.controls.set("learning_rate", 7e-4, by="user").wait(1)
    state = trainer.state()
    assert state.step == trainer.progress.step
    assert len(state.tapes) == 2
    trainer.train()
    assert trainer.controls["learning_rate"] == 7e-4
    again = make(None)
    again.load_state(state)
    again.train()
    assert ends(again) == ends(trainer)


def test_an_update_that_nothing_can_be_put_back_from_is_seen_through(monkeypatch):
    monkeypatch.setattr("daf_nb.learn.footing.take_snapshot", refuse)
    trainer = make(None)
    stopper = Stopper(trainer, "optimiser")
    stopper.left = 18  # in the middle of the second update
    trainer.train()
    assert trainer.progress.updates == 2
    assert trainer.progress.step == 2 * CYCLE
    assert trainer.footing.held is None


def refuse(*_: Any, **__: Any) -> Any:
    raise daf.ConfigError("this is no plain data")


def test_short_cycles_are_waited_for_and_cost_nothing(monkeypatch):
    monkeypatch.setattr("daf_nb.learn.footing.EVERY", 1e9)
    trainer = make_trainer(Counting, total_timesteps=640)
    held: list[int] = []
    trainer.footing.on_hold = lambda snapshot: held.append(snapshot.step)
    stopped_at: list[int] = []

    def stop(event: Any) -> None:
        if event.kind == "metrics" and event.step >= 320:
            trainer.gate.stop(now=True)
            stopped_at.append(event.step)

    trainer.subscribe(stop)
    trainer.train()
    assert held == []  # the one at the beginning is no boundary of a training
    assert trainer.progress.step == stopped_at[0]


class Clock:
    """Seconds that are moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_cycle_that_began_too_early_for_a_state_is_waited_for_to_its_end(monkeypatch):
    """Though the time for the next state comes in the middle of it."""
    monkeypatch.setattr("daf_nb.learn.footing.EVERY", 1.0)
    monkeypatch.setattr("daf_nb.learn.footing.SHARE", 0.005)
    whole, trainer = make(None), make(None)
    whole.train()
    clock = trainer.footing._clock = Clock()
    stopper = Stopper(trainer, "world")

    def pass_time(event: Any) -> None:
        if event.kind == "metrics" and trainer.progress.updates == 1:
            clock.now = 1.5  # the second cycle's state is held, the third's is not due
        if event.kind == "metrics" and trainer.progress.updates == 2:
            assert trainer.footing.held is not None
            clock.now = 1.8
            stopper.left = 10

    stop = trainer.gate.stop

    def stop_late(*, now: bool = False) -> None:
        assert trainer.footing.held is None
        clock.now = 3.0
        stop(now=now)

    monkeypatch.setattr(trainer.gate, "stop", stop_late)
    trainer.subscribe(pass_time)
    trainer.train()
    assert trainer.progress.step == 3 * CYCLE
    assert trainer.playing
    trainer.train()
    assert ends(trainer) == ends(whole)


@pytest.mark.parametrize("which", [1, 2], ids=["in between", "the last"])
def test_an_evaluation_that_was_stopped_is_played_again_before_training_goes_on(which):
    """And what its outcome leads to comes as it would have, before what the update's does."""

    def made() -> tuple[RlTrainer, list[tuple[str, int]]]:
        told = {"evaluation_interval": CYCLE * 2, "total_timesteps": CYCLE * 4, "batch_size": 16}
        kwargs = {"n_steps": 16, "n_epochs": 2}
        trainer = RlTrainer(config(**told, algorithm_kwargs=kwargs), env=Watched)
        order: list[tuple[str, int]] = []
        trainer.subscribe(
            lambda event: (
                order.append((event.kind, event.step))
                if event.kind in ("metrics", "evaluation")
                else None
            )
        )
        trainer._loop.watcher = lambda step, _: order.append(("watched", step))
        return trainer, order

    whole, expected = made()
    whole.train()
    trainer, order = made()
    seen = 0

    def stop_in_it(event: Any) -> None:
        nonlocal seen
        if event.kind == "metrics" and event.step >= 2 * CYCLE * which and not seen:
            seen = 1
            Watched.passed = lambda: trainer.gate.stop(now=True)

    trainer.subscribe(stop_in_it)
    trainer.train()
    Watched.passed = staticmethod(lambda: None)
    assert trainer.progress.step == 2 * CYCLE * which
    assert not trainer.finished
    assert order[-1] == ("metrics", 2 * CYCLE * which)
    with pytest.raises(daf.ConfigError, match="evaluation was stopped"):
        trainer.state()
    trainer.train()
    assert trainer.finished
    assert order == expected
    assert trainer.fingerprint() == whole.fingerprint()


def test_drops_of_a_part_that_was_let_go_do_not_count_against_a_copy():
    trainer = make_trainer(
        lambda: Failing(every=2, limit=4), num_envs=1, on_failure="drop", total_timesteps=400
    )
    starts = trainer._learner.ground.copies.starts

    def stop_at_a_drop(event: Any) -> None:
        going_on = starts.on_failure
        if event.kind == "metrics" and going_on is not None:

            def dropped(drop: Any) -> Any:
                trainer.gate.stop(now=True)
                return going_on(drop)

            starts.on_failure = dropped

    trainer.subscribe(stop_at_a_drop)
    trainer.train()
    held = trainer.footing.back
    assert held is not None
    before = of_data(held.state["told"])["learner"]
    assert starts.in_a_row != before["in_a_row"]
    assert of_data(trainer.state().state["told"])["learner"] == before
