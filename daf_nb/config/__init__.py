"""What a run is told: frozen models, checked when made, that go to JSON and back."""

from daf_nb.config.adaptive import RULE_SETS, AdaptiveConfig
from daf_nb.config.curriculum import CurriculumConfig
from daf_nb.config.lab_config import LabConfig
from daf_nb.config.manager import ConfigManager, lab
from daf_nb.config.project import project_root
from daf_nb.config.rules import Action, Rule
from daf_nb.config.settings import Settings
from daf_nb.config.training import RlConfig

__all__ = [
    "RULE_SETS",
    "Action",
    "AdaptiveConfig",
    "ConfigManager",
    "CurriculumConfig",
    "LabConfig",
    "RlConfig",
    "Rule",
    "Settings",
    "lab",
    "project_root",
]
