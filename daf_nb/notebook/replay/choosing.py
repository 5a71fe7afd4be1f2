"""From what a user names to what is filmed: whose episode, whose policies, on which seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from daf_nb.envs import MAX_SEED, Setting, Tape, World, WorldLike, is_known_world
from daf_nb.errors import ConfigError, DafError
from daf_nb.learn.players import Players, players_in
from daf_nb.notebook.replay.take import Take
from daf_nb.notebook.state import one_line
from daf_nb.record import RunRecord, load_run
from daf_nb.session.players import recorded_players, recorded_world

if TYPE_CHECKING:
    from daf_nb.session import Run

__all__ = ["Wish", "takes_of"]


@dataclass(frozen=True)
class Wish:
    """What `replay` was asked for; see there."""

    episode: int | str
    beside: Any
    seed: int | None
    task: str | None
    deterministic: bool
    policies: Mapping[str, Any] | None
    world: World | WorldLike | None
    trust: bool

    @property
    def anew(self) -> bool:
        """An episode is to be played that no tape holds."""
        return self.seed is not None or self.task is not None


def takes_of(source: Run | RunRecord | Tape, wish: Wish) -> list[Take]:
    """One take, or two that begin alike; episodes that are to be played have not been yet.

    Raises:
        ConfigError, RecordError: as `replay`.
    """
    if isinstance(source, Tape):
        return _of_tape(source, wish)
    if wish.policies is not None:
        raise ConfigError("policies= belong to a tape; a run has its own, others go to beside=.")
    if wish.anew:
        seed = wish.seed or 0
        if not 0 <= seed <= MAX_SEED:
            raise ConfigError(f"seed={seed}: from 0 to {MAX_SEED} is allowed.")
        players = _players(source, wish)
        setting = players.setting(wish.task, seed=seed)
        first = _anew(_title(source), players, seed, setting, players.world, wish)
        return [first, *_beside(source, players, seed, setting, players.world, wish)]
    record = _record(source)
    tape = record.tape(wish.episode, trust=wish.trust)
    players, missing = _players_if_any(source, record, tape, wish)
    own = None if wish.world is not None else _own_world(tape, wish)
    world = own or (players.world if players else _recorded(record, wish))
    tape = tape if players is None else players.remade(tape)
    if wish.beside is not None:
        if players is None:
            raise ConfigError(f"nothing can be played beside it: {missing}")
        first = _anew(_title(source), players, tape.seed, tape.setting, world, wish)
        return [first, *_beside(source, players, tape.seed, tape.setting, world, wish)]
    played = _as_it_was(tape, _kept(record, tape))
    judged = f"No values: {missing}" if players is None else f"Values are of {_told(players)}"
    return [Take(_title(source), played, judged, lambda _: tape, world, players)]


def _of_tape(tape: Tape, wish: Wish) -> list[Take]:
    if wish.anew:
        raise ConfigError("seed= and task= are for runs; a tape has its own.")
    world = _own_world(tape, wish) if wish.world is None else wish.world
    if wish.policies is None and wish.beside is None:
        return [Take(_tape_title(tape), _as_it_was(tape), "", lambda _: tape, world)]
    base = _base(tape, world)
    whole = base.changed(tape.setting.env_kwargs)
    own = None if wish.policies is None else players_in(whole, wish.policies)
    title = _tape_title(tape)
    if wish.beside is None or own is None:
        judged = "Values are of the policies that were given" if own else ""
        first = Take(title, _as_it_was(tape), judged, lambda _: tape, base, own)
    else:
        first = _anew(title, own, tape.seed, tape.setting, base, wish)
    if wish.beside is None:
        return [first]
    if own is None and isinstance(wish.beside, Mapping):
        own = players_in(whole, wish.beside)
    return [first, *_beside(None, own, tape.seed, tape.setting, base, wish)]


def _base(tape: Tape, world: World | WorldLike | None) -> World:
    """Where policies are to play a tape's seed, before its setting's own arguments."""
    if world is None:
        raise ConfigError("policies play in a world that is known; give it: world=...")
    if isinstance(world, World):
        return world
    return World(world) if tape.world is None else replace(tape.world, world=world)


def _beside(
    source: Run | RunRecord | None,
    own: Players | None,
    seed: int,
    setting: Setting,
    world: World | None,
    wish: Wish,
) -> list[Take]:
    """The other policies on the same seed, in the same world; nothing where none are asked for."""
    other = wish.beside
    if other is None:
        return []
    if isinstance(other, Mapping):
        assert own is not None, "those of the source, whose groups they are of"
        return [_anew("policies beside", own.given(other), seed, setting, world, wish)]
    if isinstance(other, (int, str)):
        folder = None if source is None else source.folder.parent
        other = load_run(other, runs_dir=folder)
    if not (isinstance(other, RunRecord) or hasattr(other, "trainer")):
        raise ConfigError(
            f"beside={type(other).__name__}: a run, its number or record, or a dict of group -> "
            "policy is needed."
        )
    # Its own world need not be built by its word: it plays in this one.
    players = _players(other, replace(wish, world=world or wish.world))
    return [_anew(_title(other), players, seed, setting, world or players.world, wish)]


def _anew(
    title: str, players: Players, seed: int, setting: Setting, world: World | None, wish: Wish
) -> Take:
    def make(going_on: Callable[[], bool]) -> Tape:
        return players.tape(
            seed,
            setting=setting,
            world=world,
            deterministic=wish.deterministic,
            going_on=going_on,
        )

    how = "taking the likeliest actions" if wish.deterministic else "taking sampled actions"
    played = f"played anew by {_told(players)}, {how}"
    return Take(title, played, "", make, world or players.world, players)


def _players(source: Run | RunRecord, wish: Wish, *, step: int | None = None) -> Players:
    """A live run's, as they are at a boundary; else what the run saved."""
    trainer = getattr(source, "trainer", None)
    if trainer is not None:
        players = trainer.players()
        if wish.world is None:
            return players
        given = wish.world
        other = given if isinstance(given, World) else replace(players.world, world=given)
        return replace(players, world=other)
    assert isinstance(source, RunRecord), "the other kind of source"
    return recorded_players(source, step=step, trust=wish.trust, world=wish.world)


