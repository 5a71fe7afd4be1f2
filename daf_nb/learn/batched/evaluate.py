"""Evaluation in a batched world: all episodes side by side, on seeds that training never sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy

from daf_nb.envs import BatchedCopies, Episode
from daf_nb.errors import ConfigError, TrainingEnvironmentError
from daf_nb.learn.actions import act, draw
from daf_nb.learn.batched.collect import into_space
from daf_nb.learn.batched.ground import begin_batched
from daf_nb.learn.course import Course
from daf_nb.learn.evaluate import LONGEST, Evaluation, EvaluationStopped, summed_up

__all__ = ["evaluate_batched"]

_COPIES = 256
"""Copies to play in, at most."""

_Choose = Callable[[BatchedCopies], dict[str, torch.Tensor]]


def evaluate_batched(
    policies: Mapping[str, ActorCriticPolicy],
    copies_of: Callable[[int], BatchedCopies],
    *,
    course: Callable[[], Course],
    episodes: int,
    seed: int,
    deterministic: bool = False,
    going_on: Callable[[], bool] = lambda: True,
    room: int = 0,
    taped: list[Any] | None = None,
) -> Evaluation:
    """As `evaluate`; every copy plays as many episodes, or one less, and there are no tapes.

    Raises:
        EvaluationStopped: `going_on` said so.
        TrainingEnvironmentError: an episode did not end within 100 000 steps.
        ConfigError: no episode was asked for.
    """
    if episodes < 1:
        raise ConfigError(f"episodes={episodes}: at least one is needed.")
    device = next(iter(policies.values())).device
    played = []
    for policy in policies.values():
        policy.set_training_mode(False)
    ours = torch.Generator(device).manual_seed(seed)
    chance = torch.Generator(device).manual_seed(
        int(np.random.default_rng([seed, 2]).integers(2**62))
    )
    into = {name: into_space(policy) for name, policy in policies.items()}
    for choose in (
        partial(_by_policies, policies, into, ours, deterministic),
        partial(_by_chance, chance),
    ):
        copies = copies_of(min(_COPIES, episodes))
        try:
            played.append(_play(copies, course(), episodes, choose, going_on))
        finally:
            copies.close()
    return summed_up(*played, deterministic=deterministic)


@torch.no_grad()
def _play(
    copies: BatchedCopies,
    course: Course,
    episodes: int,
    choose: _Choose,
    going_on: Callable[[], bool],
) -> list[tuple[Episode, float | None]]:
    """The first episodes of each copy with their successes, sorted by copy and number."""
    share, extra = divmod(episodes, copies.num_envs)
    done: list[tuple[Episode, float | None]] = []
    begin_batched(copies, course, blocks=course.variety)
    steps = 0
    while len(done) < episodes:
        if not going_on():
            raise EvaluationStopped("the evaluation was stopped.")
        copies.step(choose(copies))
        ended = copies.read()
        steps = 0 if ended else steps + 1
        if steps > LONGEST:
            raise TrainingEnvironmentError(
                f"no episode ended within {LONGEST:,} steps: give the world a time limit, such as "
                "max_steps in env_kwargs, to evaluate whole episodes."
            )
        done += [
            (episode, course.finished(episode))
            for _, episode in ended
            if episode.number < share + (episode.copy < extra)
        ]
    return sorted(done, key=lambda pair: (pair[0].copy, pair[0].number))


def _by_policies(
    policies: Mapping[str, ActorCriticPolicy],
    into: Mapping[str, Callable[[torch.Tensor], torch.Tensor]],
    generator: torch.Generator,
    deterministic: bool,
    copies: BatchedCopies,
) -> dict[str, torch.Tensor]:
    given = {}
    for name, policy in policies.items():
        seen = copies.observations[name]
        rows = seen.flatten(0, 1)
        if deterministic:
            actions = policy._predict(rows, deterministic=True)
        else:
            actions = act(policy, rows, draw(policy, len(rows), generator))[0]
        shape = (*seen.shape[:2], *(policy.action_space.shape or ()))
        given[name] = into[name](actions).reshape(shape)
    return given


def _by_chance(generator: torch.Generator, copies: BatchedCopies) -> dict[str, torch.Tensor]:
    """Uniformly random actions."""
    return {
        name: _uniform(shared.action, copies.observations[name].shape[:2], generator)
        for name, shared in copies.arrays.spaces.items()
    }


def _uniform(space: spaces.Space, plane: torch.Size, generator: torch.Generator) -> torch.Tensor:
    device = generator.device
    size = (*plane, *(space.shape or ()))
    chance = torch.rand(size, generator=generator, device=device)
    if isinstance(space, spaces.Box):
        low, high = np.clip(space.low, -1e3, None), np.clip(space.high, None, 1e3)
        low, high = (torch.as_tensor(one, device=device) for one in (low, high))
        return (low + chance * (high - low)).to(low.dtype)
    if isinstance(space, spaces.Discrete):
        return (chance * int(space.n)).long()
    if isinstance(space, spaces.MultiDiscrete):
        return (chance * torch.as_tensor(space.nvec, device=device)).long()
    return (chance < 0.5).to(torch.int8)
