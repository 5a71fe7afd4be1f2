"""What a training begins with: a look at its world, and how many threads are fastest."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.config import RlConfig
from daf_nb.envs import EnvDescription, Watch, World, preflight
from daf_nb.envs.starting import MOST_IN_A_ROW
from daf_nb.errors import DafWarning, TrainingEnvironmentError
from daf_nb.learn.timing import choose_threads

__all__ = ["look_at", "timed_threads"]


def look_at(
    world: World,
    config: RlConfig,
    watch: Watch,
    *,
    note: Callable[[str], object],
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> EnvDescription:
    """What a pre-flight episode finds; where episodes may be dropped, the first that goes well.

    Args:
        world: to be looked at.
        config: how strictly, and whether episodes may be dropped.
        watch: of the calling thread.
        note: told of what was found, which is warned of as well, and of what was dropped.
        within: what holds while an episode is flown, and is not while `note` is told.

    Raises:
        TrainingEnvironmentError: as `preflight`.
    """
    found = _flown(world, config, watch, note, within)
    for finding in found.findings:
        note(finding)
        warnings.warn(f"{world.name}: {finding}", DafWarning, stacklevel=2)
    return found


def timed_threads(models: Mapping[str, OnPolicyAlgorithm]) -> int:
    """The number of torch's threads that is fastest for the model that gains most."""
    return max(choose_threads(model) for model in models.values())


def _flown(
    world: World,
    config: RlConfig,
    watch: Watch,
    note: Callable[[str], object],
    within: Callable[[], AbstractContextManager[object]],
) -> EnvDescription:
    def flown(seed: int) -> EnvDescription:
        with within():
            return preflight(world, strict=config.strict, seed=seed, watch=watch)

    last = MOST_IN_A_ROW - 1 if config.on_failure == "drop" else 0
    for seed in range(last):
        try:
            return flown(seed)
        except TrainingEnvironmentError as error:
            note(f"dropped: {error}")
    return flown(last)
