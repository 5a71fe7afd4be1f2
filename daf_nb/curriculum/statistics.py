"""A curriculum in numbers: as a whole, and task by task."""

from __future__ import annotations

from typing import Any

import numpy as np

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.adapting import adaptation_asked
from daf_nb.curriculum.slices import wilson_interval
from daf_nb.curriculum.teacher import Teacher

__all__ = ["metrics", "statistics"]

_FEW = 32


def statistics(teacher: Teacher, config: CurriculumConfig) -> dict[str, Any]:
    """What `CurriculumManager.get_curriculum_stats` promises."""
    stagnant = teacher.stagnant()
    return {
        "name": config.name,
        "strategy": teacher.name,
        "num_custom_tasks": len(teacher.chooser.tasks),
        "episodes": teacher.episodes,
        "avg_performance": float(np.mean(teacher.recent)) if teacher.recent else None,
        "adaptation_needed": bool(adaptation_asked(teacher, config)) or stagnant is not None,
        "stagnation": stagnant,
        "difficulty": teacher.chooser.level,
        "difficulty_bias": teacher.chooser.bias,
        "uniform_share": teacher.chooser.uniform_share,
        "rehearsal": teacher.chooser.rehearsal,
        "hold": teacher.hold,
        "task": teacher.focus,
        "tasks": _by_task(teacher),
    }


def metrics(teacher: Teacher) -> dict[str, float]:
    """The curriculum's metrics: difficulty, success; shares and successes of up to 32 tasks."""
    values = {
        "curriculum/difficulty": teacher.chooser.level,
        "curriculum/episodes": float(teacher.episodes),
    }
    if teacher.recent:
        values["curriculum/success"] = float(np.mean(teacher.recent))
    tasks = teacher.chooser.tasks
    if len(tasks) <= _FEW:
        shares, success = teacher.chooser.shares.tolist(), teacher.ledger.success.tolist()
        for task, share, rate in zip(tasks, shares, success, strict=True):
            values[f"curriculum/share/{task.name}"] = share
            if rate == rate:
                values[f"curriculum/success/{task.name}"] = rate
    return values


def _by_task(teacher: Teacher) -> dict[str, dict[str, Any]]:
    chooser, ledger, roster = teacher.chooser, teacher.ledger, teacher.chooser.roster
    counts, success = ledger.counts, ledger.success
    low, high = wilson_interval(np.nan_to_num(success) * counts, counts)
    progress = None if teacher.tracker is None else teacher.tracker.shares()
    mastered, noisy, shares = ledger.mastered, ledger.noisy, chooser.shares
    flags = {
        "mastered": mastered,
        "noise suspected": noisy,
        "unplayed": ledger.episodes == 0,
        "left out": roster.weights == 0,
        "waiting": roster.waiting,
        "retired": roster.done & ~roster.active,
        "focus": roster.focused,
    }
    return {
        task.name: {
            "episodes": int(ledger.episodes[i]),
            "success": float(success[i]) if counts[i] else None,
            "interval": (float(low[i]), float(high[i])) if counts[i] else None,
            "learning_progress": None if progress is None else float(progress[i]),
            "share": float(shares[i]),
            "difficulty": task.difficulty,
            "weight": float(roster.weights[i]),
            "flags": [name for name, holds in flags.items() if holds[i]],
        }
        for i, task in enumerate(chooser.tasks)
    }
