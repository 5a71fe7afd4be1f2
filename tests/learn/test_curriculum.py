"""A curriculum in training: every episode assigned beforehand and credited once to its own task."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.callbacks import BaseCallback

from daf_nb.config import CurriculumConfig
from daf_nb.control import Controls
from daf_nb.curriculum import Choice, CurriculumManager, Integers, Linear, Uniform, buckets
from daf_nb.errors import (
    ConfigError,
    CurriculumStagnationError,
    DafWarning,
    TaskGenerationError,
)
from daf_nb.learn import RlTrainer
from daf_nb.testing import Scripted
from tests.learn.helpers import config, make_trainer

STRATEGIES = [
    "adaptive",
    "alp_gmm",
    "fixed",
    "learnability",
    "learning_progress",
    "lessons",
    "plr",
    "robbins_monro",
    "schedule",
    "tscl",
    "uniform",
]


class Levels(Scripted):
    """Lasts as long as the `level` of its options says, and tells at the end what it was played at.

    Agents die one after the other. With `crowd`, that many agents take part of four possible ones.
    """

    def __init__(self, *, crowd: int = 3, size: int = 3, num_actions: int = 3):
        self.size, self.level, self.stage = size, 0, 0
        super().__init__(agents=crowd, limit=None, num_actions=num_actions)

    def make_observation_space(self, agent: str) -> Any:
        from gymnasium import spaces

        return spaces.Box(-np.inf, np.inf, (self.size,), np.float32)

    def observe(self, agent: str) -> Any:
        return np.resize(super().observe(agent), self.size)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.level = int((options or {}).get("level", 0))
        last = 2 + self.level
        self.deaths = {i: max(1, last - i) for i in range(len(self.possible_agents))}
        return super().reset(seed=seed, options=options)

    def info(self, agent: str) -> dict[str, Any]:
        return {"is_success": self.level / 10, "level": self.level, "stage": self.stage}


def levels(strategy: str | None = "uniform", count: int = 6, **fields: Any) -> CurriculumManager:
    """A curriculum of `count` levels of `Levels`, or one of continuous difficulty."""
    manager = CurriculumManager(CurriculumConfig(strategy=strategy, **fields))
    if strategy in ("alp_gmm", "adaptive", "robbins_monro", "schedule"):
        manager.add_task("level", difficulty=(0.0, 1.0), config={"level": Linear(0, 9)})
    else:
        for level in range(count):
            manager.add_task(f"level {level}", difficulty=level / 10, config={"level": level})
    return manager


def trainer_of(manager: CurriculumManager, env: Any = Levels, **fields: Any) -> Any:
    base: dict[str, Any] = {"num_envs": 5, "total_timesteps": 900}
    return make_trainer(env, **{**base, **fields}, curriculum_manager=manager)


def spied(manager: CurriculumManager) -> list[tuple[Any, float]]:
    """What the curriculum is told from now on: (assignment, success) of every episode."""
    teacher = manager.teacher
    told, record = [], teacher.record

    def note(assignment: Any, success: float) -> bool:
        told.append((assignment, success))
        return record(assignment, success)

    teacher.record = note
    return told


def test_every_episode_is_credited_to_the_task_it_was_played_with_and_once():
    """The world itself says at which level it was played; agents die one by one, lengths differ."""
    manager = levels("uniform")
    trainer = trainer_of(manager)
    told = spied(manager)
    trainer.train()
    assert len(told) == trainer.progress.episodes > 80
    assert len({assignment.task for assignment, _ in told}) == 6
    played = [assignment.config["level"] / 10 for assignment, _ in told]
    assert [success for _, success in told] == pytest.approx(played)
    assert len({id(assignment) for assignment, _ in told}) == len(told)


def test_a_copys_next_task_is_chosen_before_its_episode_ends():
    """Two tasks per copy before the first step, and one for each episode that ended."""
    manager = levels("uniform")
    assigned = []
    trainer = trainer_of(manager)
    assign = manager.teacher.assign
    manager.teacher.assign = lambda *, free=False: (
        assigned.append(manager.teacher.episodes) or assign(free=free)
    )
    trainer.train()
    assert len(assigned) == 2 * 5 + trainer.progress.episodes
    assert assigned[:10] == [0] * 10
    assert assigned[10:] == list(range(1, trainer.progress.episodes + 1))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_seed_gives_the_same_tasks_and_the_same_parameters(strategy):
    runs = []
    for noise in range(2):
        np.random.seed(noise)  # noqa: NPY002 - what others do to the global generator
        manager = levels(strategy)
        trainer = trainer_of(manager, seed=7, total_timesteps=600)
        told = spied(manager)
        trainer.train()
        runs.append(([(a, s) for a, s in told], trainer.fingerprint()))
    assert runs[0] == runs[1]
    other = levels(strategy)
    different = trainer_of(other, seed=8, total_timesteps=600)
    different.train()
    assert different.fingerprint() != runs[0][1]


def test_results_and_metrics_tell_the_tasks_apart():
    manager = levels("uniform")
    trainer = trainer_of(manager)
    results = trainer.train()
    expected = {f"level {level}": level / 10 for level in range(6)}
    assert results["task_performance"] == pytest.approx(expected)
    metrics = trainer.get_training_metrics()
    assert metrics["curriculum/success/level 3"] == pytest.approx(0.3)
    assert metrics["curriculum/share/level 3"] == pytest.approx(1 / 6)
    assert metrics["curriculum/difficulty"] == pytest.approx(0.25)
    assert metrics["curriculum/episodes"] == trainer.progress.episodes


def test_the_scores_of_plr_are_the_mean_absolute_advantages_of_an_episodes_live_rows():
    """Rollouts of 3 steps, episodes of 2 to 7: most are scored from several parts."""
    manager = levels("plr")
    trainer = trainer_of(manager, num_envs=2, algorithm_kwargs={"n_steps": 3}, batch_size=None)
    scored, truth = [], []
    manager.teacher.strategy.score = lambda task, value: scored.append((task, value))
    learner = trainer._learner
    rows: dict[int, list[np.ndarray]] = {0: [], 1: []}

    def after(*_: Any) -> None:
        buffer = learner.models["all"].rollout_buffer
        shape = (2, 3, buffer.buffer_size)
        live = buffer.alive.reshape(shape)
        size = np.abs(buffer.advantages.reshape(shape))
        ended = list(zip(rollout.ended_at, rollout.episodes, strict=True))
        for copy in range(2):
            for step in range(3):
                rows[copy].append(size[copy, :, step][live[copy, :, step]])
                for at, episode in ended:
                    if (at, episode.copy) == (step, copy):
                        mean = np.concatenate(rows[copy]).mean()
                        truth.append((at, episode.copy, episode.setting.tag.index, mean))
                        rows[copy].clear()

    for _ in range(30):
        cycle = learner.cycle(lambda steps: 1.0, None, lambda: None)
        rollout = cycle.rollout
        expected_before = len(truth)
        after()
        part = sorted(truth[expected_before:], key=lambda entry: entry[:2])
        assert [s[0] for s in scored] == [entry[2] for entry in part]
        np.testing.assert_allclose([s[1] for s in scored], [e[3] for e in part], rtol=1e-5)
        scored.clear()
    assert len(truth) > 20


def test_tasks_of_different_numbers_of_agents_share_one_layout_and_mask_the_absent():
    manager = levels(count=0)
    manager.add_task("few", difficulty=0.1, env_kwargs={"crowd": 2}, config={"level": 1})
    manager.add_task("many", difficulty=0.9, env_kwargs={"crowd": Choice(3, 4)})
    trainer = trainer_of(manager)
    assert list(trainer.policies["all"].env.unwrapped.row_agents[:4]) == [
        f"agent_{i}" for i in range(4)
    ]
    trainer.train()
    slices = manager.slices("crowd")
    assert slices.axes[0].labels == ("2", "3", "4")
    assert slices.episodes.sum() == trainer.progress.episodes
    assert (slices.episodes > 10).all()


def test_spaces_that_differ_between_tasks_are_named_with_the_way_out():
    manager = levels(count=0)
    manager.add_task("short", difficulty=0.1, env_kwargs={"size": 3})
    manager.add_task("long", difficulty=0.9, env_kwargs={"size": 5})
    with pytest.raises(ConfigError, match=r"(?s)agent_0 differ.*short.*long.*pad_spaces=True"):
        trainer_of(manager)


def test_spaces_are_padded_where_asked():
    manager = levels(count=0, pad_spaces=True)
    manager.add_task("short", difficulty=0.1, env_kwargs={"size": 3})
    manager.add_task("long", difficulty=0.9, env_kwargs={"size": 5})
    trainer = trainer_of(manager)
    assert trainer.policies["all"].observation_space.shape == (5,)
    trainer.train()
    assert trainer.evaluate_policy(episodes=4, task="short").n == 4


def test_padded_actions_need_masks():
    fields = {"pad_spaces": True, "count": 0}
    manager = levels(**fields)
    manager.add_task("few", difficulty=0.1, env_kwargs={"num_actions": 2})
    manager.add_task("more", difficulty=0.9, env_kwargs={"num_actions": 4})
    with pytest.raises(ConfigError, match="MaskablePPO"):
        trainer_of(manager)
    manager = levels(**fields)
    manager.add_task("few", difficulty=0.1, env_kwargs={"num_actions": 2})
    manager.add_task("more", difficulty=0.9, env_kwargs={"num_actions": 4})
    trainer = trainer_of(manager, algorithm="MaskablePPO")
    trainer.train()  # an action that the world does not have would raise
    assert trainer.policies["all"].action_space.n == 4


@pytest.mark.parametrize(("goal", "size"), [("task", 6), ("parameters", 2)])
def test_observations_end_with_the_tasks_vector(goal, size):
    manager = levels("uniform", goal=goal)
    trainer = trainer_of(manager)
    assert trainer.policies["all"].observation_space.shape == (3 + size,)
    trainer.train()
    copies = trainer._learner.copies
    seen = copies.arrays.observations["all"]
    assert np.isfinite(seen).all()
    alive = seen[copies.arrays.alive]
    assert len(alive)
    if goal == "task":
        assert (alive[:, 3:].sum(1) == 1).all()
    else:
        np.testing.assert_allclose(alive[:, 3], alive[:, 4] * 0.5, atol=1e-6)


def test_a_worlds_own_curriculum_is_set_before_the_reset():
    """mpe2's stages, as its worlds were in when an episode began."""
    manager = CurriculumManager(CurriculumConfig(strategy="uniform"))
    for stage in (0, 1):
        manager.add_task(
            f"stage {stage}",
            difficulty=float(stage),
            env_kwargs={"curriculum": True},
            config={"curriculum_stage": stage},
            success=(-60, 0),
        )
    trainer = trainer_of(manager, "mpe2.simple_spread_v3", total_timesteps=1500)
    copies, step = trainer._learner.copies, trainer._learner.copies.step
    began: list[list[int]] = [[] for _ in range(5)]
    played: list[list[int]] = [[] for _ in range(5)]

    def noted(actions: Any) -> None:
        for copy, env in enumerate(copies.envs):
            if len(began[copy]) == len(played[copy]):
                began[copy].append(env.unwrapped.curriculum_stage)
        step(actions)
        for episode in copies.episodes:
            played[episode.copy].append(episode.setting.tag.config["curriculum_stage"])

    copies.step = noted
    trainer.train()
    assert {stage for each in played for stage in each} == {0, 1}
    assert [each[: len(ended)] for each, ended in zip(began, played, strict=True)] == played


