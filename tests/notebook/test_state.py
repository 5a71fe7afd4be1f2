"""What is said of a run at each status."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.notebook.state import RunState, figure, one_line, read_state, sentence, title
from tests.worlds import Counting, Raising, TwoKinds

STEPS = 320
STATE = RunState(
    id=7,
    name="spread",
    status="RUNNING",
    done=False,
    wish="",
    step=61_440,
    total=200_000,
    rate=9_800.0,
    seconds=6.3,
    returns={"": -21.3},
    error="",
)


def start(tmp_path, world: Callable[[], Any] = Counting, **fields: Any) -> daf.Run:
    fields = {"total_timesteps": STEPS, "num_envs": 2, "seed": 0, "torch_threads": 1} | fields
    return daf.train(world, algorithm_kwargs={"n_steps": 16}, runs_dir=tmp_path, **fields)


def reach(run: daf.Run, status: str) -> RunState:
    deadline = time.monotonic() + 30
    while run.status != status:
        assert time.monotonic() < deadline, f"{status} was never reached: {run!r}"
        time.sleep(0.01)
    return read_state(run)


def test_a_running_state_in_words():
    assert sentence(STATE) == (
        "RUNNING, 61,440 of 200,000 agent-steps (30 %), 9,800 steps/s, 15 s left, return -21.30"
    )


def test_a_state_before_the_first_update_has_neither_rate_nor_time_left():
    early = replace(STATE, status="QUEUED", step=0, rate=None, returns={})
    assert sentence(early) == "QUEUED, 0 of 200,000 agent-steps (0 %)"


def test_a_wish_is_said_until_it_has_come_true():
    assert "RUNNING, pausing at the next boundary, 61,440" in sentence(
        replace(STATE, wish="pausing at the next boundary")
    )


def test_a_pause_has_no_rate_and_no_time_left():
    assert sentence(replace(STATE, status="PAUSED")) == (
        "PAUSED, 61,440 of 200,000 agent-steps (30 %), return -21.30"
    )


def test_the_last_rollout_may_overshoot():
    over = replace(STATE, step=204_800, done=True, status="COMPLETED", seconds=100.0)
    assert over.fraction == 1
    assert "204,800 of 200,000 agent-steps (100 %) in 1 min 40 s" in sentence(over)


def test_each_group_has_its_own_return():
    state = replace(STATE, returns={"wolf": 3.0, "sheep": -0.25})
    assert sentence(state).endswith("return of wolf 3.00, return of sheep -0.25")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (59.5, "1 min 0 s"), (3_725, "1 h 2 min")]
)
def test_durations(seconds, words):
    state = replace(STATE, step=0, total=1_000, rate=1_000 / seconds)
    assert f"{words} left" in sentence(state)


def test_control_characters_are_shown_and_not_sent():
    assert one_line("a\x1b[31m\nb\u202ec é 漢") == r"a\x1b[31m\nb\u202ec é 漢"
    assert title(replace(STATE, name="x\ry")) == r"run 7 x\ry"


def test_long_texts_are_cut():
    assert one_line("x" * 81) == "x" * 79 + "…"
    assert len(one_line("\0" * 10_000)) == 80


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-21.304, "-21.30"),
        (0.01234, "0.0123"),
        (12_345.6, "12,345.60"),
        (1e30, "1e+30"),
    ],
)
def test_returns_are_rounded_to_what_one_reads(value, text):
    assert figure(value) == text


def test_a_completed_run(tmp_path):
    run = start(tmp_path, name="done")
    run.wait()
    state = read_state(run)
    assert (state.status, state.done, state.step, state.wish) == ("COMPLETED", True, STEPS, "")
    assert (state.name, state.id, state.returns, state.error) == ("done", run.id, {"": 10.0}, "")
    assert state.rate == pytest.approx(STEPS / state.seconds)
    assert f"COMPLETED, {STEPS} of {STEPS} agent-steps (100 %) in " in sentence(state)


def test_a_paused_a_resumed_and_an_interrupted_run(tmp_path):
    run = start(tmp_path, total_timesteps=10_000_000)
    run.pause()
    state = reach(run, "PAUSED")
    assert (state.wish, state.seconds_left) == ("", None)
    run.resume()
    assert reach(run, "RUNNING").wish == ""
    run.stop()
    run.wait()
    state = read_state(run)
    assert (state.status, state.done, state.wish) == ("INTERRUPTED", True, "")
    assert 0 <= state.step < 10_000_000


def test_a_run_that_is_stopped_says_so_before_it_stops(tmp_path):
    run = start(tmp_path, total_timesteps=10_000_000)
    run.pause()
    reach(run, "PAUSED")
    held = run.trainer.gate.ask(lambda: (run.stop(), read_state(run))[1]).result()
    assert held.wish == "stopping at the next boundary"
    run.wait()


def test_a_failed_run_has_the_type_and_the_message_of_its_error(tmp_path):
    run = start(tmp_path, lambda: Raising(at=3, limit=50))
    with pytest.raises(Exception, match="the world broke at step 3") as raised:
        run.wait()
    state = read_state(run)
    assert state.status == "FAILED"
    assert state.error.startswith(f"{type(raised.value).__name__}: ")
    assert "the world broke at step 3" in state.error


def test_several_groups_are_told_apart(tmp_path):
    run = start(tmp_path, TwoKinds)
    run.wait()
    assert set(read_state(run).returns) == set(run.policies) and len(run.policies) == 2
    assert all(math.isfinite(value) for value in read_state(run).returns.values())
