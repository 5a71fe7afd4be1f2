"""Observers made for a run, and closed after it."""

from __future__ import annotations

import functools
import importlib.util
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from daf_nb.errors import DafWarning
from daf_nb.record.observers.about import About
from daf_nb.record.observers.backlog import ENDS
from daf_nb.record.observers.courier import MOST_WAITING, Courier, logger
from daf_nb.record.observers.delivery import Delivery
from daf_nb.record.observers.ledger import Ledger
from daf_nb.record.observers.messages import Clean, cleaner
from daf_nb.record.observers.wanted import (
    Observer,
    Wanted,
    mongo_place,
    read_wanted,
    wandb_project,
)
from daf_nb.record.redact import hider
from daf_nb.record.sacred_api import RunObserver

__all__ = ["close_observers", "make_delivery", "make_observers", "undelivered"]

# What may be called again after it raised: everything where a repetition changes nothing, the
# start where nothing has been sent before it succeeds, and nothing of an observer we do not know.
REPEATABLE = {
    "mongo": frozenset(
        ["started_event", "heartbeat_event", "log_metrics", "resource_event", "artifact_event"]
    )
    | frozenset(ENDS),
    "wandb": frozenset(["started_event"]),
    "own": frozenset[str](),
}


def make_observers(
    wanted: Sequence[Observer],
    *,
    run_id: int,
    name: str,
    folder: Path,
    tags: Sequence[str] = (),
    hide: Callable[[bytes], bytes] | None = None,
) -> list[RunObserver]:
    """Observers for one run, to be given to Sacred beside the run's folder.

    None of them raises or waits: each has a queue and a thread of its own. What they are given is
    free of secrets.

    Args:
        wanted: "mongo", "mongo:URL", "wandb", "wandb:PROJECT", or observers of Sacred's.
        run_id: the run's number.
        name: the run's name.
        folder: the run's folder, where `observers.json` tells how they do.
        tags: the run's tags.
        hide: takes the run's secrets out of bytes; by default those of the environment.

    Raises:
        ConfigError: as `check_observers`.
    """
    asked = read_wanted(wanted)
    if not asked:
        return []
    ledger = Ledger(folder, names=[one.name for one in asked])
    clean = cleaner(hide or hider())
    about = About.of(run_id=run_id, name=name, folder=folder, tags=tags, clean=clean)
    return [make_delivery(one, about=about, ledger=ledger, clean=clean) for one in asked]


def make_delivery(
    wanted: Wanted,
    *,
    about: About,
    ledger: Ledger,
    clean: Clean,
    most_waiting: int = MOST_WAITING,
) -> Delivery:
    """The observer for what is wanted, behind its courier."""
    courier = Courier(
        functools.partial(_make, wanted, about),
        name=wanted.name,
        report=functools.partial(ledger.write, wanted.name),
        repeatable=REPEATABLE[_kind(wanted)],
        most_waiting=most_waiting,
        clean=clean,
    )
    observer = "YOUR_OBSERVER" if wanted.own is not None else repr(wanted.name)
    runs = str(about.folder.parent)
    return Delivery(
        courier,
        clean=clean,
        again=f"daf_nb.record.observers.deliver({about.id}, {observer}, runs_dir={runs!r})",
    )


def close_observers(
    observers: Iterable[RunObserver], *, timeout: float = 10.0
) -> threading.Thread | None:
    """Waits until everything is delivered; what is not by then is said in a `DafWarning`.

    Nobody waits here for an observer that is in trouble or hangs: a thread does, which keeps the
    program from ending meanwhile. `observers.json` in the run's folder tells the outcome.

    Args:
        observers: those of `make_observers`.
        timeout: seconds, for all of them together.

    Returns:
        The thread, if there is one.
    """
    deliveries = [one for one in observers if isinstance(one, Delivery)]
    for delivery in deliveries:
        delivery.courier.close()
    deadline = time.monotonic() + timeout
    while any(one.courier.answers for one in deliveries) and time.monotonic() < deadline:
        time.sleep(0.005)
    slow = [one for one in deliveries if one.courier.busy]
    _conclude([one for one in deliveries if one not in slow], deadline)
    if not slow:
        return None
    thread = threading.Thread(target=_conclude, args=(slow, deadline), name="daf_nb observers' end")
    thread.start()
    return thread


def undelivered(delivery: Delivery) -> str:
    """What an observer was not given, why, and how it can be."""
    courier = delivery.courier
    missing = courier.pending + courier.lost
    why = f" ({courier.error})" if courier.error else ""
    return (
        f"Observer {courier.name} has not got {missing} of {missing + courier.delivered} events "
        f"and metric values{why}. They are in the run's own folder: {delivery.again} delivers them."
    )


def _kind(wanted: Wanted) -> str:
    if wanted.own is not None and importlib.util.find_spec("pymongo") is not None:
        from sacred.observers.mongo import MongoObserver

        return "mongo" if isinstance(wanted.own, MongoObserver) else wanted.kind
    return wanted.kind


def _make(wanted: Wanted, about: About) -> RunObserver:
    if _kind(wanted) == "mongo":
        from daf_nb.record.observers.mongo import ExactMongo

        return ExactMongo(wanted.own or mongo_place(wanted.target), about=about)
    if wanted.kind == "wandb":
        from daf_nb.record.observers.wandb_run import WandbRun

        return WandbRun(wandb_project(wanted.target), about=about)
    assert wanted.own is not None
    return wanted.own


def _conclude(deliveries: Iterable[Delivery], deadline: float) -> None:
    behind = [one for one in deliveries if not one.courier.wait(deadline)]
    if behind:
        _say(" ".join(map(undelivered, behind)))


def _say(sentence: str) -> None:
    # Where warnings are errors, this one must not end the thread that it is said in.
    try:
        warnings.warn(sentence, DafWarning, stacklevel=3)
    except DafWarning:
        logger.error("%s", sentence)
