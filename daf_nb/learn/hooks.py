"""Standard SB3 callbacks on the groups' models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.errors import ConfigError, unknown_name

__all__ = ["CallbackLike", "Callbacks", "Hooks", "check_callbacks"]

CallbackLike = BaseCallback | list[BaseCallback]
Callbacks = CallbackLike | Mapping[str, CallbackLike] | None


def check_callbacks(
    callbacks: Callbacks, models: Mapping[str, OnPolicyAlgorithm]
) -> Mapping[str, CallbackLike]:
    """Group -> callbacks.

    Raises:
        ConfigError: one callback for several groups, or an unknown group.
    """
    if callbacks is None:
        return {}
    if not isinstance(callbacks, Mapping):
        if len(models) > 1:
            raise ConfigError(
                "an SB3 callback belongs to one model; give a dict with one per group: "
                f"{', '.join(models)}."
            )
        return {next(iter(models)): callbacks}
    for group in callbacks:
        if group not in models:
            raise ConfigError(unknown_name("group", group, models))
    return callbacks


class Hooks:
    """Calls SB3 callbacks where SB3 would: training start and end, rollout start and end, steps.

    Args:
        callbacks: one callback or list where there is one group; else group -> callbacks.
        models: group -> model.

    Raises:
        ConfigError: one callback for several groups, or an unknown group.
    """

    def __init__(self, callbacks: Callbacks, models: Mapping[str, OnPolicyAlgorithm]) -> None:
        self._models = models
        self._by_group: dict[str, BaseCallback] = {}
        for group, given in check_callbacks(callbacks, models).items():
            callback = CallbackList(given) if isinstance(given, list) else given
            callback.init_callback(models[group])
            self._by_group[group] = callback

    @property
    def step(self) -> Callable[[str, dict[str, Any]], bool] | None:
        """What the collector calls after every step; None where nobody listens."""
        return self._on_step if self._by_group else None

    def training_start(self, total_timesteps: int) -> None:
        for callback in self._by_group.values():
            callback.on_training_start({"total_timesteps": total_timesteps}, {})

    def training_end(self) -> None:
        for callback in self._by_group.values():
            callback.on_training_end()

    def rollout_start(self) -> None:
        for callback in self._by_group.values():
            callback.on_rollout_start()

    def rollout_end(self) -> None:
        for callback in self._by_group.values():
            callback.on_rollout_end()

    def _on_step(self, group: str, local: dict[str, Any]) -> bool:
        callback = self._by_group.get(group)
        if callback is None:
            return True
        model = self._models[group]
        callback.update_locals({"self": model, "env": model.env, **local})
        return callback.on_step()
