"""Episodes to look at again: frame by frame, with rewards, actions and values, or two at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daf_nb.notebook.replay.film import FilmError
from daf_nb.notebook.replay.showing import Replay

if TYPE_CHECKING:
    from daf_nb.envs import Tape, World, WorldLike
    from daf_nb.record import RunRecord
    from daf_nb.session import Run

__all__ = ["FilmError", "Replay", "replay"]


def replay(
    source: Run | RunRecord | Tape,
    episode: int | str = "best",
    *,
    beside: Run | RunRecord | int | str | Mapping[str, Any] | None = None,
    seed: int | None = None,
    task: str | None = None,
    deterministic: bool = True,
    policies: Mapping[str, Any] | None = None,
    world: World | WorldLike | None = None,
    trust: bool = False,
) -> Replay:
    """A view of an episode: play, scrub, and see rewards, actions and values under the cursor.

    Returns at once; worlds are played and drawn in threads.

    Args:
        source: a run, live or recorded, or a tape.
        episode: which of the tapes that the run kept: its number in `record.tapes`, or "best",
            "worst", "last".
        beside: whose policies play the same seed and setting, for a second film: a run, its number
            or record, or a dict of group -> SB3 model or policy, of the same groups. The first film
            then is played anew too, by the source's own policies, where they are known.
        seed: play the run's policies anew on this seed, in place of a tape; 0 where only a task is
            given.
        task: the same, on this task of its curriculum, at its greatest difficulty.
        deterministic: what is played anew takes each policy's likeliest actions, not samples.
        policies: with a tape, whose values are shown: group -> SB3 model or policy.
        world: what to build, where a record or tape names a world that is not built on its word.
        trust: whether worlds, functions and classes may be imported by the names in a record.

    Raises:
        ConfigError: no such task; a world that is not built on a record's word; policies of other
            groups.
        RecordError: no such run, episode or tape.
    """
    from daf_nb.notebook.replay.choosing import Wish, takes_of
    from daf_nb.notebook.replay.film import Film

    wish = Wish(episode, beside, seed, task, deterministic, policies, world, trust)
    return Replay([Film(take) for take in takes_of(source, wish)])
