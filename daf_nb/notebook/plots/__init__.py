"""Pictures of a run for a notebook cell, by matplotlib."""

from daf_nb.notebook.plots.curriculum import plot_curriculum
from daf_nb.notebook.plots.slices import plot_slices

__all__ = ["plot_curriculum", "plot_slices"]