def test_a_stage_of_a_world_that_has_none_is_refused():
    manager = CurriculumManager(CurriculumConfig(strategy="uniform"))
    manager.add_task("staged", difficulty=0.1, config={"curriculum_stage": 1})
    with pytest.raises(TaskGenerationError, match=r"'staged'.*no set_curriculum_stage"):
        trainer_of(manager).train()


def test_apply_gets_every_drawn_value_before_the_reset():
    applied = []

    def apply(env: Any, params: dict[str, Any]) -> None:
        applied.append(dict(params))

    manager = CurriculumManager(CurriculumConfig(strategy="uniform"))
    manager.add_task(
        "paid",
        difficulty=0.5,
        env_kwargs={"crowd": Choice(2, 3)},
        config={"bonus": Uniform(2, 3)},
        apply=apply,
        success=(0, 10),
    )
    trainer = trainer_of(manager)
    told = spied(manager)
    trainer.train()
    assert len(applied) == len(told) + 5  # one episode of each copy is under way
    drawn = [(params["crowd"], params["bonus"], params["difficulty"]) for params in applied]
    played = [(a.env_kwargs["crowd"], a.config["bonus"], 0.5) for a, _ in told]
    assert set(played) < set(drawn)
    assert len(set(drawn)) == len(drawn) > 50
    assert all(2 <= bonus <= 3 for _, bonus, _ in drawn)


