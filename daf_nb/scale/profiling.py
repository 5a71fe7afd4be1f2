"""`profile`: where the time of a training goes."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daf_nb.errors import ConfigError
from daf_nb.learn import RlTrainer
from daf_nb.learn.events import Event
from daf_nb.record import Recorder, Source
from daf_nb.record.listener import run_spec
from daf_nb.scale import parts
from daf_nb.scale.sampler import StackSampler
from daf_nb.session.starting import let_go, make_trainer, start

if TYPE_CHECKING:
    import pandas as pd
    from pettingzoo.utils.env import ParallelEnv

    from daf_nb.envs import WorldLike

__all__ = ["Profile", "profile"]

_WARM, _LEAST = 1, 2
"""Rollouts with their updates that come before, and at least as many that are looked at."""


@dataclass(frozen=True)
class Profile:
    """Where the time of a training went. Shows itself as text.

    Attributes:
        world: its name.
        seconds: part -> seconds of the training thread.
        steps: live agent-steps in that time.
        advice: one sentence.
    """

    world: str
    seconds: Mapping[str, float]
    steps: int
    advice: str

    @property
    def rate(self) -> float:
        """Live agent-steps a second."""
        return self.steps / sum(self.seconds.values())

    @property
    def shares(self) -> dict[str, float]:
        """Part -> its share of the time."""
        whole = sum(self.seconds.values())
        return {part: seconds / whole for part, seconds in self.seconds.items()}

    def table(self) -> pd.DataFrame:
        """A row for each part: its share, and microseconds per agent-step."""
        import pandas as pd

        each = {part: 1e6 * seconds / self.steps for part, seconds in self.seconds.items()}
        return pd.DataFrame({"share": self.shares, "microseconds": each}).rename_axis("part")

    def __repr__(self) -> str:
        whole = sum(self.seconds.values())
        lines = [f"{self.world}: {self.rate:,.0f} agent-steps/s, looked at for {whole:.1f} s", ""]
        lines.append(f"{'part':<20} {'share':>7} {'µs per agent-step':>18}")
        for part, seconds in self.seconds.items():
            lines.append(f"{part:<20} {seconds / whole:>7.1%} {1e6 * seconds / self.steps:>18.1f}")
        return "\n".join([*lines, "", self.advice])


def profile(world: WorldLike | ParallelEnv | str, *, seconds: float = 5.0, **given: Any) -> Profile:
    """Trains for a while, recorded in a temporary folder, and says where the time goes.

    The training thread is looked at every 2 ms; names of modules and functions say which part it is
    in. A share is right to a few hundredths. What a GPU computes counts where its result is
    awaited, and what worker processes do where they are waited for.

    Args:
        world: as in `train`.
        seconds: to look for, after a rollout and an update that are not counted; at least two
            rollouts with their updates are looked at.
        **given: arguments of `train` that decide how it trains: `num_envs`, `env_kwargs`,
            `device`, ...

    Raises:
        ConfigError: as `train`; or seconds that are not positive.
        TrainingEnvironmentError: the world failed.
    """
    if not seconds > 0:
        raise ConfigError(f"seconds={seconds}: a positive number.")
    trainer = make_trainer(world, **{"total_timesteps": 10**12, **given})
    look = _Look(trainer, seconds)
    try:
        with tempfile.TemporaryDirectory(prefix="daf_nb-profile-") as folder:

            def recorder() -> Recorder:
                name, source = trainer.config.experiment_name, Source("unknown", "", "")
                return Recorder(spec=run_spec(trainer), name=name, runs_dir=folder, source=source)

            start(trainer, recorder, trainer.train).wait()
    except BaseException:
        let_go(trainer)
        raise
    finally:
        look.sampler.stop()
    if look.steps <= 0:
        raise ConfigError(
            "training ended before there was anything to look at: give a larger total_timesteps, "
            "or none."
        )
    counted = {part: look.sampler.seconds.get(part, 0.0) for part in parts.PARTS}
    shares = {part: one / sum(counted.values()) for part, one in counted.items()}
    told = _advice(shares, trainer)
    return Profile(trainer.world.name, counted, look.steps, told)


class _Look:
    """Starts to look once it is warm, and stops both the looking and the training.

    Args:
        trainer: told of by itself, in its thread.
        seconds: see `profile`.
    """

    def __init__(self, trainer: RlTrainer, seconds: float) -> None:
        self.sampler, self.steps = StackSampler(parts.part_of), 0
        self._trainer, self._seconds = trainer, seconds
        self._cycles, self._from, self._until = 0, 0, 0.0
        trainer.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if event.kind != "metrics":
            return
        self._cycles += 1
        if self._cycles == _WARM:
            self._from, self._until = event.step, time.perf_counter() + self._seconds
            self.sampler.start(threading.get_ident())
        elif self._cycles >= _WARM + _LEAST and time.perf_counter() > self._until:
            self.sampler.stop()
            self.steps = self.steps or event.step - self._from
            self._trainer.gate.stop()


def _advice(shares: Mapping[str, float], trainer: RlTrainer) -> str:
    """What the greatest parts suggest."""
    worlds = shares[parts.STEPS] + shares[parts.RESETS]
    update = shares[parts.FORWARD] + shares[parts.BACKWARD] + shares[parts.OPTIMISER]
    recording, config = shares[parts.RECORD], trainer.config
    device = next(iter(trainer.policies.values())).device.type
    if recording > 0.1:
        return (
            f"The record takes {recording:.0%}: tape_interval and checkpoint_interval say how much "
            "is kept."
        )
    if worlds > 0.5:
        usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        told = f"The worlds take {worlds:.0%} of the time"
        if config.num_workers:
            return f"{told}: more copies for each worker (num_envs) may keep them busier."
        if len(usable) > 1:
            return f"{told}: num_workers would step them on {len(usable)} cores."
        return f"{told}, and there is one core: only a faster world makes this faster."
    if update > 0.5:
        more = "a larger batch_size or fewer n_epochs make it cheaper"
        if device == "cpu":
            more += "; for large networks, so does a GPU (device='cuda')"
        return f"The update takes {update:.0%} of the time: {more}."
    if shares[parts.INFERENCE] > 0.4:
        inference = shares[parts.INFERENCE]
        return f"Inference takes {inference:.0%}: more copies (num_envs) share each of its passes."
    return "No part takes most of the time."
