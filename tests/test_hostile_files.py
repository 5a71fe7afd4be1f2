"""A stranger's files: what is planted in any place that is read never runs, and is told of."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import daf_nb as daf
from tests.record.children import PROJECT

CHUNKS = 4
PLANTED = """
open({canary!r}, "w").close()

def make(**arguments):
    return None
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """The folder of a run with all that a record has, that was stopped and can go on."""
    curriculum = daf.CurriculumManager(daf.CurriculumConfig(strategy="learnability"))
    curriculum.add_task("two", difficulty=0.2, env_kwargs={"N": 2})
    curriculum.add_task("near", difficulty=0.6, env_kwargs={"N": 2, "local_ratio": 0.2})
    run = daf.train(
        "mpe2.simple_spread_v3",
        env_kwargs={"N": 2},
        runs_dir=tmp_path_factory.mktemp("base"),
        total_timesteps=400,
        num_envs=2,
        seed=0,
        device="cpu",
        torch_threads=1,
        algorithm_kwargs={"n_steps": 32},
        success=(-60.0, 0.0),
        curriculum=curriculum,
        controller=daf.AdaptiveConfig(rules="all"),
    )
    run.wait()
    change(run.folder / "run.json", status="INTERRUPTED")
    change(run.folder / "config.json", total_timesteps=560)
    return run.folder


def change(path: Path, **keys: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def read(base: Path, work: Path, verbs: str, plants: list[str]) -> list[dict[str, Any]]:
    """What a process of its own saw while it read these plants."""
    canary = work / "canary"
    canary.mkdir()
    # Where it works there is a module by the name that is planted, and settings that name it.
    inside = work / "work"
    inside.mkdir()
    (inside / "planted.py").write_text(PLANTED.format(canary=str(canary / "module")))
    (inside / "sitecustomize.py").write_text(PLANTED.format(canary=str(canary / "site")))
    environ = {"CANARY": str(canary), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.reading", base, inside, verbs],
        env=os.environ | environ,
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        said, errors = child.communicate(json.dumps(plants), timeout=1200)
    assert child.returncode == 0, errors[-2000:]
    came = [json.loads(line) for line in said.splitlines()]
    assert [one["plant"] for one in came] == plants, errors[-2000:]
    assert [path.name for path in canary.iterdir()] == [], "something was executed"
    return came


@pytest.fixture(scope="module")
def plants() -> list[str]:
    os.environ.setdefault("CANARY", "unused")
    from tests.hostile.plants import PLANTS

    return [*PLANTS]


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize(("verbs", "every"), [("reads", 1), ("trains", 5)])
def test_nothing_that_is_planted_runs_and_every_refusal_has_a_message(
    base, tmp_path, plants, verbs, every, chunk
):
    wanted = plants[::every][chunk::CHUNKS]
    for one in read(base, tmp_path, verbs, wanted):
        assert one["seen"] == [], one
        assert one["came"] == {}, one
        assert one["verbs"] >= 45


def test_what_is_planted_would_show_itself(base, tmp_path):
    """The payloads run where something does load them, and the watch sees what it is for."""
    code = """
import io, json, os, pickle, subprocess, sys
from tests.hostile import reading
from tests.hostile.plants import code, pickled, torched
sys.addaudithook(reading.watch)
reading._watching = True
pickle.loads(pickled("loaded"))
import torch
torch.load(io.BytesIO(torched("by-torch")), weights_only=False)
exec(code("a-cell"))
subprocess.run(["true"])
os.system("true")
sys.path.insert(0, sys.argv[1])
import planted
reading._watching = False
print(json.dumps(reading.seen))
"""
    canary = tmp_path / "canary"
    canary.mkdir()
    (tmp_path / "planted.py").write_text("")
    environ = {"CANARY": str(canary), "PYTHONPATH": str(PROJECT)}
    said = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert sorted(path.name for path in canary.iterdir()) == ["a-cell", "by-torch", "loaded"]
    seen = " ".join(json.loads(said.stdout))
    for event in ("pickle.find_class", "subprocess.Popen", "os.system", "import planted"):
        assert event in seen


def test_a_strangers_settings_are_data(base, tmp_path, monkeypatch):
    shutil.copytree(base, tmp_path / "runs" / "1")
    monkeypatch.chdir(tmp_path)
    for text, said in (
        ('observers = ["planted:Observer"]', "planted"),
        ('runs = "!!python/object/apply:os.system"', "no_such|unknown|runs"),
        ('profile = "planted.make"', "profile"),
        ("[[", "no TOML"),
    ):
        (tmp_path / "pyproject.toml").write_text(f"[tool.daf_nb]\n{text}\n")
        with pytest.raises(daf.ConfigError, match=said):
            daf.train("mpe2.simple_spread_v3", total_timesteps=64)
        assert [path.name for path in (tmp_path / "runs").iterdir()] == ["1"]


def test_a_run_of_any_name_is_a_number_on_the_disk(tmp_path):
    names = ["../../etc/passwd", "a/b", "..", "CON", "x" * 5000, "\0", "-rf", "$(touch x)"]
    for name in names:
        with daf.experiment(name, tags=[name], runs_dir=tmp_path / "runs", seed=1):
            pass
    assert sorted(int(path.name) for path in (tmp_path / "runs").iterdir()) == [*range(1, 9)]
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    listed = daf.list_runs(runs_dir=tmp_path / "runs", sort="id")
    assert listed["name"].tolist() == names
