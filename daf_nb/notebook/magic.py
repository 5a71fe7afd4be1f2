"""`%%experiment`: a notebook cell as a recorded run."""

from __future__ import annotations

import argparse
import asyncio
import json
import keyword
import shlex
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class, no_var_expand

from daf_nb.errors import ConfigError, unknown_name
from daf_nb.notebook.body import run_body, show_no_more, whole_cell
from daf_nb.record.cells.experiment import Experiment
from daf_nb.record.cells.traces import users_frames

__all__ = ["ExperimentMagics"]

USAGE = (
    "%%experiment NAME [--seed N] [--tag T]... [--config k=v]... [--observer X]... [--runs-dir D]"
)
OPTIONS = ("--seed", "--tag", "--config", "--observer", "--runs-dir")


@magics_class
class ExperimentMagics(Magics):
    """The cell magic."""

    @no_var_expand  # braces and dollars belong to names and JSON here
    @cell_magic
    def experiment(self, line: str, cell: str) -> None:
        """Records the cell as an experiment.

        ::

            %%experiment NAME [--seed N] [--tag T]... [--config k=v]... [--observer X]...
                              [--runs-dir D]

        Recorded are the cell, the cells that it depends on, its output, the figures that it shows,
        the value of its last expression, the metrics of `daf_nb.log`, how it ended and how long it
        took. A `train` in it is linked to it.

        NAME is any text; quote one of several words. `--seed` seeds python, numpy and torch;
        without one a seed is drawn and recorded. `--config k=v` is recorded and makes a variable
        `k` before the cell runs, which stays: `v` read as JSON, or the text where it is no JSON.
        `--observer` names who else is told: mongo, wandb. `--runs-dir` says where it is recorded.
        """
        shell: Any = self.shell
        options = _parsed(line)
        config = _config(options.config)
        _refuse_await(shell, cell)
        try:
            experiment = Experiment(
                options.name,
                seed=options.seed,
                tags=options.tag,
                config=config,
                observers=options.observer or None,
                runs_dir=options.runs_dir,
                source=whole_cell(shell, line, cell),
            )
        except ConfigError as error:
            raise UsageError(str(error)) from error
        with experiment:
            shell.user_ns.update(config)
            ran = run_body(shell, cell)
            experiment.result = ran.result
            error = ran.error_before_exec or ran.error_in_exec
            if error is not None:
                show_no_more(shell, error)
                raise error.with_traceback(users_frames(error.__traceback__))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. Usage: {USAGE}")


def _parser() -> _Parser:
    parser = _Parser(prog="%%experiment", add_help=False, allow_abbrev=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--seed", type=int)
    for option in ("--tag", "--config", "--observer"):
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("--runs-dir")
    return parser


def _parsed(line: str) -> argparse.Namespace:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%%experiment {line}: {error}. Close every quotation mark.") from error
    options, rest = _parser().parse_known_args(words)
    for word in rest:
        if word.startswith("-"):
            raise UsageError(unknown_name("option", word.partition("=")[0], OPTIONS))
    if rest:
        raise UsageError(
            f"{' '.join([str(options.name), *rest])!r} are several names; quote one of several "
            f"words. Usage: {USAGE}"
        )
    if options.name is None:
        raise UsageError(f"an experiment has a name. Usage: {USAGE}")
    return options


def _config(pairs: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(
                f"--config {pair}: give it as name=value, the name one that a variable can have."
            )
        if name in config:
            raise UsageError(f"--config {name} is given twice; give one value.")
        try:
            config[name] = json.loads(text)
        except ValueError:
            config[name] = text
    return config


def _refuse_await(shell: Any, cell: str) -> None:
    """A cell that awaits needs the loop that is busy with this one."""
    try:
        asyncio.get_running_loop()
        awaits = shell.should_run_async(cell, transformed_cell=shell.transform_cell(cell))
    except Exception:  # no loop runs; or the cell is no Python, which is said when it runs
        return
    if awaits:
        raise UsageError(
            "a cell of %%experiment cannot await: it runs inside another cell. Write "
            "`with daf_nb.experiment(NAME):` around the code, in a plain cell."
        )
