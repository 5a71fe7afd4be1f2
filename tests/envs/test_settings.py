"""Episodes played under settings: which world, prepared how, laid out where, credited to what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from daf_nb.envs import (
    Copies,
    Episode,
    GroupVecEnv,
    Setting,
    World,
    agent_spaces,
    merge_layouts,
    set_stage,
)
from daf_nb.envs.pool import KEPT
from daf_nb.envs.settings import instance_key
from daf_nb.errors import ConfigError, DafWarning, TaskGenerationError, TrainingEnvironmentError
from tests.worlds import Scripted, SeedEcho, Shaped, WrongShape, seed_of


class Makes:
    """Builds `Shaped` worlds and keeps them; those of `tasks` are laid out together."""

    def __init__(self, *tasks: Mapping[str, Any], pad: bool = True, goal_size: int = 0) -> None:
        self.worlds: list[Shaped] = []
        variants = {str(i): agent_spaces(Shaped(**kwargs)) for i, kwargs in enumerate(tasks)}
        self.layout = merge_layouts(variants, pad=pad, goal_size=goal_size) if tasks else None

    def __call__(self, **kwargs: Any) -> Shaped:
        self.worlds.append(Shaped(**kwargs))
        return self.worlds[-1]

    def copies(self, num_envs: int = 1, seed: int = 0, **kwargs: Any) -> Copies:
        return Copies(
            self,
            num_envs=num_envs,
            seed=seed,
            layout=self.layout,
            rebuild=lambda changed: self(**changed),
            **kwargs,
        )


def still(copies: Copies) -> dict[str, np.ndarray]:
    return {"all": np.zeros(copies.arrays.alive.shape, int)}


def play(copies: Copies, steps: int) -> list[Episode]:
    """Episodes that ended within so many steps of action 0."""
    ended = []
    for _ in range(steps):
        copies.step(still(copies))
        ended += copies.episodes
    return ended


def allowed(copies: Copies, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A random action that the masks allow, for every row."""
    masks = copies.arrays.masks["all"]
    return {"all": np.where(masks, rng.random(masks.shape), -1.0).argmax(-1)}


def seen(copies: Copies, copy: int = 0) -> list[list[float]]:
    return copies.arrays.observations["all"][copy].tolist()


def third_stage(env: Any) -> None:
    env.set_stage(3)


# When a setting is in force


def test_without_a_setting_the_world_is_played_as_it_is():
    makes = Makes()
    copies = makes.copies(num_envs=2)
    copies.reset()
    episodes = play(copies, 8)
    assert [(e.task, e.options, dict(e.setting.env_kwargs)) for e in episodes] == [("", {}, {})] * 4
    assert copies.envs == makes.worlds
    assert [len(world.history) for world in makes.worlds] == [3, 3]


def test_a_setting_waits_for_the_next_episode_and_holds_from_then_on():
    copies = Makes().copies(num_envs=2)
    copies.reset()
    play(copies, 2)
    hard = Setting("hard", options={"level": 7})
    copies.prepare(1, hard)
    episodes = play(copies, 1)
    assert [row[2] for row in seen(copies, 1)] == [0, 0]
    episodes += play(copies, 1)
    assert [row[2] for row in seen(copies, 1)] == [7, 7]
    assert [row[2] for row in seen(copies, 0)] == [0, 0]
    episodes += play(copies, 8)
    assert [e.task for e in episodes if e.copy == 0] == ["", "", ""]
    assert [e.task for e in episodes if e.copy == 1] == ["", "hard", "hard"]
    assert [e.options for e in episodes if e.copy == 1] == [{}, {"level": 7}, {"level": 7}]
    assert episodes[-1].setting is hard


def test_the_last_word_before_a_reset_counts():
    copies = Makes().copies()
    for task in "abc":
        copies.prepare(0, Setting(task))
    copies.reset()
    copies.prepare(0, Setting("d"))
    copies.prepare(0, Setting("e"))
    assert [e.task for e in play(copies, 8)] == ["c", "e"]


