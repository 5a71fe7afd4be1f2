"""The metrics of a run as columns: a million points in about a second."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daf_nb.errors import RecordError
from daf_nb.record.files import TEARS, Tear, read_batches
from daf_nb.record.series import parse_metrics

__all__ = ["Block", "Metrics", "read_metrics", "sacred_blocks"]

LARGEST_TABLE = 250_000_000  # cells: 2 GB


class Block(NamedTuple):
    """Rows that hold the same metrics.

    Attributes:
        names: of the metrics.
        rows: shape (n,), where in the log each row is.
        steps: shape (n,).
        values: shape (n, number of names).
    """

    names: tuple[str, ...]
    rows: NDArray[np.int64]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]


class Metrics:
    """All metrics of a run.

    Args:
        blocks: every row is in one of them.
    """

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks = list(blocks)
        self._homes: dict[str, list[tuple[Block, int]]] = {}
        for block in self._blocks:
            for place, name in enumerate(block.names):
                self._homes.setdefault(name, []).append((block, place))

    @property
    def names(self) -> list[str]:
        """In the order in which they came."""
        return list(self._homes)

    def series(self, name: str) -> pd.Series:
        """One metric: its values by step, ascending; of several at one step the last.

        Raises:
            KeyError: there is no such metric.
        """
        steps, values = _last_of_each_step(self._homes[name])
        return pd.Series(values, index=pd.Index(steps, name="step"), name=name)

    def frame(self) -> pd.DataFrame:
        """One column per metric, one row per step; NaN where a step has no value.

        Raises:
            RecordError: the table is too large for any memory.
        """
        every = [block.steps for block in self._blocks]
        steps = _distinct(np.concatenate(every) if every else np.empty(0, dtype=np.int64))
        if len(steps) * len(self._homes) > LARGEST_TABLE:
            raise RecordError(
                f"{len(steps)} steps times {len(self._homes)} metrics make too large a table. "
                "Read the metrics that you need one by one, with metric(name)."
            )
        cells = np.full((len(steps), len(self._homes)), np.nan, order="F")
        once = sum(map(len, every)) == len(steps)
        for column, homes in enumerate(self._homes.values()):
            for found, values in _plain(homes) if once else [_last_of_each_step(homes)]:
                cells[np.searchsorted(steps, found), column] = values
        index, columns = pd.Index(steps, name="step"), pd.Index(self.names, dtype=object)
        return pd.DataFrame(cells, index=index, columns=columns, copy=False)


def read_metrics(path: Path) -> tuple[Metrics, Tear | None]:
    """What a `metrics.jsonl` says up to its first tear, and that. A missing one says nothing.

    Raises:
        OSError: it cannot be read.
    """
    rows, tear = _Rows(), None
    try:
        read_batches(path, rows.take, take_all=rows.take_all)
    except Tear as found:
        tear = found
    return Metrics(rows.blocks()), tear


def sacred_blocks(document: Mapping[str, Any]) -> tuple[list[Block], list[str]]:
    """The series of a `metrics.json` of Sacred, and the names of those that are of another shape.

    A series has "steps" and "values", equally long.
    """
    blocks, left_out = [], []
    for name, series in document.items():
        try:
            steps, values = _steps(series["steps"]), _numbers(series["values"])
            table = np.frombuffer(values).reshape(len(steps), 1)
        except TEARS:
            left_out.append(str(name))
            continue
        blocks.append(Block((str(name),), np.arange(len(steps)), _integers(steps), table))
    return blocks, left_out


class _Rows:
    """Takes the rows of a log in, those with the same metrics together."""

    def __init__(self) -> None:
        self._count = 0
        self._groups: dict[tuple[str, ...], tuple[array[int], array[int], array[float]]] = {}

    def take(self, row: Any) -> None:
        """One row; raises what `parse_metrics` raises."""
        step, _, values = parse_metrics(row)
        self._add(tuple(values), [self._count], array("q", [step]), array("d", values.values()))
        self._count += 1

    def take_all(self, rows: list[Any]) -> bool:
        """Many rows as they are usually written; takes none, and says so, where one is not."""
        try:
            if not {type(row["time"]) for row in rows} <= {float, int}:
                return False
            ready = [
                (names, places, _steps(steps), _numbers(values))
                for names, places, steps, values in _grouped(rows, first=self._count)
            ]
        except TEARS:
            return False
        for group in ready:
            self._add(*group)
        self._count += len(rows)
        return True

    def blocks(self) -> list[Block]:
        return [
            Block(
                names,
                _integers(places),
                _integers(steps),
                np.frombuffer(values).reshape(len(steps), len(names)),
            )
            for names, (places, steps, values) in self._groups.items()
        ]

    def _add(
        self, names: tuple[str, ...], places: Sequence[int], steps: array[int], values: array[float]
    ) -> None:
        group = self._groups.setdefault(names, (array("q"), array("q"), array("d")))
        group[0].extend(places)
        group[1].extend(steps)
        group[2].extend(values)


def _grouped(
    rows: list[Any], *, first: int
) -> Iterator[tuple[tuple[str, ...], Sequence[int], list[Any], list[Any]]]:
    """Names, places, steps and values of the rows that hold the same metrics."""
    told = [row["values"] for row in rows]
    every = list(map(tuple, told))
    if every.count(every[0]) == len(every):  # as usual, and several times faster
        steps = [row["step"] for row in rows]
        values = list(chain.from_iterable(map(dict.values, told)))
        yield every[0], range(first, first + len(rows)), steps, values
        return
    groups: dict[tuple[str, ...], tuple[list[int], list[int], list[Any]]] = {}
    for place, (names, row) in enumerate(zip(every, rows, strict=True), start=first):
        group = groups.setdefault(names, ([], [], []))
        group[0].append(place)
        group[1].append(row["step"])
        group[2].extend(row["values"].values())
    for names, group in groups.items():
        yield names, *group


def _steps(values: Any) -> array[int]:
    if not set(map(type, values)) <= {int}:
        raise TypeError("a step is an integer")
    return array("q", values)


def _numbers(values: Any) -> array[float]:
    try:
        return array("d", values)
    except TypeError:  # NaN and the infinities are written as text
        return array("d", map(float, values))


def _integers(values: array[int]) -> NDArray[np.int64]:
    return np.frombuffer(values, dtype=np.int64)


def _plain(homes: list[tuple[Block, int]]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    return [(block.steps, block.values[:, place]) for block, place in homes]


def _distinct(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted; many times faster than `np.unique` of numpy 2.3 and later, which hashes."""
    steps = np.sort(steps)
    return steps[np.append(True, steps[1:] != steps[:-1])[: len(steps)]]


def _last_of_each_step(homes: list[tuple[Block, int]]) -> tuple[NDArray[Any], NDArray[Any]]:
    steps = np.concatenate([block.steps for block, _ in homes])
    values = np.concatenate([block.values[:, place] for block, place in homes])
    if (np.diff(steps) > 0).all():
        return steps, values
    order = np.lexsort((np.concatenate([block.rows for block, _ in homes]), steps))
    steps, values = steps[order], values[order]
    last = np.append(steps[1:] != steps[:-1], True)
    return steps[last], values[last]
