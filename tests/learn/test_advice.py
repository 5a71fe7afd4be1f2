"""Advice: the rules of the machine, with their numbers, and nothing is changed by it."""

from __future__ import annotations

from typing import Any

from daf_nb import AdaptiveConfig, RlTrainer, rules
from daf_nb.learn.advice import Adviser
from tests.learn.helpers import config, make_trainer
from tests.worlds import Counting, TwoKinds


def adviser(trainer: Any) -> Adviser:
    return Adviser(rules("machine"), trainer.controls)


def fed(trainer: Any, *looks: dict[str, float]) -> Any:
    mine = adviser(trainer)
    for metrics in looks:
        mine.look(metrics)
    return mine.advice()


def test_a_run_that_has_become_slow_is_advised_larger_minibatches_with_the_numbers():
    trainer = make_trainer()
    speed = "time/agent_steps_per_second"
    (one,) = fed(trainer, *[{speed: 1000.0}] * 10, *[{speed: 100.0}] * 4)
    assert (one.name, one.knob, one.change, one.not_now) == (
        "throughput",
        "batch_size",
        "8 to 16",
        "",
    )
    assert one.why == ("throughput is 0.1562 times its mean over the first 10 values, below 0.5")
    assert one.action == "batch_size x 2"
    assert trainer.controls["batch_size"] == 8 and trainer.controls.journal == []


def test_a_group_is_advised_by_itself():
    trainer = make_trainer(TwoKinds, algorithm_kwargs={"max_grad_norm": 1000.0})
    (one,) = fed(
        trainer,
        {
            "train/wolf/gradient_norm": 50.0,
            "train/wolf/gradient_clipped_share": 0.0,
            "train/sheep/gradient_norm": 1.0,
            "train/sheep/gradient_clipped_share": 0.0,
        },
    )
    assert (one.name, one.group, one.knob) == ("gradient clipping", "wolf", "max_grad_norm[wolf]")
    assert one.change == "1000 to 0.5"
    clipped = {"train/gradient_norm": 50.0, "train/gradient_clipped_share": 1.0}
    assert fed(make_trainer(), clipped) == []


def test_what_cannot_be_done_here_says_why():
    (one,) = fed(make_trainer(), {"memory/policy_bytes": 2.0**31})
    assert (one.name, one.knob) == ("mixed precision", "")
    assert "policies are on the cpu" in one.not_now
    assert one.why == "memory/policy_bytes is 2.147e+09, above 1.074e+09"


def test_advice_is_a_table_that_shows_any_name_as_it_is():
    trainer = make_trainer(algorithm_kwargs={"n_steps": 64})
    told = fed(trainer, {"system/memory_share": 0.95, "memory/buffers_share": 0.8})
    assert [one.name for one in told] == ["memory", "buffers"]
    done = "n_steps x 0.5, at least 16 (64 to 32)"
    assert f"buffers: memory/buffers_share is 0.8, above 0.5. {done}" in repr(told)
    assert told._repr_html_().count("<tr>") == 3
    hostile = rules("machine")[0].changed(name="<script>", measure="value", low=1e9)
    shown = Adviser([hostile], trainer.controls)
    shown.look({"time/agent_steps_per_second": 1.0})
    html = shown.advice()._repr_html_()
    assert "&lt;script&gt;" in html and "<script>" not in html


def test_a_run_without_anything_to_advise_says_so():
    trainer = make_trainer()
    trainer.train()
    of_the_clock = {"memory", "throughput"}
    assert [one for one in trainer.performance_advice() if one.name not in of_the_clock] == []
    assert repr(fed(trainer)) == "Nothing to advise."
    assert "Nothing to advise" in fed(trainer)._repr_html_()


def test_a_training_follows_the_rules_also_where_its_controller_is_off():
    told = config(algorithm_kwargs={"max_grad_norm": 1e4, "learning_rate": 0.0})

    class Rich(Counting):
        def reward(self, agent: str, action: Any) -> float:
            return 100.0

    off = AdaptiveConfig(rules="machine", mode="off")
    for controller in (None, off):
        trainer = RlTrainer(told, env=Rich, adaptive_controller=controller)
        trainer.train()
        advised = {one.name: one for one in trainer.performance_advice()}
        assert advised["gradient clipping"].change == "10000 to 0.5"
        assert advised["gradient clipping"].value > 10
        assert trainer.controls.journal == []
    auto = RlTrainer(told, env=Rich, adaptive_controller=AdaptiveConfig(rules="machine"))
    auto.train()
    assert [(e.name, e.new) for e in auto.controls.journal if e.name == "max_grad_norm"] == [
        ("max_grad_norm", 0.5)
    ]
