"""Evaluation: whole episodes of whole copies, on seeds that training never sees, against chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy

from daf_nb.envs import Copies, Episode
from daf_nb.envs.tape import Tape
from daf_nb.errors import ConfigError, DafError, TrainingEnvironmentError
from daf_nb.learn.choosers import Chooser, policy_chooser, random_chooser
from daf_nb.learn.course import Course, begin, go_on
from daf_nb.learn.endings import Evaluated

__all__ = ["LONGEST", "Evaluation", "EvaluationStopped", "evaluate", "summed_up"]

_Played = list[tuple[Episode, float | None]]
LONGEST = 100_000
"""Steps after which an episode counts as endless."""
_RESAMPLES = 2_000


class EvaluationStopped(DafError):
    """An evaluation was ended from outside before it had its episodes."""


@dataclass(frozen=True)
class Evaluation:
    """Returns per agent (mean of the agents' summed rewards) over `n` whole episodes.

    Fields can be read by name in brackets too: `evaluation["mean_reward"]`.

    Attributes:
        mean_reward: mean over episodes.
        interval: 95 % bootstrap interval of that mean.
        n: episodes.
        success: mean success in [0, 1], or None where success is not defined.
        mean_length: world steps per episode.
        random_mean_reward: the same for uniformly random (allowed) actions on the same seeds.
        random_interval: its interval.
        agent_means: agent -> mean return.
        deterministic: the policies' modes were played, not samples.
        returns: every episode's return per agent, in order of (copy, episode).
        tasks: the tasks played, where there is a curriculum.
    """

    mean_reward: float
    interval: tuple[float, float]
    n: int
    success: float | None
    mean_length: float
    random_mean_reward: float
    random_interval: tuple[float, float]
    agent_means: dict[str, float]
    deterministic: bool
    returns: tuple[float, ...]
    tasks: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.to_dict()[name]

    def __str__(self) -> str:
        low, high = self.interval
        chance_low, chance_high = self.random_interval
        success = "" if self.success is None else f", success {self.success:.2f}"
        where = f"{', '.join(self.tasks)}: " if self.tasks else ""
        return (
            f"{where}return per agent {self.mean_reward:.2f} [{low:.2f}, {high:.2f}] over {self.n} "
            f"episodes{success}; random policy {self.random_mean_reward:.2f} "
            f"[{chance_low:.2f}, {chance_high:.2f}]"
        )

    def to_dict(self) -> dict[str, Any]:
        """All fields, as plain data."""
        return asdict(self)


def evaluate(
    policies: Mapping[str, ActorCriticPolicy],
    copies_of: Callable[[int], Copies],
    *,
    course: Callable[[], Course],
    episodes: int,
    seed: int,
    deterministic: bool = False,
    num_envs: int = 8,
    going_on: Callable[[], bool] = lambda: True,
    room: int = 0,
    taped: list[Evaluated] | None = None,
) -> Evaluation:
    """Plays `episodes` whole episodes with the policies, and as many with random actions.

    Every copy plays a fixed number of episodes, so that short ones are not over-counted.

    Args:
        policies: group -> policy.
        copies_of: makes so many copies of the world, on seeds that training never uses.
        course: makes what they play, once for the policies and once for chance.
        episodes: whole episodes of a whole copy, at least 1.
        seed: of the actions' noise.
        deterministic: play the mode of each policy instead of a sample.
        num_envs: copies to play in.
        going_on: asked at every step; False ends the evaluation.
        room: bytes of tapes to gather.
        taped: gets the policies' episodes, the first in order of ending whose tapes find room,
            sorted by (copy, episode).

    Raises:
        EvaluationStopped: `going_on` said so.
        TrainingEnvironmentError: an episode did not end within 100 000 steps.
        ConfigError: no episode was asked for.
    """
    if episodes < 1:
        raise ConfigError(f"episodes={episodes}: at least one is needed.")
    device = next(iter(policies.values())).device
    generator = torch.Generator(device=device).manual_seed(seed)
    rng = np.random.default_rng([seed, 2])
    played = []
    tapes = _Tapes(room)
    for chooser in (policy_chooser(policies, generator, deterministic), random_chooser(rng)):
        copies = copies_of(min(num_envs, episodes))
        try:
            played.append(_play(copies, course(), episodes, chooser, going_on, tapes))
        finally:
            copies.close()
        tapes.room = 0  # those of chance are of no interest
    if taped is not None:
        taped += tapes.of(played[0])
    return summed_up(*played, deterministic=deterministic)


class _Tapes:
    """Gathers tapes, as long as there is room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._found: dict[tuple[int, int], Tape] = {}

    def note(self, quota: Sequence[int]) -> Callable[[Episode, Callable[[], Tape]], object] | None:
        """For copies that play so many episodes each; None where there is no room."""

        def note(episode: Episode, cut: Callable[[], Tape]) -> None:
            if self.room > 0 and episode.number < quota[episode.copy]:
                tape = cut()
                self.room -= tape.nbytes
                if self.room >= 0:
                    self._found[episode.copy, episode.number] = tape

        return note if self.room else None

    def of(self, played: _Played) -> list[Evaluated]:
        """Those of these episodes that there are, with their successes."""
        found = self._found
        return [
            Evaluated(episode, success, found[episode.copy, episode.number])
            for episode, success in played
            if (episode.copy, episode.number) in found
        ]


def summed_up(ours: _Played, chance: _Played, *, deterministic: bool) -> Evaluation:
    """The evaluation, of what policies and chance have played."""
    episodes, successes = zip(*ours, strict=True)
    returns = [episode.mean_return for episode in episodes]
    random_returns = [episode.mean_return for episode, _ in chance]
    scores = [score for score in successes if score is not None]
    agents = {agent for episode in episodes for agent in episode.returns}
    return Evaluation(
        mean_reward=float(np.mean(returns)),
        interval=bootstrap_interval(returns),
        n=len(episodes),
        success=float(np.mean(scores)) if scores else None,
        mean_length=float(np.mean([episode.length for episode in episodes])),
        random_mean_reward=float(np.mean(random_returns)),
        random_interval=bootstrap_interval(random_returns),
        agent_means={
            agent: float(np.mean([e.returns[agent] for e in episodes if agent in e.returns]))
            for agent in sorted(agents)
        },
        deterministic=deterministic,
        returns=tuple(returns),
        tasks=tuple(sorted({episode.task for episode in episodes} - {""})),
    )


def bootstrap_interval(values: list[float], *, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean (Efron 1979), from a fixed seed."""
    sample = np.asarray(values, np.float64)
    rng = np.random.default_rng(0)
    means = sample[rng.integers(0, len(sample), (_RESAMPLES, len(sample)))].mean(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _play(
    copies: Copies,
    course: Course,
    episodes: int,
    choose: Chooser,
    going_on: Callable[[], bool],
    tapes: _Tapes,
) -> _Played:
    """The first episodes of each copy with their successes, sorted by copy and number."""
    share, extra = divmod(episodes, copies.num_envs)
    quota = [share + (copy < extra) for copy in range(copies.num_envs)]
    done: _Played = []
    copies.on_tape = tapes.note(quota)
    begin(copies, course)
    steps = 0
    while len(done) < episodes:
        if not going_on():
            raise EvaluationStopped("the evaluation was stopped.")
        steps = 0 if copies.episodes else steps + 1
        if steps > LONGEST:
            raise TrainingEnvironmentError(
                f"no episode ended within {LONGEST:,} steps: give the world a time limit, such as "
                "max_cycles in env_kwargs, to evaluate whole episodes."
            )
        copies.step(choose(copies))
        ended, scores = copies.episodes, go_on(copies, course)
        done += [
            (episode, score)
            for episode, score in zip(ended, scores, strict=True)
            if episode.number < quota[episode.copy]
        ]
    return sorted(done, key=lambda pair: (pair[0].copy, pair[0].number))
