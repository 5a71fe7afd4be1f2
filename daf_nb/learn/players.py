"""Policies with what they play in: whole episodes of theirs, on a seed that is chosen, as tapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy

from daf_nb.envs import MAX_SEED, Copies, Layout, Setting, Tape, World
from daf_nb.errors import ConfigError, DafError
from daf_nb.learn.choosers import policy_chooser
from daf_nb.learn.groups import group_agents
from daf_nb.learn.layouts import plain_layout
from daf_nb.learn.models import copy_policy

if TYPE_CHECKING:
    from daf_nb.learn.curriculum import CurriculumCourse
    from daf_nb.learn.learner import Learner

__all__ = ["LONGEST", "Players", "PlayingStopped", "players_in", "players_of"]

LONGEST = 10_000
"""World steps after which an episode is cut, where nothing else is said."""

_SHARES = ("group", "all", "none")


class PlayingStopped(DafError):
    """An episode was broken off from outside."""


@dataclass(frozen=True, eq=False)
class Players:
    """Policies on the CPU that nobody trains any more, and what they play in.

    Attributes:
        policies: group -> policy.
        groups: group -> its agents.
        layout: the agents and spaces that the policies see.
        world: what they play in.
        curriculum: whose tasks they can play; None for the world as it is.
        step: agent-steps that they were trained for; None where that is not known.
    """

    policies: Mapping[str, ActorCriticPolicy]
    groups: Mapping[str, Sequence[str]]
    layout: Layout
    world: World
    curriculum: CurriculumCourse | None = None
    step: int | None = None

    def setting(self, task: str | None, *, seed: int) -> Setting:
        """What an episode of a task is played with; a task's draws come from the seed.

        Args:
            task: of the curriculum, at its greatest difficulty; None for the first of those that
                the curriculum aims at, or for the world as it is where there is none.
            seed: of the episode.

        Raises:
            ConfigError: no such task, or no curriculum.
        """
        if self.curriculum is None:
            if task is not None:
                raise ConfigError(f"task={task!r}: there is no curriculum; leave the task out.")
            return Setting()
        names = self.curriculum.targets[:1] if task is None else [task]
        return self.curriculum.only(names, seed=seed).next(0)

    def remade(self, tape: Tape) -> Tape:
        """A tape of theirs that has been through bytes, its settings whole again.

        Raises:
            ConfigError: the tape could not keep what is needed.
        """
        is_whole = not isinstance(tape.setting.tag, Mapping)
        return tape if self.curriculum is None or is_whole else tape.remade(self.curriculum.remade)

    def given(self, policies: Mapping[str, Any]) -> Players:
        """Others' policies in place of these.

        Args:
            policies: group -> SB3 model or policy, of the same groups.

        Raises:
            ConfigError: other groups, or no policies.
        """
        if policies.keys() != self.policies.keys():
            raise ConfigError(
                f"policies of {', '.join(map(str, policies)) or 'no group'} came; one of each "
                f"group is needed: {', '.join(self.policies)}."
            )
        return replace(self, policies=_copies(policies), step=None)

    def tape(
        self,
        seed: int,
        *,
        setting: Setting | None = None,
        world: World | None = None,
        deterministic: bool = True,
        longest: int = LONGEST,
        going_on: Callable[[], bool] = lambda: True,
    ) -> Tape:
        """Plays one episode; its tape.

        Args:
            seed: what the world is reset with, and the noise comes from.
            setting: what is played; None for what `setting(None)` gives.
            world: where; None for their own.
            deterministic: the policies' modes in place of samples.
            longest: world steps after which the episode is cut off.
            going_on: asked at every step; False breaks the episode off.

        Raises:
            PlayingStopped: `going_on` said so.
            ConfigError: a seed outside [0, 2**32), or a setting that does not fit.
            TaskGenerationError: a setting that cannot be played.
            TrainingEnvironmentError: the world raised, or broke its contract.
        """
        if not 0 <= seed <= MAX_SEED:
            raise ConfigError(f"seed={seed}: from 0 to {MAX_SEED} is allowed.")
        taped: list[Tape] = []
        copies = self._copies(world or self.world)
        try:
            copies.on_tape = lambda episode, cut: taped.append(cut())
            copies.reseed(seed, same=True)
            copies.prepare(0, setting or self.setting(None, seed=seed))
            copies.reset()
            generator = torch.Generator().manual_seed(seed)
            choose = policy_chooser(self.policies, generator, deterministic)
            for _ in range(longest):
                if not going_on():
                    raise PlayingStopped("the episode was broken off.")
                copies.step(choose(copies))
                if taped:
                    return taped[0]
            return copies.tapes()[0]
        finally:
            copies.close()

    def _copies(self, world: World) -> Copies:
        return Copies(
            world.build,
            groups=self.groups,
            num_envs=1,
            seed=0,
            layout=self.layout,
            rebuild=lambda env_kwargs: world.changed(env_kwargs).build(),
            world=world,
        )


def players_of(
    learner: Learner, world: World, curriculum: CurriculumCourse | None, *, step: int | None
) -> Players:
    """Copies of a learner's policies as they are now, with what it learns in.

    Args:
        learner: whose; nobody may be in the middle of an update.
        world: what it learns in.
        curriculum: whose tasks it plays, or None.
        step: its agent-steps.
    """
    return Players(_copies(learner.models), learner.groups, learner.layout, world, curriculum, step)


def players_in(world: World, policies: Mapping[str, Any]) -> Players:
    """Anybody's policies in a world.

    Args:
        world: where they are to play.
        policies: group -> SB3 model or policy; a group is named as `RlConfig.share` names it, and
            agents that have a policy each are groups of their own.

    Raises:
        ConfigError: no such groups in this world, or no policies.
    """
    layout, found = plain_layout(world), dict[str, dict[str, list[str]]]()
    for share in _SHARES:
        try:
            found[share] = group_agents(layout.spaces, share)
        except ConfigError:
            continue
        if found[share].keys() == policies.keys():
            return Players(_copies(policies), found[share], layout, world)
    known = " or ".join(dict.fromkeys(", ".join(groups) for groups in found.values()))
    raise ConfigError(
        f"policies of {', '.join(map(str, policies)) or 'no group'} came for {world.name}; its "
        f"groups are {known}."
    )


def _copies(policies: Mapping[str, Any]) -> dict[str, ActorCriticPolicy]:
    copied = {}
    for group, given in policies.items():
        policy = getattr(given, "policy", given)
        if not isinstance(policy, (ActorCriticPolicy, MaskableActorCriticPolicy)):
            raise ConfigError(
                f"policies[{group!r}] is a {type(given).__name__}; an SB3 model such as PPO, or "
                "its policy, is needed."
            )
        copied[group] = copy_policy(policy).to("cpu")
        copied[group].set_training_mode(False)
    return copied
