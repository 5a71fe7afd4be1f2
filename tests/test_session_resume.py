"""A run that stopped goes on as if it had not; a fork goes on beside it."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.control import Controls
from daf_nb.record.checkpoints import newest_checkpoint
from daf_nb.record.checkpoints.manifest import MANIFEST, manifest_bytes, read_manifest
from daf_nb.record.checkpoints.writing import checkpoint_folders
from daf_nb.record.files import read_json
from daf_nb.record.locks import is_held
from daf_nb.session import fork, resume
from tests.record.children import hear, start_child
from tests.test_session import TINY
from tests.worlds import Counting

CLOCK = ("memory/", "system/", "time/")
SCRIPT = [
    {"step": 300, "name": "ent_coef", "new": 0.02, "by": "user"},
    {"step": 900, "name": "learning_rate", "new": 1e-3, "by": "user"},
    {"step": 2000, "name": "gamma", "new": 0.9, "by": "user"},
]


def train(folder: Path, **changes: Any) -> daf.Run:
    fields = {**TINY, "total_timesteps": 3000, "device": "cpu", "torch_threads": 1, **changes}
    return daf.train("tests.worlds:Counting", runs_dir=folder, **fields)


def told(folder: Path, id: int = 1) -> tuple[Any, ...]:
    """What a run's record says, but for the clock's."""
    record = daf.load_run(id, runs_dir=folder)
    metrics = record.metrics
    metrics = metrics.drop(columns=[n for n in metrics if str(n).startswith(CLOCK)])
    journal = record.journal
    parameters = {k: v.tolist() for k, v in record.policy_state().items()}
    return metrics.to_csv(), journal.to_csv(), parameters, record.status


def stopped(run: daf.Run, *, at: int) -> None:
    """Ends it somewhere after a step."""
    while run.step < at and not run.done:
        time.sleep(0.002)
    run.stop()
    run.wait()
    assert run.status == "INTERRUPTED"


class Slow(Counting):
    """Takes a moment for a step."""

    def step(self, actions: Any) -> Any:
        time.sleep(0.0005)
        return super().step(actions)


def slowly(folder: Path, **changes: Any) -> daf.Run:
    fields = {**TINY, "total_timesteps": 3000, "device": "cpu", "torch_threads": 1, **changes}
    return daf.train(f"{__name__}:Slow", runs_dir=folder, **fields)


@pytest.mark.parametrize("stops", [(200,), (700, 1500)])
def test_a_stopped_run_goes_on_to_the_same_end(tmp_path, stops):
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    slowly(whole, controls=Controls(script=SCRIPT)).wait()
    run = slowly(parted, controls=Controls(script=SCRIPT))
    for at in stops:
        stopped(run, at=at)
        run = resume(1, runs_dir=parted, trust=True)
        assert run.id == 1
    run.wait()
    assert told(parted) == told(whole)
    record = daf.load_run(1, runs_dir=parted)
    assert next(part["from_step"] for part in record.parts) == 0
    assert len(record.parts) == len(stops) + 1
    assert record.parts[1]["from_step"] >= stops[0]
    assert len(run.rows) == len(record.metrics)
    sacred = read_json(record.folder / "metrics.json")
    assert sacred["rollout/return_mean"]["steps"][0] < stops[0]
    assert (record.folder / "parts" / "1" / "facts.json").exists()
    assert daf.load_run(1, runs_dir=whole).parts == []


def test_what_was_logged_after_the_checkpoint_is_kept_aside(tmp_path):
    run = slowly(tmp_path, checkpoint_interval=500)
    stopped(run, at=1200)
    used, *later = checkpoint_folders(run.folder / "checkpoints")
    for folder in later:
        (folder / "state.json").write_text("{")  # only the oldest is left
    lines = (run.folder / "metrics.jsonl").read_text().splitlines()
    with pytest.warns(daf.DafWarning, match="damaged"):
        again = resume(1, runs_dir=tmp_path, trust=True)
    again.wait()
    after = (run.folder / "metrics.jsonl").read_text().splitlines()
    aside = (run.folder / "parts" / "1" / "metrics.jsonl").read_text().splitlines()
    assert aside
    assert after[: len(lines) - len(aside)] + aside == lines
    steps = [json.loads(line)["step"] for line in after]
    assert len(set(steps)) == len(steps)
    assert daf.load_run(1, runs_dir=tmp_path).status == "COMPLETED"
    moved = sorted(path.name for path in (run.folder / "parts" / "1" / "checkpoints").iterdir())
    assert moved == [folder.name for folder in later]
    assert used.name not in moved
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        newest = newest_checkpoint(run.folder / "checkpoints")
    assert newest is not None
    assert newest.step >= 3000


def test_what_still_runs_or_is_complete_or_no_training_is_refused(tmp_path):
    run = slowly(tmp_path)
    with pytest.raises(daf.RecordError, match="RUNNING"):
        resume(1, runs_dir=tmp_path)
    with pytest.raises(daf.ConfigError, match="mode"):
        resume(1, runs_dir=tmp_path, mode="lukewarm")  # type: ignore[arg-type]
    with pytest.raises(daf.ConfigError, match="argument of resume"):
        resume(1, runs_dir=tmp_path, batch_size=3)
    run.wait()
    with pytest.raises(daf.RecordError, match=r"fork\(1, total_timesteps="):
        resume(1, runs_dir=tmp_path)
    with pytest.raises(daf.RecordError, match="No run"):
        resume(2, runs_dir=tmp_path)


HOLDS = """
import sys, time
from pathlib import Path
from daf_nb.record.locks import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_folder_that_another_process_writes_is_refused_with_its_name(tmp_path):
    stopped(slowly(tmp_path), at=100)
    folder = tmp_path / "1"
    child = start_child(HOLDS, folder)
    try:
        assert hear(child) == "held"
        with pytest.raises(daf.RecordError, match=f"process {child.pid} on "):
            resume(1, runs_dir=tmp_path, trust=True)
        # Nobody's name was written over the holder's.
        assert json.loads((folder / "lock").read_text())["pid"] == child.pid
    finally:
        child.kill()
        child.wait()
    resume(1, runs_dir=tmp_path, trust=True).wait()
    assert daf.load_run(1, runs_dir=tmp_path).status == "COMPLETED"


