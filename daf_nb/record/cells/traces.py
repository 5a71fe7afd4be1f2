"""The traceback of a failure as its author needs it: their frames, not those of the recording."""

from __future__ import annotations

import traceback
from types import TracebackType

__all__ = ["users_frames", "users_trace"]

OURS = ("daf_nb.record", "daf_nb.notebook.magic", "IPython", "sacred")


def users_trace(error: BaseException) -> list[str]:
    """The lines of a traceback, from the first frame that is not the recording's own."""
    trace = users_frames(error.__traceback__)
    if isinstance(error, SyntaxError) and trace is not None and _is_ours(trace):
        trace = None  # of code that never ran
    return traceback.format_exception(type(error), error, trace)


def users_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from its first frame that is not the recording's own; all, if there is none."""
    first = trace
    while first is not None and _is_ours(first):
        first = first.tb_next
    return first or trace


def _is_ours(trace: TracebackType) -> bool:
    module = str(trace.tb_frame.f_globals.get("__name__", ""))
    return any(module == name or module.startswith(f"{name}.") for name in OURS)
