"""Memory of the parts: known sizes, exactly where they can be known."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from daf_nb import CurriculumManager
from daf_nb.learn.memory import (
    get_buffer_memory_usage,
    get_curriculum_memory_usage,
    get_environment_memory_usage,
    get_policy_memory_usage,
)
from tests.learn.helpers import make_trainer
from tests.worlds import Counting, TwoKinds

MIB = 1 << 20


class Heavy(Counting):
    """Each copy holds a mebibyte, and all of them share two."""

    shared = np.zeros(2 * MIB, np.uint8)

    def __init__(self) -> None:
        super().__init__()
        self.held, self.common = np.zeros(MIB, np.uint8), Heavy.shared


def parameters(trainer: Any) -> int:
    return sum(p.nbytes for m in trainer.policies.values() for p in m.policy.parameters())


def test_a_policy_has_parameters_then_gradients_and_two_moments_too():
    trainer = make_trainer(TwoKinds)
    assert trainer.get_memory_usage()["policy"] == parameters(trainer)
    trainer.train()
    (optimiser, *_) = [m.policy.optimizer for m in trainer.policies.values()]
    counters = sum(state["step"].nbytes for state in optimiser.state.values())
    assert get_policy_memory_usage(trainer) == 4 * parameters(trainer) + 2 * counters


def test_buffers_are_their_arrays_and_shrink_with_them():
    trainer = make_trainer()
    before = get_buffer_memory_usage(trainer)
    seen = spaces.flatdim(trainer.policies["all"].observation_space)
    # float32 observations and five float32 planes, an int64 action, two booleans.
    assert before == 4 * 8 * (4 * seen + 4 * 5 + 8 + 2)
    trainer.reduce_buffer_size()
    assert get_buffer_memory_usage(trainer) == before / 2


def test_worlds_count_what_each_holds_and_once_what_they_share():
    trainer = make_trainer(Heavy, num_envs=3)
    assert 5 * MIB < get_environment_memory_usage(trainer) < 5.3 * MIB
    trainer.close()
    assert get_environment_memory_usage(trainer) == 0


def test_a_world_of_classes_that_say_no_module_is_measured():
    # Box2D's bodies, which SWIG wraps.
    trainer = make_trainer("sisl/multiwalker-v9", num_envs=1)
    assert get_environment_memory_usage(trainer) > 10_000
    trainer.close()


def test_a_curriculum_counts_its_outcomes_and_not_who_listens():
    assert get_curriculum_memory_usage(make_trainer()) == 0
    manager = CurriculumManager()
    manager.add_task("near", difficulty=0.1)
    manager.add_task("far", difficulty=0.9)
    trainer = make_trainer(
        Heavy, curriculum_manager=manager, success=lambda episode: 0.5, total_timesteps=2000
    )
    before = trainer.get_memory_usage()["curriculum"]
    trainer.train()
    assert 0 < before < trainer.get_memory_usage()["curriculum"] < MIB


def test_while_it_trains_the_answer_comes_at_a_boundary():
    trainer = make_trainer(total_timesteps=32 * 300)
    steps = []
    trainer.subscribe(lambda event: steps.append(event.step))
    thread = threading.Thread(target=trainer.train)
    thread.start()
    told = trainer.get_memory_usage()
    trainer.gate.stop()
    thread.join()
    assert set(told) == {"policy", "worlds", "curriculum", "buffers", "process"}
    assert told["process"] > 50 * MIB
    assert told["policy"] in (parameters(trainer), pytest.approx(4 * parameters(trainer), rel=0.01))
