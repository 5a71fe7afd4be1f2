"""Python and packages, against what daf_nb says that it needs and was tested with."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from daf_nb.cli.checks.finding import Finding

__all__ = ["extras", "versions"]

_EXTRAS = {"mongo": "the observer mongo", "wandb": "the observer wandb"}
_MOST = 8
"""Packages that a line has room for."""


def versions() -> Iterator[Finding]:
    """Of Python, of daf_nb, and of everything that it needs."""
    about = metadata.metadata("daf_nb")
    python = platform.python_version()
    yield Finding("daf_nb", "ok", f"{metadata.version('daf_nb')}, in {_home()}")
    needed = Requirement(f"python{about['Requires-Python']}").specifier
    if needed.contains(python, prereleases=True):
        yield Finding("python", "ok", f"{python}, {sys.executable}")
    else:
        yield Finding("python", "wrong", f"{python}; needed is {needed}", "Use another Python.")
    yield _bounds([one for one in _requirements() if one.marker is None or one.marker.evaluate()])
    yield from _constraints()


def extras() -> Iterator[Finding]:
    """Observers that need more packages."""
    for extra, what in _EXTRAS.items():
        wanted = [
            one
            for one in _requirements()
            if one.marker is not None
            and one.marker.evaluate({"extra": extra})
            and not one.marker.evaluate({"extra": ""})
        ]
        absent = [one.name for one in wanted if _installed(one.name) is None]
        if not absent:
            there = ", ".join(f"{one.name} {_installed(one.name)}" for one in wanted)
            yield Finding(f"extra {extra}", "ok", there)
            continue
        said = f"not installed; only {what} needs it: pip install 'daf_nb[{extra}]'"
        yield Finding(f"extra {extra}", "ok", said)


def _bounds(needed: list[Requirement]) -> Finding:
    """Whether everything that is needed is installed, inside its bounds."""
    absent, outside = [], []
    for one in needed:
        version = _installed(one.name)
        if version is None:
            absent.append(one.name)
        elif not one.specifier.contains(version, prereleases=True):
            outside.append(f"{one.name} {version} (needed {one.specifier})")
    if not absent and not outside:
        return Finding("packages", "ok", f"{len(needed)} needed, all inside their bounds")
    said = [f"missing: {_some(absent)}"] if absent else []
    said += [f"out of bounds: {_some(outside)}"] if outside else []
    return Finding("packages", "wrong", "; ".join(said), "pip install --upgrade daf_nb")


def _constraints() -> Iterator[Finding]:
    """Beside the sources of daf_nb stands what it was tested with."""
    path = _home().parent / "constraints.txt"
    if not path.is_file():
        return
    pins = _pins(path)
    other = [
        f"{name} {version} (tested {pin})"
        for name, pin in pins.items()
        if (version := _installed(name)) is not None and version.partition("+")[0] != pin
    ]
    if not other:
        yield Finding("tested", "ok", f"every installed package has its version in {path.name}")
        return
    said = f"not the versions that were tested: {_some(other)}"
    advice = f"pip install -c {path.name} -e '.[dev]' where equal bits matter."
    yield Finding("tested", "warning", said, advice)


def _pins(path: Path) -> dict[str, str]:
    pins = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, sign, version = line.partition("#")[0].partition("==")
        if sign:
            pins[str(canonicalize_name(name.strip()))] = version.partition(";")[0].strip()
    return pins


def _requirements() -> list[Requirement]:
    found = []
    for text in metadata.requires("daf_nb") or ():
        try:
            found.append(Requirement(text))
        except InvalidRequirement:
            continue
    return found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _home() -> Path:
    return Path(__file__).resolve().parents[2]


def _some(names: list[str]) -> str:
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")
