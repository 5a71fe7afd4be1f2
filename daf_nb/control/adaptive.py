"""`AdaptiveController`: rules that steer a run by its own signals, and the same verbs by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from daf_nb.config import AdaptiveConfig, Rule
from daf_nb.control import by_hand, proposals, telling
from daf_nb.control.controls import Controls
from daf_nb.control.deciding import look
from daf_nb.control.decisions import Decision
from daf_nb.control.host import Host
from daf_nb.control.knobs import Knob
from daf_nb.control.requests import Request
from daf_nb.control.results import evaluation_metrics, training_metrics
from daf_nb.control.steering import Steering
from daf_nb.control.store import Store
from daf_nb.control.tracking import SignalState
from daf_nb.errors import AdaptiveControllerError, ConfigError

__all__ = ["AdaptiveController"]


class AdaptiveController:
    """Watches a run's signals, and acts where one leaves its band. Thread-safe.

    Give it to `RlTrainer(adaptive_controller=...)` or `train(controller=...)`. It acts through the
    run's controls: bounded, at a boundary, and journaled with the cause. Verbs on the curriculum
    raise AdaptiveControllerError without run or curriculum, or where the config forbids them.

    Args:
        config: rules, mode, steps; the standard rules by default.

    Attributes:
        config: as given.

    Raises:
        ConfigError: `config` is none.
    """

    def __init__(self, config: AdaptiveConfig | None = None) -> None:
        if not (config is None or isinstance(config, AdaptiveConfig)):
            raise ConfigError(
                f"{config!r} is no AdaptiveConfig; AdaptiveConfig(rules=...) chooses the rules."
            )
        self.config = config or AdaptiveConfig()
        self._steering = Steering(self.config)

    # Reading

    @property
    def store(self) -> Store:
        """The record of the run that it steers: for metrics and evaluations of one's own."""
        return Store(self._steering)

    @property
    def mode(self) -> str:
        """One of "auto", "advise" and "off"; the knob `adaptive.mode` changes it."""
        return self._steering.mode

    @property
    def rules(self) -> list[Rule]:
        """The rules, in the order in which they act."""
        with self._steering.lock:
            return self._steering.watch.rules

    @property
    def decisions(self) -> list[Decision]:
        """All decisions, the oldest first."""
        with self._steering.lock:
            return list(self._steering.decisions)

    @property
    def proposals(self) -> list[Decision]:
        """What waits for `accept` or `refuse`, in mode "advise"."""
        with self._steering.lock:
            return self._steering.decisions.open

    def signals(self) -> list[SignalState]:
        """How each rule stands, group by group where its signal is of groups."""
        with self._steering.lock:
            return self._steering.watch.states()

    def get_experiment_status(self) -> dict[str, Any]:
        """Where the experiment stands, as data that JSON holds.

        Returns:
            `experiment_id`, `mode`; `run`, what the trainer says of itself, or said last, or None;
            `current_task` (None for all); `knobs`, name -> value; `signals`; `decisions`, state ->
            how many; `newest_decisions`, up to 10; `proposals`.
        """
        return telling.status(self._steering)

    # Deciding

    def look(self, step: int, metrics: Mapping[str, Any]) -> list[Decision]:
        """Shows metrics to the rules, which act, propose, or only follow, as the mode says.

        A trainer does so after each update. A rule whose signal is not among them stays as it is.

        Args:
            step: live agent-steps so far.
            metrics: name -> number.

        Returns:
            What was decided.

        Raises:
            AdaptiveControllerError: a rule failed; the message names it.
        """
        return look(self._steering, step, metrics)

    def update_from_training_results(self, results: Mapping[str, Any]) -> list[Decision]:
        """Shows results to the rules, unless the run looks after every update by itself.

        Args:
            results: what `RlTrainer.train` and its kin return: `avg_reward`, `completion_rate` and
                `task_performance` count.

        Returns:
            What was decided since the last call.

        Raises:
            ConfigError: none of the three is there, or one is no number.
            AdaptiveControllerError: as `look`.
        """
        metrics, host = training_metrics(results), self._steering.host
        if host is None or not host.looks:
            self.look(int(results.get("timesteps") or self._steering.step), metrics)
        return self._steering.since_told()

    def update_from_evaluation(self, evaluation: Any) -> list[Decision]:
        """Shows an evaluation to the rules on `evaluation/success` and `evaluation/return_mean`.

        Args:
            evaluation: anything with ["success"] or ["mean_reward"].

        Returns:
            What was decided.

        Raises:
            ConfigError: it has neither.
            AdaptiveControllerError: as `look`.
        """
        return self.look(self._steering.step, evaluation_metrics(evaluation))

    def accept(self, number: int, *, by: str = "user") -> Decision:
        """Does what a rule proposed; the decision, "failed" where it cannot be done now.

        Raises:
            ConfigError: no such proposal is open.
        """
        return proposals.accept(self._steering, number, by=by)

    def refuse(self, number: int, *, by: str = "user") -> Decision:
        """Leaves what a rule proposed, until its signal was inside and leaves the band again.

        Raises:
            ConfigError: no such proposal is open.
        """
        return proposals.refuse(self._steering, number, by=by)

    def set_rules(self, rules: str | Iterable[Rule | Mapping[str, Any]]) -> None:
        """Other rules from now on: a set's name, or rules. Those that are the same go on.

        Raises:
            ConfigError: an unknown set, a rule that cannot be, or one of a knob that is not there.
        """
        self._steering.set_rules(rules)

    # By hand

    def increase_task_difficulty(self, *, by: str = "user") -> Request:
        """Raises the curriculum's bound by `difficulty_step`, up to 1.

        Where the strategy has no bound that can be moved, the difficulty bias rises by .25.
        """
        return by_hand.shift(self._course("increase_task_difficulty"), self.config, 1, by=by)

    def increase_curriculum_difficulty(self, *, by: str = "user") -> Request:
        """Tilts the whole curriculum to harder: the difficulty bias rises by .25, up to 1."""
        return by_hand.tilt(self._course("increase_curriculum_difficulty"), 1, by=by)

    def decrease_curriculum_difficulty(self, *, by: str = "user") -> Request:
        """Tilts the whole curriculum to easier: the difficulty bias falls by .25, down to -1."""
        return by_hand.tilt(self._course("decrease_curriculum_difficulty"), -1, by=by)

    def provide_curriculum_support(self, *, by: str = "user") -> list[Request]:
        """Lets half of the next `rehearsal` episodes repeat earlier tasks, and lowers the bound.

        By `difficulty_step`; where no bound can be moved, the difficulty bias falls by .25.
        """
        return by_hand.support(self._course("provide_curriculum_support"), self.config, by=by)

    def set_current_task(self, task: Any, *, by: str = "user") -> Request:
        """Lets only one task be played.

        Args:
            task: its name, or what `str` makes it of, as an assignment; None for all tasks.
            by: who asks, for the journal.

        Raises:
            ConfigError: no such task.
        """
        return by_hand.focus(self._course("set_current_task"), task, by=by)

    def _course(self, what: str) -> Controls:
        return self._steering.course(what)

    # The run

    def save_checkpoint(self) -> None:
        """The policies are saved at the next boundary; returns at once.

        Raises:
            AdaptiveControllerError: no run is attached, or `enable_checkpointing` is False.
        """
        host = self._steering.attached("save_checkpoint")
        if not self.config.enable_checkpointing:
            raise AdaptiveControllerError(
                "save_checkpoint: enable_checkpointing=False keeps this controller from asking for "
                "checkpoints; run.checkpoint() saves one."
            )
        host.checkpoint()

    def start_experiment(self) -> dict[str, Any]:
        """Trains until the end; the trainer's results and errors.

        Raises:
            AdaptiveControllerError: no run is attached, or a rule failed.
        """
        return self._steering.attached("start_experiment").train()

    def run_with_environment(
        self, env: Any, env_kwargs: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Trains the same policies in another world until the end; else as `start_experiment`."""
        return self._steering.attached("run_with_environment").train_elsewhere(env, env_kwargs)

    def attach(self, host: Host) -> None:
        """Steers this run from now on, and sets its `checkpoint_interval`; a trainer calls it.

        Raises:
            AdaptiveControllerError: it steers another run.
            ConfigError: a rule moves a knob that the run does not have.
        """
        self._steering.attach(host)

    def detach(self, host: Host | None = None) -> None:
        """Steers no run any more; what it knows stays, how the run stood among it.

        Args:
            host: only where this is the run that it steers.
        """
        if host is None or host is self._steering.host:
            self._steering.detach()

    def knobs(self) -> list[Knob]:
        """The controller's own knob, `adaptive.mode`, for the run's controls."""
        return [self._steering.knob()]

    # State

    def spec(self) -> dict[str, Any]:
        """The config as data that JSON holds, with the rules as they are now."""
        return telling.spec(self._steering)

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as data that JSON holds without loss."""
        return telling.state(self._steering)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues exactly where `state_dict` was taken.

        Raises:
            ConfigError: it is not the state of a controller; nothing was changed.
        """
        telling.load_state(self._steering, state)
