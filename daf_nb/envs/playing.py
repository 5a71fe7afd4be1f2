"""The player: an episode from its tape, step by step on a fresh instance, to look at or to draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pettingzoo.utils.env import ParallelEnv

from daf_nb.envs.digests import Digests, differing
from daf_nb.envs.restoring import parted
from daf_nb.envs.spaces import AgentSpaces, agent_spaces, storage
from daf_nb.envs.tape import Tape
from daf_nb.envs.worlds import World, WorldLike, close_world, is_known_world
from daf_nb.errors import ConfigError

__all__ = ["Step", "play"]

_DRAWING = {"render_mode": "rgb_array"}


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a played tape, as the world gave it; what it gives is its own, to be copied.

    Attributes:
        number: world steps so far; 0 is the reset.
        actions: agent -> what it did in this step; empty at the reset.
        observations: agent -> what it sees now.
        rewards: agent -> what the step earned it.
        terminations, truncations: agent -> whether this was its last step.
        infos: agent -> what the world says beside.
        env: the world (the one that is drawn, if one is), to be looked at and not to be stepped.
        frame: uint8 [height, width, 3], a picture of the world; None where none was asked for.
    """

    number: int
    actions: Mapping[str, Any]
    observations: Mapping[str, Any]
    rewards: Mapping[str, float]
    terminations: Mapping[str, bool]
    truncations: Mapping[str, bool]
    infos: Mapping[str, Mapping[str, Any]]
    env: ParallelEnv
    frame: np.ndarray | None


def play(
    tape: Tape,
    world: World | WorldLike | None = None,
    *,
    check: bool = True,
    render: bool | Callable[[int], bool] = False,
) -> Iterator[Step]:
    """Plays a tape again: the reset, then every step of it.

    The world is closed behind the last step, or when the iterator is.

    Args:
        tape: what to play; unfinished ones are played as far as they go.
        world: what to build, in place of what the tape says: a `World` as it is, or what one is
            made of, with the tape's arguments and wrappers. A world that is neither registered with
            PettingZoo nor of mpe2 or daf_nb is built only if it is given here, since a tape may
            come from a stranger.
        check: stop where the world gives something else than when the tape was taken.
        render: give a frame of every step, from a second instance with render_mode="rgb_array"; or
            a function of a step's number, asked when its turn comes: whether to give one of it.

    Raises:
        ConfigError: the world or something else that the tape does not hold was not given, or the
            world cannot be drawn.
        TrainingEnvironmentError: a step went another way than on the tape; it is said which.
    """
    built = _world_of(tape, world).changed(tape.setting.env_kwargs)
    lacking = [m for m in tape.missing if m.startswith("setting.") and not m.endswith(".tag")]
    if lacking:
        raise ConfigError(
            f"this tape does not hold {', '.join(lacking)}, which are no plain data; give them "
            "again with tape.remade(...)."
        )
    wanted = render if callable(render) else lambda number: render
    return _played(tape, built, check=check, drawing=bool(render), wanted=wanted)


def _played(
    tape: Tape, built: World, *, check: bool, drawing: bool, wanted: Callable[[int], bool]
) -> Iterator[Step]:
    with ExitStack() as open_worlds:

        def begun(world: World) -> tuple[ParallelEnv, tuple[Any, Any]]:
            env = world.build()
            open_worlds.callback(close_world, env, world.name)
            if tape.setting.prepare is not None:
                tape.setting.prepare(env)
            return env, env.reset(seed=tape.seed, options=dict(tape.setting.options) or None)

        env, (observations, infos) = begun(built)
        drawn = env
        # What a world shows to its agents may depend on whether it is drawn (pistonball's pixels
        # are black unless it is), so what is drawn is a second instance.
        if drawing and getattr(env, "render_mode", None) != _DRAWING["render_mode"]:
            drawn, _ = begun(built.changed(_DRAWING))
        look = _Checking(tape, agent_spaces(env)).look if check else lambda step: None
        given = {agent: tape.given(agent) for agent in tape.agents}
        frame = _frame(drawn, built.name) if wanted(0) else None
        step = Step(0, {}, observations, {}, {}, {}, infos, drawn, frame)
        look(step)
        yield step
        for at, did in enumerate(tape.acted):
            if set(env.agents) != {a for a, acted in zip(tape.agents, did, strict=True) if acted}:
                raise parted(tape, at + 1, "other agents to act")
            actions = {agent: given[agent][at] for agent in env.agents}
            result = _stepped(env, actions, tape, at + 1)
            if drawn is not env and _stepped(drawn, actions, tape, at + 1)[1] != result[1]:
                raise parted(tape, at + 1, "other rewards, while it was drawn,")
            frame = _frame(drawn, built.name) if wanted(at + 1) else None
            step = Step(at + 1, actions, *result, env=drawn, frame=frame)
            look(step)
            yield step


