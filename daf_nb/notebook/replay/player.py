"""One playing of a tape, step by step on the stage; drawn, or else as the agents see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from daf_nb.envs import Step, Tape, agent_spaces, play
from daf_nb.errors import DafError
from daf_nb.notebook.replay.offscreen import opened, stage
from daf_nb.notebook.replay.pictures import Sights
from daf_nb.notebook.replay.stills import encoded, picture
from daf_nb.notebook.replay.take import Take
from daf_nb.notebook.replay.values import Judge, Opinion
from daf_nb.notebook.state import one_line

__all__ = ["Player"]


class Player:
    """Plays a tape once, from its reset to its end.

    Args:
        tape: what is played.
        take: its world, and whose opinion is asked.
        wanted: asked at every step, in the middle of it, whether its picture is wanted.
        sights: those of an earlier playing, which found that the world cannot be drawn.
        about: what that playing found.

    Attributes:
        at: the newest step, -1 before the reset.
        sights: what draws observations in place of the world; None where that is drawn.
        about: `undrawn`, why the world cannot be drawn, or empty; `unjudged`, why there are no
            opinions, where that is so; `fps` where the world says it.
    """

    def __init__(
        self,
        tape: Tape,
        take: Take,
        wanted: Callable[[int], bool],
        sights: Sights | None,
        about: Mapping[str, Any],
    ) -> None:
        self.at, self.sights, self.about = -1, sights, dict(about)
        self._tape, self._take, self._wanted = tape, take, wanted
        self._steps: Iterator[Step] | None = None
        self._judge: Judge | None = None
        self._open = ExitStack()

    def next(self, *, judged: bool) -> tuple[Step, Mapping[str, Opinion], bytes | None]:
        """Plays one step: it, the opinions if they are asked for, and its picture if it is wanted.

        Raises:
            TrainingEnvironmentError: the world did something else than on the tape.
            StopIteration: there is no more.
        """
        with stage(beginning=self._steps is None):
            if self._steps is None:
                self._open.enter_context(opened())
                step = self._begin()
            else:
                step = next(self._steps)
            self.at = step.number
            opinions = self._asked(step) if judged else {}
            return step, opinions, self._drawn(step)

    def close(self) -> None:
        """Closes the world."""
        with stage():
            _close(self._steps)
        self._open.close()

    def _begin(self) -> Step:
        """The reset, of a world that is drawn if it can be."""
        if self.sights is not None:
            self._steps = self._playing(False)
            step = next(self._steps)
        else:
            step = self._try()
        fps = step.env.metadata.get("render_fps")
        if isinstance(fps, (int, float)) and 0 < fps <= 1000:
            self.about["fps"] = float(fps)
        return step

    def _try(self) -> Step:
        # The first frame is always drawn: it shows whether that goes, and begins the display.
        drawing = self._playing(lambda number: number == 0 or self._wanted(number))
        try:
            step = next(drawing)
        except Exception as error:
            _close(drawing)
            self._steps = self._playing(False)
            step = next(self._steps)  # or it is not the drawing that fails
            self.sights = Sights(agent_spaces(step.env))
            self.about["undrawn"] = _reason(error)
        else:
            self._steps = drawing
        return step

    def _playing(self, render: bool | Callable[[int], bool]) -> Iterator[Step]:
        return play(self._tape, self._take.world, render=render)

    def _asked(self, step: Step) -> Mapping[str, Opinion]:
        players = self._take.players
        if players is None or "unjudged" in self.about:
            return {}
        try:
            if self._judge is None:
                self._judge = Judge(players, self._tape.setting, step.env)
            return self._judge.look(step, list(step.env.agents))
        except Exception as error:
            # Whatever policies make of it: the episode can be seen.
            self.about["unjudged"] = _reason(error)
            return {}

    def _drawn(self, step: Step) -> bytes | None:
        if self.sights is None:
            return None if step.frame is None else encoded(picture(step.frame))
        self.sights.note(step)
        return encoded(self.sights.draw(step)) if self._wanted(step.number) else None


def _close(steps: Iterator[Step] | None) -> None:
    close = getattr(steps, "close", None)
    if close is not None:
        close()


def _reason(error: Exception) -> str:
    words = str(error) or type(error).__name__
    said = words if isinstance(error, DafError) else f"{type(error).__name__}: {error}"
    return one_line(said, limit=200)
