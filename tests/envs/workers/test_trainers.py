"""A training on workers that is broken off, or breaks, and goes on."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

import pytest

from daf_nb.errors import TrainingEnvironmentError
from tests import worlds
from tests.envs.workers.rough_worlds import Striking
from tests.learn.helpers import make_trainer

pytestmark = pytest.mark.timeout(60)
TRAIN: dict[str, Any] = {"num_envs": 4, "total_timesteps": 600}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_that_others_break_off_in_a_step_goes_on_without_a_difference(
    monkeypatch, workers
):
    monkeypatch.setattr("daf_nb.learn.footing.EVERY", 0.0)
    monkeypatch.setattr("daf_nb.learn.footing.SHARE", 1e9)
    whole = make_trainer(partial(worlds.Slow, limit=7), **TRAIN)
    whole.train()
    trainer = make_trainer(partial(worlds.Slow, limit=7), **TRAIN, num_workers=workers)
    for after in (0.21, 0.14, 0.33):
        thread = threading.Thread(target=trainer.train, daemon=True)
        thread.start()
        time.sleep(after)
        while thread.is_alive() and not trainer.gate.breaking.force():
            time.sleep(0.005)
        thread.join(20)
        assert not thread.is_alive()
        assert not trainer.finished
    trainer.train()
    assert trainer.finished
    assert trainer.fingerprint() == whole.fingerprint()
    for one in (whole, trainer):
        one.close()


def test_a_training_whose_world_ends_its_worker_can_be_gone_on_with(tmp_path):
    """As one without workers, whose world raises in the same step."""
    flag, sides = tmp_path / "flag", []
    for workers, how in ((0, "raise"), (2, "die")):
        trainer = make_trainer(partial(Striking, flag=flag, how=how), **TRAIN, num_workers=workers)
        flag.touch()
        for _ in range(2):
            with pytest.raises(TrainingEnvironmentError):
                trainer.train()
        flag.unlink()
        trainer.train()
        assert trainer.finished
        sides.append(trainer.fingerprint())
        trainer.close()
    assert sides[0] == sides[1]
