"""What the storage faults' children do: train, resume, save, and meet the fault in between."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from pathlib import Path
from typing import Any

from _faults_killed import begin, newest
from _faults_shim import arm, calls

import daf_nb as daf
from daf_nb.record.checkpoints import newest_checkpoint, read_checkpoint
from daf_nb.record.checkpoints.members import MEMBERS
from daf_nb.record.checkpoints.writing import checkpoint_folders, keep_newest, write_checkpoint
from daf_nb.record.reopening import reopened, take_up
from daf_nb.session import resume

TOTAL, INTERVAL = 3_000, 600
"""Agent-steps of the runs that faults meet, and from checkpoint to checkpoint."""


def trained(root: str, *, stop_at: int | None = None, after: float = 0.0) -> int:
    """A run begun, or resumed, and waited for; its calls under the folder.

    Args:
        root: the runs folder.
        stop_at: it is stopped behind this agent-step.
        after: the moment of the monotonic clock at which it begins.
    """
    while time.monotonic() < after:
        time.sleep(0.001)
    run = _begun(Path(root))
    while stop_at is not None and run.step < stop_at and not run.done:
        time.sleep(0.002)
    if stop_at is not None:
        run.stop()
    run.wait()
    return calls()


def dying(root: str, number: int, how: int = 0, under: str = "") -> int:
    """As `trained`, with the shim armed for all that is below the root, or a folder there."""
    arm(Path(root) / under, number, how=how)
    return trained(root)


def one_of_many(root: str, after: float) -> int:
    """The number of a run begun at a moment at which others begin too."""
    while time.monotonic() < after:
        time.sleep(0.001)
    run = begin(Path(root), total=400, interval=10_000)
    run.wait()
    return run.id


def resumed_with_others(root: str, after: float) -> str:
    """Whether a run went on here, as a status; at a moment at which others resume it too."""
    while time.monotonic() < after:
        time.sleep(0.001)
    run = resume(1, runs_dir=Path(root))
    run.wait()
    return run.status


def deleted_with_others(root: str, after: float) -> list[int]:
    """The runs that were moved to the trash, at a moment at which others resume them."""
    while time.monotonic() < after:
        time.sleep(0.001)
    return daf.delete_runs(1, runs_dir=Path(root)).ids


def kept_running(root: str) -> None:
    """A run that only a kill ends."""
    begin(Path(root), total=10**9, interval=INTERVAL).wait()


def warm(root: str) -> list[dict[str, Any]]:
    """Resumed warmly; what the journal says of it."""
    resume(1, runs_dir=Path(root), mode="warm").wait()
    rows = daf.load_run(1, runs_dir=Path(root)).journal.query("name == 'resume'")
    return [{"old": old, "new": new} for old, new in zip(rows["old"], rows["new"], strict=True)]


def saved(folder: str, number: int, how: int = 0) -> int:
    """A whole save into a run's folder: SB3's archive, a checkpoint, the pruning of others.

    Of what its newest checkpoint holds, as of the next agent-step.
    """
    root = Path(folder) / "checkpoints"
    source = checkpoint_folders(root)[-1]
    about = dict(read_checkpoint(source).about)
    members = {name: (source / name).read_bytes() for name in MEMBERS}
    for key in ("format", "members"):
        del about[key]
    archive = (root / "all.zip").read_bytes()
    arm(Path(folder), number, how=how)
    beside = root / "all.partial"
    beside.write_bytes(archive)
    beside.replace(root / "all.zip")
    write_checkpoint(root, step=about["step"], about=about, members=members)
    before = len(checkpoint_folders(root))
    keep_newest(root)
    assert len(checkpoint_folders(root)) < before, "a save is to remove an old one"
    return calls()


def taken_up(folder: str, number: int, how: int = 0) -> int:
    """A run's folder made ready to go on, no further."""
    path = Path(folder)
    checkpoint = newest_checkpoint(path / "checkpoints")
    assert checkpoint is not None, "of the three that are kept, one was damaged"
    arm(path, number, how=how)
    store, _ = reopened(
        path,
        lock=take_up(path),
        step=checkpoint.step,
        positions=checkpoint.about["positions"],
        checkpoint=checkpoint.folder.name,
        hide=bytes,
    )
    store.abandon()
    return calls()


def refused(root: str, how: str, at: int, linger: float) -> dict[str, Any]:
    """A run whose disk refuses from an agent-step on.

    Args:
        root: the runs folder.
        how: "full", "full for a checkpoint", "read-only" or an error's number.
        at: the agent-step.
        linger: seconds for which it is paused then.
    """
    run = begin(Path(root), total=TOTAL, interval=INTERVAL)
    while run.step < at and not run.done:
        time.sleep(0.001)
    run.pause()
    while run.status != "PAUSED" and not run.done:
        time.sleep(0.005)
    run.checkpoint()
    began = time.monotonic()
    _refuse(run.folder, how)
    # A person moves something, which is to be written down.
    run.controls.set("vf_coef", 0.4, by="user")
    threading.Timer(linger, run.resume).start()
    error = ""
    try:
        run.wait()
    except Exception as raised:
        error = repr(raised)
    return {"began": began, "status": run.status, "error": error}


def _refuse(folder: Path, how: str) -> None:
    if how == "read-only":
        for path in [folder, *folder.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)
        folder.parent.chmod(0o755)
        if os.getuid() == 0:  # for whom no folder is read-only
            os.setuid(65534)
        return
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if how.isdecimal():
        arm(folder, 1, how=int(how))
        return
    sizes = [path.stat().st_size for path in (folder / "checkpoints").rglob("*.safetensors")]
    limit = max(sizes) * 3 // 4 if how == "full for a checkpoint" else 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def _begun(root: Path) -> daf.Run:
    number = newest(root)
    if number is None:
        return begin(root, total=TOTAL, interval=INTERVAL)
    return resume(number, runs_dir=root)
