"""What is refused before anything can learn from it: impossible actions, and NaN or infinity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from daf_nb.envs.accounts import Standing
from daf_nb.envs.arrays import Arrays, RowEnd
from daf_nb.errors import ConfigError, TrainingEnvironmentError

__all__ = ["Guard", "per_copy"]


class Guard:
    """Looks at what goes into the worlds and what comes out of them.

    Args:
        arrays: what the worlds write.
        copies: copy -> what it plays, for messages.

    Attributes:
        limits: group -> int, one more than the greatest action, by copy and agent where it acts in
            a Discrete, by place of the action in a MultiDiscrete.
    """

    def __init__(self, arrays: Arrays, copies: Mapping[int, Standing]) -> None:
        self._arrays, self._copies = arrays, copies
        self._floats = [o for o in arrays.observations.values() if o.dtype.kind == "f"]
        self.limits: dict[str, np.ndarray] = {}
        for name, columns in arrays.groups.items():
            action = arrays.spaces[name].action
            if isinstance(action, spaces.Discrete):
                self.limits[name] = arrays.choices[:, columns]
            elif isinstance(action, spaces.MultiDiscrete):
                self.limits[name] = action.nvec

    def refuse_bad_actions(self, actions: Mapping[str, np.ndarray], copies: range) -> None:
        """Stops at an action of these copies that its agent, alive, does not have.

        Raises:
            ConfigError: there is one; copy, agent, action and what is allowed are named.
        """
        arrays, these = self._arrays, slice(copies.start, copies.stop)
        for name, whole in actions.items():
            part, alive = whole[these], arrays.alive[these, arrays.groups[name]]
            limit = self.limits.get(name)
            if limit is not None:
                limit = limit if limit.ndim == 1 else limit[these]
                bad = (part < 0) | (part >= limit)
                if part.dtype.kind not in "iu":
                    bad |= part != np.trunc(part)
            elif part.dtype.kind == "f":
                bad = ~np.isfinite(part)
            else:
                continue
            if bad.any():
                bad = bad.reshape(*alive.shape, -1).any(-1) & alive
                for c, a in np.argwhere(bad)[:1]:
                    self._say_bad(name, copies.start + c, a, part[c, a])

    def nonfinite(
        self,
        ends: Sequence[RowEnd],
        actions: Mapping[str, np.ndarray] | None,
        copies: range,
    ) -> tuple[int, TrainingEnvironmentError] | None:
        """The first NaN or infinity: its copy, and what to raise about it; or None.

        Args:
            ends: the rows that ended, with their final observations.
            actions: what was played, for messages; None at a reset.
            copies: those that are looked at.
        """
        arrays, these, first = self._arrays, slice(copies.start, copies.stop), copies.start
        rewards = arrays.rewards[these]
        final = [
            end for end in ends if end.observation is not None and end.observation.dtype.kind == "f"
        ]
        if (
            np.isfinite(rewards).all()
            and all(np.isfinite(block[these]).all() for block in self._floats)
            and all(np.isfinite(end.observation).all() for end in final)
        ):
            return None
        for c, column in np.argwhere(~np.isfinite(rewards)):
            value, at = float(rewards[c, column]), first + int(c)
            return at, self._nonfinite("reward", value, at, column, actions)
        for end in final:
            bad = np.asarray(end.observation)[~np.isfinite(end.observation)]
            if bad.size:
                column = arrays.column[end.agent]
                what = "final observation"
                return end.copy, self._nonfinite(what, bad[0], end.copy, column, actions)
        for name, block in arrays.observations.items():
            block = block[these]
            bad_rows = ~np.isfinite(block.reshape(*block.shape[:2], -1)).all(-1)
            for c, a in np.argwhere(bad_rows):
                value, at = block[c, a][~np.isfinite(block[c, a])][0], first + int(c)
                column = arrays.groups[name].start + a
                return at, self._nonfinite("observation", value, at, column, actions)
        return None

    def refuse_bad_start(self, at: int) -> None:
        """Stops at NaN or infinity in what a copy's episode begins with.

        Raises:
            TrainingEnvironmentError: there is one; it is named with its whereabouts.
        """
        for name, block in self._arrays.observations.items():
            if block.dtype.kind != "f" or np.isfinite(block[at]).all():
                continue
            place, *_ = np.argwhere(~np.isfinite(block[at]))[0]
            value = block[at, place][~np.isfinite(block[at, place])][0]
            column = self._arrays.groups[name].start + int(place)
            raise self._nonfinite("observation", value, at, column, None)

    def _say_bad(self, name: str, copy: int, place: int, action: np.ndarray) -> None:
        arrays, space = self._arrays, self._arrays.spaces[name].action
        column = arrays.groups[name].start + place
        what = f"copy {copy}, {arrays.agents[column]}: action {action!r} is not in"
        choices = int(arrays.choices[copy, column])
        if isinstance(space, spaces.Discrete) and choices <= action < space.n:
            raise ConfigError(
                f"{what} Discrete({choices}), all that {self._copies[copy].setting} has of the "
                f"{space}. What tasks do not have is forbidden by the action masks: train with "
                "algorithm='MaskablePPO', or choose by action_masks()."
            )
        raise ConfigError(f"{what} {space}.")

    def _nonfinite(
        self,
        what: str,
        value: float,
        copy: int,
        column: int,
        actions: Mapping[str, np.ndarray] | None,
    ) -> TrainingEnvironmentError:
        agent = self._arrays.agents[column]
        action = "at reset"
        for name, columns in self._arrays.groups.items():
            if actions is not None and columns.start <= column < columns.stop:
                action = f"after action {actions[name][copy, column - columns.start].tolist()!r}"
        state = self._copies[copy]
        bound = ", bound it with wrappers=('clip_reward_v0',)" if what == "reward" else ""
        return TrainingEnvironmentError(
            f"{what} of {agent} is {value} in copy {copy}, episode {state.number} (seed "
            f"{state.seed}), step {state.length}, {action}. Nothing was learned from it. Mend the "
            f"world{bound if np.isinf(value) else ''}, or leave such episodes out with "
            "RlConfig(on_failure='drop').",
            what=f"{what} of {agent} is {value}, {action}",
        )


def per_copy(actions: Mapping[str, np.ndarray], arrays: Arrays, copies: range) -> list[list[Any]]:
    """One list for each of these copies, an action per column: ints where scalar, else arrays."""
    rows: list[list[Any]] = [[] for _ in copies]
    for name in arrays.groups:
        part = actions[name][copies.start : copies.stop]
        if isinstance(arrays.spaces[name].action, (spaces.Discrete, spaces.MultiDiscrete)):
            part = part.astype(np.int64, copy=False)
        for row, chosen in zip(rows, part.tolist() if part.ndim == 2 else part, strict=True):
            row.extend(chosen)
    return rows
