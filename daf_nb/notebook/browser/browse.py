"""`browse`: the run browser in a notebook, a printed table elsewhere."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from daf_nb.notebook import frontend

if TYPE_CHECKING:
    import pandas as pd

    from daf_nb.notebook.browser.browser import RunBrowser

__all__ = ["browse"]


def browse(*, runs_dir: Path | str | None = None) -> RunBrowser | pd.DataFrame:
    """All runs, to search, sort, open, compare, report, reproduce and delete.

    In a notebook a table with buttons. Elsewhere the newest runs are printed, as many as the
    terminal has room for, and what `list_runs` gives is returned.

    Args:
        runs_dir: where runs are recorded; by default DAF_NB_RUNS_DIR, else `runs/` in the project.

    Raises:
        RecordError: the folder cannot be listed.
    """
    if frontend._has_widgets():
        from daf_nb.notebook.browser.browser import RunBrowser

        return RunBrowser(runs_dir=runs_dir)
    from daf_nb.notebook.browser.query import Query, found
    from daf_nb.notebook.browser.rows import read_rows
    from daf_nb.notebook.browser.text import table_text
    from daf_nb.record import list_runs, runs_root

    rows = found(read_rows(runs_root(runs_dir), {}).values(), Query())
    width, height = shutil.get_terminal_size()
    sys.stdout.write(table_text(rows, width=width, height=height - 2) + "\n")
    return list_runs(runs_dir=runs_dir)
