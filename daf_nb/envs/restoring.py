"""A copy gets back to the middle of its episode: its tape is played again, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daf_nb.envs.accounts import Standing
from daf_nb.envs.arrays import Arrays, RowEnd
from daf_nb.envs.copy import Copy
from daf_nb.envs.digests import Digests, differing
from daf_nb.envs.seat import Seat
from daf_nb.envs.seeds import EpisodeSeeds
from daf_nb.envs.tape import Tape
from daf_nb.errors import ConfigError, TrainingEnvironmentError

__all__ = ["check_tapes", "parted", "replay"]


def check_tapes(
    tapes: Mapping[int, Tape],
    copies: Sequence[Standing],
    arrays: Arrays,
    seeds: EpisodeSeeds,
    *,
    stride: int,
) -> None:
    """Looks whether copies can go on from tapes.

    Args:
        tapes: copy -> the tape of its episode.
        copies: all copies.
        arrays: what they write.
        seeds: of their episodes.
        stride: of their digests.

    Raises:
        ConfigError: there is no such copy, or one that never began has no tape; or a tape is of a
            finished episode, lacks something, or was taken under another seed or layout.
    """
    if extra := sorted(set(tapes) - set(range(len(copies)))):
        raise ConfigError(f"there are {len(copies)} copies; tapes came for copies {extra}.")
    if idle := [copy.index for copy in copies if not copy.playing and copy.index not in tapes]:
        raise ConfigError(f"copies {idle} play no episode yet and have no tape to begin with.")
    for tape in tapes.values():
        if wrong := _misfit(tape, arrays, seeds, stride):
            raise ConfigError(f"the tape of copy {tape.copy}, episode {tape.number}, {wrong}.")


def _misfit(tape: Tape, arrays: Arrays, seeds: EpisodeSeeds, stride: int) -> str | None:
    if tape.finished or tape.next_setting is None:
        return "is of a finished episode, from which nothing goes on; play() it"
    if lacking := [name for name in tape.missing if "setting." in name and ".tag" not in name]:
        return (
            f"does not hold {', '.join(lacking)}, which are no plain data; give them again with "
            "tape.remade(...)"
        )
    if (seed := seeds(tape.copy, tape.number)) != tape.seed:
        return (
            f"was played with seed {tape.seed}, and these copies would play it with {seed}: make "
            "them with the seed and num_envs of those that it was taken from"
        )
    if strangers := [agent for agent in tape.agents if agent not in arrays.column]:
        return f"has agents that are not here: {', '.join(strangers)}"
    if stride != tape.stride:
        return "was taken where the agents' observations have another size"
    for name, columns in arrays.groups.items():
        shape = arrays.spaces[name].action.shape or ()
        for agent in arrays.agents[columns]:
            kept = tape.actions[agent].shape[1:] if agent in tape.agents else shape
            if kept != shape:
                return f"has actions of {agent} of shape {kept}; they are of shape {shape} here"
    return None


def replay(copy: Copy, seat: Seat, tape: Tape, arrays: Arrays, digests: Digests) -> None:
    """Plays a tape in a copy, which then stands where the tape was cut.

    Args:
        copy: the copy.
        seat: the instance to play in, prepared for the tape's setting.
        tape: fit for the copy.
        arrays: what the copy writes.
        digests: of one copy of these arrays.

    Raises:
        TrainingEnvironmentError: the world did something else than when the tape was taken.
    """
    copy.number = tape.number - 1
    copy.reset(seat, tape.setting, tape.seed)
    check = _Check(tape, copy.index, arrays, digests)
    check.note([])
    at, ends = copy.index, list[RowEnd]()
    acted = np.zeros((tape.length, len(arrays.agents)), bool)
    actions: list[list[Any]] = [[None] * tape.length] * len(arrays.agents)
    for place, agent in enumerate(tape.agents):
        column = arrays.column[agent]
        acted[:, column] = tape.acted[:, place]
        actions[column] = tape.given(agent)
    try:
        for step, chosen in enumerate(zip(*actions, strict=True)):
            if not np.array_equal(arrays.alive[at], acted[step]):
                raise parted(tape, step + 1, "other agents to act")
            arrays.rewards[at] = 0
            arrays.terminated[at] = arrays.truncated[at] = False
            ends.clear()
            copy.step(chosen, ends)
            check.note(ends)
    except TrainingEnvironmentError as error:
        check.compare(error)  # an earlier difference is the cause of it
        raise
    check.compare()


def parted(tape: Tape, step: int, other: str) -> TrainingEnvironmentError:
    """What to raise where a playing differs from its tape: the step, 0 for the reset, and how."""
    where = f"step {step}" if step else "the reset"
    world = f" of {tape.world.name}" if tape.world else ""
    return TrainingEnvironmentError(
        f"copy {tape.copy}, episode {tape.number} (seed {tape.seed}){world}, played again from its "
        f"tape: {where} gave {other} than when it was taped. Either the world does not depend on "
        "its seed and the actions alone (describe_env looks for that), or it, its arguments or its "
        "libraries have changed since."
    )


class _Check:
    """Digests what the copy's part of the arrays shows, many steps at a time."""

    def __init__(self, tape: Tape, copy: int, arrays: Arrays, digests: Digests) -> None:
        self._tape, self._arrays, self._digests = tape, arrays, digests
        self._rows = slice(copy, copy + 1)
        blocks = arrays.observations.items()
        self._views = digests.views({name: block[self._rows] for name, block in blocks})
        self._place = {
            agent: (name, place)
            for name, columns in arrays.groups.items()
            for place, agent in enumerate(arrays.agents[columns])
        }
        self._done = self._plane = 0

    def note(self, ends: Sequence[RowEnd]) -> None:
        """The reset, or a step and the ends in it."""
        arrays, digests, plane = self._arrays, self._digests, self._plane
        digests.write(plane, self._views)
        if self._done + plane:
            digests.write_rewards(plane, arrays.rewards[self._rows])
        if ends:
            digests.write_ends(plane, arrays.terminated[self._rows], arrays.truncated[self._rows])
        for end in ends:
            if end.observation is not None:
                digests.write_one(plane, 0, *self._place[end.agent], end.observation)
        self._plane += 1
        if self._plane == digests.planes:
            self.compare()

    def compare(self, cause: Exception | None = None) -> None:
        """Stops at the first step noted since the last time that was another.

        Raises:
            TrainingEnvironmentError: there is one.
        """
        taken = self._digests.take(self._plane)[:, 0]
        taped = self._tape.digests[self._done : self._done + self._plane]
        for place, (ours, theirs) in enumerate(zip(taken, taped, strict=True)):
            if other := " and ".join(differing(ours, theirs)):
                raise parted(self._tape, self._done + place, f"other {other}") from cause
        self._done, self._plane = self._done + self._plane, 0