def test_options_of_an_explicit_reset_hold_once_and_over_the_settings_own():
    makes = Makes()
    copies = makes.copies()
    copies.prepare(0, Setting("a", options={"level": 1, "else": 2}, tag="known"))
    copies.reset([{"level": 5}])
    first, second = play(copies, 8)
    assert (first.task, first.options, first.setting.tag) == ("a", {"level": 5, "else": 2}, "known")
    assert second.options == {"level": 1, "else": 2}
    assert [told for _, _, told, _ in makes.worlds[0].history[:2]] == [
        {"level": 5, "else": 2},
        {"level": 1, "else": 2},
    ]


def test_a_setting_is_prepared_before_each_of_its_resets_on_the_world_in_play():
    calls = []

    def prepare(env: Any) -> None:
        calls.append((env, len(env.history)))
        env.set_stage(3)

    copies = Makes().copies()
    copies.reset()
    copies.prepare(0, Setting("staged", prepare=prepare))
    assert calls == []
    play(copies, 8)
    assert calls == [(copies.envs[0], 0), (copies.envs[0], 1)]
    assert [row[1] for row in seen(copies)] == [3, 3]


@pytest.mark.parametrize("kwargs", [{}, {"limit": 2}])
@pytest.mark.parametrize("first", ["plain", "staged"])
def test_what_a_setting_prepares_does_not_follow_those_that_prepare_nothing(kwargs, first):
    makes = Makes()
    copies = makes.copies()
    plain, staged = Setting("plain", kwargs), Setting("staged", kwargs, prepare=third_stage)
    order = [plain, staged] if first == "plain" else [staged, plain]
    played = []
    for setting in order * 2:
        copies.prepare(0, setting)
        copies.reset()
        played.append(copies.envs[0])
        assert [row[1] for row in seen(copies)] == [3 if setting is staged else 0] * 2
    assert played[:2] == played[2:]
    assert len(makes.worlds) == (3 if kwargs else 2)


def test_a_world_that_cannot_be_rebuilt_is_prepared_itself():
    copies = Copies(Shaped, num_envs=1)
    own = list(copies.envs)
    for setting in (Setting("plain"), Setting("staged", prepare=third_stage), Setting("plain")):
        copies.prepare(0, setting)
        copies.reset()
        assert copies.envs == own


def test_seeds_do_not_depend_on_settings():
    def seeds(prepare: Callable[[Copies], Any]) -> list[int]:
        copies = Copies(SeedEcho, num_envs=3, seed=5, rebuild=lambda kwargs: SeedEcho(**kwargs))
        prepare(copies)
        copies.reset()
        given = []
        for _ in range(9):
            given += [seed_of(rows[0]) for rows in copies.arrays.observations["all"]]
            copies.step(still(copies))
        return given

    def change(copies: Copies) -> None:
        for copy in range(3):
            copies.prepare(copy, Setting("a", {"limit": 3}, {"level": copy}, lambda env: None))

    assert seeds(lambda copies: None) == seeds(change)


# Which instance


def test_arguments_that_a_setting_changes_make_another_instance():
    makes = Makes({"limit": 2}, {"limit": 3})
    copies = makes.copies(num_envs=2)
    copies.prepare(0, Setting("short", {"limit": 2}))
    copies.prepare(1, Setting("long", {"limit": 3}))
    copies.reset()
    assert [env.arguments for env in copies.envs] == [{"limit": 2}, {"limit": 3}]  # type: ignore[attr-defined] - Shaped's
    episodes = play(copies, 6)
    assert [e.length for e in episodes if e.task == "short"] == [2, 2, 2]
    assert [e.length for e in episodes if e.task == "long"] == [3, 3]
    assert len(makes.worlds) == 4
    copies.prepare(0, Setting())
    play(copies, 2)
    assert copies.envs[0] is makes.worlds[0]


def test_copies_do_not_share_instances():
    copies = Makes({}).copies(num_envs=3)
    for copy in range(3):
        copies.prepare(copy, Setting("a", {"limit": 2}))
    copies.reset()
    assert len({id(env) for env in copies.envs}) == 3


def test_an_instance_shared_between_copies_is_refused():
    lonely = Shaped(limit=2)
    copies = Copies(Shaped, num_envs=2, rebuild=lambda kwargs: lonely)
    for copy in range(2):
        copies.prepare(copy, Setting("a", {"limit": 2}))
    with pytest.raises(TaskGenerationError, match="same instance twice"):
        copies.reset()


