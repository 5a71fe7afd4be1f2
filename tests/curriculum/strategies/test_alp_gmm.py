"""Where points are drawn from, and what data may come."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

from daf_nb.curriculum.parameters import Uniform
from daf_nb.curriculum.strategies import AlpGmm
from daf_nb.curriculum.strategy import Outcome
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError
from tests.curriculum.strategies.helpers import cube, make


def line(seed: int = 0, **options) -> AlpGmm:
    return AlpGmm([Task("line", (0.0, 1.0))], np.random.default_rng(seed), **options)


def tell(strategy: AlpGmm, point: tuple[float, ...], success: float) -> None:
    strategy.update(Outcome(0, success, point[0], point=point))


def progress(strategy: AlpGmm) -> list[float]:
    return strategy.recent[: strategy.episodes, -1].tolist()


def drawn_from_model(strategy: AlpGmm, count: int) -> np.ndarray:
    """First coordinates, without the uniform share."""
    kept, strategy.explore = strategy.explore, 0.0
    points = [strategy.propose().point for _ in range(count)]
    strategy.explore = kept
    return np.array([point[0] for point in points if point])


def test_a_student_who_improves_between_two_places_is_played_there():
    parts = []
    for seed in range(5):
        strategy = line(seed)
        inside = []
        for episode in range(3000):
            point = strategy.propose().point
            assert point is not None
            x = point[0]
            tell(strategy, point, 1.0 if x < 0.4 else 0.0 if x > 0.6 else episode / 3000)
            if strategy.episodes % 250 == 0:
                samples = drawn_from_model(strategy, 100)
                inside.append(np.mean((samples >= 0.35) & (samples <= 0.65)))
        parts.append(float(np.mean(inside)))
    assert min(parts) >= 0.8


def test_uniform_before_the_first_fit():
    strategy = line(2)
    samples = []
    for _ in range(250):
        point = strategy.propose().point
        assert point is not None
        samples.append(point[0])
        tell(strategy, point, float(point[0] > 0.5))
    counts = np.histogram(samples, bins=4, range=(0, 1))[0]
    assert counts.min() > 40
    assert len(strategy.chances) > 0


def test_a_share_stays_uniform_after_it():
    strategy = line(1)
    for i in range(250):
        tell(strategy, (i / 2500,), float(i % 2))
    away = [point[0] > 0.3 for _ in range(3000) if (point := strategy.propose().point)]
    assert np.mean(away) == pytest.approx(0.2 * 0.7, abs=0.03)
    assert np.mean(drawn_from_model(strategy, 1000) > 0.3) < 0.01


def test_progress_is_against_the_nearest_and_of_those_the_latest():
    strategy = line()
    for x, success in [(0.2, 0.5), (0.8, 1.0), (0.3, 0.6), (0.75, 0.0), (0.2, 0.9), (0.2, 0.95)]:
        tell(strategy, (x,), success)
    assert progress(strategy) == pytest.approx([0, 0.5, 0.1, 1.0, 0.4, 0.05])


def test_what_left_the_history_is_forgotten():
    strategy = line(history=3)
    for x, success in [(0.1, 1.0), (0.9, 0.0), (0.9, 0.0), (0.9, 0.0), (0.1, 1.0)]:
        tell(strategy, (x,), success)
    assert progress(strategy) == pytest.approx([0, 1, 0, 0, 1])


def test_the_latest_is_found_after_the_history_came_round():
    strategy = line(history=3)
    for success in (0.0, 0.1, 0.3, 0.6, 0.7, 0.9, 0.2, 0.25):
        tell(strategy, (0.5,), success)
    assert progress(strategy) == pytest.approx([0, 0.1, 0.2, 0.3, 0.1, 0.2, 0.7, 0.05])


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("case", ["constant", "one place", "two places"])
def test_degenerate_outcomes_neither_raise_nor_warn(case, size):
    config = {f"x{i}": Uniform(0, 1) for i in range(size)}
    strategy = AlpGmm([Task("box", 0.5, config=config)], np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for episode in range(750):
            point = strategy.propose().point
            assert point is not None
            if case != "constant":
                point = (0.5 if case == "one place" else episode % 2,) * size
            tell(strategy, point, 1.0 if case == "constant" else float(episode % 2))
    assert all(0 <= x <= 1 for _ in range(50) for x in strategy.propose().point or ())


def test_points_have_a_coordinate_for_each_axis_of_the_task():
    strategy = AlpGmm(cube(), np.random.default_rng(0))
    proposal = strategy.propose()
    assert proposal.difficulty is None
    assert proposal.point is not None
    assert len(proposal.point) == 2


def test_several_tasks_are_chosen_by_difficulty():
    strategy = make("alp_gmm")
    proposal = strategy.propose()
    assert proposal.point is None
    assert 0 <= proposal.difficulty <= 1
    strategy.update(Outcome(1, 1.0, 0.4))
    assert strategy.points[0].tolist() == [0.4]


def test_an_episode_without_a_point_is_not_learned_from():
    strategy = line()
    strategy.update(Outcome(0, 1.0, 0.5))
    assert strategy.episodes == 0


def test_a_task_with_nothing_to_choose_is_refused_with_what_to_do():
    with pytest.raises(ConfigError, match=r"'flat' has nothing continuous.*give it a difficulty"):
        AlpGmm([Task("flat", 0.5)], np.random.default_rng(0))


def test_scikit_learn_is_loaded_by_the_first_fit_only():
    code = "import sys, daf_nb.curriculum.strategies; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
