"""Pictures of a run for a notebook cell, by matplotlib."""

from daf_nb.notebook.plots.comparison import plot_comparison
from daf_nb.notebook.plots.curriculum import plot_curriculum
from daf_nb.notebook.plots.machine import plot_memory, plot_performance
from daf_nb.notebook.plots.metrics import plot_metrics
from daf_nb.notebook.plots.slices import plot_slices

__all__ = [
    "plot_comparison",
    "plot_curriculum",
    "plot_memory",
    "plot_metrics",
    "plot_performance",
    "plot_slices",
]
