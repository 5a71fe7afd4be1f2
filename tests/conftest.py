"""What holds for every module of tests."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> None:
    """What is started in the background, or by `nohup`, ignores signals; its children do too."""
    usual = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    for number, handler in usual.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="module", autouse=True)
def _no_run_outlives_its_module() -> Iterator[None]:
    """A run that is left training would hold cores and signal handlers of the tests after it."""
    yield
    live = sys.modules.get("daf_nb.session.live")
    for run in list(live._live) if live else ():
        run.stop(now=True)
        with contextlib.suppress(Exception):
            run.wait(30)
