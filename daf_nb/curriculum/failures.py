"""What a curriculum does where it fails: it stagnates, or one of its tasks cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from daf_nb.config import CurriculumConfig
from daf_nb.curriculum.adapting import adapt
from daf_nb.curriculum.changes import Change
from daf_nb.curriculum.levers import set_weight
from daf_nb.curriculum.lifetime import Lifetime
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import ConfigError, CurriculumStagnationError, TaskGenerationError

__all__ = ["answer_stagnation", "leave_out"]


def answer_stagnation(life: Lifetime, config: CurriculumConfig) -> list[Change]:
    """Looks for stagnation, and answers it as `on_failure` says.

    Raises:
        CurriculumStagnationError: it was found, and `on_failure` is "raise" or can change nothing
            more.
    """
    with life.look() as teacher:
        found = teacher.stagnant()
    if found is None:
        return []
    answer = config.on_failure
    if answer == "raise":
        raise CurriculumStagnationError(
            f"curriculum {config.name!r} stagnates: {found}. Try "
            "adapt_curriculum('reduce_difficulty') or 'rehearse', easier tasks, or "
            "on_failure='reduce_difficulty', which does so by itself."
        )
    by = f"stagnation: {found}"
    changes = _by_itself(life, lambda teacher: adapt(teacher, config, answer, by))
    if not changes:
        raise CurriculumStagnationError(
            f"curriculum {config.name!r} stagnates: {found}, and on_failure={answer!r} can change "
            "nothing more. Add easier tasks, or look at success and reward."
        )
    return changes


def leave_out(
    life: Lifetime, config: CurriculumConfig, error: TaskGenerationError, task: str
) -> list[Change]:
    """Answers a task that cannot be made as `on_failure` says.

    Raises:
        TaskGenerationError: `on_failure` is "raise", or no other task can be drawn.
    """
    if config.on_failure == "raise":
        raise error
    by = f"task generation: {error}"
    try:
        return _by_itself(life, lambda teacher: set_weight(teacher, task, 0.0, by))
    except ConfigError:
        raise error from None


def _by_itself(life: Lifetime, work: Callable[[Teacher], list[Change]]) -> list[Change]:
    return life.change_now(lambda teacher: [replace(one, own=True) for one in work(teacher)])
