"""From a strategy to an assignment: shares, weights, active tasks, bias, rehearsal."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daf_nb.curriculum.state import capture, restore
from daf_nb.curriculum.strategy import Proposal, Strategy
from daf_nb.curriculum.tasks import Assignment, Task
from daf_nb.errors import ConfigError

__all__ = ["Chooser"]

_TILT = 4.0
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
        weights: float [K], factors of the shares; a task of weight 0 is not drawn.
        active: bool [K], tasks that may be drawn now.
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
        self.weights = np.array([task.weight for task in tasks], float)
        self.active = np.full(len(tasks), limit is None)
        self.done = np.zeros(len(tasks), bool)
        self.limit = limit
        self.rehearsal = 0
        self.drawn: deque[int] = deque(maxlen=window)
        self.levels: deque[float] = deque(maxlen=window)
        self._fill()

    @property
    def allowed(self) -> np.ndarray:
        """Bool [K]: active, and of a weight above 0.

        Raises:
            ConfigError: none is.
        """
        allowed = self.active & (self.weights > 0)
        if not allowed.any():
            raise ConfigError("no task can be drawn: every active task has weight 0.")
        return allowed

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
            index = self._pick(self.allowed.astype(float))
            return self._noted(self.tasks[index].assign(self.rng, index=index))
        return self._noted(self._proposed(proposal))

    def nearest(self, difficulty: float) -> int:
        """The hardest allowed task that is no harder than `difficulty`, else the easiest.

        Among equals, one by weight.
        """
        if len(self.tasks) == 1 and self.weights[0] > 0:
            return 0
        best = self.nearest_ones(difficulty)
        if np.count_nonzero(best) == 1:
            return int(best.argmax())
        return self._pick(self.weights * best)

    def nearest_ones(self, difficulty: float) -> np.ndarray:
        """Bool [K]: the tasks among which `nearest` picks."""
        low, high = self.strategy.low, self.strategy.high
        reach = np.where(low <= difficulty, np.minimum(high, difficulty), -1.0 - low)
        reach[~self.allowed] = -np.inf
        return reach == reach.max()

    def set_weight(self, place: int, weight: float) -> None:
        """Wants more or less of a task; one of weight 0 gives its place to the easiest that waits.

        Raises:
            ConfigError: no task could be drawn any more; nothing was changed.
        """
        before = self.weights.copy(), self.active.copy()
        self.weights[place] = weight
        if self.limit is not None and weight == 0:
            self.active[place] = False
        self._fill()
        try:
            _ = self.allowed
        except ConfigError:
            self.weights, self.active = before
            raise

    def rotate(self, mastered: np.ndarray) -> list[tuple[int, int]]:
        """Mastered active tasks give way to the easiest that wait; pairs of (left, came)."""
        moves = []
        waiting = self._waiting()
        for left in np.flatnonzero(mastered & self.active):
            if not waiting:
                break
            came = waiting.pop(0)
            self.active[left], self.done[left], self.active[came] = False, True, True
            moves.append((int(left), came))
        return moves

    def _waiting(self) -> list[int]:
        """Tasks that may become active, the easiest first."""
        order = np.argsort(self.strategy.difficulties, kind="stable")
        waits = ~self.active & ~self.done & (self.weights > 0)
        return order[waits[order]].tolist()

    def _fill(self) -> None:
        """The easiest tasks that wait take the places that are free."""
        if self.limit is not None:
            free = self.limit - np.count_nonzero(self.active)
            self.active[self._waiting()[: max(0, free)]] = True

    def _noted(self, assignment: Assignment) -> Assignment:
        self.drawn.append(assignment.index)
        self.levels.append(assignment.difficulty)
        return assignment

    def _shares(self) -> np.ndarray:
        allowed = self.allowed
        wanted = self._checked(self.strategy.shares()) * self.weights
        if not self.active.all():
            wanted *= self.active
        if self.bias:
            wanted *= np.exp(_TILT * self.bias * self.strategy.difficulties)
        total = wanted.sum()
        if not total > 0:
            return allowed / np.count_nonzero(allowed)
        wanted /= total
        wanted *= 1.0 - self.uniform_share
        if self.uniform_share:
            wanted += allowed * (self.uniform_share / np.count_nonzero(allowed))
        return wanted

    def _checked(self, shares: np.ndarray) -> np.ndarray:
        shares = np.asarray(shares)
        if shares.shape != self.weights.shape or not 0 <= shares.min() <= shares.max() < np.inf:
            raise ConfigError(
                f"{type(self.strategy).__name__}.shares: {len(self.tasks)} finite numbers of 0 or "
                f"more are needed, one per task; {shares} came."
            )
        return shares

    def _pick(self, weights: np.ndarray) -> int:
        steps = weights.cumsum()
        return int(steps.searchsorted(self.rng.random() * steps[-1], side="right"))

    def _proposed(self, proposal: Proposal) -> Assignment:
        if proposal.point is not None:
            _ = self.allowed
            return self.tasks[0].assign(self.rng, point=proposal.point, probe=proposal.probe)
        assert proposal.difficulty is not None, "a proposal has a point or a difficulty"
        difficulty = proposal.difficulty
        if self.bias and not proposal.probe:
            difficulty = min(1.0, max(0.0, difficulty + self.bias))
        index = self.nearest(difficulty)
        return self.tasks[index].assign(
            self.rng, index=index, difficulty=difficulty, probe=proposal.probe
        )

    def _rehearse(self, seen: np.ndarray) -> Assignment:
        """An earlier task: played before, and easier than the bound or the mean of the shares."""
        bound = self.level
        earlier = (seen > 0) & (self.weights > 0) & (self.strategy.low < bound)
        if not earlier.any():
            earlier = self.allowed
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
        return capture(self, leave=_LEFT)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore(self, state, leave=_LEFT)


_LEFT = frozenset({"tasks", "strategy"})
