"""All tasks alike: what every curriculum has to beat."""

from __future__ import annotations

import numpy as np

from daf_nb.curriculum.strategy import Strategy, register_strategy

__all__ = ["Uniform"]


@register_strategy("uniform")
class Uniform(Strategy):
    """Plays all tasks alike, and learns nothing from outcomes."""

    def shares(self) -> np.ndarray:
        return np.ones(len(self.names))
