"""A disk that refuses, checkpoints and logs that were harmed, and machines that are others."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _faults_stage import COSTLY, Count, Stage, heard

import daf_nb as daf
from daf_nb.record.checkpoints import newest_checkpoint
from daf_nb.record.checkpoints.manifest import MANIFEST, manifest_bytes, read_manifest
from daf_nb.record.checkpoints.members import MEMBERS
from daf_nb.record.checkpoints.writing import checkpoint_folders
from daf_nb.record.series import EVENTS, JOURNAL, METRICS

SOON = 2.0
"""Seconds within which a fault is to be said."""
_FLIPS = 40
"""Bits that are flipped in each file, at least."""
_HOW = ("full", "full for a checkpoint", "read-only", str(errno.ENOSPC), str(errno.EIO))


def disk_refuses(tries: int, folder: Path) -> dict[str, int | None]:
    """From a step on: full, full for large files only, read-only, and errors of every call."""
    count = Count()
    with Stage(folder) as stage:
        ways = _HOW if stage.warm.shimmed else _HOW[:3]
        for number in range(min(tries, COSTLY)):
            how, root = ways[number % len(ways)], stage.fresh()
            # Only a save meets what is full for a checkpoint, so that one is to come soon.
            linger = 0.3 if how == "full for a checkpoint" else SOON + 0.5
            at = random.randint(700, 1_800)
            done = stage.work("refused", root=root, how=how, at=at, linger=linger)
            told = done.value or {"began": 0.0, "status": done.error, "error": ""}
            first = min((when for when, _ in done.said), default=float("inf")) - told["began"]
            status = stage.status(root)
            true = first <= SOON and told["status"] == "FAILED" and status in ("FAILED", "LOST")
            for path in [*root.rglob("*"), root]:
                path.chmod(path.stat().st_mode | 0o200)
            found, said = heard(lambda at=root / "1" / "checkpoints": newest_checkpoint(at))
            recovered, exact = stage.goes_on(root)
            count.add(
                f"{how} at {at}: said after {first:.2f} s, {told}, then {status}, {said}",
                exact=exact,
                recovered=recovered and found is not None and not said,
                said=true and not told["error"],
            )
    return count.told()


def harmed_checkpoint(tries: int, folder: Path) -> dict[str, int | None]:
    """Bits, cuts, files missing or of another: found, said, and the one before is read."""
    count = Count(exact=False)
    with Stage(folder) as stage:
        root = stage.stopped("base") / "1" / "checkpoints"
        *_, before, newest = checkpoint_folders(root)
        kept = {path.name: path.read_bytes() for path in newest.iterdir()}
        for name, content in kept.items():
            for what, bad in _harms(content, (before / name).read_bytes(), max(tries, _FLIPS)):
                if bad is None:
                    (newest / name).unlink()
                else:
                    (newest / name).write_bytes(bad)
                found, said = heard(lambda: newest_checkpoint(root))
                count.add(
                    f"{name}, {what}: {found and found.folder.name}, {said}",
                    recovered=found is not None and found.folder == before,
                    said=len(said) == 1 and newest.name in said[0] and "damaged" in said[0],
                )
            (newest / name).write_bytes(content)
        found, said = heard(lambda: newest_checkpoint(root))
        count.add(
            f"mended: {said}", recovered=bool(found and found.folder == newest), said=not said
        )
    return count.told()


def harmed_and_resumed(tries: int, folder: Path) -> dict[str, int | None]:
    """One harm drawn from all; the run goes on from the checkpoint before, to the same end."""
    count = Count()
    with Stage(folder) as stage:
        root = stage.stopped("base")
        for _ in range(min(tries, COSTLY)):
            with stage.copy(root) as copy:
                *_, before, newest = checkpoint_folders(copy / "1" / "checkpoints")
                name = random.choice((MANIFEST, *MEMBERS))
                content = (newest / name).read_bytes()
                harms = list(_harms(content, (before / name).read_bytes(), 4))
                what, bad = random.choice(harms)
                (newest / name).write_bytes(bad or b"")
                done = stage.work("trained", root=copy)
                said = [text for _, text in done.said if "damaged" in text]
                ended = stage.status(copy) == "COMPLETED"
                count.add(
                    f"{name}, {what}: {done.error}, {done.said}",
                    exact=ended and stage.ended_so(copy),
                    recovered=ended,
                    said=len(said) == 1 and newest.name in said[0],
                )
    return count.told()


def torn_logs(tries: int, folder: Path) -> dict[str, int | None]:
    """Each log cut anywhere: read up to the tear, said; the run goes on to the same policies."""
    count = Count()
    with Stage(folder) as stage:
        root = stage.stopped("base")
        newest = checkpoint_folders(root / "1" / "checkpoints")[-1]
        known = read_manifest((newest / MANIFEST).read_bytes())["positions"]
        present = [name for name in (METRICS, EVENTS, JOURNAL) if (root / "1" / name).exists()]
        for number in range(min(tries, COSTLY)):
            name = present[number % len(present)]
            with stage.copy(root) as copy:
                path = copy / "1" / name
                content = path.read_bytes()
                cut = random.randrange(1, len(content))
                path.write_bytes(content[:cut])
                whole = content[:cut].count(b"\n")
                torn = not content[:cut].endswith(b"\n")
                rows, said = heard(lambda at=copy, log=name: _rows(at, log))
                true = rows == whole and (len(said) == 1 and "torn" in said[0] if torn else True)
                done = stage.work("trained", root=copy)
                ended = stage.status(copy) == "COMPLETED"
                lacking = any(name in text and "entries" in text for _, text in done.said)
                if name != METRICS:  # whose positions count values, several a row
                    true &= lacking == (whole < known[name])
                count.add(
                    f"{name} cut at {cut}: {rows} rows of {whole}, {said}, {done.said}",
                    exact=ended and _policies(copy) == stage.whole[1],
                    recovered=ended,
                    said=true,
                )
    return count.told()


def other_stamp(tries: int, folder: Path) -> dict[str, int | None]:
    """Each entry of a checkpoint's stamp altered: exact is refused by name, warm goes on."""
    count = Count(exact=False)
    with Stage(folder) as stage:
        root = stage.stopped("base")
        newest = checkpoint_folders(root / "1" / "checkpoints")[-1]
        about = read_manifest((newest / MANIFEST).read_bytes())
        entries = [(part, name) for part in ("versions", "machine") for name in about[part]]
        for part, name in entries:
            with stage.copy(root) as copy:
                path = copy / "1" / "checkpoints" / newest.name / MANIFEST
                path.write_bytes(_altered(path, part, name))
                exact = stage.work("trained", root=copy)
                stayed = stage.status(copy) == "INTERRUPTED"
                warm = stage.work("warm", root=copy)
                named = f"{name} other -> {about[part][name]}" in exact.error
                count.add(
                    f"{part} {name}: {exact.error}; {warm.error}, {warm.value}",
                    recovered=warm.code == 0 and stage.status(copy) == "COMPLETED",
                    said=stayed
                    and named
                    and "mode='warm'" in exact.error
                    and warm.value == [{"old": "exact", "new": "warm"}],
                )
    return count.told()


