"""Where the project is that a notebook or a script belongs to."""

from __future__ import annotations

from pathlib import Path

from daf_nb.errors import ConfigError

__all__ = ["LAB_FILES", "project_root", "working_directory"]

LAB_FILES = ("daf_nb.toml", "daf_nb.json")
"""The lab's own files, in the order in which they are looked for."""

ROOT_MARKS = (*LAB_FILES, "pyproject.toml", ".git")


def project_root() -> Path:
    """The nearest folder, from the working directory upwards, that shows to be a project's root.

    It shows by a `daf_nb.toml` or `daf_nb.json`, a `pyproject.toml` or a `.git`. Without one, the
    working directory. A notebook's kernel starts beside its notebook.

    Raises:
        ConfigError: as `working_directory`.
    """
    here = working_directory()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return folder
    return here


def working_directory() -> Path:
    """The folder that this process works in.

    Raises:
        ConfigError: there is none any more, or it cannot be told.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise ConfigError(
            f"the working directory cannot be told ({error.strerror or error}), probably as it "
            "was deleted or moved; settings and the project are looked for from there. Change to "
            "a folder that exists, with os.chdir(...), or %cd in a notebook."
        ) from error
