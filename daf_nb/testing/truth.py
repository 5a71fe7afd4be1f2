"""What a played stretch shows about a bridge where the worlds testify (see `Witness`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from daf_nb.testing.promises import Sight, at
from daf_nb.testing.rollout import Rollout, Step, leaves, row_of
from daf_nb.testing.witness import EPISODE, RESET, Testimony

__all__ = ["WITNESS_JUDGES", "judge_closing"]


def judge_true_ends(rollout: Rollout) -> Iterator[Sight]:
    """done=True exactly on each agent's own last step, with the true reason."""
    for number, step in enumerate(rollout.steps, 1):
        for row in range(rollout.rows):
            truth, done = step.testimony(row), bool(step.dones[row])
            if truth is None:
                if done:
                    yield (
                        "episode ends",
                        f"{at(number, row)}: done=True on a step that the world did not give the "
                        "agent (a ghost step)",
                    )
                continue
            where = f"{at(number, row)}: {truth.agent}"
            if truth.ended and not done:
                promise = "episode ends" if truth.world_over else "deaths"
                how = "terminated" if truth.terminated else "ran out of time"
                yield promise, f"{where} {how}, but done=False on this, its last step"
            elif done and not truth.ended:
                yield "episode ends", f"{where} goes on, but done=True"
            elif done:
                yield from _reason(step, row, truth, where)


def judge_true_lives(rollout: Rollout) -> Iterator[Sight]:
    """`alive` is true to the world before and after each step, and the dead earn nothing."""
    for number, step in enumerate(rollout.steps, 1):
        for row in range(rollout.rows):
            truth = step.testimony(row)
            if truth is None and step.rewards[row] != 0:
                yield "no ghosts", f"{at(number, row)}: reward for a step that nobody took"
            if truth is None and step.alive is None:
                yield "no ghosts", f"{at(number, row)}: nobody took a step, and nothing says so"
            if step.alive is not None and bool(step.alive[row]) != (truth is not None):
                what = "took no" if truth is None else "took a"
                yield (
                    "no ghosts",
                    f"{at(number, row)}: alive={bool(step.alive[row])}, but the agent {what} step",
                )


def judge_faith(rollout: Rollout) -> Iterator[Sight]:
    """Actions reach their own agents; rewards and observations come back to their own rows."""
    last: dict[tuple[str, int], int] = {}
    for number, step in enumerate(rollout.steps, 1):
        for key, now in {t.episode_key: t.step for t in _told(step, rollout).values()}.items():
            if now != last.get(key, 0) + 1:
                yield (
                    "faithful",
                    f"step {number}: step {now} of an episode after {last.get(key, 0)}",
                )
            last[key] = now
        for row in range(rollout.rows):
            truth = step.testimony(row)
            if truth is None:
                continue
            where = f"{at(number, row)}: {truth.agent}"
            if not np.array_equal(truth.action, step.actions[row]):
                yield "faithful", f"{where} was sent {step.actions[row]}, received {truth.action}"
            if np.float32(truth.reward) != step.rewards[row]:
                yield "faithful", f"{where} earned {truth.reward}, got {step.rewards[row]}"
            if truth.ended:
                seen = step.infos[row].get("terminal_observation")
                if seen is not None and not _equal(leaves(seen), truth):
                    yield (
                        "terminal observations",
                        f"{where} last saw {truth.observation}, its terminal_observation is {seen}",
                    )
            elif not _equal(row_of(step.observations, row), truth):
                yield "faithful", f"{where} should see {truth.observation}, got another"


def judge_credit(rollout: Rollout) -> Iterator[Sight]:
    """Infos are those of the episode that the step belongs to, the next one's are not mixed in."""
    for number, step in enumerate(rollout.steps, 1):
        for row in range(rollout.rows):
            truth, info = step.testimony(row), step.infos[row]
            if RESET in info:
                told = "of nobody's" if truth is None else f"of episode {truth.episode}'s"
                yield (
                    "credit",
                    f"{at(number, row)}: the infos {told} step say episode {info.get(EPISODE)}: "
                    "those of the next reset were merged over them",
                )
            elif truth is not None and info.get(EPISODE) != truth.episode:
                yield "credit", f"{at(number, row)}: a step of episode {truth.episode} has lost it"


