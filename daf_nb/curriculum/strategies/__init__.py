"""daf_nb's own strategies, one a file; importing this makes them known by their names."""

from daf_nb.curriculum.strategies.adaptive import Adaptive
from daf_nb.curriculum.strategies.alp_gmm import AlpGmm
from daf_nb.curriculum.strategies.fixed import Fixed
from daf_nb.curriculum.strategies.learnability import Learnability
from daf_nb.curriculum.strategies.learning_progress import LearningProgress, reweight
from daf_nb.curriculum.strategies.lessons import Lessons
from daf_nb.curriculum.strategies.plr import Plr, merge_parts
from daf_nb.curriculum.strategies.robbins_monro import RobbinsMonro
from daf_nb.curriculum.strategies.schedule import SCHEDULES, Schedule, schedule_value
from daf_nb.curriculum.strategies.tscl import Tscl
from daf_nb.curriculum.strategies.uniform import Uniform

__all__ = [
    "SCHEDULES",
    "Adaptive",
    "AlpGmm",
    "Fixed",
    "Learnability",
    "LearningProgress",
    "Lessons",
    "Plr",
    "RobbinsMonro",
    "Schedule",
    "Tscl",
    "Uniform",
    "merge_parts",
    "reweight",
    "schedule_value",
]
