"""What the tests of views share: tiny runs, waiting, and a knob over a dict."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import daf_nb as daf
from daf_nb.control import Controls, Knob
from daf_nb.testing import Scripted
from tests.worlds import Counting

__all__ = ["Desk", "Graded", "ask", "graded", "start", "until"]

ENDLESS = 10_000_000


def start(folder: Path, world: Callable[[], Any] = Counting, **fields: Any) -> daf.Run:
    """A run of boundaries a few milliseconds apart; it trains until it is stopped."""
    fields = {"total_timesteps": ENDLESS, "num_envs": 2, "torch_threads": 1, "seed": 0} | fields
    return daf.train(world, algorithm_kwargs={"n_steps": 16}, runs_dir=folder, **fields)


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Waits for something true; it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
    return found


def ask(widget: Any, content: dict[str, Any]) -> None:
    """What a browser sends to a widget of ours."""
    widget._handle_custom_msg(content, [])


class Graded(Scripted):
    """Success is one minus the `level` of the reset options."""

    level = 0.0

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.level = (options or {}).get("level", 0.0)
        return super().reset(seed=seed, options=options)

    def info(self, agent: str) -> dict[str, Any]:
        return {"is_success": 1.0 - self.level}


def graded(*names: str, strategy: str = "uniform", **config: Any) -> daf.CurriculumManager:
    """A curriculum of tasks from easy to hard, played in `Graded`."""
    manager = daf.CurriculumManager(daf.CurriculumConfig(strategy=strategy, **config))
    for place, name in enumerate(names):
        level = place / max(1, len(names) - 1)
        manager.add_task(name, difficulty=level, config={"level": level})
    return manager


class Desk:
    """Controls over a dict of values, with a door that opens when it is told to.

    Attributes:
        source: what a view reads; only what knobs need of it.
        step: the step at which changes take effect.
    """

    def __init__(self, **values: Any) -> None:
        self.values, self.step, self._asked = values, 0, []
        self.controls = Controls()
        self.source: Any = SimpleNamespace(controls=self.controls, newest={})
        self.controls.subscribe(lambda one: self.source.newest.update({one.name: one}))

    def knob(self, name: str, kind: Any = "float", **about: Any) -> Knob:
        """A knob of one of the values."""
        return Knob(
            name=name,
            kind=kind,
            read=lambda: self.values[name],
            write=lambda value, by: self.values.update({name: value}),
            **about,
        )

    def attach(self, *knobs: Knob) -> None:
        """Gives the controls their knobs."""
        self.controls.attach(
            knobs,
            door=self._asked.append,
            step=lambda: self.step,
            record=lambda entry: None,
        )

    def boundary(self, step: int) -> None:
        """What was asked takes effect."""
        self.step, asked = step, self._asked[:]
        self._asked.clear()
        for work in asked:
            work()
