"""A component's logger, and what a line of it holds."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from daf_nb.errors import ConfigError
from daf_nb.logs import Logger, get_logger, run_id, setup_logging
from daf_nb.logs.lines import json_line
from tests.logs.reading import lines_of


@pytest.fixture
def said(tmp_path):
    """Sets a file up; calling it gives the lines so far."""
    path = tmp_path / "log.jsonl"
    setup_logging("DEBUG", path, console_output=False)
    return lambda: lines_of(path)


def test_a_line_holds_everything_that_a_program_asks_for(said):
    get_logger("training").info("Training Progress", {"episode": 3}, avg_reward=1.5)
    (line,) = said()
    moment = datetime.fromisoformat(line.pop("time"))
    assert moment.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
    assert line == {
        "level": "INFO",
        "component": "training",
        "message": "Training Progress",
        "run": None,
        "process": os.getpid(),
        "thread": "MainThread",
        "fields": {"episode": 3, "avg_reward": 1.5},
    }


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_each_method_says_its_level(said, level):
    getattr(get_logger("x"), level)("message")
    assert [line["level"] for line in said()] == [level.upper()]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "exception"])
def test_a_field_may_have_any_name(said, level):
    named = {"message": 1, "fields": 2, "level": 3, "self": 4, "more": 5, "msg": 6}
    getattr(get_logger("x"), level)("said", {"own": 0}, **named)
    (line,) = said()
    assert (line["message"], line["fields"]) == ("said", {"own": 0, **named})


def test_an_exception_comes_with_its_traceback(said):
    try:
        raise KeyError("secret door")
    except KeyError:
        get_logger("x").exception("failed", {"at": 3})
    get_logger("x").exception("no exception is handled")
    first, second = said()
    assert (first["level"], first["fields"]) == ("ERROR", {"at": 3})
    assert first["exception"].startswith("Traceback")
    assert first["exception"].endswith("KeyError: 'secret door'")
    assert "exception" not in second


def test_the_run_that_a_thread_works_for_is_on_its_lines_and_on_no_others(said):
    def work(number: int) -> None:
        run_id.set(number)
        get_logger("training").info("works", {"own": number})

    threads = [threading.Thread(target=work, args=(number,)) for number in (3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    get_logger("training").info("outside", {"own": None})
    assert [(line["run"], line["fields"]["own"]) for line in said()[-1:]] == [(None, None)]
    assert all(line["run"] == line["fields"]["own"] for line in said())


@pytest.mark.parametrize(
    ("given", "component", "name"),
    [
        ("training", "training", "daf_nb.training"),
        ("daf_nb.training", "training", "daf_nb.training"),
        ("daf_nb", "daf_nb", "daf_nb"),
        ("daf.core.training", "daf.core.training", "daf_nb.daf.core.training"),
        ("daf_nbx", "daf_nbx", "daf_nb.daf_nbx"),
        ("a\nb", "a\nb", "daf_nb.a\nb"),
    ],
)
def test_every_component_hangs_under_the_tree(said, given, component, name):
    assert Logger(given).component == component
    get_logger(given).info("one")
    logging.getLogger(name).info("two of %d", 2)
    assert [(line["component"], line["message"]) for line in said()] == [
        (component, "one"),
        (component, "two of 2"),
    ]


@pytest.mark.parametrize("component", ["", " ", "...", None, 3])
def test_a_component_without_a_name_is_refused(component):
    with pytest.raises(ConfigError, match="a component is a text"):
        get_logger(component)


class Nasty:
    """Cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


class NastyMapping(Mapping):
    """Cannot be read."""

    def __getitem__(self, key):
        raise RuntimeError("no")

    def __iter__(self):
        raise RuntimeError("no")

    def __len__(self):
        return 1


def inside_itself() -> list:
    value: list = [1]
    value += [value, value]
    return value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), "nan"),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.arange(3), "array([0, 1, 2])"),
        ((1, {2: None}), [1, {"2": None}]),
        ({(1, 2): "x"}, {"[1, 2]": "x"}),
        (b"\x00", "b'\\x00'"),
        ("\ud800", "\\ud800"),
        (Nasty(), "(a Nasty that cannot be shown: RuntimeError)"),
        (10**20, 10**20),
    ],
)
def test_any_value_is_written_as_strict_json(said, value, written):
    get_logger("x").info("m", {"value": value})
    assert said()[0]["fields"] == {"value": written}


def test_an_integer_that_python_does_not_write_in_decimal_is_told_by_its_size(said):
    get_logger("x").info("m", {"value": 1 << 20_000})
    assert said()[0]["fields"] == {"value": "(an integer of 20001 bits)"}


def test_a_value_inside_itself_is_cut(said):
    get_logger("x").info("m", {"value": inside_itself()})
    assert said()[0]["fields"]["value"][1][0] == 1


@pytest.mark.parametrize(
    ("message", "fields", "expected"),
    [
        ("m", NastyMapping(), ("m", {"fields": "(cannot be shown: RuntimeError)"})),
        ("m", 5, ("m", {"fields": 5})),
        ("100% of %s", None, ("100% of %s", {})),
        (None, None, ("None", {})),
    ],
)
def test_no_call_raises_whatever_it_is_given(said, message, fields, expected):
    get_logger("x").info(message, fields)
    assert [(line["message"], line["fields"]) for line in said()] == [expected]


def test_a_message_that_cannot_be_shown_still_makes_a_line(said):
    get_logger("x").info(Nasty())
    assert said()[0]["message"] == "(a Nasty that cannot be shown: RuntimeError)"


def test_arguments_that_do_not_fit_their_message_still_make_a_line():
    record = logging.makeLogRecord({"name": "daf_nb.x", "msg": "%d of %d", "args": (1,)})
    assert json.loads(json_line(record))["message"].startswith("%d of %d (cannot be said in full")


def test_a_message_cannot_forge_a_line_nor_steer_a_terminal(tmp_path, capsys):
    evil = 'x\n{"level": "ERROR"}\r\x1b[2J\x85\u2028\u202e\x00'
    for form in ("json", "text"):
        setup_logging("INFO", tmp_path / form, log_format=form)
        try:
            raise ValueError(f"{evil}\n12:00:00  ERROR     forged")
        except ValueError:
            get_logger(evil).exception(evil, {evil: evil})
    assert len(lines_of(tmp_path / "json")) == 1
    assert lines_of(tmp_path / "json")[0]["message"] == evil
    for text in ((tmp_path / "text").read_text(), capsys.readouterr().err):
        assert all(mark.isprintable() or mark == "\n" for mark in text)
        own = [line for line in text.splitlines() if not line.startswith("    ")]
        assert all("x\\n" in line for line in own)
        assert not any(line.startswith("12:00:00") for line in text.splitlines())


def test_the_caller_is_named_as_the_place(caplog):
    with caplog.at_level(logging.INFO, logger="daf_nb"):
        get_logger("x").info("here")
    assert [(record.funcName, record.filename) for record in caplog.records] == [
        ("test_the_caller_is_named_as_the_place", "test_logger.py")
    ]
