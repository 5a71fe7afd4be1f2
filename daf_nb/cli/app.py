"""The program: its commands, and how whatever they raise is told."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TextIO

import typer

from daf_nb.cli.doctor import doctor
from daf_nb.cli.report import report
from daf_nb.cli.reproduce import reproduce
from daf_nb.cli.runs import runs
from daf_nb.cli.show import show
from daf_nb.cli.train import resume, train
from daf_nb.cli.words import line, version
from daf_nb.errors import DafError

__all__ = ["app", "main"]

app = typer.Typer(
    name="daf-nb",
    help="Multi-agent reinforcement learning, recorded exactly: train, look at runs, report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (train, resume, reproduce, runs, show, report, doctor):
    app.command()(command)


@dataclass
class _Asked:
    """What was asked of the program as a whole."""

    debug: bool = False


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"daf_nb {version()}")
        raise typer.Exit


@app.callback()
def _whole(
    context: typer.Context,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    if isinstance(context.obj, _Asked):
        context.obj.debug = debug


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the program; always raises `SystemExit`.

    Its code is 0; 1 where something went wrong, or was told a value that cannot be; 2 where the
    command line cannot be understood; 130 where Ctrl-C ended it, 143 where SIGTERM did. Errors and
    warnings go to the standard error, a line each.

    Args:
        arguments: as in a shell; by default those of this process.
    """
    asked = _Asked()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            app(args=arguments, prog_name="daf-nb", obj=asked)
        except BrokenPipeError:
            # Nobody reads any more; what Python still has to flush goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except DafError as error:
            if asked.debug:
                raise
            said = str(error).replace("trust=True", "--trust")  # what the same is in a shell
            typer.echo(f"daf-nb: {line(said, limit=2_000)}", err=True)
            raise SystemExit(1) from None


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line_: Any = None,
) -> None:
    typer.echo(f"warning: {line(str(message), limit=2_000)}", err=True)
