"""Runs beside each other: curves, scores with intervals, and what was told to them."""

from daf_nb.record.comparing.comparison import Comparison
from daf_nb.record.comparing.verb import compare

__all__ = ["Comparison", "compare"]
