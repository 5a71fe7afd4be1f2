"""The images that an experiment's code displays, kept as figures of its record."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from daf_nb.record.cells.experiment import Experiment
from daf_nb.record.cells.scope import current

__all__ = ["displayed_images"]

SUFFIXES = {"image/png": "png", "image/svg+xml": "svg", "image/jpeg": "jpg"}
"""Of several forms of one picture the first is kept."""
KINDS = ("display_data", "execute_result")


@contextlib.contextmanager
def displayed_images(shell: Any, experiment: Experiment) -> Iterator[None]:
    """Keeps what the calling thread displays in a kernel, until the end of the block.

    Of experiments inside each other the innermost keeps an image. In a terminal nothing is
    displayed, and nothing kept.
    """

    def hook(message: dict[str, Any]) -> dict[str, Any]:
        # Whatever goes wrong with the record, a display is not what it may break.
        with contextlib.suppress(Exception):
            scope = current()
            if scope is not None and scope.folder == experiment.folder:
                _keep(message, experiment)
        return message

    publishers = [
        publisher
        for publisher in (shell.display_pub, shell.displayhook)
        if hasattr(publisher, "register_hook")
    ]
    for publisher in publishers:
        publisher.register_hook(hook)
    try:
        yield
    finally:
        for publisher in publishers:
            publisher.unregister_hook(hook)


def _keep(message: Mapping[str, Any], experiment: Experiment) -> None:
    if message["header"]["msg_type"] not in KINDS:
        return
    data = message["content"]["data"]
    for kind, suffix in SUFFIXES.items():
        if kind in data:
            experiment.keep_image(_bytes(data[kind], binary=suffix != "svg"), suffix=suffix)
            return


def _bytes(content: str | bytes, *, binary: bool) -> bytes:
    if isinstance(content, bytes):
        return content
    text = content.encode()
    if not binary:
        return text
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error:
        return b""
