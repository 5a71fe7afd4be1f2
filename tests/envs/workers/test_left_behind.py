"""Nothing is left of workers: no process, no child of a world, no descriptor."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from daf_nb.envs import World
from daf_nb.errors import TrainingEnvironmentError
from tests import worlds
from tests.envs.acting import copies_of
from tests.envs.workers.helpers import (
    assert_gone,
    children,
    interrupted,
    kill_worker,
    started,
    step,
)
from tests.envs.workers.rough_worlds import Serving

pytestmark = pytest.mark.timeout(60)


def test_no_descriptor_is_left_of_copies_that_were_closed():
    counts: list[int] = []
    for _ in range(4):
        copies = copies_of(World(worlds.Staggered), num_workers=1)
        copies.reset()
        kill_worker()
        step(copies)
        copies.close()
        del copies
        gc.collect()
        counts.append(psutil.Process().num_fds())
    assert counts == counts[:1] * 4


def serving(folder: Path, **kwargs: Any) -> World:
    return World(Serving, {"folder": folder, "home": os.getpid(), **kwargs})


def servers(folder: Path) -> list[psutil.Process]:
    """The processes that worlds started, and that are still there."""
    pids = [int(path.name) for path in folder.iterdir()]
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


@pytest.mark.parametrize("forks", [False, True])
@pytest.mark.parametrize("after", ["a step", "an error", "a loss"])
def test_what_worlds_started_ends_with_the_copies(made, tmp_path, after, forks):
    world = serving(tmp_path, forks=forks, breaks=after == "an error")
    copies = made(world, num_envs=4, num_workers=2)
    copies.reset()
    step(copies, 2)
    begun = servers(tmp_path)
    assert len(begun) == 4
    if after == "a loss":
        kill_worker()
        step(copies)
        assert len(list(tmp_path.iterdir())) > 4
    if after == "an error":
        with pytest.raises(TrainingEnvironmentError, match="it breaks"):
            step(copies)
    copies.close()
    assert_gone([*begun, *servers(tmp_path)])


def test_no_worker_is_left_by_a_close_that_is_interrupted(made, tmp_path):
    copies = made(serving(tmp_path, slowly=2.0), num_envs=2, num_workers=2)
    copies.reset()
    workers = [psutil.Process(pid) for pid in children()]
    begun = servers(tmp_path)
    interrupted(copies.close, 0.4)
    assert_gone([*workers, *begun], 10)
    copies.close()


FORKED = """
import os, time
import psutil
from daf_nb.envs import Copies
from daf_nb.testing import Scripted

copies = Copies(Scripted, num_envs=2, num_workers=2, seed=4)
copies.reset()
workers = [child.pid for child in psutil.Process().children()]
if (helper := os.fork()) == 0:
    os.close(1)
    time.sleep(40)
    os._exit(0)
print(helper, *workers, flush=True)
time.sleep(40)
"""


def test_workers_end_with_their_trainer_though_a_child_of_it_lives_on():
    trainer = started(FORKED)
    assert trainer.stdout is not None
    helper, *workers = [psutil.Process(int(pid)) for pid in trainer.stdout.readline().split()]
    assert len(workers) == 2
    trainer.kill()
    trainer.communicate()
    try:
        assert_gone(workers)
        assert helper.is_running()
    finally:
        helper.kill()


BORN = """
import os, time
from daf_nb.envs import Copies
from daf_nb.testing import Scripted

class Late(Scripted):
    home = os.getpid()

    def __init__(self):
        super().__init__()
        if os.getpid() != self.home:
            time.sleep(40)

print("up", flush=True)
Copies(Late, num_envs=1, num_workers=1, seed=4)
"""


@pytest.mark.parametrize("after", [0.0, 0.1, 1.0])
def test_a_worker_that_has_only_begun_ends_with_its_trainer(after):
    trainer = started(BORN)
    assert trainer.stdout is not None
    assert trainer.stdout.readline() == "up\n"
    while not (workers := psutil.Process(trainer.pid).children()):
        pass
    psutil.wait_procs(workers, timeout=after)
    trainer.kill()
    trainer.communicate()
    assert len(workers) == 1
    assert_gone(workers, 10)
