"""Reads what was planted, in a process that watches itself: `python -m tests.hostile.reading`.

Arguments: the folder of a run to plant in, a folder to work in, "reads" or "trains", plants.
Prints a line of JSON per plant: its name, verb -> what came of it, and what was seen meanwhile.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets

import daf_nb as daf
from daf_nb.cli import main
from daf_nb.notebook.browser.rows import read_rows
from daf_nb.notebook.browser.showing import record_view, run_view
from daf_nb.notebook.browser.text import table_text
from daf_nb.record.sacred_api import RunObserver
from daf_nb.session.players import recorded_players
from tests.hostile.plants import PLANTS, Place

RUNNING = ("ctypes.dlopen", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.system",
           "pickle.find_class", "pty.spawn", "socket.connect", "subprocess.Popen",
           "webbrowser.open")  # fmt: skip
OURS = (["git", "--no-optional-locks"], ["cat", "/proc/cpuinfo"])
seen: list[str] = []
_watching = False


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Notes what no reader does: run a program, connect, import or execute what was planted."""
    if not _watching:
        return
    if event in RUNNING:
        # A run that goes on asks git for the state of the project, and Sacred for the processor.
        ours = event == "subprocess.Popen" and list(arguments[1])[:2] in OURS
        if not ours and (event != "ctypes.dlopen" or "planted" in str(arguments)):
            seen.append(f"{event} {str(arguments)[:200]}")
    elif event == "import" and str(arguments[0]).partition(".")[0] == "planted":
        seen.append("import planted")
    elif event == "exec" and "planted" in str(getattr(arguments[0], "co_filename", "")):
        seen.append(f"exec {arguments[0]}")


class Listening(RunObserver):
    """Is told everything, and keeps nothing."""

    def started_event(self, *arguments: Any, **options: Any) -> None:
        return None


def everything(record: Callable[[], daf.RunRecord]) -> dict[str, Callable[[], Any]]:
    """A verb for everything that a record says."""
    names = ["status", "name", "tags", "kind", "parent", "parts", "forked", "children", "started",
             "duration", "success", "result", "fail_trace", "config", "facts", "cell", "source",
             "output", "info", "history", "figures", "metrics", "journal", "events", "checkpoints",
             "tapes"]  # fmt: skip
    verbs: dict[str, Callable[[], Any]] = {
        name: lambda name=name: getattr(record(), name) for name in names
    }
    return verbs | {
        "repr": lambda: repr(record()),
        "html": lambda: record()._repr_html_(),
        "metric": lambda: record().metric("rollout/return_mean"),
        "policy_state": lambda: record().policy_state(),
        "load_policy": lambda: record().load_policy(),
        "tape": lambda: record().tape("best"),
        "last tape": lambda: record().tape("last"),
        "players": lambda: recorded_players(record()),
        "replay": lambda: repr(record().replay("best")),
    }


def reading(root: Path) -> dict[str, Callable[[], Any]]:
    """Verbs that leave the record as it is."""

    def record() -> daf.RunRecord:
        return daf.load_run(1, runs_dir=root)

    def browsed() -> None:
        known = read_rows(root, {})
        table_text(list(known.values()), width=100, height=24)
        for view in (run_view, record_view):
            close(view(1, root))

    return everything(record) | {
        "list_runs": lambda: daf.list_runs(runs_dir=root),
        "compare": lambda: repr(daf.compare([1, 2], runs_dir=root)),
        "report": lambda: checked(daf.report(1, runs_dir=root)),
        "reports": lambda: checked(daf.report([1, 2], runs_dir=root)),
        "markdown": lambda: daf.report(1, runs_dir=root, format="markdown"),
        "browse": browsed,
        "deliver": lambda: daf.deliver(1, Listening(), runs_dir=root, timeout=20),
        "cli runs": lambda: shell("runs", "--json", "--runs-dir", root),
        "cli show": lambda: shell("show", "1", "--json", "--runs-dir", root),
        "trash": lambda: (
            daf.delete_runs(1, runs_dir=root),
            daf.list_trash(runs_dir=root),
            daf.restore_runs(1, runs_dir=root),
        ),
    }


