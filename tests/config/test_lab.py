"""The settings in force: from the environment, files, profiles, and in which order."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from daf_nb.config import ConfigManager, LabConfig, lab
from daf_nb.errors import ConfigError


def refused() -> str:
    with pytest.raises(ConfigError) as caught:
        lab()
    return str(caught.value)


def test_a_lab_that_was_told_nothing_has_the_defaults(project):
    assert lab() == LabConfig()


def test_every_layer_goes_before_the_ones_below_it(project, monkeypatch):
    asked = lambda: lab().checkpoint_interval  # noqa: E731
    monkeypatch.setenv("DAF_NB_PROFILE", "production")
    assert asked() == 20_000
    file = project / "daf_nb.toml"
    file.write_text("checkpoint_interval = 3")
    assert asked() == 3
    file.write_text("checkpoint_interval = 3\n[profiles.production]\ncheckpoint_interval = 4")
    assert asked() == 4
    file.write_text("checkpoint_interval = 3\n[profiles.staging]\ncheckpoint_interval = 4")
    assert asked() == 3
    monkeypatch.setenv("DAF_NB_CHECKPOINT_INTERVAL", "5")
    assert asked() == 5
    ConfigManager().set(checkpoint_interval=6)
    assert asked() == 6


def test_the_profile_too_comes_from_call_then_environment_then_file(project, monkeypatch):
    (project / "daf_nb.toml").write_text('profile = "development"')
    assert lab().profile == "development"
    monkeypatch.setenv("DAF_NB_PROFILE", "staging")
    assert lab().profile == "staging"
    ConfigManager().set(profile="production")
    assert lab().profile == "production"
    ConfigManager().set(profile=None)
    assert lab() == LabConfig()


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("DAF_NB_DEVICE", "cuda:1", "device", "cuda:1"),
        ("DAF_NB_STRICT", "true", "strict", True),
        ("DAF_NB_CHECKPOINT_INTERVAL", "50_000", "checkpoint_interval", 50_000),
        ("DAF_NB_OBSERVERS", "mongo, wandb:x", "observers", ("mongo", "wandb:x")),
        (
            "DAF_NB_OBSERVERS",
            '["mongo:mongodb://a,b/db"]',
            "observers",
            ("mongo:mongodb://a,b/db",),
        ),
        ("DAF_NB_LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("daf_nb_mongo_db", "runs", "mongo_db", "runs"),
        ("DAF_NB_DEVICE", "", "device", "auto"),
    ],
)
def test_an_environment_variable_is_read_as_its_field(
    project, monkeypatch, variable, text, field, value
):
    monkeypatch.setenv(variable, text)
    assert getattr(lab(), field) == value


def test_none_in_the_environment_or_a_file_takes_back_what_a_lower_layer_says(project, monkeypatch):
    monkeypatch.setenv("DAF_NB_PROFILE", "production")
    monkeypatch.setenv("DAF_NB_CHECKPOINT_INTERVAL", "none")
    (project / "daf_nb.toml").write_text('log_file = "none"')
    assert lab().profile == "production"
    assert (lab().checkpoint_interval, lab().log_file) == (None, None)


def test_the_older_name_of_the_runs_folder_stays_below_the_new_one(project, monkeypatch):
    monkeypatch.setenv("DAF_NB_RUNS", "/older")
    assert str(lab().runs_dir) == "/older"
    monkeypatch.setenv("DAF_NB_RUNS_DIR", "/newer")
    assert str(lab().runs_dir) == "/newer"


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("DAF_NB_LOGLEVEL", "INFO", "'DAF_NB_LOGLEVEL'. Did you mean 'DAF_NB_LOG_LEVEL'?"),
        ("DAF_NB_PROFIL", "staging", "Did you mean 'DAF_NB_PROFILE'?"),
        ("DAF_NB_PROFILE", "prodution", "environment variable DAF_NB_PROFILE: profile='prodution'"),
        ("DAF_NB_PROFILE", "prodution", "Did you mean 'production'?"),
        ("DAF_NB_LOG_LEVEL", "WARN1NG", "Did you mean 'WARNING'?"),
        ("DAF_NB_STRICT", "maybe", "environment variable DAF_NB_STRICT: strict='maybe'"),
        ("DAF_NB_OBSERVERS", "[1", "no list in JSON"),
        ("DAF_NB_CONFIG", "absent.toml", "DAF_NB_CONFIG: "),
        ("DAF_NB_CONFIG", "settings.yaml", ".toml or a .json"),
    ],
)
def test_a_wrong_variable_is_refused_with_its_name(project, monkeypatch, variable, text, said):
    monkeypatch.setenv(variable, text)
    assert said in refused()


def test_a_wrong_value_is_refused_though_another_goes_before_it(project, monkeypatch):
    monkeypatch.setenv("DAF_NB_CHECKPOINT_INTERVAL", "5")
    (project / "daf_nb.toml").write_text("checkpoint_interval = 0")
    assert f"file {project / 'daf_nb.toml'}:checkpoint_interval: " in refused()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loglevel = 'INFO'", "unknown key 'loglevel'. Did you mean 'log_level'?"),
        ("profile = 'prod'", "daf_nb.toml:profile: "),
        ("[profiles.prodction]", "unknown profile 'prodction'. Did you mean 'production'?"),
        (
            "[profiles.staging]\nstrikt = true",
            "[profiles.staging]: unknown key 'strikt'. Did you mean 'strict'?",
        ),
        ("[profiles.staging]\nstrict = 5", "daf_nb.toml:profiles.staging.strict: strict=5"),
        ("[profiles.staging]\nprofile = 'staging'", "[profiles.staging]: unknown key 'profile'"),
        ("profiles = 5", "no table of profiles"),
        ("strict = ", "is no TOML"),
        ("[strict]", "strict={}"),
    ],
)
def test_a_wrong_file_is_refused_with_where_it_is_wrong(project, text, said):
    (project / "daf_nb.toml").write_text(text)
    assert said in refused()


@pytest.mark.parametrize("text", ["[1, 2]", "{", "\xff", "[" * 100_000])
def test_a_file_that_is_no_table_in_json_is_refused_by_its_name(project, text):
    (project / "daf_nb.json").write_bytes(text.encode("latin-1"))
    assert "daf_nb.json" in refused()


@pytest.mark.parametrize("field", ["runs_dir", "log_file"])
@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_text_is_no_path(project, monkeypatch, field, text):
    with pytest.raises(ConfigError, match=f"set: {field}=.* no path"):
        ConfigManager().set(**{field: text})
    (project / "daf_nb.toml").write_text(f"{field} = '{text}'")
    assert f"daf_nb.toml:{field}: {field}={text!r}: an empty text is no path" in refused()
    (project / "daf_nb.toml").unlink()
    monkeypatch.setenv(f"DAF_NB_{field.upper()}", "  ")
    assert f"environment variable DAF_NB_{field.upper()}: {field}=" in refused()


def test_a_home_that_nobody_has_is_refused(project):
    with pytest.raises(ConfigError, match="'~nobody-at-all/runs' is no path"):
        ConfigManager().set(runs_dir="~nobody-at-all/runs")


INTEGERS = [name for name, of in LabConfig.model_fields.items() if "int" in str(of.annotation)]


@pytest.mark.parametrize("field", INTEGERS)
@pytest.mark.parametrize("value", [True, 5000.0, "5000", np.True_])
def test_only_a_whole_number_is_one(project, field, value):
    with pytest.raises(ConfigError, match=f"set: {field}=.*: a whole number is wanted"):
        ConfigManager().set(**{field: value})
    ConfigManager().set(**{field: np.int64(5000)})
    assert type(getattr(lab(), field)) is int and getattr(lab(), field) == 5000


@pytest.mark.parametrize("field", INTEGERS)
def test_a_file_says_whole_numbers_and_the_environment_texts(project, monkeypatch, field):
    monkeypatch.setenv(f"DAF_NB_{field.upper()}", "5_000")
    assert getattr(lab(), field) == 5000
    (project / "daf_nb.json").write_text(json.dumps({field: True}))
    assert f"{field}=True: a whole number is wanted, not bool" in refused()
    (project / "daf_nb.json").unlink()
    monkeypatch.setenv(f"DAF_NB_{field.upper()}", "many")
    assert f"environment variable DAF_NB_{field.upper()}: {field}='many': a whole" in refused()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("name", ["daf_nb.toml", "daf_nb.json", "elsewhere.toml"])
def test_a_named_pipe_is_refused_and_not_waited_for(project, monkeypatch, name):
    os.mkfifo(project / name)
    if name == "elsewhere.toml":
        monkeypatch.setenv("DAF_NB_CONFIG", name)
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(refused()), daemon=True)
    thread.start()
    thread.join(10)
    if thread.is_alive():
        os.close(os.open(project / name, os.O_RDWR))  # lets go of the lock for the tests after it
    (said,) = told
    assert f"{project / name} is a pipe or a device" in said


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no such device")
def test_a_device_is_refused(project):
    (project / "zero.toml").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match=r"zero\.toml is a pipe or a device"):
        ConfigManager().load("zero.toml")
    (project / "folder.toml").mkdir()
    with pytest.raises(ConfigError, match=r"folder\.toml cannot be read"):
        ConfigManager().load("folder.toml")


def test_files_are_looked_for_in_order_and_one_is_read(project, monkeypatch):
    (project / "pyproject.toml").write_text("[tool.daf_nb]\ndevice = 'a'\nstrict = true")
    assert (lab().device, lab().strict) == ("a", True)
    (project / "daf_nb.json").write_text(json.dumps({"device": "b"}))
    assert (lab().device, lab().strict) == ("b", False)
    (project / "daf_nb.toml").write_text("device = 'c'")
    assert lab().device == "c"
    (project / "elsewhere.json").write_text(json.dumps({"device": "d"}))
    monkeypatch.setenv("DAF_NB_CONFIG", "elsewhere.json")
    assert lab().device == "d"
    (project / "loaded.toml").write_text("device = 'e'")
    ConfigManager().load("loaded.toml")
    assert lab().device == "e"


def test_a_broken_project_file_that_says_nothing_of_daf_nb_is_nobodys_fault(project):
    (project / "pyproject.toml").write_text("[project\n")
    assert lab() == LabConfig()
    (project / "pyproject.toml").write_text("[tool.daf_nb\n")
    assert "pyproject.toml is no TOML" in refused()


def test_a_relative_path_is_seen_from_where_it_is_written(project, monkeypatch):
    (project / "conf").mkdir()
    (project / "conf" / "lab.toml").write_text("runs_dir = 'runs'\n")
    (project / "work").mkdir()
    monkeypatch.chdir(project / "work")
    monkeypatch.setenv("DAF_NB_CONFIG", str(project / "conf" / "lab.toml"))
    monkeypatch.setenv("DAF_NB_PROFILE", "staging")
    assert lab().runs_dir == project / "conf" / "runs"
    assert lab().log_file == project / "logs" / "daf_nb.jsonl"
    monkeypatch.setenv("DAF_NB_RUNS_DIR", "mine")
    assert lab().runs_dir == project / "work" / "mine"
    ConfigManager().set(runs_dir="told")
    monkeypatch.chdir(project)
    assert lab().runs_dir == project / "work" / "told"


def test_a_file_changed_in_place_is_read_again(project):
    file = project / "daf_nb.toml"
    for device in [*"abcdef", *"fedcba"]:  # of one length, within one tick of the clock
        file.write_text(f"device = '{device}'")
        assert lab().device == device
    file.unlink()
    assert lab().device == "auto"


def test_what_did_not_change_is_not_made_again(project):
    (project / "daf_nb.toml").write_text("device = 'x'")
    for name in ("daf_nb.toml", "pyproject.toml"):
        os.utime(project / name, (1, 1))
    assert lab() is lab()


def test_production_tells_the_observers_that_have_an_address(project, monkeypatch):
    monkeypatch.setenv("DAF_NB_PROFILE", "production")
    assert lab().observers == ()
    monkeypatch.setenv("DAF_NB_WANDB_PROJECT", "ours")
    assert lab().observers == ("wandb",)
    ConfigManager().set(mongo_url="mongodb://db")
    assert lab().observers == ("mongo", "wandb")
    ConfigManager().set(observers="none-of-them")
    assert lab().observers == ("none-of-them",)


def test_settings_hold_in_every_thread(project):
    ConfigManager().set(device="cuda:7")
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(lab().device)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["cuda:7"] * 8


def test_values_set_from_many_threads_are_all_kept(project):
    fields = {
        "device": "x",
        "strict": True,
        "mongo_db": "y",
        "wandb_project": "z",
        "log_backups": 9,
    }
    threads = [
        threading.Thread(target=lambda name=name: ConfigManager().set(**{name: fields[name]}))
        for name in fields
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: getattr(lab(), name) for name in fields} == fields
