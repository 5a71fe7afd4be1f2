"""A run as plain numbers and sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daf_nb.record.reading.summary import RESUMABLE

if TYPE_CHECKING:
    from daf_nb.session import Run

__all__ = [
    "RECENT",
    "RunState",
    "figure",
    "newest_returns",
    "one_line",
    "read_state",
    "recent_rate",
    "sentence",
    "title",
]

RECENT = 20
"""Updates that the present rate is taken over."""
_NAMED = 4
"""Groups whose return a sentence has room for."""


@dataclass(frozen=True)
class RunState:
    """One moment of a run.

    Attributes:
        id: the run's number.
        name: the run's name, as given: any text.
        status: Sacred's words, and PAUSED; of a record also LOST and UNREADABLE.
        done: it has ended and is on disk.
        wish: what was asked for and has not happened yet; may be empty.
        step: live agent-steps so far.
        total: agent-steps to train for; 0 where that is not known.
        rate: agent-steps per second of training, lately; over all of it once done; None before any.
        seconds: training time, pauses excluded.
        returns: group -> newest return per agent; the group is "" where there is only one.
        error: type and message of what the run raised; empty where it raised nothing.
    """

    id: int
    name: str
    status: str
    done: bool
    wish: str
    step: int
    total: int
    rate: float | None
    seconds: float
    returns: Mapping[str, float]
    error: str

    @property
    def fraction(self) -> float:
        """Of the agent-steps asked for, in [0, 1]: the last rollout may overshoot."""
        return min(1.0, self.step / self.total) if self.total > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the present rate; None where nothing moves."""
        if self.done or self.status == "PAUSED" or not (self.rate and self.total):
            return None
        return max(0, self.total - self.step) / self.rate

    @property
    def further(self) -> str:
        """What goes on with a training that stopped early; empty where nothing does."""
        stopped = self.done and self.total > 0 and self.status in RESUMABLE
        return f"daf.resume({self.id})" if stopped else ""


def read_state(run: Run) -> RunState:
    """The run as it is now."""
    done, progress = run.done, run.trainer.progress
    rate = progress.rate(run.step) if done else recent_rate(run.rows[-RECENT:])
    return RunState(
        id=run.id,
        name=run.name,
        status=run.status,
        done=done,
        wish="" if done else _wish(run),
        step=run.step,
        total=run.trainer.config.total_timesteps,
        rate=rate or None,
        seconds=progress.elapsed,
        returns=newest_returns(dict(progress.metrics), list(run.policies)),
        error=_error(run) if done else "",
    )


def title(state: RunState) -> str:
    """Number and name."""
    return f"run {state.id} {one_line(state.name)}"


def sentence(state: RunState) -> str:
    """The state in words, on one line; the error is not in it."""
    parts = [state.status, state.wish]
    percent = math.floor(100 * state.fraction)
    steps = f"{state.step:,} agent-steps"
    if state.total:
        steps = f"{state.step:,} of {state.total:,} agent-steps ({percent} %)"
    parts.append(f"{steps} in {_duration(state.seconds)}" if state.done else steps)
    if state.rate and state.status != "PAUSED":
        parts.append(f"{state.rate:,.0f} steps/s")
    if state.seconds_left is not None:
        parts.append(f"{_duration(state.seconds_left)} left")
    for group, value in list(state.returns.items())[:_NAMED]:
        parts.append(f"return {f'of {one_line(group)} ' if group else ''}{figure(value)}")
    return ", ".join(part for part in parts if part)


def figure(value: float) -> str:
    """A return, as many digits as one reads."""
    small, large = abs(value) < 1, abs(value) >= 1e7
    return f"{value:.3g}" if small or large else f"{value:,.2f}"


def one_line(text: str, *, limit: int = 80) -> str:
    """Any text as at most `limit` printable characters; the others are written as escapes."""
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text[: limit + 1]
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def recent_rate(rows: Sequence[tuple[int, Mapping[str, float]]]) -> float | None:
    """Agent-steps per second of training over these rows; None where they do not tell."""
    steps = seconds = 0.0
    for _, row in rows:
        lasted = row.get("time/rollout_seconds", 0.0) + row.get("time/update_seconds", 0.0)
        steps += row.get("time/agent_steps_per_second", 0.0) * lasted
        seconds += lasted
    return steps / seconds if seconds > 0 else None


def _wish(run: Run) -> str:
    gate, status = run.trainer.gate, run.status
    if gate.stopped:
        return "stopping at the next boundary"
    if gate.paused and status != "PAUSED":
        return "pausing at the next boundary"
    if run.trainer.hanging:
        return one_line(run.trainer.hanging, limit=200)
    return "resuming" if status == "PAUSED" and not gate.paused else ""


def newest_returns(metrics: Mapping[str, float], groups: Sequence[str]) -> dict[str, float]:
    """Group -> newest return per agent, where there is one; the group is "" where it is alone."""
    returns = {name: metrics.get(f"rollout/{name}/return_mean", math.nan) for name in groups}
    if len(returns) < 2:
        returns = {"": metrics.get("rollout/return_mean", math.nan)}
    return {group: value for group, value in returns.items() if math.isfinite(value)}


def _error(run: Run) -> str:
    error = run.error
    if error is not None:
        lines = [one_line(line, limit=300) for line in str(error).splitlines()[:20]]
        return "\n".join([f"{type(error).__name__}: {lines[0] if lines else ''}", *lines[1:]])
    if run.status == "FAILED":
        return f"Its record is not whole: load_run({run.id}).fail_trace says what is missing."
    return ""


def _duration(seconds: float) -> str:
    whole = math.ceil(seconds)
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
