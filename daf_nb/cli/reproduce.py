"""`daf-nb reproduce`: a recorded training or cell made again, and whether it came out the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from daf_nb.cli.runs import RunsDir
from daf_nb.cli.train import interruptible
from daf_nb.cli.words import document, line

if TYPE_CHECKING:
    from daf_nb.session import Reproduction

__all__ = ["reproduce"]


def reproduce(
    id: Annotated[int, typer.Argument(metavar="RUN", help="The run's number.")],
    runs_dir: RunsDir = None,
    trust: Annotated[
        bool,
        typer.Option(help="Run code of the record: of a cell all, else what its spec names."),
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that a cell may take, with those before it.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say what came of it as one JSON document.")
    ] = False,
) -> None:
    """Make a run again, from its record; the exit code is 1 where it is not the same."""
    with interruptible():
        from daf_nb.session.again import reproduce as make_again

        made = make_again(id, runs_dir=runs_dir, trust=trust, timeout=timeout)
        try:
            identical = made.identical
        except KeyboardInterrupt:
            typer.echo(line(repr(made), limit=2_000), err=True)
            raise
        _say(made, as_json=as_json)
        raise typer.Exit(0 if identical else 1)


def _say(made: Reproduction[Any], *, as_json: bool) -> None:
    if not as_json:
        typer.echo(line(repr(made), limit=2_000))
        return
    first = made.first_difference
    document(
        {
            "id": made.original.id,
            "again": made.run.id,
            "folder": str(made.run.folder),
            "identical": first is None,
            "first_difference": None
            if first is None
            else {
                "what": first.what,
                "step": first.step,
                "run": first.run,
                "values": {name: list(pair) for name, pair in first.values.items()},
            },
            "notes": list(made.notes),
        }
    )
