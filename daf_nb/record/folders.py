"""Where runs live, and how a run gets a number of its own."""

from __future__ import annotations

import os
from pathlib import Path

from daf_nb.config import lab, project_root
from daf_nb.errors import RecordError
from daf_nb.names import safe_name
from daf_nb.record.trashed import trashed_runs

__all__ = ["claim_folder", "project_root", "run_ids", "runs_root", "safe_name"]


def runs_root(runs_dir: Path | str | None = None) -> Path:
    """The folder of all runs: the argument, else the lab's `runs_dir`, else `runs/` at the root.

    The lab's is `DAF_NB_RUNS_DIR`, or what a file or a call says; the root is the project's. The
    folder need not exist yet.

    Raises:
        ConfigError: the lab is set up in a way that cannot be.
    """
    if runs_dir:
        return Path(runs_dir).expanduser().absolute()
    return lab().runs_dir or project_root() / "runs"


def run_ids(root: Path) -> list[int]:
    """The numbers of the runs under a root, ascending. A root that does not exist has none."""
    try:
        with os.scandir(root) as entries:
            return sorted(int(entry.name) for entry in entries if _is_run(entry))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RecordError(f"The runs in {root} cannot be listed: {error}.") from error


def claim_folder(root: Path) -> tuple[int, Path]:
    """Makes the folder of a new run. However many ask at once, in any process, each gets its own.

    The number of a run in the trash is not given again, so that the run can come back.

    Raises:
        RecordError: no folder can be made there.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        # First the runs, then the trash: one that is deleted meanwhile is seen twice, not never.
        taken = [*run_ids(root), *(run.id for run in trashed_runs(root))]
        number = max(taken, default=0) + 1
        while True:
            try:
                (root / str(number)).mkdir()
            except FileExistsError:
                number += 1
            else:
                return number, root / str(number)
    except OSError as error:
        raise RecordError(
            f"No run can be recorded in {root}: {error}. Name another folder with runs_dir=..., "
            "or with the environment variable DAF_NB_RUNS_DIR."
        ) from error


def _is_run(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    plain = name.isascii() and name.isdecimal() and not name.startswith("0")
    return plain and len(name) < 16 and entry.is_dir()
