from __future__ import annotations

import os

import pytest

from daf_nb.config import ConfigManager


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project that is worked in, and a lab that nobody has told anything."""
    for name in [name for name in os.environ if name.upper().startswith("DAF_NB_")]:
        monkeypatch.delenv(name)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    ConfigManager().reset()
    yield tmp_path
    ConfigManager().reset()
