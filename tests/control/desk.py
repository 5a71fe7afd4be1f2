"""A run for controllers: real controls over a dict of values, and what it was asked and told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from daf_nb.config import Action, AdaptiveConfig, Rule
from daf_nb.control import AdaptiveController, Controls, Entry, Knob
from daf_nb.errors import ConfigError

LEARNER: dict[str, Any] = {
    "learning_rate": 0.01,
    "ent_coef": 0.0,
    "n_epochs": 5,
    "batch_size": 64,
    "target_kl": None,
    "checkpoint_interval": None,
}
CURRICULUM: dict[str, Any] = {
    "curriculum.difficulty": 1.0,
    "curriculum.difficulty_bias": 0.0,
    "curriculum.hold": False,
    "curriculum.task": None,
    "curriculum.rehearsal": 0,
}
BOUNDS: dict[str, dict[str, Any]] = {
    "learning_rate": {"low": 1e-8, "high": 1.0},
    "ent_coef": {"low": 0, "high": 1},
    "n_epochs": {"kind": "int", "low": 1, "high": 100},
    "batch_size": {"kind": "int", "low": 2, "high": 256},
    "n_steps": {"kind": "int", "low": 1, "high": 512},
    "max_grad_norm": {"low": 1e-4, "high": 1e4, "optional": True},
    "mixed_precision": {"kind": "bool"},
    "target_kl": {"low": 1e-5, "high": 10.0, "optional": True},
    "checkpoint_interval": {"kind": "int", "low": 1, "high": 10**9, "optional": True},
    "curriculum.difficulty": {"low": 0, "high": 1},
    "curriculum.difficulty_bias": {"low": -1, "high": 1},
    "curriculum.hold": {"kind": "bool"},
    "curriculum.task": {
        "kind": "choice",
        "choices": lambda: ["near", "far"],
        "optional": True,
    },
    "curriculum.rehearsal": {"kind": "int", "low": 0, "high": 10**6},
}


class Desk:
    """A run whose knobs are entries of a dict.

    Args:
        controller: is attached.
        values: the knobs' values; those of a group as `learning_rate[wolves]`.
        looks: it says that it looks by itself.
        held: requests wait until `boundary`.
        bound: "free", "none" (the strategy has no bound) or "itself" (it moves it by itself).
        floor: no difficulty below it is ever written.
    """

    def __init__(
        self,
        controller: AdaptiveController | None = None,
        values: Mapping[str, Any] | None = None,
        *,
        looks: bool = True,
        held: bool = False,
        bound: str = "free",
        floor: float = 0.0,
    ) -> None:
        self.values: dict[str, Any] = {**(LEARNER | CURRICULUM if values is None else values)}
        self.looks, self.held, self.bound, self.floor = looks, held, bound, floor
        self.step = 0
        self.waiting: deque[Callable[[], None]] = deque()
        self.on_record: Callable[[Entry], object] = lambda entry: None
        self.entries: list[Entry] = []
        self.asked: list[Any] = []
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.controls = Controls()
        knobs = [self.knob(name) for name in self.values]
        self.controls.attach(
            [*knobs, *(controller.knobs() if controller is not None else [])],
            door=self.door,
            step=lambda: self.step,
            record=self.record,
        )
        if controller is not None:
            controller.attach(self)

    def knob(self, name: str) -> Knob:
        bound = name == "curriculum.difficulty"
        return Knob(
            **{
                "name": name,
                "kind": "float",
                "read": lambda: self.values[name],
                "write": lambda value, by: self.write(name, value),
                "refusal": lambda: "no bound" if bound and self.bound == "none" else "",
                "moves_itself": lambda: bound and self.bound == "itself",
                **BOUNDS[name.partition("[")[0]],
            }
        )

    def write(self, name: str, value: Any) -> None:
        if value == 0.666:
            raise ConfigError("not this one")
        if name == "curriculum.difficulty":
            value = max(value, self.floor)
        self.values[name] = value

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.on_record(entry)

    def door(self, work: Callable[[], None]) -> None:
        if self.held:
            self.waiting.append(work)
        else:
            work()

    def boundary(self) -> None:
        while self.waiting:
            self.waiting.popleft()()

    # What a host is

    def status(self) -> dict[str, Any]:
        return {"timesteps": self.step, "episodes": 7}

    def train(self) -> dict[str, Any]:
        self.asked.append("train")
        return {"timesteps": 100}

    def train_elsewhere(self, env: Any, env_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
        self.asked.append((env, env_kwargs))
        return {"timesteps": 200}

    def stop(self) -> None:
        self.asked.append("stop")

    def pause(self) -> None:
        self.asked.append("pause")

    def checkpoint(self) -> None:
        self.asked.append("checkpoint")

    def tell(self, kind: str, data: Mapping[str, Any]) -> None:
        self.told.append((kind, data))

    # What a test asks

    def history(self, name: str) -> list[Any]:
        """The values that a knob was given, in order."""
        return [entry.new for entry in self.entries if entry.name == name]


def kl_rule(**fields: Any) -> Rule:
    """Holds the KL divergence between .005 and .02 by the learning rate."""
    told: dict[str, Any] = {
        "name": "kl",
        "signal": "train/approx_kl",
        "low": 0.005,
        "high": 0.02,
        "below": Action(knob="learning_rate", factor=2.0),
        "above": Action(knob="learning_rate", factor=0.5),
    }
    return Rule(**{**told, **fields})


def with_rules(*rules: Rule, **fields: Any) -> AdaptiveController:
    """A controller of these rules."""
    return AdaptiveController(AdaptiveConfig(rules=rules, **fields))


def show(controller: AdaptiveController, name: str, *values: Any) -> list[list[str]]:
    """Shows a signal's values, look by look; the names of the rules that decided at each."""
    return [[made.rule for made in controller.look(0, {name: value})] for value in values]
