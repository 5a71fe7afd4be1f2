"""Live runs: the one place that puts world, trainer and record together."""

from daf_nb.session.again import reproduce, train_spec
from daf_nb.session.fork import fork
from daf_nb.session.launch import launch, train
from daf_nb.session.metrics import advice, collect_metrics
from daf_nb.session.reproduction import Difference, Reproduction
from daf_nb.session.resume import resume
from daf_nb.session.run import Run

__all__ = [
    "Difference",
    "Reproduction",
    "Run",
    "advice",
    "collect_metrics",
    "fork",
    "launch",
    "reproduce",
    "resume",
    "train",
    "train_spec",
]
