"""A training that goes on from a state of it is the training that never stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

import daf_nb as daf
from daf_nb.control import Controls
from daf_nb.curriculum.strategy import known_strategies
from daf_nb.envs.tape import Tape
from daf_nb.learn import RlTrainer
from daf_nb.learn.snapshot import Snapshot
from tests import worlds
from tests.learn.helpers import Levers, Pictures, config

CLOCK = ("memory/", "system/", "time/")
TOTAL = 320
Kept = tuple[int, str, dict[str, bytes], list[bytes]]


def to_bytes(snapshot: Snapshot) -> Kept:
    """What a file could hold of a state."""
    return (
        snapshot.step,
        json.dumps(snapshot.state, allow_nan=False),
        {n: t.numpy().tobytes() for n, t in snapshot.tensors.items()},
        [tape.to_bytes() for tape in snapshot.tapes],
    )


def of_bytes(kept: Kept, like: Snapshot) -> Snapshot:
    step, state, tensors, tapes = kept
    return Snapshot(
        step,
        json.loads(state),
        {
            name: torch.frombuffer(bytearray(content), dtype=like.tensors[name].dtype).reshape(
                like.tensors[name].shape
            )
            for name, content in tensors.items()
        },
        [Tape.from_bytes(tape) for tape in tapes],
    )


def heard(trainer: RlTrainer) -> list[tuple[Any, ...]]:
    """What is told of from now on, but for the clock's."""
    events: list[tuple[Any, ...]] = []

    def hear(event: Any) -> None:
        if event.kind == "metrics":
            rows = {k: v for k, v in event.data.items() if not k.startswith(CLOCK)}
            events.append((event.step, "metrics", repr(rows)))
        elif event.kind in ("journal", "decision", "evaluation"):
            events.append((event.step, event.kind, repr(dict(event.data))))

    trainer.subscribe(hear)
    return events


def ends(trainer: RlTrainer) -> tuple[Any, ...]:
    """All that a training has come to."""
    curriculum = trainer.curriculum
    return (
        trainer.fingerprint(),
        repr(trainer.controls.journal),
        None if curriculum is None else repr(curriculum.get_curriculum_stats()),
        repr(trainer.progress.results()),
        {k: v for k, v in trainer.controls.values().items() if k != "adaptive.mode"},
        len(trainer.controls.script),
    )


def check(make: Callable[[], RlTrainer], *, at: tuple[int, ...] = (1, 4, 7)) -> None:
    """Trains to the end; and again from its states after so many updates."""
    trainer, kept = make(), {}
    events = heard(trainer)

    def keep(resting: bool) -> None:
        updates = trainer.progress.updates
        if updates in at and updates not in kept:
            before = trainer.state()
            kept[updates] = (to_bytes(before), before, len(events))

    trainer.at_boundaries(keep)
    trainer.train()
    assert sorted(kept) == list(at)
    for content, like, told in kept.values():
        again = make()
        again.load_state(of_bytes(content, like))
        rest = heard(again)
        again.train()
        assert ends(again) == ends(trainer)
        assert rest == events[told:]


def maker(env: Any, **fields: Any) -> Callable[[], RlTrainer]:
    """Makes equal trainers; what is callable among these fields is called for each anew."""
    own = ("curriculum_manager", "adaptive_controller", "controls")

    def make() -> RlTrainer:
        made = {name: fields[name]() for name in own if name in fields}
        rest = {k: v for k, v in fields.items() if k not in own}
        beside = {k: rest.pop(k) for k in ("success", "policy") if k in rest}
        told = config(**{"total_timesteps": TOTAL, **rest})
        return RlTrainer(told, env=env, **beside, **made)

    return make


@pytest.mark.parametrize("algorithm", ["PPO", "A2C", "MaskablePPO"])
@pytest.mark.parametrize("world", [worlds.Counting, worlds.Masked, worlds.TwoKinds])
def test_every_algorithm_goes_on_exactly(algorithm, world):
    if world is worlds.Masked and algorithm != "MaskablePPO":
        pytest.skip("its world raises where a forbidden action is played")
    check(maker(world, algorithm=algorithm))


