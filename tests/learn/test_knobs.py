"""The knobs of a learner: each changes what the next update or rollout does, and nothing before."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

from daf_nb import RlConfig, RlTrainer
from daf_nb.control import Controls
from daf_nb.errors import ConfigError
from tests.worlds import Counting, TwoKinds

PPO_KNOBS = [
    "learning_rate",
    "clip_range",
    "target_kl",
    "n_epochs",
    "batch_size",
    "ent_coef",
    "vf_coef",
    "max_grad_norm",
    "gamma",
    "gae_lambda",
    "n_steps",
    "mixed_precision",
    "evaluation_interval",
    "checkpoint_interval",
]


def make_trainer(world: Any = Counting, **fields: Any) -> RlTrainer:
    """Rollouts of 8 steps x 2 copies x 2 agents = 32 rows."""
    extra = {k: fields.pop(k) for k in ("controls",) if k in fields}
    defaults = {
        "num_envs": 2,
        "total_timesteps": 320,
        "seed": 0,
        "algorithm_kwargs": {"n_steps": 8},
        "torch_threads": 1,
    }
    return RlTrainer(RlConfig(**(defaults | fields)), env=world, **extra)


def test_a_trainer_has_the_knobs_of_its_algorithm():
    assert list(make_trainer().controls.knobs) == PPO_KNOBS
    a2c = make_trainer(algorithm="A2C").controls.knobs
    absent = {"clip_range", "target_kl", "n_epochs", "batch_size", "mixed_precision"}
    assert list(a2c) == [name for name in PPO_KNOBS if name not in absent]


def test_several_groups_have_knobs_of_their_own():
    trainer = make_trainer(TwoKinds)
    trainer.controls.set("learning_rate[wolf]", 0.5, by="user")
    assert trainer.controls["learning_rate[wolf]"] == 0.5
    assert trainer.controls["learning_rate[sheep]"] == 3e-4
    with pytest.raises(ConfigError, match=r"Did you mean 'learning_rate\[(wolf|sheep)\]'"):
        trainer.controls.set("learning_rate", 0.5, by="user")


def seen_in_updates(name: str, value: Any, look: Any) -> list[Any]:
    """What `look(model)` says in the updates before and after a knob was set, at the second."""
    trainer = make_trainer()
    seen = []

    def listen(event: Any) -> None:
        if event.kind == "metrics":
            seen.append(look(trainer.policies["all"], event.data))
            if len(seen) == 2:
                trainer.controls.set(name, value, by="user")

    trainer.subscribe(listen)
    trainer.train()
    assert [(e.step, e.name) for e in trainer.controls.journal] == [(64, name)]
    return [seen[1], seen[2], seen[-1]]


@pytest.mark.parametrize(
    ("name", "value", "look", "before", "after"),
    [
        ("learning_rate", 1e-5, lambda m, d: d["train/learning_rate"], 3e-4, 1e-5),
        ("clip_range", 0.05, lambda m, d: d["train/clip_range"], 0.2, 0.05),
        ("gamma", 0.5, lambda m, d: m.rollout_buffer.gamma, 0.99, 0.5),
        ("gae_lambda", 0.5, lambda m, d: m.rollout_buffer.gae_lambda, 0.95, 0.5),
        ("gamma", 0.5, lambda m, d: m.gamma, 0.99, 0.5),
        ("ent_coef", 0.1, lambda m, d: m.ent_coef, 0.0, 0.1),
        ("vf_coef", 0.1, lambda m, d: m.vf_coef, 0.5, 0.1),
        ("max_grad_norm", None, lambda m, d: m.max_grad_norm, 0.5, math.inf),
        ("target_kl", 0.01, lambda m, d: m.target_kl, None, 0.01),
    ],
)
def test_a_knob_holds_from_the_next_update_on(name, value, look, before, after):
    assert seen_in_updates(name, value, look) == [before, after, after]


def test_epochs_are_counted_by_the_update():
    first, second, _ = seen_in_updates("n_epochs", 3, lambda m, d: d["train/n_updates"])
    assert (first, second) == (20, 23)


def test_the_discount_changes_the_returns():
    """Nobody dies, every step earns 1: with gamma 0 the return of a step is its reward."""
    trainer = make_trainer()
    trainer.controls.set("gamma", 0.0, by="user")
    trainer.train()
    assert np.unique(trainer.policies["all"].rollout_buffer.returns).tolist() == [1.0]


def test_a_set_rate_holds_in_place_of_a_schedule():
    trainer = make_trainer(
        algorithm_kwargs={"n_steps": 8, "learning_rate": lambda left: 1e-3 * left}
    )
    rates = []
    trainer.subscribe(
        lambda event: (
            rates.append(event.data["train/learning_rate"]) if event.kind == "metrics" else None
        )
    )
    trainer.train_episodes(6)
    assert rates[0] > rates[-1] > 0
    assert trainer.controls["learning_rate"] == rates[-1]
    trainer.controls.set("learning_rate", 2e-4, by="user")
    trainer.train()
    assert set(rates[3:]) <= {rates[3], 2e-4} and rates[-1] == 2e-4


def test_a_batch_size_becomes_one_that_divides_the_rollout():
    controls = make_trainer().controls
    request = controls.set("batch_size", 13, by="user")
    assert (request.new, request.message) == (16, "13 became 16")
    assert controls.set("batch_size", 1000, by="user").new == 32
    uneven = make_trainer(partial_minibatch=True).controls
    assert uneven.set("batch_size", 13, by="user").new == 13


def test_an_interval_takes_effect_and_none_is_never():
    trainer = make_trainer(evaluation_episodes=1)
    told = []
    trainer.subscribe(lambda event: told.append((event.kind, event.step)))
    trainer.controls.set("evaluation_interval", 64, by="user")
    trainer.controls.set("checkpoint_interval", 160, by="user")
    trainer.train()
    assert [step for kind, step in told if kind == "evaluation"] == [64, 128, 192, 256, 320]
    assert [step for kind, step in told if kind == "checkpoint"] == [160, 320]
    trainer.controls.set("evaluation_interval", None, by="user")
    assert trainer.controls["evaluation_interval"] is None


def test_the_same_script_gives_the_same_parameters_and_another_gives_others():
    def prints(script: list[dict[str, Any]]) -> str:
        trainer = make_trainer(controls=Controls(script=script))
        trainer.train()
        return trainer.fingerprint()

    script = [
        {"step": 64, "name": "learning_rate", "new": 0.01},
        {"step": 160, "name": "gamma", "new": 0.9},
    ]
    later = [script[0], script[1] | {"step": 192}]
    assert prints(script) == prints(script)
    assert len({prints(script), prints(later), prints([])}) == 3


def test_a_live_change_is_reproduced_by_its_journal():
    """A change that came at whatever step, from another thread, in bits."""
    trainer = make_trainer(total_timesteps=32 * 60)
    thread = threading.Thread(target=trainer.train)
    thread.start()
    request = trainer.controls.set("learning_rate", 0.01, by="user").wait(30)
    trainer.controls.nudge("ent_coef", 0.25, by="user").wait(30)
    thread.join()
    journal = [entry.to_plain() for entry in trainer.controls.journal]
    assert request.step is not None and request.step % 32 == 0 and len(journal) == 2
    again = make_trainer(total_timesteps=32 * 60, controls=Controls(script=journal))
    again.train()
    assert again.fingerprint() == trainer.fingerprint()
    assert [entry.to_plain() for entry in again.controls.journal] == journal


def test_what_a_callback_asks_inside_a_rollout_comes_at_the_next_boundary():
    from stable_baselines3.common.callbacks import BaseCallback

    trainer = make_trainer()
    requests = []

    class Asking(BaseCallback):
        def _on_step(self) -> bool:
            if self.n_calls == 12:
                requests.append(trainer.controls.set("learning_rate", 0.01, by="user"))
                requests.append(requests[0].state)
            return True

    trainer.train(callback=Asking())
    assert requests[1] == "pending"
    assert (requests[0].state, requests[0].step) == ("applied", 64)


def test_controls_serve_one_trainer():
    controls = make_trainer().controls
    with pytest.raises(ConfigError, match="belong to another trainer"):
        make_trainer(controls=controls)
