"""What batched copies tell of episodes, ends and settings, in a world where all is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from daf_nb.envs import BatchedCopies, Layout, Setting, World, agent_spaces, merge_layouts
from daf_nb.errors import ConfigError, TaskGenerationError, TrainingEnvironmentError
from tests.envs.batched.scripted import Clockwork


def copies(num_envs: int, layout: Layout | None = None, seed: int = 0, **env_kwargs: Any):
    world = World(Clockwork, env_kwargs)
    layout = layout or Layout(agent_spaces(world.build()))
    return BatchedCopies(
        world,
        groups={"all": list(layout.spaces)},
        layout=layout,
        num_envs=num_envs,
        seed=seed,
        device=torch.device("cpu"),
    )


def begun(num_envs: int, **env_kwargs: Any) -> BatchedCopies:
    made = copies(num_envs, **env_kwargs)
    made.begin(lambda block: Setting())
    return made


def step(made: BatchedCopies) -> None:
    plane = made.observations["all"].shape[:2]
    made.step({"all": torch.zeros(plane, dtype=torch.int64)})


def test_a_limit_cuts_all_agents_off_and_their_final_observations_are_kept():
    made = begun(2, limit=3)
    for number in range(1, 3):
        step(made)
        assert not made.truncated.any() and not made.cuts
        assert made.observations["all"][:, :, 2].eq(number).all()
    step(made)
    assert made.truncated.all() and not made.terminated.any()
    rows, finals = made.cuts["all"]
    assert rows.tolist() == [0, 1, 2, 3]
    assert finals.tolist() == [[0, 0, 3], [0, 1, 3], [1, 0, 3], [1, 1, 3]]
    assert made.observations["all"][:, :, 2].eq(0).all(), "the next episodes have begun"
    assert made.alive.all()


def test_episodes_are_told_with_returns_lengths_numbers_and_steps():
    made = begun(2, deaths=((2, 4), (0, 0)), limit=5)
    for _ in range(10):
        step(made)
    told = [
        (at, e.copy, e.number, e.length, dict(e.returns), e.terminated) for at, e in made.read()
    ]
    first = {"agent_0": 2.0, "agent_1": 8.0}
    second = {"agent_0": 5.0, "agent_1": 10.0}
    assert told == [
        (4, 0, 0, 4, first, True),
        (5, 1, 0, 5, second, False),
        (8, 0, 1, 4, first, True),
        (10, 1, 1, 5, second, False),
    ]
    assert made.read() == []
    step(made)
    step(made)
    assert [(at, e.number) for at, e in made.read()] == [(2, 2)]


def test_an_agent_that_died_is_not_alive_and_earns_nothing_until_its_copy_begins_anew():
    made = begun(1, deaths=((2, 4),), limit=9)
    alive, rewards = [], []
    for _ in range(5):
        step(made)
        alive.append(made.alive[0].tolist())
        rewards.append(made.rewards[0].tolist())
    assert alive == [[True, True], [False, True], [False, True], [True, True], [True, True]]
    assert rewards == [[1, 2], [1, 2], [0, 2], [0, 2], [1, 2]]


def test_a_death_in_the_step_of_a_limit_is_a_death():
    made = begun(1, deaths=((3, 0),), limit=3)
    for _ in range(3):
        step(made)
    assert made.terminated[0].tolist() == [True, False]
    assert made.truncated[0].tolist() == [False, True]
    assert made.cuts["all"][0].tolist() == [1]


def test_only_the_copies_that_ended_are_reset():
    made = begun(3, deaths=((2, 2), (3, 3), (0, 0)), limit=4)
    for _ in range(4):
        step(made)
    (world,) = set(made.envs)
    # At the start all; then one after the other; in step 4 the first again, and the last.
    assert world.resets == [None, [True, False, False], [False, True, False], [True, False, True]]
    assert world.steps.tolist() == [0, 1, 0]


def test_tasks_wait_for_the_last_copy_of_their_block_and_each_counts_once():
    made = copies(4, deaths=((2, 2), (4, 4)), limit=9)
    asked: list[int] = []

    def ask(block: int) -> Setting:
        asked.append(block)
        return Setting(task=f"{block}.{asked.count(block)}")

    made.begin(ask, blocks=2)
    assert asked == [0, 0, 1, 1]
    alive = []
    for _ in range(8):
        step(made)
        alive.append(made.alive[:, 0].tolist())
    waiting, playing = [False, True] * 2, [True] * 4
    assert alive == [playing, waiting, waiting, playing] * 2
    told = [(e.task, e.copy, e.number, e.length) for _, e in made.read()]
    assert told == [
        ("0.1", 0, 0, 2), ("1.1", 2, 0, 2), ("0.1", 1, 0, 4), ("1.1", 3, 0, 4),
        ("0.2", 0, 1, 2), ("1.2", 2, 1, 2), ("0.2", 1, 1, 4), ("1.2", 3, 1, 4),
    ]  # fmt: skip


def test_every_lap_of_every_block_has_a_seed_of_its_own_and_held_out_ones_never_meet():
    def seeds(held_out: bool) -> set[int]:
        world = World(Clockwork, {"limit": 1})
        made = BatchedCopies(
            world,
            groups={"all": ["agent_0", "agent_1"]},
            layout=Layout(agent_spaces(world.build())),
            num_envs=6,
            seed=4,
            device=torch.device("cpu"),
            held_out=held_out,
        )
        made.begin(lambda block: Setting(task="t"), blocks=3)
        for _ in range(4):
            step(made)
        return {seed for env in set(made.envs) for seed in env.seeds}

    ours, others = seeds(False), seeds(True)
    assert len(ours) == len(others) == 15
    assert not ours & others
    assert seeds(False) == ours


def test_a_task_with_fewer_agents_and_a_goal_is_padded():
    few, many = (World(Clockwork, {"agents": n}) for n in (1, 3))
    layout = merge_layouts(
        {"few": agent_spaces(few.build()), "many": agent_spaces(many.build())}, goal_size=2
    )
    made = copies(4, layout, limit=3)
    goals = {1: np.array([0.5, 0.25], np.float32), 3: None}
    counts = (1, 3)
    made.begin(
        lambda block: Setting("t", {"agents": counts[block]}, goal=goals[counts[block]]), blocks=2
    )
    assert made.alive.tolist() == [[True, False, False]] * 2 + [[True] * 3] * 2
    step(made)
    assert made.rewards.tolist() == [[1, 0, 0]] * 2 + [[1, 2, 3]] * 2
    seen = made.observations["all"]
    assert seen[1, 0].tolist() == [1, 0, 1, 0.5, 0.25]
    assert seen[0, 1].tolist() == [0, 0, 0, 0, 0]
    assert seen[3, 2].tolist() == [1, 2, 1, 0, 0]
    step(made)
    step(made)
    assert [dict(e.returns) for _, e in made.read()] == [
        *[{"agent_0": 3.0}] * 2,
        *[{"agent_0": 3.0, "agent_1": 6.0, "agent_2": 9.0}] * 2,
    ]


@pytest.mark.parametrize("blocks", [None, 2])
def test_copies_go_on_in_the_middle_of_episodes_as_if_never_left(blocks: int | None):
    def told(made: BatchedCopies, steps: int) -> list[Any]:
        seen = []
        for _ in range(steps):
            step(made)
            seen.append((made.observations["all"].tolist(), made.rewards.tolist()))
        its = [(e.copy, e.number, e.seed, e.length, e.returns, e.task) for _, e in made.read()]
        return [seen, made.alive.tolist(), its]

    def asking():
        counts = [0, 0]

        def ask(block: int) -> Setting:
            counts[block] += 1
            return Setting(task=f"{block}.{counts[block]}", env_kwargs={"limit": 4 + block})

        return counts, ask

    made = copies(4, deaths=((2, 3), (4, 1)))
    counts, ask = asking()
    made.begin(ask, blocks=blocks)
    told(made, 7)
    standing, tensors, then = made.standing(), made.tensors(), list(counts)
    rest = told(made, 9)

    again = copies(4, deaths=((2, 3), (4, 1)))
    counts, ask = asking()
    counts[:] = then
    again.restore(standing, tensors, ask, remade=lambda setting: setting)
    assert told(again, 9) == rest


def test_a_setting_that_cannot_be_made_is_replaced_or_raises():
    def ask(block: int) -> Setting:
        return Setting(task="odd", env_kwargs={"wheels": 3})

    made = copies(2)
    with pytest.raises(TaskGenerationError, match=r"task 'odd' cannot be made.*wheels"):
        made.begin(ask, blocks=1)
    refused = []
    made.begin(
        ask, blocks=1, refused=lambda block, error: refused.append(error.task) or Setting("even")
    )
    step(made)
    assert refused == ["odd"]


def test_reset_options_and_stages_are_refused():
    made = copies(2)
    with pytest.raises(TaskGenerationError, match="env_kwargs alone"):
        made.begin(lambda block: Setting("t", options={"stage": 1}), blocks=1)


@pytest.mark.parametrize(
    ("habit", "said"),
    [
        ({"raises": True}, "ZeroDivisionError: as it was told to"),
        ({"misshapen": True}, "copies first"),
    ],
)
def test_a_world_that_fails_is_named(habit: dict[str, Any], said: str):
    made = begun(2, **habit)
    with pytest.raises(TrainingEnvironmentError, match=said):
        step(made)


def test_a_state_of_other_copies_is_refused():
    made = begun(2)
    with pytest.raises(ConfigError, match="other copies"):
        copies(3).restore(
            made.standing(), made.tensors(), lambda block: Setting(), remade=lambda one: one
        )
