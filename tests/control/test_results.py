"""Results and evaluations as metrics."""

from __future__ import annotations

import pytest

from daf_nb.control.results import evaluation_metrics, training_metrics
from daf_nb.errors import ConfigError


def test_results_become_metrics_by_the_trainers_names():
    told = {"avg_reward": -3, "completion_rate": 0.5, "task_performance": {"far": 0.25}, "more": 1}
    assert training_metrics(told) == {
        "rollout/return_mean": -3.0,
        "rollout/success": 0.5,
        "rollout/success_rate": 0.5,
        "curriculum/success/far": 0.25,
    }


def test_without_success_a_tasks_performance_is_a_return():
    told = {"avg_reward": None, "completion_rate": None, "task_performance": {"far": -2.0}}
    assert training_metrics(told) == {"rollout/task/far/return_mean": -2.0}


def test_an_evaluation_becomes_metrics_of_its_own():
    told = {"success": 0.5, "mean_reward": 2}
    assert evaluation_metrics(told) == {"evaluation/success": 0.5, "evaluation/return_mean": 2.0}
    assert evaluation_metrics({"success": None, "mean_reward": 2}) == {
        "evaluation/return_mean": 2.0
    }
    assert evaluation_metrics({"mean_reward": 2}) == {"evaluation/return_mean": 2.0}


@pytest.mark.parametrize("wrong", [{}, {"reward": 1}, 3, None])
def test_what_holds_nothing_is_refused(wrong):
    with pytest.raises(ConfigError, match="avg_reward, completion_rate, task_performance"):
        training_metrics(wrong)
    with pytest.raises(ConfigError, match="neither"):
        evaluation_metrics(wrong)


def test_what_is_no_number_is_refused():
    with pytest.raises(ConfigError, match="rollout/return_mean='high': a number or None"):
        training_metrics({"avg_reward": "high"})
    with pytest.raises(ConfigError, match="evaluation/success="):
        evaluation_metrics({"success": [1]})
