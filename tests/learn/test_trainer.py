"""The trainer: what decides a run, what stops it, what its methods say and do."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.callbacks import BaseCallback

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum import CurriculumManager
from daf_nb.envs import AgentVecEnv, World
from daf_nb.errors import ConfigError, DafWarning, TrainingEnvironmentError
from daf_nb.learn import RlTrainer
from daf_nb.learn.private import torch_threads
from daf_nb.testing import Scripted
from tests import worlds
from tests.learn.helpers import Levers, Pictures, make_trainer, weights

KEYS = {
    "episodes",
    "timesteps",
    "avg_reward",
    "best_reward",
    "completion_rate",
    "task_performance",
}


def trained(env: Any = worlds.Counting, **fields) -> RlTrainer:
    trainer = make_trainer(env, **fields)
    trainer.train()
    trainer.close()
    return trainer


def draw_from_everything() -> None:
    random.random()
    np.random.random()  # noqa: NPY002 - the state that must not matter
    torch.rand(1)


# Seeds (promise 3)

RUNS = {
    "discrete": (worlds.Counting, {}),
    "continuous": (worlds.Continuous, {}),
    "deaths": (worlds.Staggered, {"total_timesteps": 200}),
    "absent agents": (worlds.Visiting, {"total_timesteps": 200}),
    "two groups": (worlds.TwoKinds, {"algorithm_kwargs": {"n_epochs": 3}}),
    "one policy each": (worlds.Counting, {"share": "none"}),
    "masks": (worlds.Masked, {"algorithm": "MaskablePPO"}),
    "A2C": (worlds.Counting, {"algorithm": "A2C"}),
    "simple_spread": ("mpe2.simple_spread_v3", {"total_timesteps": 200}),
}


@pytest.mark.parametrize("run", RUNS)
def test_config_and_seed_decide_the_parameters(run):
    """Whatever the process's own random state is."""
    env, fields = RUNS[run]
    prints = []
    for state in (1, 2):
        random.seed(state)
        np.random.seed(state)  # noqa: NPY002 - the state that must not matter
        torch.manual_seed(state)
        prints.append(trained(env, **fields).fingerprint())
    assert prints[0] == prints[1]
    assert trained(env, **fields, seed=1).fingerprint() != prints[0]


@contextmanager
def others_draw():
    """Two threads draw from the global generators all the while."""
    done = threading.Event()

    def draw():
        while not done.is_set():
            draw_from_everything()

    threads = [threading.Thread(target=draw, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_other_threads_draws_do_not_reach_the_first_weights():
    """A notebook's other cells draw from the global generators while models are made."""
    quiet = make_trainer().fingerprint()
    with others_draw():
        disturbed = {make_trainer().fingerprint() for _ in range(25)}
    assert disturbed == {quiet}


@pytest.mark.parametrize("world", [worlds.Counting, worlds.Continuous])
def test_other_threads_draws_do_not_reach_training(world):
    quiet, disturbed = (make_trainer(world, total_timesteps=512) for _ in range(2))
    quiet.train()
    with others_draw():
        disturbed.train()
    assert disturbed.fingerprint() == quiet.fingerprint()


def test_training_leaves_the_global_random_state_as_it_was():
    draw_from_everything()
    python, legacy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    trainer = make_trainer(worlds.Continuous, evaluation_interval=32, evaluation_episodes=1)
    trainer.train()
    trainer.evaluate_policy(deterministic=True)
    assert random.getstate() == python
    assert all(map(np.array_equal, np.random.get_state(), legacy))  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), cpu)


@pytest.mark.parametrize(
    "fields",
    [
        {"evaluation_interval": 32, "evaluation_episodes": 2},
        {"checkpoint_interval": 32},
        {"experiment_name": "another"},
    ],
    ids=str,
)
def test_what_is_looked_at_does_not_change_what_is_trained(fields):
    assert trained(**fields).fingerprint() == trained().fingerprint()


def test_training_in_two_stretches_is_training_in_one():
    straight, halved = make_trainer(total_timesteps=10**6), make_trainer(total_timesteps=10**6)
    straight.train_episodes(8)
    halved.train_episodes(2)
    halved.train_episodes(straight.progress.episodes - halved.progress.episodes)
    assert straight.progress.step == halved.progress.step
    assert straight.fingerprint() == halved.fingerprint()


