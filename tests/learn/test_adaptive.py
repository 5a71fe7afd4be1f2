"""A trainer and its adaptive controller: rules act on real training, and the guide's loops run."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from daf_nb import (
    Action,
    AdaptiveConfig,
    AdaptiveController,
    ConfigError,
    CurriculumConfig,
    CurriculumManager,
    RlConfig,
    RlTrainer,
    Rule,
    TrainingEnvironmentError,
)
from daf_nb.control import Controls
from daf_nb.errors import AdaptiveControllerError
from tests.worlds import Counting, Raising, TwoKinds

KL = Rule(
    name="kl",
    signal="train/approx_kl",
    high=0.0,
    above=Action(knob="learning_rate", factor=0.5),
    low=-1.0,
)
SUCCESS = Rule(
    name="success", signal="success", high=0.7, above=Action(verb="harder"), settle=1, fresh=True
)


def controller(*rules: Rule, **fields: Any) -> AdaptiveController:
    return AdaptiveController(AdaptiveConfig(rules=rules or (KL,), **fields))


def slope(strategy: str = "fixed") -> CurriculumManager:
    options = {"difficulty": 0.5} if strategy == "fixed" else {}
    manager = CurriculumManager(CurriculumConfig(strategy=strategy, strategy_options=options))
    manager.add_task("slope", difficulty=(0.0, 1.0))
    manager.add_task("other", difficulty=0.1)
    return manager


def make_trainer(
    adaptive: AdaptiveController | None, *, world: Any = Counting, updates: int = 6, **more: Any
) -> RlTrainer:
    """Rollouts of 8 steps x 2 copies x 2 agents = 32 rows; every episode succeeds."""
    own = {k: more.pop(k) for k in ("curriculum_manager", "controls") if k in more}
    config = RlConfig(
        num_envs=2,
        total_timesteps=32 * updates,
        seed=0,
        algorithm_kwargs={"n_steps": 8, "n_epochs": 2},
        torch_threads=1,
        evaluation_episodes=2,
        **more,
    )
    return RlTrainer(
        config, env=world, success=lambda episode: 1.0, adaptive_controller=adaptive, **own
    )


def rows(trainer: RlTrainer) -> list[tuple[int, str, Any, Any, str]]:
    return [(e.step, e.name, e.old, e.new, e.by) for e in trainer.controls.journal]


def test_a_rule_acts_after_every_update_and_says_why():
    adaptive = controller()
    trainer = make_trainer(adaptive)
    told: list[Any] = []
    trainer.subscribe(told.append)
    trainer.train()
    assert [row[0] for row in rows(trainer)] == [32, 64, 96, 128, 160, 192]
    assert rows(trainer)[1][1:] == ("learning_rate", 1.5e-4, 7.5e-5, "rule: kl")
    decisions = [event for event in told if event.kind == "decision"]
    assert [event.step for event in decisions] == [d.step for d in adaptive.decisions]
    kls = [event.data["train/approx_kl"] for event in told if event.kind == "metrics"]
    journal = trainer.controls.journal
    assert [dict(entry.because or {})["value"] for entry in journal] == kls
    assert json.loads(json.dumps(decisions[0].data))["action"] == "learning_rate x 0.5"


def test_what_a_rule_did_holds_from_the_next_update_on():
    trainer = make_trainer(controller())
    rates = []
    trainer.subscribe(
        lambda event: (
            rates.append(event.data["train/learning_rate"]) if event.kind == "metrics" else None
        )
    )
    trainer.train()
    assert rates[:3] == [3e-4, 1.5e-4, 7.5e-5]


def test_groups_have_rules_of_their_own():
    trainer = make_trainer(controller(), world=TwoKinds)
    trainer.train()
    assert {row[1] for row in rows(trainer)} == {"learning_rate[wolf]", "learning_rate[sheep]"}


def test_success_makes_the_curriculum_harder_and_a_change_has_time_to_show():
    trainer = make_trainer(controller(SUCCESS), curriculum_manager=slope(), updates=12)
    trainer.train()
    moves = [(row[1], row[2], row[3]) for row in rows(trainer)]
    assert moves[:2] == [("curriculum.difficulty", 0.5, 0.55), ("curriculum.difficulty", 0.55, 0.6)]
    steps = [row[0] for row in rows(trainer)]
    assert min(b - a for a, b in pairwise(steps)) > 32


def test_advice_is_taken_by_a_person():
    adaptive = controller(mode="advise")
    trainer = make_trainer(adaptive)
    trainer.train_episodes(1)
    (proposal,) = adaptive.proposals
    assert rows(trainer) == []
    adaptive.accept(proposal.number, by="anna")
    assert rows(trainer)[0][1:] == ("learning_rate", 3e-4, 1.5e-4, "rule: kl, accepted by anna")


def test_off_only_looks_and_the_mode_is_a_knob_in_the_journal():
    adaptive = controller(mode="off")
    trainer = make_trainer(adaptive)
    trainer.train_episodes(1)
    assert adaptive.decisions == [] and adaptive.signals()[0].state == "above"
    trainer.controls.set("adaptive.mode", "auto", by="user")
    trainer.train_episodes(1)
    assert rows(trainer)[0][1:4] == ("adaptive.mode", "off", "auto")
    assert rows(trainer)[1][1] == "learning_rate"


def test_a_run_with_rules_is_reproduced_without_them_by_its_journal():
    first = make_trainer(controller(KL, SUCCESS), curriculum_manager=slope(), updates=12)
    first.train()
    journal = [entry.to_plain() for entry in first.controls.journal]
    assert {row["by"] for row in journal} == {"rule: kl", "rule: success"}
    script = Controls(script=journal)
    again = make_trainer(None, curriculum_manager=slope(), updates=12, controls=script)
    again.train()
    assert again.fingerprint() == first.fingerprint()
    assert [entry.to_plain() for entry in again.controls.journal] == journal
    same = make_trainer(controller(KL, SUCCESS), curriculum_manager=slope(), updates=12)
    same.train()
    assert same.fingerprint() == first.fingerprint()


def test_a_stop_by_a_rule_ends_the_training():
    stop = Rule(name="enough", signal="return", high=5.0, above=Action(verb="stop"))
    trainer = make_trainer(controller(stop), updates=100)
    trainer.train()
    assert not trainer.finished and trainer.progress.step < 3200


def test_evaluations_are_signals():
    rule = Rule(
        name="held out",
        signal="evaluation/success",
        high=0.5,
        above=Action(knob="ent_coef", add=0.01),
    )
    trainer = make_trainer(controller(rule), evaluation_interval=64)
    trainer.train()
    assert [row[:4] for row in rows(trainer)][:2] == [
        (64, "ent_coef", 0.0, 0.01),
        (128, "ent_coef", 0.01, 0.02),
    ]


def test_the_guides_loop_from_trainer_to_controller_and_curriculum():
    """ "RL Trainer -> Adaptive Controller", with its verbs."""
    adaptive, manager = controller(SUCCESS), slope("uniform")
    trainer = make_trainer(
        adaptive, curriculum_manager=manager, updates=1000, integrate_with_adaptive=False
    )
    played = set()
    for _ in range(12):
        results = trainer.train_episodes(4)
        adaptive.update_from_training_results(results)
        task = manager.get_next_task()
        assert adaptive.set_current_task(task).state in ("applied", "unchanged")
        assert adaptive.get_experiment_status()["current_task"] == str(task)
        played.add(str(task))
    assert len(played) == 2
    evaluation = trainer.evaluate_policy()
    adaptive.update_from_evaluation(evaluation)
    assert trainer.get_training_summary()["episodes"] >= 12
    assert adaptive.decisions[0].rule == "success"
    status = json.loads(json.dumps(adaptive.get_experiment_status()))
    assert status["run"]["timesteps"] == trainer.progress.step
    assert status["decisions"]["applied"] == len(adaptive.decisions)


def test_the_guides_verbs_change_what_they_say():
    adaptive, manager = controller(SUCCESS), slope()
    make_trainer(adaptive, curriculum_manager=manager)
    stats = manager.get_curriculum_stats
    adaptive.increase_task_difficulty()
    assert stats()["difficulty"] == 0.55
    adaptive.increase_curriculum_difficulty()
    assert stats()["difficulty_bias"] == 0.25
    adaptive.decrease_curriculum_difficulty()
    assert stats()["difficulty_bias"] == 0.0
    adaptive.provide_curriculum_support()
    assert (stats()["rehearsal"], stats()["difficulty"]) == (100, 0.5)
    with pytest.raises(ConfigError, match=r"unknown value of knob 'curriculum\.task' 'othe'"):
        adaptive.set_current_task("othe")


def test_start_experiment_trains_and_another_environment_goes_on_with_the_same_policies():
    """The guide's recovery: the world broke, another one takes its place."""
    adaptive = controller()
    broken = make_trainer(adaptive, world=lambda: Raising(at=13, limit=50))
    with pytest.raises(Exception, match="the world broke") as caught:
        adaptive.start_experiment()
    assert isinstance(caught.value, TrainingEnvironmentError | RuntimeError)
    told: list[Any] = []
    broken.subscribe(told.append)
    results = adaptive.run_with_environment(Counting, {"limit": 7})
    assert results["timesteps"] == broken.progress.step == 192
    assert broken.finished
    (note,) = [event.data for event in told if event.kind == "note" and "world" in event.data]
    assert note["env_kwargs"] == {"limit": 7}
    with pytest.raises(ConfigError, match="other agents or spaces"):
        adaptive.run_with_environment(TwoKinds)


