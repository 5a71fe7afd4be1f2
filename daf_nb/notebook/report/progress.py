"""How training went: return, success, losses, speed and all else that was measured, as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daf_nb.notebook.curves import Curve, return_curves
from daf_nb.notebook.report.blocks import Block, Chart, Prose, Section
from daf_nb.notebook.report.material import Material
from daf_nb.notebook.report.table_history import series
from daf_nb.notebook.state import one_line
from daf_nb.notebook.words import change

__all__ = ["marks", "progress", "return_chart"]

RETURN = "rollout/return_mean"
_SPREAD = ("rollout/episodes", "rollout/return_std")
"""What the interval of a return comes from."""
MOST_OTHERS = 36
"""Small pictures of metrics that have no place of their own."""
_SUCCESS = {"rate of recent episodes": "rollout/success_rate", "of each update": "rollout/success"}
_LEARNING = {
    "loss": "train/loss",
    "policy gradient loss": "train/policy_gradient_loss",
    "value loss": "train/value_loss",
    "entropy loss": "train/entropy_loss",
    "KL divergence": "train/approx_kl",
    "clip fraction": "train/clip_fraction",
    "explained variance": "train/explained_variance",
    "entropy share": "train/entropy_share",
    "gradient norm": "train/gradient_norm",
    "learning rate": "train/learning_rate",
}
_SPEED = {
    "agent-steps per second": "time/agent_steps_per_second",
    "rollout, seconds": "time/rollout_seconds",
    "update, seconds": "time/update_seconds",
}
_TOLD_ELSEWHERE = ("curriculum/", "rollout/", "train/")


def progress(material: Material) -> Section:
    """Curves against agent-steps; the marks on them are the rows of the journal."""
    history = material.history
    blocks: list[Block] = [*return_chart(material)]
    success = _curves(material, _SUCCESS)
    if success:
        told = "Success, against agent-steps"
        blocks.append(
            Chart(told, success, material.total, marks(material), span=(0.0, 1.0), size="middle")
        )
    shown = {*_SPEED.values(), *_SUCCESS.values()}
    for what, metric in _LEARNING.items():
        blocks += _small(what, _learning(material, metric))
    for what, metric in _SPEED.items():
        blocks += _small(what, _curves(material, {"": metric}))
    others = [name for name in history.names() if name not in shown]
    others = [name for name in others if not name.startswith(_TOLD_ELSEWHERE)]
    for name in others[:MOST_OTHERS]:
        blocks += _small(name, _curves(material, {"": name}))
    if len(others) > MOST_OTHERS:
        said = f"{len(others) - MOST_OTHERS:,} more metrics are not drawn; "
        blocks.append(Prose(f"{said}load_run({material.record.id}).metrics has them.", "quiet"))
    return Section("Progress", blocks)


def return_chart(material: Material) -> list[Chart]:
    """The return, of each group where there are several; nothing where no episode has ended."""
    groups, curves = material.groups, []
    if len(groups) > 1:
        metrics = {group: f"rollout/{group}/return_mean" for group in groups}
        curves = _curves(material, metrics)
    curves = curves or return_curves(material.history.where(RETURN, *_SPREAD))
    if not curves:
        return []
    banded = ", 95 % interval" if any(curve.low for curve in curves) else ""
    return [
        Chart(f"Return per agent{banded}, against agent-steps", curves, material.total,
              marks(material))
    ]  # fmt: skip


def marks(material: Material) -> list[tuple[int, str]]:
    """Where the run was changed from outside, and how."""
    return [
        (int(row["step"]), f"{one_line(str(row['name']))}: {change(row)}")
        for row in material.journal
    ]


def _learning(material: Material, metric: str) -> list[Curve]:
    """With several groups, a curve for each."""
    if len(material.groups) < 2:
        return _curves(material, {"": metric})
    last = metric.removeprefix("train/")
    each = {group: f"train/{group}/{last}" for group in material.groups}
    return _curves(material, each) or _curves(material, {"": metric})


def _curves(material: Material, metrics: Mapping[str, str]) -> list[Curve]:
    found = [series(material.history, metric, name=name) for name, metric in metrics.items()]
    return [one for one in found if one is not None]


def _small(what: str, curves: Sequence[Curve]) -> list[Chart]:
    if not curves:
        return []
    return [Chart(what, curves, size="small")]