def test_tasks_without_apply_never_play_on_a_world_that_apply_changed():
    class Marked(Levels):
        mark = 0

        def info(self, agent: str) -> dict[str, Any]:
            return {"is_success": 1.0 if self.mark else 0.0}

    manager = CurriculumManager(CurriculumConfig(strategy="uniform"))
    manager.add_task(
        "marked", difficulty=0.5, apply=lambda env, params: setattr(env.unwrapped, "mark", 1)
    )
    manager.add_task("plain", difficulty=0.2)
    trainer = trainer_of(manager, Marked)
    trainer.train()
    stats = manager.get_curriculum_stats()["tasks"]
    assert (stats["marked"]["success"], stats["plain"]["success"]) == (1.0, 0.0)


def test_a_task_that_cannot_be_applied_is_named():
    manager = levels(count=2)
    manager.add_task("broken", difficulty=1.0, apply=lambda env, params: 1 / 0)
    with pytest.raises(TaskGenerationError, match=r"'broken'.*ZeroDivisionError") as caught:
        trainer_of(manager).train()
    assert caught.value.task == "broken"


def test_a_task_that_cannot_be_applied_is_left_out_where_asked_and_journaled():
    manager = levels(count=2, on_failure="rehearse")
    manager.add_task("broken", difficulty=1.0, apply=lambda env, params: 1 / 0)
    trainer = trainer_of(manager)
    events = []
    trainer.subscribe(events.append)
    results = trainer.train()
    journal = [event.data for event in events if event.kind == "journal"]
    assert [(row["name"], row["old"], row["new"]) for row in journal] == [
        ("curriculum.weight[broken]", 1.0, 0.0)
    ]
    assert "ZeroDivisionError" in journal[0]["by"]
    assert "broken" not in results["task_performance"]
    assert manager.get_curriculum_stats()["tasks"]["broken"]["flags"] == ["unplayed", "left out"]


