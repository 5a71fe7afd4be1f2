"""Components with files of their own."""

from __future__ import annotations

import logging
import re

import pytest

from daf_nb.errors import ConfigError
from daf_nb.logs import LogManager, get_logger, setup_logging
from tests.logs.reading import lines_of, names_in


@pytest.fixture
def manager(tmp_path):
    with LogManager(tmp_path / "logs") as manager:
        yield manager


def messages(path) -> list[str]:
    return [line["message"] for line in lines_of(path)]


def test_each_component_writes_its_own_file(manager):
    training = manager.setup_component_logging("training", "INFO")
    manager.setup_component_logging("curriculum", "INFO")
    training.info("one")
    get_logger("curriculum").info("two")
    get_logger("training").info("three")
    get_logger("training.rollout").info("below")
    get_logger("training").debug("unsaid")
    get_logger("other").error("elsewhere")
    assert messages(manager.folder / "training.jsonl") == ["one", "three", "below"]
    assert messages(manager.folder / "curriculum.jsonl") == ["two"]


def test_the_guides_names_are_taken_as_they_are(manager):
    logger = manager.setup_component_logging("daf.core.training", "INFO")
    logger.info("m")
    (line,) = lines_of(manager.folder / "daf.core.training.jsonl")
    assert line["component"] == "daf.core.training"


def test_what_the_package_itself_says_comes_out_with_its_component(manager):
    manager.setup_component_logging("record", "INFO")
    logging.getLogger("daf_nb.record").error("Run %s cannot be recorded: %s", 3, "full")
    (line,) = lines_of(manager.folder / "record.jsonl")
    assert (line["component"], line["message"]) == ("record", "Run 3 cannot be recorded: full")


def test_a_components_lines_go_to_the_common_file_too_at_its_level(manager, tmp_path):
    setup_logging("INFO", tmp_path / "all", console_output=False)
    training = manager.setup_component_logging("training", "DEBUG")
    quiet = manager.setup_component_logging("quiet", "ERROR")
    training.debug("for its own file")
    training.info("for both")
    quiet.warning("for none")
    assert messages(tmp_path / "all") == ["for both"]
    assert messages(manager.folder / "training.jsonl") == ["for its own file", "for both"]


def test_setting_a_component_up_again_doubles_nothing(manager, tmp_path):
    manager.setup_component_logging("training")
    manager.setup_component_logging("daf_nb.training")
    get_logger("training").info("once")
    assert messages(manager.folder / "training.jsonl") == ["once"]
    with LogManager(tmp_path / "elsewhere") as other:
        other.setup_component_logging("training")
        manager.close()  # the component is the other's by now
        get_logger("training").info("moved")
        assert messages(other.folder / "training.jsonl") == ["moved"]
    assert messages(manager.folder / "training.jsonl") == ["once"]


def test_closing_gives_the_component_back(manager):
    logger = logging.getLogger("daf_nb.training")
    before = list(logger.handlers)
    manager.setup_component_logging("training", "DEBUG")
    manager.close()
    assert (logger.handlers, logger.level) == (before, logging.NOTSET)


@pytest.mark.parametrize("component", ["../../x", "/etc/passwd", "a\x00b", "<b>", "x" * 5000])
def test_a_hostile_component_stays_in_its_folder(manager, tmp_path, component):
    manager.setup_component_logging(component).info("m")
    assert names_in(tmp_path) == ["logs"]
    (name,) = names_in(manager.folder)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+\.jsonl", name)
    assert lines_of(manager.folder / name)[0]["component"] == component


def test_files_rotate_by_the_managers_sizes(tmp_path):
    with LogManager(tmp_path, max_bytes=1024, backups=1) as manager:
        training = manager.setup_component_logging("training")
        for _ in range(30):
            training.info("m")
    assert names_in(tmp_path) == ["training.jsonl", "training.jsonl.1"]


def test_what_cannot_be_is_refused(manager, tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'WARNING'"):
        manager.setup_component_logging("training", "WARNIN")
    with pytest.raises(ConfigError, match="a component is a text"):
        manager.setup_component_logging("")
    with pytest.raises(ConfigError, match="1 backup"):
        LogManager(tmp_path, backups=0)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        LogManager(tmp_path / "file").setup_component_logging("training")
    assert logging.getLogger("daf_nb.training").level == logging.NOTSET
