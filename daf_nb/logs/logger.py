"""A component's logger: a message, and fields beside it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from daf_nb.errors import ConfigError
from daf_nb.logs.plain import as_text

__all__ = ["FIELDS", "TREE", "Logger", "component_of", "get_logger", "stdlib_logger"]

TREE = "daf_nb"
"""The logger of the standard library that all others hang under."""

FIELDS = "daf_nb_fields"
"""The attribute of a log record that holds its fields."""


class Logger:
    """Says what one component has to say, with fields beside the message.

    The component "training" is the standard library's logger "daf_nb.training". No call raises,
    whatever the fields are; a field may have any name, "message" and "fields" too.

    Args:
        component: any text; dots make a tree. "daf_nb" is the whole.

    Raises:
        ConfigError: the component is no text, or an empty one.
    """

    def __init__(self, component: str = TREE) -> None:
        self._logger = stdlib_logger(component)
        self.component = component_of(self._logger.name)

    def debug(
        self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any
    ) -> None:
        """Says what helps to find a fault."""
        self._say(logging.DEBUG, message, fields, more)

    def info(
        self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any
    ) -> None:
        """Says that something happened as it should."""
        self._say(logging.INFO, message, fields, more)

    def warning(
        self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any
    ) -> None:
        """Says what is allowed but probably not meant."""
        self._say(logging.WARNING, message, fields, more)

    def error(
        self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any
    ) -> None:
        """Says what went wrong."""
        self._say(logging.ERROR, message, fields, more)

    def exception(
        self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any
    ) -> None:
        """Says what went wrong, with the traceback of the exception that is being handled."""
        self._say(logging.ERROR, message, fields, more, traceback=True)

    def __repr__(self) -> str:
        return f"Logger({self.component!r})"

    def _say(
        self, level: int, message: object, fields: object, more: Any, *, traceback: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            # As text from here on, for handlers that are not ours; the third frame is the caller's.
            self._logger.log(
                level,
                as_text(message),
                exc_info=traceback,
                extra={FIELDS: (fields, more)},
                stacklevel=3,
            )


def get_logger(component: str = TREE) -> Logger:
    """The logger of a component: `get_logger("training").info("Progress", {"episode": 3})`."""
    return Logger(component)


def stdlib_logger(component: str) -> logging.Logger:
    """The standard library's logger of a component, under the tree "daf_nb".

    Raises:
        ConfigError: the component is no text, or an empty one.
    """
    if not isinstance(component, str) or not component.strip(". "):
        raise ConfigError(f"a component is a text, such as 'training'; {component!r} came.")
    if component == TREE or component.startswith(f"{TREE}."):
        return logging.getLogger(component)
    return logging.getLogger(f"{TREE}.{component}")


def component_of(name: str) -> str:
    """What a logger of the standard library is called as a component: its name in the tree."""
    return name.removeprefix(f"{TREE}.")