def test_a_world_that_a_task_cannot_make_is_named_before_training():
    manager = levels(count=1)
    manager.add_task("odd", difficulty=0.3, env_kwargs={"crowds": 3})
    with pytest.raises(TaskGenerationError, match=r"task 'odd' cannot be made.*crowds"):
        trainer_of(manager)


def test_a_curriculum_without_success_says_what_to_do():
    manager = CurriculumManager()
    manager.add_task("any", difficulty=0.3)
    with pytest.raises(ConfigError, match=r"task 'any'.*Give success="):
        trainer_of(manager, Scripted).train()


def test_an_empty_curriculum_is_refused():
    with pytest.raises(ConfigError, match="has no task"):
        trainer_of(CurriculumManager())


def test_stagnation_stops_the_training_and_says_so():
    manager = levels("adaptive", stagnation_window=100, enable_slice_analysis=False)
    trainer = trainer_of(manager, Even, total_timesteps=20_000)
    with pytest.raises(CurriculumStagnationError, match="bound stayed at"):
        trainer.train()
    assert manager.teacher.episodes < 1_000
    assert not trainer.finished


def test_stagnation_is_answered_and_journaled_where_asked():
    manager = levels("adaptive", stagnation_window=100, on_failure="reduce_difficulty")
    trainer = trainer_of(manager, Even, total_timesteps=20_000)
    events = []
    trainer.subscribe(events.append)
    with pytest.raises(CurriculumStagnationError, match="can change nothing more"):
        trainer.train()  # until the bound is at its floor
    journal = [event for event in events if event.kind == "journal"]
    assert journal[0].data["name"] == "curriculum.difficulty"
    assert journal[0].data["old"] > journal[0].data["new"] == pytest.approx(0.05)
    assert journal[0].data["by"].startswith("stagnation: over the last 100 episodes")
    assert 0 < journal[0].step < trainer.progress.step


