"""Training that is ended between two boundaries, by others or by Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest

from daf_nb.learn import Gate
from daf_nb.learn.breaking import Breaking, BrokenOff, interrupts
from daf_nb.learn.events import Event
from tests.learn.helpers import make_trainer
from tests.worlds import Counting, Failing


def spinning(breaking: Breaking, *, easily: bool = False) -> tuple[threading.Thread, list[str]]:
    """A thread that can be broken off and does nothing else; and what came of it."""
    came: list[str] = []
    began = threading.Event()

    def spin() -> None:
        try:
            with breaking.possible(easily=easily):
                began.set()
                while True:
                    try:
                        time.sleep(0.001)
                    except Exception:
                        came.append("taken for an error")
        except BrokenOff:
            came.append("broken off")

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    began.wait(5)
    return thread, came


def test_force_ends_what_another_thread_does():
    breaking = Breaking()
    thread, came = spinning(breaking)
    assert breaking.force()
    thread.join(5)
    assert came == ["broken off"]
    assert not breaking.force()  # nothing is left that could be


@pytest.mark.parametrize("easily", [True, False])
def test_asking_ends_only_what_is_easily_broken_off(easily):
    breaking = Breaking()
    thread, came = spinning(breaking, easily=easily)
    breaking.ask()
    thread.join(5 if easily else 0.2)
    assert came == ["broken off"] * easily
    assert breaking.wanted
    breaking.force()
    thread.join(5)
    assert came == ["broken off"]


def test_what_was_asked_for_before_ends_it_at_its_beginning():
    breaking = Breaking()
    breaking.ask()
    with pytest.raises(BrokenOff), breaking.possible(easily=True):
        pytest.fail("it began")


def test_what_is_shut_is_left_alone():
    breaking = Breaking()
    with breaking.possible():
        breaking.shut()
        assert not breaking.force()
    with breaking.possible(), pytest.raises(BrokenOff):
        breaking.force()


def test_it_never_strikes_behind_the_end():
    """Many short stretches against many attempts: each ends as a whole, or is broken off."""
    breaking, ends, over = Breaking(), [0, 0], threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                with breaking.possible():
                    sum(range(50))
                ends[0] += 1
            except BrokenOff:
                ends[1] += 1

    thread = threading.Thread(target=work)
    thread.start()
    hits = 0
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        hits += breaking.force()
        time.sleep(0.0005)
    over.set()
    thread.join(5)
    assert not thread.is_alive()
    assert ends[0] > 0 and 0 < ends[1] <= hits


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)


def test_an_interrupt_of_a_training_in_the_main_thread_asks_and_a_second_one_ends_it():
    gate, before = Gate(), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts(gate), gate.guard():
        with pytest.raises(BrokenOff), gate.between():
            press()
            assert gate.stopped and gate.breaking.wanted
            press()
            pytest.fail("it goes on")
        assert gate.stopped
    assert signal.getsignal(signal.SIGINT) is before
    assert not gate.breaking.wanted


def test_a_handler_of_the_users_own_is_left_in_place():
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        gate = Gate()
        with interrupts(gate), gate.guard():
            press()
            assert not gate.stopped
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


def test_other_threads_leave_the_handler_alone():
    seen: list[object] = []

    def look() -> None:
        with interrupts(Gate()):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


@pytest.mark.parametrize("kind", ["note", "start", "evaluation"])
def test_who_listens_is_never_broken_off(kind):
    """In the setup and in evaluations, where what is played is."""
    world = Failing if kind == "note" else Counting
    told: dict[str, Any] = {"on_failure": "drop", "evaluation_interval": 64}
    kwargs = {"rest": 0} if kind == "note" else {}
    trainer = make_trainer(world, total_timesteps=256, env_kwargs=kwargs, **told)
    heard: list[str] = []

    def listen(event: Event) -> None:
        if event.kind == kind:
            trainer.gate.stop(now=True)
            trainer.gate.breaking.force()
            heard.append(event.kind)

    trainer.subscribe(listen)
    trainer.train()
    assert heard == [kind]
    assert not trainer.finished