def test_a_run_without_a_seed_says_which_one_it_drew():
    one = trained(seed=None)
    again = trained(seed=one.config.seed)
    assert isinstance(one.config.seed, int)
    assert again.fingerprint() == one.fingerprint()
    assert trained(seed=None).config.seed != one.config.seed


def test_an_untrained_model_has_the_weights_that_sb3_draws():
    """SB3 with the model's own seed starts from the same parameters."""
    trainer = make_trainer()
    model = trainer.policies["all"]
    state = torch.get_rng_state()
    with torch_threads(1):
        theirs = PPO("MlpPolicy", AgentVecEnv(worlds.Counting, num_envs=2), seed=model.seed)
    torch.set_rng_state(state)
    assert np.array_equal(weights(model), weights(theirs))


def test_the_fingerprint_is_of_the_parameters_and_nothing_else():
    trainer = make_trainer(worlds.TwoKinds)
    before = trainer.fingerprint()
    assert len(before) == 64
    assert trainer.fingerprint() == before
    with torch.no_grad():
        parameter = next(trainer.policies["sheep"].policy.parameters())
        parameter.view(-1)[0] += 1e-6
    assert trainer.fingerprint() != before


# What stops a run


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("where", "at"), [("reward", 3), ("observation", 3), ("observation", 10), ("reward", 10)]
)
def test_what_is_not_finite_stops_the_run_before_it_is_learned_from(value, where, at):
    """The first 32 rows are sound and trained on; then the fault strikes in the second episode."""
    made = []

    class Later(worlds.Poisoned):
        episode = 0

        def reset(self, seed=None, options=None):
            self.episode += 1
            return super().reset(seed, options)

        def strikes(self, agent, where):
            return self.episode == 2 and super().strikes(agent, where)

    def factory():
        made.append(1)
        # The probe and the pre-flight episode come first and last: one copy alone is poisoned.
        kwargs = {"where": where, "value": value, "at": at, "agent": 1, "limit": 10}
        return Later(**kwargs) if len(made) == 3 else worlds.Counting(limit=10)

    trainer = make_trainer(factory, total_timesteps=320)
    prints = [trainer.fingerprint()]
    trainer.subscribe(
        lambda event: prints.append(trainer.fingerprint()) if event.kind == "metrics" else None
    )
    with pytest.raises(TrainingEnvironmentError) as caught:
        trainer.train()
    assert len(set(prints)) == len(prints) >= 2  # there had been updates
    assert trainer.fingerprint() == prints[-1]
    assert np.isfinite(weights(trainer.policies["all"])).all()
    for words in ("agent_1", f"is {value}", "in copy 1, episode 1", f"step {at}, after action "):
        assert words in str(caught.value)


def test_a_world_that_is_poisoned_from_the_start_does_not_pass_the_preflight():
    trainer = make_trainer(worlds.Poisoned)
    before = trainer.fingerprint()
    with pytest.raises(TrainingEnvironmentError, match="pre-flight: reward of agent_0 is nan"):
        trainer.train()
    assert trainer.fingerprint() == before


def test_a_run_goes_on_in_fresh_episodes_after_a_world_has_raised():
    faults = [True]

    class Once(worlds.Counting):
        def step(self, actions):
            if self.elapsed == 7 and self.seed != 0 and faults:  # the pre-flight's seed is 0
                faults.clear()
                raise RuntimeError("just this once")
            return super().step(actions)

    trainer = make_trainer(Once)
    with pytest.raises(TrainingEnvironmentError, match="just this once"):
        trainer.train()
    results = trainer.train()
    assert results["timesteps"] == 64
    # Nobody's episode was continued across the fault: each has all of its ten steps.
    assert results["avg_reward"] == pytest.approx(10)


@pytest.mark.parametrize("total", [0, -1])
def test_nothing_to_train_for_is_refused(total):
    with pytest.raises(ConfigError, match=f"total_timesteps={total}"):
        make_trainer(total_timesteps=total)


