"""Which run the present thread works for, so that each line can say it."""

from __future__ import annotations

from contextvars import ContextVar

__all__ = ["run_id"]

run_id: ContextVar[int | None] = ContextVar("daf_nb_run_id", default=None)
"""The id of the run that is worked for; None outside of any. A new thread begins with None."""
