"""Specs as flat tables: which are equal but for their seeds, and what tells others apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

__all__ = ["deciding", "differing", "dotted", "fingerprint", "flat", "label_of", "told"]

NEUTRAL = frozenset(
    [
        # Runs that differ in these only are one experiment, repeated.
        "adaptive_config.experiment_id",
        "curriculum_config.name",
        "curriculum_config.seed",
        "experiment_name",
        "name",
        "seed",
        "tags",
        # These say where it is computed and what is saved and looked at meanwhile.
        "checkpoint_interval",
        "device",
        "evaluation_episodes",
        "evaluation_interval",
        "tape_interval",
        "num_workers",
        "torch_threads",
    ]
)
ABSENT, PRESENT = "(not set)", "(set)"
LONGEST_VALUE = 24


Name: TypeAlias = tuple[str, ...]
Flat: TypeAlias = "dict[Name, Any]"


def flat(spec: Mapping[str, Any], above: Name = ()) -> Flat:
    """The values by name, a part per level; named things in a list by their names.

    None and an empty mapping are as if they were not there; other lists are values.
    """
    found: Flat = {}
    for key, value in spec.items():
        name = (*above, str(key))
        if isinstance(value, Mapping):
            found |= flat(value, name)
        elif names := _names(value):
            for inner, item in zip(names, value, strict=True):
                found |= flat(item, (*name, f"[{inner}]"))
        elif value is not None:
            found[name] = value
    return found


def dotted(name: Name) -> str:
    """A name as people write it: `curriculum_config.tasks[spread].difficulty`."""
    return ".".join(name).replace(".[", "[")


def deciding(spec: Flat) -> Flat:
    """The fields of a flat spec that decide results, the seed apart."""
    return {name: value for name, value in spec.items() if dotted(name) not in NEUTRAL}


def fingerprint(value: Any) -> str:
    """Equal for equal values, whatever the order of their keys."""
    if isinstance(value, dict) and all(isinstance(key, tuple) for key in value):
        value = sorted([[*name], fingerprint(one)] for name, one in value.items())
    return json.dumps(value, sort_keys=True)


def differing(specs: Sequence[Flat]) -> list[Name]:
    """The names whose values are not all equal, in the order in which they come.

    What some specs lack altogether, such as a curriculum, is one name; within it only what those
    that have it differ in is named.
    """
    homes: dict[Name, set[int]] = {}
    values: dict[Name, set[str]] = {}
    for place, spec in enumerate(specs):
        for name, value in spec.items():
            values.setdefault(name, set()).add(fingerprint(value))
            for part in _lineage(name):
                homes.setdefault(part, set()).add(place)
    inside = Counter(part for name in values for part in _lineage(name))
    found: dict[Name, None] = {}
    for name, those in values.items():
        if len(homes[name]) < len(specs):
            whole = next(part for part in _lineage(name) if homes[part] == homes[name])
            found[whole if inside[whole] > 1 else name] = None
        if len(those) > 1:
            found[name] = None
    return list(found)


def told(spec: Flat, name: Name) -> Any:
    """What a flat spec says under a name that `differing` gave."""
    if name in spec:
        return spec[name]
    return PRESENT if any(other[: len(name)] == name for other in spec) else ABSENT


def label_of(spec: Flat, fields: Sequence[Name]) -> str:
    """What tells a spec apart, such as "learning_rate=0.001, without curriculum_config"."""
    ends = [name[-1] for name in fields]
    parts = []
    for name, end in zip(fields, ends, strict=True):
        value = told(spec, name)
        if value in (ABSENT, PRESENT):
            parts.append(f"{'with' if value == PRESENT else 'without'} {dotted(name)}")
            continue
        text = value if isinstance(value, str) else json.dumps(value)
        if len(text) > LONGEST_VALUE:
            text = text[: LONGEST_VALUE - 1] + "…"
        parts.append(f"{end if ends.count(end) == 1 else dotted(name)}={text}")
    return ", ".join(parts)


def _lineage(name: Name) -> list[Name]:
    """A name's ancestors, the farthest first, and itself."""
    return [name[:length] for length in range(1, len(name) + 1)]


def _names(value: Any) -> list[str]:
    """The names of the things in a list, where all have one, no two the same."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return []
    names = [item.get("name") for item in value]
    unique = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return names if unique else []