def test_a_finding_of_the_preflight_is_warned_of():
    class Outside(worlds.Counting):
        def make_observation_space(self, agent):
            return spaces.Box(0, 2, (3,), np.float32)

    trainer = make_trainer(Outside)
    notes = []
    trainer.subscribe(lambda event: notes.append(event.data) if event.kind == "note" else None)
    with pytest.warns(DafWarning, match="outside its Box"):
        trainer.train()
    assert "outside its Box" in notes[0]["preflight"]
    assert trainer.description is not None
    assert len(trainer.description.findings) == 1


# Groups


def test_pursuers_and_pursued_train_a_policy_each_kind():
    trainer = make_trainer("mpe2.simple_tag_v3")
    assert list(trainer.policies) == ["adversary", "agent"]
    rows = {name: model.n_envs for name, model in trainer.policies.items()}
    assert rows == {"adversary": 6, "agent": 2}
    before = {name: weights(model) for name, model in trainer.policies.items()}
    results = trainer.train()
    for name, model in trainer.policies.items():
        assert not np.array_equal(weights(model), before[name])
    assert results["timesteps"] == sum(m.num_timesteps for m in trainer.policies.values()) == 64
    metrics = trainer.get_training_metrics()
    assert {"train/adversary/loss", "train/agent/loss"} <= metrics.keys()


def test_one_policy_each_for_those_who_do_not_share():
    trainer = trained("mpe2.simple_tag_v3", share="none")
    names = ["adversary_0", "adversary_1", "adversary_2", "agent_0"]
    assert list(trainer.policies) == names
    assert {model.n_envs for model in trainer.policies.values()} == {2}
    assert len({weights(model).tobytes() for model in trainer.policies.values()}) == 4


def test_one_policy_for_agents_that_differ_is_refused_with_both_ways_out():
    with pytest.raises(ConfigError) as caught:
        make_trainer("mpe2.simple_tag_v3", share="all")
    for words in ("adversary_0: Box(", "agent_0: Box(", "share='group'", "pad_observations_v0"):
        assert words in str(caught.value)


def test_padding_is_a_way_out():
    wrappers = ("pad_observations_v0", "pad_action_space_v0")
    trainer = trained("mpe2.simple_tag_v3", share="all", wrappers=wrappers)
    assert list(trainer.policies) == ["all"]
    assert trainer.policies["all"].n_envs == 8


def test_only_live_rows_count_as_steps():
    """12 of the 18 rows of an episode are alive: 2 + 4 + 6 steps of three agents."""
    trainer = make_trainer(
        worlds.Staggered, algorithm_kwargs={"n_steps": 6}, num_envs=3, total_timesteps=72
    )
    results = trainer.train()
    assert (results["timesteps"], results["episodes"], trainer.progress.updates) == (72, 6, 2)
    assert trainer.policies["all"].num_timesteps == 72


# What is left behind


BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("daf_nb", "tests"):
            raise ImportError(name)

sys.meta_path.insert(0, Blocker())
import numpy as np
import stable_baselines3, sb3_contrib

