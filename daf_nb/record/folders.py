"""Where runs live, and how a run gets a number of its own."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from daf_nb.errors import RecordError

__all__ = ["claim_folder", "project_root", "run_ids", "runs_root", "safe_name"]

ROOT_MARKS = ("pyproject.toml", ".git")


def runs_root(runs_dir: Path | str | None = None) -> Path:
    """The folder of all runs: the argument, else `DAF_NB_RUNS`, else `runs/` at the project's root.

    The folder need not exist yet.
    """
    chosen = runs_dir or os.environ.get("DAF_NB_RUNS")
    return Path(chosen).expanduser().absolute() if chosen else project_root() / "runs"


def project_root() -> Path:
    """The nearest folder, from the working directory upwards, with a `pyproject.toml` or a `.git`.

    Without one, the working directory. A notebook's kernel starts beside its notebook.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return folder
    return here


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

    Raises:
        RecordError: no folder can be made there.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        number = max(run_ids(root), default=0) + 1
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
            "or with the environment variable DAF_NB_RUNS."
        ) from error


def safe_name(text: str) -> str:
    """A file name for any text: the text where that is harmless, else what may stay and a digest.

    Different texts have different names; case counts.
    """
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", text):
        return text
    stem = re.sub(r"[^A-Za-z0-9_.-]", "_", text[:64]).lstrip(".-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{stem}-{digest}" if stem else digest


def _is_run(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    plain = name.isascii() and name.isdecimal() and not name.startswith("0")
    return plain and len(name) < 16 and entry.is_dir()