def judge_starts(rollout: Rollout) -> Iterator[Sight]:
    """A copy is one world; it starts again when all have ended, as `reset_infos` tells."""
    if rollout.row_copies is None or rollout.row_agents is None:
        return
    for number, step in enumerate(rollout.steps, 1):
        for copy in np.unique(rollout.row_copies):
            rows = np.flatnonzero(rollout.row_copies == copy).tolist()
            told = {row: truth for row in rows if (truth := step.testimony(row))}
            if len({truth.episode_key for truth in told.values()}) != 1:
                yield "whole episodes", f"step {number}: copy {copy} did not step exactly one world"
                continue
            for row, truth in told.items():
                if truth.agent != rollout.row_agents[row]:
                    yield (
                        "whole episodes",
                        f"{at(number, row)}: {truth.agent} is called {rollout.row_agents[row]}",
                    )
            over = any(truth.world_over for truth in told.values())
            if over and not any(step.new_start(row) for row in rows):
                yield "credit", f"step {number}: reset_infos say nothing of the new episode"
            for row in rows:
                yield from _start(step, number, row, next(iter(told.values())), over)


def judge_seeds(rollout: Rollout) -> Iterator[Sight]:
    """No two episodes share a seed."""
    resets = [info[RESET] for info in rollout.reset_infos if RESET in info]
    resets += [truth for step in rollout.steps for truth in _told(step, rollout).values()]
    seeds = {truth.episode_key: truth.seed for truth in resets if truth.seed is not None}
    if len(set(seeds.values())) < len(seeds):
        yield (
            "independent copies",
            f"{len(seeds)} episodes were reset with {len(set(seeds.values()))} different seeds",
        )


def judge_closing(rollouts: list[Rollout]) -> Iterator[Sight]:
    """Every world that played was closed once, as their ledgers say; ask when all is closed."""
    played = {
        (truth.ledger, truth.world)
        for rollout in rollouts
        for step in rollout.steps
        for truth in _told(step, rollout).values()
        if truth.ledger is not None
    }
    closings = Counter(
        (ledger, world)
        for ledger in {ledger for ledger, _ in played}
        if ledger.exists()
        for world in ledger.read_text(encoding="utf-8").split()
    )
    wrong = [closings[world] for world in played if closings[world] != 1]
    if wrong:
        yield (
            "closing",
            f"after two calls of close(), {len(wrong)} of {len(played)} worlds were closed "
            f"{' or '.join(map(str, sorted(set(wrong))))} times, not once",
        )


WITNESS_JUDGES: tuple[Callable[[Rollout], Iterator[Sight]], ...] = (
    judge_true_ends,
    judge_true_lives,
    judge_faith,
    judge_credit,
    judge_starts,
    judge_seeds,
)


def _told(step: Step, rollout: Rollout) -> dict[int, Testimony]:
    return {row: truth for row in range(rollout.rows) if (truth := step.testimony(row))}


def _reason(step: Step, row: int, truth: Testimony, where: str) -> Iterator[Sight]:
    limit = truth.truncated and not truth.terminated
    came = step.infos[row].get("TimeLimit.truncated")
    if came is not None and bool(came) != limit:
        yield "time limits", f"{where} has TimeLimit.truncated={came}, it should be {limit}"
    if step.terminated is not None and bool(step.terminated[row]) != truth.terminated:
        yield "deaths", f"{where} has terminated={step.terminated[row]}, the world said otherwise"


def _start(step: Step, number: int, row: int, ended: Testimony, over: bool) -> Iterator[Sight]:
    """Judges one row behind a step that belongs to the episode of `ended`."""
    truth, start = step.testimony(row), step.new_start(row)
    fresh = start is not None and start.episode_key != ended.episode_key
    if start is not None and fresh != over:
        yield "credit", f"{at(number, row)}: reset_infos are of another episode than the row is in"
        return
    if not over and truth is None:
        return  # It may have joined in this step: the next one tells.
    lives = fresh if over else truth is not None and not truth.ended
    if step.alive_after is not None and bool(step.alive_after[row]) != lives:
        yield (
            "no ghosts",
            f"{at(number, row)}: alive={bool(step.alive_after[row])} after the step, it is {lives}",
        )
    if fresh and start is not None and not _equal(row_of(step.observations, row), start):
        yield "faithful", f"{at(number, row)}: does not show the new episode's first observation"


def _equal(row: list[np.ndarray], truth: Testimony) -> bool:
    """Equal values; what a bridge had to reshape is not judged."""
    expected: list[Any] = leaves(truth.observation)
    return len(row) != len(expected) or all(
        a.shape != b.shape or np.array_equal(a, np.asarray(b, a.dtype))
        for a, b in zip(row, expected, strict=True)
    )
