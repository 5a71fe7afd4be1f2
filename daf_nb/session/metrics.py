"""Everything measured of a run and its machine at once, and what could be better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daf_nb.errors import ConfigError
from daf_nb.monitor import collect_metrics as of_machine

if TYPE_CHECKING:
    from daf_nb.learn import RlTrainer
    from daf_nb.learn.advice import AdviceList
    from daf_nb.session.run import Run

__all__ = ["advice", "collect_metrics"]


def collect_metrics(run: Run | RlTrainer | None = None) -> dict[str, Any]:
    """A run and its machine now. What a run is asked while it trains, waits for a boundary.

    Args:
        run: a live run or a trainer; None for the machine alone.

    Returns:
        `training`: the newest value of every metric, with `episodes`, `timesteps` and `updates` so
        far and their rates per second of training; `curriculum`: `get_curriculum_stats`;
        `adaptive`: `get_experiment_status`; each None where there is none. `system`: `cpu_usage`,
        `memory_usage`, `disk_usage` (of the run's disk) and `gpu_usage` as `daf_nb.monitor` gives
        them. `timestamp`: ISO 8601, UTC.

    Raises:
        ConfigError: `run` is neither.
    """
    trainer = None if run is None else _trainer_of(run)
    curriculum = None if trainer is None else trainer.curriculum
    controller = None if trainer is None else trainer.adaptive_controller
    machine = of_machine(folder="." if trainer is None else trainer.sampler.folder)
    return {
        "training": None if trainer is None else _training(trainer),
        "curriculum": None if curriculum is None else curriculum.get_curriculum_stats(),
        "adaptive": None if controller is None else controller.get_experiment_status(),
        "system": {f"{part}_usage": machine[part] for part in ("cpu", "memory", "disk", "gpu")},
        "timestamp": machine["timestamp"],
    }


def advice(run: Run | RlTrainer) -> AdviceList:
    """What would be better for a run's speed and memory; see `RlTrainer.performance_advice`.

    Raises:
        ConfigError: `run` is no live run and no trainer.
    """
    return _trainer_of(run).performance_advice()


def _training(trainer: RlTrainer) -> dict[str, Any]:
    progress = trainer.progress
    return {
        **trainer.get_training_metrics(),
        "episodes": progress.episodes,
        "timesteps": progress.step,
        "updates": progress.updates,
        "episodes_per_second": trainer.get_episodes_per_second(),
        "timesteps_per_second": trainer.get_timesteps_per_second(),
        "updates_per_second": trainer.get_update_frequency(),
    }


def _trainer_of(run: Any) -> RlTrainer:
    from daf_nb.learn import RlTrainer

    trainer = getattr(run, "trainer", run)
    if not isinstance(trainer, RlTrainer):
        raise ConfigError(
            f"{run!r} is neither a live run nor a trainer; give what train(...) returned. What a "
            "run has recorded is in load_run(id).metrics."
        )
    return trainer