def test_instances_are_kept_for_equal_arguments_and_the_least_used_are_closed():
    makes = Makes({})
    copies = makes.copies()

    def enter(limit: int) -> Any:
        copies.prepare(0, Setting("a", {"limit": limit, "deaths": {0: 90}}))
        copies.reset()
        return copies.envs[0]

    assert KEPT == 4
    first, *others = [enter(limit) for limit in (10, 20, 30, 40)]
    assert enter(10) is first
    fifth = enter(50)
    assert [world.closed for world in (first, *others, fifth)] == [0, 1, 0, 0, 0]
    again = enter(20)
    assert again is not others[0]
    assert [world.closed for world in (first, *others, fifth)] == [0, 1, 1, 0, 0]
    copies.close()
    copies.close()
    assert [world.closed for world in makes.worlds] == [1] * len(makes.worlds) == [1] * 7


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": [1, 2]}, {"a": [1, 2]}, True),
        ({"a": np.arange(3)}, {"a": np.arange(3)}, True),
        ({"a": (1, [2])}, {"a": (1, [2])}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": (1,)}, {"a": (1.0,)}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": [lambda: 1]}, {"a": [lambda: 1]}, False),
    ],
)
def test_which_arguments_are_equal(one, other, equal):
    assert (instance_key(one) == instance_key(other)) == equal


def test_what_can_be_neither_hashed_nor_pickled_is_known_by_its_words():
    kept = [lambda: 1]
    assert instance_key({"a": kept}) == instance_key({"a": kept})


def test_arguments_to_change_need_something_to_rebuild_with():
    copies = Copies(Shaped, num_envs=1)
    with pytest.raises(ConfigError, match=r"task 'a' changes env_kwargs \{'limit': 2\}"):
        copies.prepare(0, Setting("a", {"limit": 2}))
    copies.reset()
    assert copies.arrays.alive.all()


def test_a_worlds_error_at_closing_is_told_of_and_harms_nobody():
    class Clinging(Shaped):
        def close(self) -> None:
            raise RuntimeError("no")

    copies = Copies(Shaped, num_envs=1, rebuild=lambda kwargs: Clinging(**kwargs))
    for limit in range(1, KEPT + 1):
        copies.prepare(0, Setting("a", {"limit": limit}))
        copies.reset()
    copies.prepare(0, Setting("a", {"limit": 9}))
    with pytest.warns(DafWarning, match="raised RuntimeError when it was closed: no"):
        copies.reset()
    assert copies.envs[0].limit == 9  # type: ignore[attr-defined] - Shaped's
    with pytest.warns(DafWarning):
        copies.close()


def test_a_vec_env_speaks_to_the_instances_in_play():
    copies = Makes({}).copies(num_envs=2)
    copies.prepare(1, Setting("long", {"limit": 9}))
    copies.reset()
    assert GroupVecEnv(copies, "all").get_attr("limit") == [4, 4, 9, 9]


# Layout: agents, observations, goals


def test_agents_that_a_tasks_world_does_not_have_are_never_alive():
    makes = Makes({"agents": 3}, {"agents": 1})
    copies = makes.copies(num_envs=2)
    copies.prepare(0, Setting("alone", {"agents": 1}))
    copies.prepare(1, Setting("crowd", {"agents": 3}))
    copies.reset()
    for _ in range(9):
        assert copies.arrays.alive.tolist() == [[True, False, False], [True, True, True]]
        assert not copies.arrays.observations["all"][0, 1:].any()
        copies.step(still(copies))
        assert copies.arrays.rewards[0].tolist() == [1, 0, 0]
        for episode in copies.episodes:
            assert len(episode.returns) == {"alone": 1, "crowd": 3}[episode.task]


