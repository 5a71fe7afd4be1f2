"""What Sacred tells its observers, copied: it changes and reuses what it hands over."""

from __future__ import annotations

import copy
import datetime
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daf_nb.record.plain import to_plain
from daf_nb.record.redact import without_secrets

__all__ = ["Clean", "Columns", "Message", "Series", "cleaner"]

Clean = Callable[[Any], Any]
Columns = tuple["array[int]", "array[float]", "array[int]"]  # steps, values, microseconds

_EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - Sacred's times have no offset
_MICROSECOND = datetime.timedelta(microseconds=1)


class Message:
    """One call of an observer's method.

    Args:
        method: the method's name.
        pieces: how much of a run it tells: an event is one piece, a heartbeat none.
        values: its arguments, which nobody else holds.
    """

    def __init__(self, method: str, pieces: int, values: Mapping[str, Any]) -> None:
        self.method = method
        self.pieces = pieces
        self._values = dict(values)

    def arguments(self) -> dict[str, Any]:
        """The arguments, anew for each attempt."""
        return copy.deepcopy(self._values)


class Series(Message):
    """Metric values that wait: 24 bytes each, merged as they come, cut as they go."""

    def __init__(self) -> None:
        super().__init__("log_metrics", 0, {})
        self._columns: dict[str, Columns] = {}

    def add(
        self, name: str, *, steps: Sequence[int], values: Sequence[float], times: Sequence[Any]
    ) -> None:
        """Appends to one metric: all of it, or nothing.

        Raises:
            OverflowError, TypeError: something that is no such number.
        """
        new_steps, new_values = array("q", steps), array("d", values)
        new_times = array("q", [(moment - _EPOCH) // _MICROSECOND for moment in times])
        columns = self._columns.setdefault(name, (array("q"), array("d"), array("q")))
        columns[0].extend(new_steps)
        columns[1].extend(new_values)
        columns[2].extend(new_times)
        self.pieces += len(new_values)

    def cut(self, most: int) -> Series:
        """Takes the oldest values out: of each metric its share, at most `most` in all."""
        part = Series()
        share = max(1, most // max(1, len(self._columns)))
        for name in list(self._columns):
            if part.pieces >= most:
                break
            columns = self._columns[name]
            steps, values, times = columns
            part._columns[name] = (steps[:share], values[:share], times[:share])
            for column in columns:
                del column[:share]
            part.pieces += len(part._columns[name][0])
            if not columns[0]:
                del self._columns[name]
        self.pieces -= part.pieces
        return part

    def arguments(self) -> dict[str, Any]:
        metrics = {
            name: {
                "name": name,
                "steps": steps.tolist(),
                "values": values.tolist(),
                "timestamps": [_EPOCH + moment * _MICROSECOND for moment in moments],
            }
            for name, (steps, values, moments) in self._columns.items()
        }
        return {"metrics_by_name": metrics, "info": {}}


def cleaner(hide: Callable[[bytes], bytes]) -> Clean:
    """A function that makes any value plain and free of secrets; moments stay moments."""

    def clean(value: Any) -> Any:
        if isinstance(value, datetime.datetime):
            return value
        return _hidden(without_secrets(to_plain(value)), hide)

    return clean


def _hidden(value: Any, hide: Callable[[bytes], bytes]) -> Any:
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        hidden = hide(data)
        return value if hidden == data else hidden.decode("utf-8", "surrogatepass")
    if isinstance(value, Mapping):
        return {_hidden(key, hide): _hidden(item, hide) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, hide) for item in value]
    return value
