"""Where the time goes: found where it was put."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.scale.parts import PARTS, part_of
from daf_nb.scale.sampler import StackSampler
from tests.worlds import Counting

TINY: dict[str, Any] = {
    "num_envs": 2,
    "batch_size": 32,
    "seed": 0,
    "device": "cpu",
    "torch_threads": 1,
    "algorithm_kwargs": {"n_steps": 32, "n_epochs": 2},
}


class SlowSteps(Counting):
    """Sleeps 2 ms in every step."""

    def step(self, actions: Any) -> Any:
        time.sleep(0.002)
        return super().step(actions)


class SlowResets(Counting):
    """Sleeps 20 ms in every reset."""

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        time.sleep(0.02)
        return super().reset(seed, options)


def greatest(profile: daf.Profile) -> str:
    return max(profile.shares, key=lambda part: profile.shares[part])


def test_a_world_that_sleeps_takes_most_of_the_time_and_the_advice_says_so():
    profile = daf.profile(SlowSteps, seconds=0.5, **TINY)
    assert greatest(profile) == "world steps" and profile.shares["world steps"] > 0.5
    # Two agents act for 2 ms of their copy: at least a millisecond for each agent-step.
    assert profile.table().loc["world steps", "microseconds"] >= 1000
    assert profile.advice.startswith("The worlds take")
    assert sum(profile.shares.values()) == pytest.approx(1)
    assert tuple(profile.shares) == PARTS


def test_resets_success_and_the_update_are_told_apart():
    resets = daf.profile(lambda: SlowResets(limit=4), seconds=0.5, **TINY)
    assert greatest(resets) == "world resets"

    def success(episode: Any) -> float:
        time.sleep(0.02)
        return 1.0

    judged = daf.profile(lambda: Counting(limit=4), success=success, seconds=0.5, **TINY)
    assert greatest(judged) == "curriculum, success"
    wide = daf.profile(
        Counting, seconds=0.5, policy_kwargs={"net_arch": [1024, 1024]}, **TINY
    )  # 4 passes forward and back of 32 rows, against 32 forward of 4
    update = sum(share for part, share in wide.shares.items() if part.startswith("update"))
    assert update > 0.5 and wide.advice.startswith("The update takes")
    assert wide.shares["update: optimiser"] > 0.05 and wide.shares["update: backward"] > 0.05


def test_what_cannot_be_looked_at_is_said():
    with pytest.raises(daf.ConfigError, match="seconds"):
        daf.profile(Counting, seconds=0, **TINY)
    with pytest.raises(daf.ConfigError, match="larger total_timesteps"):
        daf.profile(Counting, total_timesteps=100, **TINY)
    with pytest.raises(daf.TrainingEnvironmentError):
        daf.profile(lambda: Counting(step_reward=float("nan")), **TINY)


def test_time_is_divided_as_it_was_spent_by_python_too():
    usual = sys.getswitchinterval()
    sampler = StackSampler(lambda stack: stack[0].partition(":")[2] if stack else "gone")
    spent: dict[str, float] = {}

    def busy(seconds: float) -> None:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass

    def asleep(seconds: float) -> None:
        time.sleep(seconds)

    def work() -> None:
        for name, one, seconds in [("busy", busy, 0.003), ("asleep", asleep, 0.009)] * 60:
            began = time.perf_counter()
            one(seconds)
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - began

    thread = threading.Thread(target=work)
    thread.start()
    assert thread.ident is not None
    sampler.start(thread.ident)
    thread.join()
    sampler.stop()
    whole, seen = sum(spent.values()), sum(sampler.seconds.values())
    assert sampler.seconds["busy"] / seen == pytest.approx(spent["busy"] / whole, abs=0.1)
    assert sys.getswitchinterval() == usual


COLLECT = ["daf_nb.learn.collect:collect", "daf_nb.learn.learner:cycle"]
UPDATE = ["daf_nb.learn.update:update", "daf_nb.learn.learner:cycle"]
STACKS = [
    ("world steps", ["mpe2.core:step", "daf_nb.envs.drivers:step", *COLLECT]),
    ("world steps", ["my_world:update", "my_world:step", "daf_nb.envs.copy:step", *COLLECT]),
    ("world resets", ["mpe2.core:place", "w:reset", "daf_nb.envs.copy:reset", *COLLECT]),
    ("record, tapes", ["daf_nb.envs.taping:after_step", "daf_nb.envs.copies:step", *COLLECT]),
    ("storing", ["daf_nb.learn.buffer:reset", *COLLECT]),
    ("advantages (GAE)", ["daf_nb.learn.buffer:finish", *COLLECT]),
    ("inference", ["torch.nn.modules.linear:forward", "daf_nb.learn.actions:act", *COLLECT]),
    ("update: backward", ["torch.autograd.graph:_engine_run_backward", "x:y", *UPDATE]),
    ("update: optimiser", ["torch.autograd.profiler:__enter__", "torch.optim.adam:step", *UPDATE]),
    ("update: optimiser", ["daf_nb.learn.adam:step", "daf_nb.learn.descent:step", *UPDATE]),
    ("update: forward", ["daf_nb.learn.towers:forward", "daf_nb.learn.x:differentiate", *UPDATE]),
    ("update: backward", ["daf_nb.learn.towers:backward", "daf_nb.learn.x:differentiate", *UPDATE]),
    ("update: forward", ["torch.nn.modules.linear:forward", *UPDATE]),
    ("record, tapes", ["json:dumps", "daf_nb.record.listener:tell", "daf_nb.learn.loop:emit"]),
    ("other", ["daf_nb.learn.footing:leave", "daf_nb.learn.loop:_boundary"]),
    ("other", []),
]


@pytest.mark.parametrize(("part", "stack"), STACKS)
def test_a_stack_belongs_to_the_part_that_called_it(part: str, stack: list[str]):
    assert part_of(stack) == part
