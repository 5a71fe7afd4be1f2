"""What the storage rows share: a warm process, the undisturbed end, runs to harm, the count."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _faults_killed import ends, newest
from _faults_warm import Done, Warm

import daf_nb as daf
from daf_nb.errors import DafWarning

__all__ = ["COSTLY", "Count", "Stage", "heard"]

COSTLY = 20
"""Tries at most, where each takes several seconds."""


class Count:
    """How many tries there were, and what came of them; tells of those that fell short.

    Args:
        exact: whether a try is exact or not; False where that means nothing.
    """

    def __init__(self, *, exact: bool = True) -> None:
        self._exact = exact
        self._told: dict[str, int] = dict.fromkeys(("tries", "exact", "recovered", "said"), 0)

    def add(self, what: str, *, exact: bool = True, recovered: bool, said: bool) -> None:
        """One more try.

        Args:
            what: it was, and whatever helps to see what went wrong.
            exact: it ended as the undisturbed run did.
            recovered: what had to go on goes on.
            said: status and messages are true.
        """
        judged = {"exact": exact or not self._exact, "recovered": recovered, "said": said}
        self._told["tries"] += 1
        for name, good in judged.items():
            self._told[name] += good
        if not all(judged.values()):
            bad = ", ".join(name for name, good in judged.items() if not good)
            print(f"  not {bad}: {what}", file=sys.stderr, flush=True)

    def told(self) -> dict[str, int | None]:
        """The numbers."""
        return {**self._told, **({} if self._exact else {"exact": None})}


class Stage:
    """A folder in which runs are made, harmed and resumed, all by children of one warm process.

    Args:
        folder: its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warm = Warm(folder / "shim")
        self._whole: tuple[Any, ...] | None = None
        self._made = 0

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.warm.__exit__()

    def work(self, function: str, **given: Any) -> Done:
        """A function of `_faults_work`, in a child; paths become texts."""
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in given.items()}
        return self.warm.run(f"_faults_work:{function}", **plain)

    def begin(self, function: str, **given: Any) -> int:
        """As `work`, but not waited for; the child's process id."""
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in given.items()}
        return self.warm.start(f"_faults_work:{function}", **plain)

    def stopped(self, name: str, *, at: int = 1_500) -> Path:
        """The runs folder of a run that was stopped behind an agent-step."""
        root = self.folder / name
        done = self.work("trained", root=root, stop_at=at)
        if done.code:
            raise RuntimeError(done.error)
        return root

    def fresh(self) -> Path:
        """A runs folder that is not there yet."""
        self._made += 1
        return self.folder / f"try-{self._made}"

    @contextmanager
    def copy(self, root: Path) -> Iterator[Path]:
        """The same runs in another folder, for a while."""
        copied = self.fresh()
        shutil.copytree(root, copied)
        try:
            yield copied
        finally:
            shutil.rmtree(copied)

    def goes_on(self, root: Path) -> tuple[bool, bool]:
        """Whether a run comes to its end from here, and to the end of the undisturbed one."""
        done = self.work("trained", root=root)
        if done.code or self.status(root) != "COMPLETED":
            print(f"  {root}: {done.error or self.status(root)}", file=sys.stderr)
            return False, False
        return True, self.ended_so(root)

    def ended_so(self, root: Path) -> bool:
        """Whether a run has come to the end of the undisturbed one."""
        return ends(root) == self.whole

    @property
    def whole(self) -> tuple[Any, ...]:
        """What the run comes to that nobody disturbs."""
        if self._whole is None:
            done = self.work("trained", root=self.folder / "whole")
            if done.code:
                raise RuntimeError(done.error)
            self._whole = ends(self.folder / "whole")
        return self._whole

    def status(self, root: Path) -> str | None:
        """Of the newest run there; None where none is recorded."""
        number = newest(root)
        return None if number is None else daf.load_run(number, runs_dir=root).status


def heard(look: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What a function returns, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", DafWarning)
        found = look()
    return found, [str(each.message) for each in caught]
