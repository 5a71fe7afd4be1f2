"""`daf-nb report`: a run, or several beside each other, as one file."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from daf_nb.cli.runs import RunsDir

__all__ = ["report"]


def report(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Numbers of runs; several are compared.")
    ],
    path: Annotated[
        Path | None, typer.Option(help="The file, or a folder; by default in the runs folder.")
    ] = None,
    format: Annotated[str, typer.Option(help="html or markdown.")] = "html",
    runs_dir: RunsDir = None,
    open: Annotated[bool, typer.Option(help="Show it in the browser.")] = False,
) -> None:
    """Write a report of a run, or of several compared; prints the path of the file."""
    from daf_nb.notebook.report import report as write

    written = write(ids, path=path, runs_dir=runs_dir, format=format)
    typer.echo(str(written))
    if open:
        webbrowser.open(written.as_uri())
