"""The tables of the learning benchmark: returns with intervals over seeds, and differences."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean
from typing import Any

import numpy as np
from _common import table
from _learning_runs import CONTESTS, OURS, STOCK

Results = list[dict[str, Any]]

_RESAMPLES = 10_000
ENOUGH = 5
"""Seeds from which a bootstrap interval means something."""


def report(results: Results) -> str:
    """A table for each world, with the difference of the stacks under it."""
    parts = []
    for world in CONTESTS:
        mine = sorted((r for r in results if r["world"] == world), key=lambda r: r["seed"])
        for length in dict.fromkeys((r["steps"], r["episodes"]) for r in mine if _leads(r)):
            these = [r for r in mine if r["episodes"] == length[1]]
            said = _against if CONTESTS[world].sides else _alone
            parts += [world, *said(these, length[0])]
    return "\n\n".join(parts)


def _leads(result: dict[str, Any]) -> bool:
    """Whether a table is made around it: our stack, or both in one run."""
    return result.get("stack", OURS) == OURS


def _alone(results: Results, steps: int) -> Iterator[str]:
    """Each stack's return per agent; the peer's at every length that it was trained for."""
    ours = [r for r in results if r["stack"] == OURS and r["steps"] == steps]
    stock = [r for r in results if r["stack"] == STOCK]
    # Any run of a seed has the same random episodes.
    chance = [r["random"] for r in ours]
    rows = [["random actions", "0", *_cells(chance)]]
    lengths = dict.fromkeys(r["steps"] for r in stock)
    runs = [(STOCK, [r for r in stock if r["steps"] == length]) for length in lengths]
    for name, mine in [*runs, (OURS, ours)]:
        trained = mean(r["trained"] for r in mine)
        rows.append([name, f"{trained:,.0f}", *_cells([r["return"] for r in mine])])
    yield table(["policy", "agent-steps", "return per agent", *_HEADER], rows)
    if peers := [r["return"] for r in stock if r["steps"] == steps]:
        yield _difference(f"{OURS} less {STOCK}", [r["return"] for r in ours], peers)


def _against(results: Results, steps: int) -> Iterator[str]:
    """Each stack's attack against each stack's defence."""
    mine = [r for r in results if r["steps"] == steps]
    attack, defence = CONTESTS[mine[0]["world"]].sides or ("", "")

    def returns(of: str, attackers: str, defenders: str) -> list[float]:
        return [
            game[of]
            for r in mine
            for game in r["games"]
            if (game["attack"], game["defence"]) == (attackers, defenders)
        ]

    rows = []
    for attackers, defenders in ((OURS, STOCK), (STOCK, OURS), (OURS, OURS), (STOCK, STOCK)):
        gained, lost = (returns(of, attackers, defenders) for of in _RETURNS)
        rows.append([attackers, defenders, *_cells(gained), *_cells(lost)[:2]])
    trained = " and ".join(
        f"{mean(r['trained'][stack] for r in mine):,.0f} ({stack})" for stack in (STOCK, OURS)
    )
    yield f"Agent-steps: {trained}. Return per agent and episode, of each side."
    yield table([attack, defence, f"{attack}'s", *_HEADER, f"{defence}'s", _INTERVAL], rows)
    ways = (OURS, STOCK), (STOCK, OURS)
    yield _difference(
        f"{attack}: {OURS}'s against {STOCK}'s {defence}, less the other way round",
        *(returns("attack_return", *way) for way in ways),
    )
    yield _difference(
        f"{defence}: {OURS}'s against {STOCK}'s {attack}, less the other way round",
        *(returns("defence_return", *way) for way in ways[::-1]),
    )


_RETURNS = ("attack_return", "defence_return")
_INTERVAL = "interval"
_HEADER = [_INTERVAL, "seed by seed"]


def _cells(returns: list[float]) -> list[str]:
    """Mean, interval or range, and the values themselves."""
    from daf_nb.learn.evaluate import bootstrap_interval

    enough = len(returns) >= ENOUGH
    low, high = bootstrap_interval(returns) if enough else (min(returns), max(returns))
    each = "  ".join(f"{value:.2f}" for value in returns)
    return [f"{mean(returns):.2f}", f"[{low:.2f}, {high:.2f}]", each]


def _difference(name: str, ours: list[float], theirs: list[float]) -> str:
    """The difference of the means; percentile bootstrap, each stack's seeds drawn for themselves.

    Not in pairs: a seed has nothing in common on two stacks but the episodes of evaluation.
    """
    rng = np.random.default_rng(0)
    drawn = [
        np.asarray(values)[rng.integers(0, len(values), (_RESAMPLES, len(values)))].mean(1)
        for values in (ours, theirs)
    ]
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    interval = f" [{low:.2f}, {high:.2f}]" if min(len(ours), len(theirs)) >= ENOUGH else ""
    less = mean(ours) - mean(theirs)
    return f"{name}: {less:.2f}{interval}, {len(ours)} and {len(theirs)} seeds."
