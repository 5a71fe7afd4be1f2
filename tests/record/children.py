"""Python in processes of its own, for what a test must not do to its own process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import daf_nb

PROJECT = Path(daf_nb.__file__).parents[1]


def start_child(code: str, *arguments: object, **options) -> subprocess.Popen:
    """Starts Python on a piece of code; standard output and error come back as text."""
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def hear(child: subprocess.Popen) -> str:
    """The next line that a child prints."""
    assert child.stdout is not None
    return child.stdout.readline().rstrip("\n")


def tell(child: subprocess.Popen, line: str) -> None:
    """Sends a line to a child that was started with `stdin=-1`."""
    assert child.stdin is not None
    child.stdin.write(line + "\n")
    child.stdin.flush()


def run_child(code: str, *arguments: object) -> tuple[str, str]:
    """What a piece of code printed and complained; it must end well."""
    child = start_child(code, *arguments)
    output, complaints = child.communicate(timeout=120)
    assert child.returncode == 0, complaints
    return output, complaints
