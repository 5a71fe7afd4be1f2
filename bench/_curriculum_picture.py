"""The picture of the curricula on sparse spread: success over agent-steps."""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Any

from _curriculum_learning import ranked

APART = 0.045


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """A line for each curriculum's mean over seeds, a band for its range."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    figure = Figure(figsize=(10, 5.6), layout="constrained")
    axes = figure.subplots()
    curves = ranked(results)
    beside = places([runs[0]["arm"] for runs in curves], [_columns(runs)[1][-1] for runs in curves])
    for number, runs in enumerate(curves):
        arm = runs[0]["arm"]
        steps, means, low, high = _columns(runs)
        style: dict[str, Any] = {"color": colormaps["tab10"](number % 10)}
        if arm == "none":
            style = {"color": "black", "linestyle": "--"}
        axes.fill_between(steps, low, high, alpha=0.12, lw=0, color=style["color"])
        axes.plot(steps, means, marker=".", lw=1.6, **style)
        axes.annotate(
            f"{arm} {means[-1]:.2f}",
            (steps[-1], means[-1]),
            (1.03, beside[arm]),
            textcoords=("axes fraction", "data"),
            va="center",
            color=style["color"],
            arrowprops={
                "arrowstyle": "-",
                "lw": 0.6,
                "color": style["color"],
                "relpos": (0, 0.5),
                "shrinkB": 0,
            },
        )
    seeds = ", ".join(str(run["seed"]) for run in curves[0])
    axes.set(
        xlabel="agent-steps",
        ylabel="success at difficulty 1",
        ylim=(-0.02, 1.02),
        title=f"Sparse spread: mean and range over seeds {seeds}",
    )
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.set_xlim(0, curves[0][0]["points"][-1][0])
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=130)


def _columns(runs: list[dict[str, Any]]) -> tuple[list[int], list[float], list[float], list[float]]:
    """Steps, and over seeds the means, the least and the greatest."""
    values = list(zip(*([value for _, value in run["points"]] for run in runs), strict=True))
    steps = [step for step, _ in runs[0]["points"]]
    return steps, [mean(v) for v in values], [min(v) for v in values], [max(v) for v in values]


def places(names: list[str], ends: list[float]) -> dict[str, float]:
    """Where the names stand: beside the ends of their lines, but apart; the highest line first."""
    found: dict[str, float] = {}
    place = -APART
    for name, end in reversed(list(zip(names, ends, strict=True))):
        place = found[name] = max(end, place + APART)
    for rank, name in enumerate(names):
        found[name] = min(found[name], 1.0 - rank * APART)
    return found
