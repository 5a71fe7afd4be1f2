"""The recording: what every copy is playing now, kept so that it can be cut out as a tape.

It runs at every step of a training, so a step costs a few assignments of whole arrays: one log for
all copies, in which each copy's episode is a stretch that ends now, and digests of many steps at a
time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from gymnasium import spaces

from daf_nb.envs.accounts import Standing
from daf_nb.envs.arrays import Arrays, Episode, RowEnd
from daf_nb.envs.digests import Digests, stride_for
from daf_nb.envs.layout import Layout
from daf_nb.envs.settings import Setting
from daf_nb.envs.tape import Tape
from daf_nb.envs.worlds import World
from daf_nb.errors import ConfigError

__all__ = ["Taping", "digests_of"]

_FIRST_ROOM = 256
_PLANES = 64
_BYTES = 2**18
"""Digests are taken of so many steps, or of so many bytes of observations, at a time: they should
not leave the processor's cache meanwhile."""


class Taping:
    """Logs the steps of all copies, from the start of the longest episode in progress.

    Args:
        arrays: what these copies write, and no others.
        layout: of the arrays.
        world: what the copies are of, for their tapes.
        first: the first of these copies, which follow one another.
    """

    def __init__(
        self, arrays: Arrays, layout: Layout, world: World | None, *, first: int = 0
    ) -> None:
        self._arrays, self._world, self._from = arrays, world, first
        self.stride = stride_for(layout.spaces)
        copies, agents = arrays.alive.shape
        self._now = self._digested = 0
        self._began = [0] * copies
        # Of two episodes: when one ends, the next begins within the same step.
        self._first, self._turn = np.zeros((2, copies), np.uint64), [0] * copies
        self._acted = np.zeros((_FIRST_ROOM, copies, agents), bool)
        self._digests = np.zeros((_FIRST_ROOM, copies), np.uint64)
        self._actions: dict[str, np.ndarray] = {}
        self._place: dict[str, tuple[str, int]] = {}
        self._whole: set[str] = set()
        for name, columns in arrays.groups.items():
            action = arrays.spaces[name].action
            if isinstance(action, (spaces.Discrete, spaces.MultiDiscrete)):
                self._whole.add(name)
            members = arrays.agents[columns]
            self._place.update((agent, (name, i)) for i, agent in enumerate(members))
            shape = (_FIRST_ROOM, copies, len(members), *(action.shape or ()))
            self._actions[name] = np.zeros(shape, _compact(action))
        bytes_each = sum(block[0].nbytes for block in arrays.observations.values())
        self._planes = max(1, min(_PLANES, _BYTES * self.stride // (copies * bytes_each)))
        self._steps = digests_of(arrays, layout, copies=copies, planes=self._planes)
        self._starts = digests_of(arrays, layout)
        self._started: list[tuple[int, int]] = []
        blocks = arrays.observations
        self._seen = self._steps.views(blocks)
        self._seen_by = [
            self._starts.views({name: block[copy, None] for name, block in blocks.items()})
            for copy in range(copies)
        ]

    def before_step(self, actions: Mapping[str, np.ndarray]) -> None:
        """Who acts now, and how: group -> [copies, agents, *action shape]."""
        now = self._now
        if now == len(self._acted):
            self._move(0)
            now = self._now
        self._acted[now] = self._arrays.alive
        for name in self._actions:
            part, log = self._fitted(name, actions[name])
            log[now] = part

    def after_step(self, ends: Sequence[RowEnd]) -> None:
        """What came of it: in the arrays, and in the ends of rows.

        Of a copy that has begun another episode already, the arrays must show nothing yet.
        """
        arrays, digests, plane = self._arrays, self._steps, self._now - self._digested
        digests.write(plane, self._seen)
        digests.write_rewards(plane, arrays.rewards)
        if ends:
            digests.write_ends(plane, arrays.terminated, arrays.truncated)
            for end in ends:
                if end.observation is not None:
                    self._write_final(plane, end)
        self._now += 1
        if plane + 1 == self._planes:
            self.catch_up()

    def begin(self, copy: int) -> None:
        """A copy has started an episode, which the arrays show."""
        copy -= self._from
        self._began[copy] = self._now
        self._turn[copy] = 1 - self._turn[copy]
        self._starts.write(len(self._started), self._seen_by[copy])
        self._started.append((self._turn[copy], copy))
        if len(self._started) == _PLANES:
            self.catch_up()

    def catch_up(self) -> None:
        """Takes the digests that were put off."""
        if planes := self._now - self._digested:
            self._digests[self._digested : self._now] = self._steps.take(planes)
            self._digested = self._now
        if self._started:
            taken = self._starts.take(len(self._started))[:, 0]
            for place, digest in zip(self._started, taken, strict=True):
                self._first[place] = digest
            self._started.clear()

    def cut(self, copy: Standing, following: Setting) -> Tape:
        """The episode in progress of a copy, until now; and what follows it."""
        return self._cut(self._stretch(copy.index), copy, following)

    def ended(self, episode: Episode) -> Callable[[], Tape]:
        """A function that gives the tape of an episode that has just ended, until the next step.

        To be asked for before the copy begins another. It raises `ConfigError` when it is too late.
        """
        return partial(self._cut, self._stretch(episode.copy), episode, None)

    def _stretch(self, copy: int) -> tuple[int, int, int, int]:
        """The copy, where its episode began, where it is now, and which start was its own."""
        copy -= self._from
        return copy, self._began[copy], self._now, self._turn[copy]

    def _cut(
        self,
        stretch: tuple[int, int, int, int],
        told: Standing | Episode,
        following: Setting | None,
    ) -> Tape:
        at, began, now, turn = stretch
        if now != self._now:
            raise ConfigError(
                f"copy {at + self._from}, episode {told.number}: its tape is to be taken before "
                "the next step."
            )
        self.catch_up()
        arrays, steps = self._arrays, slice(began, now)
        acted = self._acted[steps, at].copy()
        actions: dict[str, np.ndarray] = {}
        for name, columns in arrays.groups.items():
            log = self._actions[name][steps, at]
            # Of several choices at once the world gets an array, and that is of int64.
            several = name in self._whole and log.ndim > 2
            kept = log.astype(np.int64 if several else log.dtype)
            kept[~acted[:, columns]] = 0
            actions.update(zip(arrays.agents[columns], kept.swapaxes(0, 1), strict=True))
        return Tape(
            world=self._world,
            setting=told.setting,
            next_setting=following,
            copy=at + self._from,
            number=told.number,
            seed=told.seed,
            agents=tuple(arrays.agents),
            actions=actions,
            acted=acted,
            digests=np.append(self._first[turn, at], self._digests[steps, at]),
            stride=self.stride,
            returns=told.returns,
            finished=following is None,
        )

    def put(self, tape: Tape) -> None:
        """A copy has played a tape again, and goes on from there."""
        length, at, arrays = tape.length, tape.copy - self._from, self._arrays
        if self._now < length:
            self._move(length)
        self.catch_up()
        self._began[at] = self._now - length
        self._first[self._turn[at], at] = tape.digests[0]
        steps = slice(self._now - length, self._now)
        columns = [arrays.column[agent] for agent in tape.agents]
        self._acted[steps, at, columns] = tape.acted
        self._digests[steps, at] = tape.digests[1:]
        for agent in tape.agents:
            name, place = self._place[agent]
            kept, log = self._fitted(name, tape.actions[agent])
            log[steps, at, place] = kept

    def _write_final(self, plane: int, end: RowEnd) -> None:
        name, place = self._place[end.agent]
        self._steps.write_one(plane, end.copy - self._from, name, place, end.observation)

    def _fitted(self, name: str, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Actions of a group as its log holds them, and the log."""
        log = self._actions[name]
        if name in self._whole:
            return actions.astype(np.int64, copy=False), log
        if actions.dtype != log.dtype:
            fresh = self._now == min(self._began)
            kind = actions.dtype if fresh else np.result_type(actions, log)
            self._actions[name] = log = log.astype(kind)
        return actions, log

    def _move(self, least: int) -> None:
        """Lets go of what no episode in progress needs; then at least `least` steps are behind."""
        self.catch_up()
        keep = min(self._began)
        used = self._now - keep
        start = max(0, least - used)
        room = max(_FIRST_ROOM, 2 * (start + used))

        def moved(log: np.ndarray) -> np.ndarray:
            fresh = np.zeros((room, *log.shape[1:]), log.dtype)
            fresh[start : start + used] = log[keep : self._now]
            return fresh

        self._acted, self._digests = moved(self._acted), moved(self._digests)
        self._actions = {name: moved(log) for name, log in self._actions.items()}
        self._began = [began + start - keep for began in self._began]
        self._now = self._digested = start + used


def digests_of(
    arrays: Arrays, layout: Layout, *, copies: int = 1, planes: int = _PLANES
) -> Digests:
    """Digests of these arrays' agents, of so many copies and steps."""
    return Digests(
        {name: arrays.agents[columns] for name, columns in arrays.groups.items()},
        arrays.spaces,
        goal_size=layout.goal_size,
        stride=stride_for(layout.spaces),
        copies=copies,
        planes=planes,
    )


def _compact(action: spaces.Space) -> np.dtype:
    """What an action is logged as, until one comes that it cannot hold."""
    if isinstance(action, (spaces.Discrete, spaces.MultiDiscrete)):
        most = int(np.max(getattr(action, "nvec", getattr(action, "n", 0)))) - 1
        return np.min_scalar_type(max(0, most))
    return np.dtype(action.dtype or np.float32)