def test_nothing_of_the_last_tasks_world_stays_behind():
    makes = Makes({"agents": 3, "size": 6, "num_actions": 5}, {"agents": 1, "size": 3})
    copies = makes.copies()
    copies.prepare(0, Setting("large", {"agents": 3, "size": 6, "num_actions": 5}))
    copies.reset()
    assert seen(copies)[2] == [3, 0, 0, 0, 1, 1]
    copies.prepare(0, Setting("small", {"agents": 1, "size": 3}))
    play(copies, 4)
    assert seen(copies) == [[1, 0, 0, 0, 0, 0], [0] * 6, [0] * 6]
    assert copies.arrays.masks["all"][0].tolist() == [[True] * 3 + [False] * 2, *[[True] * 5] * 2]
    copies.prepare(0, Setting("large", {"agents": 3, "size": 6, "num_actions": 5}))
    play(copies, 4)
    assert copies.arrays.masks["all"].all()
    copies.step({"all": np.full((1, 3), 4)})


def test_an_explicit_reset_leaves_nothing_of_the_interrupted_episode():
    large = {"agents": 3, "size": 6, "num_actions": 5, "masking": True}
    copies = Makes(large, {"agents": 1, "size": 3}, goal_size=1).copies()
    copies.prepare(0, Setting("large", large, goal=np.ones(1)))
    copies.reset()
    assert seen(copies)[2] == [3, 0, 0, 0, 1, 1, 1]
    copies.prepare(0, Setting("small", {"agents": 1, "size": 3}))
    copies.reset()
    assert seen(copies) == [[1, 0, 0, 0, 0, 0, 0], [0] * 7, [0] * 7]
    assert copies.arrays.masks["all"][0].tolist() == [[True] * 3 + [False] * 2, *[[True] * 5] * 2]
    assert [(e.task, e.number) for e in play(copies, 4)] == [("small", 1)]


def test_an_observation_is_padded_with_zeros_and_ended_by_the_goal():
    makes = Makes({"size": 6}, {"size": 3}, goal_size=2)
    copies = makes.copies(num_envs=2)
    goal = np.array([0.5, 1], np.float32)
    copies.prepare(0, Setting("short", {"size": 3}, {"level": 8}, goal=goal))
    copies.prepare(1, Setting("long", {"size": 6}, {"level": 9}))
    copies.reset()
    for elapsed in range(4):
        short, long = seen(copies, 0)[1], seen(copies, 1)[1]
        assert short == [2, 0, 8, 0, 0, 0, 0.5, 1]
        assert long == [2, 0, 9, elapsed, 1, 1, 0, 0]
        copies.step(still(copies))
    finals = {(end.copy, end.agent): end.observation for end in copies.ends}
    assert finals[0, "agent_1"].tolist() == [2, 0, 8, 0, 0, 0, 0.5, 1]
    assert finals[1, "agent_1"].tolist() == [2, 0, 9, 4, 1, 1, 0, 0]


def test_the_goal_stays_with_the_living_and_leaves_with_the_dead():
    makes = Makes({}, {"deaths": {0: 2}}, goal_size=1)
    copies = makes.copies()
    copies.prepare(0, Setting("a", {"deaths": {0: 2}}, goal=np.ones(1, np.float32)))
    copies.reset()
    goals = []
    for _ in range(5):
        goals.append([row[-1] for row in seen(copies)])
        copies.step(still(copies))
        for end in copies.ends:
            assert end.observation[-1] == 1
    assert goals == [[1, 1], [1, 1], [0, 1], [0, 1], [1, 1]]


def test_the_next_episodes_goal_is_not_in_the_last_ones_final_observation():
    makes = Makes({}, goal_size=1)
    copies = makes.copies()
    copies.prepare(0, Setting("a", goal=np.array([0.25])))
    copies.reset()
    copies.prepare(0, Setting("b", goal=np.array([0.75])))
    play(copies, 4)
    assert [end.observation[-1] for end in copies.ends] == [0.25, 0.25]
    assert [row[-1] for row in seen(copies)] == [0.75, 0.75]


def test_no_goal_is_zeros_even_after_a_goal_on_the_same_world():
    copies = Makes({}, goal_size=2).copies()
    copies.prepare(0, Setting("a", goal=np.ones(2)))
    copies.reset()
    copies.prepare(0, Setting("b"))
    play(copies, 4)
    assert [row[-2:] for row in seen(copies)] == [[0, 0], [0, 0]]


