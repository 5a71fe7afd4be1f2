"""The knobs of a curriculum: its levers, reached through the run's one door."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from daf_nb.control import Knob
from daf_nb.curriculum import Change, CurriculumManager, levers
from daf_nb.curriculum.moving import movable
from daf_nb.curriculum.teacher import Teacher

__all__ = ["curriculum_knobs"]

_Lever = Callable[[Teacher, Any, str], list[Change]]


def curriculum_knobs(manager: CurriculumManager, owner: object = None) -> list[Knob]:
    """The knobs of a curriculum that has begun; one for the weight of every task.

    Args:
        manager: the curriculum.
        owner: who leases it, when the run does whose knobs these are.
    """
    teacher = manager.teacher
    chooser, names = teacher.chooser, [task.name for task in teacher.chooser.tasks]

    def knob(name: str, lever: _Lever, read: Callable[[], Any], **more: Any) -> Knob:
        def write(value: Any, by: str) -> None:
            manager.life.change_now(lambda teacher: lever(teacher, value, by))

        def refusal() -> str:
            return manager.life.refusal(owner) or refused()

        refused = more.pop("refusal", lambda: "")
        return Knob(name=f"curriculum.{name}", read=read, write=write, refusal=refusal, **more)

    return [
        knob(
            "difficulty",
            levers.set_difficulty,
            lambda: teacher.strategy.bound,
            kind="float",
            low=0.0,
            high=1.0,
            out_of_range="clip",
            step=0.05,
            refusal=partial(_unmoved, teacher),
            moves_itself=lambda: teacher.strategy.moves_itself and not teacher.hold,
            off="not a bound that can be moved",
            description="the bound that the strategy has come to",
        ),
        knob(
            "difficulty_bias",
            levers.set_bias,
            lambda: chooser.bias,
            kind="float",
            low=-1.0,
            high=1.0,
            out_of_range="clip",
            step=0.05,
            description="tilts what is played to easier (below 0) or harder",
        ),
        knob(
            "strategy",
            levers.set_strategy,
            lambda: teacher.name,
            kind="choice",
            choices=lambda: teacher.usable,
            description="how tasks are chosen",
        ),
        knob(
            "task",
            levers.set_focus,
            lambda: teacher.focus,
            kind="choice",
            choices=lambda: names,
            optional=True,
            off="all tasks",
            description="only this task is played",
        ),
        knob(
            "hold",
            levers.set_hold,
            lambda: teacher.hold,
            kind="bool",
            description="the strategy stands still",
        ),
        knob(
            "uniform_share",
            levers.set_uniform_share,
            lambda: chooser.uniform_share,
            kind="float",
            low=0.0,
            high=1.0,
            step=0.05,
            description="share of episodes drawn from all tasks alike",
        ),
        knob(
            "rehearsal",
            levers.set_rehearsal,
            lambda: chooser.rehearsal,
            kind="int",
            low=0,
            high=1_000_000,
            step=100,
            description="so many episodes to come of which half repeat earlier tasks",
        ),
        *(
            knob(
                f"weight[{name}]",
                partial(_weigh, name),
                partial(_weight, teacher, place),
                kind="float",
                low=0.0,
                high=1e9,
                step=0.1,
                description="factor of the task's share; 0 leaves it out",
            )
            for place, name in enumerate(names)
        ),
    ]


def _unmoved(teacher: Teacher) -> str:
    if movable(teacher.strategy):
        return ""
    return (
        f"strategy {teacher.name!r} has no bound that could be moved; "
        "curriculum.difficulty_bias tilts what it plays."
    )


def _weigh(task: str, teacher: Teacher, weight: float, by: str) -> list[Change]:
    return levers.set_weight(teacher, task, weight, by)


def _weight(teacher: Teacher, place: int) -> float:
    return float(teacher.chooser.weights[place])