def test_a_run_in_the_trash_is_not_resumed_and_it_is_said_where_it_lies(tmp_path):
    stopped(slowly(tmp_path), at=100)
    daf.delete_runs(1, runs_dir=tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(daf.RecordError, match=r"No run '1'.*lies in the trash; restore_runs\(1\)"):
        resume(1, runs_dir=tmp_path, trust=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_resume_that_cannot_be_leaves_the_run_free_and_as_it_was(tmp_path):
    stopped(slowly(tmp_path), at=100)
    lock = tmp_path / "1" / "lock"
    before = {path: path.read_bytes() for path in (tmp_path / "1").rglob("*") if path.is_file()}
    with pytest.raises(daf.ConfigError, match="trust=True"):
        resume(1, runs_dir=tmp_path)
    after = {path: path.read_bytes() for path in (tmp_path / "1").rglob("*") if path.is_file()}
    assert {**after, lock: b""} == {**before, lock: b""}
    assert is_held(tmp_path / "1") is False


def test_another_device_is_refused_as_exact(tmp_path):
    stopped(slowly(tmp_path), at=100)
    (folder, *_) = reversed(checkpoint_folders(tmp_path / "1" / "checkpoints"))
    about = read_manifest((folder / MANIFEST).read_bytes())
    members = {name: (folder / name).read_bytes() for name in about["members"]}
    for device in ("xla", "cuda"):
        about["machine"]["device"] = device
        (folder / MANIFEST).write_bytes(manifest_bytes(about, members))
        with pytest.raises(daf.CheckpointError, match=rf"{device} -> |processor .* -> "):
            resume(1, runs_dir=tmp_path, trust=True)
    assert daf.load_run(1, runs_dir=tmp_path).status == "INTERRUPTED"


def test_a_disk_that_refuses_sb3s_archive_stops_no_training(tmp_path):
    run = slowly(tmp_path, checkpoint_interval=500)
    obstacle = run.folder / "checkpoints" / "all.partial"
    obstacle.mkdir(parents=True)
    with pytest.warns(daf.DafWarning) as said:
        results = run.wait()
    assert results is not None
    assert results["timesteps"] >= 3000
    assert "no checkpoint could be written" in str(said[0].message)
    assert run.status == "FAILED"
    assert "checkpoints: " in daf.load_run(1, runs_dir=tmp_path).fail_trace


def test_other_versions_are_refused_as_exact_and_taken_as_warm(tmp_path):
    stopped(slowly(tmp_path), at=1000)
    (folder, *_) = reversed(checkpoint_folders(tmp_path / "1" / "checkpoints"))
    about = read_manifest((folder / MANIFEST).read_bytes())
    members = {name: (folder / name).read_bytes() for name in about["members"]}
    about["versions"]["torch"] = "1.0"
    (folder / MANIFEST).write_bytes(manifest_bytes(about, members))
    with pytest.raises(daf.CheckpointError, match=r"torch 1\.0 -> .*mode='warm'"):
        resume(1, runs_dir=tmp_path, trust=True)
    before = len(daf.load_run(1, runs_dir=tmp_path).metrics)
    run = resume(1, runs_dir=tmp_path, trust=True, mode="warm")
    run.wait()
    record = daf.load_run(1, runs_dir=tmp_path)
    assert record.status == "COMPLETED"
    assert len(record.metrics) > before
    (row,) = record.journal.query("name == 'resume'").to_dict("records")
    assert (row["old"], row["new"], row["own"]) == ("exact", "warm", True)
    assert run.step >= 3000


def test_without_a_checkpoint_it_starts_over_and_says_so(tmp_path):
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    slowly(whole, controls=Controls(script=SCRIPT)).wait()
    run = slowly(parted, controls=Controls(script=SCRIPT))
    stopped(run, at=1200)
    for folder in checkpoint_folders(run.folder / "checkpoints"):
        (folder / MANIFEST).unlink()
        folder.rename(folder.with_name("gone"))
    with pytest.warns(daf.DafWarning, match="starts over"):
        again = resume(1, runs_dir=parted, trust=True)
    again.wait()
    assert told(parted) == told(whole)


def test_a_fork_goes_on_beside_its_parent(tmp_path):
    slowly(tmp_path, controls=Controls(script=SCRIPT)).wait()
    run = fork(1, runs_dir=tmp_path, trust=True, total_timesteps=4000, name="more", tags=("b",))
    run.wait()
    parent, record = (daf.load_run(n, runs_dir=tmp_path) for n in (1, run.id))
    assert (record.parent, record.name, record.status) == (1, "more", "COMPLETED")
    assert record.forked is not None
    assert record.forked["run"] == 1
    assert record.forked["step"] == parent.metrics.index[-1] < record.metrics.index[0]
    assert record.metrics.index[-1] >= 4000
    assert record.journal["name"].tolist() == parent.journal["name"].tolist()


def test_another_answer_to_failures_changes_nothing_where_none_fails(tmp_path):
    slowly(tmp_path, total_timesteps=600).wait()
    given = {"runs_dir": tmp_path, "trust": True, "total_timesteps": 1000}
    plain, dropping = fork(1, **given), fork(1, **given, on_failure="drop", step_deadline=5.0)
    plain.wait()
    dropping.wait()
    assert told(tmp_path, dropping.id) == told(tmp_path, plain.id)


@pytest.mark.parametrize("changes", [{}, {"seed": 9}])
def test_a_fork_that_saved_nothing_goes_on_from_its_parents_checkpoint(tmp_path, changes):
    slowly(tmp_path, total_timesteps=600, controller=daf.AdaptiveConfig()).wait()
    given = {"runs_dir": tmp_path, "trust": True, "total_timesteps": 1400, **changes}
    whole = fork(1, **given)
    whole.wait()
    run = fork(1, **given)
    run.stop(now=True)
    run.wait()
    assert run.status == "INTERRUPTED"
    assert checkpoint_folders(run.folder / "checkpoints") == []
    assert daf.load_run(run.id, runs_dir=tmp_path).metrics.empty
    resume(run.id, runs_dir=tmp_path, trust=True).wait()
    assert told(tmp_path, run.id) == told(tmp_path, whole.id)
    began = daf.load_run(1, runs_dir=tmp_path).metrics.index[-1]
    parts = daf.load_run(run.id, runs_dir=tmp_path).parts
    assert [part["from_step"] for part in parts] == [began, began]
    made = daf.reproduce(run.id, runs_dir=tmp_path, trust=True)
    assert made.identical, made


def test_a_fork_that_cannot_be_is_told_why(tmp_path):
    slowly(tmp_path, total_timesteps=300).wait()
    with pytest.raises(daf.CheckpointError, match=r"checkpoint of step '5'; there are those of"):
        fork(1, runs_dir=tmp_path, trust=True, step="5")  # type: ignore[arg-type]
    with pytest.raises(daf.ConfigError, match="change 'total'") as caught:
        fork(1, runs_dir=tmp_path, trust=True, total=5)
    assert str(caught.value).count("policy_kwargs") == 1
    for folder in checkpoint_folders(tmp_path / "1" / "checkpoints"):
        folder.rename(folder.with_name("gone"))
    with pytest.raises(daf.CheckpointError, match=r"Run 1 has no whole checkpoint\.$"):
        fork(1, runs_dir=tmp_path, trust=True)


def doctored(folder: Path, change: Any) -> None:
    """Changes checkpoints, hashes included."""
    for one in checkpoint_folders(folder / "checkpoints"):
        about = read_manifest((one / MANIFEST).read_bytes())
        members = {name: (one / name).read_bytes() for name in about.pop("members")}
        change(about, members)
        for name, content in members.items():
            (one / name).write_bytes(content)
        (one / MANIFEST).write_bytes(manifest_bytes(about, members))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda about, _: about.pop("positions"), "does not say where in the run's logs"),
        (lambda about, _: about["positions"].pop("journal.jsonl"), "does not say where"),
        (lambda _, members: members.update({"state.json": b"{}"}), "not one that daf_nb wrote"),
    ],
)
def test_a_checkpoint_that_daf_nb_did_not_write_is_refused_and_left_alone(tmp_path, change, said):
    stopped(slowly(tmp_path), at=300)
    doctored(tmp_path / "1", change)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(daf.CheckpointError, match=said):
        resume(1, runs_dir=tmp_path, trust=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert daf.load_run(1, runs_dir=tmp_path).status == "INTERRUPTED"


@pytest.mark.parametrize("places", ["x", {"metrics.jsonl": "x"}, {"metrics.jsonl": -1}])
def test_a_checkpoint_of_places_that_cannot_be_is_damaged(tmp_path, places):
    stopped(slowly(tmp_path), at=300)
    doctored(tmp_path / "1", lambda about, _: about.update(positions=places))
    with pytest.warns(daf.DafWarning, match="places in the logs that cannot be"):
        assert newest_checkpoint(tmp_path / "1" / "checkpoints") is None


@pytest.mark.parametrize("changes", [{"host": ["x"]}, {"artifacts": [{"a": 2}]}])
def test_a_record_that_daf_nb_did_not_write_is_refused_with_a_message(tmp_path, changes):
    run = slowly(tmp_path)
    stopped(run, at=300)
    about = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({**about, **changes}))
    with pytest.raises(daf.RecordError, match="not one that daf_nb wrote"):
        resume(1, runs_dir=tmp_path, trust=True)
    assert not is_held(run.folder)


