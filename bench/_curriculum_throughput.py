"""What a curriculum costs in throughput: training with one that changes nothing, and without."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from _common import table

from daf_nb import CurriculumConfig, CurriculumManager, RlConfig, RlTrainer, Task

WORLD, ENV_KWARGS, SUCCESS = "mpe2.simple_spread_v3", {"N": 3}, (-60.0, 0.0)
COPIES, N_STEPS, BATCH, EPOCHS = 8, 128, 512, 4
THROUGHPUT_LEGEND = f"""
simple_spread, N=3: PPO, {COPIES} copies, n_steps {N_STEPS}, batch {BATCH}, {EPOCHS} epochs. "vs
none": over the rate without a curriculum, by round, median and range. "course": microseconds per
episode that it takes to draw tasks, take in outcomes, and make metrics; "share": how much more that
is than without a curriculum, as a part of all that an episode takes, rollout and update."""

TASKS: dict[str, list[Task]] = {
    "none": [],
    "adaptive": [Task("spread", (0.0, 1.0))],
    "learnability": [Task(f"spread {number}", number / 9) for number in range(10)],
}
"""Arm -> tasks, none of which changes anything: all arms train on the same episodes."""


class Stretch:
    """A trainer that goes on for some cycles at a time, with a clock around its course."""

    def __init__(self, arm: str) -> None:
        fields: dict[str, Any] = {
            "total_timesteps": 10**9,  # the listener below ends it
            "num_envs": COPIES,
            "seed": 0,
            "device": "cpu",
            "torch_threads": 1,
            "batch_size": BATCH,
            "algorithm_kwargs": {"n_steps": N_STEPS, "n_epochs": EPOCHS},
        }
        manager = None
        if TASKS[arm]:
            manager = CurriculumManager(CurriculumConfig(strategy=arm))
            manager.add_tasks(TASKS[arm])
        self.trainer = RlTrainer(
            RlConfig(**fields),
            env=WORLD,
            env_kwargs=ENV_KWARGS,
            success=SUCCESS,
            curriculum_manager=manager,
        )
        self.rollout = N_STEPS * sum(model.n_envs for model in self.trainer.policies.values())
        self.seconds, self._last = 0.0, 0
        course = self.trainer._learner.ground.course
        for name in ("next", "finished", "boundary", "metrics"):
            if hasattr(course, name):
                setattr(course, name, self._timed(getattr(course, name)))
        self.trainer.subscribe(self._listen)

    def go_on(self, steps: int) -> dict[str, float]:
        """Trains for at least so many agent-steps; rates and times of this stretch alone."""
        progress = self.trainer.progress
        self._last = progress.updates + math.ceil(steps / self.rollout)
        before = progress.step, progress.episodes, progress.elapsed, self.seconds
        self.trainer.train()
        after = progress.step, progress.episodes, progress.elapsed, self.seconds
        trained, episodes, seconds, course = (b - a for a, b in zip(before, after, strict=True))
        return {
            "rate": trained / seconds,
            "episode_us": seconds / episodes * 1e6,
            "course_us": course / episodes * 1e6,
        }

    def _listen(self, event: Any) -> None:
        if event.kind == "metrics" and self.trainer.progress.updates >= self._last:
            self.trainer.gate.stop()

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*args)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def throughput(*, rounds: int, steps: int) -> list[dict[str, Any]]:
    """Every arm once a round, in an order that turns round; the first round is not kept."""
    arms = {arm: Stretch(arm) for arm in TASKS}
    results = []
    for turn in range(rounds + 1):
        for arm in list(arms)[:: -1 if turn % 2 else 1]:
            measured = arms[arm].go_on(steps)
            if turn:
                results.append({"arm": arm, "round": turn, **measured})
        print(f"throughput, round {turn} of {rounds}: done", file=sys.stderr, flush=True)
    prints = {stretch.trainer.fingerprint() for stretch in arms.values()}
    assert len(prints) == 1, "the arms did not train on the same episodes"
    for stretch in arms.values():
        stretch.trainer.close()
    return results


def throughput_report(results: list[dict[str, Any]]) -> str:
    """Medians over rounds; ratios are formed within rounds."""

    def column(arm: str, key: str) -> list[float]:
        return [r[key] for r in results if r["arm"] == arm]

    rows = []
    for arm in TASKS:
        rates, course = column(arm, "rate"), median(column(arm, "course_us"))
        ratios = [a / b for a, b in zip(rates, column("none", "rate"), strict=True)]
        more = course - median(column("none", "course_us"))
        whole = median(column("none", "episode_us"))
        rows.append(
            [
                arm,
                f"{median(rates):,.0f}",
                f"{median(ratios):.3f} [{min(ratios):.3f}, {max(ratios):.3f}]",
                f"{course:.1f}",
                f"{more / whole:.2%}" if arm != "none" else "",
            ]
        )
    return table(["curriculum", "agent-steps/s", "vs none", "course", "share"], rows)
