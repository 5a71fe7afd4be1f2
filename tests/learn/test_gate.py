"""Pause, go on, stop, ask: from any thread, obeyed at boundaries."""

from __future__ import annotations

import threading
import time
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from typing import Any

import pytest

from daf_nb.errors import ConfigError
from daf_nb.learn import Gate
from tests.learn.helpers import make_trainer

PATIENCE = 20.0
"""Seconds after which a test gives up on another thread."""


class Background:
    """A trainer in a thread of its own, and what it told."""

    def __init__(self, **fields):
        fields.setdefault("total_timesteps", 10**9)
        self.trainer = make_trainer(**fields)
        self.events = []
        self.error: BaseException | None = None
        self.results: dict[str, Any] = {}
        self.trainer.subscribe(self.events.append)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self.results = self.trainer.train()
        except BaseException as error:
            self.error = error

    def until(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert self.error is None, repr(self.error)
            assert time.monotonic() < end, "nothing happened"
            time.sleep(0.002)

    def kinds(self):
        return [event.kind for event in self.events]

    def __enter__(self):
        self.until(lambda: self.trainer.progress.updates >= 2)
        return self

    def __exit__(self, *_):
        self.trainer.gate.stop()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        self.trainer.close()


def test_a_pause_holds_training_until_resume():
    with Background() as run:
        run.trainer.gate.pause()
        run.until(lambda: "pause" in run.kinds())
        held = (run.trainer.progress.step, run.trainer.fingerprint())
        time.sleep(0.1)
        assert (run.trainer.progress.step, run.trainer.fingerprint()) == held
        assert run.trainer.gate.paused
        run.trainer.gate.resume()
        run.until(lambda: run.trainer.progress.step > held[0])
        assert run.kinds().index("pause") < run.kinds().index("resume")


def test_a_pause_that_comes_while_a_boundary_answers_is_a_pause_too():
    """It is told, and it is no training time; answers can take long."""
    with Background() as run:
        run.trainer.gate.ask(run.trainer.gate.pause).result(PATIENCE)
        time.sleep(0.05)
        before = run.trainer.progress.elapsed
        time.sleep(0.3)
        assert run.trainer.progress.elapsed - before < 0.05
        assert "pause" in run.kinds()


def test_a_pause_is_no_training_time():
    with Background() as run:
        run.trainer.gate.pause()
        run.until(lambda: "pause" in run.kinds())
        before = run.trainer.progress.elapsed
        time.sleep(0.3)
        assert run.trainer.progress.elapsed - before < 0.05


@pytest.mark.parametrize("paused", [False, True])
def test_a_stop_ends_training_at_a_boundary_paused_or_not(paused):
    with Background() as run:
        if paused:
            run.trainer.gate.pause()
            run.until(lambda: "pause" in run.kinds())
        run.trainer.gate.stop()
        run.thread.join(PATIENCE)
        assert not run.thread.is_alive()
        assert run.kinds()[-1] == "stop"
        assert run.results["timesteps"] == run.trainer.progress.step
        assert run.results["timesteps"] % 32 == 0  # whole rollouts: 8 steps of 4 rows


def test_a_stop_is_forgotten_once_obeyed():
    with Background() as run:
        run.trainer.gate.stop()
        run.thread.join(PATIENCE)
        before = run.trainer.progress.updates
        assert not run.trainer.gate.stopped
        run.trainer.train_episodes(1)
        assert run.trainer.progress.updates > before


def test_no_completion_is_called_for_a_stopped_training():
    trainer = make_trainer(total_timesteps=10**9)
    called = []
    trainer.subscribe(lambda event: trainer.gate.stop() if event.kind == "metrics" else None)
    results = trainer.train(on_training_complete=called.append)
    assert (called, results["timesteps"]) == ([], 32)


def test_a_question_is_answered_in_the_training_thread_at_a_boundary():
    with Background() as run:
        progress = run.trainer.progress
        answers = [
            run.trainer.gate.ask(
                lambda: (threading.get_ident(), progress.step % 32, progress.updates * 32)
            ).result(PATIENCE)
            for _ in range(5)
        ]
        assert {thread for thread, *_ in answers} == {run.thread.ident}
        assert {rest for _, rest, _ in answers} == {0}


def test_a_question_is_answered_while_paused():
    with Background() as run:
        run.trainer.gate.pause()
        run.until(lambda: "pause" in run.kinds())
        assert run.trainer.gate.ask(lambda: 42).result(PATIENCE) == 42
        assert run.trainer.gate.paused


def test_questions_are_answered_in_order_and_once_each():
    with Background() as run:
        order = []
        futures = [run.trainer.gate.ask(lambda i=i: order.append(i)) for i in range(100)]
        for future in futures:
            future.result(PATIENCE)
        assert order == list(range(100))


def test_what_a_question_raises_reaches_who_asked_and_training_goes_on():
    def fails():
        raise ValueError("no")

    with Background() as run:
        with pytest.raises(ValueError, match="no"):
            run.trainer.gate.ask(fails).result(PATIENCE)
        before = run.trainer.progress.updates
        run.until(lambda: run.trainer.progress.updates > before)


def test_a_question_that_training_ends_before_is_answered_all_the_same():
    trainer = make_trainer()
    futures = []

    def ask_late(event):
        if event.step >= 64:
            futures.append(trainer.gate.ask(lambda: "answered"))

    trainer.subscribe(ask_late)
    trainer.train()
    assert futures
    assert futures[0].result(PATIENCE) == "answered"


def test_where_nobody_trains_a_question_is_answered_at_once():
    here = Gate().ask(threading.get_ident)
    assert here.done()
    assert here.result() == threading.get_ident()


def test_an_open_gate_lets_training_go_on_and_a_stopped_one_does_not():
    gate = Gate()
    with gate.guard():
        assert gate.wait_open()
        gate.pause()
        gate.stop()
        assert not gate.wait_open()


def test_steering_from_another_thread_takes_effect():
    with Background(batch_size=4) as run:
        assert run.trainer.increase_batch_size() == {"all": 8}
        run.trainer.enable_gradient_clipping(0.125)
        model: Any = run.trainer.policies["all"]
        assert (model.batch_size, model.max_grad_norm) == (8, 0.125)


@pytest.mark.parametrize("where", ["a listener", "an evaluation's callback"])
def test_steering_from_the_training_thread_does_not_wait_for_itself(where):
    """The guide's callbacks steer the trainer that calls them."""
    trainer = make_trainer(evaluation_interval=32, evaluation_episodes=1, batch_size=4)
    sizes = []

    def steer(_):
        if not sizes:
            sizes.append(None)
            sizes.append(trainer.increase_batch_size())

    def listen(event):
        if event.kind == "metrics":
            steer(event)

    def work():
        if where == "a listener":
            trainer.subscribe(listen)
            trainer.train()
        else:
            trainer.train(on_evaluation_complete=steer)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive(), "the trainer waits for its own next boundary"
    assert sizes[1] == {"all": 8}


def test_evaluating_while_another_thread_trains_gives_the_policies_of_one_boundary():
    with Background(evaluation_episodes=3) as run:
        results = [run.trainer.evaluate_policy() for _ in range(3)]
        assert [result.n for result in results] == [3, 3, 3]
        before = run.trainer.progress.updates
        run.until(lambda: run.trainer.progress.updates > before)
    told = [event for event in run.events if event.kind == "evaluation"]
    assert len(told) == 3
    assert all(event.step % 32 == 0 for event in told)


def test_a_future_that_nobody_answers_is_no_hang_for_ever():
    """While paused with nobody training, the trainer's questions are answered by the asker."""
    trainer = make_trainer()
    trainer.gate.pause()
    try:
        assert trainer.gate.ask(lambda: 1).result(1) == 1
    except FutureTimeout:
        pytest.fail("a question waited for a boundary that nobody reaches")
    with pytest.raises(ConfigError, match="max_norm=0"):
        trainer.enable_gradient_clipping(0)


# Whose the gate is


def test_a_stop_while_nothing_trains_ends_nothing_and_forgets_a_pause():
    trainer = make_trainer(total_timesteps=128)
    trainer.train_episodes(1)
    trainer.gate.pause()
    trainer.gate.stop()
    assert trainer.train()["timesteps"] == 128 and trainer.finished


def test_a_pause_before_training_holds_it_at_its_first_boundary():
    trainer = make_trainer()
    trainer.gate.pause()
    thread = threading.Thread(target=trainer.train, daemon=True)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive() and trainer.progress.step == 0
    trainer.gate.resume()
    thread.join(PATIENCE)
    assert trainer.progress.step == 64


def test_no_pause_outlives_a_training_that_an_exception_ends():
    trainer = make_trainer()

    def listen(event):
        if event.kind == "metrics":
            trainer.gate.pause()
        if event.kind == "pause":
            raise KeyboardInterrupt

    end = trainer.subscribe(listen)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    end()
    assert not trainer.gate.paused
    assert trainer.train()["timesteps"] == 64


def test_no_pause_outlives_a_training_that_has_ended():
    trainer = make_trainer()

    def at_the_end(event):
        if (event.kind, event.step) == ("metrics", 64):
            trainer.gate.pause()

    trainer.subscribe(at_the_end)
    trainer.train()
    assert not trainer.gate.paused


def test_a_claim_is_of_one_and_lets_questions_wait_for_the_thread_that_trains():
    gate, entered = Gate(), []

    @contextmanager
    def belongings():
        entered.append("in")
        yield
        entered.append("out")

    gate.belongings = belongings
    with gate.claim():
        assert entered == ["in"] and gate.taken
        first = gate.ask(lambda: list(entered))
        assert not first.done()
        for other in (gate.claim, gate.guard):
            with pytest.raises(ConfigError, match="trains already"), other():
                pass
        with gate.hold():
            assert not gate.taken
        with gate.hold(), gate.guard():
            assert gate.taken and gate.ask(lambda: "mine").done()
            assert not first.done()
            assert gate.wait_open() and first.result() == ["in"]
        last = gate.ask(lambda: list(entered))
        assert not last.done()
    assert last.result() == ["in"]
    assert entered == ["in", "out"] and not gate.taken
    assert gate.ask(threading.get_ident).done()


def test_a_claim_that_cannot_have_its_belongings_is_given_back():
    gate = Gate()

    @contextmanager
    def taken():
        raise ConfigError("somebody else has it")
        yield

    gate.belongings = taken
    with pytest.raises(ConfigError, match="somebody else"), gate.claim():
        pass
    assert gate.ask(lambda: 1).done()


def test_a_callback_that_trains_again_is_refused_and_harms_nobody():
    trainer, refusals = make_trainer(), []

    def again(event):
        if event.kind == "metrics":
            with pytest.raises(ConfigError, match="trains already"):
                trainer.train_episodes(1)
            refusals.append(event.step)

    trainer.subscribe(again)
    assert trainer.train()["timesteps"] == 64
    assert refusals == [32, 64]