def test_a_fork_may_change_what_is_trained(tmp_path):
    slowly(tmp_path, checkpoint_interval=1000).wait()
    with pytest.raises(daf.ConfigError, match="a larger number is needed"):
        fork(1, runs_dir=tmp_path, trust=True)
    with pytest.raises(daf.CheckpointError, match="there are those of steps"):
        fork(1, runs_dir=tmp_path, trust=True, step=5)
    with pytest.raises(daf.ConfigError, match="change"):
        fork(1, runs_dir=tmp_path, trust=True, total=5)
    kwargs = {**TINY["algorithm_kwargs"], "ent_coef": 0.3}
    step = daf.load_run(1, runs_dir=tmp_path).metrics.index[-1]
    run = fork(
        1,
        runs_dir=tmp_path,
        trust=True,
        step=int(step),
        total_timesteps=4000,
        num_envs=5,
        batch_size=None,
        algorithm_kwargs=kwargs,
    )
    assert run.controls["ent_coef"] == 0.3
    run.wait()
    assert run.status == "COMPLETED"


def test_a_warm_resume_and_a_fork_may_do_without_the_rules(tmp_path):
    faster = daf.Action(knob="learning_rate", factor=1.1)
    rule = daf.Rule(name="kl", signal="train/approx_kl", low=1e3, cooldown=1, below=faster)
    stopped(slowly(tmp_path, controller=daf.AdaptiveConfig(rules=(rule,))), at=1000)
    fork(1, runs_dir=tmp_path, trust=True, controller=None).wait()
    other = rule.changed(below=daf.Action(knob="learning_rate", factor=0.5))
    fork(1, runs_dir=tmp_path, trust=True, controller=daf.AdaptiveConfig(rules=(other,))).wait()
    with pytest.raises(daf.CheckpointError, match=r"with adaptive controller\..*mode='warm'"):
        resume(1, runs_dir=tmp_path, trust=True, controller=None)
    resume(1, runs_dir=tmp_path, trust=True, mode="warm", controller=None).wait()
    records = [daf.load_run(id, runs_dir=tmp_path) for id in (1, 2, 3)]
    assert [record.status for record in records] == ["COMPLETED"] * 3
    begun = (records[1].forked or {})["step"]
    resumed, without, others = (
        [row for row in record.journal.to_dict("records") if row["step"] > begun]
        for record in records
    )
    assert not resumed
    assert not without
    assert len(others) > 2
    assert all(row["new"] < row["old"] for row in others)
    assert daf.reproduce(2, runs_dir=tmp_path, trust=True).wait().identical
    assert daf.reproduce(3, runs_dir=tmp_path, trust=True).wait().identical


