"""A run that has ended, delivered from its folder to an observer: at first, or once more."""

from __future__ import annotations

import contextlib
import datetime
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daf_nb.errors import RecordError
from daf_nb.record.files import TEARS, Tear, read_json, read_lines
from daf_nb.record.folders import runs_root
from daf_nb.record.observers.about import About
from daf_nb.record.observers.delivery import Delivery
from daf_nb.record.observers.ledger import Ledger
from daf_nb.record.observers.making import make_delivery, undelivered
from daf_nb.record.observers.messages import cleaner
from daf_nb.record.observers.wanted import Observer, read_wanted
from daf_nb.record.reading.summary import summarise
from daf_nb.record.redact import hider
from daf_nb.record.series import METRICS, parse_metrics
from daf_nb.record.status import LIVE, true_status, when

__all__ = ["deliver"]

CHUNK = 20_000  # values of a metric in one call


def deliver(
    id: int, observer: Observer, *, runs_dir: Path | str | None = None, timeout: float = 60.0
) -> str:
    """Delivers a run that has ended, from its folder, and waits until that is done.

    At a MongoDB the run's document and its metrics are replaced: doing it twice changes nothing.
    At Weights & Biases a run that was delivered whole is left alone; one that was begun is sent
    whole under a new id. Any other observer is told everything.

    Args:
        id: the run's number.
        observer: as in `observers=[...]` of a run.
        runs_dir: see `runs_root`.
        timeout: seconds.

    Returns:
        Where the run is now, as far as the observer says.

    Raises:
        ConfigError: as `check_observers`.
        RecordError: there is no such run, it has not ended, or the observer did not take it all.
    """
    (wanted,) = read_wanted([observer])
    folder = runs_root(runs_dir) / str(int(id))
    try:
        document, config = read_json(folder / "run.json"), read_json(folder / "config.json")
    except (OSError, ValueError) as error:
        raise RecordError(f"Run {id} cannot be read in {folder}: {error}.") from error
    if not isinstance(document, dict):
        raise RecordError(f"Run {id} is broken: run.json holds no mapping.")
    status = true_status(folder, document)
    if status in LIVE:
        raise RecordError(f"Run {id} is {status}: it is delivered by itself until it has ended.")
    ledger = Ledger(folder)
    known = ledger.entry(wanted.name)
    if wanted.kind == "wandb" and known.get("state") == "delivered":
        return str(known.get("reference"))
    told = summarise(document)
    clean = cleaner(hider())
    name = told.name if told.name is not None else str(id)
    about = About.of(run_id=int(id), name=name, folder=folder, tags=told.tags, clean=clean)
    delivery = make_delivery(
        wanted, about=about, ledger=ledger, clean=clean, most_waiting=sys.maxsize
    )
    try:
        _start(delivery, document=document, config=config, run_id=int(id))
        _tell_metrics(delivery, folder)
        _end(delivery, folder=folder, document=document, status=status)
    except (OSError, *TEARS) as error:
        raise RecordError(f"Run {id} is broken, and cannot be delivered: {error}.") from error
    finally:
        delivery.courier.close()
    if not delivery.courier.wait(time.monotonic() + timeout):
        raise RecordError(undelivered(delivery))
    return str(ledger.entry(wanted.name).get("reference"))


def _start(delivery: Delivery, *, document: Mapping[str, Any], config: Any, run_id: int) -> None:
    experiment = {"name": str(run_id), "base_dir": "", "sources": [], **document["experiment"]}
    delivery.started_event(
        ex_info=experiment,
        command=str(document.get("command") or "main"),
        host_info=document.get("host") or {},
        start_time=_moment(document.get("start_time") or document["meta"]["queue_time"]),
        config=config,
        meta_info=document.get("meta") or {},
        _id=run_id,
    )


def _tell_metrics(delivery: Delivery, folder: Path) -> None:
    series: dict[str, tuple[list[int], list[float], list[datetime.datetime]]] = {}
    # A run that was killed may have left half a line: it is told up to there.
    with contextlib.suppress(Tear):
        for row in read_lines(folder / METRICS, parse_metrics):
            moment = datetime.datetime.fromtimestamp(row.time, datetime.UTC).replace(tzinfo=None)
            for name, value in row.values.items():
                steps, values, times = series.setdefault(name, ([], [], []))
                steps.append(row.step)
                values.append(value)
                times.append(moment)
                if len(steps) >= CHUNK:
                    _tell_series(delivery, name, series.pop(name))
    for name, columns in series.items():
        _tell_series(delivery, name, columns)


def _tell_series(delivery: Delivery, name: str, columns: tuple[list[Any], ...]) -> None:
    steps, values, times = columns
    series = {"steps": steps, "values": values, "timestamps": times, "name": name}
    delivery.log_metrics({name: series}, {})


def _end(delivery: Delivery, *, folder: Path, document: Mapping[str, Any], status: str) -> None:
    info: Any = {}
    with contextlib.suppress(OSError, ValueError):
        info = read_json(folder / "info.json")
    last = _moment(document.get("stop_time") or document.get("heartbeat"))
    result = document.get("result")
    delivery.heartbeat_event(info=info, captured_out="", beat_time=last, result=result)
    if status == "COMPLETED":
        delivery.completed_event(stop_time=last, result=result)
    elif status == "FAILED":
        delivery.failed_event(fail_time=last, fail_trace=list(document.get("fail_trace") or []))
    else:
        delivery.interrupted_event(interrupt_time=last, status=status)


def _moment(text: Any) -> datetime.datetime:
    """A moment as Sacred hands it over: UTC, without an offset."""
    return (when(text) or datetime.datetime.fromtimestamp(0, datetime.UTC)).replace(tzinfo=None)
