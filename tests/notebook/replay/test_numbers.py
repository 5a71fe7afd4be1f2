"""The numbers under the cursor, against what the world and the policies say themselves."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from daf_nb.envs import World, play
from daf_nb.learn.players import players_in
from daf_nb.testing import Scripted
from tests.learn.helpers import Levers, Pictures
from tests.notebook.replay.helpers import Drawn, filmed, played, taped, trainer
from tests.worlds import Continuous, Masked, Staggered, TwoKinds


def rows_of(world: Any, *, judged: bool = True, steps: int = 10_000, **fields: Any) -> Any:
    """The tape, and all rows of all steps of its film."""
    tape = taped(world, steps=steps)
    players = players_in(World(world), trainer(world, **fields).policies) if judged else None
    film = filmed(tape, players=players)
    assert film.wait(30) and not film.error, film.error
    assert not film.unjudged
    assert film.numbers is not None
    rows = [film.numbers.rows(step) for step in range(tape.length + 1)]
    film.close()
    return tape, rows, film.numbers


def test_rewards_add_up_to_the_tapes_returns():
    tape, rows, numbers = rows_of(Staggered, judged=False)
    for place, agent in enumerate(tape.agents):
        earned = [row[place]["reward"] for row in rows]
        assert sum(x for x in earned if x is not None) == pytest.approx(tape.returns[agent])
        assert rows[-1][place]["total"] == pytest.approx(tape.returns[agent])
        assert earned[0] is None
    assert numbers.mean_total(tape.length) == pytest.approx(tape.mean_return)


def test_the_dead_are_told_as_such_from_their_own_last_step_on():
    tape, rows, _ = rows_of(Staggered, judged=False)
    assert tape.length == 6
    states = [[row["state"] for row in step] for step in rows]
    assert states[1] == ["alive", "alive", "alive"]
    assert states[2] == ["terminated at step 2", "alive", "alive"]
    assert states[6] == [f"terminated at step {at}" for at in (2, 4, 6)]
    assert [step[0]["reward"] is None for step in rows] == [True, False, False, *[True] * 4]


def test_time_limits_absences_and_cuts_are_no_deaths():
    world = partial(Scripted, agents=3, limit=4, limits={0: 2}, arrivals={1: 2})
    _, rows, _ = rows_of(world, judged=False)
    states = [[row["state"] for row in step] for step in rows]
    assert states[0] == ["alive", "absent", "alive"]
    assert states[2] == ["truncated at step 2", "alive", "alive"]
    _, rows, _ = rows_of(world, judged=False, steps=3)
    assert [row["state"] for row in rows[-1]] == ["truncated at step 2", "alive", "alive"]
    assert "action" not in rows[-1][1]


def test_actions_are_those_that_come_next():
    tape, rows, _ = rows_of(Staggered, judged=False)
    for step, did in enumerate(tape.acted):
        for place, agent in enumerate(tape.agents):
            told = rows[step][place].get("action")
            assert told == (str(tape.actions[agent][step]) if did[place] else None)
    assert all("action" not in row for row in rows[-1])


@pytest.mark.parametrize("world", [Staggered, TwoKinds])
def test_values_and_chances_are_the_policys_own(world):
    group_of = (lambda agent: agent.split("_")[0]) if world is TwoKinds else lambda agent: "all"
    tape, models = played(world), trainer(world).policies
    film = filmed(tape, players=players_in(World(world), models))
    assert film.wait(30) and not film.unjudged
    assert film.numbers is not None
    for step in play(tape):
        for row in film.numbers.rows(step.number):
            if row["agent"] not in step.env.agents:
                assert row["value"] is None
                continue
            policy = models[group_of(row["agent"])].policy
            seen = torch.as_tensor(step.observations[row["agent"]])[None]
            with torch.no_grad():
                value = policy.predict_values(seen)
                told: Any = policy.get_distribution(seen).distribution
            assert row["value"] == pytest.approx(float(value), abs=1e-5)
            if "bars" in row:
                assert row["bars"] == pytest.approx(told.probs[0].tolist(), abs=1e-3)
                assert row["chance"] == row["bars"][row["chosen"]]
    film.close()


def test_forbidden_actions_have_no_chance():
    players = trainer(Masked, algorithm="MaskablePPO").players()
    film = filmed(players.tape(1), players=players)
    assert film.wait(30) and not film.error and not film.unjudged
    assert film.numbers is not None
    for step in range(film.tape.length):
        for told in film.numbers.rows(step):
            assert told["bars"][step % 4] == 0.0
            assert sum(told["bars"]) == pytest.approx(1.0, abs=1e-3)


def test_continuous_actions_have_a_mean_and_a_deviation():
    _, rows, _ = rows_of(Continuous)
    assert rows[0][0]["odds"] == "± 1.00"
    assert rows[0][0]["about"].endswith("± 1.00 1.00")
    assert len(rows[0][0]["action"].split()) == 2
    assert "bars" not in rows[0][0]


def test_images_and_several_choices_at_once_are_judged_too():
    _, rows, _ = rows_of(Pictures, policy_kwargs={"normalize_images": True})
    assert all(isinstance(row["value"], float) for row in rows[0])
    _, rows, _ = rows_of(Levers)
    assert len(rows[0][0]["action"].split()) == 2
    assert isinstance(rows[0][0]["value"], float)


def test_numbers_that_json_has_no_word_for_are_left_out():
    class Infinite(Drawn):
        def reward(self, agent: str, action: Any) -> float:
            return np.inf

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(limit=2, **kwargs)

    film = filmed(taped(lambda **k: Drawn(limit=2, **k)), world=Infinite)
    assert film.wait(20)
    assert "other rewards" in film.error
    assert film.last == 0
    film.close()


def test_policies_that_do_not_fit_leave_the_film_without_values_and_it_says_why():
    tape = taped(Staggered)
    film = filmed(tape, players=players_in(World(TwoKinds), trainer(TwoKinds).policies))
    assert film.wait(20)
    assert film.error == ""
    assert film.unjudged
    assert film.numbers is not None
    assert all(row["value"] is None for row in film.numbers.rows(0))
    film.close()


def test_curves_end_where_the_returns_are_and_are_not_longer_than_a_picture_is_wide():
    tape, _, numbers = rows_of(partial(Scripted, agents=2, limit=500), judged=False)
    curves = numbers.curves()
    assert curves["steps"][0] == 0 and curves["steps"][-1] == 500
    assert len(curves["steps"]) <= 200
    assert [line[-1] for line in curves["lines"]] == pytest.approx(list(tape.returns.values()))
