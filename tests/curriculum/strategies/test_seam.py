"""What holds for every strategy: chance, state, shares, options."""

from __future__ import annotations

import json

import numpy as np
import pytest

from daf_nb.curriculum.strategy import Outcome, known_strategies, make_strategy
from daf_nb.errors import ConfigError
from tests.curriculum.strategies.helpers import ALL, cube, make, play, tasks, tell

CASES = [
    *((name, tasks(), options) for name, options in ALL.items()),
    ("alp_gmm", cube(), ALL["alp_gmm"]),
    ("learnability", tasks(), {"window": 7}),
    ("lessons", tasks(), {"window": 12, "smoothing": False}),
    ("schedule", tasks(), {"kind": "step", "steps": 3}),
]
every_case = pytest.mark.parametrize(
    ("name", "curriculum", "options"),
    CASES,
    ids=[f"{name}-{i}" for i, (name, *_) in enumerate(CASES)],
)


def test_all_strategies_are_known():
    assert {name for name, cls in known_strategies().items() if _is_ours(cls)} == ALL.keys()


def _is_ours(cls) -> bool:
    return cls.__module__.startswith("daf_nb.")


@every_case
def test_same_seed_same_sequence_whatever_numpy_is_seeded_with(name, curriculum, options):
    def sequence(seed, elsewhere):
        np.random.seed(elsewhere)  # noqa: NPY002 - the global state is what must not matter
        strategy = make_strategy(name, curriculum, np.random.default_rng(seed), options)
        return [play(strategy, episode) for episode in range(300)]

    assert sequence(3, elsewhere=1) == sequence(3, elsewhere=2)


@pytest.mark.parametrize("name", ["adaptive", "alp_gmm", "learnability", "plr", "robbins_monro"])
def test_another_seed_another_sequence(name):
    one, other = (make(name, seed=seed, **ALL[name]) for seed in (1, 2))
    assert [play(one, e) for e in range(50)] != [play(other, e) for e in range(50)]


@every_case
def test_a_state_that_went_through_json_continues_identically(name, curriculum, options):
    first = make_strategy(name, curriculum, np.random.default_rng(0), options)
    for episode in range(333):
        play(first, episode)
    second = make_strategy(name, curriculum, np.random.default_rng(99), options)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert second.state_dict() == first.state_dict()
    for episode in range(333, 533):
        assert play(second, episode) == play(first, episode)
    assert second.state_dict() == first.state_dict()


@every_case
def test_a_state_restores_the_options_it_was_taken_with(name, curriculum, options):
    first = make_strategy(name, curriculum, np.random.default_rng(0), options)
    second = make_strategy(name, curriculum, np.random.default_rng(0), {})
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert [play(second, e) for e in range(250)] == [play(first, e) for e in range(250)]


@pytest.mark.parametrize("name", [n for n in ALL if make(n).propose() is None])
def test_asking_for_shares_changes_nothing(name):
    strategy = make(name, **ALL[name])
    for episode in range(100):
        play(strategy, episode)
    before = strategy.state_dict()
    assert [strategy.shares().tolist() for _ in range(3)] == [strategy.shares().tolist()] * 3
    assert strategy.state_dict() == before


@every_case
def test_shares_stay_finite_and_proposals_in_bounds(name, curriculum, options):
    strategy = make_strategy(name, curriculum, np.random.default_rng(5), options)
    for episode in range(400):
        said = np.array(play(strategy, episode))
        assert np.isfinite(said).all()
        assert (said >= 0).all()
        if strategy.propose() is not None:
            assert (said <= 1).all()
        else:
            assert len(said) == len(curriculum)


@pytest.mark.parametrize("name", ALL)
def test_one_task_is_enough(name):
    strategy = make_strategy(name, [cube()[0]], np.random.default_rng(0), {})
    for episode in range(30):
        play(strategy, episode)
    bound = strategy.bound
    assert bound is None or 0 <= bound <= 1


@pytest.mark.parametrize("name", ALL)
def test_an_unknown_option_is_refused(name):
    with pytest.raises(ConfigError, match=rf"unknown option of strategy '{name}' 'temprature'"):
        make(name, temprature=1)


@pytest.mark.parametrize(
    "name", [n for n in ALL if n not in ("adaptive", "lessons", "robbins_monro")]
)
def test_without_a_bound_of_its_own_there_is_nothing_to_shift(name):
    assert make(name).shift(0.1) is False


@pytest.mark.parametrize("name", ALL)
def test_those_whose_bound_follows_success_say_so_and_no_others_do(name):
    strategy = make(name, **{**ALL[name], "smoothing": False} if name == "lessons" else ALL[name])
    before = strategy.bound
    for task in [0] * 60 + list(range(5)) * 12:
        tell(strategy, task, 1.0, probe=True)
    assert (strategy.bound != before) is type(strategy).moves_itself


