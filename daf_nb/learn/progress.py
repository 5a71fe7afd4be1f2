"""A trainer's running account: steps, episodes, rates, and the newest numbers of each update."""

from __future__ import annotations

import math
import time
from collections import deque

import numpy as np

from daf_nb.learn.collect import Rollout
from daf_nb.learn.learner import Cycle

__all__ = ["Progress"]

_WINDOW = 100
"""Episodes that "recent" means."""
_FEW = 32
"""Tasks that have series of their own."""


class Progress:
    """Counts what has been trained; all rates are over the training time, pauses excluded.

    Attributes:
        step: live agent-steps.
        episodes: finished episodes, whole copies counted once.
        updates: rollout-and-update cycles.
        dropped: episodes that their worlds broke, and that were left out.
        seconds: training time.
        metrics: the newest value of every metric.
    """

    def __init__(self) -> None:
        self.step = self.episodes = self.updates = self.dropped = 0
        self.seconds = 0.0
        self.metrics: dict[str, float] = {}
        self.best = -math.inf
        self._returns: deque[float] = deque(maxlen=_WINDOW)
        self._successes: deque[float] = deque(maxlen=_WINDOW)
        self._tasks: dict[str, deque[float]] = {}
        self._started: float | None = None

    def start(self) -> None:
        """Training time runs."""
        if self._started is None:
            self._started = time.perf_counter()

    def hold(self) -> None:
        """Training time stands still: a pause, an evaluation, the end."""
        if self._started is not None:
            self.seconds += time.perf_counter() - self._started
            self._started = None

    @property
    def elapsed(self) -> float:
        """Training seconds until now."""
        started = self._started  # once, as the training thread may hold meanwhile
        return self.seconds + (0.0 if started is None else time.perf_counter() - started)

    def rate(self, count: int) -> float:
        """`count` per second of training; 0 before any."""
        return count / self.elapsed if self.elapsed > 0 else 0.0

    def add(self, cycle: Cycle, *, task: str) -> dict[str, float]:
        """Takes in one cycle, its episodes credited to their tasks, else to `task`; its metrics."""
        rollout, seconds = cycle.rollout, cycle.rollout_seconds + cycle.update_seconds
        steps = sum(rollout.steps.values())
        self.step += steps
        self.updates += bool(cycle.stats)
        metrics = self._episode_metrics(rollout, task) | {
            "time/agent_steps_per_second": steps / seconds,
            "time/episodes_per_second": len(rollout.episodes) / seconds,
            "time/updates_per_second": bool(cycle.stats) / seconds,
            "time/rollout_seconds": cycle.rollout_seconds,
            "time/update_seconds": cycle.update_seconds,
            "time/update_share": cycle.update_seconds / seconds,
        }
        several = len(rollout.ends) > 1
        for group, values in cycle.stats.items():
            prefix = f"train/{group}" if several else "train"
            metrics |= {f"{prefix}/{name}": value for name, value in values.items()}
        for group, ends in rollout.ends.items() if several else ():
            if ends:
                mean = float(np.mean([end.episode_return for end in ends]))
                metrics[f"rollout/{group}/return_mean"] = mean
        self.metrics.update(metrics)
        return metrics

    def _episode_metrics(self, rollout: Rollout, task: str) -> dict[str, float]:
        episodes = rollout.episodes
        self.episodes += len(episodes)
        self.dropped += len(rollout.drops)
        metrics: dict[str, float] = {"rollout/episodes": float(self.episodes)}
        if self.dropped:
            metrics["rollout/dropped"] = float(self.dropped)
        if not episodes:
            return metrics
        returns = [episode.mean_return for episode in episodes]
        self._returns.extend(returns)
        self.best = max(self.best, *returns)
        scores = [score for score in rollout.scores if score is not None]
        self._successes.extend(scores)
        if scores:
            metrics["rollout/success"] = float(np.mean(scores))
            metrics["rollout/success_rate"] = float(np.mean(self._successes))
        by_task: dict[str, list[float]] = {}
        for episode, score, earned in zip(episodes, rollout.scores, returns, strict=True):
            name = episode.task or task
            played = self._tasks.setdefault(name, deque(maxlen=_WINDOW))
            played.append(earned if score is None else score)
            by_task.setdefault(name, []).append(earned)
        if 1 < len(self._tasks) <= _FEW:
            for name, earned in by_task.items():
                metrics[f"rollout/task/{name}/return_mean"] = float(np.mean(earned))
        return metrics | {
            "rollout/return_mean": float(np.mean(returns)),
            "rollout/return_std": float(np.std(returns)),
            "rollout/return_min": min(returns),
            "rollout/return_max": max(returns),
            "rollout/length_mean": float(np.mean([episode.length for episode in episodes])),
        }

    def results(self) -> dict[str, object]:
        """The guide's keys. Averages are over the last 100 episodes.

        `avg_reward` and `best_reward` are returns per agent (None before an episode has ended),
        `completion_rate` is mean success (None where success is not defined), `task_performance` is
        mean success, else mean return, by task.
        """
        return {
            "episodes": self.episodes,
            "timesteps": self.step,
            "avg_reward": float(np.mean(self._returns)) if self._returns else None,
            "best_reward": self.best if self._returns else None,
            "completion_rate": float(np.mean(self._successes)) if self._successes else None,
            "task_performance": {
                task: float(np.mean(scores)) for task, scores in list(self._tasks.items()) if scores
            },
        }
