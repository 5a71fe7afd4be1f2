"""Where the project is that a notebook or a script belongs to."""

from __future__ import annotations

from pathlib import Path

__all__ = ["LAB_FILES", "project_root"]

LAB_FILES = ("daf_nb.toml", "daf_nb.json")
"""The lab's own files, in the order in which they are looked for."""

ROOT_MARKS = (*LAB_FILES, "pyproject.toml", ".git")


def project_root() -> Path:
    """The nearest folder, from the working directory upwards, that shows to be a project's root.

    It shows by a `daf_nb.toml` or `daf_nb.json`, a `pyproject.toml` or a `.git`. Without one, the
    working directory. A notebook's kernel starts beside its notebook.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return folder
    return here
