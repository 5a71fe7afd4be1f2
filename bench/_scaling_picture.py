"""The picture of how training scales: a panel for each sweep, speed and memory in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

_SPEED, _MEMORY = "#1f6f8b", "#9a9a9a"
_TITLES = {
    "copies": "copies of the world",
    "agents": "agents",
    "workers": "worker processes",
    "width": "width of the network's layers",
}


def draw(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Medians over rounds, a band for their range; memory as bars, on the axis to the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.6), layout="constrained")
    for axes, (sweep, title) in zip(figure.subplots(2, 2).flat, _TITLES.items(), strict=True):
        mine = [r for r in results if r["sweep"] == sweep and "rate" in r]
        axes.set(xlabel=title, ylabel="agent-steps a second")
        axes.spines[["top"]].set_visible(False)
        if not mine:
            axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
            continue
        values = sorted({r[sweep] for r in mine})
        places = range(len(values))
        rates = [[r["rate"] for r in mine if r[sweep] == value] for value in values]
        memory = [median(r["mib"] for r in mine if r[sweep] == value) for value in values]
        beside = axes.twinx()
        beside.bar(places, memory, width=0.5, color=_MEMORY, alpha=0.35)
        beside.set_ylabel("MiB at most", color=_MEMORY)
        beside.spines[["top"]].set_visible(False)
        axes.set_zorder(beside.get_zorder() + 1)
        axes.patch.set_visible(False)
        low, high = [min(rate) for rate in rates], [max(rate) for rate in rates]
        axes.fill_between(places, low, high, color=_SPEED, alpha=0.2, lw=0)
        axes.plot(places, [median(rate) for rate in rates], color=_SPEED, marker="o", lw=1.8)
        axes.set_xticks(places, [str(value) for value in values])
        axes.set_xlim(-0.6, len(values) - 0.4)
        axes.set_ylim(0, 1.12 * max(high))
        axes.yaxis.set_major_formatter("{x:,.0f}")
    figure.suptitle("Training simple_spread: speed (line) and memory (bars)")
    figure.savefig(path, dpi=130)
