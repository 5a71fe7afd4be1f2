"""The curriculum of a run: its tasks, how they were shared and mastered, and how hard it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daf_nb.notebook.report.blocks import Block, Chart, Prose, Section, Table
from daf_nb.notebook.report.material import Material
from daf_nb.notebook.report.progress import marks
from daf_nb.notebook.report.table_history import series
from daf_nb.notebook.report.texts import compact, ends, number, plural

__all__ = ["curriculum"]

MOST_TASKS = 100
AT_ONCE = 8
"""Tasks that are drawn together: as many as there are colours."""
_COURSE = {"difficulty": "curriculum/difficulty", "recent success": "curriculum/success"}

_EACH = {"Share of episodes": "curriculum/share/", "Success": "curriculum/success/"}


def curriculum(material: Material) -> Section:
    """Difficulty and success over time, share and success of each task; nothing without one."""
    told = material.config.get("curriculum_config")
    tasks = _tasks(told)
    names = [*dict.fromkeys([*tasks, *material.history.names("curriculum/share/")])]
    if not isinstance(told, Mapping) and not names:
        return Section("Curriculum", ())
    blocks: list[Block] = [Prose(_said(told if isinstance(told, Mapping) else {}, len(names)))]
    course = [
        series(material.history, metric, name=what, points=200)
        for what, metric in _COURSE.items()
    ]  # fmt: skip
    blocks += _chart(material, "Difficulty and recent success", course, marks(material))
    for what, prefix in _EACH.items() if len(names) > 1 else ():
        for start in range(0, min(len(names), 3 * AT_ONCE), AT_ONCE):
            part = names[start : start + AT_ONCE]
            curves = [series(material.history, f"{prefix}{n}", name=n, points=150) for n in part]
            span = f", tasks {start + 1} to {start + len(part)}" if len(names) > AT_ONCE else ""
            blocks += _chart(material, f"{what} by task{span}", curves, [])
    if names:
        blocks.append(_table(material, tasks, names))
    return Section("Curriculum", blocks)


def _said(told: Mapping[str, Any], count: int) -> str:
    parts = [plural(count, "task")]
    for field in ("strategy", "success_band", "mastery", "target"):
        if told.get(field):
            parts.append(f"{field.replace('_', ' ')} {compact(told[field])}")
    return "; ".join(parts)


def _tasks(told: Any) -> dict[str, Mapping[str, Any]]:
    rows = told.get("tasks") if isinstance(told, Mapping) else None
    rows = rows if isinstance(rows, list) else []
    return {str(row.get("name")): row for row in rows if isinstance(row, Mapping)}


def _chart(material: Material, what: str, curves: list[Any], at: list[tuple[int, str]]) -> list:
    drawn = [curve for curve in curves if curve is not None]
    if not drawn:
        return []
    return [Chart(f"{what}, against agent-steps", drawn, material.total, at, (0.0, 1.0), "middle")]


def _table(material: Material, tasks: Mapping[str, Mapping[str, Any]], names: list[str]) -> Table:
    newest = material.history.newest
    kept, left = ends(names, MOST_TASKS)
    rows = []
    for name in kept:
        task = tasks.get(name, {})
        rows.append(
            [
                name,
                compact(task["difficulty"]) if task.get("difficulty") is not None else "",
                number(task.get("weight")),
                number(newest(f"curriculum/share/{name}")),
                number(newest(f"curriculum/success/{name}")),
                number(newest(f"rollout/task/{name}/return_mean")),
                compact(task["config"]) if task.get("config") else "",
            ]
        )
    columns = ("Task", "Difficulty", "Weight", "Share", "Success", "Return", "What it varies")
    return Table(f"Tasks, as they stood last{left}", columns, rows, frozenset({1, 2, 3, 4, 5}))
