"""Pistonball with one conversion of the picture for all views.

PettingZoo crops each piston's view from the surface's own memory, pixel by pixel against the grain,
which is most of a step. Here the picture becomes an array once, by rows, and views are copied from
it; where nothing is drawn between resets, once per episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pygame

from daf_nb.envs.followed import follows

__all__ = ["Pistons"]


class Pistons:
    """One episode of pistonball.

    Args:
        raw: the innermost world, just reset; see `fits`.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._drawn = raw.render_mode is not None
        self._rows = slice(
            raw.wall_width, raw.screen_height - raw.wall_width - raw.piston_body_height
        )
        self._picture = self._converted()

    @staticmethod
    def fits(raw: Any) -> bool:
        """Whether this world, just reset, does nothing but what is followed here."""
        return raw.render_mode != "human" and follows("pistons", raw)

    def cycle(self, actions: Sequence[Any]) -> dict[str, float]:
        """Every piston moves in turn, and the ball with each of them.

        For all but the last, the world's step does nothing else that anybody reads: it clears the
        rewards and counts.

        Args:
            actions: one per piston, in order.

        Returns:
            agent -> reward.
        """
        raw = self._raw
        *first, last = actions
        for agent, action in zip(raw.agents, first, strict=False):
            action = np.asarray(action)
            speed = action[0] if raw.continuous else action - 1
            raw.move_piston(raw.pistonList[raw.agent_name_mapping[agent]], speed)
            raw.space.step(raw.dt)
            raw.agent_selection = raw._agent_selector.next()
        raw.step(last)
        if self._drawn:
            self._picture = self._converted()
        return dict(raw.rewards)

    def observe(self) -> dict[str, np.ndarray]:
        """Agent -> its view, uint8 [rows, three pistons' columns, 3]."""
        raw = self._raw
        views = {}
        for agent in raw.agents:
            left = raw.wall_width + raw.piston_width * (raw.agent_name_mapping[agent] - 1)
            views[agent] = self._picture[:, left : left + 3 * raw.piston_width].copy()
        return views

    def _converted(self) -> np.ndarray:
        screen = self._raw.screen
        content = np.frombuffer(pygame.image.tobytes(screen, "RGB"), np.uint8)
        width, height = screen.get_size()
        return content.reshape(height, width, 3)[self._rows]
