"""What is known of every copy, wherever it is stepped: what it plays, and what it plays next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from daf_nb.envs.arrays import Episode, RowEnd
from daf_nb.envs.failing import Drop
from daf_nb.envs.settings import Setting
from daf_nb.errors import TaskGenerationError, TrainingEnvironmentError

__all__ = ["Accounts", "Broken", "Outcome", "Standing", "Told"]

_AS_IT_IS = Setting()

Broken = Mapping[tuple[int, int], TrainingEnvironmentError]
"""(Copy, number of its episode) -> why that counts as broken."""


class Standing(Protocol):
    """What a copy plays now; see `Copy`."""

    @property
    def index(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def setting(self) -> Setting: ...
    @property
    def length(self) -> int: ...
    @property
    def playing(self) -> bool: ...
    @property
    def returns(self) -> Mapping[str, float]: ...


@dataclass
class Told:
    """A `Standing` that was told of by another process."""

    index: int
    number: int = -1
    seed: int = 0
    setting: Setting = _AS_IT_IS
    length: int = 0
    playing: bool = False
    returns: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a step or reset of some copies brought, in copy order.

    Attributes:
        ends: the rows that ended.
        episodes: the episodes that ended.
        drops: the episodes that were dropped.
        begun: the copies that began another episode.
    """

    ends: list[RowEnd] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Takes in what later copies brought."""
        self.ends += other.ends
        self.episodes += other.episodes
        self.drops += other.drops
        self.begun += other.begun


class Accounts:
    """How the copies' episodes start, and what follows where one cannot, or its world breaks it.

    Args:
        num_envs: copies.

    Attributes:
        settings: copy -> what its next episode is played with.
        on_task_failure: asked with the copy and the error when a setting cannot be played; what it
            returns is prepared instead, until one can be or it returns None and the error is
            raised.
        on_failure: told of an episode that its world broke (it raised, hung, gave NaN, or broke its
            contract), which is dropped: its copy gets new instances, and plays its next episode
            there within the same step. What it returns is prepared for after that. None: the error
            is raised.
        drops: what was dropped in the last step, in order.
        in_a_row: copy -> how many of its episodes were dropped since one ended.
        broken: the episodes that are not played on, or not begun, but dropped: whoever played them
            was lost.
    """

    def __init__(self, num_envs: int) -> None:
        self.settings = [_AS_IT_IS] * num_envs
        self.on_task_failure: Callable[[int, TaskGenerationError], Setting | None] | None = None
        self.on_failure: Callable[[Drop], Setting] | None = None
        self.drops: list[Drop] = []
        self.in_a_row = [0] * num_envs
        self.broken: Broken = {}
