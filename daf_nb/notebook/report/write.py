"""`report`: a run, or several beside each other, as one file to keep, to send or to print."""

from __future__ import annotations

import contextlib
import datetime
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daf_nb.errors import ConfigError, RecordError, unknown_name
from daf_nb.record import load_run, runs_root, safe_name

if TYPE_CHECKING:
    from daf_nb.notebook.report.blocks import Report

__all__ = ["Ids", "report"]

Ids = int | str | Sequence[int | str] | Mapping[str, Sequence[int | str]]
_ENDINGS = {"html": "html", "markdown": "md"}


def report(
    ids: Ids,
    *,
    path: Path | str | None = None,
    runs_dir: Path | str | None = None,
    format: str = "html",
) -> Path:
    """Writes a report and returns its path.

    It is one file that needs nothing else: no script, no network; light or dark as the reader's
    screen is, and fit to be printed. What of a record cannot be read is said in its place.

    Args:
        ids: a run's number; or several, which are compared; or several by label, whose groups are
            compared.
        path: the file, or a folder for it. By default `report.html` in the run's folder, for
            several runs `reports/<numbers>.html` beside the runs. A file that is there is replaced.
        runs_dir: where the runs are, as for `load_run`.
        format: "html", or "markdown" (GitHub's; curves are rows of blocks in it).

    Raises:
        ConfigError: no id, or an unknown format.
        RecordError: there is no such run, or the file cannot be written.
    """
    if format not in _ENDINGS:
        raise ConfigError(unknown_name("format of a report", format, _ENDINGS))
    labelled, numbers = _numbers(ids)
    records = [load_run(number, runs_dir=runs_dir) for number in numbers]
    target = _target(path, runs_dir, [record.id for record in records], _ENDINGS[format])

    from daf_nb.notebook.report.html import html_page
    from daf_nb.notebook.report.markdown import markdown_page
    from daf_nb.notebook.report.material import Material
    from daf_nb.notebook.report.one import run_report
    from daf_nb.notebook.report.several import runs_report

    made = f"Report of {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"
    told: Report
    if len(records) == 1 and labelled is None:
        told = run_report(Material(records[0]), made=made)
    else:
        told = runs_report(records, labelled, made=made)
    page = html_page(told) if format == "html" else markdown_page(told)
    _write(target, page.encode("utf-8"))
    return target


def _numbers(ids: Ids) -> tuple[Mapping[str, list[int | str]] | None, list[int | str]]:
    """The labels, where there are some; every run once, in order."""
    if isinstance(ids, int | str):
        return None, [ids]
    labelled = None
    if isinstance(ids, Mapping):
        labelled = {str(label): [*some] for label, some in ids.items()}
        ids = [one for some in labelled.values() for one in some]
    if not ids:
        raise ConfigError("report() needs the number of a run, or several; none came.")
    return labelled, [*dict.fromkeys(ids)]


def _target(
    path: Path | str | None, runs_dir: Path | str | None, numbers: list[int], ending: str
) -> Path:
    root = runs_root(runs_dir)
    alone = len(numbers) == 1
    name = f"{safe_name('-'.join(map(str, numbers)))}.{ending}"
    if path is None:
        return root / str(numbers[0]) / f"report.{ending}" if alone else root / "reports" / name
    chosen = Path(path).expanduser().absolute()
    if chosen.is_dir():
        return chosen / (f"run-{name}" if alone else f"runs-{name}")
    return chosen


def _write(path: Path, data: bytes) -> None:
    """Replaces a file whole. Beside it is only written what was not there: no link is followed."""
    beside = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise RecordError(
            f"The report cannot be written to {path}: {error}. Name another file with path=..."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
