"""Evaluations, and what else happened that a reader should know of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daf_nb.notebook.curves import Curve
from daf_nb.notebook.report.blocks import Block, Chart, Prose, Section, Table
from daf_nb.notebook.report.material import Material
from daf_nb.notebook.report.texts import compact, ends, moment, number

__all__ = ["evaluations", "happenings"]

MOST = 100
"""Rows of a table."""
_OF_NOTE = ("pause", "resume", "stop", "note", "hang")
_WORDS = {
    "pause": "paused",
    "resume": "went on",
    "stop": "stopped",
    "note": "noted",
    "hang": "a world hung:",
}


def evaluations(material: Material) -> Section:
    """Every evaluation, against random actions; without blocks where there was none."""
    events = material.events_of("evaluation")
    if not events:
        return Section("Evaluations", ())
    kept, left = ends(events, MOST)
    columns = ("Step", "Return", "95 % interval", "Success", "Random policy", "Episodes", "How")
    rows = [[number(event["step"]), *_evaluation(event["data"])] for event in kept]
    caption = f"Return per agent over whole episodes on held-out seeds{left}"
    blocks: list[Block] = [*_chart(material, events)]
    blocks.append(Table(caption, columns, rows, frozenset(range(6))))
    return Section("Evaluations", blocks)


def happenings(material: Material) -> Section:
    """Pauses, stops, notes, outages of the disk, and observers that did not deliver."""
    events, left = ends(material.events_of(*_OF_NOTE), MOST)
    rows = [
        [
            moment(event["time"]) if isinstance(event["time"], int | float) else "",
            number(event["step"]),
            f"{_WORDS[event['kind']]} {_told(event)}".strip(),
        ]
        for event in events
    ]
    outages = material.ours.get("outages")
    for outage in outages[:MOST] if isinstance(outages, list) else ():
        if isinstance(outage, Mapping):
            said = f"could not be recorded: {compact(outage.get('error'))}"
            rows.append([compact(outage.get("time")), "", said])
    blocks: list[Block] = []
    if rows:
        caption = f"What happened{left}"
        blocks.append(Table(caption, ("When", "Step", "What"), rows, frozenset({1})))
    blocks += [*_observers(material)]
    return Section("Events", blocks)


def _told(event: Mapping[str, Any]) -> str:
    """A stop comes with all results; they are told elsewhere."""
    if event["kind"] == "hang":
        return compact(event["data"].get("where"))
    if event["kind"] != "note":
        return ""
    return "; ".join(f"{name}: {compact(value)}" for name, value in event["data"].items())


def _evaluation(data: Mapping[str, Any]) -> list[str]:
    tasks = data.get("tasks")
    how = ["most likely actions" if data.get("deterministic") else "sampled actions"]
    how += [", ".join(map(str, tasks))] if isinstance(tasks, list) and tasks else []
    return [
        number(data.get("mean_reward")),
        _interval(data.get("interval")),
        number(data.get("success")),
        number(data.get("random_mean_reward")),
        number(data.get("n")),
        "; ".join(how),
    ]


def _interval(ends: Any) -> str:
    both = isinstance(ends, list) and len(ends) == 2
    return f"{number(ends[0])} to {number(ends[1])}" if both else ""


def _chart(material: Material, events: list[dict[str, Any]]) -> list[Chart]:
    """The policies' returns with intervals, and chance, once there are two of them."""
    good = [event for event in events if _has_numbers(event["data"])]
    good.sort(key=lambda event: event["step"])
    if len(good) < 2:
        return []
    steps = [event["step"] for event in good]
    data = [event["data"] for event in good]
    curves = [
        Curve(
            "policies",
            steps,
            [one["mean_reward"] for one in data],
            [one["interval"][0] for one in data],
            [one["interval"][1] for one in data],
        ),
        Curve("random policy", steps, [one["random_mean_reward"] for one in data]),
    ]
    what = "Return per agent in evaluations, 95 % interval, against agent-steps"
    return [Chart(what, curves, material.total, size="middle")]


def _has_numbers(data: Mapping[str, Any]) -> bool:
    interval = data.get("interval")
    if not isinstance(interval, list) or len(interval) != 2:
        return False
    values = [data.get("mean_reward"), data.get("random_mean_reward"), *interval]
    return all(isinstance(value, int | float) and abs(value) < 1e100 for value in values)


def _observers(material: Material) -> list[Block]:
    if not material.has("observers.json"):
        return []
    told = material.part("observers.json", lambda: material.json("observers.json"), {})
    rows = [
        [compact(one.get(field, "")) for field in ("name", "state", "delivered", "pending")]
        + [compact(one["error"]) if one.get("error") else ""]
        for one in told.get("observers") or ()
        if isinstance(one, Mapping)
    ]
    if not rows:
        return [Prose(material.troubles["observers.json"], "warn")] if (
            "observers.json" in material.troubles
        ) else []  # fmt: skip
    columns = ("Observer", "State", "Delivered", "Pending", "Error")
    return [Table("Where else it was recorded", columns, rows, frozenset({2, 3}))]
