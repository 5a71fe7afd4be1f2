"""Live runs: the one place that puts world, trainer and record together."""

from daf_nb.session.launch import launch, train
from daf_nb.session.run import Run

__all__ = ["Run", "launch", "train"]
