"""What is kept: the best, the worst, and a bounded choice of the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from daf_nb.record.plain import dumps, loads
from daf_nb.record.tapes.policy import EVALUATIONS, EVERY, LARGEST, ROOM, Extremes, make_room
from daf_nb.record.tapes.rows import TapeRow, Thinning, parse_tape
from daf_nb.record.tapes.shelf import Shelf


def row(episode: int, *kept: str, **changes: object) -> TapeRow:
    given = {
        **dict.fromkeys(("step", "copy", "number", "seed"), 0),
        **{"task": "", "length": 5, "mean_return": 0.0, "success": None, "room": 4096},
        **{"count": None, "evaluation": None, **changes},
    }
    return TapeRow(episode=episode, kept=kept, **given)  # type: ignore[arg-type]


def chosen(episodes: Sequence[tuple[float | None, float]]) -> tuple[int, int]:
    """The places of the last best and the last worst."""
    extremes, best, worst = Extremes(), -1, -1
    for place, (success, mean_return) in enumerate(episodes):
        reasons = extremes.reasons(success, mean_return)
        extremes = extremes.with_one(reasons, success, mean_return)
        best = place if "best" in reasons else best
        worst = place if "worst" in reasons else worst
    return best, worst


@pytest.mark.parametrize(
    ("episodes", "best", "worst"),
    [
        ([(None, 1.0)], 0, 0),
        ([(None, 1.0), (None, 3.0), (None, 2.0), (None, 0.0)], 1, 3),
        ([(None, 1.0), (None, 1.0)], 0, 0),
        ([(0.5, 9.0), (1.0, -9.0), (0.0, 99.0)], 1, 2),
        ([(1.0, 1.0), (1.0, 2.0), (0.0, 5.0), (0.0, 4.0)], 1, 3),
        ([(None, 99.0), (None, -99.0), (0.4, 0.0), (None, 100.0), (None, -100.0)], 2, 2),
        ([(None, math.nan), (None, 1.0), (None, math.nan)], 1, 1),
        ([(None, -math.inf), (None, 1.0), (None, math.inf)], 2, 0),
    ],
)
def test_success_goes_before_return_and_the_first_of_equals_stays(episodes, best, worst):
    assert chosen(episodes) == (best, worst)


def test_the_best_of_many_is_the_best_of_all():
    rng = np.random.default_rng(0)
    for _ in range(50):
        episodes = [(None, float(value)) for value in rng.integers(0, 20, 40)]
        returns = [value for _, value in episodes]
        assert chosen(episodes) == (int(np.argmax(returns)), int(np.argmin(returns)))


def test_of_what_was_kept_the_extremes_are_known_again():
    shelf = Shelf(
        [row(0, "best", "worst", mean_return=1.0), row(1, "best", mean_return=5.0, success=0.5)]
    )
    extremes = Extremes.of(shelf)
    assert extremes.reasons(None, 9.0) == ()
    assert extremes.reasons(0.5, 5.0) == ("worst",)
    assert extremes.reasons(0.6, 0.0) == ("best", "worst")


@pytest.mark.parametrize("largest", [4096, ROOM // 20, LARGEST])
def test_however_many_episodes_come_few_are_kept_all_over_the_training(largest):
    rng, shelf = np.random.default_rng(1), Shelf()
    for count in range(0, 200_000, 7):
        if count % shelf.strides["every"]:
            continue
        new = row(count, "every", count=count, room=int(rng.integers(largest // 2, largest + 1)))
        thinnings = make_room(shelf, "every", [new])
        shelf.add(thinnings)
        if count % shelf.strides["every"] == 0:
            shelf.add([new])
        rooms = [one.room for one in shelf.rows.values()]
        assert len(rooms) <= EVERY
        assert sum(rooms) <= ROOM
    stride = shelf.strides["every"]
    assert sorted(shelf.rows) == [count for count in range(0, 200_000, 7) if count % stride == 0]
    assert len(shelf.rows) >= min(EVERY // 2, ROOM // largest // 4)


@pytest.mark.parametrize(("episodes", "room"), [(3, 4096), (2, LARGEST // 2), (1, 10)])
def test_of_evaluations_the_first_the_newest_and_some_between_are_kept(episodes, room):
    shelf, episode = Shelf(), 0
    for evaluation in range(200):
        rows = [
            row(episode + place, "evaluation", evaluation=evaluation, room=room)
            for place in range(episodes)
        ]
        episode += episodes
        shelf.add([*rows, *make_room(shelf, "evaluation", rows)])
        kept = {one.evaluation for one in shelf.rows.values()}
        assert {0, evaluation} <= kept
        assert len(kept) <= EVALUATIONS
        assert sum(one.room for one in shelf.rows.values()) <= ROOM
        assert all(
            [one.evaluation for one in shelf.rows.values()].count(number) == episodes
            for number in kept
        )


def test_a_tape_stays_as_long_as_something_speaks_for_it():
    shelf = Shelf()
    assert shelf.add([row(0, "best", "worst", "every", count=0)]) == []
    assert shelf.add([row(1, "best", count=1)]) == []
    assert shelf.reasons(0) == ["worst", "every"]
    assert shelf.add([row(2, "best", count=2), row(3, "every", count=3)]) == [1]
    assert shelf.add([Thinning("every", 2)]) == [3]
    assert shelf.add([row(4, "worst", count=4)]) == []
    assert shelf.reasons(0) == ["every"]
    assert shelf.add([row(5, "evaluation", evaluation=0)]) == []
    assert shelf.add([row(6, "evaluation", evaluation=1)]) == []
    assert shelf.add([Thinning("evaluation", 2)]) == []
    assert shelf.add([row(7, "evaluation", evaluation=2)]) == [6]
    assert (shelf.best, shelf.worst, shelf.newest) == (2, 4, 2)


def test_rows_come_back_from_their_lines():
    told = [
        row(
            7, "best", "every", count=3, task="a", success=0.5, mean_return=-1e-300, seed=2**32 - 1
        ),
        row(8, "evaluation", evaluation=2, mean_return=math.inf),
        Thinning("every", 400),
    ]
    assert [parse_tape(loads(dumps(one.to_plain()))) for one in told] == told


@pytest.mark.parametrize(
    "changes",
    [
        {"episode": -1},
        {"episode": "../../x"},
        {"episode": 1.0},
        {"episode": True},
        {"episode": 10**10},
        {"kept": []},
        {"kept": ["whim"]},
        {"kept": None},
        {"seed": None},
        {"room": -4},
        {"count": "many"},
        {"mean_return": "much"},
        {"thinned": "best", "stride": 2},
        {"thinned": "every", "stride": "2"},
    ],
)
def test_what_is_no_row_is_refused(changes):
    plain = {**row(1, "best").to_plain(), **changes}
    with pytest.raises((LookupError, TypeError, ValueError)):
        parse_tape(loads(dumps(plain)))