def test_a_checkpoint_can_be_asked_for_and_is_there_then(tmp_path):
    run = slowly(tmp_path, total_timesteps=20_000)
    while run.step < 200:
        time.sleep(0.01)
    run.checkpoint()
    assert checkpoint_folders(run.folder / "checkpoints")
    run.pause()
    time.sleep(0.5)
    step = run.step
    time.sleep(1.5)
    assert checkpoint_folders(run.folder / "checkpoints")[-1].name == f"step-{step:012d}"
    run.stop()
    run.wait()


def test_a_disk_that_refuses_checkpoints_is_said_and_the_run_is_not_complete(tmp_path):
    run = slowly(tmp_path)
    obstacle = run.folder / "checkpoints" / ".step-000000003008.partial"
    while run.step < 100:
        time.sleep(0.01)
    (run.folder / "checkpoints").mkdir(exist_ok=True)
    (run.folder / "checkpoints").chmod(0o755)
    obstacle.write_text("a file where the folder goes")
    with pytest.warns(daf.DafWarning):
        run.wait()
    record = daf.load_run(1, runs_dir=tmp_path)
    assert record.status == "FAILED"
    assert "checkpoints" in record.fail_trace
    assert [e for e in record.events if e["kind"] == "trouble"]


def test_a_stop_in_an_evaluation_loses_no_evaluation(tmp_path):
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    fields = {"evaluation_interval": 1500, "evaluation_episodes": 100, "checkpoint_interval": 400}
    slowly(whole, **fields).wait()
    run = slowly(parted, **fields)
    while run.step < 1500:
        time.sleep(0.002)
    time.sleep(0.2)
    stopped(run, at=0)
    assert not [e for e in daf.load_run(1, runs_dir=parted).events if e["kind"] == "evaluation"]
    resume(1, runs_dir=parted, trust=True).wait()
    assert told(parted) == told(whole)
    evaluations = [
        [
            (e["step"], e["data"])
            for e in daf.load_run(1, runs_dir=at).events
            if "returns" in e["data"]
        ]
        for at in (whole, parted)
    ]
    assert evaluations[0] == evaluations[1]
    assert len(evaluations[0]) == 2


def test_what_was_moved_in_a_pause_is_still_moved_after_a_stop(tmp_path):
    run = slowly(tmp_path, total_timesteps=4000)
    while run.step < 500:
        time.sleep(0.002)
    run.pause()
    while run.status != "PAUSED":
        time.sleep(0.01)
    run.controls.set("ent_coef", 0.07, by="user").wait(5)
    run.controls.set("learning_rate", 5e-4, by="user").wait(5)
    stopped(run, at=0)
    again = resume(1, runs_dir=tmp_path, trust=True)
    assert again.controls["ent_coef"] == 0.07
    assert again.controls["learning_rate"] == 5e-4
    again.wait()
    journal = daf.load_run(1, runs_dir=tmp_path).journal
    assert journal["name"].tolist() == ["ent_coef", "learning_rate"]
    assert journal["number"].tolist() == [1, 2]
