"""Reading records back: 2 000 runs listed, a million points loaded, 2 x 10 runs compared.

The peer reads the same folders in the layout of Sacred with json and pandas, as users do by hand:
`run.json` of each run in a loop, `metrics.json` into a table, and for the comparison a mean per
group. Each measurement has an interpreter of its own; "first" is its first call, imports not
included, "cold" the same with the files dropped from the page cache as far as the system lets go
of them, "warm" the median of five further calls.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _records_made
from _common import machine, run_job, save, table

_WARM_CALLS = 5


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="write every measurement as JSON")
    parser.add_argument("--runs", type=int, default=2000, help="how many are listed")
    parser.add_argument("--points", type=int, default=1_000_000, help="how many are loaded")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Makes the folders, measures, prints."""
    arguments = parse()
    if arguments.job:
        print(json.dumps(measure(**arguments.job)))
        return
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        _records_made.make_all(root, runs=arguments.runs, points=arguments.points)
        jobs = [
            {"what": what, "who": who, "root": made, "cold": cold}
            for what in WORK
            for who in ("daf_nb", "peer")
            for cold in (True, False)
        ]
        found = [run_job(__file__, job) for job in jobs]
    print(f"{report(found)}\nMiB: what the first call added to the peak of the process")
    save(arguments.out, machine=machine(), records=found)


def measure(*, what: str, who: str, root: str, cold: bool) -> dict[str, Any]:
    """Seconds of the first call and of the warm ones, and the memory that it took."""
    work = WORK[what][who](Path(root) / what)
    if cold:
        forget(Path(root) / what)
    before = peak()
    first = seconds(work)
    memory = peak() - before
    warm = [] if cold else [seconds(work) for _ in range(_WARM_CALLS)]
    return {
        "first": first,
        "warm": statistics.median(warm) if warm else None,
        "mebibytes": round(memory / 2**20),
    }


def peak() -> int:
    """Bytes of memory that this process had at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def forget(folder: Path) -> None:
    """Asks the system to drop the files' pages; their names and dates stay in its memory."""
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def report(found: list[dict[str, Any]]) -> str:
    """The table of all measurements."""
    rows = []
    for what in WORK:
        for who in ("daf_nb", "peer"):
            cold, warm = (
                next(
                    one
                    for one in found
                    if (one["what"], one["who"], one["cold"]) == (what, who, is_cold)
                )
                for is_cold in (True, False)
            )
            times = (cold["first"], warm["first"], warm["warm"])
            rows.append([what, who, *(f"{one:.3f}" for one in times), str(warm["mebibytes"])])
    return table(["work", "by", "cold, s", "first, s", "warm, s", "MiB"], rows)


def _list(root: Path) -> Callable[[], object]:
    from daf_nb.record import list_runs

    return lambda: list_runs(runs_dir=root)


def _peer_list(root: Path) -> Callable[[], object]:
    import pandas as pd

    def listed() -> pd.DataFrame:
        rows = []
        for folder in root.iterdir():
            run = json.loads((folder / "run.json").read_text())
            rows.append({"id": int(folder.name), **pd.json_normalize(run).iloc[0]})
        return pd.DataFrame(rows).sort_values("id")

    return listed


def _load(root: Path) -> Callable[[], object]:
    from daf_nb.record import load_run

    return lambda: load_run(1, runs_dir=root).metrics


def _peer_load(root: Path) -> Callable[[], object]:
    return lambda: _peer_metrics(root / "1")


def _peer_metrics(folder: Path) -> Any:
    import pandas as pd

    metrics = json.loads((folder / "metrics.json").read_text())
    columns = {
        name: pd.Series(series["values"], index=series["steps"]) for name, series in metrics.items()
    }
    return pd.DataFrame(columns)


def _compare(root: Path) -> Callable[[], object]:
    from daf_nb.record import compare

    return lambda: compare(range(1, 21), runs_dir=root)


def _peer_compare(root: Path) -> Callable[[], object]:
    import pandas as pd

    def compared() -> pd.DataFrame:
        curves: dict[Any, list[Any]] = {}
        for folder in root.iterdir():
            config = json.loads((folder / "config.json").read_text())
            curve = _peer_metrics(folder)["rollout/return_mean"]
            curves.setdefault(config["algorithm_kwargs"]["learning_rate"], []).append(curve)
        return pd.DataFrame(
            {rate: pd.concat(one, axis=1).mean(axis=1) for rate, one in curves.items()}
        )

    return compared


WORK: dict[str, dict[str, Callable[[Path], Callable[[], object]]]] = {
    "list": {"daf_nb": _list, "peer": _peer_list},
    "load 50 metrics": {"daf_nb": _load, "peer": _peer_load},
    "load 1 metric": {"daf_nb": _load, "peer": _peer_load},
    "load Sacred's": {"daf_nb": _load, "peer": _peer_load},
    "compare 2 x 10": {"daf_nb": _compare, "peer": _peer_compare},
}

if __name__ == "__main__":
    main()
