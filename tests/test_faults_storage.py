"""What the disk, and others who write, can do to a run: the scoreboard's rows, with few tries."""

from __future__ import annotations

import errno
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.record.children import PROJECT


def scoreboard(folder: Path, only: str, *, tries: int) -> dict[str, dict[str, int | None]]:
    """Label -> numbers, of rows that `bench/faults.py` runs and that may not fall short."""
    found = folder / "found.json"
    options = ["--only", only, "--tries", str(tries), "--json", str(found)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", PROJECT / "bench" / "faults.py", *options],
        env=os.environ | {"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(found.read_text())["rows"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("only", "rows", "least"),
    [
        pytest.param("2", 4, 3, marks=pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")),
        ("3", 1, 3),
        ("4", 2, 2),
        ("12", 3, 2),
        ("13", 1, 4),
        ("15", 1, 3),
        ("17", 1, 10),
    ],
)
def test_a_row_of_the_scoreboard_does_not_fall_short(tmp_path, only, rows, least):
    found = scoreboard(tmp_path, only, tries=min(least, 4))
    assert len(found) == rows
    for told in found.values():
        judged = {told[name] for name in ("exact", "recovered", "said")} - {None}
        assert judged == {told["tries"]}
        assert (told["tries"] or 0) >= least


def test_the_shim_dies_at_the_call_that_it_is_told_and_no_other(tmp_path, monkeypatch):
    if not shutil.which("gcc"):
        pytest.skip("no gcc to build the shim with")
    code = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from _faults_shim import arm, calls
folder, number, how = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
arm(folder, number, how=how)
(folder.parent / "elsewhere").write_text("not counted")
(folder / "a").write_text("a" * 10)
(folder / "a").rename(folder / "b")
(folder / "b").unlink()
print(calls())
"""
    bench = PROJECT / "bench"
    monkeypatch.syspath_prepend(bench)
    library = importlib.import_module("_faults_shim").built(tmp_path)
    folder = tmp_path / "folder"

    def run(number: int, how: int = 0) -> tuple[int, str, dict[str, str]]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", code, bench, folder, str(number), str(how)],
            env=os.environ | {"LD_PRELOAD": str(library)},
            capture_output=True,
            text=True,
            check=False,
        )
        files = {path.name: path.read_text() for path in folder.iterdir()}
        return done.returncode, done.stdout.strip() or done.stderr[-300:], files

    assert run(0) == (0, "4", {})  # open, write, rename, unlink
    assert [run(number)[::2] for number in (1, 2, 3, 4)] == [
        (-9, {}),
        (-9, {"a": ""}),
        (-9, {"a": "a" * 10}),
        (-9, {"b": "a" * 10}),
    ]
    assert run(2, how=-1)[::2] == (-9, {"a": "a" * 5})
    status, said, files = run(3, how=errno.ENOSPC)
    assert (status, files) == (1, {"a": "a" * 10})
    assert "No space left" in said
    assert (tmp_path / "elsewhere").read_text() == "not counted"
