"""What a trainer tells of itself: metrics, rates, memory, advice, and copies of its policies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.config import RlConfig
from daf_nb.curriculum import CurriculumManager
from daf_nb.envs import EnvDescription, World
from daf_nb.learn.advice import AdviceList
from daf_nb.learn.curriculum import CurriculumCourse
from daf_nb.learn.gate import Gate
from daf_nb.learn.memory import part_bytes
from daf_nb.learn.models import fingerprint
from daf_nb.learn.players import Players, players_of
from daf_nb.learn.progress import Progress

if TYPE_CHECKING:
    from daf_nb.learn.learner import Learner
    from daf_nb.learn.loop import TrainingLoop

__all__ = ["Readings"]


class Readings:
    """The part of a trainer that is asked and changes nothing; `RlTrainer` fills in the rest."""

    config: RlConfig
    world: World
    curriculum: CurriculumManager | None
    policies: dict[str, OnPolicyAlgorithm]
    progress: Progress
    gate: Gate
    _learner: Learner
    _loop: TrainingLoop
    _tasks: CurriculumCourse | None

    @property
    def description(self) -> EnvDescription | None:
        """What the pre-flight episode found; None before training began."""
        return self._loop.description

    @property
    def playing(self) -> bool:
        """Episodes of its own world are in progress, so that there is a state to be taken."""
        return self._learner.ground.playing and not self._loop.cut_short

    @property
    def hanging(self) -> str:
        """Where a world hangs now, in words; empty where none does."""
        hang = self._learner.ground.watch.hanging
        return "" if hang is None else f"{hang.where}: the world hangs"

    def get_training_metrics(self) -> dict[str, float]:
        """The newest value of every metric; those of the machine may be a few seconds old."""
        return dict(self.progress.metrics)

    def get_memory_usage(self) -> dict[str, int]:
        """Bytes that the parts take; while another thread trains, at its next boundary.

        Returns:
            `policy`: parameters, gradients and optimisers' state; `worlds`: the copies and what
            they are stepped into, and `curriculum`: at least, as what libraries in C hold cannot
            be seen; `buffers`: of rollouts; `process`: resident, all in all.
        """
        ask = self.gate.ask(lambda: part_bytes(self._learner, self.curriculum))
        return ask.result()

    def performance_advice(self) -> AdviceList:
        """What would be better for speed and memory now, by the rules of the set "machine".

        Nothing is changed; `AdaptiveConfig(rules="machine")` lets a controller act on them.
        """
        return self._loop.adviser.advice()

    def get_training_summary(self) -> dict[str, Any]:
        """The results so far, with updates, training seconds, rates, seed and fingerprint."""
        return {
            **self.progress.results(),
            "updates": self.progress.updates,
            "seconds": self.progress.elapsed,
            "timesteps_per_second": self.get_timesteps_per_second(),
            "seed": self.config.seed,
            "fingerprint": self.fingerprint(),
        }

    def get_episodes_per_second(self) -> float:
        """Finished episodes of whole copies per second of training."""
        return self.progress.rate(self.progress.episodes)

    def get_timesteps_per_second(self) -> float:
        """Live agent-steps per second of training."""
        return self.progress.rate(self.progress.step)

    def get_update_frequency(self) -> float:
        """Updates per second of training."""
        return self.progress.rate(self.progress.updates)

    def get_gradient_norm(self) -> float:
        """Mean norm of the newest update's gradients, the largest over groups.

        Before clipping; of A2C after it. NaN before the first update.
        """
        metrics = self.get_training_metrics()
        norms = [v for k, v in metrics.items() if k.endswith("/gradient_norm") and v == v]
        return max(norms, default=math.nan)

    def players(self) -> Players:
        """Copies of the policies, to play with; while another thread trains, at its next boundary.

        They are on the CPU, and stay as they are.
        """

        def taken() -> Players:
            return players_of(self._learner, self.world, self._tasks, step=self.progress.step)

        return self.gate.ask(taken).result()

    def fingerprint(self) -> str:
        """SHA-256 of every group's parameters in name order."""
        return fingerprint(self.policies)
