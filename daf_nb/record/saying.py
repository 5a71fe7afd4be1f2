"""A warning about the record, which must not end the thread that it is said in."""

from __future__ import annotations

import logging
import warnings

from daf_nb.errors import DafWarning

__all__ = ["say"]

logger = logging.getLogger("daf_nb.record")


def say(sentence: str) -> None:
    """Warns; where warnings are errors, logs instead."""
    try:
        warnings.warn(sentence, DafWarning, stacklevel=3)
    except DafWarning:
        logger.error("%s", sentence)
