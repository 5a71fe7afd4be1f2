"""How to have the run again: its spec, its cell, and what it ran on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from daf_nb.config import AdaptiveConfig, CurriculumConfig, RlConfig
from daf_nb.notebook.report.blocks import Block, Code, Pairs, Prose, Section, Table
from daf_nb.notebook.report.material import Material
from daf_nb.notebook.report.texts import compact, ends, lines, number, plural

__all__ = ["cell", "environment", "spec", "spec_rows"]

MOST_FIELDS = 300
MOST_CELLS = 100
MOST_LINES = 400
"""Lines of a cell."""
_BESIDE = {"env_kwargs": {}, "wrappers": [], "policy": "MlpPolicy", "success": None}
_NESTED = {
    "": RlConfig,
    "adaptive_config.": AdaptiveConfig,
    "curriculum_config.": CurriculumConfig,
}
_ABSENT = object()


def spec(material: Material) -> Section:
    """The spec, what is not a default first."""
    chosen, rest = spec_rows(material)
    blocks: list[Block] = []
    trained = "total_timesteps" in material.config
    heading = "What is not a default" if trained else "The whole config"
    for caption, rows in ((heading, chosen), ("What is left at its default", rest)):
        if rows:
            kept, left = ends(rows, MOST_FIELDS)
            folded = caption != heading
            blocks.append(Table(f"{caption}{left}", ("Field", "Value"), kept, folded=folded))
    if not blocks and "config.json" not in material.troubles:
        blocks.append(Prose("It was told nothing.", "quiet"))
    return Section("Spec", blocks)


def spec_rows(material: Material) -> tuple[list[list[str]], list[list[str]]]:
    """Fields with dotted names and their values: those that were chosen, and the defaults."""
    chosen: list[list[str]] = []
    rest: list[list[str]] = []
    trained = "total_timesteps" in material.config
    for name, value, default in _fields(material.config):
        is_default = trained and value == default
        (rest if is_default else chosen).append([name, _value(name, value)])
    return chosen, rest


def cell(material: Material) -> Section:
    """The cell that launched it, and the cells before it that it needs."""
    blocks: list[Block] = []
    if material.cell.strip():
        text = lines(material.cell, most=MOST_LINES)
        blocks.append(Code(_launched_by(material), text, language="python"))
    history = _history(material)
    for number_, source in history[:MOST_CELLS]:
        text = lines(source, most=MOST_LINES)
        blocks.append(Code(f"Cell {number_}, which it needs", text, True, "python"))
    if len(history) > MOST_CELLS:
        said = f"{plural(len(history) - MOST_CELLS, 'more cell')} of the history are left out."
        blocks.append(Prose(said, "quiet"))
    return Section("Cell", blocks)


def environment(material: Material) -> Section:
    """Hardware, git state and versions."""
    facts, started = material.facts, material.events_of("start")
    hardware, git, versions = (_mapping(facts.get(key)) for key in ("hardware", "git", "versions"))
    start = started[-1]["data"] if started else {}
    pairs = [
        ("platform", _text(facts.get("platform"))),
        ("processor", _text(hardware.get("cpu"))),
        ("cores", " of ".join(_text(hardware.get(k)) for k in ("usable_cores", "cores"))
         if hardware else ""),
        ("memory", _gibibytes(hardware.get("memory_bytes"))),
        ("GPUs", ", ".join(map(str, gpus)) if isinstance(gpus := hardware.get("gpus"), list)
         else ""),
        ("device", _text(start.get("device"))),
        ("torch threads", _text(start.get("threads"))),
        ("git commit", _text(git.get("commit"))),
        ("git branch", _text(git.get("branch"))),
        ("git state", _git_state(git)),
    ]  # fmt: skip
    told = [(name, text) for name, text in pairs if text]
    blocks: list[Block] = [Pairs(told)] if told else []
    if isinstance(start.get("world"), str):
        blocks.append(Code("The world as it was found", lines(start["world"], most=60)))
    if versions:
        rows = [[str(name), _text(version)] for name, version in versions.items()][:MOST_FIELDS]
        blocks.append(Table("Versions", ("Package", "Version"), rows))
    return Section("Environment", blocks)


def _fields(config: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Name, value and default of each field; mappings are opened, tasks are not."""
    for name, value in config.items():
        if f"{name}." in _NESTED and isinstance(value, Mapping):
            for inner, item in value.items():
                yield f"{name}.{inner}", item, _default(f"{name}.", str(inner))
        elif name.endswith("_kwargs") and isinstance(value, Mapping) and value:
            yield from ((f"{name}.{inner}", item, _ABSENT) for inner, item in value.items())
        else:
            yield str(name), value, _BESIDE.get(name, _default("", str(name)))


def _default(prefix: str, name: str) -> Any:
    field = _NESTED[prefix].model_fields.get(name)
    if field is None or field.is_required():
        return _ABSENT
    default = field.get_default(call_default_factory=True)
    return list(default) if isinstance(default, tuple) else default


def _value(name: str, value: Any) -> str:
    if name == "curriculum_config.tasks" and isinstance(value, list):
        return f"{plural(len(value), 'task')}, told under Curriculum"
    return compact(value)


def _launched_by(material: Material) -> str:
    source = _mapping(material.ours.get("source"))
    kind, name = _text(source.get("kind")), _text(source.get("name"))
    return f"Launched by {kind} {name}".strip() if kind else "What launched it"


def _history(material: Material) -> list[tuple[str, str]]:
    """Number and source of the cells that the launching one needs."""
    cells = material.part("history.json", lambda: material.record.history, [])
    return [
        (number(one.get("number")), str(one.get("source", "")))
        for one in cells
        if one.get("needed")
    ]


def _git_state(git: Mapping[str, Any]) -> str:
    if git.get("error"):
        return f"not known: {git['error']}"
    if "dirty" not in git:
        return ""
    untracked = git.get("untracked")
    said = "with changes that are not committed" if git["dirty"] else "clean"
    return f"{said}, {untracked} untracked files" if untracked else said


def _gibibytes(count: Any) -> str:
    if not isinstance(count, int | float):
        return ""
    try:
        return f"{count / 2**30:.1f} GiB"
    except OverflowError:
        return f"{number(count)} bytes"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is None else compact(value)
