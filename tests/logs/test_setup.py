"""Where what is said goes, and that nothing goes twice or where it should not."""

from __future__ import annotations

import io
import logging
import re
import sys
import threading

import pytest

from daf_nb.errors import ConfigError
from daf_nb.logs import LEVELS, close_logging, get_logger, level_name, setup_logging
from tests.logs.reading import lines_of
from tests.record.children import run_child


def test_a_console_line_reads_as_a_sentence(capsys):
    setup_logging("INFO")
    get_logger("training").warning("Training Progress", {"episode": 3, "by": "a b"}, r=1 / 3)
    line = capsys.readouterr().err
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d  WARNING   training  Training Progress  episode=3  by='a b'  r=0.333333\n",
        line,
    )


def test_colours_are_for_terminals_alone(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    setup_logging("INFO")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for stream, coloured in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        get_logger("x").error("m")
        assert ("\x1b[31mERROR" in stream.getvalue()) == coloured
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    get_logger("x").error("m")
    assert "\x1b" not in terminal.getvalue()


@pytest.mark.parametrize("stream", [None, io.TextIOWrapper(io.BytesIO())])
def test_without_a_console_nothing_is_raised(monkeypatch, tmp_path, stream):
    if stream is not None:
        stream.close()
    setup_logging("INFO", tmp_path / "log")
    monkeypatch.setattr(sys, "stderr", stream)
    get_logger("x").error("m")
    assert [line["message"] for line in lines_of(tmp_path / "log")] == ["m"]


def test_setting_up_twice_doubles_no_line(tmp_path, capsys):
    for _ in range(3):
        setup_logging("INFO", tmp_path / "log")
    get_logger("x").info("once")
    assert len(lines_of(tmp_path / "log")) == 1
    assert capsys.readouterr().err.count("once") == 1


def test_setting_up_anew_while_others_speak_neither_doubles_nor_raises(tmp_path, capsys):
    setup_logging("INFO", tmp_path / "log", console_output=False)

    def speak(speaker: int) -> None:
        for number in range(200):
            get_logger(f"c{speaker}").info("m", n=number)

    threads = [threading.Thread(target=speak, args=(speaker,)) for speaker in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        setup_logging("INFO", tmp_path / "log", console_output=False)
    for thread in threads:
        thread.join()
    said = [(line["component"], line["fields"]["n"]) for line in lines_of(tmp_path / "log")]
    assert len(said) == len(set(said)) > 0
    assert capsys.readouterr().err == ""


def test_a_file_that_is_replaced_is_closed(tmp_path):
    setup_logging("INFO", tmp_path / "first", console_output=False)
    setup_logging("INFO", tmp_path / "second", console_output=False)
    get_logger("x").info("m")
    assert lines_of(tmp_path / "first") == []
    assert len(lines_of(tmp_path / "second")) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"log_level": "INFOO"}, "unknown log level 'INFOO'. Did you mean 'INFO'?"),
        ({"log_level": "eror"}, "unknown log level 'eror'. Did you mean 'ERROR'?"),
        ({"log_level": 17}, "unknown log level 17"),
        ({"log_level": True}, "unknown log level True"),
        ({"log_format": "jsn"}, "Did you mean 'json'?"),
        ({"log_file": "."}, "cannot be written"),
        ({"log_file": "file/below"}, "cannot be written"),
        ({"log_file": "x", "max_bytes": 10}, "at least 1024 bytes"),
        ({"log_file": "x", "backups": 0}, "1 backup"),
    ],
)
def test_what_cannot_be_is_refused_and_the_old_setup_stays(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    setup_logging("INFO", "log", console_output=False)
    with pytest.raises(ConfigError, match=re.escape(said)):
        setup_logging(**arguments)
    get_logger("x").info("still")
    assert [line["message"] for line in lines_of(tmp_path / "log")] == ["still"]


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_may_be_a_name_in_any_case_or_the_standard_librarys_number(level):
    assert level_name(level.lower()) == level_name(getattr(logging, level)) == level


@pytest.mark.parametrize("console", [True, False])
def test_other_handlers_of_the_root_logger_still_get_every_record_once(caplog, console):
    setup_logging("INFO", console_output=console)
    get_logger("x").info("heard")
    assert caplog.messages == ["heard"]


def test_the_root_logger_is_left_alone_and_nothing_is_printed_twice():
    code = """
        import io, logging, sys
        from daf_nb.logs import close_logging, get_logger, setup_logging
        file = io.StringIO()
        logging.basicConfig(level="DEBUG", format="ROOT %(message)s", handlers=[
            logging.StreamHandler(), logging.StreamHandler(sys.stdout), logging.StreamHandler(file)
        ])
        root = logging.getLogger()
        before = root.level, list(root.handlers)
        setup_logging("INFO")
        get_logger("x").info("ours")
        logging.getLogger("theirs").info("theirs")
        setup_logging("INFO", console_output=False)
        get_logger("x").info("root's")
        close_logging()
        get_logger("x").info("after")
        assert before == (root.level, root.handlers)
        assert file.getvalue().split() == "ROOT ours ROOT theirs ROOT root's ROOT after".split()
    """
    output, complaints = run_child(code)
    assert output.split() == ["ROOT", "theirs", "ROOT", "root's", "ROOT", "after"]
    lines = complaints.splitlines()
    assert re.fullmatch(r"[\d:]+  INFO      x  ours", lines.pop(0))
    assert lines == ["ROOT theirs", "ROOT root's", "ROOT after"]


def test_without_console_and_file_nothing_is_printed():
    code = """
        from daf_nb.logs import get_logger, setup_logging
        setup_logging("INFO", console_output=False)
        get_logger("x").error("unsaid")
    """
    assert run_child(code) == ("", "")


def test_importing_changes_nothing_about_logging():
    code = """
        import logging, sys
        import daf_nb.logs, daf_nb.config
        tree = logging.getLogger("daf_nb")
        assert (tree.handlers, tree.level, tree.propagate) == ([], 0, True)
        assert logging.getLogger().handlers == []
        print(sorted({"torch", "pandas", "sacred", "pydantic_settings"} & {*sys.modules}))
    """
    assert run_child(code) == ("[]\n", "")


def test_closing_takes_everything_back(tmp_path):
    tree = logging.getLogger("daf_nb")
    before = list(tree.handlers)
    setup_logging("ERROR", tmp_path / "log")
    close_logging()
    assert (tree.handlers, tree.level, tree.propagate) == (before, logging.NOTSET, True)
