"""From a strategy to an assignment: shares or proposals, bias, rehearsal."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daf_nb.curriculum.assignments import Assignment
from daf_nb.curriculum.roster import Roster
from daf_nb.curriculum.shares import final_shares
from daf_nb.curriculum.state import capture, restore
from daf_nb.curriculum.strategy import Proposal, Strategy
from daf_nb.curriculum.tasks import Task
from daf_nb.errors import ConfigError

__all__ = ["Chooser"]

_MIXED = 0.5


class Chooser:
    """Draws what is played next.

    Args:
        tasks: the curriculum's tasks.
        strategy: proposes, or gives shares.
        rng: source of the draws.
        uniform_share: u; None takes the strategy's own.
        limit: tasks that are active at a time; None for all.
        window: how many draws `drawn` remembers.

    Attributes:
        uniform_share: u in [0, 1]: final shares are (1 - u) P + u / K over the allowed tasks.
        bias: difficulty bias in [-1, 1]. It tilts shares by e^(4 bias d), and is added to the
            difficulty that is proposed, other than for probes.
        roster: the tasks that may be drawn.
        rehearsal: episodes of which half repeat earlier tasks.
        drawn, levels: places and difficulties of the newest tasks drawn.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        strategy: Strategy,
        rng: np.random.Generator,
        *,
        uniform_share: float | None = None,
        limit: int | None = None,
        window: int = 100,
    ) -> None:
        self.tasks = list(tasks)
        self.strategy = strategy
        self.rng = rng
        self.uniform_share = strategy.uniform_share if uniform_share is None else uniform_share
        self.bias = 0.0
        self.roster = Roster(tasks, limit=limit)
        self.rehearsal = 0
        self.drawn: deque[int] = deque(maxlen=window)
        self.levels: deque[float] = deque(maxlen=window)

    @property
    def weights(self) -> np.ndarray:
        """Float [K], the tasks' weights, of the roster."""
        return self.roster.weights

    @property
    def focus(self) -> int | None:
        """The place of the only task that is drawn, of the roster; None for no such task."""
        return self.roster.focus

    @property
    def shares(self) -> np.ndarray:
        """Float [K]: the probability of each task now.

        For strategies that propose, which have no shares, the newest draws' frequencies.
        """
        try:
            return self._shares()
        except NotImplementedError:
            counts = np.bincount(list(self.drawn), minlength=len(self.tasks))
            return counts / max(1, len(self.drawn))

    def choose(self, seen: np.ndarray) -> Assignment:
        """The next assignment.

        Args:
            seen: int [K], episodes played of each task; rehearsal repeats these.
        """
        if self.rehearsal > 0:
            self.rehearsal -= 1
            if self.rng.random() < _MIXED:
                return self._noted(self._rehearse(seen))
        proposal = self.strategy.propose()
        if proposal is None:
            index = self._pick(self._shares())
            return self._noted(self.tasks[index].assign(self.rng, index=index))
        if self.uniform_share and self.rng.random() < self.uniform_share:
            index = self._pick(self.roster.allowed.astype(float))
            return self._noted(self.tasks[index].assign(self.rng, index=index))
        return self._noted(self._proposed(proposal))

    def nearest(self, difficulty: float) -> int:
        """The task in focus; else the hardest due that is no harder than `difficulty`.

        Where all are harder, the easiest; among equals, one by weight.
        """
        if self.focus is not None:
            return self.focus
        if len(self.tasks) == 1 and self.weights[0] > 0:
            return 0
        best = self.nearest_ones(difficulty)
        if np.count_nonzero(best) == 1:
            return int(best.argmax())
        return self._pick(self.weights * best)

    def nearest_ones(self, difficulty: float) -> np.ndarray:
        """Bool [K]: the tasks among which `nearest` picks, where none is in focus."""
        low, high = self.strategy.low, self.strategy.high
        reach = np.where(low <= difficulty, np.minimum(high, difficulty), -1.0 - low)
        reach[~self.roster.due] = -np.inf
        return reach == reach.max()

    def _noted(self, assignment: Assignment) -> Assignment:
        self.drawn.append(assignment.index)
        self.levels.append(assignment.difficulty)
        return assignment

    def _shares(self) -> np.ndarray:
        allowed = self.roster.allowed
        if self.focus is not None:
            return allowed.astype(float)
        return final_shares(
            self.strategy,
            weights=self.weights,
            allowed=allowed,
            bias=self.bias,
            uniform_share=self.uniform_share,
        )

    def _pick(self, weights: np.ndarray) -> int:
        steps = weights.cumsum()
        return int(steps.searchsorted(self.rng.random() * steps[-1], side="right"))

    def _proposed(self, proposal: Proposal) -> Assignment:
        if proposal.point is not None:
            _ = self.roster.allowed
            return self.tasks[0].assign(self.rng, point=proposal.point, probe=proposal.probe)
        assert proposal.difficulty is not None, "a proposal has a point or a difficulty"
        difficulty = proposal.difficulty
        if self.bias and not proposal.probe:
            difficulty = min(1.0, max(0.0, difficulty + self.bias))
        index = self.nearest(difficulty)
        # What is played in focus tells of the bound only where the bound would have played it.
        if proposal.probe and self.focus is not None:
            probe = bool(self.nearest_ones(difficulty)[index])
        else:
            probe = proposal.probe
        return self.tasks[index].assign(self.rng, index=index, difficulty=difficulty, probe=probe)

    def _rehearse(self, seen: np.ndarray) -> Assignment:
        """An earlier task: played before, and easier than the bound or the mean of the shares."""
        bound = self.level
        earlier = (seen > 0) & (self.weights > 0) & (self.strategy.low < bound)
        if self.focus is not None or not earlier.any():
            earlier = self.roster.allowed
        index = self._pick(earlier.astype(float))
        task = self.tasks[index]
        top = min(task.high, max(task.low, bound))
        return task.assign(self.rng, index=index, difficulty=float(self.rng.uniform(task.low, top)))

    @property
    def level(self) -> float:
        """The difficulty that the curriculum has come to.

        The bound; else the mean by shares; else, where a strategy proposes and has neither, the
        mean of the newest draws.
        """
        bound = self.strategy.bound
        if bound is not None:
            return bound
        try:
            return float(self._shares() @ self.strategy.difficulties)
        except NotImplementedError:
            return sum(self.levels) / len(self.levels) if self.levels else 0.0

    def state_dict(self) -> dict[str, Any]:
        return {**capture(self, leave=_LEFT), "roster": self.roster.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        roster = state.get("roster") if isinstance(state, Mapping) else None
        if roster is None:
            raise ConfigError("the state is not one of Chooser: its roster is missing.")
        self.roster.load_state_dict(roster)
        own = {name: value for name, value in state.items() if name != "roster"}
        restore(self, own, leave=_LEFT)


_LEFT = frozenset({"tasks", "strategy", "roster"})
