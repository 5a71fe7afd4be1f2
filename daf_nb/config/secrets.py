"""Keeps the login of a database out of what is shown."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["without_login"]

# To the last "@": a password may hold one that nobody escaped. Options may be secret as well.
_LOGIN = re.compile(r"(?<=://).*@", re.DOTALL)
_OPTIONS = re.compile(r"(://[^\s'\"?]*\?)[^'\"]+")


def without_login(value: Any) -> Any:
    """A value with `<hidden>` for what is secret in URLs, in texts and in lists of them."""
    if isinstance(value, str):
        return _OPTIONS.sub(r"\1<hidden>", _LOGIN.sub("<hidden>@", value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(without_login, value))
    return value