class Even(Levels):
    """Half a success, whatever happens: inside of every band."""

    def info(self, agent: str) -> dict[str, Any]:
        return {"is_success": 0.5}


def test_evaluation_plays_the_hardest_task_by_default_and_others_by_name():
    manager = levels("uniform")
    trainer = trainer_of(manager)
    evaluation = trainer.evaluate_policy(episodes=6)
    assert (evaluation.tasks, evaluation.success) == (("level 5",), pytest.approx(0.5))
    evaluation = trainer.evaluate_policy(episodes=6, task=["level 1", "level 3"])
    assert evaluation.tasks == ("level 1", "level 3")
    assert evaluation.success == pytest.approx(0.2)
    assert manager.teacher.episodes == 0
    with pytest.raises(ConfigError, match="Did you mean 'level 5'"):
        trainer.evaluate_policy(task="level 7")


def test_a_named_target_is_what_evaluation_plays():
    trainer = trainer_of(levels("uniform", target=("level 2",)))
    assert trainer.evaluate_policy(episodes=2).success == pytest.approx(0.2)


def test_without_a_curriculum_there_is_no_task_to_evaluate():
    with pytest.raises(ConfigError, match="there is no curriculum"):
        make_trainer(Levels).evaluate_policy(task="level 1")


def test_a_continuous_difficulty_is_evaluated_at_its_greatest():
    trainer = trainer_of(levels("adaptive"))
    assert trainer.evaluate_policy(episodes=4).success == pytest.approx(0.9)


def test_training_on_one_task_plays_it_alone_and_tells_the_curriculum_nothing():
    manager = levels("uniform")
    trainer = trainer_of(manager)
    results = trainer.train_on_task("level 4", episodes=20)
    assert results["task_performance"] == {"level 4": pytest.approx(0.4)}
    assert results["episodes"] >= 20
    assert manager.teacher.episodes == 0
    assignment = levels("adaptive").get_next_task()
    other = trainer_of(levels("adaptive"))
    results = other.train_on_task(assignment, episodes=5)
    assert results["completion_rate"] == pytest.approx(assignment.config["level"] / 10)


def test_the_guides_loop_over_a_sequence_runs_as_it_stands():
    manager = levels("learnability")
    trainer = trainer_of(manager)
    for task in manager.generate_task_sequence(4, "linear"):
        results = trainer.train_on_task(task, episodes=5)
        manager.update_task_performance(task, results["completion_rate"])
        if manager.get_curriculum_stats()["adaptation_needed"]:
            manager.adapt_curriculum("adjust_difficulty")
    stats = manager.get_curriculum_stats()
    assert (stats["episodes"], stats["num_custom_tasks"]) == (4, 6)


