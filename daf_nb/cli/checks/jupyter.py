"""JupyterLab, and the widgets that panels are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path

from daf_nb.cli.checks.finding import Finding

__all__ = ["jupyter"]

_IMPORTED = ("jupyterlab", "ipykernel", "ipywidgets", "anywidget", "matplotlib")
_FRONT = {"@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets", "anywidget": "anywidget"}
"""What runs in the browser -> the package that brings it."""


def jupyter() -> Iterator[Finding]:
    """What a notebook needs, on the kernel's side and on the browser's."""
    there, broken = [], []
    for name in _IMPORTED:
        try:
            import_module(name)
            there.append(f"{name} {metadata.version(name)}")
        except Exception as error:  # an import runs foreign code: anything may come of it
            broken.append(f"{name} ({type(error).__name__}: {error})")
    if broken:
        advice = "Training works without; for notebooks: pip install --upgrade daf_nb"
        yield Finding("notebook", "wrong", f"cannot be imported: {', '.join(broken)}", advice)
    else:
        yield Finding("notebook", "ok", ", ".join(there))
    yield _front()


def _front() -> Finding:
    """Widgets that are installed in another environment than JupyterLab stay blank."""
    from jupyter_core.paths import jupyter_path

    folders = [Path(one) for one in jupyter_path("labextensions")]
    found, absent = [], []
    for name, package in _FRONT.items():
        manifests = [folder / name / "package.json" for folder in folders]
        versions = [_version(path) for path in manifests if path.is_file()]
        if versions:
            found.append(f"{name} {versions[0]}")
        else:
            absent.append(package)
    if absent:
        said = f"JupyterLab has no front end of: {', '.join(absent)}"
        advice = f"pip install {' '.join(absent)} where JupyterLab runs; without, panels are blank."
        return Finding("widgets", "wrong", said, advice)
    return Finding("widgets", "ok", ", ".join(found))


def _version(manifest: Path) -> str:
    try:
        return str(json.loads(manifest.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, LookupError, TypeError):
        return "(no version)"
