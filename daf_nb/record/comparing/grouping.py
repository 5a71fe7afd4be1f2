"""Which runs belong together: as the caller says, or those with equal specs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from daf_nb.errors import ConfigError
from daf_nb.record.comparing.entries import Entry
from daf_nb.record.comparing.specs import deciding, differing, fingerprint, label_of

__all__ = ["Groups", "Ids", "asked_for", "equal_specs", "labelled"]

Ids: TypeAlias = "Iterable[int | str] | Mapping[str, Iterable[int | str]]"
Groups: TypeAlias = "dict[str, list[Entry]]"

MOST_FIELDS = 3  # in a label


def asked_for(ids: Ids) -> tuple[list[int | str], Mapping[str, list[int | str]] | None]:
    """All numbers, and those of each group where the caller names groups.

    Raises:
        ConfigError: there is none, a group is empty, or a run comes twice.
    """
    if isinstance(ids, int | str):
        raise ConfigError(f"compare() takes several runs: compare([{ids!r}, ...]).")
    groups = None
    if isinstance(ids, Mapping):
        groups = {str(label): _listed(members, str(label)) for label, members in ids.items()}
        empty = [label for label, members in groups.items() if not members]
        if empty:
            raise ConfigError(f"These groups have no runs: {', '.join(map(repr, empty))}.")
    every = (
        [one for members in groups.values() for one in members] if groups else _listed(ids, "ids")
    )
    if not every:
        raise ConfigError("compare() was given no runs; list_runs() shows all there are.")
    texts = [str(one) for one in every]
    twice = sorted({text for text in texts if texts.count(text) > 1})
    if twice:
        raise ConfigError(f"Each run counts once; more than once came: {', '.join(twice)[:200]}.")
    return every, groups


def labelled(entries: Mapping[int, Entry], groups: Mapping[str, list[int | str]]) -> Groups:
    """The groups as the caller named them."""
    return {
        label: [entries[int(member)] for member in members] for label, members in groups.items()
    }


def equal_specs(entries: Iterable[Entry]) -> Groups:
    """Runs together whose specs are equal but for seed, name and what decides no result.

    The labels tell what differs: fields, names, or at the last the runs.
    """
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(fingerprint(deciding(entry.flat_spec)), []).append(entry)
    return dict(zip(_labels(list(found.values())), found.values(), strict=True))


def _labels(groups: Sequence[Sequence[Entry]]) -> list[str]:
    names = [{entry.record.name for entry in group} for group in groups]
    named = all(len(those) == 1 for those in names)
    if len(groups) == 1:
        return [next(iter(names[0])) or "runs"] if named else ["runs"]
    specs = [deciding(group[0].flat_spec) for group in groups]
    fields = differing(specs)
    by_name = [next(iter(those)) for those in names] if named else ["runs"] * len(groups)
    if len(fields) <= MOST_FIELDS and ("cell",) not in fields:
        by_field = [label_of(spec, fields) for spec in specs]
        if len(set(by_field)) == len(groups):
            return by_field
    if len(set(by_name)) == len(groups):
        return by_name
    return [f"{name} ({_numbers(group)})" for name, group in zip(by_name, groups, strict=True)]


def _numbers(group: Sequence[Entry]) -> str:
    shown = ", ".join(str(entry.id) for entry in group[:3])
    return f"{shown}, …" if len(group) > 3 else shown


def _listed(ids: Any, what: str) -> list[int | str]:
    try:
        return [ids] if isinstance(ids, int | str) else [*ids]
    except TypeError:
        raise ConfigError(f"{what!r} is {ids!r:.100}; give the runs' numbers as a list.") from None
