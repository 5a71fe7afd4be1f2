"""Work in threads, and what is said of it."""

from __future__ import annotations

import threading

import pytest

from daf_nb.errors import RecordError
from daf_nb.notebook.browser.jobs import Jobs, Outcome
from tests.notebook.helpers import until


@pytest.fixture
def told():
    return []


@pytest.fixture
def jobs(told):
    return Jobs(lambda name, outcome: told.append((name, outcome)))


def test_work_goes_on_beside_and_says_its_end(jobs, told):
    go = threading.Event()

    def work():
        assert threading.current_thread() is not threading.main_thread()
        yield Outcome("half", running=True)
        go.wait(10)
        yield Outcome("all")

    assert jobs.start("Sum", "Summing", work)
    until(lambda: jobs.busy == {"Sum": "half"})
    assert not jobs.start("Sum", "Summing", work), "one at a time"
    go.set()
    jobs.wait()
    assert jobs.busy == {}
    assert told == [("Sum", Outcome("half", running=True)), ("Sum", Outcome("all"))]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RecordError("No run\n 7."), "Sum: No run 7."),
        (ZeroDivisionError("\u202eno"), r"Sum: ZeroDivisionError: \u202eno"),
        (OSError("x" * 5000), "Sum: OSError: " + "x" * 590 + "…"),
    ],
)
def test_an_error_is_a_sentence(jobs, told, error, said):
    def work():
        raise error
        yield

    jobs.start("Sum", "Summing", work)
    jobs.wait()
    assert told == [("Sum", Outcome(said, failed=True))]
    assert jobs.busy == {}
    assert jobs.start("Sum", "Summing", lambda: [Outcome("again")])
    jobs.wait()
    assert told[-1] == ("Sum", Outcome("again"))
