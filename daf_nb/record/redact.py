"""Keeps secrets out of the record: the environment's, a config's, and those that show by shape."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
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

__all__ = ["REDACTED", "Hider", "hider", "secrets_in", "without_secrets"]

SHORTEST = 8  # characters: anything shorter occurs by chance


class Hider:
    """Puts "<redacted>" where one of some byte strings stands in some bytes, when it is called.

    Args:
        forms: what is hidden, in every way in which it may be written; none is empty.
    """

    def __init__(self, forms: Iterable[bytes] = ()) -> None:
        # Longest first: one secret may begin with another.
        self._forms = sorted(set(forms), key=lambda form: (-len(form), form))
        self._by_first: dict[int, list[bytes]] = {}
        for form in self._forms:
            self._by_first.setdefault(form[0], []).append(form)
        self._mark = REDACTED.encode()

    def __call__(self, data: bytes) -> bytes:
        """The bytes without what is hidden; the same object where there is nothing to hide."""
        for secret in self._forms:
            if secret in data:
                data = data.replace(secret, self._mark)
        return bytes(data)

    def held_back(self, data: bytes) -> int:
        """How many bytes at the end must wait for more, as a secret may have begun in them.

        That is the longest end of `data` with which a secret begins, or more where a whole secret
        would be cut in two.
        """
        if not self._forms:
            return 0
        longest = len(self._forms[0]) - 1
        cut = len(data)
        for start in range(max(0, len(data) - longest), len(data)):
            forms = self._by_first.get(data[start], ())
            end = data[start:] if forms else b""
            if any(len(form) > len(end) and form.startswith(end) for form in forms):
                cut = start
                break
        return len(data) - self._uncut(data, cut)

    def _uncut(self, data: bytes, cut: int) -> int:
        """The last place at or before `cut` that lies inside no secret."""
        while True:
            before = cut
            for form in self._forms:
                found = data.find(form, max(0, cut - len(form) + 1), cut + len(form) - 1)
                if found >= 0:
                    cut = min(cut, found)
            if cut == before:
                return cut


def hider(environ: Mapping[str, str] = os.environ, *, also: Iterable[str] = ()) -> Hider:
    """Puts "<redacted>" where a secret of the environment stands in some bytes.

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
    return Hider(form for secret in secrets for form in _forms(secret))


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