@pytest.mark.parametrize("share", ["all", "group", "none"])
@pytest.mark.parametrize(
    "world",
    [worlds.Staggered, worlds.Visiting, worlds.Continuous, worlds.SeedEcho, Levers],
)
def test_every_way_to_share_goes_on_exactly(share, world):
    check(maker(world, share=share), at=(1, 3))


def test_pictures_and_normal_updates_go_on_exactly():
    check(maker(Pictures, policy="CnnPolicy", total_timesteps=160), at=(1, 3))
    many = {"n_epochs": 3, "target_kl": 0.01, "clip_range_vf": 0.2}
    check(maker(worlds.Staggered, batch_size=6, partial_minibatch=True, algorithm_kwargs=many))


def test_a_schedule_of_the_spec_stays_in_force_and_a_held_value_is_held():
    falling = {"learning_rate": lambda left: 1e-2 * left, "clip_range": lambda left: 0.1 + left / 9}
    moves = [
        {"step": 64, "name": "learning_rate", "new": 3e-3},
        {"step": 128, "name": "learning_rate", "new": 0.0, "undoes": 1, "number": 2},
        {"step": 160, "name": "clip_range", "new": 0.3},
        {"step": 224, "name": "n_steps", "new": 4},
        {"step": 256, "name": "gamma", "new": 0.9},
    ]
    make = maker(worlds.Counting, algorithm_kwargs=falling, controls=lambda: Controls(script=moves))
    moves[0]["number"] = 1
    check(make, at=(1, 2, 3, 4, 5, 6, 7, 8))


def test_an_undo_after_going_on_brings_the_schedule_back():
    falling = {"learning_rate": lambda left: 1e-2 * left}
    moves = [{"step": 64, "name": "learning_rate", "new": 3e-3}]

    def make() -> RlTrainer:
        return maker(
            worlds.Counting, algorithm_kwargs=falling, controls=lambda: Controls(script=moves)
        )()

    trainer, kept = make(), []
    trainer.at_boundaries(
        lambda _: kept.append(trainer.state()) if trainer.progress.updates == 4 else None
    )
    trainer.train()
    again = make()
    again.load_state(kept[0])
    assert again.controls["learning_rate"] == 3e-3
    again.controls.undo(by="user").wait()
    left = 1 - again.progress.step / TOTAL
    assert again.controls["learning_rate"] == pytest.approx(1e-2 * left)
    with pytest.raises(daf.ConfigError, match="nothing is left"):
        again.controls.undo(by="user")


def staged(env: Any, params: Any) -> None:
    env.unwrapped.set_stage(3)


def curriculum(strategy: str) -> daf.CurriculumManager:
    made = daf.CurriculumManager(
        daf.CurriculumConfig(strategy=strategy, window=5, stats_update_frequency=3)
    )
    if strategy == "alp_gmm":
        made.add_task("all", difficulty=(0.0, 1.0), config={"level": daf.Uniform(0, 3)})
        return made
    for place, name in enumerate(["near", "middle", "far"]):
        made.add_task(
            name,
            difficulty=(place / 3, (place + 1) / 3),
            env_kwargs={"limit": 3 + place},
            config={"level": daf.Linear(0.0, 3.0)},
            apply=staged if name == "far" else None,
        )
    return made


def by_luck(episode: Any) -> float:
    return (episode.seed % 100) / 100


@pytest.mark.parametrize("strategy", sorted(known_strategies()))
def test_every_strategy_goes_on_exactly(strategy):
    check(
        maker(
            worlds.Shaped,
            success=by_luck,
            curriculum_manager=lambda: curriculum(strategy),
            algorithm="MaskablePPO",
        ),
        at=(1, 2, 5, 9),
    )


def rules() -> daf.AdaptiveController:
    rule = daf.Rule(
        name="kl",
        signal="train/approx_kl",
        low=1e-9,
        high=1e-6,
        cooldown=2,
        above=daf.Action(knob="learning_rate", factor=0.9),
        below=daf.Action(knob="learning_rate", factor=1.1),
    )
    return daf.AdaptiveController(daf.AdaptiveConfig(rules=(rule,)))


