"""Rollout length as a knob: at boundaries, for all groups, in bits; and what minibatches allow."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from daf_nb import Action, AdaptiveConfig, RlTrainer, Rule
from daf_nb.control import Controls
from daf_nb.errors import ConfigError, DafWarning
from daf_nb.learn.buffer import buffer_of
from tests.learn.helpers import config, make_trainer
from tests.worlds import Counting, Masked, TwoKinds

KNOBS = {"n_steps": 16, "n_epochs": 2}


def long_run(**more: Any) -> RlTrainer:
    """Rollouts of 16 steps x 2 copies x 2 agents = 64 rows, in minibatches of 16."""
    controls = more.pop("controls", None)
    told = config(total_timesteps=1280, algorithm_kwargs=KNOBS, **more)
    return RlTrainer(told, env=Counting, controls=controls)


def steps_of(trainer: RlTrainer) -> list[int]:
    """Agent-steps of each rollout, as they are told."""
    seen = [0]
    trainer.subscribe(lambda event: seen.append(event.step) if event.kind == "metrics" else None)
    trainer.train()
    return np.diff(seen).tolist()


def test_rollouts_become_shorter_and_longer_at_their_steps():
    script = [
        {"step": 128, "name": "n_steps", "new": 4},
        {"step": 160, "name": "n_steps", "new": 32},
    ]
    trainer = long_run(controls=Controls(script=script))
    assert steps_of(trainer) == [64, 64, 16, 16, *[128] * 9]
    model = trainer.policies["all"]
    buffer = buffer_of(model)
    assert model.n_steps == buffer.buffer_size == trainer.controls["n_steps"] == 32
    assert {one.shape[1] for one in (buffer.observations, buffer.alive, buffer.returns)} == {32}
    assert [(e.step, e.name, e.old, e.new) for e in trainer.controls.journal] == [
        (128, "n_steps", 16, 4),
        (160, "n_steps", 4, 32),
    ]


def test_a_rollout_length_set_before_the_first_step_is_that_of_the_config():
    """Buffers made anew hold what buffers of that size held from the start."""
    early = long_run(batch_size=16)
    early.controls.set("n_steps", 32, by="user")
    early.train()
    told = config(total_timesteps=1280, batch_size=16, algorithm_kwargs={**KNOBS, "n_steps": 32})
    direct = RlTrainer(told, env=Counting)
    direct.train()
    assert early.fingerprint() == direct.fingerprint()
    assert long_run(batch_size=16).fingerprint() != direct.fingerprint()


def test_what_was_shortened_live_is_reproduced_by_its_journal():
    trainer = RlTrainer(config(total_timesteps=64 * 150, algorithm_kwargs=KNOBS), env=Counting)
    thread = threading.Thread(target=trainer.train)
    thread.start()
    trainer.controls.set("n_steps", 8, by="user").wait(30)
    trainer.controls.set("batch_size", 32, by="user").wait(30)
    assert trainer.reduce_buffer_size(0.9) == 8
    thread.join()
    journal = [entry.to_plain() for entry in trainer.controls.journal]
    assert [row["name"] for row in journal] == ["n_steps", "batch_size"]
    again = RlTrainer(
        config(total_timesteps=64 * 150, algorithm_kwargs=KNOBS),
        env=Counting,
        controls=Controls(script=journal),
    )
    again.train()
    assert again.fingerprint() == trainer.fingerprint()


def test_a_length_becomes_the_nearest_that_every_minibatch_divides():
    """Two wolves in two copies with minibatches of 16: multiples of 4; one sheep of 8: of 4 too."""
    trainer = make_trainer(TwoKinds, algorithm_kwargs={"n_steps": 16})
    controls = trainer.controls
    request = controls.set("n_steps", 13, by="user")
    assert (request.new, request.message) == (12, "13 became 12")
    assert controls.set("n_steps", 1, by="user").new == 4
    assert controls.set("n_steps", 6, by="user").new == 4  # as near to 8: the smaller one
    assert controls.set("batch_size[wolf]", 2, by="user").new == 2
    assert controls.set("batch_size[sheep]", 2, by="user").new == 2
    assert controls.set("n_steps", 3, by="user").new == 3
    assert [m.n_steps for m in trainer.policies.values()] == [3, 3]
    for value in (65, 0):
        with pytest.raises(ConfigError, match=r"n_steps=.*: from 1 to 64 is allowed"):
            controls.set("n_steps", value, by="user")


def test_a_minibatch_follows_the_length_of_now():
    controls = long_run().controls
    controls.set("n_steps", 4, by="user")
    assert controls.set("batch_size", 1000, by="user").new == 16
    controls.set("n_steps", 64, by="user")
    assert controls.set("batch_size", 1000, by="user").new == 256


def test_uneven_minibatches_allow_every_length():
    trainer = long_run(partial_minibatch=True, batch_size=40)
    trainer.controls.set("n_steps", 5, by="user")
    assert trainer.controls["n_steps"] == 5
    trainer.train()
    assert trainer.get_training_metrics()["train/n_updates"] == 2 * 1280 // 20


def test_masks_and_shuffling_go_on_in_a_buffer_of_another_length():
    trainer = make_trainer(Masked, algorithm="MaskablePPO")
    buffer = buffer_of(trainer.policies["all"])
    rng = buffer.rng
    trainer.controls.set("n_steps", 4, by="user")
    trainer.train()
    assert buffer.masks is not None and buffer.masks.shape == (4, 4, 4)
    assert buffer.rng is rng and not buffer.masks.all()


def test_a2c_has_rollouts_of_any_length_and_no_precision():
    trainer = make_trainer(algorithm="A2C")
    trainer.controls.set("n_steps", 3, by="user")
    assert steps_of(trainer)[:2] == [12, 12]
    assert "mixed_precision" not in trainer.controls.knobs
    with pytest.raises(ConfigError, match="A2C runs its own update"):
        trainer.use_mixed_precision()


def test_less_by_a_factor_of_less_than_one_only():
    trainer = long_run()
    assert trainer.reduce_buffer_size() == 8
    assert trainer.reduce_buffer_size(0.25) == 4
    assert trainer.reduce_buffer_size() == 4  # a minibatch of 16 rows is a whole rollout now
    for factor in (1.0, 0.0, -1.0, float("nan")):
        with pytest.raises(ConfigError, match=r"above 0 and below 1 is needed"):
            trainer.reduce_buffer_size(factor)


def test_a_rule_shortens_the_rollouts_of_all_groups():
    shorter = Action(knob="n_steps", factor=0.5, at_least=4)
    rule = Rule(name="short", signal="train/approx_kl", low=1e9, below=shorter)
    told = config(total_timesteps=600, algorithm_kwargs={"n_steps": 16})
    trainer = RlTrainer(told, env=TwoKinds, adaptive_controller=AdaptiveConfig(rules=(rule,)))
    trainer.train()
    assert [(e.new, e.by) for e in trainer.controls.journal] == [
        (8, "rule: short"),
        (4, "rule: short"),
    ]


def test_networks_in_bfloat16_are_refused_on_a_cpu_with_the_reason():
    trainer = make_trainer(TwoKinds)
    assert trainer.controls["mixed_precision[wolf]"] is False
    with pytest.raises(ConfigError, match=r"cannot be set now: the policies are on the cpu"):
        trainer.use_mixed_precision()
    script = [{"step": 0, "name": "mixed_precision", "new": True}]
    again = RlTrainer(config(), env=Counting, controls=Controls(script=script))
    with pytest.warns(DafWarning, match="policies are on the cpu"):
        again.train()
    plain = make_trainer(Counting)
    plain.train()
    assert again.fingerprint() == plain.fingerprint()


@pytest.mark.gpu
def test_networks_in_bfloat16_on_a_gpu():
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    trainer = make_trainer(Counting, device="cuda")
    before = trainer.fingerprint()
    trainer.use_mixed_precision()
    trainer.train()
    model = trainer.policies["all"]
    assert buffer_of(model).precision is torch.bfloat16
    assert {p.dtype for p in model.policy.parameters()} == {torch.float32}
    assert trainer.fingerprint() != before
    trainer.use_mixed_precision(False)
    assert buffer_of(model).precision is None
