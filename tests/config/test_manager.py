"""The manager: profiles selected, values set, and every one of them explained."""

from __future__ import annotations

import json
import logging
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from daf_nb.config import ConfigManager, LabConfig, lab
from daf_nb.config.lab_config import PROFILES
from daf_nb.config.profiles import TABLE
from daf_nb.errors import ConfigError
from daf_nb.logs import get_logger

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


def rows() -> dict[str, tuple]:
    return {row.field: (row.value, row.source) for row in ConfigManager().explain().rows}


def test_one_manager_speaks_for_all(project):
    ConfigManager().setup_environment("staging").set(device="cpu")
    assert ConfigManager().values == lab()
    assert (lab().profile, lab().device, lab().strict) == ("staging", "cpu", True)
    ConfigManager().reset()
    assert lab() == LabConfig()


def test_the_guides_call_selects_a_profile_and_sets_its_logging_up(project, capsys):
    ConfigManager().setup_environment("staging")
    get_logger("training").info("Progress", {"episode": 3})
    get_logger("training").debug("unsaid")
    (line,) = (project / "logs" / "daf_nb.jsonl").read_text().splitlines()
    assert json.loads(line)["fields"] == {"episode": 3}
    assert "episode=3" in capsys.readouterr().err


def test_production_says_nothing_on_the_console(project, capsys):
    ConfigManager().setup_environment("production")
    get_logger("training").error("alarm")
    assert "alarm" in (project / "logs" / "daf_nb.jsonl").read_text()
    assert capsys.readouterr().err == ""


def test_logging_that_is_set_later_holds_at_once_and_is_closed_at_the_end(project, capsys):
    tree = logging.getLogger("daf_nb")
    before = list(tree.handlers)
    manager = ConfigManager().setup_environment("development").set(log_level="ERROR")
    get_logger("x").warning("unsaid")
    get_logger("x").error("said")
    assert re.findall("unsaid|said", capsys.readouterr().err) == ["said"]
    manager.reset()
    assert (tree.handlers, tree.propagate, tree.level) == (before, True, logging.NOTSET)


def test_settings_that_are_no_logging_set_none_up(project):
    before = list(logging.getLogger("daf_nb").handlers)
    ConfigManager().set(device="cpu")
    assert logging.getLogger("daf_nb").handlers == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda manager: manager.setup_environment("prodution"), "Did you mean 'production'?"),
        (lambda manager: manager.set(stict=True), "'stict'. Did you mean 'strict'?"),
        (lambda manager: manager.set(device="cpu", log_backups=0), "set: log_backups=0"),
        (lambda manager: manager.load("absent.toml"), "absent.toml cannot be read"),
        (lambda manager: manager.load("pyproject.toml"), "no section [tool.daf_nb]"),
        (lambda manager: manager.set(log_file="pyproject.toml/x"), "cannot be written"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(project, change, said):
    manager = ConfigManager().set(device="tpu")
    with pytest.raises(ConfigError, match=re.escape(said)):
        change(manager)
    assert lab() == LabConfig(device="tpu")


def test_explain_says_where_every_value_comes_from(project, monkeypatch):
    (project / "daf_nb.toml").write_text(
        'mongo_db = "ours"\n[profiles.production]\nlog_level = "ERROR"'
    )
    monkeypatch.setenv("DAF_NB_LOG_BACKUPS", "9")
    monkeypatch.setenv("DAF_NB_RUNS", "/older")
    ConfigManager().setup_environment("production").set(device="cpu")
    file = project / "daf_nb.toml"
    assert rows() == {
        "profile": ("production", "setup_environment"),
        "runs_dir": (Path("/older"), "environment variable DAF_NB_RUNS"),
        "device": ("cpu", "set"),
        "checkpoint_interval": (20_000, "profile production"),
        "evaluation_interval": (None, "default"),
        "observers": ((), "profile production"),
        "mongo_url": (None, "default"),
        "mongo_db": ("ours", f"file {file}:mongo_db"),
        "wandb_project": (None, "default"),
        "strict": (True, "profile production"),
        "log_level": ("ERROR", f"file {file}:profiles.production.log_level"),
        "log_file": (project / "logs" / "daf_nb.jsonl", "profile production"),
        "console_output": (False, "profile production"),
        "log_format": ("json", "default"),
        "log_max_bytes": (10_000_000, "default"),
        "log_backups": (9, "environment variable DAF_NB_LOG_BACKUPS"),
    }
    assert ConfigManager().explain().file == file


def test_the_section_of_a_project_file_is_named_in_full(project):
    (project / "pyproject.toml").write_text("[tool.daf_nb]\ndevice = 'cpu'")
    assert rows()["device"][1] == f"file {project / 'pyproject.toml'}:tool.daf_nb.device"


SECRETS = [
    "mongodb://user:s3cr3t@db/name",
    "mongodb://user:a@s3cr3t@db/name",
    "mongodb://user:a/s3cr3t@db/name",
    "mongodb://user:a s3cr3t'\"@db/name",
    "mongodb://db/name?authMechanismProperties=TOKEN:s3cr3t",
    "mongodb://user:s3cr3t?x@db/name",
]


@pytest.mark.parametrize("url", SECRETS)
def test_a_login_is_shown_nowhere(project, url):
    manager = ConfigManager().set(mongo_url=url, observers=[f"mongo:{url}", "wandb"])
    assert (lab().mongo_url, lab().observers[0]) == (url, f"mongo:{url}")
    explained = manager.explain()
    with pytest.raises(ConfigError) as caught:
        manager.set(observers=[[url]])
    for text in (
        repr(explained),
        explained._repr_html_(),
        repr(explained.rows),
        repr(lab()),
        str(lab()),
        repr(manager),
        str(caught.value),
    ):
        assert "s3cr3t" not in text
    assert "mongodb://" in repr(explained)


class Tags(HTMLParser):
    """The tags of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)


def test_hostile_values_are_shown_as_text_on_one_line(project):
    ConfigManager().set(device="<script>alert(1)</script>", mongo_db="a\n\x1b[31mb")
    explained = ConfigManager().explain()
    assert Tags(explained._repr_html_()).seen == {"table", "thead", "tbody", "tr", "th", "td"}
    assert "&lt;script&gt;" in explained._repr_html_()
    assert len(repr(explained).splitlines()) == 1 + len(LabConfig.model_fields)
    assert "\x1b" not in repr(explained)


def test_the_settings_have_words_and_the_docs_name_each_of_them():
    text = DOCS.read_text(encoding="utf-8")
    for name, field in LabConfig.model_fields.items():
        assert field.description
        assert f"`{name}`" in text


def test_the_profiles_differ_in_what_the_docs_say():
    assert tuple(TABLE) == PROFILES
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    start = lines.index("| | development | staging | production |")
    table = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip().strip("`") for cell in line.strip("|").split("|"))
        table[name] = cells
    said = {
        name: [_words(TABLE[profile][name]) for profile in PROFILES] for name in TABLE["staging"]
    }
    assert table == said


def _words(value) -> str:
    if callable(value):
        return "those with an address"
    return {(): "none", None: "None"}.get(value, f"{value}")
