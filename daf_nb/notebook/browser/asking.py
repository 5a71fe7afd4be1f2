"""What is asked for, as properties of the browser, and the runs that are named to it."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from daf_nb.errors import ConfigError
from daf_nb.notebook.state import one_line

if TYPE_CHECKING:
    from daf_nb.notebook.browser.browser import RunBrowser

__all__ = ["asked", "numbers"]


def asked(field: str, about: str) -> Any:
    """A property that reads a field of the query, and finds anew when it is set.

    Args:
        field: of `Query`.
        about: its docstring.
    """

    def read(browser: RunBrowser) -> str:
        return getattr(browser._finding.query, field)

    def write(browser: RunBrowser, value: str) -> None:
        browser._ask(**{field: value})

    return property(read, write, doc=about)


def numbers(ids: Any) -> list[int]:
    """Numbers of runs, as they were given.

    Raises:
        ConfigError: no list, or one of something else.
    """
    try:
        if isinstance(ids, (str, bytes)):
            raise TypeError
        given = list(ids)
        if any(isinstance(one, bool) for one in given):
            raise TypeError
        return [operator.index(one) for one in given]
    except TypeError:
        came = one_line(repr(ids), limit=100)
        raise ConfigError(
            f"{came}: numbers of runs are wanted in a list, such as [5]; [] is for none."
        ) from None
