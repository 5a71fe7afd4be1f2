"""What a user reads who asks for what cannot be: the cause, and what to do, whatever came."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

import daf_nb as daf
from daf_nb.testing import Scripted
from tests import worlds

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e../../../etc/passwd\n"
CONNECT_FOUR = "classic/connect_four-v3"


class Bounded(Scripted):
    """Shows the step's number, in a Box up to `high` of another dtype, perhaps."""

    def __init__(self, *, high: float = 1.0, declared: str = "float32"):
        self.high, self.declared = high, np.dtype(declared)
        super().__init__(agents=2)

    def make_observation_space(self, agent: str) -> spaces.Space:
        return spaces.Box(0, self.high, (3,), self.declared.type)


class Late(worlds.Poisoned):
    """Sound for as long as the pre-flight episode looks."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"at": 203, "agent": 1, "limit": 300, **kwargs})


def train(
    world: Any = worlds.Counting, *, tasks: tuple[str, ...] | None = None, **fields: Any
) -> Callable[[Path], Any]:
    """Asks for a recorded run, of a curriculum of these tasks if any, and waits for it."""
    told: dict[str, Any] = {
        "total_timesteps": 2_000,
        "num_envs": 2,
        "seed": 0,
        "device": "cpu",
        "torch_threads": 1,
        "algorithm_kwargs": {"n_steps": 8, "n_epochs": 1},
        "observers": (),
    }

    def asked(root: Path) -> Any:
        made = {} if tasks is None else {"curriculum": curriculum(*tasks)}
        return daf.train(world, runs_dir=root, **{**told, **made, **fields}).wait()

    return asked


def curriculum(*tasks: str, **fields: Any) -> daf.CurriculumManager:
    manager = daf.CurriculumManager(daf.CurriculumConfig(**fields))
    for name in tasks:
        manager.add_task(name, difficulty=0.5)
    return manager


def task(name: str = "new", **fields: Any) -> Callable[[Path], Any]:
    return lambda root: curriculum("navigation").add_task(name, **{"difficulty": 0.5, **fields})


def knob(name: str, value: Any) -> Callable[[Path], Any]:
    return lambda root: trainer().controls.set(name, value, by="user")


def trainer(**fields: Any) -> daf.RlTrainer:
    return daf.RlTrainer(daf.RlConfig(seed=0, device="cpu"), env=worlds.Counting, **fields)


def visit(name: str) -> Callable[[Path], Any]:
    return lambda root: trainer(curriculum_manager=curriculum("navigation")).train_on_task(name)


CONFIG, WORLD = daf.ConfigError, daf.TrainingEnvironmentError

# input -> (how it is given, the error, what its message says: the cause; what to do)
REFUSED: dict[str, tuple[Callable[[Path], Any], type[Exception], list[str]]] = {
    "an AEC world that is turn-based": (
        train(CONNECT_FOUR),
        CONFIG,
        [
            f"{CONNECT_FOUR} is turn-based",
            "metadata does not say is_parallelizable",
            "Use its parallel_env",
            "turn_based_aec_to_parallel",
        ],
    ),
    "no world at all": (
        train(dict),
        CONFIG,
        ["builtins:dict gave an object of type dict", "pass a function that makes one"],
    ),
    "agents with different spaces, one policy": (
        train(worlds.TwoKinds, share="all"),
        CONFIG,
        [
            "wolf_0: Box(-inf, inf, (3,), float32) -> Discrete(3)",
            "sheep_0: Box(-inf, inf, (5,), float32) -> Discrete(2)",
            "share='group'",
            "pad_observations_v0",
            "pad_action_space_v0",
        ],
    ),
    "an observation of another shape": (
        train(worlds.WrongShape, env_kwargs={"agent": 1}),
        WORLD,
        ["pre-flight: observation of agent_1 at step 3", "expected shape (3,), got (4,)", "Mend"],
    ),
    "an observation of another shape, later": (
        train(worlds.WrongShape, env_kwargs={"agent": 1, "at": 203, "limit": 300}),
        WORLD,
        ["copy 0, episode 0 (seed ", "step 203: agent_1 observed an array of shape (4,)", "Mend"],
    ),
    "an observation of another dtype": (
        train(Bounded, env_kwargs={"declared": "int64", "high": 10}),
        WORLD,
        ["observation of agent_0 at step 0", "expected dtype int64, got float32", "wrappers="],
    ),
    "an observation outside its Box, strict": (
        train(Bounded, strict=True),
        WORLD,
        ["element (2,) is 2.0, outside its Box [0.0, 1.0]", "strict=False"],
    ),
    "NaN as a reward, at once": (
        train(worlds.Poisoned),
        WORLD,
        ["reward of agent_0 is nan at step 3, after action ", "expected a finite number", "Mend"],
    ),
    "NaN as a reward, later": (
        train(Late),
        WORLD,
        ["reward of agent_1 is nan in copy 0, episode 0 (seed ", "step 203, after action ", "Mend"],
    ),
    "infinity as a reward": (
        train(Late, env_kwargs={"value": np.inf}),
        WORLD,
        ["reward of agent_1 is inf in copy 0", "wrappers=('clip_reward_v0',)"],
    ),
    "NaN in an observation": (
        train(Late, env_kwargs={"where": "observation"}),
        WORLD,
        ["observation of agent_1 is nan in copy 0, episode 0", "step 203, after action ", "Mend"],
    ),
    "NaN in a final observation": (
        train(Late, env_kwargs={"where": "observation", "at": 203, "limit": 203}),
        WORLD,
        ["final observation of agent_1 is nan in copy 0, episode 0", "step 203, after", "Mend"],
    ),
    "a batch that does not divide a rollout": (
        train(batch_size=15),
        CONFIG,
        [
            "batch_size=15 does not divide the rollout of group 'all'",
            "8 steps x 2 copies x 2 agents = 32 rows",
            "nearest divisor is 16",
            "partial_minibatch=True",
        ],
    ),
    "no steps": (train(total_timesteps=0), CONFIG, ["total_timesteps=0", "greater than 0"]),
    "negative steps": (train(total_timesteps=-5), CONFIG, ["total_timesteps=-5", "greater than 0"]),
    "no copies": (train(num_envs=0), CONFIG, ["num_envs=0", "greater than or equal to 1"]),
    "a seed out of range": (train(seed=2**32), CONFIG, ["seed=4294967296", "equal to 4294967295"]),
    "a field that is unknown": (
        train(num_env=3),
        CONFIG,
        ["unknown RlConfig field 'num_env'", "Did you mean 'num_envs'?"],
    ),
    "an answer to failures that is unknown": (
        train(on_failure="ignore"),
        CONFIG,
        ["on_failure='ignore'", "'stop' or 'drop'"],
    ),
    "no time for a step": (train(step_deadline=0), CONFIG, ["step_deadline=0", "greater than 0"]),
    "a world that is unknown": (
        train("mpe2.simple_spred_v3"),
        CONFIG,
        ["unknown world 'mpe2.simple_spred_v3'", "Did you mean 'mpe2.simple_spread_v3'?"],
    ),
    "a task that is unknown": (
        visit("navigatoin"),
        CONFIG,
        ["unknown task 'navigatoin'", "Did you mean 'navigation'?"],
    ),
    "a strategy that is unknown": (
        lambda root: curriculum(strategy="adaptve"),
        CONFIG,
        ["unknown strategy 'adaptve'", "Did you mean 'adaptive'?"],
    ),
    "a knob that is unknown": (
        knob("learning_rat", 0.1),
        CONFIG,
        ["unknown knob 'learning_rat'", "Did you mean 'learning_rate'?"],
    ),
    "a knob out of bounds": (
        knob("learning_rate", 5_000),
        CONFIG,
        ["learning_rate=5000", "from 1e-08 to 1 is allowed"],
    ),
    "a difficulty above 1": (
        task(difficulty=1.5),
        CONFIG,
        ["task 'new': difficulty=1.5", "a number in [0, 1] is needed"],
    ),
    "a difficulty that is NaN": (
        task(difficulty=float("nan")),
        CONFIG,
        ["task 'new': difficulty=nan", "a number in [0, 1] is needed"],
    ),
    "a task's name twice": (
        task("navigation"),
        CONFIG,
        ["task 'navigation' exists already", "give it another name"],
    ),
    "an empty curriculum": (
        train(tasks=(), success=(0.0, 1.0)),
        CONFIG,
        ["curriculum 'curriculum' has no task", "add one with add_task"],
    ),
    "a curriculum without success": (
        train(tasks=("navigation",)),
        CONFIG,
        ["needs every episode's success", "Give success="],
    ),
    "a success that is no share": (
        train(success=lambda episode: 2),
        CONFIG,
        ["it is 2 for episode 0 in copy 0", "in [0, 1]", "success=(low, high)"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_with_its_cause_and_what_to_do(case, tmp_path):
    given, error, words = REFUSED[case]
    with pytest.raises(error) as caught:
        given(tmp_path)
    message = str(caught.value)
    for said in words:
        assert said in message, message
    assert message.rstrip().endswith((".", "?", ")")), "a sentence"


def test_a_world_that_is_parallelizable_is_converted(tmp_path):
    from mpe2 import simple_spread_v3

    raw = simple_spread_v3.env(max_cycles=5)
    assert raw.metadata["is_parallelizable"]
    results = train(lambda: simple_spread_v3.env(max_cycles=5), total_timesteps=100)(tmp_path)
    assert results["timesteps"] >= 100


def test_an_observation_outside_its_box_is_a_warning_by_default(tmp_path):
    words = r"element \(2,\) is 2\.0, outside its Box \[0\.0, 1\.0\]"
    with pytest.warns(daf.DafWarning, match=words):
        results = train(Bounded, total_timesteps=64)(tmp_path)
    assert results["timesteps"] >= 64


def test_a_partial_minibatch_is_allowed_if_asked_for(tmp_path):
    fields = {"batch_size": 15, "partial_minibatch": True, "total_timesteps": 64}
    assert train(**fields)(tmp_path)["timesteps"] >= 64


@pytest.mark.parametrize(
    "case", [name for name, row in REFUSED.items() if row[1] is WORLD and "later" in name]
)
def test_what_a_world_breaks_later_stops_before_the_update_with_finite_weights(case, tmp_path):
    given, error, _ = REFUSED[case]
    with pytest.raises(error):
        given(tmp_path)
    record = daf.load_run(1, runs_dir=tmp_path)
    assert record.status == "FAILED"
    assert all(np.isfinite(tensor.numpy()).all() for tensor in record.policy_state().values())
    trained = record.metrics["train/loss"].dropna()
    assert len(trained) == 25, "200 steps of 8 are behind, and nothing of the step was learned"


@pytest.mark.parametrize("case", [name for name, row in REFUSED.items() if row[1] is CONFIG])
def test_what_is_refused_leaves_no_run_behind_unless_it_had_begun(case, tmp_path):
    given, error, _ = REFUSED[case]
    with pytest.raises(error):
        given(tmp_path)
    runs = list(tmp_path.rglob("run.json"))
    statuses = [daf.load_run(int(path.parent.name), runs_dir=tmp_path).status for path in runs]
    assert statuses in ([], ["FAILED"])


class Rude(worlds.Failing):
    """Its error is a text that no page and no terminal should take at its word."""

    def fail(self) -> None:
        raise RuntimeError(HOSTILE)


def test_hostile_names_and_messages_are_shown_escaped_and_never_part_of_a_path(tmp_path):
    manager = curriculum(HOSTILE)
    run = daf.train(
        Rude,
        runs_dir=tmp_path / "runs",
        name=HOSTILE,
        tags=(HOSTILE,),
        curriculum=manager,
        success=(0.0, 20.0),
        on_failure="drop",
        total_timesteps=300,
        num_envs=2,
        seed=0,
        device="cpu",
        torch_threads=1,
        algorithm_kwargs={"n_steps": 8, "n_epochs": 1},
        observers=(),
    )
    run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path / "runs")
    assert len(record.journal) > 0
    assert record.journal["old"].str.contains("alert").all(), "kept as data"
    for page in (daf.report(run.id, runs_dir=tmp_path / "runs").read_text(), record._repr_html_()):
        assert "<script>alert" not in page
        assert "\x1b" not in page
    paths = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")]
    assert all(path == "runs" or path.startswith("runs/") for path in paths)
    assert not [path for path in paths if any(bad in path for bad in "<>\x1b\u202e\n")]
    assert "\x1b" not in repr(run)


def test_a_strangers_spec_and_policy_are_read_as_data_and_run_only_where_trusted(tmp_path):
    with pytest.raises(daf.ConfigError, match=r"runs code by that name\. Pass trust=True"):
        daf.train_spec({"world": "os:system", "env_kwargs": {"command": "false"}})
    train(total_timesteps=64)(tmp_path)
    record = daf.load_run(1, runs_dir=tmp_path)
    with pytest.raises(daf.RecordError, match="trust=True"):
        record.load_policy()
    assert record.policy_state(), "the parameters themselves are data"

    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "touched",)

    (path,) = record.checkpoints
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(daf.RecordError):
        record.policy_state()
    with pytest.raises(daf.RecordError):
        record.load_policy()
    assert not (tmp_path / "touched").exists()
