"""Everything about a curriculum that may be changed while it is played: one function each.

Every lever takes the moving parts, a value and who asks; it checks the value, and returns what was
changed, which is nothing where the value was there already. What is refused changed nothing. Levers
are moved where the curriculum stands still: through `Lifetime.change`, which holds its lock. After
those that make it easier or harder, or repeat earlier tasks, stagnation is counted anew.
"""

from __future__ import annotations

from typing import Any

from daf_nb.curriculum.changes import Change, changed
from daf_nb.curriculum.moving import approach, movable
from daf_nb.curriculum.parameters import is_number
from daf_nb.curriculum.tasks import check_weight
from daf_nb.curriculum.teacher import Teacher
from daf_nb.errors import ConfigError, unknown_name

__all__ = [
    "MOST_REHEARSAL",
    "set_bias",
    "set_difficulty",
    "set_focus",
    "set_hold",
    "set_rehearsal",
    "set_strategy",
    "set_uniform_share",
    "set_weight",
]

MOST_REHEARSAL = 1_000_000
"""Episodes, the most that `set_rehearsal` takes."""

_DIFFICULTY = "curriculum.difficulty"
_ROUNDING = 1e-9


def set_difficulty(teacher: Teacher, difficulty: float, by: str) -> list[Change]:
    """Shifts the strategy's bound to `difficulty`, or as near as `Strategy.shift` goes.

    Within the strategy's limits; of lessons, one at least that way.

    Args:
        teacher: the moving parts.
        difficulty: in [0, 1].
        by: who asks.

    Returns:
        `curriculum.difficulty`, with the bound that it came to.

    Raises:
        ConfigError: a value outside of [0, 1], or the strategy has no bound that can be moved.
    """
    wanted = _number(_DIFFICULTY, difficulty, 0.0, 1.0)
    old = _bound(teacher)
    teacher.strategy.shift(wanted - old)
    # What rounding left of the way, so that setting the old value takes a change back exactly.
    if abs(wanted - _bound(teacher)) < _ROUNDING:
        approach(teacher.strategy, wanted)
    return _adapted(teacher, changed(_DIFFICULTY, old, _bound(teacher), by))


def set_bias(teacher: Teacher, bias: float, by: str) -> list[Change]:
    """Tilts what is drawn towards easy (-1) or hard (1) tasks: `curriculum.difficulty_bias`.

    Raises:
        ConfigError: a value outside of [-1, 1].
    """
    name = "curriculum.difficulty_bias"
    new = _number(name, bias, -1.0, 1.0)
    old, teacher.chooser.bias = teacher.chooser.bias, new
    return _adapted(teacher, changed(name, old, new, by))


def set_uniform_share(teacher: Teacher, share: float, by: str) -> list[Change]:
    """Draws this part of all episodes from all tasks alike: `curriculum.uniform_share`.

    Raises:
        ConfigError: a value outside of [0, 1].
    """
    name = "curriculum.uniform_share"
    new = _number(name, share, 0.0, 1.0)
    old, teacher.chooser.uniform_share = teacher.chooser.uniform_share, new
    return changed(name, old, new, by)


def set_rehearsal(teacher: Teacher, episodes: int, by: str) -> list[Change]:
    """Half of the next `episodes` episodes repeat earlier tasks: `curriculum.rehearsal`.

    Raises:
        ConfigError: no integer from 0 to `MOST_REHEARSAL`.
    """
    name = "curriculum.rehearsal"
    if not (is_number(episodes) and 0 <= episodes <= MOST_REHEARSAL and int(episodes) == episodes):
        raise ConfigError(
            f"{name}={episodes!r}: an integer from 0 to {MOST_REHEARSAL:,} is needed, the episodes "
            "of which half repeat earlier tasks."
        )
    old, teacher.chooser.rehearsal = teacher.chooser.rehearsal, int(episodes)
    return _adapted(teacher, changed(name, old, teacher.chooser.rehearsal, by))


def set_weight(teacher: Teacher, task: str, weight: float, by: str) -> list[Change]:
    """Wants more or less of a task; 0 leaves it out: `curriculum.weight[task]`.

    Raises:
        ConfigError: an unknown task, a weight outside of 0 to 1e9, or no task could be drawn any
            more.
    """
    place, new = _place(teacher, task), check_weight(task, weight)
    old = float(teacher.chooser.weights[place])
    teacher.chooser.roster.set_weight(place, new)
    return changed(f"curriculum.weight[{task}]", old, new, by)


def set_hold(teacher: Teacher, hold: bool, by: str) -> list[Change]:
    """Freezes what the strategy decides, or lets it learn again: `curriculum.hold`.

    `Teacher` says what stands still.

    Raises:
        ConfigError: neither True nor False.
    """
    if not isinstance(hold, bool):
        raise ConfigError(f"curriculum.hold={hold!r}: True or False is needed.")
    old, teacher.hold = teacher.hold, hold
    return changed("curriculum.hold", old, hold, by)


def set_focus(teacher: Teacher, task: str | None, by: str) -> list[Change]:
    """Draws only this task; None draws from all again: `curriculum.task`.

    Raises:
        ConfigError: an unknown task, or one of weight 0.
    """
    place = None if task is None else _place(teacher, task)
    old = teacher.focus
    teacher.chooser.roster.set_focus(place)
    return changed("curriculum.task", old, task, by)


def set_strategy(teacher: Teacher, strategy: str, by: str) -> list[Change]:
    """Lets another strategy choose, by `Teacher.switch`: `curriculum.strategy`.

    Raises:
        ConfigError: an unknown strategy, or one that refuses this curriculum.
    """
    old = teacher.name
    if strategy != old:
        teacher.switch(strategy)
    return changed("curriculum.strategy", old, teacher.name, by)


def _adapted(teacher: Teacher, changes: list[Change]) -> list[Change]:
    """Easier, harder, or earlier tasks again: what came before says nothing of it."""
    if changes:
        teacher.adapted()
    return changes


def _bound(teacher: Teacher) -> float:
    bound = teacher.strategy.bound
    if bound is None or not movable(teacher.strategy):
        raise ConfigError(
            f"strategy {teacher.name!r} has no bound that can be moved; change the difficulty bias "
            "(curriculum.difficulty_bias) instead."
        )
    return float(bound)


def _number(name: str, value: Any, low: float, high: float) -> float:
    if not (is_number(value) and low <= value <= high):
        raise ConfigError(f"{name}={value!r}: a number from {low:g} to {high:g} is needed.")
    return float(value)


def _place(teacher: Teacher, task: Any) -> int:
    names = teacher.strategy.names
    if task not in names:
        raise ConfigError(unknown_name("task", task, names))
    return names.index(task)
