"""One run read back. Files are data: nothing in them is executed, unless it is trusted."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from daf_nb.errors import RecordError, unknown_name
from daf_nb.record.files import own_files
from daf_nb.record.folders import run_ids, runs_root
from daf_nb.record.policies import find_archive, read_model, read_state
from daf_nb.record.reading.contents import Contents
from daf_nb.record.reading.showing import html_list, value_text
from daf_nb.record.reading.summary import Summary, summarise, text_of
from daf_nb.record.series import (
    EVENTS,
    JOURNAL,
    JOURNAL_COLUMNS,
    TAPES,
    parse_event,
    parse_journal,
)
from daf_nb.record.source import Source
from daf_nb.record.status import UNREADABLE
from daf_nb.record.tapes.rows import TapeRow, Thinning, parse_tape
from daf_nb.record.trashed import told_of_trash

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import Tensor

    from daf_nb.curriculum import CurriculumManager
    from daf_nb.envs.tape import Tape
    from daf_nb.notebook.replay import Replay
    from daf_nb.record.tapes.shelf import Shelf

__all__ = ["RunRecord", "load_run"]

_ID = re.compile("[1-9][0-9]{0,14}")  # as the folders of runs are called


def load_run(id: int | str, *, runs_dir: Path | str | None = None) -> RunRecord:
    """One run, by its number.

    Raises:
        RecordError: there is no such run.
    """
    root = runs_root(runs_dir)
    known = run_ids(root)
    number = int(id) if _ID.fullmatch(str(id)) else None
    if number not in known or number is None:
        target = number if number is not None else max(known, default=0)
        near = sorted(sorted(known, key=lambda one: abs(one - target))[:5])
        have = (
            f"nearest of {len(known)}: {', '.join(map(str, near))}" if known else "there are none"
        )
        gone = "" if number is None else told_of_trash(root, number)
        told = f"No run {str(id)[:100]!r} in {root} ({have}). list_runs() shows all."
        raise RecordError(f"{told}{gone}")
    return RunRecord(id=number, folder=root / str(number))


@dataclass(frozen=True)
class RunRecord:
    """What a run's folder says, read anew at every access, so that a live run can be followed.

    Every property but `status` raises `RecordError` where its file is broken. A log with a torn
    end is read up to the tear, with a `DafWarning`.

    Attributes:
        id: the run's number.
        folder: where its files are.
    """

    id: int
    folder: Path

    @property
    def status(self) -> str:
        """Sacred's status or PAUSED; LOST: the writer is gone; UNREADABLE: no `run.json`."""
        try:
            return self._files.status()
        except RecordError:
            return UNREADABLE

    @property
    def name(self) -> str:
        """The run's name, as given: any text; empty where it has none."""
        return self._summary.name or ""

    @property
    def tags(self) -> tuple[str, ...]:
        """The run's tags, as given."""
        return self._summary.tags

    @property
    def kind(self) -> str | None:
        """Either "training" or "experiment"; None for a run that daf_nb did not record."""
        return self._summary.kind

    @property
    def parent(self) -> int | None:
        """The number of the experiment that the run belongs to."""
        return self._summary.parent

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The stretches that a resumed run was trained in; nothing where it never stopped.

        Of each `from_step`, `started`, `host`, `versions`.
        """
        parts = self._ours.get("parts")
        return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []

    @property
    def forked(self) -> dict[str, Any] | None:
        """What the run went on from; None for one that began by itself.

        `run`, `step`, `from` (the checkpoint's name), `exact` (episodes and noise went on), and
        `leave`: the knobs that it set anew.
        """
        told = self._ours.get("forked")
        fits = isinstance(told, dict) and all(type(told.get(k)) is int for k in ("run", "step"))
        return told if fits else None

    @property
    def _ours(self) -> dict[str, Any]:
        ours = self._files.mapping("run.json").get("daf_nb")
        return ours if isinstance(ours, dict) else {}

    @property
    def children(self) -> tuple[int, ...]:
        """The numbers of the runs that belong to this experiment."""
        return self._summary.children

    @property
    def started(self) -> datetime.datetime | None:
        """When the run began, in UTC; None for one that never did."""
        return self._summary.started

    @property
    def duration(self) -> float:
        """Seconds from start to end, of a live run so far; NaN where that is not known."""
        return self._summary.duration(self.status)

    @property
    def success(self) -> float:
        """The newest success rate; NaN where there is none."""
        return self._summary.success

    @property
    def result(self) -> Any:
        """What the run returned, as JSON; None where it did not."""
        return self._files.mapping("run.json").get("result")

    @property
    def fail_trace(self) -> str:
        """The traceback of a failed run, or what is missing in its record; else empty."""
        trace = self._files.mapping("run.json").get("fail_trace")
        lines = trace if isinstance(trace, list) else [trace]
        return "".join(text_of(line) or "" for line in lines)

    @property
    def config(self) -> dict[str, Any]:
        """The whole spec of the run."""
        return self._files.mapping("config.json")

    @property
    def facts(self) -> dict[str, Any]:
        """Versions, platform, hardware and git state; empty for a run that never started."""
        return self._files.mapping("facts.json", optional=True)

    @property
    def cell(self) -> str:
        """The source of the cell or script that launched the run."""
        return self._files.text("source.py")

    @property
    def source(self) -> Source:
        """The same, with its kind, where it stands, and where its kernel or script was started."""
        told = self._ours.get("source")
        known = told if isinstance(told, dict) else {}
        kind, name, directory = (text_of(known.get(key)) for key in ("kind", "name", "directory"))
        return Source(kind or "unknown", self.cell, name or "", directory or "")

    @property
    def output(self) -> str:
        """What the run printed; empty where nothing is recorded."""
        return self._files.text("cout.txt", optional=True)

    @property
    def info(self) -> dict[str, Any]:
        """Sacred's `info`, which a run may fill as it likes."""
        return self._files.mapping("info.json", optional=True)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The cells that an experiment's cell needed, with number, source, needed and ok."""
        cells = self._files.mapping("history.json", optional=True).get("cells")
        return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []

    @property
    def figures(self) -> list[Path]:
        """The pictures that an experiment showed, in order; links are left out."""
        found = own_files(self.folder / "figures")
        return [path for path in found if path.suffix in (".png", ".svg")]

    @property
    def metrics(self) -> pd.DataFrame:
        """One column per metric, one row per step; NaN where a step has no value."""
        return self._files.metrics().frame()

    def metric(self, name: str) -> pd.Series:
        """One metric: its values by step, ascending, without the steps that have none.

        Raises:
            RecordError: the run has no such metric.
        """
        metrics = self._files.metrics()
        if name not in metrics.names:
            raise RecordError(f"Run {self.id}: {unknown_name('metric', name, metrics.names)}")
        return metrics.series(name)

    @property
    def journal(self) -> pd.DataFrame:
        """Every change from outside: step, name, old, new, by, and what else was noted.

        Values are as they were: None and whole numbers too.
        """
        rows = self._files.lines(JOURNAL, parse_journal)
        columns = dict.fromkeys([*JOURNAL_COLUMNS, *(name for row in rows for name in row)])
        series = {
            name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns
        }
        return pd.DataFrame(series).astype({"step": int})

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened: kind, step, time (seconds since 1970), data."""
        return self._files.lines(EVENTS, parse_event)

    @property
    def tapes(self) -> pd.DataFrame:
        """The episodes that can be played again: a row each, numbered in order of keeping.

        Columns: `kept` says why, in words joined by "+": best, worst (so far: by success where it
        is known, else by return), every (n-th), evaluation; `step`, agent-steps trained by then;
        `copy`, `number`, `seed`, `task`, `length`, `mean_return`, `success` of the episode;
        `evaluation`, which of the run's, from 0, or nothing.
        """
        from daf_nb.record.tapes.reading import tape_table

        return tape_table(self._shelf(self._files.lines(TAPES, parse_tape)))

    def tape(
        self,
        episode: int | str = "best",
        *,
        trust: bool = False,
        curriculum: CurriculumManager | None = None,
    ) -> Tape:
        """One of the `tapes`, to be played by `daf_nb.envs.play`. Nothing is executed.

        Args:
            episode: its number, or "best", "worst" or "last".
            trust: whether its world, and what its task applies to that, may be imported by their
                names in the record, where these are not of PettingZoo, mpe2 or daf_nb.
            curriculum: whose tasks were played, where they apply functions of your own.

        Raises:
            RecordError: there is no such tape, or its file is gone, cut or changed.
        """
        from daf_nb.record.tapes.reading import read_tape

        shelf = self._shelf(self._files.lines(TAPES, parse_tape))
        config = self.config
        return read_tape(
            self.folder, shelf, episode, spec=config, trust=trust, curriculum=curriculum
        )

    def replay(self, episode: int | str = "best", **options: Any) -> Replay:
        """A view of one of the `tapes`: play, scrub, and see rewards, actions and values.

        Args:
            episode: as in `tape`.
            **options: of `daf_nb.notebook.replay.replay`: `beside`, a run or policies to play the
                same seed; `seed` or `task`, to play the run's policies anew in place of a tape;
                `deterministic`; `world` and `trust`, where the record's world is not built on its
                word.

        Raises:
            RecordError: there is no such tape.
            ConfigError: a world that is not built on the record's word, or no such task.
        """
        from daf_nb.notebook.replay import replay

        return replay(self, episode, **options)

    def _shelf(self, rows: list[TapeRow | Thinning]) -> Shelf:
        from daf_nb.record.tapes.reading import shelf_of

        return shelf_of(self.folder, rows)

    @property
    def checkpoints(self) -> list[Path]:
        """The archives under `checkpoints/`, by name; links are left out."""
        return [path for path in own_files(self.folder / "checkpoints") if path.suffix == ".zip"]

    def policy_state(self, group: str | None = None) -> dict[str, Tensor]:
        """The parameters of a group's policy, on the CPU. Nothing is executed.

        Args:
            group: may be left out where there is only one.

        Raises:
            RecordError: there is no such group, or its archive is broken.
        """
        return read_state(find_archive(self.checkpoints, group))

    def load_policy(self, group: str | None = None, *, trust: bool = False) -> BaseAlgorithm:
        """A group's stable-baselines3 model, on the CPU.

        Args:
            group: may be left out where there is only one.
            trust: the archive comes from someone whose code you would run.

        Raises:
            RecordError: not trusted, no such group, or a broken archive.
        """
        archive = find_archive(self.checkpoints, group)
        return read_model(archive, algorithm=self.config.get("algorithm"), trust=trust)

    def __repr__(self) -> str:
        told = ", ".join(f"{what} {value_text(value)}" for what, value in self._told().items())
        return f"<run {self.id}: {told}>"

    def _repr_html_(self) -> str:
        return html_list({"run": self.id, **self._told()})

    def _told(self) -> dict[str, Any]:
        """The run in a few words, for whoever looks at it: never an error."""
        try:
            summary, status = self._summary, self.status
            further = summary.next(self.id, status)
            return summary.highlights(status) | ({"to go on": further} if further else {})
        except RecordError as error:
            return {"status": UNREADABLE, "error": error}

    @property
    def _summary(self) -> Summary:
        return summarise(self._files.mapping("run.json"))

    @property
    def _files(self) -> Contents:
        return Contents(id=self.id, folder=self.folder)
