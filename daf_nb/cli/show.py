"""`daf-nb show`: one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from daf_nb.cli.runs import RunsDir
from daf_nb.cli.words import columns, document, line

if TYPE_CHECKING:
    from daf_nb.notebook.report.material import Material

__all__ = ["show"]

_ROWS = 5
"""Of the journal that are shown."""
_TRACE = 12
"""Lines of a traceback that are shown."""


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The run's number.")],
    runs_dir: RunsDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="As one JSON document, config and journal in it.")
    ] = False,
) -> None:
    """Show what a run's record says."""
    from daf_nb.notebook.report.material import Material
    from daf_nb.record import load_run

    material = Material(load_run(id, runs_dir=runs_dir))
    if as_json:
        document(_plain(material))
    else:
        typer.echo("\n".join(_lines(material)))


def _lines(material: Material) -> list[str]:
    from daf_nb.notebook.report.progress import return_chart
    from daf_nb.notebook.report.summary import summary_rows
    from daf_nb.notebook.text import sparkline
    from daf_nb.notebook.words import journal_line

    rows = [[name, line(text)] for name, text in summary_rows(material)]
    rows.append(["folder", line(str(material.record.folder))])
    lines = columns(["run", str(material.record.id)], rows, right=set()).split("\n")
    for chart in return_chart(material):
        for curve in chart.curves:
            whose = f" of {line(curve.name, limit=40)}" if curve.name else ""
            stride = -(-len(curve.means) // 60)
            lines += [f"return{whose}  {sparkline(curve.means[::stride])}"]
    count = len(material.journal)
    if count:
        newest = f", the newest {_ROWS}" if count > _ROWS else ""
        lines.append(f"journal: {count:,} changes{newest}")
        lines += [f"  {journal_line(row)}" for row in reversed(material.journal[-_ROWS:])]
    trace = material.part("run.json", lambda: material.record.fail_trace, "")
    lines += [f"  {line(one)}" for one in trace.rstrip().split("\n")[-_TRACE:] if one.strip()]
    return [*lines, *(f"warning: {line(said, limit=600)}" for said in material.troubles.values())]


def _plain(material: Material) -> dict[str, Any]:
    ours, document = material.ours, material.document
    metrics = {name: material.history.newest(name) for name in material.history.names()}
    record = material.record
    return {
        "id": record.id,
        "name": material.name,
        "status": material.status,
        "folder": str(record.folder),
        "started": material.started.isoformat() if material.started else None,
        "duration": material.seconds,
        "steps": ours.get("steps", material.steps),
        "return_last": ours.get("return_last"),
        "return_best": ours.get("return_best"),
        **{name: ours.get(name) for name in ("success", "tags", "kind", "parent", "children")},
        "result": document.get("result"),
        "fail_trace": document.get("fail_trace"),
        "config": dict(material.config),
        "facts": dict(material.facts),
        "metrics": metrics,
        "journal": [{key: value for key, value in row.items() if value is not None}
                    for row in material.journal],
        "cell": material.cell,
        "checkpoints": [path.name for path in record.checkpoints],
        "troubles": [*material.troubles.values()],
    }  # fmt: skip
