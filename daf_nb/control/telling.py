"""How a controller stands, told as data: for people, for the record, and to go on from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from daf_nb.control.decisions import Decisions
from daf_nb.control.rule_sets import resolved
from daf_nb.control.steering import Steering
from daf_nb.control.watch import Watch
from daf_nb.errors import ConfigError

__all__ = ["load_state", "spec", "state", "status"]

_NEWEST = 10
_PARTS = {"mode", "step", "told", "watch", "decisions"}


def status(steering: Steering) -> dict[str, Any]:
    """What `AdaptiveController.get_experiment_status` promises."""
    host = steering.host
    knobs = {} if host is None else host.controls.values()
    run = steering.last if host is None else dict(host.status())
    with steering.lock:
        made, still = list(steering.decisions), steering.decisions.open
        signals = steering.watch.states()
    return {
        "experiment_id": steering.config.experiment_id,
        "mode": steering.mode,
        "run": run,
        "current_task": knobs.get("curriculum.task"),
        "knobs": knobs,
        "signals": [asdict(each) for each in signals],
        "decisions": dict(Counter(each.state for each in made)),
        "newest_decisions": [each.to_plain() for each in made[-_NEWEST:]],
        "proposals": [each.to_plain() for each in still],
    }


def spec(steering: Steering) -> dict[str, Any]:
    """The config as data that JSON holds, with the rules as they are now."""
    now = steering.config.model_copy(update={"rules": steering.given})
    return now.model_dump(mode="json")


def state(steering: Steering) -> dict[str, Any]:
    """All that changes, as data that JSON holds without loss."""
    with steering.lock:
        return {
            "mode": steering.mode,
            "step": steering.step,
            "told": steering.told,
            "watch": steering.watch.state_dict(),
            "decisions": [each.to_plain() for each in steering.decisions],
        }


def load_state(steering: Steering, told: Mapping[str, Any]) -> None:
    """Continues exactly where `state` was taken; what cannot be read changes nothing.

    Raises:
        ConfigError: it is not the state of a controller.
    """
    if not isinstance(told, Mapping) or told.keys() != _PARTS:
        raise ConfigError(f"a controller's state has {', '.join(sorted(_PARTS))}; {told!r} came.")
    watch, decisions = Watch.of_state(told["watch"]), Decisions(told["decisions"])
    with steering.lock:
        steering.watch, steering.decisions = watch, decisions
        own = tuple(watch.rules) == resolved(steering.config)
        steering.given = steering.config.rules if own else tuple(watch.rules)
        steering.mode, steering.step = str(told["mode"]), int(told["step"])
        steering.told = int(told["told"])