algorithm, folder = sys.argv[1:]
maker = getattr(stable_baselines3, algorithm, None) or getattr(sb3_contrib, algorithm)
model = maker.load(folder + "/model.zip", device="cpu")
observations = np.load(folder + "/observations.npy")
np.save(folder + "/actions.npy", model.predict(observations, deterministic=True)[0])
assert "daf_nb" not in sys.modules
"""


@pytest.mark.parametrize(
    ("algorithm", "world"),
    [("PPO", worlds.Counting), ("PPO", worlds.Continuous), ("MaskablePPO", worlds.Masked)],
)
def test_a_saved_policy_needs_no_daf_nb(tmp_path, algorithm, world):
    model = trained(world, algorithm=algorithm).policies["all"]
    model.save(tmp_path / "model.zip")
    observations = np.random.default_rng(0).standard_normal((64, 3)).astype(np.float32)
    np.save(tmp_path / "observations.npy", observations)
    subprocess.run(
        [sys.executable, "-I", "-c", BLOCKED, algorithm, str(tmp_path)], check=True, timeout=120
    )
    expected, _ = model.predict(observations, deterministic=True)
    assert np.array_equal(np.load(tmp_path / "actions.npy"), expected)


@pytest.mark.parametrize(("algorithm", "maker"), [("PPO", PPO), ("A2C", A2C)])
def test_a_saved_policy_goes_on_learning_with_sb3_alone(tmp_path, algorithm, maker):
    model = trained(algorithm=algorithm).policies["all"]
    model.save(tmp_path / "model.zip")
    env = AgentVecEnv(worlds.Counting, num_envs=3, seed=0)
    loaded = maker.load(tmp_path / "model.zip", env=env, force_reset=True)
    assert np.array_equal(weights(loaded), weights(model))
    loaded.learn(96)
    assert not np.array_equal(weights(loaded), weights(model))


def test_a_policy_on_images_trains_and_predicts_on_what_the_world_shows():
    """The world shows channels last; SB3's networks want them first."""
    trainer = trained(lambda: Pictures(agents=1), policy="CnnPolicy", total_timesteps=16)
    model = trainer.policies["all"]
    kept = model.rollout_buffer.observations[:, 0]
    assert kept.shape == (2, 3, 36, 40)
    shown = np.moveaxis(kept, 1, -1)
    for pictures in (shown, kept):
        actions, _ = model.predict(pictures, deterministic=True)
        assert actions.shape == (2,)
    assert trainer.evaluate_policy(episodes=2, deterministic=True).n == 2


# Methods


def test_train_gives_the_guides_keys_and_calls_back_once():
    """Counting earns every agent 1 a step for 10 steps; 64 rows of 2 x 2 make 16 steps."""
    trainer = make_trainer()
    finished, evaluated = [], []
    results = trainer.train(finished.append, evaluated.append)
    assert results.keys() == KEYS
    assert (results["episodes"], results["timesteps"]) == (2, 64)
    assert (results["avg_reward"], results["best_reward"]) == (10.0, 10.0)
    assert results["completion_rate"] is None
    assert results["task_performance"] == {"tests.worlds:Counting": 10.0}
    assert finished == [results]
    assert [evaluation.n for evaluation in evaluated] == [20]


def test_results_before_any_episode_has_ended_claim_nothing():
    results = make_trainer(lambda: worlds.Counting(limit=None)).train()
    assert (results["episodes"], results["avg_reward"], results["best_reward"]) == (0, None, None)
    assert results["task_performance"] == {}


def test_evaluations_and_checkpoints_fall_due_by_agent_steps():
    trainer = make_trainer(
        total_timesteps=320,
        evaluation_interval=64,
        evaluation_episodes=1,
        checkpoint_interval=100,
    )
    told, evaluated = [], []
    trainer.subscribe(lambda event: told.append((event.kind, event.step)))
    trainer.train(on_evaluation_complete=evaluated.append)
    assert [step for kind, step in told if kind == "checkpoint"] == [128, 224, 320]
    # Every 64 steps, and once more at the end.
    assert [step for kind, step in told if kind == "evaluation"] == [64, 128, 192, 256, 320, 320]
    assert len(evaluated) == 6
    assert [step for kind, step in told if kind == "metrics"] == list(range(32, 321, 32))
    assert (told[0], told[-2][0]) == (("start", 0), "end")


def test_train_episodes_trains_until_enough_whole_episodes_have_ended():
    """Episodes of 10 steps in rollouts of 8: the 4th of two copies ends in the third rollout."""
    trainer = make_trainer(total_timesteps=10**6)
    results = trainer.train_episodes(3)
    assert (results["episodes"], results["timesteps"]) == (4, 96)
    assert trainer.train_episodes(1)["episodes"] >= 5
    with pytest.raises(ConfigError, match="episodes=0"):
        trainer.train_episodes(0)


def test_train_on_task_credits_its_episodes_to_the_task_alone():
    trainer = make_trainer()
    trainer.train()
    results = trainer.train_on_task("double", env_kwargs={"step_reward": 2.0}, episodes=3)
    assert results.keys() == KEYS
    assert results["task_performance"] == {"double": 20.0}
    assert results["episodes"] == 4
    assert results["timesteps"] == 96
    overall = trainer.get_training_summary()
    assert overall["task_performance"] == {"tests.worlds:Counting": 10.0, "double": 20.0}
    assert (overall["episodes"], overall["timesteps"]) == (2 + 4, 64 + 96)
    again = trainer.train_on_task("double", env_kwargs={"step_reward": 4.0}, episodes=2)
    assert again["task_performance"] == {"double": 40.0}
    assert trainer.train_episodes(1)["task_performance"]["tests.worlds:Counting"] == 10.0


