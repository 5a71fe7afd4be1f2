"""`compare`: from the numbers of runs to a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daf_nb.errors import ConfigError
from daf_nb.record.comparing.comparison import Comparison
from daf_nb.record.comparing.curves import aligned, group_curves
from daf_nb.record.comparing.differences import differences
from daf_nb.record.comparing.entries import read_entries
from daf_nb.record.comparing.grouping import Groups, Ids, asked_for, equal_specs, labelled
from daf_nb.record.comparing.improvement import improvements
from daf_nb.record.comparing.notes import notes
from daf_nb.record.comparing.scores import Score, check_reached, score_runs, scorer
from daf_nb.record.comparing.statistics import Estimate, iqm_estimates

__all__ = ["compare"]


def compare(
    ids: Ids,
    *,
    metric: str = "rollout/return_mean",
    score: Score = "final",
    at: int | None = None,
    points: int = 100,
    bootstrap: int = 2000,
    seed: int = 0,
    runs_dir: Path | str | None = None,
) -> Comparison:
    """Compares runs: their curves, their scores with intervals, and what was different.

    The interquartile mean (IQM) of a group's scores, its stratified bootstrap interval, and the
    probability of improvement are those of Agarwal et al. 2021 (arXiv:2108.13264), as in rliable;
    the strata are the tasks (world and its arguments) that a group was trained on.

    Args:
        ids: the runs' numbers; those with equal specs (but for the seed, the name, and what
            decides no result, such as the number of workers) make a group. Or label -> numbers.
        metric: what to compare; steps at which it is NaN are left out.
        score: of a run: "final" (its last value), "best" (its largest), "mean" (the area under
            its curve over its length), or a function of the curve, a Series by agent-step.
        at: looks at all runs up to this agent-step only; None at each to its own end.
        points: of the common grid of the curves, at most.
        bootstrap: how often the runs are drawn again.
        seed: of the drawing.
        runs_dir: see `runs_root`.

    Raises:
        ConfigError: no runs, a run twice, an unknown score or one that raised, a metric that is
            no text, or a number that is no whole one or out of bounds.
        RecordError: no such run, runs without the metric or too short for `at`, a broken record.
    """
    _check_numbers(at=at, points=points, bootstrap=bootstrap, seed=seed)
    if not isinstance(metric, str):
        raise ConfigError(f"metric={metric!r:.100}: give the name of one metric.")
    rate = scorer(score)
    every, asked = asked_for(ids)
    entries = read_entries(every, metric=metric, runs_dir=runs_dir)
    check_reached(entries.values(), at)
    groups = labelled(entries, asked) if asked else equal_specs(entries.values())
    scores = score_runs(entries.values(), rate, at=at)
    tasks = {number: entry.task for number, entry in entries.items()}

    def estimate(values: NDArray[np.float64], numbers: Sequence[int]) -> list[Estimate]:
        drawing = np.random.default_rng([seed, *numbers])
        strata = [tasks[number] for number in numbers]
        return iqm_estimates(values, strata, times=bootstrap, generator=drawing)

    members = {label: [entry.id for entry in group] for label, group in groups.items()}
    curves = aligned({number: entry.until(at) for number, entry in entries.items()}, points=points)
    improvement, doubts = improvements(groups, scores, times=bootstrap, seed=seed)
    return Comparison(
        metric=metric,
        score=score if isinstance(score, str) else getattr(score, "__name__", "score"),
        at=at,
        runs=_runs(groups, scores, at=at),
        groups=pd.DataFrame(
            [
                (len(ours), *estimate(np.array([[scores[one]] for one in ours]), ours)[0])
                for ours in members.values()
            ],
            columns=["n", "iqm", "low", "high"],
            index=pd.Index(list(members), dtype=object, name="group"),
        ),
        improvement=improvement,
        curves=group_curves(curves, members, estimate=estimate),
        aligned=curves,
        differences=differences(groups),
        notes=(*notes(groups, at=at), *doubts),
    )


def _check_numbers(*, at: int | None, points: int, bootstrap: int, seed: int) -> None:
    given = {"points": points, "bootstrap": bootstrap, "seed": seed}
    for name, value in given.items() if at is None else [*given.items(), ("at", at)]:
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise ConfigError(f"{name}={value!r:.100}: give a whole number, such as {name}=200.")
    if seed < 0:
        raise ConfigError(f"seed={seed}: a seed is 0 or more.")
    if points < 2:
        raise ConfigError(f"points={points}: a curve needs at least 2.")
    if bootstrap < 100:
        raise ConfigError(
            f"bootstrap={bootstrap}: a 95 % interval needs at least 100, better 2000."
        )
    if at is not None and at < 0:
        raise ConfigError(f"at={at}: agent-steps count from 0.")


def _runs(groups: Groups, scores: Mapping[int, float], *, at: int | None) -> pd.DataFrame:
    rows = {
        entry.id: {
            "group": label,
            "name": entry.record.name,
            "status": entry.status,
            "seed": entry.spec.get("seed"),
            "steps": int(entry.until(at).index[-1]),
            "score": scores[entry.id],
        }
        for label, group in groups.items()
        for entry in group
    }
    table = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="id"))
    return table.astype({"group": object, "name": object, "status": object, "seed": object})