def going_on(root: Path) -> dict[str, Callable[[], Any]]:
    """Verbs that train, each on a record of its own."""
    return {
        "resume": lambda: daf.resume(1, runs_dir=root).wait(60),
        "resume warm": lambda: daf.resume(1, runs_dir=root, mode="warm").wait(60),
        "fork": lambda: daf.fork(1, runs_dir=root, total_timesteps=500).wait(60),
        "reproduce": lambda: daf.reproduce(1, runs_dir=root).first_difference,
        "train_spec": lambda: daf.train_spec(
            daf.load_run(1, runs_dir=root).config, runs_dir=root
        ).wait(60),
        "cli reproduce": lambda: shell("reproduce", "1", "--runs-dir", root),
    }


def close(view: widgets.Widget) -> None:
    for child in getattr(view, "children", ()):
        close(child)
    view.close()


def checked(path: Path) -> None:
    """A page holds no script of anybody's."""
    text = path.read_text(encoding="utf-8").lower()
    assert "<script" not in text, "a script is in the report"
    assert "<img src=x" not in text, "an image of a stranger's is in the report"


def shell(*arguments: object) -> None:
    """The program, in this process; its exit code 1 is an error that it has told."""
    try:
        main([str(one) for one in arguments])
    except SystemExit as end:
        if end.code not in (0, 1):
            raise RuntimeError(f"exit code {end.code}") from end


def outcome(verb: Callable[[], Any]) -> str:
    """Empty where it went well, or was refused with a message of ours; else what came."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            verb()
    except daf.DafError as error:
        return "" if str(error).strip() else f"{type(error).__name__} without a message"
    except BaseException as error:
        import traceback

        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:200]} at {last.filename}:{last.lineno}"
    return ""


def place_in(base: Path, work: Path, name: str) -> Path:
    """The runs folder of a fresh copy, with a plant in it: run 1 is hostile, run 2 is not."""
    shutil.rmtree(work / "runs", ignore_errors=True)
    for number in ("1", "2"):
        shutil.copytree(base, work / "runs" / number)
    PLANTS[name](Place(work / "runs" / "1", work / "outside"))
    return work / "runs"


def _outside(work: Path) -> dict[str, tuple[str, int]]:
    """What lies where nothing of it should lead to: the texts, and when they were written."""
    found = [path for path in (work / "outside").rglob("*") if path.is_file()]
    return {str(path): (path.read_text(), path.stat().st_mtime_ns) for path in found}


def read_all(base: Path, work: Path, name: str, *, trains: bool) -> dict[str, Any]:
    """What came of every verb over one plant."""
    global _watching  # noqa: PLW0603 - an audit hook cannot be taken away
    (work / "outside").mkdir(parents=True, exist_ok=True)
    (work / "outside" / "secret").write_text("secret")
    before = _outside(work)
    seen.clear()
    began, came = time.monotonic(), {}
    verbs = [*reading(work / "runs"), *(going_on(work / "runs") if trains else ())]
    root = place_in(base, work, name)
    for verb in verbs:
        if verb in going_on(root):
            root = place_in(base, work, name)
        _watching = True
        came[verb] = outcome({**reading(root), **going_on(root)}[verb])
        _watching = False
    if _outside(work) != before:
        seen.append(f"what is outside was changed: {before} {_outside(work)}")
    return {
        "plant": name,
        "came": {verb: said for verb, said in came.items() if said},
        "verbs": len(came),
        "seen": list(seen),
        "seconds": round(time.monotonic() - began, 2),
    }


if __name__ == "__main__":
    base, work, trains = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "trains"
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the verbs print
    os.chdir(work)
    sys.path.insert(0, str(work))
    sys.addaudithook(watch)
    for name in json.loads(sys.stdin.read()):
        answers.write(json.dumps(read_all(base, work, name, trains=trains)) + "\n")
        answers.flush()