def test_train_on_task_takes_another_world():
    trainer = make_trainer()
    results = trainer.train_on_task(
        "mortal", worlds.Staggered, env_kwargs={"agents": 2}, episodes=2
    )
    assert results["task_performance"]["mortal"] == pytest.approx((2 + 8) / 2, rel=0.1)
    named = World(worlds.Counting, {"step_reward": 3.0})
    assert trainer.train_on_task("named", named)["task_performance"] == {"named": 30.0}


def test_visits_to_a_task_play_different_episodes_and_close_their_worlds():
    class Noting(worlds.Counting):
        seeds: list[int | None] = []  # noqa: RUF012 - shared by all instances on purpose
        opened = closed = 0

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            Noting.opened += 1

        def reset(self, seed=None, options=None):
            Noting.seeds.append(seed)
            return super().reset(seed, options)

        def close(self):
            Noting.closed += 1

    trainer = make_trainer(Noting, torch_threads=1)
    for _ in range(2):
        trainer.train_on_task("again", episodes=4)
    assert Noting.opened - Noting.closed == 2  # the trainer's own copies
    played = [seed for seed in Noting.seeds if seed != 0]  # without the pre-flight's
    assert len(set(played)) == len(played) >= 12
    trainer.close()
    assert Noting.opened == Noting.closed


@pytest.mark.parametrize(
    ("env", "env_kwargs", "words"),
    [
        (worlds.Continuous, {}, "Box(-1.0, 1.0, (2,), float32)"),
        (worlds.TwoKinds, {}, "wolf_0"),
        (None, {"agents": 3}, "agent_2"),
        (None, {"agents": 1}, "agent_1"),
    ],
    ids=["other spaces", "other names", "one agent more", "one agent fewer"],
)
def test_a_task_with_other_agents_or_spaces_is_refused(env, env_kwargs, words):
    trainer = make_trainer()
    with pytest.raises(ConfigError) as caught:
        trainer.train_on_task("odd", env, env_kwargs=env_kwargs, episodes=1)
    assert "'odd'" in str(caught.value)
    assert words in str(caught.value)
    assert trainer.train()["timesteps"] == 64  # and the trainer is as it was


def test_rates_are_counts_over_training_time():
    trainer = make_trainer()
    assert (trainer.get_timesteps_per_second(), trainer.get_episodes_per_second()) == (0.0, 0.0)
    trainer.train()
    summary = trainer.get_training_summary()
    seconds = summary["seconds"]
    assert 0 < seconds < 30
    assert trainer.get_timesteps_per_second() == pytest.approx(64 / seconds)
    assert trainer.get_episodes_per_second() == pytest.approx(2 / seconds)
    assert trainer.get_update_frequency() == pytest.approx(2 / seconds)
    assert (summary["updates"], summary["seed"]) == (2, 0)
    assert summary["fingerprint"] == trainer.fingerprint()


def test_evaluation_is_no_training_time():
    class Slow(worlds.Counting):
        def step(self, actions):
            time.sleep(0.01)
            return super().step(actions)

    trainer = make_trainer(Slow, evaluation_interval=32, evaluation_episodes=4)
    began = time.perf_counter()
    trainer.train()
    # Of 16 steps of 2 copies in training, and 2 x 2 x 10 steps of 4 copies in evaluation.
    assert trainer.progress.elapsed < 0.5 * (time.perf_counter() - began)


def test_the_newest_numbers_are_the_metrics():
    trainer = make_trainer()
    assert trainer.get_training_metrics() == {}
    assert math.isnan(trainer.get_gradient_norm())
    events = []
    trainer.subscribe(events.append)
    trainer.train()
    metrics = trainer.get_training_metrics()
    assert metrics["rollout/return_mean"] == 10.0
    assert metrics["train/n_updates"] == 2
    newest = [event.data for event in events if event.kind == "metrics"][-1]
    assert newest.items() <= metrics.items()
    assert trainer.get_gradient_norm() == newest["train/gradient_norm"] > 0


