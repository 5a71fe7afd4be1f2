"""Standard SB3 callbacks see what SB3 would show them, and stop what they would stop."""

from __future__ import annotations

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CheckpointCallback,
    EvalCallback,
    EveryNTimesteps,
    StopTrainingOnMaxEpisodes,
)

from daf_nb.envs import AgentVecEnv
from daf_nb.errors import ConfigError
from daf_nb.testing import Scripted
from tests import worlds
from tests.learn.helpers import make_trainer, weights


class Watching(BaseCallback):
    """Notes when it is called, and what it sees; stops behind `stop_after` steps."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.stop_after = stop_after
        self.calls: list[str] = []
        self.timesteps: list[int] = []
        self.seen: list[dict] = []

    def _on_training_start(self):
        self.calls.append("training_start")

    def _on_rollout_start(self):
        self.calls.append("rollout_start")

    def _on_step(self):
        self.calls.append("step")
        self.timesteps.append(self.num_timesteps)
        self.seen.append(dict(self.locals))
        return self.stop_after is None or self.n_calls < self.stop_after

    def _on_rollout_end(self):
        self.calls.append("rollout_end")

    def _on_training_end(self):
        self.calls.append("training_end")


def test_a_callback_is_called_when_and_as_often_as_by_sb3():
    ours, theirs = Watching(), Watching()
    make_trainer().train(callback=ours)
    env = AgentVecEnv(worlds.Counting, num_envs=2, seed=0)
    PPO("MlpPolicy", env, n_steps=8, batch_size=32, n_epochs=1).learn(64, callback=theirs)
    assert ours.calls == theirs.calls
    assert ours.calls.count("step") == 16
    assert ours.timesteps == theirs.timesteps == list(range(4, 65, 4))


def test_a_callback_sees_sb3s_local_variables():
    ours, theirs = Watching(), Watching()
    make_trainer().train(callback=ours)
    env = AgentVecEnv(worlds.Counting, num_envs=2, seed=0)
    PPO("MlpPolicy", env, n_steps=8, batch_size=32, n_epochs=1).learn(64, callback=theirs)
    for name in (
        *("actions", "clipped_actions", "dones", "infos", "log_probs", "new_obs"),
        *("obs_tensor", "rewards"),
    ):
        mine, its = ours.seen[9][name], theirs.seen[9][name]
        assert np.shape(mine) == np.shape(its), name
    assert ours.seen[9]["dones"].all()  # episodes have ten steps
    assert ours.seen[9]["infos"][3]["episode"] == {"r": 10.0, "l": 10}
    assert ours.seen[9]["new_obs"][:, 1].tolist() == [0] * 4
    assert ours.seen[8]["new_obs"][:, 1].tolist() == [9] * 4


def test_only_live_rows_count_as_a_callbacks_timesteps():
    """Alive in an episode's six steps are 3, 3, 2, 2, 1 and 1 agents."""
    ours = Watching()
    make_trainer(
        worlds.Staggered, num_envs=1, total_timesteps=12, algorithm_kwargs={"n_steps": 6}
    ).train(callback=ours)
    assert ours.timesteps == [3, 6, 8, 10, 11, 12]


def test_a_callback_does_not_change_what_is_trained():
    quiet, watched = make_trainer(), make_trainer()
    quiet.train()
    watched.train(callback=Watching())
    assert quiet.fingerprint() == watched.fingerprint()


@pytest.mark.parametrize("stop_after", [3, 8, 11])
def test_a_callback_stops_training_and_no_half_rollout_is_learned_from(stop_after):
    trainer, reference = make_trainer(), make_trainer(total_timesteps=32)
    called = []
    results = trainer.train(called.append, callback=Watching(stop_after))
    assert results["timesteps"] == 4 * stop_after
    assert called == []
    if stop_after > 8:
        reference.train()  # one whole rollout of eight steps
    assert trainer.fingerprint() == reference.fingerprint()


def test_checkpoints_of_sb3s_callback_are_named_by_step_and_load(tmp_path):
    trainer = make_trainer()
    trainer.train(callback=CheckpointCallback(save_freq=4, save_path=str(tmp_path)))
    saved = sorted(path.name for path in tmp_path.iterdir())
    assert saved == [f"rl_model_{steps}_steps.zip" for steps in (16, 32, 48, 64)]
    loaded = PPO.load(tmp_path / "rl_model_64_steps.zip", device="cpu")
    # Saved at the last step, before the last update.
    assert not np.array_equal(weights(loaded), weights(trainer.policies["all"]))
    assert loaded.num_timesteps == 64


def test_callbacks_that_count_timesteps_and_episodes_do():
    trainer, inner = make_trainer(), Watching()
    trainer.train(callback=EveryNTimesteps(n_steps=12, callback=inner))
    assert inner.timesteps == [12, 24, 36, 48, 60]
    trainer = make_trainer(lambda: Scripted(agents=2, limit=3), total_timesteps=10**6)
    # SB3 counts episodes of rows, per row: two of four rows are sixth at step 6.
    trainer.train(callback=StopTrainingOnMaxEpisodes(max_episodes=2))
    assert trainer.progress.step == 24


@pytest.mark.filterwarnings("ignore:Training and eval env are not of the same type")
@pytest.mark.filterwarnings("ignore:Evaluation environment is not wrapped with a")
def test_sb3s_evaluation_callback_works_on_the_bridge(tmp_path):
    """Every agent of Counting earns 10 in an episode."""
    env = AgentVecEnv(worlds.Counting, num_envs=2, seed=1)
    callback = EvalCallback(
        env,
        n_eval_episodes=4,
        eval_freq=8,
        best_model_save_path=str(tmp_path),
        log_path=str(tmp_path),
        verbose=0,
    )
    trainer = make_trainer()
    trainer.train(callback=[callback, Watching()])
    told = np.load(tmp_path / "evaluations.npz")
    assert told["results"].tolist() == [[10.0] * 4] * 2
    assert told["timesteps"].tolist() == [32, 64]
    assert (tmp_path / "best_model.zip").exists()


def test_several_groups_take_a_callback_each():
    wolf, sheep = Watching(), Watching()
    trainer = make_trainer(worlds.TwoKinds, total_timesteps=48)
    trainer.train(callback={"wolf": wolf, "sheep": [sheep]})
    assert wolf.timesteps == list(range(4, 33, 4))
    assert sheep.timesteps == list(range(2, 17, 2))
    assert wolf.model is trainer.policies["wolf"]


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (Watching(), "give a dict with one per group: wolf, sheep"),
        ({"wolves": Watching()}, "unknown group 'wolves'. Did you mean 'wolf'?"),
    ],
)
def test_a_callback_for_nobody_in_particular_is_refused(callback, words):
    trainer = make_trainer(worlds.TwoKinds)
    with pytest.raises(ConfigError) as caught:
        trainer.train(callback=callback)
    assert words in str(caught.value)
    assert trainer.progress.step == 0
