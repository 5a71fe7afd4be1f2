"""What runs inside of the kernel: two equal runs that take turns, one recorded and on a panel."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from IPython.display import display

import daf_nb as daf
from daf_nb.control import Request

COPIES, N_STEPS = 8, 128
SPEC: dict[str, Any] = {
    "total_timesteps": 10**9,  # ended by `Turns`
    "num_envs": COPIES,
    "device": "cpu",
    "torch_threads": 1,
    "batch_size": 512,
    "seed": 0,
}
ALGORITHM = {"n_steps": N_STEPS, "n_epochs": 4}
WORLD: dict[str, Any] = {"env": "mpe2.simple_spread_v3", "env_kwargs": {"N": 3}}
SUCCESS = (-60.0, 0.0)
ARMS = ("bare", "recorded", "recorded and shown")


def trainer() -> daf.RlTrainer:
    """Simple spread with a curriculum that changes nothing, and rules that only look."""
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy="adaptive"))
    manager.add_task("spread", difficulty=(0.0, 1.0))
    return daf.RlTrainer(
        daf.RlConfig(**SPEC, algorithm_kwargs=ALGORITHM),
        **WORLD,
        success=SUCCESS,
        curriculum_manager=manager,
        adaptive_controller=daf.AdaptiveController(daf.AdaptiveConfig(mode="off")),
    )


class Turns:
    """The arms, one of which trains at a time.

    Args:
        runs_dir: where the recorded ones record.
    """

    def __init__(self, runs_dir: Path) -> None:
        self.trainers = {arm: trainer() for arm in ARMS}
        for each in self.trainers.values():
            each.gate.pause()
        bare = self.trainers["bare"].train
        self._bare = threading.Thread(target=bare, name="bare", daemon=True)
        self._bare.start()
        self.runs = [daf.launch(self.trainers[arm], runs_dir=runs_dir) for arm in ARMS[1:]]
        self.shown = self.runs[-1]
        self.panel = self.shown.panel()
        display(self.panel)
        self.waits: list[int] = []
        self._asked: dict[int, int] = {}
        self.shown.controls.subscribe(self._note)
        self.results: list[dict[str, Any]] = []
        self.fingerprints: dict[str, str] = {}
        self.done = False

    def start(self, *, rounds: int, seconds: float) -> None:
        """Takes turns in a thread of its own, so that the kernel stays free."""
        threading.Thread(target=self._take_turns, args=(rounds, seconds), daemon=True).start()

    def _take_turns(self, rounds: int, seconds: float) -> None:
        steps = COPIES * N_STEPS * 3
        # The first updates allocate; and the length of a stretch is found out.
        rate = max(self._stretch(arm, 4 * steps)["rate"] for arm in ARMS)
        stretch = max(steps, int(rate * seconds) // steps * steps)
        for turn in range(rounds):
            for arm in ARMS[:: -1 if turn % 2 else 1]:
                self.results.append({"arm": arm, "round": turn, **self._stretch(arm, stretch)})
        self.fingerprints = {arm: each.fingerprint() for arm, each in self.trainers.items()}
        self.done = True

    def _stretch(self, arm: str, steps: int) -> dict[str, float]:
        """So many agent-steps of one arm; its rate, and the processor time of all other threads."""
        one = self.trainers[arm]
        ended, goal = threading.Event(), one.progress.step + steps

        def listen(event: Any) -> None:
            if event.kind == "metrics" and one.progress.step >= goal:
                one.gate.pause()
            if event.kind == "pause":
                ended.set()

        end = one.subscribe(listen)
        before, began = _processor_seconds(), time.perf_counter()
        elapsed = one.progress.elapsed
        one.gate.resume()
        ended.wait()
        end()
        lasted, wall = one.progress.elapsed - elapsed, time.perf_counter() - began
        spent = _processor_seconds()
        others = sum(
            seconds - before.get(name, 0.0)
            for name, seconds in spent.items()
            if name != _trains(arm, self.runs)
        )
        return {"rate": steps / lasted, "others": others / wall}

    def _note(self, request: Request) -> None:
        """Counts the boundaries from a request to its being applied."""
        updates = self.shown.trainer.progress.updates
        if request.state == "pending":
            self._asked[id(request)] = updates
        else:
            asked = self._asked.pop(id(request))
            if request.state == "applied":
                self.waits.append(updates - asked)

    def end(self) -> None:
        """Ends all arms."""
        for each in self.trainers.values():
            each.gate.stop()
        for run in self.runs:
            run.wait()


def _trains(arm: str, runs: list[daf.Run]) -> str:
    """The name of the thread that trains an arm."""
    if arm == "bare":
        return "bare"
    return f"daf_nb-run-{runs[ARMS.index(arm) - 1].id}"


def _processor_seconds() -> dict[str, float]:
    """Thread -> processor seconds that it has used."""
    seconds: dict[str, float] = {}
    for thread in threading.enumerate():
        if thread.ident is not None:
            try:
                clock = time.pthread_getcpuclockid(thread.ident)
                seconds[thread.name] = seconds.get(thread.name, 0.0) + time.clock_gettime(clock)
            except OSError:
                continue
    return seconds


def knob(turns: Turns, name: str) -> Any:
    """The widget of a knob on the open panel."""
    return turns.panel.controls[name]


def late(turns: Turns) -> dict[str, int]:
    """How many changes were applied, and how many of them at the next boundary after the asking."""
    return {"applied": len(turns.waits), "next": sum(wait <= 1 for wait in turns.waits)}


def memory_and_journal(turns: Turns) -> dict[str, float]:
    """What may not grow with the messages, MiB of memory among it."""
    return {
        "mib": psutil.Process().memory_info().rss / 2**20,
        "rows": len(turns.shown.controls.journal),
        "updates": turns.shown.trainer.progress.updates,
    }


def say(value: Any) -> None:
    """Prints what the other side reads."""
    print(json.dumps(value))
