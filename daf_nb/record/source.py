"""What launched a run: the notebook cell being executed, or the script."""

from __future__ import annotations

import linecache
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Source", "launching_source"]


@dataclass(frozen=True)
class Source:
    """The code that asked for a run.

    Attributes:
        kind: "cell", "script", "spec" (a file of one), "interactive" (a prompt) or "unknown".
        text: the code as it was typed, as far as it can be known.
        name: where it stands: the script's path, or the notebook and the cell's number.
        directory: where the kernel or the script was started, as far as it can be known.
    """

    kind: str
    text: str
    name: str
    directory: str = ""


def launching_source() -> Source:
    """The source being executed right now.

    To be called in the thread that the cell or script runs in: no other has it on its stack.
    """
    shell = _shell()
    if shell is not None:
        return _from_shell(shell)
    main = sys.modules.get("__main__")
    script = getattr(main, "__file__", None)
    if script is not None:
        try:
            text = Path(script).read_bytes().decode("utf-8", "replace")
        except OSError:
            text = ""
        return Source(kind="script", text=text, name=str(script), directory=_here())
    if hasattr(sys, "ps1"):
        return Source(kind="interactive", text="", name="the Python prompt")
    return Source(kind="unknown", text="", name="")


def _shell() -> Any:
    # IPython is looked up, not imported: where it is not running there is nothing to find.
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_shell() if get_shell is not None else None


def _from_shell(shell: Any) -> Source:
    history = getattr(shell, "history_manager", None)
    typed = getattr(history, "input_hist_raw", None) or [""]
    transformed = getattr(history, "input_hist_parsed", None) or [""]
    running = _running_code(shell.user_ns)
    # What was typed tells more than what IPython made of it, but a cell inside a magic, which
    # has no history, can only be shown as it runs.
    is_latest = not running.strip() or running.strip() == transformed[-1].strip()
    return Source(
        kind="interactive" if getattr(shell, "kernel", None) is None else "cell",
        text=(typed[-1] if is_latest else running).rstrip("\n"),
        name=f"{_notebook(shell)} In[{len(typed) - 1}]".strip(),
        directory=str(getattr(shell, "starting_dir", None) or _here()),
    )


def _here() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was deleted
        return ""


def _notebook(shell: Any) -> str:
    # Jupyter's server sets the variable, Visual Studio Code the name.
    path = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__") or ""
    return Path(path).name


def _running_code(namespace: dict[str, Any]) -> str:
    """The innermost cell on this thread's stack, from the cache that serves tracebacks."""
    frame = sys._getframe()
    while frame is not None:
        code = frame.f_code
        is_cell = code.co_name == "<module>" or code.co_name.startswith("<cell line")
        if is_cell and frame.f_globals is namespace:
            return "".join(linecache.getlines(code.co_filename))
        frame = frame.f_back
    return ""
