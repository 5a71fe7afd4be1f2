"""What was different between groups of runs: spec, versions and machine, changes while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from daf_nb.record.comparing.entries import Entry
from daf_nb.record.comparing.specs import Flat, Name, differing, dotted, fingerprint, flat, told

__all__ = ["differences"]


def differences(groups: Mapping[str, Sequence[Entry]]) -> pd.DataFrame:
    """Everything that is not equal for all runs: rows of (part, field), a column per group.

    The parts are "spec", "facts" and "journal" (how many changes); fields have dotted names. A
    cell is the value where the group's runs agree, else a tuple of their values, each once;
    "(not set)" where there is none, "(set)" where there are values further down.
    """
    parts = {
        "spec": lambda entry: entry.flat_spec,
        "facts": lambda entry: entry.flat_facts,
        "journal": lambda entry: flat(entry.changes),
    }
    rows: dict[tuple[str, str], list[Any]] = {}
    for part, read in parts.items():
        specs = [[read(entry) for entry in group] for group in groups.values()]
        for name in differing([one for group in specs for one in group]):
            rows[part, dotted(name)] = [_agreed(group, name) for group in specs]
    index = pd.MultiIndex.from_tuples(rows, names=["part", "field"])
    table = {
        label: pd.Series([row[place] for row in rows.values()], index=index, dtype=object)
        for place, label in enumerate(groups)
    }
    return pd.DataFrame(table, index=index, dtype=object)


def _agreed(group: Sequence[Flat], name: Name) -> Any:
    every = [told(one, name) for one in group]
    values = {fingerprint(value): value for value in every}
    return next(iter(values.values())) if len(values) == 1 else tuple(values.values())
