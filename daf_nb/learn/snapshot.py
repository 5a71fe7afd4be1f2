"""A trainer's whole state at a boundary, as data, tensors and tapes; and a trainer that goes on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from daf_nb.curriculum.state import as_data, capture, of_data, restore
from daf_nb.envs.tape import Tape
from daf_nb.errors import ConfigError
from daf_nb.learn.model_state import load_model, load_shuffles, model_state
from daf_nb.learn.playground import Episodes, Playground

if TYPE_CHECKING:
    from daf_nb.control import AdaptiveController
    from daf_nb.curriculum import CurriculumManager
    from daf_nb.learn.learner import Learner
    from daf_nb.learn.loop import TrainingLoop

__all__ = ["CONTROLLER", "Snapshot", "load_chance", "load_snapshot", "take_snapshot"]

CONTROLLER = "controller"
_NOISE = "noise"
_CLOCK = frozenset({"_started"})


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A trainer at a boundary.

    Attributes:
        step: live agent-steps.
        state: all that is not in the others, as data that strict JSON holds without loss.
        tensors: name -> parameters, the optimisers' tensors, and the state of the action noise.
        tapes: the episodes in progress, one of each copy; of batched copies, which are among the
            tensors, none.
    """

    step: int
    state: dict[str, Any]
    tensors: dict[str, torch.Tensor]
    tapes: Sequence[Tape]

    @property
    def episodes(self) -> Episodes:
        """The episodes in progress, whatever they are kept as; nothing where none had begun."""
        start = Playground.TENSORS
        kept = {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}
        return self.tapes or kept

    def playing(self, before: Snapshot) -> Snapshot:
        """This state, with the episodes of another that are to be gone on with."""
        start = Playground.TENSORS
        kept = {name: one for name, one in before.tensors.items() if name.startswith(start)}
        return replace(self, tapes=before.tapes, tensors={**self.tensors, **kept})


def take_snapshot(
    learner: Learner,
    loop: TrainingLoop,
    curriculum: CurriculumManager | None,
    controller: AdaptiveController | None,
    *,
    begun: bool = True,
) -> Snapshot:
    """The state now, in the training thread at a boundary; nothing is changed.

    Args:
        learner: the trainer's.
        loop: the trainer's.
        curriculum: the trainer's.
        controller: the trainer's.
        begun: False takes the state before the first episodes, which are then no part of it.

    Raises:
        ConfigError: no episode is in progress, or in another world; or something is no plain data,
            such as an attribute of a strategy.
    """
    if begun and not learner.ground.playing:
        raise ConfigError(
            "the trainer plays no episodes of its own world now: its state can be taken between "
            "two updates of `train`, once there was one."
        )
    tensors = {_NOISE: learner.generator.get_state().clone()}
    told = {
        "models": {
            group: model_state(model, group, tensors) for group, model in learner.models.items()
        },
        "learner": learner.ground.standing(),
        "course": learner.ground.course.state_dict(),
        "controls": loop.controls.state_dict(),
        "threads": loop.threads,
        "seconds": loop.progress.elapsed,
    }
    state = {
        "told": as_data(told, "the trainer"),
        "progress": capture(loop.progress, leave=_CLOCK),
        "device": str(learner.device),
        "curriculum": None if curriculum is None else curriculum.state_dict(),
        "controller": None if controller is None else controller.state_dict(),
    }
    tapes = learner.ground.tapes(tensors) if begun else ()
    return Snapshot(loop.progress.step, state, tensors, tapes)


def load_snapshot(
    snapshot: Snapshot,
    learner: Learner,
    loop: TrainingLoop,
    curriculum: CurriculumManager | None,
    controller: AdaptiveController | None,
    *,
    exact: bool = True,
    leave: Collection[str] = (),
) -> None:
    """Puts a state into a trainer that was made from the same spec and has not trained.

    Args:
        snapshot: the state.
        learner: the trainer's.
        loop: the trainer's.
        curriculum: the trainer's.
        controller: the trainer's.
        exact: go on in the middle of the episodes, with the same noise, minibatches and threads;
            else with other episodes and noise, from the policies, optimisers, values, curriculum,
            rules and counts alone, and of the rules only where both have a controller.
        leave: knobs that keep the spec's values, by their names without a group's; "controller"
            for one that starts anew.

    Raises:
        ConfigError: it is the state of a trainer of another make. The trainer is of no more use.
        TrainingEnvironmentError: an episode went another way than on its tape.
    """
    state = snapshot.state
    told = of_data(state["told"])
    for what, mine, its in (
        ("curriculum", curriculum, state["curriculum"]),
        ("adaptive controller", controller, state["controller"]),
    ):
        if (mine is None) != (its is None) and (exact or what == "curriculum"):
            raise ConfigError(f"the state is one {'without' if its is None else 'with'} {what}.")
    if told["models"].keys() != learner.models.keys():
        raise ConfigError(f"the state is one of other groups: {', '.join(told['models'])}.")
    restore(loop.progress, state["progress"], leave=_CLOCK)
    loop.progress.seconds = told["seconds"]
    if curriculum is not None:
        curriculum.load_state_dict(state["curriculum"])
    if controller is not None and state["controller"] is not None and CONTROLLER not in leave:
        controller.load_state_dict(state["controller"])
    for group, model in learner.models.items():
        load_model(model, group, told["models"][group], snapshot.tensors)
    loop.controls.load_state_dict(told["controls"], leave=leave)
    learner.ground.course.load_state_dict(told["course"])
    if exact:
        load_chance(learner, told["models"], snapshot.tensors)
        loop.threads = told["threads"]
    else:
        learner.ground.course.forget()
    learner.ground.stand(told["learner"], snapshot.episodes if exact else None)


def load_chance(
    learner: Learner, models: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> None:
    """Puts the sources of action noise and of minibatches back."""
    noise = tensors.get(_NOISE)
    try:
        learner.generator.set_state(torch.as_tensor(noise, dtype=torch.uint8).cpu())
    except (RuntimeError, TypeError) as error:
        raise ConfigError(f"the action noise cannot be taken up: {error}") from error
    for group, model in learner.models.items():
        load_shuffles(model, models[group])
