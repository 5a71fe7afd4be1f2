"""Faults, injected for real, and what came of each: exact, recovered, and the truth told.

Rows come from the modules `_faults_*.py` beside this one: `ROWS`, label -> function of the number
of tries and an empty folder, which returns how many it tried and how many of those came out
`exact`, `recovered` and truly `said` (None where that means nothing), and prints what went wrong
with any other to stderr. `random` is seeded before each row.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from _common import machine, table

Told = Mapping[str, int | None]
Row = Callable[[int, Path], Told]

JUDGED = ("exact", "recovered", "said")
_COLUMNS = ("tries", *JUDGED)
_NOTHING = "\N{EN DASH}"


def collected() -> dict[str, Row]:
    """Label -> row, of all modules, in the order of the labels' numbers."""
    rows: dict[str, Row] = {}
    for path in sorted(Path(__file__).parent.glob("_faults_*.py")):
        rows.update(getattr(importlib.import_module(path.stem), "ROWS", {}))
    return dict(sorted(rows.items(), key=lambda row: _number(row[0])))


def tried(label: str, row: Row, tries: int, folder: Path, *, seed: int) -> Told:
    """What came of a row; a row that raised has shown nothing."""
    random.seed(seed)
    folder.mkdir(parents=True)
    began = time.monotonic()
    try:
        told = row(tries, folder)
    except Exception:
        traceback.print_exc()
        told = {"tries": tries, **dict.fromkeys(JUDGED, 0)}
    print(f"{label}: {told}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return told


def short(told: Told) -> bool:
    """Whether a row falls short: nothing was tried, or a try did not come out as it must."""
    tries = told["tries"]
    return not tries or any(told[name] not in (None, tries) for name in JUDGED)


def _number(label: str) -> tuple[float, str]:
    first = label.split(maxsplit=1)[0]
    return (float(first) if first.isdecimal() else float("inf"), label)


def _chosen(rows: dict[str, Row], only: str | None) -> dict[str, Row]:
    wanted = only.split(",") if only else None
    chosen = {k: row for k, row in rows.items() if wanted is None or k.split()[0] in wanted}
    if not chosen:
        raise SystemExit(f"--only {only} chooses no row; there are:\n" + "\n".join(rows))
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tries", type=int, default=50, help="of each row that is not a sweep")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and places")
    parser.add_argument("--only", help="first words of the rows' labels, such as 1,4,bad")
    parser.add_argument("--folder", type=Path, help="where the runs are kept; else they are not")
    parser.add_argument("--json", type=Path, help="where the results go as data too")
    given = parser.parse_args()
    found: dict[str, Told] = {}
    with tempfile.TemporaryDirectory(prefix="daf-faults-") as temporary:
        root: Path = given.folder or Path(temporary)
        for place, (label, row) in enumerate(_chosen(collected(), given.only).items()):
            folder = root / f"{place:02d}-{label.split()[0]}"
            found[label] = tried(label, row, given.tries, folder, seed=given.seed)
    cells = [
        [label, *(_NOTHING if told[name] is None else str(told[name]) for name in _COLUMNS)]
        for label, told in found.items()
    ]
    print(table(("fault", "tries", "exact", "recovered", "said truly"), cells))
    if given.json:
        given.json.write_text(json.dumps({"machine": machine(), "rows": found}, indent=1) + "\n")
    sys.exit(any(map(short, found.values())))


if __name__ == "__main__":
    main()
