"""`daf-nb doctor`: whether everything that daf_nb needs is here and works."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from daf_nb.cli.runs import RunsDir
from daf_nb.cli.words import document, line

__all__ = ["doctor"]


def doctor(
    runs_dir: RunsDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON document.")] = False,
    self_test: Annotated[
        bool, typer.Option(help="Train a tiny world in a temporary folder, about ten seconds.")
    ] = True,
) -> None:
    """Check versions, devices, memory, the runs folder, JupyterLab, and train a tiny world.

    The exit code is 1 if something is wrong; a warning is not.
    """
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
