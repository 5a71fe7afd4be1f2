"""The gradient that is written out is autograd's, and following it is the optimiser's step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from daf_nb.learn.backprop import Backprop
from daf_nb.learn.descent import Descent
from daf_nb.learn.plain import plain_net
from daf_nb.learn.slopes import Weights
from daf_nb.learn.update import update
from tests import worlds
from tests.learn.helpers import endless, make_collector, weights

NETS: dict[str, dict[str, Any]] = {
    "as SB3's": {},
    "ReLU": {"activation_fn": nn.ReLU},
    "uneven": {"net_arch": {"pi": [7], "vf": [8, 9, 10]}},
    "no layer": {"net_arch": []},
    "two extractors": {"share_features_extractor": False},
}
WORLDS: dict[str, Any] = {
    "Discrete": worlds.Counting,
    "Box": worlds.Continuous,
    "deaths": worlds.Staggered,
}


def collected(world: str, net: str = "as SB3's", **fields: Any) -> Any:
    """A model whose buffer holds a rollout of a policy that it has left a little behind."""
    _, models = pair = make_collector(
        WORLDS[world], policy_kwargs=NETS[net], algorithm_kwargs={"n_steps": 16}, **fields
    )
    pair[0].collect(16)
    model = models["all"]
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # so that ratios differ from 1 and some are clipped
        for parameter in model.policy.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model


def gradients(model: Any) -> list[np.ndarray]:
    return [p.grad.detach().clone().numpy() for p in model.policy.parameters()]


@pytest.mark.parametrize("clip_vf", [None, 0.05])
@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("world", WORLDS)
def test_the_gradient_is_autograds(world, net, clip_vf):
    model = collected(world, net)
    told = Weights(clip=0.1, clip_vf=clip_vf, entropy=0.01, value=0.5, normalise=True)
    plain = plain_net(model.policy)
    assert plain is not None
    at = torch.from_numpy(model.rollout_buffer.live[3:24])
    stats = Backprop(model, told).differentiate(at)
    expected = gradients(model)
    ours = Descent(model, plain, told).differentiate(at)
    assert 0 < stats[5] < 1  # some ratios are clipped
    torch.testing.assert_close(ours, stats.detach(), rtol=1e-5, atol=1e-6)
    for mine, its in zip(gradients(model), expected, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6 * max(1, np.abs(its).max()))


def test_where_surrogates_are_equal_the_gradient_is_autograds_too():
    """Of the policy that collected, ratios are 1; with advantages of 0 both sides are equal."""
    model = collected("Discrete")
    buffer = model.rollout_buffer
    buffer.advantages[:, ::2] = 0
    told = Weights(clip=0.1, clip_vf=None, entropy=0.0, value=0.5, normalise=False)
    at = torch.arange(20)
    Backprop(model, told).differentiate(at)
    expected = gradients(model)
    plain = plain_net(model.policy)
    assert plain is not None
    Descent(model, plain, told).differentiate(at)
    for mine, its in zip(gradients(model), expected, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"optimizer_class": torch.optim.AdamW, "optimizer_kwargs": {"weight_decay": 0.1}},
        {"optimizer_class": torch.optim.SGD},
        {"optimizer_kwargs": {"amsgrad": True}},
        {"optimizer_kwargs": {"weight_decay": 0.1, "foreach": True}},
    ],
    ids=["Adam", "AdamW", "SGD", "AMSGrad", "foreach"],
)
def test_updates_by_both_ways_agree_under_any_optimiser(kwargs, monkeypatch):
    def trained() -> np.ndarray:
        collector, models = make_collector(
            lambda: endless(worlds.Continuous),
            policy_kwargs=kwargs,
            algorithm_kwargs={"n_steps": 16, "n_epochs": 3},
        )
        for _ in range(3):
            collector.collect(16)
            update(models["all"])
        return weights(models["all"])

    ours = trained()
    monkeypatch.setattr("daf_nb.learn.update.plain_net", lambda policy: None)
    np.testing.assert_allclose(ours, trained(), atol=1e-6)


def test_the_optimisers_state_is_as_its_own_step_leaves_it():
    model = collected("Discrete")
    update(model)
    optimizer = model.policy.optimizer
    assert {*optimizer.state} == {*model.policy.parameters()}
    minibatches = model.n_epochs * len(model.rollout_buffer.minibatches(model.batch_size))
    assert {float(state["step"]) for state in optimizer.state.values()} == {minibatches}


def test_what_is_hooked_is_updated_through_its_hook():
    model = collected("Discrete")
    seen = []
    model.policy.value_net.register_forward_hook(lambda module, given, out: seen.append(len(out)))
    update(model)
    assert sum(seen) == model.n_epochs * len(model.rollout_buffer.live)
