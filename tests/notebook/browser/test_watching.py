"""Looks are taken only while somebody may be looking."""

from __future__ import annotations

import time

from daf_nb.notebook.browser.watching import Attendance
from tests.notebook.helpers import until


def test_it_looks_while_pages_give_signs_and_begins_again_with_the_next():
    looks: list[float] = []
    attendance = Attendance(
        lambda: looks.append(time.monotonic()) or 0.1, failed=lambda error: None, away=0.5
    )
    assert not attendance.looking
    attendance.here()
    until(lambda: len(looks) > 1)
    until(lambda: not attendance.looking)
    count = len(looks)
    time.sleep(0.3)
    assert len(looks) == count
    attendance.here()
    until(lambda: len(looks) > count)
    attendance.end()
    until(lambda: not attendance.looking)
    attendance.here()
    assert not attendance.looking


def test_what_a_look_raised_is_told_and_it_looks_again():
    told: list[Exception] = []

    def look() -> float:
        raise OSError("gone")

    attendance = Attendance(look, failed=told.append)
    attendance.here()
    until(lambda: told)
    assert attendance.looking and str(told[0]) == "gone"
    attendance.end()


def test_looking_goes_on_though_a_failure_cannot_be_told(monkeypatch):
    monkeypatch.setattr("daf_nb.notebook.panels.watcher.SHORTEST", 0.01)
    told: list[Exception] = []
    attendance: Attendance

    def look() -> float:
        raise OSError("gone")

    def failed(error: Exception) -> None:
        told.append(error)
        attendance.wake()
        raise RuntimeError("nobody listens")

    attendance = Attendance(look, failed=failed)
    attendance.here()
    until(lambda: len(told) > 1)
    attendance.end()
    until(lambda: not attendance.looking)