@pytest.mark.parametrize("name", ["adaptive", "lessons", "robbins_monro"])
def test_a_shift_by_nothing_moves_nothing(name):
    strategy = make(name) if name == "lessons" else make(name, start=1 / 3)
    tell(strategy, 0, *[1.0] * 9, probe=True)
    before = strategy.state_dict()
    assert strategy.shift(0.0) is True
    assert strategy.state_dict() == before


@pytest.mark.parametrize("name", ["adaptive", "robbins_monro"])
def test_half_of_the_episodes_are_at_the_bound_and_the_others_uniform_below(name):
    strategy = make(name, start=0.8)
    proposals = [strategy.propose() for _ in range(4000)]
    probes = [p.difficulty for p in proposals if p.probe]
    others = np.array([p.difficulty for p in proposals if not p.probe])
    assert set(probes) == {0.8}
    assert len(probes) / 4000 == pytest.approx(0.5, abs=0.03)
    parts = np.histogram(others, bins=4, range=(0, 0.8))[0] / len(others)
    assert parts == pytest.approx([0.25] * 4, abs=0.04)


REFUSED = [
    ("adaptive", {"start": 0.01}, r"start=0.01; a number in \[0.05, 1\]"),
    ("adaptive", {"start": 1.5}, r"start=1.5; a number in \[0, 1\]"),
    ("adaptive", {"step": 0}, r"step=0; a number in \(0, 1\]"),
    ("adaptive", {"low": 0.7}, r"low=0.7; a number below high=0.7"),
    ("adaptive", {"high": 1.1}, r"high=1.1"),
    ("adaptive", {"floor": -0.1}, r"floor=-0.1"),
    ("adaptive", {"queue": 0}, r"queue=0; an integer of 1 or more"),
    ("adaptive", {"at_bound": 0.0}, r"at_bound=0.0"),
    ("alp_gmm", {"explore": 2}, r"explore=2"),
    ("alp_gmm", {"components": 1}, r"components=1; an integer of 2 or more"),
    ("alp_gmm", {"fit_every": 9}, r"fit_every=9; an integer of 10 or more"),
    ("alp_gmm", {"history": 0}, r"history=0"),
    ("fixed", {"task": 5}, r"task=5; an integer from 0 to 4"),
    ("fixed", {"task": -1}, r"task=-1"),
    ("fixed", {"task": True}, r"task=True"),
    ("fixed", {"task": "task 7"}, r"unknown task 'task 7'\. Did you mean 'task "),
    ("learnability", {"top": 6}, r"top=6; an integer from 1 to 5"),
    ("learnability", {"window": 2.5}, r"window=2.5; an integer"),
    ("learning_progress", {"rate": 0.0}, r"rate=0.0; a number in \(0, 1\]"),
    ("learning_progress", {"theta": 1.0}, r"theta=1.0; a number in \(0, 1\)"),
    ("learning_progress", {"batch": 0}, r"batch=0"),
    ("lessons", {"window": 0}, r"window=0"),
    ("lessons", {"threshold": 1.2}, r"threshold=1.2"),
    ("lessons", {"rehearsal": 1.0}, r"rehearsal=1.0; a number in \[0, 1\)"),
    ("lessons", {"smoothing": "off"}, r"smoothing='off'; True or False is needed"),
    ("plr", {"beta": 0.0}, r"beta=0.0"),
    ("plr", {"rho": "half"}, r"rho='half'; a number in \[0, 1\]"),
    ("robbins_monro", {"eta": float("nan")}, r"eta=nan; a number in \(0, 1\]"),
    ("robbins_monro", {"target": 1.0}, r"target=1.0; a number in \(0, 1\)"),
    ("robbins_monro", {"start": -0.1}, r"start=-0.1"),
    ("schedule", {"kind": "linar"}, r"unknown schedule 'linar'\. Did you mean 'linear'"),
    ("schedule", {"mode": "points"}, r"unknown mode of strategy 'schedule' 'points'"),
    ("schedule", {"fraction": 0.0}, r"fraction=0.0; a number in \(0, 1\]"),
    ("schedule", {"end": 1.1}, r"end=1.1"),
    ("schedule", {"steps": 0}, r"steps=0"),
    ("tscl", {"window": 1}, r"window=1; an integer of 2 or more"),
    ("tscl", {"epsilon": -0.1}, r"epsilon=-0.1"),
]


@pytest.mark.parametrize(
    ("name", "options", "words"), REFUSED, ids=[f"{name}-{options}" for name, options, _ in REFUSED]
)
def test_options_out_of_bounds_are_refused(name, options, words):
    with pytest.raises(ConfigError, match=words):
        make(name, **options)


def test_an_outcome_of_one_task_leaves_the_others_estimates_alone():
    strategy = make("learnability")
    strategy.update(Outcome(1, 1.0, 0.4))
    assert strategy.shares().tolist() == pytest.approx([0.25, 2 / 9, 0.25, 0.25, 0.25])
