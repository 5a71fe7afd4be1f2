"""One function executed as one Sacred run: fresh, quiet, from any thread, several at a time."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daf_nb.record.observer import RunFolder
from daf_nb.record.randomness import saved_randomness
from daf_nb.record.sacred_api import (
    HOST_INFO,
    Experiment,
    RunObserver,
    SacredInterrupt,
    SacredRun,
    cli_option,
    keep_output,
)

__all__ = ["Interrupted", "Start", "execute"]

BEAT_INTERVAL = 1.0  # seconds
SEEDS = 2**32  # numpy's legacy generator, which Sacred seeds, takes no more

_starting = threading.Lock()


class Interrupted(SacredInterrupt):
    """Raised by a run's main function to end it as INTERRUPTED, on purpose.

    Args:
        result: what the run has to show for itself.
    """

    STATUS = "INTERRUPTED"

    def __init__(self, result: Any = None) -> None:
        super().__init__("the run was stopped")
        self.result = result


class Start:
    """The start of a Sacred run: one at a time, without a trace in the global generators.

    Nor does it start a program to look for GPUs.

    Sacred seeds `random`, `numpy.random` and torch when a run starts; a second run that started in
    between would take those seeds for the user's state.
    """

    def __init__(self) -> None:
        self._restore: Callable[[], None] | None = None
        self._done = False
        _starting.acquire()
        self._ask_for_gpus = HOST_INFO.INCLUDE_GPU_INFO
        # Sacred starts nvidia-smi for every run, which can take a second; our facts name the GPUs.
        HOST_INFO.INCLUDE_GPU_INFO = False

    def save(self) -> None:
        """To be called right before Sacred seeds, when it has looked at the host."""
        HOST_INFO.INCLUDE_GPU_INFO = self._ask_for_gpus
        self._restore = saved_randomness()

    def done(self) -> None:
        """To be called right after Sacred has seeded, and again when in doubt."""
        if not self._done:
            self._done = True
            HOST_INFO.INCLUDE_GPU_INFO = self._ask_for_gpus
            if self._restore is not None:
                self._restore()
            _starting.release()


class _RecordedExperiment(Experiment):
    """A Sacred experiment that describes itself with our facts instead of Sacred's discoveries."""

    facts: Mapping[str, Any] = {}

    def get_experiment_info(self) -> dict[str, Any]:
        return dict(self.facts)


def execute(
    main: Callable[[], Any],
    *,
    start: Start,
    observer: RunFolder,
    others: Sequence[RunObserver] = (),
    config: Mapping[str, Any],
    facts: Mapping[str, Any],
    run_id: int,
    on_run: Callable[[SacredRun], None],
    output: Callable[[], str] = str,
) -> None:
    """Executes `main` in the calling thread, inside a Sacred run of its own.

    Args:
        main: a plain function, made for this run alone.
        start: the start of this run; the observer calls its `done`.
        observer: keeps the run's folder; Sacred tells it everything first.
        others: further observers, which never raise.
        config: plain JSON. Sacred's own copy gets keys and a seed that it accepts.
        facts: what Sacred calls the experiment's info: name, sources, dependencies, repositories.
        run_id: the run's number.
        on_run: is given Sacred's run before it starts.
        output: what the run has printed, for the other observers.

    Raises:
        BaseException: whatever `main` raises.
    """

    @cli_option("-Z", "--with-start", is_flag=True)
    def with_start(args: object, run: SacredRun) -> None:
        """The last thing that Sacred does before a run, and its only public hook there."""
        keep_output(run, output if others else str)
        on_run(run)
        start.save()

    try:
        experiment = _RecordedExperiment(
            "run", additional_cli_options=[with_start], save_git_info=False
        )
        experiment.facts = facts
        experiment.logger = _quiet_logger()  # pyright: ignore[reportAttributeAccessIssue] - untyped
        experiment.observers.extend([observer, *others])
        experiment.add_config(_acceptable(config) | {"seed": _acceptable_seed(config.get("seed"))})
        experiment.main(main)
        experiment.run(
            options={
                "--beat-interval": BEAT_INTERVAL,
                "--capture": "no",
                "--force": True,
                "--id": run_id,
                "--with-start": True,
            }
        )
    finally:
        start.done()


def _quiet_logger() -> logging.Logger:
    """Sacred's logger: errors only. That a run failed is no news: the exception is raised."""
    logger = logging.getLogger("daf_nb.record.sacred")
    logger.setLevel(logging.ERROR)
    logger.getChild("run").addFilter(_is_news)
    return logger


def _is_news(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Failed after")


def _acceptable(value: Any) -> Any:
    # Sacred refuses keys that MongoDB or jsonpickle would not like; the record keeps the true ones.
    if isinstance(value, Mapping):
        return {
            re.sub(r"[.=$/:]", "_", key) or "_": _acceptable(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_acceptable(item) for item in value]
    return value


def _acceptable_seed(seed: Any) -> int:
    return seed % SEEDS if isinstance(seed, int) else 0
