"""What a trainer returns, as the metrics that rules follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daf_nb.errors import ConfigError

__all__ = ["evaluation_metrics", "training_metrics"]


def training_metrics(results: Mapping[str, Any]) -> dict[str, float]:
    """The results of a training as metrics; None, for what is not known, is left out.

    Args:
        results: `avg_reward` becomes `rollout/return_mean`; `completion_rate` `rollout/success` and
            `rollout/success_rate`; `task_performance` `curriculum/success/<task>` where success is
            known, else `rollout/task/<task>/return_mean`.

    Raises:
        ConfigError: none of them is there, or one is no number.
    """
    asked = ("avg_reward", "completion_rate", "task_performance")
    if not (isinstance(results, Mapping) and any(name in results for name in asked)):
        raise ConfigError(f"results={results!r}: a dict with {', '.join(asked)} is needed.")
    success = results.get("completion_rate")
    metrics = {
        "rollout/return_mean": results.get("avg_reward"),
        "rollout/success": success,
        "rollout/success_rate": success,
    }
    for task, score in (results.get("task_performance") or {}).items():
        by_return = f"rollout/task/{task}/return_mean"
        metrics[by_return if success is None else f"curriculum/success/{task}"] = score
    return _numbers(metrics)


def evaluation_metrics(evaluation: Any) -> dict[str, float]:
    """An evaluation as metrics: `evaluation/success` and `evaluation/return_mean`.

    Args:
        evaluation: anything with ["success"] or ["mean_reward"].

    Raises:
        ConfigError: it has neither, or one is no number.
    """
    names = {"success": "evaluation/success", "mean_reward": "evaluation/return_mean"}
    metrics = {}
    for name, metric in names.items():
        try:
            metrics[metric] = evaluation[name]
        except (KeyError, TypeError, IndexError):
            continue
    if not metrics:
        raise ConfigError(f'{evaluation!r} has neither ["success"] nor ["mean_reward"].')
    return _numbers(metrics)


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    numbers = {}
    for name, value in metrics.items():
        if value is None:
            continue
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError):
            raise ConfigError(f"{name}={value!r}: a number or None is needed.") from None
    return numbers
