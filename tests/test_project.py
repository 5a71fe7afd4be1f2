"""The project's own files agree with each other."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import daf_nb

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = PROJECT["optional-dependencies"]
DEV = [
    Requirement(line)
    for lines in EXTRAS.values()
    for line in lines
    if not line.startswith(f"{PROJECT['name']}[")
]


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def constraints() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def pip_lines() -> list[str]:
    spec = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (section,) = [item["pip"] for item in spec["dependencies"] if isinstance(item, dict)]
    return section


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):(?! export)", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize("requirement", CORE + DEV, ids=lambda requirement: requirement.name)
def test_every_dependency_is_pinned_inside_its_bounds(requirement):
    pin = constraints()[canonicalize_name(requirement.name)]
    (exact,) = pin.specifier
    assert exact.operator == "=="
    assert requirement.specifier.contains(exact.version)


@pytest.mark.parametrize(
    ("name", "holed"),
    [
        ("jupyter_core", "5.7.2"),
        ("jupyter_server", "2.20.0"),
        ("jupyterlab", "4.6.1"),
        ("nbconvert", "7.17.0"),
        ("torch", "2.9.1"),
        ("tornado", "6.5.7"),
    ],
)
def test_versions_with_known_holes_are_out_of_bounds(name, holed):
    (bounds,) = [requirement.specifier for requirement in CORE if requirement.name == name]
    assert not bounds.contains(holed)


def test_every_constraint_is_one_exact_public_version():
    loose = [
        str(pin)
        for pin in constraints().values()
        if not re.fullmatch(r"==[\w.!]+", str(pin.specifier))
    ]
    assert loose == []


def test_conda_environment_lists_the_core_dependencies():
    listed = [Requirement(line) for line in pip_lines() if not line.startswith("-")]
    assert names(listed) == names(CORE)
    extras = {canonicalize_name(r.name): r.extras for r in CORE if r.extras}
    assert {canonicalize_name(r.name): r.extras for r in listed if r.extras} == extras


def test_conda_environment_installs_this_project_at_the_pinned_versions():
    assert [line for line in pip_lines() if line.startswith("-")] == [
        "-c constraints.txt",
        "-e .[dev]",
    ]


@pytest.mark.parametrize("library", ["torch", "ipywidgets", "matplotlib", "sacred"])
def test_import_leaves_heavy_libraries_alone(library):
    code = f"import sys, daf_nb; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_public_names_agree_in_all_three_places():
    tree = ast.parse(Path(daf_nb.__file__).read_text(encoding="utf-8"))
    typed = [
        (alias.name, block.module)
        for node in tree.body
        if isinstance(node, ast.If)
        for block in node.body
        if isinstance(block, ast.ImportFrom)
        for alias in block.names
    ]
    loaded = [*daf_nb._EXPORTS.items(), *((name, "daf_nb") for name in daf_nb._SUBMODULES)]
    assert sorted(typed) == sorted(loaded)
    assert daf_nb.__all__ == sorted(["__version__", *(name for name, _ in loaded)])


def test_every_public_name_loads_from_the_module_that_it_names():
    for name, module in daf_nb._EXPORTS.items():
        assert getattr(daf_nb, name) is getattr(sys.modules[module], name)
    for name in daf_nb._SUBMODULES:
        assert getattr(daf_nb, name) is sys.modules[f"daf_nb.{name}"]
    assert set(daf_nb.__all__) <= set(dir(daf_nb))


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(AttributeError, match=r"'DafEror'\. Did you mean 'DafError'\?"):
        daf_nb.DafEror  # noqa: B018 - the attribute lookup is what is tested


def test_notebooks_are_committed_without_outputs():
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert notebooks, "notebooks/ holds no notebook"
    stale = [
        f"{notebook.name}, cell {number}"
        for notebook in notebooks
        for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"])
        if cell.get("outputs") or cell.get("execution_count") is not None
    ]
    assert stale == []


def test_the_readme_names_make_targets_that_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)\s*make ([a-z]+)", readme, flags=re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= make_targets()
