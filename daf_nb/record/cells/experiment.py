"""Any code at all as a recorded run: `with experiment(name):` around it."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, SupportsFloat

from daf_nb.config import lab
from daf_nb.errors import RecordError
from daf_nb.record.beside import Beside
from daf_nb.record.cells.asked import (
    SEEDS,
    checked_config,
    checked_name,
    checked_seed,
    checked_texts,
)
from daf_nb.record.cells.background import Background
from daf_nb.record.cells.beginning import child_recorder
from daf_nb.record.cells.figures import NewFigures
from daf_nb.record.cells.history import session_history
from daf_nb.record.cells.remaking import recalled
from daf_nb.record.cells.scope import Scope, current, open_scope
from daf_nb.record.cells.values import recordable
from daf_nb.record.randomness import seed_generators
from daf_nb.record.recorder import Recorder
from daf_nb.record.source import Source, launching_source

if TYPE_CHECKING:
    from daf_nb.record.reading import RunRecord
    from daf_nb.record.sacred_api import RunObserver

__all__ = ["Experiment", "Surrounding", "experiment", "surround"]

Surrounding = Callable[["Experiment"], contextlib.AbstractContextManager[None]]


def experiment(
    name: str,
    *,
    seed: int | None = None,
    tags: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    observers: Sequence[str | RunObserver] | None = None,
    runs_dir: Path | str | None = None,
) -> Experiment:
    """Records the code of a `with` block: its source, output, figures, metrics, result and end.

    It ends COMPLETED; FAILED with the traceback of what it raises, which is raised on; INTERRUPTED
    by a KeyboardInterrupt, SystemExit or cancellation. What a `train` inside it starts is linked to
    it. Any number may be open at a time, in threads and inside each other.

    Args:
        name: any text.
        seed: seeds `random`, `numpy.random` and a loaded torch before the block; None draws one, or
            derives it from that of the experiment around. It is recorded.
        tags: any texts to find it by.
        config: what the record shall say about it, as JSON; what is no JSON as its `repr`.
        observers: who else is told, beside the folder: "mongo", "wandb", or Sacred's own observers;
            None for the lab's.
        runs_dir: where it is recorded; by default where the experiment around is, else the
            lab's `runs_dir`, else `runs/` in the project.

    Raises:
        ConfigError: an argument that cannot be; nothing is recorded then.
        RecordError: it cannot be recorded.
    """
    return Experiment(
        name, seed=seed, tags=tags, config=config, observers=observers, runs_dir=runs_dir
    )


def surround(surrounding: Surrounding) -> Callable[[], None]:
    """From now on the block of every experiment lies inside this too; the result ends that.

    Args:
        surrounding: given the experiment, makes a context manager, which must not raise.
    """
    _surroundings.append(surrounding)
    return lambda: _surroundings.remove(surrounding)


class Experiment:
    """One recorded block of code. Made by `experiment`, and entered once.

    Args:
        name: see `experiment`, as for all others.
        seed: see there.
        tags: see there.
        config: see there.
        observers: see there.
        runs_dir: see there.
        source: the code; by default found out when the block begins.

    Attributes:
        name: its name.
        seed: its seed; None before the block begins, where it is still to be drawn.
        config: what it was told.
        result: what it has to show; assign to it inside the block.
    """

    def __init__(
        self,
        name: str,
        *,
        seed: int | None = None,
        tags: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
        observers: Sequence[str | RunObserver] | None = None,
        runs_dir: Path | str | None = None,
        source: Source | None = None,
    ) -> None:
        self.name, self.seed = checked_name(name), checked_seed(seed)
        self.config = checked_config(config)
        self.result: Any = None
        self._tags = checked_texts(tags, what="tags")
        wanted = lab().observers if observers is None else observers
        self._observers = checked_texts(wanted, what="observers")
        Beside(self._observers)  # says now what is unknown
        self._runs_dir, self._source = runs_dir, source
        self._recorder: Recorder | None = None
        self._scope: Scope | None = None
        self._inside = contextlib.ExitStack()
        self._images: set[bytes] = set()

    @property
    def id(self) -> int:
        """The run's number, once the block has begun."""
        return self._begun().id

    @property
    def folder(self) -> Path:
        """Its record, once the block has begun."""
        return self._begun().folder

    @property
    def status(self) -> str:
        """QUEUED, RUNNING, COMPLETED, FAILED or INTERRUPTED."""
        return "QUEUED" if self._recorder is None else self._recorder.status

    @property
    def record(self) -> RunRecord:
        """The record, as it is on the disk now."""
        from daf_nb.record.reading import load_run

        return load_run(self.id, runs_dir=self.folder.parent)

    def log(self, name: str, value: SupportsFloat, step: int | None = None) -> None:
        """Records a metric; without a step, the steps of each name count 0, 1, 2.

        Raises:
            RecordError: the value is no number, or the block does not run.
        """
        if self._scope is None:
            self._begun()
            raise RecordError(f"{self.name!r} has not begun: log inside its `with` block.")
        self._scope.log(name, value, step)

    def keep_image(self, data: bytes, *, suffix: str) -> None:
        """Keeps an image as the next of the record's figures; one that cannot be kept is lost.

        Args:
            data: the file's content.
            suffix: "png", "svg" or "jpg".
        """
        digest = hashlib.sha256(data).digest()
        if digest in self._images:  # displayed by its name, and once more at the cell's end
            return
        self._images.add(digest)
        with contextlib.suppress(OSError, RecordError):
            self._begun().keep(f"figures/{len(self._images):03}.{suffix}", data)

    def __enter__(self) -> Experiment:
        if self._recorder is not None:
            raise RecordError(f"Experiment {self.name!r} is {self.status}: make a new one.")
        outer = current()
        was, seed = recalled("experiment", self.name), self.seed
        if seed is None and outer is not None:
            seed = outer.child_seed()
        if self.seed is None and was is not None:
            seed = was.seed
        self.seed = random.SystemRandom().randrange(SEEDS) if seed is None else seed
        recorder = self._recorder = child_recorder(
            runs_dir=self._runs_dir,
            spec={**self.config, "seed": self.seed},
            name=self.name,
            tags=self._tags,
            source=self._source or launching_source(),
            observers=self._observers,
            kind="experiment",
            was=was,
        )
        self._run = Background(recorder)
        try:
            self._figures, history = NewFigures(), session_history(recorder.folder)
            self._run.start(begin=lambda: recorder.put("history.json", history()))
            seed_generators(self.seed)
            self._scope = Scope(recorder, outer=outer, owns_threads=True, seed=self.seed)
            self._inside.enter_context(open_scope(self._scope))
            for surrounding in _surroundings:
                self._inside.enter_context(surrounding(self))
        except BaseException as error:
            self._inside.close()
            self._run.give_up(error)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._run.foreign:  # a forked child: the record is its parent's
            self._inside.close()
            return
        late: BaseException | None = None
        result: Any = None
        try:
            try:
                for image in self._figures.images():
                    self.keep_image(image, suffix="png")
            finally:
                self._inside.close()
            result = recordable(self.result)
        except BaseException as raised:
            late = raised
            if error is None:
                raise
        finally:
            self._run.end(late if error is None else error, result)

    def _begun(self) -> Recorder:
        if self._recorder is None:
            raise RecordError(
                f"{self.name!r} has not begun: use it as `with experiment(...) as e`."
            )
        return self._recorder


_surroundings: list[Surrounding] = []