def test_rules_scripts_evaluations_and_a_curriculum_go_on_exactly():
    script = [
        {"step": 40, "name": "curriculum.difficulty_bias", "new": 0.5, "by": "user"},
        {"step": 100, "name": "curriculum.strategy", "new": "adaptive", "by": "user"},
        {"step": 150, "name": "curriculum.weight[far]", "new": 3.0, "by": "user"},
        {"step": 200, "name": "ent_coef", "new": 0.02, "by": "user"},
        {"step": 260, "name": "evaluation_interval", "new": 100, "by": "user"},
    ]
    make = maker(
        worlds.Shaped,
        success=by_luck,
        curriculum_manager=lambda: curriculum("learnability"),
        adaptive_controller=rules,
        controls=lambda: Controls(script=script),
        evaluation_interval=120,
        evaluation_episodes=2,
    )
    check(make, at=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))


def test_the_real_world_goes_on_exactly():
    fields = {"total_timesteps": 900, "algorithm_kwargs": {"n_steps": 32}}
    check(maker("mpe2.simple_spread_v3", **fields), at=(1, 3))


def test_a_state_is_refused_where_it_could_not_be_whole():
    trainer = maker(worlds.Counting)()
    with pytest.raises(daf.ConfigError, match="plays no episodes"):
        trainer.state()
    kept = []
    trainer.at_boundaries(lambda _: kept.append(trainer.state()) if trainer.progress.step else None)
    trainer.train()
    with pytest.raises(daf.ConfigError, match="new trainer"):
        trainer.load_state(kept[0])
    with pytest.raises(daf.ConfigError, match="other groups"):
        maker(worlds.Counting, share="none")().load_state(kept[0])
    with pytest.raises(daf.ConfigError, match="without curriculum"):
        maker(
            worlds.Shaped, success=by_luck, curriculum_manager=lambda: curriculum("uniform")
        )().load_state(kept[0])
    with pytest.raises(daf.ConfigError, match="another policy"):
        maker(worlds.Counting, policy_kwargs={"net_arch": [8]})().load_state(kept[0])
    with pytest.raises(daf.ConfigError, match="seed"):
        maker(worlds.Counting, seed=7)().load_state(kept[0])


def test_a_warm_start_has_the_policies_and_plays_other_episodes():
    make = maker(worlds.Counting)
    trainer, kept = make(), []
    trainer.at_boundaries(lambda _: kept.append(trainer.state()) if trainer.progress.step else None)
    trainer.train()
    again = make()
    again.load_state(kept[0], exact=False)
    first = again.fingerprint()
    assert first != make().fingerprint()
    assert again.progress.step == kept[0].step
    again.train()
    assert again.progress.step == trainer.progress.step
    assert again.fingerprint() not in (first, trainer.fingerprint())


def test_a_warm_start_may_do_without_the_rules_or_take_others():
    make = maker(worlds.Counting, adaptive_controller=rules)
    trainer = make()
    kept: list[Snapshot] = []
    rates: list[float] = []

    def keep(resting: bool) -> None:
        if trainer.progress.updates:
            kept.append(trainer.state())
            rates.append(trainer.controls["learning_rate"])

    trainer.at_boundaries(keep)
    trainer.train()
    with pytest.raises(daf.ConfigError, match="with adaptive controller"):
        maker(worlds.Counting)().load_state(kept[2])
    without = maker(worlds.Counting)()
    without.load_state(kept[2], exact=False)
    without.train()
    assert without.controls["learning_rate"] == rates[2] != rates[-1], "nobody moves it any more"
    other = daf.AdaptiveController(daf.AdaptiveConfig(rules="epochs"))
    others = maker(worlds.Counting, adaptive_controller=lambda: other)()
    others.load_state(kept[2], exact=False, leave=("controller",))
    assert other.rules == daf.AdaptiveController(other.config).rules
    assert not other.decisions
    again = make()
    again.load_state(kept[2], exact=False)
    assert again.adaptive_controller is not None
    assert again.adaptive_controller.decisions, "rules that go on remember"
