"""The live view of a run: one panel for each concern, and one that holds them all."""

from daf_nb.notebook.panels.adaptive import AdaptivePanel
from daf_nb.notebook.panels.controls import ControlsPanel
from daf_nb.notebook.panels.curriculum import CurriculumPanel
from daf_nb.notebook.panels.run import RunPanel
from daf_nb.notebook.panels.training import TrainingPanel

__all__ = ["AdaptivePanel", "ControlsPanel", "CurriculumPanel", "RunPanel", "TrainingPanel"]