def test_the_gradient_norm_is_the_largest_of_the_groups():
    trainer = trained(worlds.TwoKinds)
    metrics = trainer.get_training_metrics()
    norms = [metrics[f"train/{group}/gradient_norm"] for group in ("wolf", "sheep")]
    assert norms[0] != norms[1]
    assert trainer.get_gradient_norm() == max(norms)


def test_the_gradient_norm_is_of_the_newest_update():
    """Of A2C too, whose own `train` tells no norm."""
    for algorithm in ("PPO", "A2C"):
        trainer = make_trainer(
            algorithm=algorithm,
            total_timesteps=10**6,
            algorithm_kwargs={"max_grad_norm": 1e6},  # A2C's own is told after clipping
        )
        norms = []
        for _ in range(3):
            trainer.train_episodes(1)
            norms.append(trainer.get_gradient_norm())
        assert len(set(norms)) == 3, algorithm


def minibatch_sizes(trainer) -> list[int]:
    sizes = []
    model = trainer.policies["all"]
    evaluate = model.policy.evaluate_actions

    def counting(observations, *args, **kwargs):
        sizes.append(len(observations))
        return evaluate(observations, *args, **kwargs)

    model.policy.evaluate_actions = counting
    trainer.train_episodes(1)
    del model.policy.evaluate_actions
    return sizes


def test_increase_batch_size_doubles_the_minibatches_that_are_trained_on():
    """Rollouts of 8 steps x 2 copies x 2 agents = 32 rows; episodes end every 10 steps."""
    trainer = make_trainer(batch_size=8, total_timesteps=10**6)
    assert minibatch_sizes(trainer) == [8] * 8
    assert trainer.increase_batch_size() == {"all": 16}
    assert set(minibatch_sizes(trainer)) == {16}
    assert trainer.increase_batch_size() == {"all": 32}
    assert trainer.increase_batch_size() == {"all": 32}
    assert set(minibatch_sizes(trainer)) == {32}


def test_increase_batch_size_goes_to_a_divisor():
    """Rollouts of 2 x 2 x 3 x 5 = 60 rows."""
    trainer = make_trainer(algorithm_kwargs={"n_steps": 15}, batch_size=10)
    sizes = [trainer.increase_batch_size()["all"] for _ in range(3)]
    assert sizes == [20, 30, 60]
    with pytest.raises(ConfigError, match="A2C trains on whole rollouts"):
        make_trainer(algorithm="A2C").increase_batch_size()


def test_enable_gradient_clipping_limits_what_an_update_moves():
    """Plain gradient descent moves by at most learning rate x clipped norm per minibatch."""

    def moved(max_norm):
        trainer = make_trainer(
            batch_size=32,
            algorithm_kwargs={"learning_rate": 1.0, "max_grad_norm": 1e9},
            policy_kwargs={"optimizer_class": torch.optim.SGD, "optimizer_kwargs": {}},
            total_timesteps=32,
        )
        if max_norm:
            trainer.enable_gradient_clipping(max_norm)
        before = weights(trainer.policies["all"])
        trainer.train()
        return float(np.linalg.norm(weights(trainer.policies["all"]) - before)), trainer

    free, trainer = moved(None)
    assert free == pytest.approx(trainer.get_gradient_norm(), rel=1e-3)
    assert free > 0.02
    clipped, trainer = moved(0.01)
    assert clipped == pytest.approx(0.01, rel=1e-3)
    assert trainer.get_gradient_norm() == pytest.approx(free, rel=1e-5)  # before clipping


def test_schedules_see_what_is_left_of_training_as_with_sb3():
    """SB3 tells its schedules the progress after each rollout: 3/4, 1/2, 1/4 and 0."""
    trainer = make_trainer(
        total_timesteps=128, algorithm_kwargs={"learning_rate": lambda left: 1e-3 * left}
    )
    rates = []

    def listen(event):
        if event.kind == "metrics":
            rates.append(event.data["train/learning_rate"])

    trainer.subscribe(listen)
    trainer.train()
    assert rates == pytest.approx([7.5e-4, 5e-4, 2.5e-4, 0.0])