def test_a_curriculum_from_the_config_is_the_same_as_one_that_was_given():
    task = {"name": "level", "difficulty": (0.0, 1.0), "config": {"level": Linear(0, 9)}}
    config = CurriculumConfig(strategy="adaptive", tasks=(task,))
    first = make_trainer(Levels, total_timesteps=300, curriculum_config=config)
    second = trainer_of(levels("adaptive"), num_envs=2, total_timesteps=300)
    first.train()
    second.train()
    assert first.fingerprint() == second.fingerprint()
    with pytest.raises(ConfigError, match="do not agree"):
        make_trainer(Levels, curriculum_config=config, curriculum_manager=levels())


def test_a_curriculum_restored_from_its_state_goes_on_as_if_it_had_never_stopped():
    manager = levels("learnability")
    trainer_of(manager).train()
    state = json.loads(json.dumps(manager.state_dict()))
    again = levels("learnability")
    again.load_state_dict(state)
    assert [again.get_next_task() for _ in range(50)] == [
        manager.get_next_task() for _ in range(50)
    ]


def test_two_runs_cannot_train_on_one_curriculum_at_a_time():
    manager = levels("uniform")
    trainer = trainer_of(manager)
    with (
        manager.life.lease(lambda work: work(), print),
        pytest.raises(ConfigError, match="another run"),
    ):
        trainer.train()
    trainer.train()


def test_buckets_of_a_continuous_difficulty_are_played_within_their_bounds():
    manager = CurriculumManager(CurriculumConfig(strategy="uniform"))
    manager.add_tasks(buckets("level", count=3, config={"level": Linear(0, 9)}))
    trainer = trainer_of(manager)
    told = spied(manager)
    trainer.train()
    tasks = manager.tasks
    assert {str(a) for a, _ in told} == set(tasks)
    assert all(tasks[a.task].low <= a.difficulty <= tasks[a.task].high for a, _ in told)
    assert len({a.difficulty for a, _ in told}) == len(told)


def test_tasks_with_different_functions_do_not_see_what_the_other_changed():
    class Marked(Levels):
        marks = 0

        def info(self, agent: str) -> dict[str, Any]:
            return {"is_success": self.marks / 10}

    def add(amount: int) -> Any:
        return lambda env, params: setattr(env.unwrapped, "marks", env.unwrapped.marks | amount)

    manager = CurriculumManager(CurriculumConfig(strategy="uniform"))
    manager.add_task("one", difficulty=0.5, apply=add(1))
    manager.add_task("two", difficulty=0.5, apply=add(2))
    trainer_of(manager, Marked).train()
    stats = manager.get_curriculum_stats()["tasks"]
    assert {name: stats[name]["success"] for name in stats} == {
        "one": pytest.approx(0.1),
        "two": pytest.approx(0.2),
    }


def test_looking_at_a_curriculum_before_training_does_not_change_the_run():
    def run(look: Any) -> str:
        manager = levels("learnability")
        look(manager)
        trainer = trainer_of(manager, total_timesteps=300)
        trainer.train()
        return trainer.fingerprint()

    untouched = run(lambda manager: None)
    assert run(lambda manager: manager.get_curriculum_stats()) == untouched
    assert run(lambda manager: manager.generate_task_sequence(3)) == untouched


def test_a_trainer_that_is_refused_leaves_the_curriculum_as_it_was():
    manager = levels(count=0)
    manager.add_task("short", difficulty=0.1, env_kwargs={"size": 3})
    manager.add_task("long", difficulty=0.9, env_kwargs={"size": 5}, weight=0.0)
    with pytest.raises(ConfigError, match="pad_spaces"):
        trainer_of(manager, seed=1)
    manager.add_task("another", difficulty=0.5)
    assert manager.spec()["seed"] is None


def test_a_curriculum_that_was_played_goes_on_and_says_so():
    manager = levels("uniform")
    trainer_of(manager).train()
    episodes = manager.teacher.episodes
    with pytest.warns(DafWarning, match=f"goes on from its {episodes} episodes"):
        again = trainer_of(manager)
    again.train()
    assert manager.teacher.episodes == episodes + again.progress.episodes


