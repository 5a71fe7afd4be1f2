"""Keeps tapes while a run trains: hears of its episodes, chooses, and has them written."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from daf_nb.envs import Episode
from daf_nb.envs.plain_settings import setting_to_plain, world_to_plain
from daf_nb.envs.tape import Tape
from daf_nb.errors import RecordError
from daf_nb.record.files import Tear, read_lines
from daf_nb.record.redact import without_secrets
from daf_nb.record.saying import say
from daf_nb.record.series import TAPES
from daf_nb.record.tapes.policy import LARGEST, ROOM, Extremes, make_room, room_of
from daf_nb.record.tapes.rows import TapeRow, Thinning, parse_tape, taped
from daf_nb.record.tapes.shelf import Shelf
from daf_nb.record.tapes.writing import FOLDER, TapeFiles

if TYPE_CHECKING:
    from daf_nb.learn import Event, RlTrainer
    from daf_nb.learn.endings import Evaluated
    from daf_nb.record.recorder import Recorder

__all__ = ["TapeKeeping"]


@dataclass
class _Found:
    """An episode since the last boundary that is to be kept, and what for by now."""

    reasons: tuple[str, ...]
    episode: Episode
    success: float | None
    step: int
    count: int
    tape: Tape

    def still(self, every: int) -> bool:
        """Whether it is to be kept where the stride is this; no more as an "every" if not."""
        if self.count % every:
            self.reasons = tuple(reason for reason in self.reasons if reason != "every")
        return bool(self.reasons)


class TapeKeeping:
    """Keeps the best and the worst episode, every n-th, and those of evaluations.

    What a cycle brings is kept at the boundary behind it, so that a cycle that is broken off, and
    trained again, leaves nothing. It goes on from the tapes that the record has already.

    Args:
        recorder: the run's record, whose end and checkpoints wait for what is being written.
        trainer: whose episodes.
    """

    room = LARGEST

    def __init__(self, recorder: Recorder, trainer: RlTrainer) -> None:
        self._recorder, self._trainer = recorder, trainer
        rows = _recorded(recorder)
        self._shelf = Shelf(rows)
        numbered = [row for row in rows if isinstance(row, TapeRow)]
        self._next = 1 + max((row.episode for row in numbered), default=-1)
        interval = trainer.config.tape_interval
        strides = self._shelf.strides
        strides["every"] = max(strides["every"], interval or 1)
        self._every = 0 if interval is None else strides["every"]
        self._count = trainer.progress.episodes
        self._extremes = Extremes.of(self._shelf)
        self._boundary = self._count, self._extremes, self._every
        self._found: list[_Found] = []
        self._refused: set[str] = set()  # tasks that are played with a secret
        self._said: set[str] = set()
        self._changing = threading.Lock()
        self._files = TapeFiles(
            recorder.folder / FOLDER,
            kept=self._shelf.rows,
            position=recorder.marks.logged(TAPES),
            failed=self._failed,
        )
        recorder.marks.accompany(self._files, log=TAPES)
        self._unsubscribe = trainer.subscribe(self._on_event)
        trainer.on_tapes(self)

    def end(self) -> None:
        """Keeps no more."""
        self._trainer.on_tapes(None)
        self._unsubscribe()
        self._files.close()

    def ended(
        self,
        episode: Episode,
        success: float | None,
        cut: Callable[[], Tape],
        steps: Mapping[str, int],
    ) -> None:
        """See `TapeListener`; of an episode that is not kept, nothing is cut."""
        count, self._count = self._count, self._count + 1
        reasons = self._extremes.reasons(success, episode.mean_return)
        if self._every and count % self._every == 0:
            reasons = (*reasons, "every")
        if not reasons or episode.task in self._refused:
            return
        tape = self._kept(cut())
        if tape is None:
            return
        self._extremes = self._extremes.with_one(reasons, success, episode.mean_return)
        for earlier in self._found:
            earlier.reasons = tuple(
                reason for reason in earlier.reasons if reason == "every" or reason not in reasons
            )
        self._found = [earlier for earlier in self._found if earlier.reasons]
        step = self._trainer.progress.step + sum(steps.values())
        self._found.append(_Found(reasons, episode, success, step, count, tape))
        while self._every and sum(room_of(one.tape.nbytes) for one in self._found) > 2 * ROOM:
            self._every *= 2  # before a boundary comes, a long rollout would fill the memory
            self._found = [one for one in self._found if one.still(self._every)]

    def forget(self) -> None:
        """See `TapeListener`."""
        self._found.clear()
        self._count, self._extremes, self._every = self._boundary

    def evaluated(self, step: int, played: Sequence[Evaluated]) -> None:
        """See `TapeListener`."""
        with self._changing:
            evaluation, left = self._shelf.newest + 1, LARGEST
            rows, tapes = list[TapeRow](), dict[int, Tape]()
            for one in played:
                left -= room_of(one.tape.nbytes)
                tape = self._kept(one.tape) if left >= 0 else None
                if tape is not None:
                    told = {"step": step, "count": None, "evaluation": evaluation}
                    row = self._row(one.episode, one.success, tape, ("evaluation",), **told)
                    rows.append(replace(row, episode=row.episode + len(rows)))
                    tapes[rows[-1].episode] = tape
            if rows:
                self._keep([*rows, *make_room(self._shelf, "evaluation", rows)], tapes)

    def _on_event(self, event: Event) -> None:
        if event.kind == "metrics":
            found, self._found = self._found, []
            with self._changing:
                if self._every > self._shelf.strides["every"]:
                    self._keep([Thinning("every", self._every)], {})
                for one in found:
                    self._keep_found(one)
            self._boundary = self._count, self._extremes, self._every

    def _keep_found(self, one: _Found) -> None:
        told = {"step": one.step, "count": one.count, "evaluation": None}
        row = self._row(one.episode, one.success, one.tape, one.reasons, **told)
        rows: list[TapeRow | Thinning] = [row]
        if "every" in one.reasons:
            for thinning in make_room(self._shelf, "every", [row]):
                self._every = thinning.stride
                left = one.still(self._every)
                rows = [thinning, *([replace(row, kept=one.reasons)] if left else [])]
        self._keep(rows, {row.episode: one.tape})

    def _row(
        self,
        episode: Episode,
        success: float | None,
        tape: Tape,
        reasons: tuple[str, ...],
        **told: int | None,
    ) -> TapeRow:
        room = room_of(tape.nbytes)
        return taped(episode, episode=self._next, kept=reasons, success=success, room=room, **told)

    def _keep(self, rows: Sequence[TapeRow | Thinning], tapes: Mapping[int, Tape]) -> None:
        if not rows:
            return
        with contextlib.suppress(RecordError):  # the run has ended
            position = self._recorder.log_rows(TAPES, [row.to_plain() for row in rows])
            gone = self._shelf.add(rows)
            fresh = {row.episode for row in rows if isinstance(row, TapeRow)}
            self._next = max({self._next - 1, *fresh}) + 1
            kept = {at: tape for at, tape in tapes.items() if at in fresh}
            self._files.put(kept, gone=gone, position=position)

    def _kept(self, tape: Tape) -> Tape | None:
        """The tape as it may be written; None for one with a secret, or too large: said once.

        Secrets of the run's own world are hidden in its spec, from which that can be built again.
        """
        if self._is_secret(setting_to_plain(tape.setting, "setting", [])):
            self._refused.add(tape.task)
            self._say(f"task {tape.task!r} is played with a secret", "of it")
            return None
        world = world_to_plain(tape.world, [])
        if self._is_secret(world):
            if tape.world is not self._trainer.world:
                self._say("another world is made with a secret", "of it")
                return None
            tape = replace(tape, world=None)
        if tape.nbytes > LARGEST:
            self._say(f"an episode takes more than {LARGEST:,} bytes", "of such")
            return None
        return tape

    def _is_secret(self, plain: Any) -> bool:
        text = json.dumps(plain).encode()
        return without_secrets(plain) != plain or self._recorder.hide(text) != text

    def _say(self, why: str, of: str) -> None:
        if why not in self._said:
            self._said.add(why)
            self._tell(f"{why}: no tapes {of} are kept.")

    def _failed(self, error: Exception) -> None:
        self._tell(f"no tape can be written: {error}. Training goes on, and it is tried again.")

    def _tell(self, what: str) -> None:
        say(f"Run {self._recorder.id}: {what}")
        with contextlib.suppress(RecordError):
            step = self._trainer.progress.step
            self._recorder.log_event("trouble", step, {"tapes": what})


def _recorded(recorder: Recorder) -> list[TapeRow | Thinning]:
    """What earlier parts of a run have kept."""
    rows: list[TapeRow | Thinning] = []
    with contextlib.suppress(Tear):
        rows.extend(read_lines(recorder.folder / TAPES, parse_tape))
    return rows
