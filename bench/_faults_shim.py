"""The preloaded shim that dies at, or refuses from, the n-th system call under a folder."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

__all__ = ["HALF", "arm", "built", "calls"]

HALF = -1
"""A way to die: in the middle of a write, where the n-th call is one."""


def built(folder: Path) -> Path | None:
    """The shim as a library, to be named by LD_PRELOAD; None where it cannot be built."""
    compiler, library = shutil.which("gcc"), folder / "shim.so"
    if compiler is None:
        return None
    source = Path(__file__).with_suffix(".c")
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    return library if subprocess.run(command, check=False).returncode == 0 else None


def arm(folder: Path, number: int, *, how: int = 0) -> None:
    """From now on the calls under a folder are counted.

    Args:
        folder: an absolute path.
        number: of the call at which it happens, from 1; 0 counts only.
        how: 0 to die before it, `HALF` to die in the middle of it, or the error that it and all
            later ones fail with.
    """
    ctypes.CDLL(None).fault_arm(str(folder).encode(), ctypes.c_long(number), how)


def calls() -> int:
    """How many there were since `arm`."""
    count = ctypes.CDLL(None).fault_count
    count.restype = ctypes.c_long
    return count()