def test_an_agent_that_joins_late_has_the_goal_and_its_padding():
    class Joining(Shaped):
        def __init__(self, **kwargs: Any):
            super().__init__(**kwargs)
            self.arrivals = {1: 2}

    layout = merge_layouts(
        {"a": agent_spaces(Shaped()), "b": agent_spaces(Shaped(num_actions=5, size=5))},
        pad=True,
        goal_size=1,
    )
    copies = Copies(Joining, num_envs=1, seed=0, layout=layout)
    copies.prepare(0, Setting("late", goal=np.ones(1)))
    copies.reset()
    assert seen(copies)[1] == [0] * 6
    assert copies.arrays.masks["all"][0].tolist() == [[True] * 3 + [False] * 2, [True] * 5]
    play(copies, 2)
    assert seen(copies)[1] == [2, 0, 0, 2, 0, 1]
    assert copies.arrays.masks["all"][0].tolist() == [[True] * 3 + [False] * 2] * 2


@pytest.mark.parametrize("goal", [np.ones(2), np.ones((1, 1)), np.array([np.nan])])
def test_a_goal_that_does_not_fit_is_refused_when_it_is_told(goal):
    copies = Makes({}, goal_size=1).copies()
    with pytest.raises(ConfigError, match=r"task 'a': goal .*; 1 finite numbers are needed"):
        copies.prepare(0, Setting("a", goal=goal))


def test_groups_of_a_layout_have_their_own_slots():
    makes = Makes({"agents": 3, "size": 5}, {"agents": 2, "size": 3})
    copies = makes.copies(groups={"one": ["agent_1"], "others": ["agent_0", "agent_2"]})
    copies.prepare(0, Setting("few", {"agents": 2, "size": 3}))
    copies.reset()
    assert copies.arrays.observations["one"].tolist() == [[[2, 0, 0, 0, 0]]]
    assert copies.arrays.observations["others"].tolist() == [[[1, 0, 0, 0, 0], [0] * 5]]


# Layout: actions and masks


def test_actions_that_a_tasks_world_does_not_have_are_masked_while_alive():
    makes = Makes({"num_actions": 5}, {"num_actions": 2, "deaths": {0: 1}})
    copies = makes.copies(num_envs=2)
    copies.prepare(0, Setting("few", {"num_actions": 2, "deaths": {0: 1}}))
    copies.prepare(1, Setting("many", {"num_actions": 5}))
    copies.reset()
    few = [True] * 2 + [False] * 3
    masks = copies.arrays.masks["all"]
    assert masks.tolist() == [[few, few], [[True] * 5] * 2]
    play(copies, 1)
    assert masks.tolist() == [[[True] * 5, few], [[True] * 5] * 2]
    assert copies.arrays.choices.tolist() == [[2, 2], [5, 5]]


@pytest.mark.parametrize("fading", [False, True])
def test_a_worlds_own_mask_comes_first_and_frees_no_padding(fading):
    class Masking(Shaped):
        def info(self, agent: str) -> dict[str, Any]:
            return {} if fading and self.elapsed else super().info(agent)

    layout = merge_layouts(
        {"few": agent_spaces(Shaped()), "many": agent_spaces(Shaped(num_actions=5))}, pad=True
    )
    copies = Copies(Masking, num_envs=1, layout=layout, rebuild=lambda kwargs: Masking(**kwargs))
    copies.prepare(0, Setting("few", {"masking": True}))
    copies.reset()
    masked, free = [False, True, True, False, False], [True, True, True, False, False]
    assert copies.arrays.masks["all"][0].tolist() == [masked] * 2
    copies.step({"all": np.ones((1, 2), int)})
    assert copies.arrays.masks["all"][0].tolist() == [free if fading else masked] * 2


def test_an_action_of_the_padding_is_refused_with_the_way_out():
    makes = Makes({"num_actions": 5}, {"num_actions": 2, "deaths": {0: 1}})
    copies = makes.copies(num_envs=2)
    copies.prepare(1, Setting("few", {"num_actions": 2, "deaths": {0: 1}}))
    copies.prepare(0, Setting("many", {"num_actions": 5}))
    copies.reset()
    copies.step({"all": np.array([[4, 4], [1, 1]])})
    copies.step({"all": np.array([[4, 4], [4, 1]])})  # agent_0 of copy 1 is dead
    with pytest.raises(ConfigError) as caught:
        copies.step({"all": np.array([[4, 4], [0, 2]])})
    message = str(caught.value)
    assert "copy 1, agent_1: action" in message
    assert "not in Discrete(2), all that task 'few' has of the Discrete(5)" in message
    assert "MaskablePPO" in message
    with pytest.raises(ConfigError, match=r"copy 0, agent_1: action .*5.* is not in Discrete\(5\)"):
        copies.step({"all": np.array([[0, 5], [0, 0]])})


