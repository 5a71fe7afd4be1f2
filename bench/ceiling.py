"""What learning alone allows: daf_nb and SB3's PPO on a world that costs nothing, in turn.

Both see 18 numbers and have five actions; episodes never end. daf_nb's world is a PettingZoo one,
stepped through its copies like any other; SB3 gets a `VecEnv` that gives the same arrays always, so
that it is charged for nothing but itself. Whole cycles are timed, a rollout and its update, and the
two take turns within one program: noise of the machine falls on both.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from _common import machine, save, table
from gymnasium import spaces
from pettingzoo.utils.env import ParallelEnv
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from daf_nb import RlConfig
from daf_nb.learn import RlTrainer

AGENTS, N_STEPS, BATCH, EPOCHS = 8, 128, 512, 4
SEES = spaces.Box(-np.inf, np.inf, (18,), np.float32)
ACTS = spaces.Discrete(5)

LEGEND = f"""
Agent-steps a second, medians over rounds; "ratio": daf_nb over SB3, by round, with range;
"update": its share of daf_nb's last cycle, the rest being the rollout. PPO, MlpPolicy of two layers
of 64, n_steps {N_STEPS}, batch {BATCH}, {EPOCHS} epochs, one thread; copies of {AGENTS} agents."""


class Free(ParallelEnv):
    """Agents that always see the same, earn the same, and never end."""

    def __init__(self) -> None:
        self.metadata, self.render_mode = {"name": "free_v0", "render_modes": []}, None
        self.possible_agents = [f"agent_{number}" for number in range(AGENTS)]
        seen = np.random.default_rng(0).standard_normal((AGENTS, 18)).astype(np.float32)
        self._seen = dict(zip(self.possible_agents, seen, strict=True))
        self._earned = dict.fromkeys(self.possible_agents, 1.0)
        self._ended = dict.fromkeys(self.possible_agents, False)
        self._said: dict[str, dict[str, Any]] = {agent: {} for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Space:
        return SEES

    def action_space(self, agent: str) -> spaces.Space:
        return ACTS

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.agents = self.possible_agents
        return self._seen, self._said

    def step(self, actions: Any) -> Any:
        return self._seen, self._earned, self._ended, self._ended, self._said


class FreeRows(VecEnv):
    """The same for SB3, as arrays."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows, SEES, ACTS)
        self._seen = np.random.default_rng(0).standard_normal((rows, 18)).astype(np.float32)
        self._earned, self._ended = np.ones(rows, np.float32), np.zeros(rows, bool)
        self._said: list[dict[str, Any]] = [{} for _ in range(rows)]

    def reset(self) -> Any:
        return self._seen

    def step_async(self, actions: np.ndarray) -> None:
        pass

    def step_wait(self) -> Any:
        return self._seen, self._earned, self._ended, self._said

    def close(self) -> None:
        pass

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


def stock(rows: int, device: str, clock: Callable[[], float]) -> Callable[[int], float]:
    """Trains SB3's PPO for so many cycles at each call; gives the seconds."""
    model = PPO(
        "MlpPolicy",
        FreeRows(rows),
        n_steps=N_STEPS,
        batch_size=BATCH,
        n_epochs=EPOCHS,
        seed=0,
        device=device,
    )

    def train(cycles: int) -> float:
        began = clock()
        model.learn(cycles * N_STEPS * rows, reset_num_timesteps=False)
        return clock() - began

    return train


def daf(
    rows: int, device: str, clock: Callable[[], float] = time.perf_counter
) -> tuple[RlTrainer, Callable[[int], float]]:
    """Trains with daf_nb for so many cycles at each call; gives the seconds."""
    config = RlConfig(
        total_timesteps=10**9,
        num_envs=rows // AGENTS,
        seed=0,
        device=device,
        torch_threads=1,
        batch_size=BATCH,
        algorithm_kwargs={"n_steps": N_STEPS, "n_epochs": EPOCHS},
        tape_interval=None,
    )
    trainer = RlTrainer(config, env=Free)
    left = 0
    marks: list[float] = []

    def mark(event: Any) -> None:
        nonlocal left
        if event.kind == "metrics":
            marks.append(clock())
            left -= 1
            if not left:
                trainer.gate.stop()

    def train(cycles: int) -> float:
        nonlocal left
        left = cycles + 1  # the first, with what a start costs, is not counted
        marks.clear()
        trainer.train()
        return marks[-1] - marks[0]

    trainer.subscribe(mark)
    return trainer, train


def measure(rows: int, args: argparse.Namespace) -> dict[str, Any]:
    """Rounds of both in turn; agent-steps a second of each round."""
    trainer, ours = daf(rows, args.device, CLOCKS[args.clock])
    theirs = stock(rows, args.device, CLOCKS[args.clock])
    cycles = max(2, args.steps // (N_STEPS * rows))
    ours(2)
    theirs(2)
    rates: dict[str, list[float]] = {"daf_nb": [], "SB3": []}
    for _ in range(args.rounds):
        for name, train in (("daf_nb", ours), ("SB3", theirs)):
            gc.collect()
            rates[name].append(cycles * N_STEPS * rows / train(cycles))
    share = trainer.progress.metrics["time/update_share"]
    trainer.close()
    return {"rows": rows, **rates, "update_share": share}


def line(result: dict[str, Any]) -> list[str]:
    """A row of the table."""
    ours, theirs = result["daf_nb"], result["SB3"]
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return [
        str(result["rows"]),
        f"{median(theirs):,.0f}",
        f"{median(ours):,.0f}",
        f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]",
        f"{result['update_share']:.0%}",
    ]


def main() -> None:
    """Measures, prints the table, and writes every measurement where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[24, 256])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=16_384, help="rows to time, at least")
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="cpu: this process's own time, where others compute too",
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="write the measurements as JSON")
    args = parser.parse_args()
    torch.set_num_threads(1)
    here = machine()
    results = [measure(rows, args) for rows in args.rows]
    save(args.out, machine=here, results=results)
    print({name: here[name] for name in ("date", "cpu", "cores", "load_at_start", "torch")})
    print(table(["rows", "SB3", "daf_nb", "ratio", "update"], [line(result) for result in results]))
    print(LEGEND)


if __name__ == "__main__":
    main()
