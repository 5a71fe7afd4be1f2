"""What a call leaves out comes from the lab; what it says, None included, stays."""

from __future__ import annotations

import pytest

import daf_nb as daf
from daf_nb.session.defaults import default_fields, default_observers


@pytest.fixture(autouse=True)
def lab(monkeypatch):
    monkeypatch.setenv("DAF_NB_CHECKPOINT_INTERVAL", "5000")
    monkeypatch.setenv("DAF_NB_STRICT", "true")
    monkeypatch.setenv("DAF_NB_OBSERVERS", '["wandb"]')


def test_fields_that_were_not_given_are_the_labs():
    fields = default_fields({"seed": 3})
    assert (fields["checkpoint_interval"], fields["strict"], fields["seed"]) == (5000, True, 3)
    assert default_fields({"checkpoint_interval": None})["checkpoint_interval"] is None


def test_a_controllers_project_takes_the_place_of_the_labs():
    config = daf.AdaptiveConfig(wandb_project="spread")
    assert config.integrate_with_wandb and not daf.AdaptiveConfig().integrate_with_wandb
    assert default_observers(None, None) == ["wandb"]
    assert default_observers((), None) == []
    for controller in (config, daf.AdaptiveController(config)):
        assert default_observers(None, controller) == ["wandb:spread"]
        assert default_observers(["mongo", "wandb:spread"], controller) == ["mongo", "wandb:spread"]
