"""Which code of the libraries the quick ways follow, and whether a world still runs that code.

A quick way computes what a world's own methods would, from reading them. It is taken only where
those methods are, word for word, the ones that were read, and where nobody has put others in their
place. Another version of a library, a subclass with a `reward` of its own or a method set on an
instance is stepped by the world's own methods, with the results that they give.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from daf_nb.envs.followed_digests import FOLLOWED

__all__ = ["FOLLOWED", "differing_methods", "digest_of", "follows", "is_followed", "is_untouched"]


def follows(what: str, *instances: Any) -> bool:
    """Whether a quick way may stand for what these objects do.

    Args:
        what: a key of `FOLLOWED`.
        instances: the objects whose methods are done again.
    """
    return is_followed(what) and all(is_untouched(what, instance) for instance in instances)


@cache
def is_followed(what: str) -> bool:
    """Whether the installed library's code is what the quick way was written after.

    The sources are read once per process.

    Args:
        what: a key of `FOLLOWED`.
    """
    return not differing_methods(what)


def is_untouched(what: str, instance: Any) -> bool:
    """Whether an object runs the library's own methods, where they are followed.

    Args:
        what: a key of `FOLLOWED`.
        instance: any object; what it inherits from other classes is not looked at.
    """
    own = getattr(instance, "__dict__", {})
    kind = type(instance)
    for name, value in _methods_of(what, kind):
        if name in own or getattr(kind, name, None) is not value:
            return False
    return True


def differing_methods(what: str) -> Mapping[str, str]:
    """The followed methods whose source is another than when it was followed.

    Args:
        what: a key of `FOLLOWED`.

    Returns:
        "module:Class.method" -> its digest now, or "" where it is gone or its source is not there.
    """
    now = {name: digest_of(name) for name in FOLLOWED[what]}
    return {name: digest for name, digest in now.items() if digest != FOLLOWED[what][name]}


def digest_of(name: str) -> str:
    """The SHA-256 of a method's source, first 16 digits, whatever the white space.

    Args:
        name: "module:Class.method" or "module:function".

    Returns:
        The digest, or "" where there is no such method or no source of it.
    """
    try:
        value = _found(name)[2]
        source = inspect.getsource(getattr(value, "fget", value))  # of a property, its getter's
    except (AttributeError, ImportError, OSError, TypeError):
        return ""
    return hashlib.sha256(" ".join(source.split()).encode()).hexdigest()[:16]


def _found(name: str) -> tuple[Any, str, Any]:
    module, _, path = name.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, last = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    return owner, last, getattr(owner, last)


@cache
def _methods(what: str) -> tuple[tuple[type, str, Any], ...]:
    return tuple(_found(name) for name in FOLLOWED[what] if "." in name.partition(":")[2])


@lru_cache(maxsize=256)
def _methods_of(what: str, kind: type) -> tuple[tuple[str, Any], ...]:
    lines = kind.__mro__
    mine = [found for found in _methods(what) if found[0] in lines]
    mine.sort(key=lambda found: lines.index(found[0]), reverse=True)
    return tuple({name: value for _, name, value in mine}.items())  # a subclass's own come last
