"""Handlers of a logger exchanged at once, so that no record meets both or neither."""

from __future__ import annotations

import logging
from collections.abc import Sequence

__all__ = ["swap"]


def swap(
    logger: logging.Logger, old: Sequence[logging.Handler], new: Sequence[logging.Handler]
) -> None:
    """Puts some handlers of a logger in place of others, which are closed; the rest stays."""
    kept = [handler for handler in logger.handlers if handler not in old]
    # One assignment: whoever says something meanwhile goes by the old list or by the new one.
    logger.handlers = [*kept, *new]
    for handler in old:
        handler.close()
