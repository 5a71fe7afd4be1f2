"""Checkpoints on disk: whole or not at all, damage found, nothing executed."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import signal
import warnings
from pathlib import Path

import pytest
import torch

import daf_nb as daf
from daf_nb.errors import CheckpointError, DafWarning
from daf_nb.learn.snapshot import Snapshot
from daf_nb.record.checkpoints import newest_checkpoint, read_checkpoint
from daf_nb.record.checkpoints.manifest import MANIFEST
from daf_nb.record.checkpoints.members import MEMBERS, members_of
from daf_nb.record.checkpoints.versions import differences, stamp
from daf_nb.record.checkpoints.writing import (
    checkpoint_folders,
    keep_newest,
    remove_partials,
    write_checkpoint,
)
from tests.learn.helpers import make_trainer

SCORE = {"of": "return", "value": 1.0}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    trainer, kept = make_trainer(), []
    trainer.at_boundaries(lambda _: kept.append(trainer.state()) if trainer.progress.step else None)
    trainer.train()
    return kept[-1]


@pytest.fixture(scope="module")
def members(snapshot) -> dict[str, bytes]:
    return members_of(snapshot, hide=bytes)


def write(root: Path, members: dict[str, bytes], step: int, **about: object) -> Path:
    return write_checkpoint(root, step=step, about={"score": SCORE, **about}, members=members)


def test_what_was_written_is_read(tmp_path, snapshot, members):
    folder = write(tmp_path, members, 64, positions={"metrics.jsonl": 3})
    read = read_checkpoint(folder)
    assert folder.name == "step-000000000064"
    assert sorted(path.name for path in folder.iterdir()) == sorted([MANIFEST, *MEMBERS])
    assert read.step == 64
    assert read.about["positions"] == {"metrics.jsonl": 3}
    assert read.snapshot.state == json.loads(json.dumps(snapshot.state))
    assert read.snapshot.tensors.keys() == snapshot.tensors.keys()
    assert all(torch.equal(read.snapshot.tensors[k], v) for k, v in snapshot.tensors.items())
    assert [t.digest for t in read.snapshot.tapes] == [t.digest for t in snapshot.tapes]
    again = make_trainer()
    again.load_state(read.snapshot)
    assert again.progress.step == snapshot.step


def exit_at_call(number: int) -> None:
    """Ends this process, without a farewell, at its n-th call into C."""
    import sys

    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "c_call"
        if calls == number:
            os._exit(1)

    sys.setprofile(count)


@pytest.mark.slow
def test_wherever_its_writer_dies_a_checkpoint_is_whole(tmp_path, members):
    number, code, partial, newer = 0, 1, 0, 0
    old = write(tmp_path / "old", members, 64)
    for number in range(1, 2000):
        root = tmp_path / "checkpoints"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(old.parent, root)
        child = os.fork()
        if child == 0:
            exit_at_call(number)
            write(root, members, 128)
            keep_newest(root, kept=1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = newest_checkpoint(root)
        assert found is not None
        newer += found.step == 128
        partial += any(path.name.startswith(".") for path in root.iterdir())
        remove_partials(root)
        assert not [path for path in root.iterdir() if path.name.startswith(".")]
        if code == 0:
            break
    assert code == 0, "the sweep ended before the writer did"
    assert number > 50
    assert partial > 10
    assert newer > 1


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, members):
    write(tmp_path, members, 64)
    limit = max(len(content) for content in members.values()) // 2
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            write(tmp_path, members, 128)
        except OSError:
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000000064"]
    assert read_checkpoint(checkpoint_folders(tmp_path)[0]).step == 64


@pytest.mark.parametrize("name", [MANIFEST, *MEMBERS])
def test_a_flipped_bit_or_a_cut_is_found_and_the_one_before_is_used(tmp_path, members, name):
    write(tmp_path, members, 64)
    folder = write(tmp_path, members, 128)
    content = (folder / name).read_bytes()
    size = len(content)
    harmed = [content[:cut] for cut in (0, *range(1024, size, 1024), size - 1)]
    harmed += [content + b"\n"]
    for at in range(0, size, max(1, size // 97)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 8
        harmed.append(bytes(flipped))
    for bad in harmed:
        (folder / name).write_bytes(bad)
        with pytest.raises(CheckpointError, match="damaged"):
            read_checkpoint(folder)
    with pytest.warns(DafWarning, match=r"step-000000000128 is damaged.*before it is used"):
        found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.step == 64
    (folder / name).unlink()
    with pytest.warns(DafWarning, match="damaged"):
        found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.step == 64
    shutil.rmtree(tmp_path / "step-000000000064")
    with pytest.warns(DafWarning, match="damaged.*None is before it"):
        assert newest_checkpoint(tmp_path) is None


def test_files_of_another_checkpoint_and_a_false_name_are_found(tmp_path, members):
    other = {**members, "state.json": members["state.json"].replace(b"tuple", b"tupel", 1)}
    write(tmp_path, members, 64)
    folder = write(tmp_path, other, 128)
    (folder / "state.json").write_bytes(members["state.json"])
    with pytest.raises(CheckpointError, match=r"state\.json was changed"):
        read_checkpoint(folder)
    shutil.rmtree(folder)
    (tmp_path / "step-000000000064").rename(folder)
    with pytest.raises(CheckpointError, match="its name tells another step than its manifest, 64"):
        read_checkpoint(folder)


def test_one_that_its_writer_removes_meanwhile_is_no_damage(tmp_path, members, monkeypatch):
    old, new = write(tmp_path, members, 64), write(tmp_path, members, 128)

    def read(folder: Path) -> object:
        if folder == new:
            shutil.rmtree(new)
        return read_checkpoint(folder)

    monkeypatch.setattr("daf_nb.record.checkpoints.reading.read_checkpoint", read)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.folder == old


def test_a_folder_of_checkpoints_that_is_a_link_is_not_written_through(tmp_path, members):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"):
        write(tmp_path / "checkpoints", members, 64)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_newest_two_and_the_best_are_kept(tmp_path, members):
    scores = [("return", 9.0), ("success", 0.1), ("success", 0.8), ("success", 0.3)]
    for step, (of, value) in enumerate([*scores, ("success", 0.2), ("return", 5.0)]):
        write(tmp_path, members, step, score={"of": of, "value": value})
        keep_newest(tmp_path)
    steps = [read_checkpoint(folder).step for folder in checkpoint_folders(tmp_path)]
    assert steps == [2, 4, 5]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_several_of_one_step_are_told_apart(tmp_path, members):
    for place in range(3):
        write(tmp_path, members, 7, place=place)
    assert [f.name for f in checkpoint_folders(tmp_path)] == [
        "step-000000000007",
        "step-000000000007-2",
        "step-000000000007-3",
    ]
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.about["place"] == 2
    assert newest_checkpoint(tmp_path, step=8) is None


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (os.environ["BOMB"],))


@pytest.mark.parametrize("name", [MANIFEST, *MEMBERS])
def test_reading_what_a_stranger_made_executes_nothing(tmp_path, members, name, monkeypatch):
    target = tmp_path / "exploded"
    monkeypatch.setenv("BOMB", str(target))
    bomb = pickle.dumps(Bomb())
    if name == MANIFEST:
        folder = write(tmp_path / "run", members, 64)
        (folder / name).write_bytes(bomb)
    else:  # with hashes that are right
        folder = write(tmp_path / "run", {**members, name: bomb}, 64)
    with pytest.raises(CheckpointError):
        read_checkpoint(folder)
    assert not target.exists()


def test_links_and_strange_names_are_no_checkpoints(tmp_path, members):
    folder = write(tmp_path / "elsewhere", members, 64)
    root = tmp_path / "checkpoints"
    root.mkdir()
    (root / "step-000000000064").symlink_to(folder)
    (root / "step-1").mkdir()
    (root / "step-000000000065").touch()
    assert checkpoint_folders(root) == []
    assert newest_checkpoint(tmp_path / "absent") is None


def test_other_versions_and_machines_are_told():
    now = stamp("mpe2.simple_spread_v3", "cpu")
    assert differences(now, now) == []
    was = {
        "versions": {**now["versions"], "torch": "1.0", "mpe2": "0.1"},
        "machine": {**now["machine"], "device": "cuda"},
    }
    told = "; ".join(differences(was, now))
    assert "torch 1.0 -> " in told
    assert "mpe2 0.1 -> " in told
    assert "device cuda -> cpu" in told
    assert differences({}, now)


def test_a_secret_in_an_episode_is_not_written(snapshot):
    word = snapshot.tapes[0].setting
    assert word.task == ""
    with pytest.raises(daf.CheckpointError, match="secret"):
        members_of(snapshot, hide=lambda data: data.replace(b"task", b"****"))
