"""`daf-nb train` and `resume`: what a file says, or a run that stopped, until it is done."""

from __future__ import annotations

import copy
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from daf_nb.cli.runs import RunsDir, given
from daf_nb.cli.words import document, line
from daf_nb.errors import ConfigError, DafError

if TYPE_CHECKING:
    from daf_nb.session import Run

__all__ = ["changed", "interruptible", "resume", "train"]

_LOOK = 0.5
"""Seconds between two looks at the run."""


def train(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC",
            help="A JSON file: the world and whatever is not to be the default, such as a record's "
            "config.json; - for the standard input.",
        ),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE in place of the file's; seed=3, env_kwargs.N=5."),
    ] = None,
    runs_dir: RunsDir = None,
    name: Annotated[str | None, typer.Option(help="What the run is called.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A text to find it by.")] = None,
    trust: Annotated[
        bool, typer.Option(help="Import functions and classes that the file names.")
    ] = False,
    seeds: Annotated[
        str | None,
        typer.Option(help="Several runs at once, on these seeds: 0-7, or 0,3,5-9."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="With --seeds: how many train at once; by default on all cores."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say how it ended as one JSON document.")
    ] = False,
) -> None:
    """Train what SPEC says, recorded. Ctrl-C ends it within a step; `daf-nb resume` goes on."""
    wanted = changed(_read(spec), changes or [])
    with interruptible():
        from daf_nb.cli.many import read_seeds, see_all_through
        from daf_nb.record import Source
        from daf_nb.record.plain import json_bytes
        from daf_nb.scale import train_many
        from daf_nb.session.again import train_spec

        source = Source(kind="spec", text=json_bytes(wanted).decode(), name=spec)
        given: dict[str, Any] = {"runs_dir": runs_dir, "name": name, "tags": tag or ()}
        given |= {"trust": trust, "source": source}
        if seeds is None:
            _see_through(train_spec(wanted, **given), as_json=as_json)
        chosen = read_seeds(seeds)
        many = train_many(wanted, seeds=chosen, workers=workers or "auto", **given)
        see_all_through(many, as_json=as_json)


def resume(
    id: Annotated[int, typer.Argument(metavar="RUN", help="The run's number.")],
    warm: Annotated[
        bool,
        typer.Option(
            "--warm", help="With other episodes and noise, where versions or machine differ."
        ),
    ] = False,
    runs_dir: RunsDir = None,
    trust: Annotated[
        bool, typer.Option(help="Import functions and classes that the record names.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say how it ended as one JSON document.")
    ] = False,
) -> None:
    """Go on with a run that was stopped or killed, exactly. Ctrl-C ends it within a step."""
    with interruptible():
        from daf_nb.session.resume import resume as go_on

        run = go_on(id, runs_dir=runs_dir, trust=trust, mode="warm" if warm else "exact")
        _see_through(run, as_json=as_json)


def _see_through(run: Run, *, as_json: bool) -> NoReturn:
    """Waits for the end, says it, and ends the program accordingly."""
    typer.echo(f"run {run.id} {line(run.name)}: {line(str(run.folder))}", err=True)
    code, error = _follow(run)
    _say(run, error, as_json=as_json)
    if error is None:
        raise typer.Exit(code)
    if isinstance(error, DafError):
        raise error
    raise DafError(f"{type(error).__name__}: {error}") from error


def _read(path: str) -> dict[str, Any]:
    """The spec in a file, or in what comes on the standard input."""
    from daf_nb.record.plain import loads

    told = "the standard input" if path == "-" else path
    if path != "-" and (not Path(path).exists() or Path(path).is_dir()):
        raise typer.BadParameter(
            f"there is no file {line(path)}; - is the standard input.", param_hint="SPEC"
        )
    try:
        spec = loads(sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{told} cannot be read as JSON: {error}.") from None
    if not isinstance(spec, dict):
        raise ConfigError(f"{told} holds a {type(spec).__name__}; a spec is a JSON object.")
    return spec


def changed(spec: Mapping[str, Any], changes: list[str]) -> dict[str, Any]:
    """The spec with other values; a dot in a field leads into an object."""
    changed = copy.deepcopy(dict(spec))
    for text in changes:
        field, value = given(text, "--set")
        *path, last = field.split(".")
        inside: Any = changed
        for part in path:
            inside = inside.setdefault(part, {})
            if not isinstance(inside, dict):
                raise ConfigError(f"--set {field}: {part} holds no object, so nothing is in it.")
        inside[last] = value
    return changed


class _Ended(KeyboardInterrupt):
    """A signal came; `code` is what a shell makes of it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does; both do it where a parent had them ignored, too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _Ended(number)

    before = {one: signal.signal(one, interrupt) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _Ended as end:
        raise typer.Exit(end.code) from None
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _follow(run: Run) -> tuple[int, BaseException | None]:
    """Waits for the end, with a line on a terminal; the exit code, and what the run raised."""
    from daf_nb.session.interrupting import see_out

    shown = sys.stderr.isatty()
    try:
        while not run.done:
            run.wait(_LOOK)
            if shown:
                typer.echo(f"\r\x1b[2K{line(_progress(run), limit=100)}", nl=False, err=True)
        run.wait()
    except _Ended as end:
        with suppress(_Ended):
            if not run.done:
                see_out(run)
        return end.code, run.error
    except Exception as error:
        return 1, error
    finally:
        if shown:
            typer.echo("", err=True)
    return (0 if run.status == "COMPLETED" else 1), None


def _progress(run: Run) -> str:
    from daf_nb.notebook.state import read_state, sentence

    return sentence(read_state(run))


def _say(run: Run, error: BaseException | None, *, as_json: bool) -> None:
    metrics = run.trainer.progress.metrics
    if as_json:
        document(
            {
                "id": run.id,
                "name": run.name,
                "status": run.status,
                "folder": str(run.folder),
                "steps": run.step,
                "return": metrics.get("rollout/return_mean"),
                "success": metrics.get("rollout/success_rate", metrics.get("rollout/success")),
                "error": None if error is None else f"{type(error).__name__}: {error}",
            }
        )
    else:
        typer.echo(f"run {run.id}: {line(_progress(run))}")
    if run.status == "INTERRUPTED":
        where = shlex.quote(str(run.folder.parent))
        typer.echo(f"daf-nb resume {run.id} --runs-dir {where} goes on from here.", err=True)