def test_maskable_ppo_never_plays_a_forbidden_action():
    """This world raises at one. In training, evaluation, both ways, and against chance."""
    for in_observation in (False, True):
        trainer = make_trainer(
            worlds.Masked,
            env_kwargs={"in_observation": in_observation},
            algorithm="MaskablePPO",
            total_timesteps=640,
        )
        assert trainer.train()["episodes"] == 2 * 640 // 4 // 5
        for deterministic in (False, True):
            assert trainer.evaluate_policy(episodes=10, deterministic=deterministic).n == 10


def test_the_masks_of_several_choices_at_once_are_obeyed():
    """Levers of three and two positions; position 0 of each is forbidden, and raises."""

    class Locked(Levers):
        def info(self, agent):
            return {"action_mask": np.array([0, 1, 1, 0, 1], np.int8)}

        def step(self, actions):
            if not all(np.all(action) for action in actions.values()):
                raise ValueError("a forbidden lever was pulled")
            return super().step(actions)

    trainer = make_trainer(Locked, algorithm="MaskablePPO")
    assert trainer.train()["timesteps"] >= 64
    assert trainer.evaluate_policy(episodes=3).n == 3


def test_training_learns():
    """An agent earns a tenth of its action more: the best of three is worth 0.2 a step."""
    trainer = make_trainer(
        lambda: Scripted(agents=2, limit=5),
        num_envs=8,
        total_timesteps=6000,
        algorithm_kwargs={"n_steps": 16, "n_epochs": 4, "learning_rate": 5e-3},
    )
    trainer.train()
    result = trainer.evaluate_policy(episodes=40, deterministic=True)
    assert result.mean_reward == pytest.approx(7.5 + 5 * 0.2)
    assert result.random_mean_reward == pytest.approx(7.5 + 5 * 0.1, abs=0.15)


# The world, as users give it


