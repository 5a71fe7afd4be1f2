"""What a reader of a comparison has to know before believing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from daf_nb.record.comparing.entries import Entry
from daf_nb.record.comparing.specs import deciding, fingerprint

__all__ = ["notes"]

FEW = 3  # runs, below which an interval says little
APART = 1.01  # ends that differ by more than this factor are told of


def notes(groups: Mapping[str, Sequence[Entry]], *, at: int | None) -> Iterator[str]:
    """Sentences, one for each thing that weakens the comparison."""
    everyone = [entry for group in groups.values() for entry in group]
    small = [f"{label} (n={len(group)})" for label, group in groups.items() if len(group) < FEW]
    if small:
        yield (
            f"Fewer than {FEW} runs in {', '.join(small)}: an interval comes from drawing the same "
            "runs again, so of so few it is far too narrow. Train more seeds."
        )
    for label, group in groups.items():
        yield from _of_group(label, group)
    ends = [int(entry.series.index[-1]) for entry in everyone]
    if at is None and max(ends) > APART * min(ends):
        yield (
            f"The runs end at different agent-steps, {min(ends)} to {max(ends)}, and each is "
            f"scored at its own end; at={min(ends)} scores all at the same."
        )
    unended = [entry for entry in everyone if entry.status != "COMPLETED"]
    if unended:
        told = ", ".join(f"{entry.id} ({entry.status})" for entry in unended)
        yield f"Not completed, and counted as far as they came: {told}."
    steered = [entry for entry in everyone if entry.changes["by hand"]]
    if steered:
        yield f"Changed by hand or by a script while they trained: {_ids(steered)}."
    diverged = [entry for entry in everyone if entry.dropped]
    if diverged:
        yield f"Infinite values of the metric were left out: {_ids(diverged)}."


def _of_group(label: str, group: Sequence[Entry]) -> Iterator[str]:
    specs = [fingerprint(deciding(entry.flat_spec)) for entry in group]
    if len(set(specs)) > 1:
        yield f"{label}: the specs of its runs differ in more than the seed."
    same: dict[tuple[str, str], list[Entry]] = {}
    for entry, spec in zip(group, specs, strict=True):
        if entry.spec.get("seed") is not None:
            same.setdefault((spec, fingerprint(entry.spec["seed"])), []).append(entry)
    for entries in same.values():
        if len(entries) > 1:
            yield f"{label}: one spec and one seed, so one piece of evidence: {_ids(entries)}."
    tasks = {entry.task for entry in group}
    if len(tasks) > 1:
        yield (
            f"{label}: scores of {len(tasks)} tasks are pooled as they are; where their scales "
            "differ, give score=function that makes them comparable."
        )


def _ids(entries: Iterable[Entry]) -> str:
    return ", ".join(f"run {entry.id}" for entry in entries)
