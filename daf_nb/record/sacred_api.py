"""The names of Sacred that we use, imported without the warning that Sacred's import prints."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, cast

with warnings.catch_warnings():
    # Sacred 0.8.7 imports pkg_resources: https://github.com/IDSIA/sacred/pull/945
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    from sacred import SETTINGS, Experiment, cli_option
    from sacred.observers import RunObserver
    from sacred.run import Run as SacredRun
    from sacred.utils import SacredInterrupt

__all__ = [
    "HOST_INFO",
    "Experiment",
    "RunObserver",
    "SacredInterrupt",
    "SacredRun",
    "beat",
    "cli_option",
    "fail",
    "is_beating",
    "keep_output",
]

HOST_INFO: Any = cast(Any, SETTINGS).HOST_INFO
"""What Sacred asks the host; its settings are untyped."""


def keep_output(run: SacredRun, output: Callable[[], str]) -> None:
    """Lets a run tell its observers this output, asked at each heartbeat, instead of its own.

    Its own is a buffer that the run's thread closes while the heartbeat's thread may read it; the
    heartbeat dies of that, and the metrics that it had still to bring stay behind.
    """

    def take() -> None:
        run.captured_out = output()

    cast(Any, run)._get_captured_output = take


def is_beating(run: SacredRun) -> bool:
    """The heartbeat's thread lives, and will bring what is logged now."""
    heartbeat = cast(Any, run)._heartbeat
    return heartbeat is not None and heartbeat.is_alive()


def fail(run: SacredRun, error: BaseException) -> None:
    """Ends a run as failed, in this thread, as its own will not come back."""
    untyped = cast(Any, run)
    untyped._stop_heartbeat()
    untyped._emit_failed(type(error), error, error.__traceback__)


def beat(run: SacredRun) -> None:
    """One heartbeat more, in this thread: brings the observers what was not brought yet."""
    cast(Any, run)._emit_heartbeat()