def test_what_a_callback_changes_in_a_rollout_waits_for_the_boundary():
    """Whenever within a rollout it is asked, the same is played, and the journal says when."""

    class Asks(BaseCallback):
        def __init__(self, manager: CurriculumManager, at: int):
            super().__init__()
            self.manager, self.at, self.got = manager, at, None

        def _on_step(self) -> bool:
            if self.n_calls == self.at:
                self.got = self.manager.adapt_curriculum("rehearse")
            return True

    def run(at: int) -> Any:
        manager = levels("uniform")
        trainer = trainer_of(manager, total_timesteps=600)
        told, events = spied(manager), []
        trainer.subscribe(events.append)
        callback = Asks(manager, at)
        trainer.train(callback=callback)
        assert callback.got == []
        journal = [(event.step, event.data["name"]) for event in events if event.kind == "journal"]
        assert [name for _, name in journal] == ["curriculum.rehearsal"]
        return journal, told, trainer.fingerprint()

    assert run(17) == run(20) == run(23)


def test_a_trainer_hears_of_every_change_once_until_it_is_closed():
    manager = levels("uniform")
    trainer = trainer_of(manager)
    told = []

    def listen(event):
        if event.kind == "journal":
            told.append(event.data["new"])
        if event.kind == "metrics" and trainer.progress.updates == 1:
            manager.set_weight("level 1", 3)

    trainer.subscribe(listen)
    manager.set_weight("level 1", 2)
    trainer.train()
    manager.set_weight("level 1", 4)
    trainer.controls.set("curriculum.weight[level 1]", 5, by="user")
    trainer.close()
    manager.set_weight("level 1", 6)
    assert told == [2, 3, 4, 5]
    assert [entry.new for entry in trainer.controls.journal] == told


def test_what_a_trainer_is_told_between_two_trainings_is_played_again_by_its_journal():
    def trained(script: Any, between: Any) -> Any:
        manager = levels("learnability")
        trainer = RlTrainer(
            config(num_envs=5, total_timesteps=600),
            env=Levels,
            curriculum_manager=manager,
            controls=Controls(script=script),
        )
        between(manager, 0)
        trainer.train_episodes(20)
        between(manager, 1)
        trainer.train()
        return trainer, manager.state_dict()

    def change(manager: CurriculumManager, number: int) -> None:
        manager.set_weight(f"level {number}", 0)
        manager.adapt_curriculum("rehearse")

    first, state = trained((), change)
    journal = [entry.to_plain() for entry in first.controls.journal]
    assert [row["step"] for row in journal[:2]] == [0, 0] < [journal[2]["step"]] * 2
    again, its = trained(journal, lambda manager, number: None)
    assert again.fingerprint() == first.fingerprint()
    assert its == state
    assert [entry.to_plain() for entry in again.controls.journal] == journal


def test_of_two_trainers_on_a_curriculum_only_the_one_that_trains_hears_of_changes():
    manager = levels("uniform")
    idle, busy = trainer_of(manager), trainer_of(manager)

    def change(event):
        if event.kind == "metrics" and busy.progress.updates == 1:
            manager.set_weight("level 1", 2)

    busy.subscribe(change)
    busy.train()
    assert (len(idle.controls.journal), len(busy.controls.journal)) == (0, 1)
    manager.set_weight("level 1", 1)
    assert (len(idle.controls.journal), len(busy.controls.journal)) == (1, 2)


def test_a_trainer_that_is_gone_is_not_kept_by_its_curriculum():
    manager = levels("uniform")
    trainer = trainer_of(manager)
    controls = weakref.ref(trainer.controls)
    del trainer
    gc.collect()
    assert controls() is None
    manager.set_weight("level 1", 2)


