"""What a played stretch shows of a bridge over any world, the truth unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from daf_nb.testing.promises import Sight, at
from daf_nb.testing.rollout import Rollout, Step, leaves, row_of, space_leaves

__all__ = ["JUDGES"]


def judge_arrays(rollout: Rollout) -> Iterator[Sight]:
    """Shapes and dtypes are what the spaces and SB3 declare."""
    yield from _observation_arrays(rollout, rollout.first, "reset")
    for number, step in enumerate(rollout.steps, 1):
        yield from _observation_arrays(rollout, step.observations, f"step {number}")
        for name, array, dtype in (
            ("rewards", step.rewards, np.dtype(np.float32)),
            ("dones", step.dones, np.dtype(bool)),
        ):
            came = (np.shape(array), getattr(array, "dtype", type(array).__name__))
            if came != ((rollout.rows,), dtype):
                yield (
                    "arrays",
                    f"step {number}: {name} are {came[1]} {came[0]}, not {dtype} ({rollout.rows},)",
                )


def judge_rows(rollout: Rollout) -> Iterator[Sight]:
    """Rows that are not alive are silent, and only a new episode of their copy wakes them."""
    lived = np.zeros(rollout.rows, bool)
    for number, step in enumerate(rollout.steps, 1):
        if step.alive is None or step.alive_after is None:
            yield (
                "no ghosts",
                f"there is no `alive`: the rows of dead agents cannot be told from live ones, and "
                f"train as if they lived; all {rollout.rows} rows count",
            )
            return
        before, after = step.alive, step.alive_after
        dones = np.asarray(step.dones, bool)
        for row in np.flatnonzero(~before).tolist():
            if dones[row]:
                yield "no ghosts", f"{at(number, row)}: done=True, but the row was not alive"
            if step.rewards[row] != 0:
                yield "no ghosts", f"{at(number, row)}: not alive, but reward {step.rewards[row]}"
        for row in np.flatnonzero(~after).tolist():
            if any(np.any(part) for part in row_of(step.observations, row)):
                yield "no ghosts", f"{at(number, row)}: not alive, but the observation is not zeros"
            if before[row] and not dones[row]:
                yield "deaths", f"{at(number, row)}: the row is no longer alive without a done=True"
        if rollout.row_copies is not None:
            lived |= before
            yield from _restarts(rollout.row_copies, number, step, lived)


def judge_ends(rollout: Rollout) -> Iterator[Sight]:
    """Each done=True comes with what a learner needs: why, from where, and the episode's sums."""
    returns, lengths = np.zeros(rollout.rows), np.zeros(rollout.rows, int)
    for number, step in enumerate(rollout.steps, 1):
        counts = np.ones(rollout.rows, bool) if step.alive is None else step.alive
        returns += np.where(counts, step.rewards, 0)
        lengths += counts
        for row in np.flatnonzero(step.dones).tolist():
            yield from _end(rollout, step, number, row)
            record = step.infos[row].get("episode")
            sums = {"r": float(returns[row]), "l": int(lengths[row])}
            if not _same_record(record, sums):
                yield "episode records", f"{at(number, row)}: episode={record}, summed up: {sums}"
            returns[row], lengths[row] = 0, 0


JUDGES: tuple[Callable[[Rollout], Iterator[Sight]], ...] = (judge_arrays, judge_rows, judge_ends)


def _observation_arrays(rollout: Rollout, observations: Any, when: str) -> Iterator[Sight]:
    declared = space_leaves(rollout.observation_space)
    for leaf, space in zip(leaves(observations), declared, strict=True):
        shape = (rollout.rows, *(space.shape or ()))
        if leaf.shape != shape or leaf.dtype != space.dtype:
            yield (
                "arrays",
                f"{when}: observations are {leaf.dtype} {leaf.shape}, not {space.dtype} {shape}",
            )


def _restarts(
    row_copies: np.ndarray, number: int, step: Step, lived: np.ndarray
) -> Iterator[Sight]:
    """Judges who is alive behind a step; clears `lived` where an episode is over."""
    assert step.alive is not None and step.alive_after is not None
    staying = step.alive & ~np.asarray(step.dones, bool)
    for copy in np.unique(row_copies):
        rows = row_copies == copy
        if np.any(rows & staying):
            woken = np.flatnonzero(rows & lived & ~staying & step.alive_after).tolist()
            if woken:
                yield (
                    "no ghosts",
                    f"{at(number, woken[0])}: alive again although copy {copy} has not ended",
                )
            continue
        lived[rows] = False
        if not np.any(rows & step.alive_after):
            yield "whole episodes", f"step {number}: copy {copy} ended and did not start again"


def _end(rollout: Rollout, step: Step, number: int, row: int) -> Iterator[Sight]:
    info = step.infos[row]
    reason = info.get("TimeLimit.truncated")
    if not isinstance(reason, (bool, np.bool_)):
        yield (
            "time limits",
            f"{at(number, row)}: done=True with TimeLimit.truncated={reason!r}; SB3 learns it as a "
            "death",
        )
    if step.terminated is not None and step.truncated is not None:
        flags = bool(step.terminated[row]), bool(step.truncated[row])
        if flags == (False, False):
            yield "deaths", f"{at(number, row)}: done=True, neither terminated nor truncated"
        if isinstance(reason, (bool, np.bool_)) and reason != (flags == (False, True)):
            yield (
                "time limits",
                f"{at(number, row)}: TimeLimit.truncated={reason}, but terminated={flags[0]} and "
                f"truncated={flags[1]}",
            )
    final = info.get("terminal_observation")
    if final is None:
        yield "terminal observations", f"{at(number, row)}: done=True and none in the infos"
        return
    for leaf, space in zip(leaves(final), space_leaves(rollout.observation_space), strict=True):
        if leaf.shape != space.shape or leaf.dtype != space.dtype:
            yield (
                "terminal observations",
                f"{at(number, row)}: {leaf.dtype} {leaf.shape}, not {space.dtype} {space.shape}",
            )


def _same_record(record: Any, sums: dict[str, Any]) -> bool:
    return (
        isinstance(record, dict)
        and record.get("l") == sums["l"]
        and bool(np.isclose(record.get("r", np.nan), sums["r"], rtol=1e-4, atol=1e-5))
    )
