"""Keeps secrets out of the record: the environment's, a config's, and those that show by shape."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from daf_nb.record.plain import loads, to_plain
from daf_nb.record.secret_shapes import (
    REDACTED,
    SHAPES,
    URL_LOGIN,
    is_ordinary,
    is_password_name,
    is_secret_name,
    without_telling,
)

__all__ = ["REDACTED", "hider", "secrets_in", "without_secrets"]

SHORTEST = 8  # characters: anything shorter occurs by chance


def hider(
    environ: Mapping[str, str] = os.environ, *, also: Iterable[str] = ()
) -> Callable[[bytes], bytes]:
    """A function that puts "<redacted>" where a secret of the environment stands in some bytes.

    Secret are the values of variables whose names say so, logins in URLs, and what has the shape of
    a well-known token; not what is shorter than 8 characters or ordinary (a number, a word, a
    path), which would be found everywhere. They are found in UTF-8 as they are and as JSON, Python
    and URLs escape them; of a secret of several lines each line counts. The environment is read
    once, now.

    Args:
        environ: the environment variables.
        also: more secrets, such as `secrets_in` finds in a config.
    """
    secrets = {text for name, value in environ.items() for text in _secrets_of(name, value)}
    secrets.update(text for text in also if _is_worth_hiding(text, thought_up=True))
    forms = {form for secret in secrets for form in _forms(secret)}
    # Longest first: one secret may begin with another.
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    if not ordered:
        return bytes
    mark = REDACTED.encode()

    def hide(data: bytes) -> bytes:
        for secret in ordered:
            if secret in data:
                data = data.replace(secret, mark)
        return data

    return hide


def without_secrets(value: Any) -> Any:
    """A plain JSON value with "<redacted>" in place of its secrets.

    Those are: every text under a key whose name says so (password, token, API key, ...), logins in
    URLs, and well-known shapes of tokens and private keys, anywhere in any text. Numbers, truth
    values and None stay. Doing it twice changes nothing more.
    """
    try:
        return _cleaned(value, secret=False)
    except (RecursionError, RuntimeError):  # inside itself, or changing meanwhile
        return _cleaned(to_plain(value), secret=False)


def secrets_in(value: Any) -> list[str]:
    """The texts that `without_secrets` takes out of a plain JSON value, to be hidden elsewhere."""
    return list(_found(to_plain(value), name=""))


def _cleaned(value: Any, *, secret: bool) -> Any:
    if isinstance(value, str):
        return REDACTED if secret and value else _without_shapes(value)
    if isinstance(value, Mapping):
        return _cleaned_mapping(value, secret=secret)
    if isinstance(value, list | tuple):
        return [_cleaned(item, secret=secret) for item in value]
    return value


def _cleaned_mapping(mapping: Mapping[Any, Any], *, secret: bool) -> dict[Any, Any]:
    cleaned: dict[Any, Any] = {}
    for key, item in mapping.items():
        hidden = secret or (isinstance(key, str) and is_secret_name(key))
        name = _without_shapes(key) if isinstance(key, str) else key
        while name in cleaned:
            name = f"{name} (again)"
        cleaned[name] = _cleaned(item, secret=hidden)
    return cleaned


def _without_shapes(text: str) -> str:
    # Every shape is longer than this; most texts of a record are not.
    if len(text) < SHORTEST:
        return text
    text = SHAPES.sub(REDACTED, text)
    if "://" in text:
        text = URL_LOGIN.sub(REDACTED, text)
    return without_telling(text) if "=" in text or ":" in text else text


def _secrets_of(name: str, value: str) -> Iterator[str]:
    """What is secret in one environment variable."""
    texts = list(_shaped(value))
    if is_secret_name(name, anywhere=True):
        texts += [value.strip(), *(line.strip() for line in value.splitlines())]
    if value.lstrip().startswith("{"):
        with contextlib.suppress(ValueError):
            texts += secrets_in(loads(value))
    thought_up = is_password_name(name)
    for text in texts:
        if _is_worth_hiding(text, thought_up=thought_up or text != value.strip()):
            yield text


def _is_worth_hiding(text: str, *, thought_up: bool) -> bool:
    return len(text) >= SHORTEST and not is_ordinary(text, thought_up=thought_up)


def _shaped(text: str) -> Iterator[str]:
    for match in SHAPES.finditer(text):
        yield match[0]
        yield from (line for line in match[0].splitlines() if not line.startswith("-----"))
    for match in URL_LOGIN.finditer(text):
        login = match[0]
        password = login.partition(":")[2]
        yield from (login, password, urllib.parse.unquote(password))


def _found(value: Any, *, name: str) -> Iterator[str]:
    if isinstance(value, str):
        if name and value != REDACTED:
            yield value
        yield from _shaped(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _found(item, name=name or (key if is_secret_name(key) else ""))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _found(item, name=name)


def _forms(secret: str) -> Iterator[bytes]:
    """A secret as it may stand in a file: itself, and as JSON, Python and URLs escape it."""
    texts = {secret, repr(secret)[1:-1], urllib.parse.quote(secret, safe="")}
    for _ in range(2):  # JSON inside JSON is a text of a cell in its record
        for text in list(texts):
            texts.update((json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]))
    for text in texts:
        yield text.encode("utf-8", "surrogateescape")