def test_an_instance_is_copied_for_every_copy():
    world = worlds.Counting(limit=3)
    trainer = make_trainer(world)
    assert trainer.train()["episodes"] == 2 * (16 // 3)
    assert (world.elapsed, world.agents) == (0, [])


def test_an_instance_takes_no_arguments():
    with pytest.raises(ConfigError, match="env_kwargs belong to a world's name or factory"):
        make_trainer(worlds.Counting(), env_kwargs={"limit": 3})


def test_an_instance_that_cannot_be_copied_is_refused_with_the_way_out():
    world: Any = worlds.Counting()
    world.lock = threading.Lock()
    with pytest.raises(ConfigError, match=r"cannot be copied .*give its name or a function"):
        make_trainer(world)


def test_worlds_are_closed_where_a_trainer_cannot_be_made():
    class Closing(worlds.Counting):
        opened = closed = 0

        def __init__(self):
            super().__init__()
            Closing.opened += 1

        def close(self):
            Closing.closed += 1

    with pytest.raises(ConfigError, match="MlpPolice"):
        make_trainer(Closing, policy="MlpPolice")
    assert Closing.opened == Closing.closed > 0


# What is refused while it trains


def elsewhere(trainer: RlTrainer) -> None:
    trainer.train_elsewhere(worlds.Counting, env_kwargs={"step_reward": 2.0})


TRAININGS = {
    "train": RlTrainer.train,
    "train_episodes": lambda trainer: trainer.train_episodes(1),
    "train_on_task": lambda trainer: trainer.train_on_task("x", worlds.Counting, episodes=1),
    "train_elsewhere": elsewhere,
    "close": RlTrainer.close,
}


@pytest.mark.parametrize("what", TRAININGS)
@pytest.mark.parametrize("thread", ["another thread", "a callback"])
def test_what_is_refused_while_it_trains_changes_nothing(what, thread):
    quiet, trainer = (make_trainer(total_timesteps=160) for _ in range(2))
    quiet.train()
    refusals: list[str] = []
    told: list[str] = []

    def attempt():
        with pytest.raises(ConfigError, match="this trainer trains") as caught:
            TRAININGS[what](trainer)
        refusals.append(str(caught.value))

    def disturb(event):
        told.append(event.kind)
        if event.kind == "metrics" and thread == "a callback":
            attempt()
        elif event.kind == "metrics":
            other = threading.Thread(target=attempt)
            other.start()
            other.join()

    trainer.subscribe(disturb)
    trainer.train()
    assert len(refusals) == 5
    assert told == ["start", *["metrics"] * 5, "end"]
    assert trainer.fingerprint() == quiet.fingerprint()
    assert trainer.progress.episodes == quiet.progress.episodes
    assert trainer.finished


def test_a_refused_training_is_told_of_the_training_and_not_of_the_curriculum():
    manager = CurriculumManager(CurriculumConfig(strategy="uniform"))
    manager.add_task("only", difficulty=0.5, success=(0, 10))
    trainer = make_trainer(curriculum_manager=manager)

    def again(event):
        if event.kind == "metrics":
            with pytest.raises(ConfigError, match="this trainer trains already"):
                trainer.train()

    trainer.subscribe(again)
    assert trainer.train()["timesteps"] == 64


def test_finished_is_of_the_last_training_that_began():
    trainer = make_trainer()
    trainer.train()
    with pytest.raises(ConfigError, match="other agents or spaces"):
        trainer.train_elsewhere(worlds.TwoKinds)
    assert trainer.finished

    class Breaks(worlds.Counting):
        def step(self, actions):
            if self.seed != 0:  # the pre-flight's
                raise RuntimeError("at once")
            return super().step(actions)

    trainer = make_trainer(total_timesteps=96)
    trainer.finished = True  # as after a training that reached its goal
    with pytest.raises(TrainingEnvironmentError, match="at once"):
        trainer.train_elsewhere(Breaks)
    assert not trainer.finished


# Steering from a callback, listening, closing


class Once(BaseCallback):
    """Does something at the third step of the first rollout."""

    def __init__(self, work: Any):
        super().__init__()
        self.work = work
        self.got: Any = None

    def _on_step(self) -> bool:
        if self.n_calls == 3:
            self.got = self.work()
        return True


def test_what_a_callback_asks_for_in_a_rollout_is_what_it_is_told():
    trainer = make_trainer(batch_size=4)
    callback = Once(lambda: (trainer.increase_batch_size(), trainer.increase_batch_size()))
    trainer.train(callback=callback)
    assert callback.got == ({"all": 8}, {"all": 16})
    assert trainer.controls["batch_size"] == 16


def test_every_group_is_told_what_it_gets():
    trainer = make_trainer(worlds.TwoKinds, batch_size=4)
    callback = Once(trainer.increase_batch_size)
    trainer.train(callback={"wolf": callback})
    assert callback.got == {"wolf": 8, "sheep": 8}


def test_a_listener_hears_until_it_ends_its_subscription():
    trainer, heard, kept = make_trainer(total_timesteps=96), [], []

    def listen(event):
        heard.append(event.kind)
        if event.kind == "metrics":
            end()

    end = trainer.subscribe(listen)
    trainer.subscribe(lambda event: kept.append(event.kind))
    trainer.train()
    assert heard == ["start", "metrics"]
    assert kept.count("metrics") == 3
    end()  # once more does no harm


def test_a_trainer_that_was_closed_trains_on_in_new_worlds():
    class Strict(worlds.Counting):
        opened = shut = 0
        seeds: list[int | None] = []  # noqa: RUF012 - shared by all instances on purpose

        def __init__(self):
            super().__init__()
            self.closed = False
            Strict.opened += 1

        def reset(self, seed=None, options=None):
            Strict.seeds.append(seed)
            return super().reset(seed, options)

        def step(self, actions):
            assert not self.closed, "a closed world was stepped"
            return super().step(actions)

        def close(self):
            self.closed = True
            Strict.shut += 1

    def run():
        Strict.seeds.clear()
        trainer = make_trainer(Strict)
        trainer.train_episodes(1)
        trainer.close()
        assert trainer.train()["timesteps"] == 64
        played = [seed for seed in Strict.seeds if seed != 0]  # without the pre-flight's
        assert len(set(played)) == len(played)
        trainer.close()
        return trainer.fingerprint()

    assert run() == run()
    assert Strict.opened == Strict.shut
