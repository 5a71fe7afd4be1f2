"""From rows to policies: groups, rollouts, updates, the trainer, evaluation."""

from daf_nb.learn.evaluate import Evaluation
from daf_nb.learn.events import Event, Listener
from daf_nb.learn.gate import Gate
from daf_nb.learn.trainer import RlTrainer

__all__ = ["Evaluation", "Event", "Gate", "Listener", "RlTrainer"]
