"""The conformance suite: does a vectorised multi-agent world keep what training relies on?"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pettingzoo import ParallelEnv
from stable_baselines3.common.vec_env import VecEnv

from daf_nb.errors import DafWarning
from daf_nb.testing.judges import JUDGES
from daf_nb.testing.probes import PROBES, differences, probe_interface, probe_seed
from daf_nb.testing.promises import Sight, raise_if_any, raised
from daf_nb.testing.rollout import Rollout, play
from daf_nb.testing.scripted import SCENARIOS
from daf_nb.testing.truth import WITNESS_JUDGES, judge_closing
from daf_nb.testing.witness import Witness

__all__ = ["check_bridge", "check_vec_env"]


def check_vec_env(factory: Callable[[], VecEnv], *, seed: int = 0, steps: int = 100) -> None:
    """Raises unless a vectorised multi-agent world keeps every promise that shows on it.

    Plays random actions and looks at nothing but what SB3 would see. Wrap the world inside in a
    `Witness`, and what only the world knows is checked too: which steps were deaths, where an
    action arrived, which world was closed. `check_bridge` brings such worlds along.

    Args:
        factory: returns a fresh vectorised world at each call, of two copies or more.
        seed: of the worlds and of the random actions.
        steps: how long to play: enough for several episodes to end.

    Raises:
        ConformanceError: its `broken` maps each broken promise (see `PROMISES`) to what was seen.

    Warns:
        DafWarning: no episode ended within `steps`, so nothing about ends was checked.
    """
    sights, rollouts = _examine(factory, seed=seed, steps=steps)
    raise_if_any(sights)
    if not rollouts[0].ends:
        warnings.warn(
            f"no episode ended within {steps} steps: deaths, time limits and credit are unchecked. "
            "Pass more steps, or a world with shorter episodes.",
            DafWarning,
            stacklevel=2,
        )


def check_bridge(
    build: Callable[[Callable[[], ParallelEnv], int], VecEnv], *, seed: int = 0
) -> None:
    """Raises unless a bridge keeps every promise on worlds whose every event is known beforehand.

    Args:
        build: `build(world_factory, num_envs)` returns `num_envs` copies of what the factory
            returns (a PettingZoo `ParallelEnv`), vectorised for SB3.
        seed: of the worlds and of the random actions.

    Raises:
        ConformanceError: its `broken` maps each broken promise (see `PROMISES`) to what was seen,
            and on which world.
    """
    sights: list[Sight] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, scenario) in enumerate(SCENARIOS.items()):
            ledger = Path(folder) / str(number)

            def factory(scenario: Any = scenario, ledger: Path = ledger) -> VecEnv:
                return build(lambda: Witness(scenario(), ledger=ledger), 3)

            found, _ = _examine(factory, seed=seed, steps=24)
            sights += [(promise, f"with {name}: {seen}") for promise, seen in found]
    raise_if_any(sights)


def _examine(
    factory: Callable[[], Any], *, seed: int, steps: int
) -> tuple[list[Sight], list[Rollout]]:
    sights: list[Sight] = []
    rollouts: list[Rollout] = []

    def first(env: Any) -> None:
        sights.extend(probe_interface(env, seed))
        if not isinstance(env, VecEnv):
            return
        refused = list(probe_seed(env, seed))
        sights.extend(refused)
        rollouts.append(play(env, steps=steps, seed=seed, reseed=not refused))
        if not refused:
            rollouts.append(play(env, steps=steps, seed=seed, reseed=True))
        for probe in PROBES:
            sights.extend(probe(env, seed, not refused))

    def second(env: VecEnv) -> None:
        rollouts.append(play(env, steps=steps, seed=seed, reseed=True))
        sights.extend(("seeding", seen) for seen in differences(rollouts))

    _use(factory, first, sights)
    if len(rollouts) == 2:
        _use(factory, second, sights)
    for rollout in rollouts[:1]:
        sights.extend(rollout.complaints)
        for judge in JUDGES + (WITNESS_JUDGES if rollout.witnessed else ()):
            sights.extend(judge(rollout))
    sights.extend(judge_closing(rollouts))
    return sights, rollouts


def _use(factory: Callable[[], Any], body: Callable[[Any], None], sights: list[Sight]) -> None:
    """Runs `body` on a fresh vectorised world and closes that twice; what raises is a sight."""
    try:
        env = factory()
    except Exception as error:
        sights.append(("running", raised("the factory", error)))
        return
    try:
        body(env)
    except Exception as error:
        sights.append(("running", raised("it", error)))
    finally:
        for call in ("close()", "a second close()"):
            try:
                env.close()
            except Exception as error:
                sights.append(("closing", raised(call, error)))
