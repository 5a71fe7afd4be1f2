"""The tee: what is printed is shown as ever, and recorded as it came."""

from __future__ import annotations

import contextlib
import io
import sys

import pytest

from daf_nb.record.cells.capture import follow_streams


@pytest.fixture
def written():
    """What the tees recorded; they are gone afterwards."""
    texts = io.StringIO()
    yield texts
    follow_streams(None)


def test_what_is_printed_is_shown_and_recorded_as_it_came(written, capsys):
    follow_streams(lambda: written)
    print("50 %", end="\r")
    print("100 %\né", end="")
    sys.stderr.write("careful\n")
    sys.stdout.writelines(["a", "b"])
    shown = capsys.readouterr()
    assert shown.out == "50 %\r100 %\néab"
    assert shown.err == "careful\n"
    assert written.getvalue() == "50 %\r100 %\nécareful\nab"


def test_the_streams_are_the_same_objects_again_afterwards(written):
    before = sys.stdout, sys.stderr
    follow_streams(lambda: written)
    follow_streams(lambda: written)
    assert sys.stdout is not before[0]
    assert (sys.stdout.encoding, sys.stdout.isatty()) == (before[0].encoding, before[0].isatty())
    follow_streams(None)
    assert (sys.stdout, sys.stderr) == before


def test_who_records_is_asked_at_every_print(written):
    listening = False
    follow_streams(lambda: written if listening else None)
    print("unheard")
    listening = True
    print("heard")
    assert written.getvalue() == "heard\n"


def test_a_stream_that_somebody_put_in_the_way_stays(written):
    follow_streams(lambda: written)
    theirs = io.StringIO()
    before, sys.stdout = sys.stdout, theirs
    try:
        follow_streams(None)
        assert sys.stdout is theirs
    finally:
        sys.stdout = before
    print("passed on by a tee that was left behind")
    follow_streams(None)
    assert type(sys.stdout).__name__ != "_Tee"


def test_tees_above_each_other_record_once(written):
    follow_streams(lambda: written)

    class Wrapper(io.StringIO):
        below = sys.stdout

        def write(self, text):
            return self.below.write(text)

    with contextlib.redirect_stdout(Wrapper()):
        follow_streams(lambda: written)
        print("once")
        follow_streams(None)
    assert written.getvalue() == "once\n"


def test_a_record_that_fails_does_not_break_a_print(written, capsys):
    class Broken:
        def write(self, text):
            raise OSError("disk full")

    follow_streams(Broken)
    print("still shown")
    assert capsys.readouterr().out == "still shown\n"


def test_a_stream_that_fails_says_so_as_ever(written):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    with contextlib.redirect_stdout(Closed()):
        follow_streams(lambda: written)
        with pytest.raises(BrokenPipeError):
            print("lost")
        follow_streams(None)
    assert written.getvalue() == "lost"