def test_a_change_that_is_refused_after_a_callback_asked_for_it_is_told():
    class Asks(BaseCallback):
        def _on_step(self) -> bool:
            if self.n_calls == 3:
                assert manager.set_weight("level 0", 0) == []
                assert manager.set_weight("level 1", 0) == []
            return True

    manager = levels("uniform", count=2)
    trainer = trainer_of(manager, total_timesteps=200)
    notes = []
    trainer.subscribe(lambda event: notes.append(event.data) if event.kind == "note" else None)
    with pytest.warns(DafWarning, match="the curriculum was not changed: .*no task"):
        trainer.train(callback=Asks())
    (note,) = notes
    assert note["curriculum"].startswith("not changed: ")
    assert [entry.name for entry in trainer.controls.journal] == ["curriculum.weight[level 0]"]


def test_a_task_left_out_does_not_stop_evaluations():
    manager = levels("uniform", count=2, on_failure="rehearse")
    manager.add_task("broken", difficulty=1.0, apply=lambda env, params: 1 / 0)
    trainer = trainer_of(manager, evaluation_interval=200, evaluation_episodes=4)
    played = []
    trainer.train(on_evaluation_complete=played.append)
    assert played and all(each.tasks == ("level 1",) for each in played)


def test_a_named_target_that_was_left_out_is_noted():
    manager = levels("uniform", count=2, on_failure="rehearse", target=("broken",))
    manager.add_task("broken", difficulty=1.0, apply=lambda env, params: 1 / 0)
    trainer = trainer_of(manager, evaluation_interval=200, evaluation_episodes=4)
    events = []
    trainer.subscribe(events.append)
    trainer.train()
    notes = [event.data for event in events if event.kind == "note"]
    assert any("'broken'" in str(note.get("evaluation")) for note in notes)


def test_a_world_that_a_task_cannot_make_is_left_out_where_asked():
    manager = levels("uniform", count=2, on_failure="rehearse")
    manager.add_task("odd", difficulty=0.3, env_kwargs={"crowds": 3})
    with pytest.warns(DafWarning, match=r"left out: task 'odd' cannot be made"):
        trainer = trainer_of(manager)
    (row,) = trainer.controls.journal
    assert (row.step, row.name, row.old, row.new) == (0, "curriculum.weight[odd]", 1.0, 0.0)
    assert row.by.startswith("task generation: task 'odd' cannot be made")
    assert set(trainer.train()["task_performance"]) == {"level 0", "level 1"}
    assert list(trainer.controls.journal) == [row]


def test_the_layout_knows_the_ends_of_many_ranges():
    class Many(Levels):
        def __init__(self, *, crowd: int = 1, **others: float):
            super().__init__(crowd=crowd)

    manager = CurriculumManager(CurriculumConfig(strategy="uniform"))
    ranges = {name: Uniform(0, 1) for name in "abcdefg"}
    manager.add_task("many", difficulty=0.5, env_kwargs={"crowd": Integers(1, 4), **ranges})
    trainer = trainer_of(manager, Many, total_timesteps=300)
    trainer.train()
    assert len(trainer._learner.groups["all"]) == 4


@pytest.mark.parametrize("given", ["adaptive", [], {"strategy": "adaptive"}, CurriculumManager])
def test_what_is_no_curriculum_is_refused(given):
    with pytest.raises(ConfigError, match=r"CurriculumConfig\(strategy="):
        trainer_of(given)


def test_what_is_asked_in_the_last_rollout_is_journaled_too():
    class Asks(BaseCallback):
        def __init__(self, manager: CurriculumManager):
            super().__init__()
            self.manager, self.asked = manager, 0

        def _on_rollout_end(self) -> None:
            self.asked += 1
            self.manager.set_weight("level 1", 1 + self.asked)

        def _on_step(self) -> bool:
            return True

    manager = levels("uniform")
    trainer = trainer_of(manager, total_timesteps=400)
    events = []
    trainer.subscribe(events.append)
    callback = Asks(manager)
    trainer.train(callback=callback)
    told = [event.data["new"] for event in events if event.kind == "journal"]
    assert told == [1.0 + asked for asked in range(1, callback.asked + 1)]
