"""The observer that Sacred sees in place of another: it copies, passes on, and never raises."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from daf_nb.record.observers.courier import Courier
from daf_nb.record.observers.messages import Clean, Message
from daf_nb.record.sacred_api import RunObserver

__all__ = ["Delivery"]


class Delivery(RunObserver):
    """Gives what Sacred says, plain and without secrets, to a courier. No method raises or waits.

    Args:
        courier: carries it to the observer.
        clean: makes a value plain, and takes secrets out of it.
        again: how a person asks for the delivery of this run to this observer later.
    """

    priority = 0  # after the run's folder

    def __init__(self, courier: Courier, *, clean: Clean, again: str) -> None:
        self.courier, self.again = courier, again
        self._clean = clean

    def queued_event(
        self,
        ex_info: Any,
        command: str,
        host_info: Any,
        queue_time: datetime.datetime,
        config: Any,
        meta_info: Any,
        _id: Any,
    ) -> None:
        """Nothing: a run that is told to observers runs."""

    def started_event(
        self,
        ex_info: Any,
        command: str,
        host_info: Any,
        start_time: datetime.datetime,
        config: Any,
        meta_info: Any,
        _id: Any,
    ) -> None:
        self._tell(
            "started_event",
            ex_info=ex_info,
            command=command,
            host_info=host_info,
            start_time=start_time,
            config=config,
            meta_info=meta_info,
            _id=_id,
        )

    def heartbeat_event(
        self, info: Any, captured_out: str, beat_time: datetime.datetime, result: Any
    ) -> None:
        self._tell(
            "heartbeat_event",
            info=info,
            captured_out=captured_out,
            beat_time=beat_time,
            result=result,
        )

    def completed_event(self, stop_time: datetime.datetime, result: Any) -> None:
        self._tell("completed_event", stop_time=stop_time, result=result)

    def interrupted_event(self, interrupt_time: datetime.datetime, status: str) -> None:
        self._tell("interrupted_event", interrupt_time=interrupt_time, status=status)

    def failed_event(self, fail_time: datetime.datetime, fail_trace: list[str]) -> None:
        self._tell("failed_event", fail_time=fail_time, fail_trace=fail_trace)

    def resource_event(self, filename: str) -> None:
        self._tell("resource_event", filename=filename)

    def artifact_event(
        self, name: str, filename: str, metadata: Any = None, content_type: str | None = None
    ) -> None:
        self._tell(
            "artifact_event",
            name=name,
            filename=filename,
            metadata=metadata,
            content_type=content_type,
        )

    def log_metrics(
        self, metrics_by_name: Mapping[str, Mapping[str, Any]], info: Mapping[str, Any]
    ) -> None:
        for name, series in metrics_by_name.items():
            self._safely(
                len(series["values"]),
                lambda name=name, series=series: self.courier.put_series(
                    self._clean(name),
                    steps=series["steps"],
                    values=series["values"],
                    times=series["timestamps"],
                ),
            )

    def _tell(self, method: str, **values: Any) -> None:
        beat = method == "heartbeat_event"

        def tell() -> None:
            # The output, which may be long, is free of secrets: it is that of the run's folder.
            cleaned = {
                key: value if key == "captured_out" else self._clean(value)
                for key, value in values.items()
            }
            message = Message(method, 0 if beat else 1, cleaned)
            self.courier.put(message)

        self._safely(0 if beat else 1, tell)

    def _safely(self, pieces: int, action: Callable[[], None]) -> None:
        # Sacred lets an observer that raises at the start end the run, and silences it later on.
        try:
            action()
        except Exception as error:
            self.courier.lose(pieces, error)