def test_a_controller_serves_one_trainer_at_a_time():
    adaptive = controller()
    make_trainer(adaptive)
    with pytest.raises(AdaptiveControllerError, match="steers another run"):
        make_trainer(adaptive)
    adaptive.detach()
    assert make_trainer(adaptive).adaptive_controller is adaptive


def test_a_rule_of_a_knob_that_is_not_there_is_refused_with_the_nearest():
    rule = Rule(name="typo", signal="kl", high=1.0, above=Action(knob="learning_rat", factor=0.5))
    with pytest.raises(ConfigError, match="Did you mean 'learning_rate'"):
        make_trainer(controller(rule))


def test_a_rule_that_fails_names_itself_and_stops_the_training():
    class Odd(AdaptiveController):
        def look(self, step: int, metrics: Any) -> Any:
            return super().look(step, {**metrics, "train/approx_kl": "much"})

    trainer = make_trainer(Odd(AdaptiveConfig(rules=(KL,))))
    with pytest.raises(AdaptiveControllerError, match="rule 'kl'"):
        trainer.train()
    assert trainer.progress.step == 32


# Whose the controller and the controls are


class Closing(Counting):
    """Counts what is opened and closed."""

    opened = shut = 0

    def __init__(self) -> None:
        super().__init__()
        Closing.opened += 1

    def close(self) -> None:
        Closing.shut += 1


