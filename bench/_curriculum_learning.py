"""Sparse spread with every curriculum and with none: training, evaluation, table."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
from _common import table

from daf_nb import (
    AdaptiveConfig,
    AdaptiveController,
    CurriculumConfig,
    CurriculumManager,
    Linear,
    RlConfig,
    RlTrainer,
    Task,
    buckets,
)

WORLD = "daf_nb.envs.sparse_spread"
ALGORITHM_KWARGS = {
    "n_steps": 64,
    "n_epochs": 6,
    "learning_rate": 1e-3,
    "gamma": 0.95,
    "gae_lambda": 0.9,
    "ent_coef": 0.005,
}
POINTS, POINT_EPISODES, NEWEST = 10, 50, 1000
LEARNING_LEGEND = f"""
Success at difficulty 1, the world's own start, by sampled actions, in episodes that are the same
for all curricula of a seed. Over seeds: from 5 on a 95 % bootstrap interval of the mean, below that
the least and the greatest. "bound": the difficulty that the curriculum came to, where it has one;
"played": mean difficulty of the newest {NEWEST:,} episodes. Steps/s: without evaluations."""


class Arm(NamedTuple):
    """One of a comparison.

    fields: of the curriculum's config. tasks: makes its tasks. algorithm: other arguments of the
    algorithm than all have. rules: of an adaptive controller, where there is one.
    """

    fields: dict[str, Any]
    tasks: Callable[[], list[Task]]
    algorithm: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    rules: str | None = None


def one_task() -> list[Task]:
    """One task, of any difficulty."""
    return [Task("spread", (0.0, 1.0), config={"difficulty": Linear(0.0, 1.0)})]


def ten_tasks() -> list[Task]:
    """The same difficulties, cut into ten tasks."""
    return buckets("spread", count=10, config={"difficulty": Linear(0.0, 1.0)})


def _arm(tasks: Callable[[], list[Task]], strategy: str, **options: Any) -> Arm:
    return Arm({"strategy": strategy, "strategy_options": options}, tasks)


ARMS: dict[str, Arm | None] = {
    "none": None,
    "uniform": _arm(one_task, "uniform"),
    "linear point": _arm(one_task, "schedule", mode="point"),
    "linear expand": _arm(one_task, "schedule", mode="expand"),
    "adaptive": _arm(one_task, "adaptive"),
    "robbins_monro": _arm(one_task, "robbins_monro"),
    "alp_gmm": _arm(one_task, "alp_gmm"),
    "lessons": _arm(ten_tasks, "lessons"),
    "learnability": _arm(ten_tasks, "learnability"),
    "learnability top 3": _arm(ten_tasks, "learnability", top=3),
    "learning_progress": _arm(ten_tasks, "learning_progress"),
    "tscl": _arm(ten_tasks, "tscl"),
    "plr": _arm(ten_tasks, "plr"),
}


def learn(job: dict[str, Any], arm: Arm | None) -> dict[str, Any]:
    """Trains one policy with one curriculum, and evaluates it at difficulty 1."""
    manager, controller = None, None
    if arm is not None:
        manager = CurriculumManager(CurriculumConfig(**arm.fields))
        manager.add_tasks(arm.tasks())
        rng = np.random.default_rng()  # nothing is drawn
        targets = manager.book.targets([1.0] * len(manager.book))
        aims = [task.assign(rng, difficulty=task.high) for task in targets]
        assert [aim.config for aim in aims] == [{"difficulty": 1.0}], aims
    config: dict[str, Any] = {
        "total_timesteps": job["steps"],
        "num_envs": 32,
        "seed": job["seed"],
        "device": "cpu",
        "torch_threads": 1,
        "batch_size": 512,
        "algorithm_kwargs": ALGORITHM_KWARGS | (arm.algorithm if arm else {}),
        "evaluation_interval": max(1, job["steps"] // POINTS) if job["curve"] else None,
        "evaluation_episodes": POINT_EPISODES,
    }
    if arm is not None and arm.rules is not None:
        controller = AdaptiveController(AdaptiveConfig(rules=arm.rules))
    trainer = RlTrainer(
        RlConfig(**config), env=WORLD, curriculum_manager=manager, adaptive_controller=controller
    )
    curve: dict[int, float] = {}

    def point(event: Any) -> None:
        if event.kind == "evaluation":
            curve[event.step] = event.data["success"]

    trainer.subscribe(point)
    trainer.train()
    evaluation = trainer.evaluate_policy(episodes=job["episodes"])  # the last point of the curve
    trainer.close()
    return {
        "success": evaluation.success,
        "random": evaluation.random_mean_reward,  # the return is 1 at success, else 0
        "aimed_at": evaluation.tasks,
        "trained": trainer.progress.step,
        "seconds": trainer.progress.elapsed,
        "rate": trainer.get_timesteps_per_second(),
        "fingerprint": trainer.fingerprint(),
        "points": sorted(curve.items()),
        "journal": [entry.to_plain() for entry in trainer.controls.journal],
        **_came_to(manager),
    }


def _came_to(manager: CurriculumManager | None) -> dict[str, float | None]:
    """Where the curriculum's difficulty ended: its bound, and what was played last."""
    if manager is None:
        return {"bound": None, "played": 1.0}
    log = manager.teacher.log
    assert log is not None, "the default config keeps outcomes"
    newest = [values["difficulty"] for values, _ in log][-NEWEST:]
    return {"bound": manager.teacher.strategy.bound, "played": mean(newest)}


def learning_report(results: list[dict[str, Any]]) -> str:
    """One row per curriculum, the best first, and one for random actions in the same episodes."""
    chance = {r["seed"]: r["random"] for r in results}
    unlike = [r for r in results if r["random"] != chance[r["seed"]]]
    assert not unlike, f"judged in other episodes: {unlike}"
    rows = []
    for runs in ranked(results):
        bounds = [r["bound"] for r in runs if r["bound"] is not None]
        rows.append(
            [
                runs[0]["arm"],
                *_over_seeds([r["success"] for r in runs]),
                f"{mean(bounds):.2f}" if bounds else "",
                f"{mean(r['played'] for r in runs):.2f}",
                f"{mean(r['rate'] for r in runs):,.0f}",
            ]
        )
    rows.append(["random actions", *_over_seeds([chance[s] for s in sorted(chance)]), "", "", ""])
    interval = "95 % interval" if len(chance) >= _ENOUGH else "range"
    header = ["curriculum", "success", interval, "seed by seed", "bound", "played", "steps/s"]
    return table(header, rows)


_ENOUGH = 5
"""Seeds from which a bootstrap interval means something."""


def ranked(results: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The runs of each curriculum in order of seeds, the greatest mean success first."""
    arms = dict.fromkeys(r["arm"] for r in results)
    runs = [sorted((r for r in results if r["arm"] == a), key=lambda r: r["seed"]) for a in arms]
    return sorted(runs, key=lambda of: -mean(r["success"] for r in of))


def _over_seeds(values: list[float]) -> list[str]:
    from daf_nb.learn.evaluate import bootstrap_interval

    enough = len(values) >= _ENOUGH
    low, high = bootstrap_interval(values) if enough else (min(values), max(values))
    each = "  ".join(f"{value:.3f}" for value in values)
    return [f"{mean(values):.3f}", f"[{low:.3f}, {high:.3f}]", each]