# Failures


def test_a_world_that_cannot_be_made_is_named_with_its_task():
    copies = Makes().copies()
    copies.prepare(0, Setting("odd", {"colour": 3}))
    with pytest.raises(TaskGenerationError) as caught:
        copies.reset()
    assert caught.value.task == "odd"
    assert "task 'odd' could not be made with env_kwargs {'colour': 3} in copy 0: TypeError" in str(
        caught.value
    )
    assert isinstance(caught.value.__cause__, TypeError)


def test_arguments_that_a_named_world_refuses_are_a_task_that_cannot_be_made():
    world = World("mpe2.simple_spread_v3")
    copies = Copies(world.build, num_envs=1, rebuild=lambda changed: world.changed(changed).build())
    copies.prepare(0, Setting("odd", {"M": 3}))
    with pytest.raises(TaskGenerationError, match=r"'odd' .* does not take env_kwargs") as raised:
        copies.reset()
    assert isinstance(raised.value.__cause__, ConfigError)


def test_a_preparation_that_raises_is_named_with_its_task():
    copies = Makes().copies()
    copies.prepare(0, Setting("odd", prepare=lambda env: env.fly()))  # type: ignore[attr-defined] - that is the point
    with pytest.raises(TaskGenerationError, match="'odd' could not be prepared in copy 0") as told:
        copies.reset()
    assert "AttributeError" in str(told.value)
    assert told.value.task == "odd"
    assert isinstance(told.value.__cause__, AttributeError)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"agents": 3}, "agent_2 is not among the agents laid out: agent_0, agent_1"),
        ({"size": 6}, r"agent_0 observes Box.*\(6,\), float32.*expected Box.*\(5,\), float32"),
        ({"num_actions": 4}, r"agent_0 acts in Discrete\(4\); expected Discrete\(3\)"),
    ],
)
def test_a_world_that_does_not_fit_is_named_closed_and_not_kept(kwargs, words):
    makes = Makes({"size": 5})
    copies = makes.copies()
    copies.prepare(0, Setting("big", kwargs))
    for _ in range(2):
        with pytest.raises(TaskGenerationError, match="task 'big'.*" + words):
            copies.reset()
    own, *misfits = makes.worlds
    assert [world.closed for world in misfits] == [1, 1]
    copies.close()
    assert [world.closed for world in makes.worlds] == [1, 1, 1]
    assert own.history == []


def test_without_a_layout_nothing_is_padded():
    copies = Makes().copies()
    copies.prepare(0, Setting("short", {"size": 3}))
    with pytest.raises(TaskGenerationError, match=r"agent_0 observes Box.*\(3,\)"):
        copies.reset()


def test_the_copys_own_world_may_not_fit_while_no_setting_asks_for_it():
    layout = merge_layouts({"small": agent_spaces(Shaped(agents=1))})
    copies = Copies(Shaped, num_envs=1, layout=layout, rebuild=lambda kwargs: Shaped(**kwargs))
    copies.prepare(0, Setting("small", {"agents": 1}))
    copies.reset()
    assert [e.task for e in play(copies, 8)] == ["small", "small"]
    copies.prepare(0, Setting())
    with pytest.raises(TaskGenerationError, match=r"the world as it is.*agent_1 is not among"):
        play(copies, 4)


