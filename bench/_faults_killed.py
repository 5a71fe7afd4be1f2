"""A run that is killed at random moments, again and again, and resumed until it is done."""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import daf_nb as daf
from daf_nb.control import Controls
from daf_nb.record.folders import run_ids
from daf_nb.session import resume

KILLS = 3
"""Of one run, before it may come to its end."""
_CLOCK = ("memory/", "system/", "time/")
_SCRIPT = (
    (900, "ent_coef", 0.01),
    (2_000, "curriculum.difficulty_bias", 0.4),
    (3_000, "n_steps", 64),
    (4_000, "curriculum.strategy", "adaptive"),
    (5_000, "learning_rate", 1e-4),
    (6_000, "clip_range", 0.15),
)


def begin(root: Path, *, total: int = 10_000, interval: int = 1_000) -> daf.Run:
    """simple_spread with a curriculum, rules, scripted interventions and evaluations.

    Args:
        root: the runs folder.
        total: agent-steps.
        interval: from checkpoint to checkpoint.
    """
    config = daf.CurriculumConfig(strategy="learnability", window=20, stats_update_frequency=10)
    curriculum = daf.CurriculumManager(config)
    for place in range(3):
        curriculum.add_task(
            f"task {place}", difficulty=place / 3, env_kwargs={"max_cycles": 8 + 4 * place}
        )
    slower = daf.Action(knob="learning_rate", factor=0.9)
    rule = daf.Rule(name="kl", signal="train/approx_kl", high=2e-4, cooldown=3, above=slower)
    rows = [
        {"step": at, "name": name, "new": new, "by": "user"}
        for at, name, new in _SCRIPT
        if at < total
    ]
    return daf.train(
        "mpe2.simple_spread_v3",
        total_timesteps=total,
        num_envs=4,
        seed=0,
        device="cpu",
        torch_threads=1,
        success=(-60.0, 0.0),
        curriculum=curriculum,
        controller=daf.AdaptiveConfig(rules=(rule,)),
        controls=Controls(script=rows),
        checkpoint_interval=interval,
        evaluation_interval=3_000,
        evaluation_episodes=4,
        algorithm_kwargs={"n_steps": 32},
        runs_dir=root,
        observers=(),
    )


def newest(root: Path) -> int | None:
    """The run that is recorded there; None where it was killed before it was."""
    ids = [number for number in run_ids(root) if (root / str(number) / "run.json").exists()]
    return max(ids, default=None)


def ends(root: Path) -> tuple[Any, ...]:
    """What a run has come to: parameters, metrics, journal; all but the clock's."""
    record = daf.load_run(newest(root) or 0, runs_dir=root)
    metrics = record.metrics
    metrics = metrics.drop(columns=[n for n in metrics if str(n).startswith(_CLOCK)])
    parameters = {name: tensor.tolist() for name, tensor in record.policy_state().items()}
    return record.status, parameters, metrics.to_csv(), record.journal.to_csv()


def killed_runs(tries: int, root: Path) -> dict[str, int]:
    """Kills runs so often in all; what came of it.

    Returns:
        `tries`: kills; `recovered`: of runs that came to their end; `exact`: of those whose end is
        that of the undisturbed run; `said`: true status after the kill.
    """
    began = time.monotonic()
    _child(root / "whole", None)
    seconds, whole = time.monotonic() - began, ends(root / "whole")
    told = {"tries": 0, "recovered": 0, "exact": 0, "said": 0}
    number = 0
    while told["tries"] < tries:
        number += 1
        folder, kills = root / str(number), 0
        for _ in range(min(KILLS, tries - told["tries"])):
            kills += 1
            done = _child(folder, random.uniform(0.0, seconds))
            # A process may also be killed when its run is complete.
            status = _status(folder)
            told["said"] += status == "COMPLETED" or (not done and status in (None, "LOST"))
            if status == "COMPLETED":
                break
        if _status(folder) != "COMPLETED":
            _child(folder, None)
        told["tries"] += kills
        if _status(folder) == "COMPLETED":
            told["recovered"] += kills
            told["exact"] += kills * (ends(folder) == whole)
        print(f"{told['tries']} kills: {told}", file=sys.stderr, flush=True)
    return told


ROWS = {"1 trainer killed (SIGKILL) at random moments": killed_runs}


def _status(root: Path) -> str | None:
    number = newest(root)
    return None if number is None else daf.load_run(number, runs_dir=root).status


def _child(root: Path, killed_after: float | None) -> bool:
    """Begins or resumes the run in a process of its own; False where that was killed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", __file__, str(root)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    assert child.stdout is not None
    child.stdout.readline()  # imports are over
    timer = threading.Timer(killed_after or 0.0, child.send_signal, [signal.SIGKILL])
    if killed_after is not None:
        timer.start()
    code = child.wait()
    timer.cancel()
    if code not in (0, -signal.SIGKILL):
        raise SystemExit(f"the run in {root} failed with code {code}")
    return code == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    root: Path = parser.parse_args().root
    print("ready", flush=True)
    number = newest(root)
    if number is None:
        begin(root).wait()
    elif daf.load_run(number, runs_dir=root).status != "COMPLETED":
        resume(number, runs_dir=root).wait()


if __name__ == "__main__":
    main()
