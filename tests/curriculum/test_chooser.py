"""Final shares, weights, bias, focus and rehearsal; and that draws follow them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from daf_nb.curriculum import Assignment, Proposal, Task, Uniform
from daf_nb.curriculum.chooser import Chooser
from daf_nb.curriculum.strategy import Strategy, make_strategy
from daf_nb.errors import ConfigError
from tests.curriculum.helpers import Given, tasks, through_json

NONE = np.zeros(4, np.int64)


def chooser(
    wanted: Any = None,
    *,
    of: list[Task] | None = None,
    weights: list[float] | None = None,
    proposal: Proposal | None = None,
    seed: int = 1,
    **how: Any,
) -> Chooser:
    """Over four tasks of difficulties 1/4 to 1, unless told otherwise."""
    of = of or [
        Task(f"task {i}", (i + 1) / 4, weight=w) for i, w in enumerate(weights or [1, 1, 1, 1])
    ]
    wanted = None if wanted is None else np.array(wanted)
    return Chooser(of, Given(of, wanted, proposal), np.random.default_rng(seed), **how)


def drawn(chooser: Chooser, count: int, seen: np.ndarray = NONE) -> list[Assignment]:
    return [chooser.choose(seen) for _ in range(count)]


def off(expected: np.ndarray, indices: list[int]) -> float:
    """The chi-square statistic of draws."""
    counts = np.bincount(indices, minlength=len(expected))
    likely = expected > 0
    assert counts[~likely].sum() == 0
    expected = expected[likely] * len(indices)
    return float(((counts[likely] - expected) ** 2 / expected).sum())


@pytest.mark.parametrize(
    ("wanted", "weights", "u", "shares"),
    [
        ([1, 3, 0, 0], None, 0.0, [0.25, 0.75, 0, 0]),
        ([1, 3, 0, 0], None, 0.2, [0.25, 0.65, 0.05, 0.05]),
        ([1, 3, 0, 4], [1, 1, 1, 0], 0.3, [0.275, 0.625, 0.1, 0]),
        ([1, 1, 1, 1], [2, 1, 1, 0], 0.0, [0.5, 0.25, 0.25, 0]),
        ([1, 1, 1, 1], [5, 1, 1, 1], 1.0, [0.25, 0.25, 0.25, 0.25]),
        ([0, 0, 0, 0], [3, 1, 0, 1], 0.0, [1 / 3, 1 / 3, 0, 1 / 3]),
        ([0, 0, 0, 7], [1, 1, 1, 0], 0.0, [1 / 3, 1 / 3, 1 / 3, 0]),
        ([5e-324, 0, 0, 0], None, 0.0, [1, 0, 0, 0]),
    ],
)
def test_final_shares_mix_the_strategys_with_uniform_ones_over_allowed_tasks(
    wanted, weights, u, shares
):
    mine = chooser(wanted, weights=weights, uniform_share=u)
    np.testing.assert_allclose(mine.shares, shares, atol=1e-15)


def test_whole_weights_and_whole_shares_are_numbers_like_others():
    mine = chooser([1, 1, 1, 1], weights=[1, 2, 3, 4], uniform_share=0.5)
    np.testing.assert_allclose(mine.shares, 0.125 + np.arange(1, 5) / 20)
    mine.roster.set_weight(0, 0.5)
    assert mine.weights.tolist() == [0.5, 2, 3, 4]


@pytest.mark.parametrize("bias", [-1.0, -0.25, 0.5])
def test_bias_tilts_shares_towards_easy_or_hard(bias):
    mine = chooser([1, 2, 1, 0])
    mine.bias = bias
    tilted = np.array([1, 2, 1, 0]) * np.exp(4 * bias * np.array([0.25, 0.5, 0.75, 1]))
    np.testing.assert_allclose(mine.shares, tilted / tilted.sum())


def test_the_strategys_own_uniform_share_holds_unless_another_is_given():
    rng = np.random.default_rng(0)
    strategy = make_strategy("learning_progress", tasks(), rng, {})
    assert Chooser(tasks(), strategy, rng).uniform_share == 0.2
    assert Chooser(tasks(), strategy, rng, uniform_share=0.0).uniform_share == 0.0


@pytest.mark.parametrize(
    ("wanted", "weights", "u"),
    [
        ([1, 1, 1, 1], None, 0.0),
        ([1, 5, 0, 2], None, 0.1),
        ([1, 5, 3, 2], [1, 0, 2, 0.5], 0.2),
        ([0, 0, 0, 1], None, 0.0),
    ],
)
def test_draws_follow_the_shares(wanted, weights, u):
    mine = chooser(wanted, weights=weights, uniform_share=u)
    statistic = off(mine.shares, [one.index for one in drawn(mine, 8000)])
    assert statistic < 21.1  # the .9999 quantile of 3 degrees of freedom


def test_draws_of_many_tasks_follow_the_shares():
    many = tasks(200)
    wanted = np.random.default_rng(0).random(200)
    wanted[::7] = 0
    mine = chooser(wanted, of=many, uniform_share=0.0)
    assert off(mine.shares, [one.index for one in drawn(mine, 20_000)]) < 250


@pytest.mark.parametrize(("random", "place"), [(0.0, 1), (1 - 2**-53, 2)])
def test_the_ends_of_chance_draw_no_task_without_a_share(random, place):
    class Chance:
        def random(self) -> float:
            return random

    mine = chooser([0, 1, 1, 0], uniform_share=0.0)
    mine.rng = Chance()  # type: ignore[assignment] - chance at its ends
    assert mine.choose(NONE).index == place


@pytest.mark.parametrize(
    "wanted",
    [[1, 1, -1, 1], [1, float("nan"), 1, 1], [1, float("inf"), 1, 1], [1, 1, 1], [[1, 1, 1, 1]]],
    ids=str,
)
def test_shares_that_are_none_are_refused_with_what_is_needed(wanted):
    with pytest.raises(ConfigError, match=r"Given.shares: 4 finite numbers of 0 or more"):
        chooser(wanted).choose(NONE)


@pytest.mark.parametrize("proposal", [None, Proposal(0.5), Proposal(point=())], ids=str)
def test_nothing_is_drawn_where_every_weight_is_0(proposal):
    nothing = [Task("off", 0.5, weight=0)]
    with pytest.raises(ConfigError, match="every active task has weight 0"):
        chooser(of=nothing, proposal=proposal).choose(NONE)


@pytest.mark.parametrize(
    ("difficulty", "place"),
    [(0.0, 0), (0.249, 0), (0.25, 0), (0.49, 0), (0.5, 1), (0.99, 2), (1.0, 3)],
)
def test_the_nearest_fixed_task_is_the_hardest_that_is_no_harder(difficulty, place):
    assert chooser().nearest(difficulty) == place


@pytest.mark.parametrize(("difficulty", "place"), [(0.05, 0), (0.25, 0), (0.35, 1), (0.6, 1)])
def test_a_task_of_a_range_that_holds_the_difficulty_is_the_nearest(difficulty, place):
    ranges = [Task("low", (0.1, 0.3)), Task("middle", (0.32, 0.5)), Task("high", (0.7, 1.0))]
    assert chooser(of=ranges).nearest(difficulty) == place


def test_ranges_that_hold_the_difficulty_are_equally_near():
    ranges = [Task("wide", (0.0, 1.0)), Task("narrow", (0.1, 0.6)), Task("low", (0.0, 0.4))]
    assert chooser(of=ranges).nearest_ones(0.5).tolist() == [True, True, False]


def test_a_task_of_weight_0_is_never_the_nearest():
    mine = chooser(weights=[0, 1, 0, 1])
    assert [mine.nearest(d) for d in (0.0, 0.25, 0.75, 1.0)] == [1, 1, 1, 3]


def test_among_equally_near_tasks_one_is_picked_by_weight():
    equal = [Task("a", 0.5, weight=1), Task("b", 0.5, weight=3), Task("c", 0.9)]
    mine = chooser(of=equal, proposal=Proposal(0.6))
    assert off(np.array([0.25, 0.75, 0]), [one.index for one in drawn(mine, 4000)]) < 15.2


def test_a_proposed_difficulty_is_played_at_the_nearest_task():
    wide = [Task("easy", (0, 0.3)), Task("hard", (0.5, 1.0))]
    probe = chooser(of=wide, proposal=Proposal(0.6, probe=True)).choose(NONE)
    assert (probe.task, probe.difficulty, probe.probe) == ("hard", 0.6, True)
    between = chooser(of=wide, proposal=Proposal(0.4)).choose(NONE)
    assert (between.task, between.difficulty, between.probe) == ("easy", 0.3, False)


def test_bias_moves_proposals_within_0_to_1_but_no_probe():
    wide = [Task("all", (0, 1))]
    found = []
    for bias, probe in [(0.25, False), (-0.9, False), (0.9, False), (0.25, True)]:
        mine = chooser(of=wide, proposal=Proposal(0.5, probe=probe))
        mine.bias = bias
        found.append(mine.choose(NONE).difficulty)
    assert found == [0.75, 0.0, 1.0, 0.5]


def test_a_proposed_point_says_all():
    cube = [Task("cube", (0.2, 0.6), config={"speed": Uniform(0, 10)})]
    one = chooser(of=cube, proposal=Proposal(point=(0.5, 0.25))).choose(NONE)
    assert one.difficulty == pytest.approx(0.4) and one.config["speed"] == 2.5
    assert one.point == (0.5, 0.25)


def test_the_uniform_share_of_a_strategy_that_proposes_is_drawn_from_all_tasks():
    mine = chooser(proposal=Proposal(1.0, probe=True), uniform_share=0.4, window=8000)
    found = drawn(mine, 8000)
    assert off(np.array([0.1, 0.1, 0.1, 0.7]), [one.index for one in found]) < 21.1
    assert not any(one.probe for one in found if one.index < 3)


def test_shares_of_a_strategy_that_only_proposes_are_the_newest_frequencies():
    class Only(Strategy):
        def propose(self) -> Proposal:
            return Proposal(0.75)

    of = tasks()
    mine = Chooser(of, Only(of, np.random.default_rng(0)), np.random.default_rng(0), window=3)
    assert mine.shares.tolist() == [0, 0, 0, 0]
    drawn(mine, 2)
    assert mine.shares.tolist() == [0, 0, 1, 0]
    mine.uniform_share = 1.0
    last = [one.index for one in drawn(mine, 3)]
    np.testing.assert_allclose(mine.shares, np.bincount(last, minlength=4) / 3)


def test_with_a_limit_the_easiest_tasks_are_active_and_no_other_is_drawn():
    backwards = [Task(f"t{i}", 1 - i / 10) for i in range(6)]
    mine = chooser([1] * 6, of=backwards, limit=2)
    assert np.flatnonzero(mine.roster.active).tolist() == [4, 5]
    assert {one.index for one in drawn(mine, 100, np.zeros(6))} == {4, 5}
    assert chooser(limit=99).roster.active.all()


@pytest.mark.parametrize(
    "how",
    [
        {"wanted": [1, 1, 1, 0], "uniform_share": 0.3},
        {"wanted": [0, 0, 0, 0]},
        {"weights": [1, 1, 9, 0.1]},
        {"limit": 1},
        {"proposal": Proposal(0.5)},
        {"proposal": Proposal(0.5, probe=True), "uniform_share": 0.5},
    ],
    ids=str,
)
def test_only_the_task_in_focus_is_drawn_whatever_is_wanted(how):
    mine = chooser(**how)
    mine.roster.set_focus(3)
    mine.bias, mine.rehearsal = -1.0, 60
    assert {one.index for one in drawn(mine, 200, np.array([9, 9, 9, 0]))} == {3}
    assert mine.shares.tolist() == [0, 0, 0, 1] and mine.focus == 3
    mine.roster.set_focus(None)
    assert {one.index for one in drawn(mine, 200)} != {3}


def test_a_proposal_in_focus_is_clipped_to_its_task_and_tells_of_the_bound_only_if_near():
    of = [Task("low", (0.0, 0.3)), Task("middle", (0.2, 0.6)), Task("high", (0.7, 1.0))]
    found = []
    for place in range(3):
        mine = chooser(of=of, proposal=Proposal(0.5, probe=True))
        mine.roster.set_focus(place)
        one = mine.choose(np.zeros(3))
        found.append((one.difficulty, one.probe))
    assert found == [(0.3, False), (0.5, True), (0.7, False)]


def test_rehearsal_plays_earlier_tasks_in_half_of_its_episodes_and_ends():
    mine = chooser([0, 0, 0, 1])
    mine.rehearsal = 1000
    seen = np.array([5, 0, 5, 5])
    found = [one.index for one in drawn(mine, 1000, seen)]
    assert mine.rehearsal == 0
    assert found.count(0) + found.count(2) == pytest.approx(500, abs=60)
    assert found.count(0) == pytest.approx(found.count(2), abs=60)
    assert found.count(1) == 0
    assert {one.index for one in drawn(mine, 100, seen)} == {3}


def test_rehearsal_stays_below_the_bound():
    class Bounded(Given):
        bound = 0.5  # type: ignore[assignment] - a plain number in place of the property

    of = [Task("all", (0.0, 1.0))]
    strategy = Bounded(of, proposal=Proposal(0.5, probe=True))
    mine = Chooser(of, strategy, np.random.default_rng(0))
    mine.rehearsal = 400
    again = [one.difficulty for one in drawn(mine, 400, np.array([1])) if not one.probe]
    assert len(again) == pytest.approx(200, abs=40)
    assert np.histogram(again, 2, range=(0, 0.5))[0] == pytest.approx([100, 100], abs=40)


def test_the_level_is_the_bound_or_the_mean_by_shares():
    assert chooser([1, 0, 0, 1]).level == pytest.approx(0.625)
    lessons = make_strategy("lessons", tasks(), np.random.default_rng(0), {})
    assert Chooser(tasks(), lessons, np.random.default_rng(0)).level == 0.25


def test_without_bound_or_shares_the_level_is_what_was_drawn_lately():
    one = [Task("range", (0.0, 1.0))]
    parameters = make_strategy("alp_gmm", one, np.random.default_rng(0), {})
    choosing = Chooser(one, parameters, np.random.default_rng(0), window=10)
    levels = [choosing.choose(np.array([0])).difficulty for _ in range(30)]
    assert choosing.level == pytest.approx(np.mean(levels[-10:]))


def test_a_state_that_went_through_json_goes_on_identically():
    first = chooser([1, 2, 3, 4], uniform_share=0.3, limit=3)
    first.bias, first.rehearsal = 0.25, 60
    seen = np.array([1, 2, 0, 1])
    drawn(first, 30, seen)
    first.roster.set_weight(1, 0.5)
    first.roster.rotate(np.array([True, False, False, False]))
    second = chooser([1, 2, 3, 4], seed=5)
    second.load_state_dict(through_json(first.state_dict()))
    assert drawn(second, 100, seen) == drawn(first, 100, seen)
    assert second.state_dict() == first.state_dict()
    assert second.roster.rotate(np.ones(4, bool)) == first.roster.rotate(np.ones(4, bool))