def _stepped(env: ParallelEnv, actions: Mapping[str, Any], tape: Tape, number: int) -> Any:
    try:
        return env.step(dict(actions))
    except Exception as error:
        what = f"a {type(error).__name__} ({error}), not observations,"
        raise parted(tape, number, what) from error


def _frame(env: ParallelEnv, name: str) -> np.ndarray:
    frame = env.render()
    if not isinstance(frame, np.ndarray) or frame.ndim != 3:
        raise ConfigError(f"{name} cannot be drawn: it renders {type(frame).__name__}.")
    return frame.copy()


def _world_of(tape: Tape, world: World | WorldLike | None) -> World:
    if isinstance(world, World):
        return world
    taped = tape.world
    lacking = [name for name in tape.missing if name.startswith("world.")]
    if world is not None:
        if lacking:
            raise ConfigError(
                f"this tape does not hold {', '.join(lacking)}, which are no plain data; give a "
                "World with all arguments and wrappers."
            )
        return World(world) if taped is None else replace(taped, world=world)
    if taped is None or lacking or "world" in tape.missing:
        raise ConfigError("this tape does not hold its world; give it: play(tape, world).")
    if isinstance(taped.world, str) and not is_known_world(taped.world):
        raise ConfigError(
            f"this tape names the world {taped.world!r}, which is not built on a tape's word; give "
            "it, if you know it: play(tape, world)."
        )
    return taped


class _Checking:
    """Compares what a world's own API gives with a tape's digests."""

    def __init__(self, tape: Tape, spaces: Mapping[str, AgentSpaces]) -> None:
        self._tape, self._spaces = tape, spaces
        self._agents = {agent: place for place, agent in enumerate(spaces)}
        self._digests = Digests({a: [a] for a in spaces}, spaces, stride=tape.stride)
        self._blank = {
            agent: np.zeros((1, 1, *shape), dtype)
            for agent, (shape, dtype) in ((a, storage(s.observation)) for a, s in spaces.items())
        }

    def look(self, step: Step) -> None:
        """Compares one step.

        Raises:
            TrainingEnvironmentError: it is another than on the tape.
        """
        digests = self._digests
        digests.write(0, digests.views(self._blank))
        ended = {a for a in step.actions if step.terminations[a] or step.truncations[a]}
        for agent in set(step.env.agents) | (ended & set(step.observations)):
            seen = step.observations[agent]
            if self._spaces[agent].masked:
                seen = seen["observation"]
            blank = self._blank[agent]
            seen = np.asarray(seen).astype(blank.dtype).reshape(blank.shape[2:])
            digests.write_one(0, 0, agent, 0, seen)
        rewards = np.zeros((1, len(self._agents)), np.float32)
        terminated = np.zeros((1, len(self._agents)), bool)
        truncated = terminated.copy()
        for agent in step.actions:
            at = self._agents[agent]
            rewards[0, at] = step.rewards[agent]
            terminated[0, at] = step.terminations[agent]
            truncated[0, at] = agent in ended and not step.terminations[agent]
        digests.write_rewards(0, rewards)
        digests.write_ends(0, terminated, truncated)
        other = differing(digests.take(1)[0, 0], self._tape.digests[step.number])
        if other:
            raise parted(self._tape, step.number, f"other {' and '.join(other)}")
