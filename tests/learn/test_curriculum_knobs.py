"""The knobs of a curriculum: through the run's one door, told to everyone, replayable."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from daf_nb import CurriculumConfig, CurriculumManager, RlConfig, RlTrainer
from daf_nb.control import Controls
from daf_nb.errors import ConfigError
from tests.worlds import Counting

WORDS = [
    "difficulty",
    "difficulty_bias",
    "strategy",
    "task",
    "hold",
    "uniform_share",
    "rehearsal",
    "weight[easy]",
    "weight[hard]",
]


def curriculum(strategy: str | None = "learnability", **fields: Any) -> CurriculumManager:
    manager = CurriculumManager(CurriculumConfig(strategy=strategy, **fields))
    manager.add_task("easy", difficulty=0.2, env_kwargs={"limit": 3})
    manager.add_task("hard", difficulty=0.8, env_kwargs={"limit": 5})
    return manager


def slope(strategy: str, **options: Any) -> CurriculumManager:
    config = CurriculumConfig(strategy=strategy, strategy_options=options)
    manager = CurriculumManager(config)
    manager.add_task("slope", difficulty=(0.0, 1.0))
    return manager


def make_trainer(manager: CurriculumManager, *, script: Any = (), updates: int = 10) -> RlTrainer:
    """Rollouts of 8 steps x 2 copies x 2 agents = 32 rows."""
    config = RlConfig(
        num_envs=2,
        total_timesteps=32 * updates,
        seed=0,
        algorithm_kwargs={"n_steps": 8, "n_epochs": 1},
        torch_threads=1,
    )
    controls = Controls(script=script)
    return RlTrainer(
        config,
        env=Counting,
        success=lambda episode: episode.length % 4 / 3,
        curriculum_manager=manager,
        controls=controls,
    )


def journal(trainer: RlTrainer) -> list[dict[str, Any]]:
    return [entry.to_plain() for entry in trainer.controls.journal]


def test_a_curriculum_has_a_knob_for_each_lever_and_each_weight():
    names = [name for name in make_trainer(curriculum()).controls.knobs if "curriculum" in name]
    assert names == [f"curriculum.{word}" for word in WORDS]


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("difficulty_bias", 0.5, "difficulty_bias"),
        ("uniform_share", 0.5, "uniform_share"),
        ("rehearsal", 40, "rehearsal"),
        ("hold", True, "hold"),
        ("task", "hard", "task"),
        ("strategy", "uniform", "strategy"),
    ],
)
def test_a_knob_changes_the_curriculum_and_back(name, value, key):
    manager = curriculum()
    controls = make_trainer(manager).controls
    before = manager.get_curriculum_stats()[key]
    controls.set(f"curriculum.{name}", value, by="user")
    assert manager.get_curriculum_stats()[key] == controls[f"curriculum.{name}"] == value
    controls.undo(by="user")
    assert manager.get_curriculum_stats()[key] == before


def test_the_bound_is_a_knob_where_there_is_one():
    manager = slope("adaptive")
    controls = make_trainer(manager).controls
    controls.nudge("curriculum.difficulty", 0.05, by="user")
    assert controls["curriculum.difficulty"] == manager.get_curriculum_stats()["difficulty"] == 0.15
    assert controls.knobs["curriculum.difficulty"].moves_itself()
    controls.set("curriculum.hold", True, by="user")
    assert not controls.knobs["curriculum.difficulty"].moves_itself()
    with pytest.raises(ConfigError, match=r"'uniform' has no bound .*difficulty_bias"):
        make_trainer(curriculum("uniform")).controls.set("curriculum.difficulty", 0.5, by="user")


def test_looking_at_the_knobs_changes_nothing():
    manager = slope("robbins_monro")
    controls = make_trainer(manager).controls
    before = manager.state_dict()
    for knob in controls.knobs.values():
        for look in (knob.read, knob.refusal, knob.choices, knob.moves_itself):
            look()
    assert manager.state_dict() == before


def test_a_task_of_no_weight_is_played_no_more():
    manager = curriculum("uniform")
    trainer = make_trainer(manager, script=[_row(64, "weight[hard]", 0.0)], updates=20)
    trainer.train()
    plays = manager.get_curriculum_stats()["tasks"]
    # The episodes under way and the ones prepared were drawn before.
    assert 0 < plays["hard"]["episodes"] < 12 < plays["easy"]["episodes"]
    with pytest.raises(ConfigError, match="no task"):
        trainer.controls.set("curriculum.weight[easy]", 0.0, by="user").wait()
    assert trainer.controls["curriculum.weight[easy]"] == 1.0


def _row(step: int, name: str, value: Any) -> dict[str, Any]:
    return {"step": step, "name": f"curriculum.{name}", "new": value}


SCRIPT = [
    _row(32, "difficulty_bias", -0.5),
    _row(64, "weight[easy]", 3.0),
    _row(96, "strategy", "tscl"),
    _row(128, "task", "hard"),
    _row(192, "task", None),
    _row(192, "hold", True),
    _row(224, "strategy", "learning_progress"),
    _row(256, "hold", False),
    _row(256, "rehearsal", 30),
]


def test_a_script_of_all_levers_is_reproduced_by_its_own_journal():
    first = make_trainer(curriculum(), script=SCRIPT, updates=20)
    first.train()
    rows = journal(first)
    assert [(row["step"], row["name"]) for row in rows] == [(r["step"], r["name"]) for r in SCRIPT]
    again = make_trainer(curriculum(), script=rows, updates=20)
    again.train()
    assert again.fingerprint() == first.fingerprint()
    assert journal(again) == rows
    assert again.curriculum is not None and first.curriculum is not None
    assert again.curriculum.state_dict() == first.curriculum.state_dict()
    other = make_trainer(curriculum(), updates=20)
    other.train()
    assert other.fingerprint() != first.fingerprint()


def test_subscribers_of_the_curriculum_hear_of_knobs_and_the_journal_has_them_once():
    manager, heard = curriculum(), []
    trainer = make_trainer(manager, script=[_row(32, "difficulty_bias", 0.5)])
    manager.subscribe(lambda change: heard.append((change.name, change.new)))
    trainer.train()
    assert heard == [("curriculum.difficulty_bias", 0.5)]
    assert [(row["step"], row["name"]) for row in journal(trainer)] == [(32, heard[0][0])]


def test_the_curriculums_own_verbs_go_through_the_same_journal_and_can_be_undone():
    manager = slope("adaptive", start=0.5)
    trainer = make_trainer(manager, updates=2000)
    thread = threading.Thread(target=trainer.train)
    thread.start()
    while not trainer.progress.step:
        time.sleep(0.001)
    (change,) = manager.adapt_curriculum("reduce_difficulty")
    request = trainer.controls.undo(by="user").wait(30)
    trainer.gate.stop()
    thread.join()
    rows = journal(trainer)
    assert (change.name, request.name) == ("curriculum.difficulty",) * 2
    assert [(row["old"], row["new"]) for row in rows] == [(0.5, 0.45), (0.45, 0.5)]
    assert rows[1]["undoes"] == 1


def test_what_stagnation_is_answered_with_is_the_runs_own_and_not_replayed():
    def trained(script: Any) -> RlTrainer:
        config = CurriculumConfig(
            strategy="adaptive",
            strategy_options={"start": 0.5},
            stagnation_window=20,
            stats_update_frequency=10,
            on_failure="reduce_difficulty",
        )
        manager = CurriculumManager(config)
        manager.add_task("slope", difficulty=(0.0, 1.0))
        trainer = RlTrainer(
            make_trainer(slope("adaptive"), updates=30).config,
            env=Counting,
            success=lambda episode: 0.5,
            curriculum_manager=manager,
            controls=Controls(script=script),
        )
        trainer.train()
        return trainer

    first = trained([])
    rows = journal(first)
    assert rows and all(row["own"] and row["by"].startswith("stagnation") for row in rows)
    again = trained(rows)
    assert journal(again) == rows and again.fingerprint() == first.fingerprint()
