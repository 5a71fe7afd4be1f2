"""Promise 10: where nobody dies, our update is SB3's own; where somebody does, it is SB3's on the
live rows alone."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from sb3_contrib import MaskablePPO
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.logger import Logger

from daf_nb.envs import AgentVecEnv, make_env
from daf_nb.learn.update import update
from daf_nb.testing import Scripted
from tests import worlds
from tests.learn.helpers import Levers, Switches, endless, make_collector, weights

STEPS, COPIES = 16, 4
MEANS = ("policy_gradient_loss", "value_loss", "entropy_loss", "clip_fraction")


class Numbered(Scripted):
    """An agent sees which of five rooms it is in."""

    def make_observation_space(self, agent):
        return spaces.Discrete(5)

    def observe(self, agent):
        return (self.elapsed + self.index(agent)) % 5


class Precise(Scripted):
    """Observations are float64."""

    def make_observation_space(self, agent):
        return spaces.Box(-np.inf, np.inf, (3,), np.float64)

    def observe(self, agent):
        return super().observe(agent).astype(np.float64) / 3


WORLDS = {
    "Discrete": lambda: worlds.Counting(agents=3, limit=None),
    "Box": lambda: endless(worlds.Continuous),
    "MultiDiscrete": lambda: Levers(limit=None),
    "MultiBinary": lambda: Switches(limit=None),
    "Discrete observations": lambda: Numbered(limit=None),
    "float64 observations": lambda: Precise(limit=None),
    "common deaths": lambda: Scripted(limit=None, deaths={0: 5, 1: 5, 2: 5}),
    "simple_spread": lambda: make_env("mpe2.simple_spread_v3", env_kwargs={"max_cycles": 10_000}),
}


def same_start(ours: Any, maker: Any, factory: Any, **arguments: Any) -> Any:
    """SB3's own model with our model's parameters."""
    env = AgentVecEnv(factory, num_envs=COPIES, seed=0)
    theirs = maker("MlpPolicy", env, n_steps=STEPS, device="cpu", seed=5, **arguments)
    theirs.policy.load_state_dict(copy.deepcopy(ours.policy.state_dict()))
    theirs.set_logger(Logger(folder=None, output_formats=[]))
    assert np.array_equal(weights(ours), weights(theirs))
    return theirs


def hand_over(ours: Any, theirs: Any, last: np.ndarray) -> None:
    """Fills SB3's buffer, step by step, with what our collector stored."""
    mine, its = ours.rollout_buffer, theirs.rollout_buffer
    its.reset()
    for t in range(STEPS):
        started = mine.ended[:, t - 1] if t else np.zeros(mine.n_envs, bool)
        masks = {} if mine.masks is None else {"action_masks": mine.masks[:, t]}
        its.add(
            mine.observations[:, t],
            mine.actions[:, t],
            mine.rewards[:, t],
            started,
            torch.from_numpy(mine.values[:, t].copy()),
            torch.from_numpy(mine.log_probs[:, t].copy()),
            **masks,
        )
    with torch.no_grad():
        values = theirs.policy.predict_values(torch.as_tensor(last))
    its.compute_returns_and_advantage(values, mine.ended[:, -1])
    np.testing.assert_allclose(mine.advantages, its.advantages.T, atol=1e-5)


def logged(model: Any) -> dict[str, float]:
    return {
        name.removeprefix("train/"): float(value)
        for name, value in model.logger.name_to_value.items()
    }


def train_both(ours: Any, theirs: Any, seed: int) -> dict[str, float]:
    """One update of each on equal permutations; our statistics."""
    theirs.logger.name_to_value.clear()
    np.random.seed(seed)  # noqa: NPY002 - what SB3 shuffles with
    ours.rollout_buffer.rng = np.random.RandomState(seed)
    theirs.train()
    return update(ours)


def compare(factory: Any, maker: Any, *, updates: int = 10, **arguments: Any) -> Any:
    """Ten rollouts of ours, each trained on by both; returns both models."""
    batch_size = arguments.pop("batch_size", 64)
    names = {PPO: "PPO", A2C: "A2C", MaskablePPO: "MaskablePPO"}
    collector, models = make_collector(
        factory,
        num_envs=COPIES,
        batch_size=batch_size,
        algorithm=names[maker],
        algorithm_kwargs={"n_steps": STEPS, **arguments},
    )
    ours = models["all"]
    if maker is not A2C:
        arguments["batch_size"] = batch_size
    theirs = same_start(ours, maker, factory, **arguments)
    start = weights(ours)
    for number in range(updates):
        collector.collect(STEPS)
        assert ours.rollout_buffer.alive.all()
        block = collector.copies.arrays.observations["all"]
        hand_over(ours, theirs, block.reshape(-1, *block.shape[2:]))
        stats, told = train_both(ours, theirs, number), logged(theirs)
        for name in MEANS if maker is not A2C else ("policy_loss", "value_loss", "entropy_loss"):
            assert stats[name] == pytest.approx(told[name], abs=1e-6, rel=1e-6), name
        assert stats["explained_variance"] == pytest.approx(told["explained_variance"], abs=1e-4)
        assert stats["n_updates"] == told["n_updates"]
        assert np.abs(weights(ours) - weights(theirs)).max() <= 1e-6
    assert np.abs(weights(ours) - start).max() > 1e-3  # there was something to compare
    return ours, theirs


@pytest.mark.parametrize("clip_range_vf", [None, 0.2])
@pytest.mark.parametrize("world", WORLDS)
def test_ten_updates_equal_sb3s_where_nobody_dies(world, clip_range_vf):
    compare(
        WORLDS[world],
        PPO,
        n_epochs=2,
        learning_rate=3e-3,
        ent_coef=0.01,
        clip_range_vf=clip_range_vf,
    )


