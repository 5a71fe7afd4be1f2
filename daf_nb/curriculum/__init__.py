"""Which task a copy plays next, and how well each is played."""

from daf_nb.curriculum.assignments import Assignment
from daf_nb.curriculum.changes import Change
from daf_nb.curriculum.goals import Goals
from daf_nb.curriculum.manager import CurriculumManager
from daf_nb.curriculum.parameters import Choice, Integers, Linear, Uniform
from daf_nb.curriculum.slices import Slices
from daf_nb.curriculum.strategy import Outcome, Proposal, Strategy, register_strategy
from daf_nb.curriculum.task_lists import buckets, grid
from daf_nb.curriculum.tasks import Task

__all__ = [
    "Assignment",
    "Change",
    "Choice",
    "CurriculumManager",
    "Goals",
    "Integers",
    "Linear",
    "Outcome",
    "Proposal",
    "Slices",
    "Strategy",
    "Task",
    "Uniform",
    "buckets",
    "grid",
    "register_strategy",
]
