"""An update in bfloat16 goes the way of one in float32; without it nothing is different."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from daf_nb.learn.buffer import buffer_of
from daf_nb.learn.precision import full, lower_precision, why_not
from daf_nb.learn.update import update
from tests import worlds
from tests.learn.helpers import Levers, Pictures, Switches, make_collector, weights

CPU = torch.device("cpu")
CASES: dict[str, Any] = {
    "Discrete": {"factory": worlds.Counting},
    "Box": {"factory": worlds.Continuous},
    "MultiDiscrete": {"factory": Levers},
    "MultiBinary": {"factory": Switches},
    "masked": {"factory": worlds.Masked, "algorithm": "MaskablePPO"},
    "pictures": {"factory": Pictures, "policy": "CnnPolicy"},
}


def updated(case: str, precision: torch.dtype | None) -> tuple[Any, Any, Any]:
    """A model's parameters before and after one update, and its statistics."""
    arguments = {"n_epochs": 4, "learning_rate": 1e-3, "n_steps": 8}
    collector, models = make_collector(algorithm_kwargs=arguments, **CASES[case])
    model = models["all"]
    buffer_of(model).precision = precision
    collector.collect(8)
    before = weights(model)
    stats = update(model)
    return before, weights(model), stats


@pytest.mark.parametrize("case", CASES)
def test_the_step_in_bfloat16_has_the_direction_of_that_in_float32(case):
    start, low, stats = updated(case, torch.bfloat16)
    same, high, told = updated(case, None)
    assert np.array_equal(start, same) and low.dtype == high.dtype == np.float32
    there, here = high - start, low - start
    cosine = there @ here / (np.linalg.norm(there) * np.linalg.norm(here))
    assert cosine > 0.9 and not np.array_equal(low, high)
    assert all(np.isfinite(value) for name, value in stats.items() if name != "explained_variance")
    assert stats["value_loss"] == pytest.approx(told["value_loss"], rel=0.05)
    assert stats["entropy_loss"] == pytest.approx(told["entropy_loss"], rel=0.02)


def test_what_comes_of_networks_is_full_again_and_doubles_stay():
    with lower_precision(CPU, torch.bfloat16):
        low = torch.nn.Linear(2, 2)(torch.ones(1, 2))
    assert low.dtype == torch.bfloat16 and full(low).dtype == torch.float32
    double = torch.ones(2, dtype=torch.float64)
    assert full(double) is double
    with lower_precision(CPU, None):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.float32


def test_a_cpu_has_the_reason_why_not():
    assert "device='cuda'" in why_not(CPU)