def test_another_setting_is_asked_for_until_one_can_be_played():
    copies = Makes().copies(num_envs=2, seed=3)
    asked = []
    others = [Setting("worse", prepare=lambda env: 1 / 0), Setting("good", options={"level": 4})]

    def other(copy: int, error: TaskGenerationError) -> Setting | None:
        asked.append((copy, str(error)))
        return others[len(asked) - 1]

    copies.starts.on_task_failure = other
    copies.reset()
    copies.prepare(1, Setting("bad", {"colour": 3}))
    play(copies, 4)
    assert [copy for copy, _ in asked] == [1, 1]
    assert [("bad" in text, "worse" in text) for _, text in asked] == [(True, False), (False, True)]
    episodes = play(copies, 8)
    assert [e.task for e in episodes if e.copy == 1] == ["good", "good"]
    assert [e.task for e in episodes if e.copy == 0] == ["", ""]
    assert [e.number for e in episodes if e.copy == 1] == [1, 2]
    assert len(asked) == 2


def test_none_for_another_setting_raises_the_error():
    copies = Makes().copies()
    copies.starts.on_task_failure = lambda copy, error: None
    copies.prepare(0, Setting("bad", {"colour": 3}))
    with pytest.raises(TaskGenerationError, match="task 'bad'"):
        copies.reset()


def test_a_world_that_breaks_while_it_is_played_is_a_broken_world_of_its_task():
    copies = Copies(WrongShape, num_envs=1, rebuild=lambda kwargs: WrongShape(**kwargs))
    copies.prepare(0, Setting("odd", {"limit": 9}))
    copies.reset()
    with pytest.raises(TrainingEnvironmentError, match="agent_0 observed an array of shape"):
        play(copies, 3)
    copies.prepare(0, Setting("odd", prepare=lambda env: setattr(env, "reset", None)))
    with pytest.raises(TrainingEnvironmentError, match=r"task 'odd'\), the reset: the world"):
        copies.reset()


# Credit (promise 4)


def test_every_episode_is_credited_to_exactly_what_it_was_played_with():
    """300 episodes of five copies under random settings, some of them told in mid-episode."""
    rng = np.random.default_rng(0)
    kinds: list[dict[str, Any]] = [
        {},
        {"agents": 3, "limit": 5, "deaths": {0: 1, 2: 3}},
        {"agents": 1, "size": 6, "limit": 2},
        {"agents": 3, "size": 3, "limit": None, "deaths": {0: 2, 1: 4, 2: 7}},
        {"num_actions": 2, "limit": 1},
        {"num_actions": 5, "limit": 3, "masking": True},
        {"agents": 2, "limit": 6, "deaths": {0: 6, 1: 1}},
    ]
    makes = Makes(*kinds, goal_size=1)
    copies = makes.copies(num_envs=5, seed=9)

    def draw() -> Setting:
        kind, stage, level = (int(rng.integers(n)) for n in (len(kinds), 3, 9))
        options = {"level": level} if level else {}
        prepare = partial(Shaped.set_stage, stage=stage)
        goal = np.array([level / 9], np.float32)
        return Setting(f"kind {kind}", kinds[kind], options, prepare, goal, tag=stage)  # type: ignore[arg-type] - Shaped's

    def tell(copy: int) -> None:
        told[copy] = draw()
        copies.prepare(copy, told[copy])

    told: dict[int, Setting] = {}
    for copy in range(5):
        tell(copy)
    copies.reset()
    playing, lived, episodes = dict(told), [{} for _ in told], []
    while len(episodes) < 300:
        if rng.random() < 0.2:
            tell(int(rng.integers(5)))
        copies.step(allowed(copies, rng))
        for end in copies.ends:
            lived[end.copy][end.agent] = end.length
        for episode in copies.episodes:
            assert episode.setting is playing[episode.copy]
            episodes.append((episode, lived[episode.copy]))
            lived[episode.copy] = {}
            playing[episode.copy] = told[episode.copy]
            tell(episode.copy)

    resets = [reset for world in makes.worlds for reset in world.history]
    truth = {seed: (kind, options, stage) for kind, seed, options, stage in resets}
    assert len(truth) == len(resets)
    for episode, lives in episodes:
        kind, options, stage = truth[episode.seed]
        assert episode.task == f"kind {kinds.index(kind)}"
        assert episode.setting.env_kwargs == kind
        assert episode.options == (options or {})
        assert episode.setting.tag == stage
        deaths, limit = kind.get("deaths", {}), kind.get("limit", 4) or np.inf
        agents = range(kind.get("agents", 2))
        assert lives == {f"agent_{i}": min(deaths.get(i, np.inf), limit) for i in agents}
        assert episode.length == max(lives.values())
        assert episode.returns.keys() == lives.keys()
    assert {episode.task for episode, _ in episodes} == {f"kind {i}" for i in range(len(kinds))}


