"""What IPython's magics in a cell mean for its names."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
from dataclasses import dataclass

__all__ = ["Magic", "magic_call"]

WORDLESS = frozenset(["html", "javascript", "js", "latex", "markdown", "svg", "SVG", "HTML"])
"""Cell magics that show something and do no more."""
PYTHON_CELLS = frozenset(["capture", "experiment", "prun", "time", "timeit"])
PYTHON_LINES = frozenset(["prun", "time", "timeit"])
LOOKING = frozenset(
    ["hist", "history", "load", "ls", "lsmagic", "magic", "memit", "pdoc", "pinfo", "pinfo2",
     "psource", "pwd", "quickref", "recall", "rerun", "tb", "who", "who_ls", "whos", "xmode"]
)  # fmt: skip
"""Line magics that leave the session as it is."""


@dataclass(frozen=True)
class Magic:
    """What a magic does.

    Attributes:
        code: Python that it executes.
        binds: names that it gives a value.
        acts: it does something beside names, or nobody here knows what.
    """

    code: tuple[str, ...] = ()
    binds: frozenset[str] = frozenset()
    acts: bool = False


def magic_call(node: ast.Call) -> Magic | None:
    """What a call such as `get_ipython().run_line_magic("cd", "..")` does; None for other calls."""
    method = node.func
    if not isinstance(method, ast.Attribute) or not isinstance(method.value, ast.Call):
        return None
    shell = method.value.func
    if not isinstance(shell, ast.Name) or shell.id != "get_ipython":
        return None
    constants = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
    texts = [text for text in constants if isinstance(text, str)]
    if method.attr == "run_line_magic" and texts:
        return _line_magic(texts[0], " ".join(texts[1:]))
    if method.attr == "run_cell_magic" and len(texts) == 3:
        return _cell_magic(*texts)
    return Magic(acts=True)


def _line_magic(name: str, line: str) -> Magic:
    if name in LOOKING:
        return Magic()
    if name in PYTHON_LINES:
        return Magic(code=(_without_options(line),))
    return Magic(acts=True)


def _cell_magic(name: str, line: str, body: str) -> Magic:
    if name in WORDLESS:
        return Magic()
    if name not in PYTHON_CELLS:
        return Magic(acts=True)
    words, code = _words(line), _python(body)
    if name == "capture":
        return Magic(code=(code,), binds=frozenset(filter(str.isidentifier, words[:1])))
    if name == "experiment":
        return Magic(code=(code,), binds=frozenset(_config_names(words)))
    return Magic(code=(code, _without_options(line)))  # the line is the set-up of %%timeit


def _config_names(words: list[str]) -> set[str]:
    """The variables that `--config name=value` makes."""
    values = [word.partition("=")[2] for word in words if word.startswith("--config=")]
    values += [value for word, value in itertools.pairwise(words) if word == "--config"]
    return {value.partition("=")[0] for value in values}


def _without_options(line: str) -> str:
    """A magic's line without leading options such as `-n 10`."""
    return re.sub(r"^(\s*-\w+(\s+\d+)?\s+)+", "", line).strip()


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _python(body: str) -> str:
    """The body of a cell magic, its own magics as IPython would call them."""
    lines = []
    for line in body.splitlines():
        found = re.match(r"(\s*)(%|!)(.*)", line)
        if found:
            indent, mark, rest = found.groups()
            name, _, arguments = rest.partition(" ")
            call = f"run_line_magic({name!r}, {arguments!r})" if mark == "%" else "system('')"
            line = f"{indent}get_ipython().{call}"
        lines.append(line)
    return "\n".join(lines)