def _harms(content: bytes, other: bytes, flips: int) -> Iterator[tuple[str, bytes | None]]:
    """What can become of a file, in words, and as bytes; None where it is gone.

    Args:
        content: the file.
        other: the same file of another checkpoint.
        flips: bits that are flipped at random places, one at a time.
    """
    size = len(content)
    for at in (0, *range(1024, size, 1024), size - 1):
        yield f"cut at {at}", content[:at]
    for _ in range(flips):
        bad, at = bytearray(content), random.randrange(8 * size)
        bad[at // 8] ^= 1 << at % 8
        yield f"bit {at} flipped", bytes(bad)
    yield "a byte more", content + b"\0"
    yield "of another checkpoint", other
    yield "missing", None


def _altered(path: Path, part: str, name: str) -> bytes:
    about: dict[str, Any] = read_manifest(path.read_bytes())
    members = {name: (path.parent / name).read_bytes() for name in about["members"]}
    about[part][name] = "other"
    return manifest_bytes(about, members)


def _rows(root: Path, log: str) -> int:
    record = daf.load_run(1, runs_dir=root)
    return len({METRICS: record.metrics, EVENTS: record.events, JOURNAL: record.journal}[log])


def _policies(root: Path) -> dict[str, Any]:
    return {k: v.tolist() for k, v in daf.load_run(1, runs_dir=root).policy_state().items()}


ROWS: dict[str, Callable[[int, Path], dict[str, int | None]]] = {
    "3 disk full, read-only folder, I/O errors": disk_refuses,
    "4 bit flip, cut, loss or exchange of a checkpoint's files": harmed_checkpoint,
    "4 bit flip, cut, loss or exchange, then resumed": harmed_and_resumed,
    "15 torn log": torn_logs,
    "17 other versions or another device at resume": other_stamp,
}
