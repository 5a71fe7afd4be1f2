"""Does an episode repeat? The pre-flight episode is played along on a second instance."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Mapping
from copy import copy
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

__all__ = ["Outcome", "Twin", "copied", "outcome"]

_SECONDS = 0.5
_AGAIN = 25
"""How many steps are played once more on the instance that has played them already."""

_ELSEWHERE = "on a second instance, with"
_LATER = "once the instance has played an episode before, with"

Outcome = dict[tuple[str, str], Any]
"""(agent, what) -> something to compare: names, flags, or the checksum of an array."""


def outcome(
    env: ParallelEnv,
    observations: Mapping[str, Any],
    rewards: Mapping[str, Any],
    terminations: Mapping[str, Any],
    truncations: Mapping[str, Any],
    infos: Mapping[str, Any],
) -> Outcome:
    """What a reset or a step brought, to be compared."""
    seen: Outcome = {("", "who acts"): tuple(env.agents)}
    for agent, observation in observations.items():
        parts = observation if isinstance(observation, Mapping) else {"": observation}
        info = infos.get(agent) or {}
        seen[agent, "observation"] = tuple(_checksum(part) for part in parts.values())
        if "action_mask" in info:
            seen[agent, "action mask"] = _checksum(info["action_mask"])
    for agent, reward in rewards.items():
        seen[agent, "reward"] = _checksum(reward)
        seen[agent, "end"] = bool(terminations.get(agent)), bool(truncations.get(agent))
    return seen


class Twin:
    """A second instance that is reset and stepped as the first, right after it.

    Step by step and not one episode after the other, since what instances share (the state of
    numpy.random, for example) shows only when they take turns, as copies in training do.

    Args:
        env: the second instance, fresh.

    Attributes:
        finding: where the two parted, and what that means; None where they did not.
    """

    def __init__(self, env: ParallelEnv) -> None:
        self.finding: str | None = None
        self._env = env
        self._spent, self._step = 0.0, 0
        self._log: list[tuple[dict[str, Any], Outcome]] = []
        self._states = _global_states()

    @property
    def playing(self) -> bool:
        """It goes on: nothing was found, and there is time."""
        return self.finding is None and self._spent < _SECONDS

    def reset(self, seed: int, first: Outcome) -> None:
        """Resets as the first instance was.

        Args:
            seed: the seed of both.
            first: what came of it there.
        """
        self._log = [({}, first)]
        self._compare(first, self._played(None, seed), _ELSEWHERE)

    def step(self, actions: Mapping[str, Any], first: Outcome) -> None:
        """Steps as the first instance did; arguments as in `reset`."""
        self._step += 1
        if len(self._log) <= _AGAIN:
            self._log.append((dict(actions), first))
        self._compare(first, self._played(actions, 0), _ELSEWHERE)

    def again(self, seed: int) -> None:
        """Plays the first steps once more on this instance, which has played them before."""
        for step, (actions, first) in enumerate(self._log):
            if self.finding is None and self._spent < 2 * _SECONDS:
                self._step = step
                second = self._played(actions if step else None, seed)
                self._compare(first, second, _LATER)

    def _played(self, actions: Mapping[str, Any] | None, seed: int) -> Outcome | Exception:
        began = time.perf_counter()
        try:
            if actions is not None:
                return outcome(self._env, *self._env.step(copied(actions)))
            observations, infos = self._env.reset(seed=seed)
            return outcome(self._env, observations, {}, {}, {}, infos)
        except Exception as error:
            return error
        finally:
            self._spent += time.perf_counter() - began

    def _compare(self, first: Outcome, second: Outcome | Exception, when: str) -> None:
        if isinstance(second, Exception):
            what = f"an error ({type(second).__name__}: {second})"
        else:
            keys = [key for key in first | second if first.get(key) != second.get(key)]
            if not keys:
                return
            agent, what = keys[0]
            what = f"{what} of {agent}" if agent else what
        self.finding = (
            f"{what} at step {self._step} is another {when} the same seed and actions: resuming "
            "and replaying will not be exact. Let reset start everything over, and draw from a "
            f"generator that it seeds.{self._cause()}"
        )

    def _cause(self) -> str:
        now = _global_states()
        drawn = [name for name, state in self._states.items() if now[name] != state]
        return f" Something draws from {' and '.join(drawn)}, which all share." if drawn else ""


def copied(actions: Mapping[str, Any]) -> dict[str, Any]:
    """Actions that a world may write into."""
    return {agent: copy(action) for agent, action in actions.items()}


def _checksum(value: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(value).tobytes())


def _global_states() -> dict[str, Any]:
    numpys: Any = np.random.get_state()  # noqa: NPY002 - to see whether a world draws from it
    return {"random": random.getstate(), "numpy.random": (numpys[1].tobytes(), *numpys[2:])}
