"""`daf-nb doctor`: whether everything that daf_nb needs is here and works."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from daf_nb.cli.runs import RunsDir
from daf_nb.cli.train import changed, interruptible
from daf_nb.cli.words import document, line

__all__ = ["doctor"]

_USUAL = "mpe2.simple_spread_v3"


def doctor(
    world: Annotated[
        str | None,
        typer.Argument(
            metavar="[WORLD]", help="With --profile: what is trained.", show_default=False
        ),
    ] = None,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="Train a while, and say where the time goes, in place."),
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="With --profile: FIELD=VALUE; num_envs=16, env_kwargs.N=5."),
    ] = None,
    runs_dir: RunsDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON document.")] = False,
    self_test: Annotated[
        bool, typer.Option(help="Train a tiny world in a temporary folder, about ten seconds.")
    ] = True,
) -> None:
    """Check versions, devices, memory, the runs folder, JupyterLab, and train a tiny world.

    The exit code is 1 if something is wrong; a warning is not.
    """
    if profile:
        _profile(world or _USUAL, changes or [], as_json=as_json)
        return
    if world is not None or changes:
        raise typer.BadParameter("a world, and --set, are for doctor --profile.")
    from daf_nb.cli.checks import examine

    findings = []
    for finding in examine(runs_dir=runs_dir, self_test=self_test):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{finding.state:<8} {finding.name:<14} {line(finding.said, limit=400)}")
            if finding.advice:
                typer.echo(f"{'':<24}{line(finding.advice, limit=400)}")
    wrong = sum(finding.state == "wrong" for finding in findings)
    if as_json:
        document({"ok": not wrong, "checks": [asdict(finding) for finding in findings]})
    else:
        warned = sum(finding.state == "warning" for finding in findings)
        typer.echo(f"{len(findings)} checks: {wrong} wrong, {warned} warnings.")
    raise typer.Exit(1 if wrong else 0)


def _profile(world: str, changes: list[str], *, as_json: bool) -> None:
    """Says where the time of a training on a world goes; who types its name trusts its code."""
    with interruptible():
        from daf_nb.scale import profile
        from daf_nb.session.spec import arguments_of

        given = arguments_of(changed({"world": world}, changes), trust=True)
        found = profile(given.pop("world"), **given)
    if as_json:
        told = {"world": found.world, "agent_steps": found.steps, "rate": found.rate}
        document({**told, "seconds": found.seconds, "shares": found.shares, "advice": found.advice})
    else:
        typer.echo(str(found))