@pytest.mark.parametrize("world", ["Discrete", "Box"])
def test_the_same_with_early_stopping(world):
    ours, _ = compare(
        WORLDS[world], PPO, n_epochs=5, learning_rate=1e-2, target_kl=0.005, clip_range_vf=0.1
    )
    assert 10 <= ours._n_updates < 50  # it did stop early


@pytest.mark.parametrize("world", ["Discrete", "Box"])
def test_the_same_without_normalised_advantages_and_with_schedules(world):
    compare(
        WORLDS[world],
        PPO,
        n_epochs=2,
        learning_rate=lambda left: 1e-2 * left,
        clip_range=lambda left: 0.1 + 0.1 * left,
        normalize_advantage=False,
        max_grad_norm=0.1,
    )


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_the_same_with_a_partial_last_minibatch():
    """12 rows x 16 steps = 192 in minibatches of 80, 80 and 32."""
    collector, models = make_collector(
        WORLDS["Discrete"],
        num_envs=COPIES,
        batch_size=80,
        partial_minibatch=True,
        algorithm_kwargs={"n_steps": STEPS, "n_epochs": 2},
    )
    ours = models["all"]
    theirs = same_start(ours, PPO, WORLDS["Discrete"], batch_size=80, n_epochs=2)
    collector.collect(STEPS)
    hand_over(ours, theirs, collector.copies.arrays.observations["all"].reshape(12, -1))
    train_both(ours, theirs, 0)
    assert np.abs(weights(ours) - weights(theirs)).max() <= 1e-6


@pytest.mark.parametrize("world", ["Discrete", "Box"])
def test_a2c_equals_sb3s(world):
    compare(WORLDS[world], A2C, learning_rate=3e-3, ent_coef=0.01, normalize_advantage=True)


def test_maskable_ppo_equals_sb3_contribs():
    compare(lambda: endless(worlds.Masked), MaskablePPO, n_epochs=2, learning_rate=3e-3)


@pytest.mark.parametrize("maker", [PPO, A2C])
def test_statistics_of_a_single_minibatch_are_sb3s(maker):
    """One epoch of one minibatch: SB3's loss and KL of the last one are the means too."""
    arguments = {"max_grad_norm": 1e9} | ({"n_epochs": 1} if maker is PPO else {})
    ours, theirs = compare(
        WORLDS["Discrete"], maker, updates=3, learning_rate=1e-2, batch_size=192, **arguments
    )
    told, stats = logged(theirs), logged(ours)
    if maker is PPO:
        assert stats["loss"] == pytest.approx(told["loss"], abs=1e-6)
        assert stats["approx_kl"] == pytest.approx(told["approx_kl"], abs=1e-6)
    norm = np.sqrt(sum(float(p.grad.square().sum()) for p in theirs.policy.parameters()))
    assert stats["gradient_norm"] == pytest.approx(norm, rel=1e-4)


def by_hand(buffer: Any, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Advantages of each agent's stretch of life by the definition, everything else left out."""
    advantages = np.full(buffer.rewards.shape, np.nan)
    for row in range(buffer.n_envs):
        following, flowing = float(last[row]), 0.0
        for t in reversed(range(buffer.buffer_size)):
            if not buffer.alive[row, t]:
                continue
            if buffer.ended[row, t]:
                following, flowing = 0.0, 0.0
            value = float(buffer.values[row, t])
            delta = float(buffer.rewards[row, t]) + buffer.gamma * following - value
            flowing = delta + buffer.gamma * buffer.gae_lambda * flowing
            advantages[row, t], following = flowing, value
    return advantages, advantages + buffer.values


@pytest.mark.parametrize(
    "factory", [worlds.Staggered, worlds.Visiting, lambda: Scripted(limit=7, deaths={0: 3})]
)
def test_where_agents_die_the_update_is_sb3s_on_the_live_rows_alone(factory):
    """SB3 trains on a buffer into which only live rows were put, with advantages by definition."""
    arguments = {"n_epochs": 2, "learning_rate": 3e-3}
    collector, models = make_collector(
        factory,
        num_envs=COPIES,
        batch_size=32,
        partial_minibatch=True,
        algorithm_kwargs={"n_steps": STEPS, **arguments},
    )
    ours = models["all"]
    theirs = same_start(ours, PPO, factory, batch_size=32, **arguments)
    for number in range(10):
        collector.collect(STEPS)
        buffer = ours.rollout_buffer
        block = collector.copies.arrays.observations["all"]
        with torch.no_grad():
            last = ours.policy.predict_values(torch.as_tensor(block.reshape(-1, 3))).numpy()
        advantages, returns = by_hand(buffer, last.ravel())
        alive = buffer.alive
        live = int(alive.sum())
        assert 0 < live < alive.size
        its = RolloutBuffer(live, ours.observation_space, ours.action_space, "cpu")
        its.observations[:, 0] = buffer.observations[alive]
        its.actions[:, 0] = buffer.actions[alive]
        for name, plane in (
            ("values", buffer.values),
            ("log_probs", buffer.log_probs),
            ("advantages", advantages),
            ("returns", returns),
        ):
            getattr(its, name)[:, 0] = plane[alive]
        its.full = True
        theirs.rollout_buffer = its
        stats, told = train_both(ours, theirs, number), logged(theirs)
        for name in MEANS:
            assert stats[name] == pytest.approx(told[name], abs=1e-5, rel=1e-5), name
        assert np.abs(weights(ours) - weights(theirs)).max() <= 1e-5


def test_a_rollout_without_live_rows_changes_nothing():
    _, models = make_collector(worlds.Counting)
    model = models["all"]
    before = weights(model)
    model.rollout_buffer.full = True
    assert update(model) == {}
    assert np.array_equal(weights(model), before)
