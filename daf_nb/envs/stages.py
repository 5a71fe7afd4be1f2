"""A world's own curriculum: its stages, and a remedy for those that mpe2 forgets."""

from __future__ import annotations

from typing import Any

from daf_nb.errors import ConfigError

__all__ = ["set_stage"]


def set_stage(stage: int, env: Any) -> None:
    """Puts a world into a stage of its own curriculum, from its next reset on.

    In mpe2 1.1.1 the scenarios' base class has a property `curriculum_stage` whose setter does
    nothing, so that `set_curriculum_stage` changes nothing in any world. Where that shows, the
    scenario gets a class of its own in which the stage is an attribute again.

    Args:
        stage: from 0; the world may clip it.
        env: the world; what counts is its `unwrapped`.

    Raises:
        ConfigError: the world has no stages, or does not take this one.
    """
    world = env.unwrapped
    setter = getattr(world, "set_curriculum_stage", None)
    if setter is None:
        raise ConfigError(
            f"{env} has no set_curriculum_stage; curriculum_stage is for worlds with stages of "
            "their own, such as mpe2's simple_spread with curriculum=True."
        )
    setter(int(stage))
    if getattr(world, "curriculum_stage", stage) == stage:
        return
    scenario = getattr(world, "scenario", None)
    if scenario is not None and "curriculum_stage" not in vars(scenario):
        kind = type(scenario)
        scenario.__class__ = type(kind.__name__, (kind,), {"curriculum_stage": 0})
        setter(int(stage))
    if world.curriculum_stage != stage:
        raise ConfigError(
            f"{env} was asked for stage {stage} and is in stage {world.curriculum_stage}; its own "
            "curriculum may have fewer stages, or be off (curriculum=True in env_kwargs)."
        )
