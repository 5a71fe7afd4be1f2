"""The project that a notebook belongs to."""

from __future__ import annotations

import pytest

from daf_nb.config import ConfigManager, LabConfig, lab, project_root
from daf_nb.errors import ConfigError


@pytest.mark.parametrize("mark", ["pyproject.toml", ".git", "daf_nb.toml", "daf_nb.json"])
def test_a_notebook_sees_its_project_from_a_folder_below(tmp_path, monkeypatch, mark):
    (tmp_path / mark).touch()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert project_root() == tmp_path


def test_the_nearest_root_counts(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "daf_nb.toml").touch()
    monkeypatch.chdir(tmp_path / "inner")
    assert project_root() == tmp_path / "inner"


def test_a_deleted_working_directory_is_said(project, monkeypatch):
    gone = project / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    manager = ConfigManager()
    for ask in (
        project_root,
        lab,
        lambda: manager.values,
        lambda: manager.set(runs_dir="runs"),
        lambda: manager.load("x.toml"),
    ):
        with pytest.raises(ConfigError, match=r"working directory .* os\.chdir"):
            ask()
    monkeypatch.chdir(project)
    assert lab() == LabConfig()