def test_the_config_of_a_controller_makes_one():
    trainer = make_trainer(None)
    config = RlConfig(total_timesteps=32, num_envs=2, torch_threads=1)
    made = RlTrainer(config, env=Counting, adaptive_controller=AdaptiveConfig(rules=(KL,)))
    assert made.adaptive_controller is not None and trainer.adaptive_controller is None
    assert [rule.name for rule in made.adaptive_controller.rules] == ["kl"]
    assert made.controls["adaptive.mode"] == "auto"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"adaptive": "standard"}, r"adaptive_controller='standard': .*AdaptiveConfig\(rules="),
        ({"adaptive": AdaptiveController}, "an AdaptiveController or an AdaptiveConfig is needed"),
        ({"adaptive": None, "controls": []}, r"controls=\[\]: Controls are needed"),
    ],
)
def test_what_is_no_controller_and_no_controls_is_refused(own, words):
    with pytest.raises(ConfigError, match=words):
        make_trainer(**own)


TYPO = Rule(name="typo", signal="kl", high=1.0, above=Action(knob="nope", factor=0.5))


def test_a_refused_trainer_closes_its_worlds_and_gives_controls_and_controller_back():
    controls, adaptive = Controls(), controller(TYPO, checkpoint_interval=64)
    Closing.opened = Closing.shut = 0
    with pytest.raises(ConfigError, match="unknown knob 'nope'"):
        make_trainer(adaptive, world=Closing, controls=controls)
    assert Closing.opened == Closing.shut > 0
    adaptive.set_rules([KL])
    trainer = make_trainer(adaptive, controls=controls)
    trainer.train_episodes(1)
    assert [row[1] for row in rows(trainer)][:2] == ["checkpoint_interval", "learning_rate"]


