"""`daf-nb doctor`: what it finds, and what it makes of it."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from daf_nb.cli import app
from daf_nb.cli.checks import examine, machine, selftest, software, storage
from daf_nb.cli.checks.finding import Finding
from daf_nb.errors import ConfigError


def by_name(*, runs_dir: Path) -> dict[str, Finding]:
    return {one.name: one for one in examine(runs_dir=runs_dir, self_test=False)}


def test_everything_that_the_tests_need_is_here(tmp_path: Path):
    found = by_name(runs_dir=tmp_path)
    wrong = [one for one in found.values() if one.state == "wrong"]
    assert wrong == []
    assert found.keys() >= {
        *("python", "packages", "notebook", "widgets", "memory", "processors", "threads"),
        *("runs folder", "disk", "locks", "extra mongo", "extra wandb"),
    }
    assert metadata.version("ipywidgets") in found["notebook"].said
    assert not list(tmp_path.iterdir())


def test_the_self_test_goes_the_whole_way():
    found = list(selftest.self_test())
    assert [(one.name, one.state) for one in found] == [
        ("training", "ok"), ("recording", "ok"), ("policy", "ok"),
    ]  # fmt: skip


def test_packages_out_of_their_bounds_and_absent_ones_are_wrong():
    needed = [Requirement("numpy<1"), Requirement("no-such-package"), Requirement("torch>=2")]
    finding = software._bounds(needed)
    assert finding.state == "wrong"
    assert f"numpy {metadata.version('numpy')} (needed <1)" in finding.said
    assert "missing: no-such-package" in finding.said and "torch" not in finding.said


def test_a_folder_that_takes_no_files_is_wrong_and_the_exit_code_says_so(tmp_path: Path):
    (tmp_path / "file").write_text("")
    inside = tmp_path / "file" / "runs"
    result = CliRunner().invoke(
        app, ["doctor", "--json", "--no-self-test", "--runs-dir", str(inside)]
    )
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"]) == (1, False)
    (wrong,) = [one for one in told["checks"] if one["state"] == "wrong"]
    assert wrong["name"] == "runs folder" and str(inside) in wrong["said"] and wrong["advice"]


def test_a_folder_is_not_made_by_looking_at_it(tmp_path: Path):
    found = list(storage.runs_folder(tmp_path / "deep" / "runs"))
    assert [one.state for one in found] == ["ok", "ok", "ok"]
    assert "not made yet" in found[0].said
    assert not list(tmp_path.iterdir())


def test_a_check_that_breaks_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "memory_share", lambda: 1 / 0)
    found = by_name(runs_dir=tmp_path)
    assert found["memory"].state == "wrong" and "ZeroDivisionError" in found["memory"].said
    assert found["locks"].state == "ok"


def test_secrets_of_the_environment_are_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_API_KEY", "very-secret-key")
    monkeypatch.setenv("DAF_NB_MONGO_URL", "mongodb://user:very-secret-key@host/db")
    told = [f"{one.said} {one.advice}" for one in by_name(runs_dir=tmp_path).values()]
    assert not [one for one in told if "very-secret-key" in one]


def test_the_configuration_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert by_name(runs_dir=tmp_path)["observers"].said == "none beside the runs folder"
    monkeypatch.setenv("DAF_NB_OBSERVERS", "mongo:mongodb://me:very-secret-key@host,wandb:my")
    observers = by_name(runs_dir=tmp_path)["observers"]
    assert observers.state == "ok"
    assert "wandb:my" in observers.said and "very-secret-key" not in observers.said
    monkeypatch.setenv("DAF_NB_OBSERVERS", "wand")
    observers = by_name(runs_dir=tmp_path)["observers"]
    assert observers.state == "wrong" and "'wandb'" in observers.said
    monkeypatch.setenv("DAF_NB_PROFILE", "develop")
    found = by_name(runs_dir=tmp_path)["configuration"]
    assert found.state == "wrong" and "development" in found.said


def test_the_self_test_asks_for_no_observer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAF_NB_OBSERVERS", "wand")  # which any run that asks for it is refused for
    assert {one.state for one in selftest.self_test()} == {"ok"}


def test_a_profile_is_printed_in_place_of_the_checks():
    arguments = ["doctor", "--profile", "mpe2.simple_spread_v3"]
    for change in ("num_envs=2", "env_kwargs.N=2", "torch_threads=1"):
        arguments += ["--set", change]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.exception
    assert "simple_spread" in told.stdout.splitlines()[0]
    assert "agent-steps/s" in told.stdout and "world steps" in told.stdout
    document = CliRunner().invoke(app, [*arguments, "--set", "total_timesteps=100", "--json"])
    assert isinstance(document.exception, ConfigError), "there is nothing to look at"


def test_a_world_without_profile_is_refused():
    assert CliRunner().invoke(app, ["doctor", "mpe2.simple_spread_v3"]).exit_code == 2