def _players_if_any(
    source: Run | RunRecord, record: RunRecord, tape: Tape, wish: Wish
) -> tuple[Players | None, str]:
    """Those nearest to the tape, or why there are none: it can be seen without them.

    To play beside others, the newest.
    """
    step = _kept(record, tape).get("step") if wish.beside is None else None
    try:
        return _players(source, wish, step=step), ""
    except DafError as error:
        return None, str(error)


def _record(source: Run | RunRecord) -> RunRecord:
    if isinstance(source, RunRecord):
        return source
    return load_run(source.id, runs_dir=source.folder.parent)


def _recorded(record: RunRecord, wish: Wish) -> World:
    return recorded_world(record, trust=wish.trust, world=wish.world)


def _own_world(tape: Tape, wish: Wish) -> World | None:
    """The tape's own world; None where it cannot be built, or not by the tape's word."""
    named, whole = tape.world, not any(name.startswith("world") for name in tape.missing)
    if named is None or not whole:
        return None
    known = not isinstance(named.world, str) or is_known_world(named.world)
    return named if known or wish.trust else None


def _kept(record: RunRecord, tape: Tape) -> Mapping[str, Any]:
    """What the record's table says of a tape."""
    table = record.tapes
    its = {"copy": tape.copy, "number": tape.number, "seed": tape.seed}
    found = table[(table[list(its)] == list(its.values())).all(axis=1)]
    return {} if found.empty else found.iloc[-1].to_dict()


def _as_it_was(tape: Tape, kept: Mapping[str, Any] | None = None) -> str:
    """Which episode it is, when it was played, and why it was kept."""
    told = f"episode {tape.number:,} of copy {tape.copy} as it was played"
    if kept:
        reasons = one_line(str(kept.get("kept", "")).replace("+", ", "))
        told += f" at step {int(kept['step']):,}{f', kept as {reasons}' if reasons else ''}"
    return told


def _told(players: Players) -> str:
    if players.step is None:
        return "the policies that were given"
    return f"the policies of step {players.step:,}"


def _tape_title(tape: Tape) -> str:
    return one_line(f"tape of {tape.world.name}" if tape.world else "tape")


def _title(source: Run | RunRecord) -> str:
    return one_line(f"run {source.id} {source.name}".strip())