def test_controls_of_another_trainer_stay_with_it():
    first = make_trainer(None)
    Closing.opened = Closing.shut = 0
    adaptive = controller()
    with pytest.raises(ConfigError, match="belong to another trainer"):
        make_trainer(adaptive, world=Closing, controls=first.controls)
    assert Closing.opened == Closing.shut > 0
    first.controls.set("learning_rate", 1e-5, by="user")
    assert first.controls["learning_rate"] == 1e-5
    assert make_trainer(adaptive).adaptive_controller is adaptive


def test_a_closed_trainer_gives_its_controller_back_and_training_on_takes_it_up_again():
    adaptive = controller()
    trainer = make_trainer(adaptive)
    trainer.train_episodes(1)
    trainer.close()
    other = make_trainer(adaptive)
    trainer.close()  # once more takes nothing from the other
    assert adaptive.get_experiment_status()["run"]["timesteps"] == 0
    with pytest.raises(AdaptiveControllerError, match="steers another run"):
        trainer.train()
    other.close()
    before = len(rows(trainer))
    trainer.train()
    assert trainer.finished and len(rows(trainer)) > before


# When rules look


def test_what_rule_or_listener_does_about_an_interval_counts_from_the_next_update_on():
    """Live as in replay, where it is done at the boundary."""
    sooner = Rule(
        name="sooner",
        signal="train/approx_kl",
        low=-1.0,
        high=0.0,
        above=Action(knob="evaluation_interval", add=-32.0, at_least=32.0),
    )

    def trained(adaptive: Any, script: Any, by_hand: bool) -> Any:
        trainer = make_trainer(
            adaptive, evaluation_interval=128, controls=Controls(script=script), updates=8
        )
        evaluated, saved = [], []

        def listen(event: Any) -> None:
            if event.kind == "evaluation":
                evaluated.append(event.step)
            if event.kind == "checkpoint":
                saved.append(event.step)
            if by_hand and (event.kind, event.step) == ("metrics", 96):
                trainer.controls.set("checkpoint_interval", 32, by="listener")

        trainer.subscribe(listen)
        trainer.train()
        return trainer, evaluated, saved

    first, evaluated, saved = trained(controller(sooner), (), True)
    assert evaluated == saved == [128, 160, 192, 224, 256]
    journal = [entry.to_plain() for entry in first.controls.journal]
    again, *same = trained(None, journal, False)
    assert same == [evaluated, saved]
    assert [entry.to_plain() for entry in again.controls.journal] == journal


def test_a_decision_about_an_evaluation_has_its_step():
    rule = Rule(
        name="held out",
        signal="evaluation/success",
        high=0.5,
        above=Action(knob="ent_coef", add=0.01),
    )
    adaptive = controller(rule)
    make_trainer(adaptive, evaluation_interval=64).train()
    assert [decision.step for decision in adaptive.decisions][:2] == [64, 128]