# mpe2's own variations


NEAR = {"num_agent_neighbors": 1, "num_landmark_neighbors": 1, "max_cycles": 4}
SPREAD = World("mpe2.simple_spread_v3", NEAR)


def spread_copies(*sizes: int, **kwargs: Any) -> Copies:
    variants = {str(n): agent_spaces(SPREAD.changed({"N": n}).build()) for n in sizes}
    return Copies(
        SPREAD.build,
        seed=0,
        layout=merge_layouts(variants),
        rebuild=lambda changed: SPREAD.changed(changed).build(),
        **kwargs,
    )


def test_worlds_of_two_and_three_particles_are_learnt_in_the_same_rows():
    """Episodes are those that the worlds play by themselves under the same seeds and actions."""
    copies = spread_copies(2, 3, num_envs=2)
    for copy, size in enumerate((2, 3)):
        copies.prepare(copy, Setting(str(size), {"N": size}))
    copies.reset()
    rng = np.random.default_rng(0)
    for _ in range(3):
        plays = []
        for copy, size in enumerate((2, 3)):
            world = SPREAD.changed({"N": size}).build()
            first, _ = world.reset(seed=copies.tapes()[copy].seed)
            assert_array_equal(seen(copies, copy)[:size], np.stack(list(first.values())))
            plays.append((copy, size, world))
        for step in range(4):
            actions = rng.integers(0, 5, (2, 3))
            copies.step({"all": actions})
            for copy, size, world in plays:
                chosen = dict(zip(world.agents, actions[copy], strict=False))
                observations, rewards, *_ = world.step(chosen)
                got = copies.arrays.rewards[copy, :size]
                np.testing.assert_allclose(got, list(rewards.values()), rtol=1e-6)
                if step < 3:
                    expected = np.stack(list(observations.values()))
                    assert_array_equal(seen(copies, copy)[:size], expected)
        assert copies.arrays.alive.tolist() == [[True, True, False], [True, True, True]]
        assert [(e.task, len(e.returns)) for e in copies.episodes] == [("2", 2), ("3", 3)]


def test_mpe2s_world_is_prepared_beneath_its_layers():
    """Without the penalty for collisions, the same episodes earn more."""
    world = World("mpe2.simple_spread_v3", {"local_ratio": 1.0})

    def earned(lenient: bool) -> list[float]:
        def prepare(env: Any) -> None:
            env.unwrapped.scenario.curriculum = lenient  # its stage 0 knows no penalty

        copies = Copies(world.build, num_envs=32, seed=1)
        for copy in range(copies.num_envs):
            copies.prepare(copy, Setting(prepare=prepare))
        copies.reset()
        return [e.mean_return for e in play(copies, 25)]

    assert earned(lenient=True) == [0.0] * 32
    assert sum(earned(lenient=False)) < 0


def test_the_curriculum_stages_of_mpe2_are_set_before_each_episode():
    copies = Copies(SPREAD.changed({"curriculum": True}).build, num_envs=2, seed=0)

    def tell(stage: int) -> None:
        for copy, its in enumerate((stage, 1 - stage)):
            copies.prepare(copy, Setting(str(its), prepare=partial(set_stage, its)))

    tell(1)
    copies.reset()
    for stage in (0, 0, 1, 1):
        before = [str(cast("Any", env.unwrapped).curriculum_stage) for env in copies.envs]
        tell(stage)
        assert [e.task for e in play(copies, 4)] == before
    assert before == ["1", "0"]


def test_a_changed_world_has_the_other_arguments_and_the_wrappers():
    world = World(Scripted, {"agents": 2, "limit": 3}, ("pad_observations_v0",))
    changed = world.changed({"limit": 7})
    assert changed == World(Scripted, {"agents": 2, "limit": 7}, ("pad_observations_v0",))
    assert dict(world.env_kwargs) == {"agents": 2, "limit": 3}
