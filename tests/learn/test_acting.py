"""Acting without modules gives what the policy gives; and each row its own, whoever asks first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from daf_nb.learn.acting import Actor
from daf_nb.learn.actions import act, draw
from daf_nb.learn.part import Part
from tests import worlds
from tests.learn.helpers import Levers, Pictures, make_collector, make_trainer

ROWS = 300


@pytest.mark.parametrize("world", [worlds.Counting, worlds.Continuous])
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"activation_fn": nn.ReLU},
        {"net_arch": {"pi": [7, 8], "vf": [16, 9]}},
        {"net_arch": {"pi": [7], "vf": [8, 9]}},
        {"net_arch": []},
    ],
    ids=["SB3's", "ReLU", "widths", "depths", "no layer"],
)
def test_a_plain_network_acts_as_the_policy_itself(world, kwargs):
    policy: Any = make_trainer(world, policy_kwargs=kwargs).policies["all"].policy
    policy.set_training_mode(False)
    seen = torch.randn((ROWS, 3), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        noise = draw(policy, ROWS, torch.Generator().manual_seed(1))
        expected = act(policy, seen, noise)
        actor = Actor(policy, ROWS)
        for rows in (ROWS, 7):
            for mine, its in zip(actor(seen[:rows], noise[:rows]), expected, strict=True):
                torch.testing.assert_close(mine, its[:rows], rtol=1e-5, atol=1e-5)


CASES: dict[str, dict[str, Any]] = {
    "Discrete": {"factory": worlds.Counting},
    "Box": {"factory": worlds.Continuous},
    "MultiDiscrete": {"factory": Levers},
    "masked": {"factory": worlds.Masked, "algorithm": "MaskablePPO"},
    "pictures": {"factory": lambda: Pictures(agents=2), "policy": "CnnPolicy"},
}


@pytest.mark.parametrize("case", CASES)
def test_asked_in_two_halves_rows_are_given_what_they_are_given_at_once(case):
    def chosen(*ranges: slice) -> tuple[np.ndarray, Any]:
        collector, models = make_collector(num_envs=4, **CASES[case])
        part = Part("all", models["all"], collector.copies)
        part.draw(torch.Generator().manual_seed(5))
        given = [part.choose(0, copies)[copies] for copies in ranges]
        for copies in ranges:
            part.take(0, copies)
        part.settle([])
        return np.concatenate(given), part

    whole, one = chosen(slice(None))
    halves, other = chosen(slice(0, 1), slice(1, 4))
    assert len(whole) == 4 and np.array_equal(whole, halves)
    assert one.acted == other.acted == one.buffer.alive[:, 0].sum() > 0
    for name, tensor in one.buffer.tensors.items():
        assert torch.equal(tensor, other.buffer.tensors[name]), name
    assert one.buffer.observations[:, 0].any() and one.buffer.pos == other.buffer.pos == 1


def test_every_step_has_noise_of_its_own():
    for fields in CASES.values():
        _, models = make_collector(**fields)
        masked = models["all"].rollout_buffer.masks is not None
        actor = Actor(models["all"].policy, 4, masked=masked)
        generator = torch.Generator().manual_seed(0)
        first, second = actor.draw(generator), actor.draw(generator)
        assert not torch.equal(first, second)
        assert torch.equal(first, actor.draw(torch.Generator().manual_seed(0)))
