"""What a recorded training began with beside its spec, and how one is ended where it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daf_nb.learn import Event, RlTrainer
    from daf_nb.record import RunRecord
    from daf_nb.record.cells.remaking import Was

__all__ = ["as_it_was", "settled", "start_of", "stop_as_it_did", "stop_at"]


def settled(record: RunRecord) -> dict[str, Any]:
    """What was chosen by timing when the run began, and is not to be chosen again."""
    data = start_of(record).get("data")
    if not isinstance(data, Mapping):
        return {}
    kept = {"torch_threads": data.get("threads"), "device": data.get("device")}
    return {field: value for field, value in kept.items() if value is not None}


def start_of(record: RunRecord) -> Mapping[str, Any]:
    """The event that training began, the first of it; empty where it did not."""
    return next((event for event in record.events if event["kind"] == "start"), {})


def as_it_was(fields: Mapping[str, Any], was: Was | None) -> dict[str, Any]:
    """Arguments of `train` in a cell that is made again, with what was drawn and timed then."""
    if was is None:
        return dict(fields)
    seed = was.seed if fields.get("seed") is None else fields["seed"]
    return {**fields, **was.fields, "seed": seed}


def stop_as_it_did(trainer: RlTrainer, was: Was | None) -> None:
    """Ends a training of such a cell where it was ended then; otherwise nothing."""
    if was is not None and was.until is not None:
        stop_at(trainer, was.until)


def stop_at(trainer: RlTrainer, until: int) -> None:
    """Ends training at a boundary before its goal: what follows progress sees the same progress."""

    def hear(event: Event) -> None:
        if event.kind == "metrics" and until <= event.step < trainer.config.total_timesteps:
            trainer.gate.stop()

    trainer.subscribe(hear)
