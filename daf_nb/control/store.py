"""What a controller writes into the record of its run, besides what the run records by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from daf_nb.control.results import evaluation_metrics
from daf_nb.control.steering import Steering
from daf_nb.errors import ConfigError

__all__ = ["Store"]


class Store:
    """The way from a controller to the record of the run that it steers, and to its observers.

    Every method raises AdaptiveControllerError where no run is attached.
    """

    def __init__(self, steering: Steering) -> None:
        self._steering = steering

    def log_metrics(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """Records metrics at the run's present agent-step.

        Args:
            metrics: mappings in it are followed: `{"system": {"cpu_share": .5}}` is the metric
                `system/cpu_share`. What is no number is kept in the run's event, not as a metric.

        Returns:
            The metrics, flat.

        Raises:
            ConfigError: no mapping, or no number in it.
        """
        host = self._steering.attached("store.log_metrics")
        if not isinstance(metrics, Mapping):
            raise ConfigError(f"metrics={metrics!r}: a mapping of names to numbers is needed.")
        flat = dict(_numbers("", metrics))
        if not flat:
            raise ConfigError(f"no number is in {metrics!r}; nothing was logged.")
        host.tell("logged", {"metrics": flat, "data": dict(metrics)})
        return flat

    def log_evaluation_results(self, evaluation: Any) -> dict[str, float]:
        """Records an evaluation as `evaluation/return_mean` and `evaluation/success`; returns both.

        Args:
            evaluation: anything with ["mean_reward"] or ["success"].

        Raises:
            ConfigError: it has neither.
        """
        return self.log_metrics(evaluation_metrics(evaluation))


def _numbers(prefix: str, metrics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in metrics.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _numbers(f"{name}/", value)
        elif isinstance(value, (int, float)) or _one_of_numpy(value):
            yield name, float(value)


def _one_of_numpy(value: Any) -> bool:
    return hasattr(value, "dtype") and getattr(value, "ndim", None) == 0
