"""What recording a cell costs: begin and end, and every print in between.

Each figure stands beside the same code without a record, taken in turn with it in one process.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from pathlib import Path

from daf_nb.record.cells.experiment import experiment
from daf_nb.record.cells.scope import log


def cell() -> float:
    """A small cell: some arithmetic, a print."""
    value = sum(number * number for number in range(100_000))
    print(value)
    return float(value)


def timed(action) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1e3


def begin_and_end(runs_dir: Path, repeats: int) -> tuple[float, float]:
    def recorded() -> None:
        with experiment("bench", seed=0, runs_dir=runs_dir) as one:
            one.result = cell()
            log("value", one.result)

    recorded()  # Sacred is imported once
    pairs = [(timed(cell), timed(recorded)) for _ in range(repeats)]
    return statistics.median(plain for plain, _ in pairs), statistics.median(
        with_record for _, with_record in pairs
    )


def prints(count: int, runs_dir: Path, repeats: int) -> tuple[float, float]:
    """Microseconds of a print, without and with a record."""

    def chatter() -> None:
        for number in range(count):
            print("step", number)

    plain, recorded = [], []
    for _ in range(repeats):
        plain.append(timed(chatter))
        with experiment("chatter", runs_dir=runs_dir):
            recorded.append(timed(chatter))
    scale = 1e3 / count
    return statistics.median(plain) * scale, statistics.median(recorded) * scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--prints", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with contextlib.redirect_stdout(io.StringIO()):
            plain, recorded = begin_and_end(root, options.repeats)
        with (root / "shown.txt").open("w") as shown, contextlib.redirect_stdout(shown):
            bare, teed = prints(options.prints, root, 5)
    print(f"{'':28}{'plain':>10}{'recorded':>10}{'more':>10}")
    print(f"{'a small cell, ms':28}{plain:10.1f}{recorded:10.1f}{recorded - plain:10.1f}")
    print(f"{'a print to a file, us':28}{bare:10.2f}{teed:10.2f}{teed - bare:10.2f}")
    print(f"{'prints per second':28}{1e6 / bare:10,.0f}{1e6 / teed:10,.0f}")
    print(f"of a cell of 10 s: {(recorded - plain) / 100:.2f} %")


if __name__ == "__main__":
    main()
