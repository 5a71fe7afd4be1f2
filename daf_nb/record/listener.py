"""Between a trainer and its record: events become metrics, events and saved policies."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.curriculum.state import as_data
from daf_nb.errors import ConfigError, RecordError
from daf_nb.record.checkpoints.taking import Checkpointing
from daf_nb.record.files import Tear, read_lines
from daf_nb.record.folders import safe_name
from daf_nb.record.series import METRICS, parse_metrics
from daf_nb.record.tapes.keeping import TapeKeeping

if TYPE_CHECKING:
    from daf_nb.learn import Event, RlTrainer
    from daf_nb.record.recorder import Recorder

__all__ = ["SCRIPT", "TrainingListener", "run_spec"]


SCRIPT = "script.json"
"""Rows that the run was given to follow, beside its spec."""
_STATE = "curriculum."
"""Knobs whose values are in the curriculum's state."""


def run_spec(trainer: RlTrainer) -> dict[str, Any]:
    """All that decides a run, flat: the world, the policy, and the config with its seed.

    A world that was given as an instance is named by its class, which does not say its state.
    With the journal, which a `TrainingListener` begins with what was changed before.
    """
    from daf_nb.learn.given import CopyOf

    world = trainer.world
    return {
        "world": world.name,
        **({"world_instance": True} if isinstance(world.world, CopyOf) else {}),
        "env_kwargs": dict(world.env_kwargs),
        "wrappers": list(world.wrappers),
        "policy": trainer.policy,
        "success": trainer.success,
        **trainer.config.model_dump(),
        **_curriculum_spec(trainer),
        **_adaptive_spec(trainer),
    }


def _curriculum_spec(trainer: RlTrainer) -> dict[str, Any]:
    """The curriculum's config, tasks and seed filled in; its state too, where it has one."""
    curriculum = trainer.curriculum
    if curriculum is None:
        return {}
    played = curriculum.life.begun or curriculum.life.touched
    state = {"curriculum_state": curriculum.state_dict()} if played else {}
    return {"curriculum_config": curriculum.spec(), **state}


def _adaptive_spec(trainer: RlTrainer) -> dict[str, Any]:
    """The adaptive controller's config and rules, where there is one."""
    controller = trainer.adaptive_controller
    return {} if controller is None else {"adaptive_config": controller.spec()}


def _recorded(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """What earlier parts of a run measured."""
    with contextlib.suppress(Tear):
        return [(row.step, row.values) for row in read_lines(folder / METRICS, parse_metrics)]
    return []


class TrainingListener:
    """Writes down what a trainer tells, and what was changed before, from its making to `end`.

    Args:
        recorder: the run's record, whose spec was made of the trainer as it is now.
        trainer: whose events and policies it records.
        again: the record has the trainer's journal already.

    Attributes:
        rows: (agent-step, metric name -> value) of every update so far.
    """

    def __init__(self, recorder: Recorder, trainer: RlTrainer, *, again: bool = False) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = _recorded(recorder.folder) if again else []
        self._recorder, self._trainer = recorder, trainer
        trainer.sampler.folder = recorder.folder
        self._saving = threading.Lock()  # the run's own saves, and those that others ask for
        for entry in () if again else trainer.controls.journal:
            row = entry.to_plain()
            # The spec has the curriculum's state, these changes included: they are not to be made
            # again when the journal is played.
            done = {"own": True} if entry.name.startswith(_STATE) else {}
            recorder.log_journal(row | done)
        if not again and len(trainer.controls.script):
            with contextlib.suppress(ConfigError):  # a row that no run could apply
                recorder.put(SCRIPT, as_data(trainer.controls.script.rows, SCRIPT))
        self._checkpointing = Checkpointing(recorder, trainer)
        self._tapes = TapeKeeping(recorder, trainer)
        self._unsubscribe = trainer.subscribe(self._on_event)

    def end(self) -> None:
        """Hears no more."""
        self._unsubscribe()
        self._checkpointing.end()
        self._tapes.end()

    def checkpoint(self) -> list[Path]:
        """As `save`, and the whole state too; in the training thread, or where nothing trains."""
        paths = self.save()
        if self._trainer.gate.inside:
            self._checkpointing.ask()  # in the middle of a rollout there is no state to be taken
        else:
            self._checkpointing.take()
        return paths

    def wait(self) -> None:
        """Until the states that were taken are on the disk; not in the training thread."""
        self._checkpointing.wait()

    def save(self) -> list[Path]:
        """Writes SB3's own archive of each group, as `checkpoints/<group>.zip`; their paths.

        Each is written beside its place first and then moved there.
        """
        with self._saving:
            return self._save()

    def try_to_save(self) -> None:
        """As `save`; a disk that refuses is said, and stops no training, which is not complete."""
        refused = None
        try:
            self.save()
        except (OSError, RecordError) as error:
            refused = error
        self._checkpointing.archived(refused)

    def _save(self) -> list[Path]:
        paths = []
        for group, model in self._trainer.policies.items():
            path = self._recorder.file(f"checkpoints/{safe_name(group)}.zip")
            beside = path.with_suffix(".partial")
            beside.unlink(missing_ok=True)
            with beside.open("xb") as file:  # a link in its place could lead to any other file
                model.save(file)
            beside.replace(path)
            paths.append(path)
        step = self._trainer.progress.step
        self._tell("saved", step, {"files": [path.name for path in paths]})
        return paths

    def _on_event(self, event: Event) -> None:
        if event.kind == "metrics":
            values = dict(event.data)
            self.rows.append((event.step, values))
            self._recorder.log_metrics(event.step, values)
            return
        if event.kind == "journal":
            with contextlib.suppress(RecordError):
                self._recorder.log_journal({"step": event.step, **event.data})
            return
        if event.kind in ("pause", "resume"):
            self._recorder.set_status("PAUSED" if event.kind == "pause" else "RUNNING")
        if event.kind == "logged":
            with contextlib.suppress(RecordError):
                self._recorder.log_metrics(event.step, event.data["metrics"])
        self._tell(event.kind, event.step, event.data)
        if event.kind == "checkpoint":
            self.try_to_save()
            self._checkpointing.ask()

    def _tell(self, kind: str, step: int, data: Any) -> None:
        """Evaluations and saves may come after the end; the record is closed then."""
        with contextlib.suppress(RecordError):
            self._recorder.log_event(kind, step, data)
