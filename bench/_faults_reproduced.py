"""A run with a curriculum, rules and scripted moves, made again: whole, and with a move missing."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from _faults_killed import begin
from _faults_stage import Count

import daf_nb as daf

_AT_ONCE = ("clip_range", "ent_coef", "learning_rate", "n_steps")
"""Knobs that show at the first boundary after they were changed."""
_REPEATS = 3
"""Of the whole run, at most."""


def whole(tries: int, folder: Path) -> dict[str, int | None]:
    """Reproduces the run as it is recorded."""
    begin(folder).wait()
    count = Count()
    for _ in range(min(tries, _REPEATS)):
        made = daf.reproduce(1, runs_dir=folder).wait()
        good = made.run.status == "COMPLETED"
        count.add(repr(made), exact=made.identical, recovered=good, said="identical" in repr(made))
    return count.told()


def without_one_entry(tries: int, folder: Path) -> dict[str, int | None]:
    """Removes each entry before the last boundary in turn, as many as there are tries.

    `said` is the boundary: the first after the entry, where its knob shows there; one after it, or
    that nothing differs, for knobs of the curriculum, which may move nothing.
    """
    begin(folder / "whole").wait()
    record = daf.load_run(1, runs_dir=folder / "whole")
    steps = set(record.metrics.index)
    lines = (record.folder / "journal.jsonl").read_text().splitlines(keepends=True)
    rows = [json.loads(line) for line in lines]
    count, silent = Count(exact=False), 0
    played = sum(row["step"] < max(steps) for row in rows)
    for place in _spread(played, tries):
        root = folder / str(place)
        shutil.copytree(record.folder, root / "1")
        (root / "1" / "journal.jsonl").write_text("".join(lines[:place] + lines[place + 1 :]))
        made = daf.reproduce(1, runs_dir=root).wait()
        now = daf.load_run(made.run.id, runs_dir=root).metrics.index
        said, silent = _named(made, rows[place], steps.union(now)), silent + made.identical
        good = made.run.status == "COMPLETED"
        count.add(f"without {rows[place]}: {made}", recovered=good, said=said)
        shutil.rmtree(root)
    print(f"  {silent} of {count.told()['tries']} entries had moved nothing", file=sys.stderr)
    return count.told()


def _spread(total: int, tries: int) -> list[int]:
    """At most so many of the numbers below a total, from its first to its last."""
    many = min(tries, total)
    return [place * (total - 1) // max(many - 1, 1) for place in range(many)]


def _named(made: daf.Reproduction[Any], row: dict[str, Any], steps: set[int]) -> bool:
    """Whether the answer is the boundary, of either run, at which the absence first shows."""
    following = min(step for step in steps if step > row["step"])
    first = made.first_difference
    if first is None:
        return row["name"] not in _AT_ONCE
    if first.step is None or f"at step {first.step:,}" not in repr(made):
        return False
    return first.step == following if row["name"] in _AT_ONCE else first.step >= following


ROWS = {
    "reproduce: as recorded": whole,
    "reproduce: an entry of the journal removed": without_one_entry,
}
