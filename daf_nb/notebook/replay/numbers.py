"""The numbers of an episode: rewards, ends, actions and opinions, step by step as it is played."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from daf_nb.envs import Step, Tape
from daf_nb.notebook.replay.values import Opinion
from daf_nb.notebook.state import one_line

__all__ = ["Numbers"]

_MOST_BARS = 24
"""Actions whose chances are told one by one."""
_MOST_PARTS = 6
"""Numbers of an action that are written out."""
_POINTS = 160
"""Points of a curve."""


class Numbers:
    """What is known of the steps of a tape, from the reset to the newest that was played.

    Args:
        tape: whose steps they are.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._totals = [np.zeros(len(tape.agents))]
        self._rewards = [np.full(len(tape.agents), np.nan)]
        self._opinions: list[Mapping[str, Opinion]] = []
        self._ends: dict[str, tuple[int, str]] = {}
        self._actions = {agent: tape.given(agent) for agent in tape.agents}

    @property
    def tape(self) -> Tape:
        """Whose steps they are."""
        return self._tape

    @property
    def agents(self) -> list[str]:
        """The agents' names as they are shown, in the order of rows and lines."""
        return [one_line(agent, limit=40) for agent in self._tape.agents]

    @property
    def known(self) -> int:
        """Steps that are known, the reset among them."""
        return len(self._opinions)

    @property
    def complete(self) -> bool:
        """All steps of the tape are known."""
        return self.known > self._tape.length

    def note(self, step: Step, opinions: Mapping[str, Opinion]) -> None:
        """Takes in a step, the one after the newest that is known."""
        assert step.number == self.known, "steps are noted in order"
        if step.number:
            did = [step.rewards[a] if a in step.actions else math.nan for a in self._tape.agents]
            rewards = np.array(did, float)
            self._rewards.append(rewards)
            self._totals.append(self._totals[-1] + np.nan_to_num(rewards))
            for agent in step.actions:
                if step.terminations[agent] or step.truncations[agent]:
                    how = "terminated" if step.terminations[agent] else "truncated"
                    self._ends[agent] = step.number, how
        self._opinions.append(dict(opinions))

    def rows(self, step: int) -> list[dict[str, Any]]:
        """What there is to say of every agent at a step that is known.

        Of each `agent`; `state`: "alive", "absent", or how and when it ended; `reward`: of this
        step, None where it did not act; `total`: so far; `value`, None where nobody tells; and
        where it acts next, `action` in words, `chance` of that action, and `bars` and `chosen`, the
        chances of all actions, or `odds`, mean and deviation in words, `about` it more.
        """
        return [self._row(place, agent, step) for place, agent in enumerate(self._tape.agents)]

    def mean_total(self, step: int) -> float:
        """Return per agent so far, over the agents that took part in the episode."""
        return float(self._totals[step].sum()) / max(1, len(self._tape.returns))

    def curves(self) -> dict[str, list[Any]]:
        """Rewards so far of every agent, at as many steps as a picture shows.

        `steps`, and `lines`, one of each agent; a line is as long as `steps`.
        """
        last = self.known - 1
        if last < 0:
            return {"steps": [], "lines": []}
        steps = np.unique(np.linspace(0, last, min(_POINTS, last + 1)).round().astype(int))
        totals = np.array([self._totals[step] for step in steps])
        return {"steps": steps.tolist(), "lines": [[_plain(x) for x in line] for line in totals.T]}

    def _row(self, place: int, agent: str, step: int) -> dict[str, Any]:
        tape, opinion = self._tape, self._opinions[step].get(agent)
        row: dict[str, Any] = {
            "agent": one_line(agent, limit=40),
            "state": self._state(place, agent, step),
            "reward": _plain(self._rewards[step][place]),
            "total": _plain(self._totals[step][place]),
            "value": None if opinion is None else _plain(opinion.value),
        }
        if step < tape.length and tape.acted[step, place]:
            row |= _acting(self._actions[agent][step], opinion)
        return row

    def _state(self, place: int, agent: str, step: int) -> str:
        tape = self._tape
        at, how = self._ends.get(agent, (0, ""))
        if at and step >= at and not tape.acted[at : step + 1, place].any():
            return f"{how} at step {at:,}"
        if step < tape.length:
            return "alive" if tape.acted[step, place] else "absent"
        return "alive" if agent in self._opinions[step] or not tape.finished else "absent"


def _acting(action: Any, opinion: Opinion | None) -> dict[str, Any]:
    """The action that comes next, and what its policy thought of it."""
    told: dict[str, Any] = {"action": _text(action)}
    if opinion is None:
        return told
    if opinion.chances is not None and np.ndim(action) == 0:
        told["chance"] = round(float(opinion.chances[int(action)]), 4)
        if len(opinion.chances) <= _MOST_BARS:
            told["bars"] = [round(float(chance), 4) for chance in opinion.chances]
            told["chosen"] = int(action)
    elif opinion.mean is not None and opinion.scale is not None:
        told["odds"] = f"{_text(opinion.mean)} ± {_text(opinion.scale)}"
        if opinion.mean.size > 1:
            told["about"], told["odds"] = told["odds"], f"± {opinion.scale.mean():.2f}"
    return told


def _text(action: Any) -> str:
    if np.ndim(action) == 0:
        return _short(action) if isinstance(action, float) else str(action)
    flat = np.asarray(action).ravel()
    shown = [_short(x) if flat.dtype.kind == "f" else str(x) for x in flat[:_MOST_PARTS]]
    return " ".join([*shown, "…"] if len(flat) > _MOST_PARTS else shown)


def _short(number: float) -> str:
    return f"{round(float(number), 2) + 0.0:.2f}"  # plus zero, or a small one could be "-0.00"


def _plain(number: float) -> float | None:
    """As JSON holds it."""
    return round(float(number), 6) if math.isfinite(number) else None
