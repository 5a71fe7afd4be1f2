"""The run's series about its machine: which, how often, and that they decide nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from daf_nb.learn import sampling
from daf_nb.learn.sampling import Sampler
from tests.learn.helpers import make_trainer
from tests.worlds import Counting, TwoKinds

MACHINE = {"system/memory_share", "system/memory_bytes", "system/disk_free_bytes"}
PROCESSORS = {"system/cpu_share", "system/process_cpu_share"}
PARTS = {f"memory/{part}_bytes" for part in ("policy", "worlds", "buffers")}
TIMES = {
    "time/agent_steps_per_second",
    "time/episodes_per_second",
    "time/updates_per_second",
    "time/rollout_seconds",
    "time/update_seconds",
    "time/update_share",
}


def told(trainer: Any) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    trainer.subscribe(
        lambda event: rows.append(dict(event.data)) if event.kind == "metrics" else None
    )
    trainer.train()
    return rows


def sampler(clock: Any, trainer: Any = None) -> Sampler:
    trainer = trainer or make_trainer()
    return Sampler(trainer._learner, trainer.curriculum, clock=clock)


def test_a_sample_comes_once_a_second_and_the_parts_every_ten():
    now = [100.0]
    mine = sampler(lambda: now[0])
    seen = []
    for tenth in range(0, 205, 5):
        now[0] = 100.0 + tenth / 10
        sample = mine.sample()
        seen.append((tenth / 10, bool(sample), sample.keys() >= PARTS))
    assert [when for when, sampled, _ in seen if sampled] == [float(each) for each in range(21)]
    assert [when for when, _, parts in seen if parts] == [0.0, 10.0, 20.0]


def test_parts_that_take_long_to_look_at_are_looked_at_more_rarely():
    now = [0.0]

    def clock() -> float:
        now[0] += 0.05  # each look at the clock
        return now[0]

    mine = sampler(clock)
    found = [now[0] for _ in range(3000) if mine.sample().keys() >= PARTS]
    assert len(found) == 3  # every 50 s of 150
    assert found[1] - found[0] == pytest.approx(50, abs=1)


def test_every_update_tells_its_times_and_they_add_up():
    rows = told(make_trainer(total_timesteps=320))
    assert len(rows) == 10 and all(row.keys() >= TIMES for row in rows)
    for row in rows:
        seconds = row["time/rollout_seconds"] + row["time/update_seconds"]
        assert row["time/update_share"] == pytest.approx(row["time/update_seconds"] / seconds)
        assert row["time/updates_per_second"] == pytest.approx(1 / seconds)
        assert row["time/agent_steps_per_second"] == pytest.approx(32 / seconds)
    ended = sum(row["time/episodes_per_second"] / row["time/updates_per_second"] for row in rows)
    assert ended == pytest.approx(rows[-1]["rollout/episodes"])


def test_a_run_tells_of_its_machine_and_of_its_parts():
    trainer = make_trainer(TwoKinds)
    rows = told(trainer)
    assert rows[0].keys() >= MACHINE | PARTS | {"memory/buffers_share"}
    assert "memory/curriculum_bytes" not in rows[0]
    assert not any(name.startswith("system/gpu") for name in rows[0])
    assert not rows[1].keys() & (MACHINE | PARTS | PROCESSORS)
    usage = trainer.get_memory_usage()
    assert rows[0]["memory/buffers_bytes"] == usage["buffers"]
    assert trainer.get_training_metrics().keys() >= MACHINE | PARTS


def test_processors_are_told_once_a_tenth_of_a_second_has_passed(monkeypatch):
    monkeypatch.setattr(sampling, "_EVERY", 0.2)
    rows = told(make_trainer(total_timesteps=32 * 150))
    sampled = [row for row in rows if "system/memory_bytes" in row]
    shares = [row["system/process_cpu_share"] for row in sampled if row.keys() >= PROCESSORS]
    assert len(shares) >= len(sampled) - 1 and 0 < max(shares) <= 1


def test_sampling_decides_nothing(monkeypatch):
    prints = []
    for every in (0.0, 1e9):
        monkeypatch.setattr(sampling, "_EVERY", every)
        monkeypatch.setattr(sampling, "_PARTS_EVERY", every)
        trainer = make_trainer(Counting, total_timesteps=320)
        trainer.train()
        prints.append(trainer.fingerprint())
    assert prints[0] == prints[1]


GPUS: list[dict[str, Any]] = [
    {"uuid": "GPU-a", "gpu_share": 0.2, "memory_share": 0.4},
    {"uuid": "GPU-b", "gpu_share": None, "memory_share": 0.6},
]


def test_gpus_are_told_by_their_mean_where_the_policies_are_on_none():
    assert sampling._gpu([], torch.device("cpu")) == {
        "system/gpu_share": None,
        "system/gpu_memory_share": None,
    }
    assert sampling._gpu(GPUS, torch.device("cpu")) == {
        "system/gpu_share": 0.2,
        "system/gpu_memory_share": 0.5,
    }


def test_free_space_is_of_the_folder_that_was_named(tmp_path):
    import shutil

    trainer = make_trainer()
    trainer.sampler.folder = tmp_path
    free = told(trainer)[0]["system/disk_free_bytes"]
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.01)
