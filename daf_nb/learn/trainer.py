"""`RlTrainer`: trains the groups' policies on a world, boundary by boundary."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pettingzoo.utils.env import ParallelEnv
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from daf_nb.config import RlConfig
from daf_nb.control import Controls
from daf_nb.control.results import evaluation_metrics
from daf_nb.curriculum import Assignment, CurriculumManager
from daf_nb.envs import World, WorldLike, Wrapper, fresh_seed
from daf_nb.errors import ConfigError, TrainingEnvironmentError
from daf_nb.learn import verbs
from daf_nb.learn.connect import Connection, chosen_controller, chosen_controls
from daf_nb.learn.course import PlainCourse
from daf_nb.learn.curriculum import CurriculumCourse, begin_curriculum, chosen_curriculum
from daf_nb.learn.endings import TapeListener
from daf_nb.learn.evaluate import Evaluation
from daf_nb.learn.events import Listener
from daf_nb.learn.examiner import Examiner
from daf_nb.learn.footing import Footing
from daf_nb.learn.gate import Gate
from daf_nb.learn.given import as_world
from daf_nb.learn.hooks import Callbacks
from daf_nb.learn.layouts import plain_layout, task_layout
from daf_nb.learn.learner import Learner
from daf_nb.learn.loop import TrainingLoop
from daf_nb.learn.progress import Progress
from daf_nb.learn.readings import Readings
from daf_nb.learn.sampling import Sampler
from daf_nb.learn.snapshot import Snapshot, load_snapshot, take_snapshot
from daf_nb.learn.success import SuccessLike, success_rule
from daf_nb.learn.visits import Visits
from daf_nb.learn.world_timing import settled_numbers

if TYPE_CHECKING:
    from daf_nb.config import AdaptiveConfig
    from daf_nb.control import AdaptiveController

__all__ = ["RlTrainer"]

Results = dict[str, Any]


class RlTrainer(Readings):
    """Trains one SB3 policy per group of agents on copies of a PettingZoo world.

    It trains in the calling thread and records nothing; `daf_nb.train` and `daf_nb.launch` add a
    background thread and the record. Everything that comes from outside (pause, stop, a larger
    batch) takes effect at a boundary, between an update and the next rollout.

    Args:
        config: how to train.
        env: the world: a name, a function that makes it, or an instance to be copied.
        env_kwargs: the world's constructor arguments.
        wrappers: SuperSuit wrappers, innermost first, as in `make_env`.
        policy: SB3's policy name or class.
        success: an episode's success in [0, 1]: a function of it, or the bounds (low, high) between
            which its return per agent is scaled; None for what the world's infos say.
        curriculum_manager: what the copies play, and who is told of every episode's success; None
            for one made from `config.curriculum_config`, or for the world as it is.
        adaptive_controller: rules that watch the training and change its knobs, or the config of
            such; they look after every update, unless `config.integrate_with_adaptive` is False.
        controls: the door to the knobs, where it has a script to follow; by default a new one.

    Attributes:
        config: the config, its seed filled in, and numbers for what was "auto" of copies and
            workers.
        timed: what was measured to find those numbers; None where they were given.
        world: the world, as data.
        policy, success: as given.
        curriculum: the curriculum, or None.
        controls: every value that may change while it trains.
        adaptive_controller: the rules, or None.
        finished: the last `train` reached its goal; False where it was stopped or raised.
        policies: group -> SB3 model; each can be saved and used without daf_nb.
        progress: steps, episodes, rates and the newest metrics.
        gate: pause, resume and stop, from any thread.
        footing: the state to which it goes back where a cycle is broken off.
        sampler: looks at the machine; its `folder` is on the disk whose free space is told.

    Raises:
        ConfigError: anything about the world or the config that cannot be trained.
    """

    def __init__(
        self,
        config: RlConfig,
        *,
        env: World | WorldLike | ParallelEnv,
        env_kwargs: Mapping[str, Any] | None = None,
        wrappers: Sequence[Wrapper] = (),
        policy: str | type[Any] = "MlpPolicy",
        success: SuccessLike = None,
        curriculum_manager: CurriculumManager | None = None,
        adaptive_controller: AdaptiveController | AdaptiveConfig | None = None,
        controls: Controls | None = None,
    ) -> None:
        self.adaptive_controller = chosen_controller(adaptive_controller)
        self.controls = chosen_controls(controls)
        if config.seed is None:
            config = config.model_copy(update={"seed": fresh_seed()})
        self.world = as_world(env, dict(env_kwargs or {}), tuple(wrappers))
        self.config, self.timed = settled_numbers(config, self.world)
        config = self.config
        self.policy, self.success = policy, success
        self.finished = False
        self.curriculum = chosen_curriculum(config, curriculum_manager)
        self._plain, self._tasks = PlainCourse(success_rule(success)), None
        if self.curriculum is None:
            layout, left_out = plain_layout(self.world), []
        else:
            self._tasks = CurriculumCourse(self.curriculum, self._plain.finished)
            layout, left_out = task_layout(self.curriculum, self.world)
        course = self._tasks or self._plain
        self._learner = Learner(config, self.world, policy, layout=layout, course=course)
        self._loop = TrainingLoop(self._learner, config, self.world, self._tasks, self.controls)
        self._examiner = Examiner(
            config, self._learner, self._loop, self.world, self._plain, self._tasks
        )
        self._visits = Visits(self._learner, self._loop, self.world, self._plain, self._tasks)
        self.footing = self._loop.footing = Footing(
            self._learner, self._loop, self.curriculum, self.adaptive_controller
        )
        self.policies: dict[str, OnPolicyAlgorithm] = self._learner.models
        self.progress: Progress = self._loop.progress
        self.gate: Gate = self._loop.gate
        self.sampler: Sampler = self._loop.sampler
        try:
            if self.curriculum is not None:
                begin_curriculum(self.curriculum, seed=config.seed)
            self._connection = Connection(self, self._loop, self._tasks, left_out)
        except BaseException:
            self._learner.ground.close()
            raise

    # Training

    def train(
        self,
        on_training_complete: Callable[[Results], None] | None = None,
        on_evaluation_complete: Callable[[Evaluation], None] | None = None,
        *,
        callback: Callbacks = None,
    ) -> Results:
        """Trains until `total_timesteps` live agent-steps in all, or until stopped.

        Steps that were trained before, on tasks too, count.

        Args:
            on_training_complete: called once with the results, unless training was stopped.
            on_evaluation_complete: called with each evaluation: every `evaluation_interval`
                agent-steps, and once at the end.
            callback: SB3 callbacks; a dict of group -> callbacks where there are several groups.

        Returns:
            `episodes`, `timesteps`, `avg_reward`, `best_reward`, `completion_rate`,
            `task_performance`, as `Progress.results` defines them.

        Raises:
            TrainingEnvironmentError: the world broke its contract or gave NaN or infinity; the
                policies are as the last update left them.
        """
        total = self.config.total_timesteps

        def tell(evaluation: Evaluation) -> None:
            if self.adaptive_controller is not None and self.config.integrate_with_adaptive:
                self.adaptive_controller.look(self.progress.step, evaluation_metrics(evaluation))
            if on_evaluation_complete is not None:
                on_evaluation_complete(evaluation)

        finished = self.finished = self._loop.run(
            lambda: self.progress.step >= total,
            task=self.world.name,
            callbacks=callback,
            evaluate=lambda: self._examiner.in_between(tell),
            within=self._attempt(),
        )
        results = self.progress.results()
        if finished and on_evaluation_complete:
            finished = self.finished = self._examiner.at_end(on_evaluation_complete)
        if finished and on_training_complete:
            on_training_complete(results)
        return results

    def train_episodes(self, episodes: int) -> Results:
        """Trains until at least `episodes` more episodes of whole copies have ended.

        Returns:
            The results so far; `episodes` may overshoot by what one rollout ends.
        """
        if episodes < 1:
            raise ConfigError(f"episodes={episodes}: at least one is needed.")
        goal = self.progress.episodes + episodes
        self._loop.run(lambda: self.progress.episodes >= goal, task=self.world.name)
        return self.progress.results()

    def train_on_task(
        self,
        task: str | Assignment,
        env: World | WorldLike | ParallelEnv | None = None,
        *,
        episodes: int = 50,
        env_kwargs: Mapping[str, Any] | None = None,
    ) -> Results:
        """Trains for at least `episodes` episodes of a task of the curriculum, or of another world.

        The curriculum is not told what came of it: `update_task_performance` does that.

        Args:
            task: a task of the curriculum, at its greatest difficulty, or an assignment, at its
                own; or any name for a world given by `env` or `env_kwargs`. The episodes are
                credited to it in `task_performance`.
            env: a world with the same agents and spaces; it gets the trainer's wrappers, unless it
                is a `World`, which has its own. None for the task's, else the trainer's own world.
            episodes: whole-copy episodes to play.
            env_kwargs: constructor arguments of `env`, or others for the trainer's own world.

        Returns:
            The guide's keys, counted over these episodes only.

        Raises:
            ConfigError: the world's agents or spaces differ from those trained, or there is no such
                task.
        """
        return self._visits.on_task(task, env, episodes=episodes, env_kwargs=env_kwargs)

    def train_elsewhere(
        self,
        env: World | WorldLike | ParallelEnv,
        *,
        env_kwargs: Mapping[str, Any] | None = None,
    ) -> Results:
        """Goes on with the same policies in another world, until `total_timesteps` in all.

        A curriculum is neither played nor told. Listeners hear of the other world in a note.

        Args:
            env: a world with the same agents and spaces, as in `train_on_task`.
            env_kwargs: its constructor arguments.

        Returns:
            As `train`.

        Raises:
            ConfigError: its agents or spaces differ from those trained.
        """
        total = self.config.total_timesteps
        self.finished = self._visits.elsewhere(env, env_kwargs, total=total, within=self._attempt())
        return self.progress.results()

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        """A training that has not reached its goal yet."""
        self.finished = False
        yield

    def evaluate_policy(
        self,
        *,
        episodes: int | None = None,
        deterministic: bool = False,
        task: str | Sequence[str] | None = None,
    ) -> Evaluation:
        """Whole episodes on held-out seeds, with an interval, against random actions.

        While another thread trains, the policies of the next boundary are evaluated, here.

        Args:
            episodes: how many; `evaluation_episodes` of the config by default.
            deterministic: play the policies' modes instead of samples.
            task: one or several tasks of the curriculum, each at its greatest difficulty; by
                default those that the curriculum aims at (its `target`, else the hardest), so that
                policies are compared on one distribution whatever they were trained on.

        Raises:
            ConfigError: no such task, or no curriculum.
        """
        return self._examiner.now(episodes=episodes, deterministic=deterministic, task=task)

    # Steering

    def increase_batch_size(self) -> dict[str, int]:
        """Doubles every group's minibatch, to a divisor of its rollout and at most all of it.

        Returns:
            Group -> rows per minibatch, from the next rollout's update on.

        Raises:
            ConfigError: the algorithm has no minibatches.
        """
        return verbs.double_batches(self)

    def enable_gradient_clipping(self, max_norm: float = 0.5) -> None:
        """Clips gradients to `max_norm` from the next rollout's update on; infinity: no more."""
        verbs.clip_gradients(self, max_norm)

    def use_mixed_precision(self, mixed: bool = True) -> None:
        """Runs the networks of updates in bfloat16, or in their own precision again.

        Raises:
            ConfigError: the policies are on no GPU that has bfloat16, or the algorithm is A2C.
        """
        verbs.set_precision(self, mixed)

    def reduce_buffer_size(self, factor: float = 0.5) -> int:
        """Shortens rollouts, and the buffers that hold them, to `factor` of what they are.

        Returns:
            Steps of a rollout from the next one on: the nearest that every minibatch divides.

        Raises:
            ConfigError: `factor` is not between 0 and 1.
        """
        return verbs.shorten_rollouts(self, factor)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tells `listener` of every event from now on, one after the other.

        In the training thread, as long as it trains. What others bring about is told in theirs: an
        evaluation that is asked for, what a person answers to rules or changes about them, and rows
        of the journal while nothing trains.

        Returns:
            What ends the subscription.
        """
        return self._loop.listeners.subscribe(listener)

    def at_boundaries(self, hook: Callable[[bool], object] | None) -> None:
        """Has `hook` called at every boundary of a training; None ends that.

        In the training thread, when all that was asked before is done; with True where training
        ends or waits there.
        """
        self._loop.at_boundary = hook

    def on_tapes(self, listener: TapeListener | None) -> None:
        """Tells `listener` of every episode and evaluation, with their tapes; None ends that."""
        self._learner.ground.endings.listener = self._examiner.listener = listener

    def when_stuck(self, hook: Callable[[TrainingEnvironmentError], object] | None) -> None:
        """Has `hook` called, in another thread, where a world hangs that cannot be got out.

        That is where it does not come back from a call of C by a while after
        `RlConfig.step_deadline`. The thread that trains stays in it for ever, and nothing after
        `train` is executed there. The trainer itself can train again, in new copies. With None, and
        by default, it is waited for.
        """
        self._loop.mishaps.when_stuck(hook)

    def state(self) -> Snapshot:
        """All that decides how training goes on; while another thread trains, at a boundary.

        What is pending of the controls, and what SB3 callbacks keep, is no part of it.

        Raises:
            ConfigError: no episode of the trainer's own world is in progress, a callback asks in
                the middle of a rollout, an evaluation was stopped, or something is no plain data.
        """
        if self.gate.inside:
            raise ConfigError("a state is taken at a boundary, not in the middle of a rollout.")
        if self._loop.cut_short:
            raise ConfigError(
                "an evaluation was stopped, and what follows it has not been done: there is a "
                "state again once train() has gone on, and played it."
            )
        if self.footing.back is not None and not self.gate.taken:
            return self.footing.now()
        parts = self._learner, self._loop, self.curriculum, self.adaptive_controller
        return self.gate.ask(lambda: take_snapshot(*parts)).result()

    def load_state(
        self, snapshot: Snapshot, *, exact: bool = True, leave: Collection[str] = ()
    ) -> None:
        """Goes on from where `state` was taken, by a trainer that was made as this one was.

        Args:
            snapshot: the state.
            exact: as if it had never stopped, on the same versions, device and kind of machine;
                else with other episodes and other noise.
            leave: knobs that keep this trainer's values, by their names without a group's;
                "controller" for one that starts anew.

        Raises:
            ConfigError: this trainer has trained, or trains, or was made in another way.
            TrainingEnvironmentError: a world did something else than when the state was taken.
        """
        if self.gate.taken or self.progress.updates:
            raise ConfigError("a state is loaded into a new trainer, before it trains.")
        parts = self._learner, self._loop, self.curriculum, self.adaptive_controller
        load_snapshot(snapshot, *parts, exact=exact, leave=leave)

    def close(self) -> None:
        """Closes the world's copies, and gives the adaptive controller back; the policies stay.

        Whoever trains on goes on in new copies, with the same controller.

        Raises:
            ConfigError: it trains now, or is about to.
        """
        if self.gate.taken:
            raise ConfigError("this trainer trains; stop it, wait for its end, then close it.")
        self._connection.close()
        self._learner.ground.close()
