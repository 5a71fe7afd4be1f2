"""What is asked for, as properties of the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daf_nb.notebook.browser.browser import RunBrowser

__all__ = ["asked"]


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
