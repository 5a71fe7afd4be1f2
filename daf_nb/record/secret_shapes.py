"""What a secret looks like: the names that are given to one, and the shapes that services use."""

from __future__ import annotations

import functools
import re

__all__ = [
    "REDACTED",
    "SHAPES",
    "URL_LOGIN",
    "is_ordinary",
    "is_password_name",
    "is_secret_name",
    "without_telling",
]

REDACTED = "<redacted>"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PASSWORDS = _words("password passwords passwd passphrase pwd secret secrets")
_SECRETS = _PASSWORDS | _words(
    "accesskey accesstoken apikey auth authorization authtoken bearer connectionstring credential "
    "credentials jwt privatekey secretkey webhook"
)
_ENDINGS = ("password", "passwd", "passphrase", "apikey")  # PGPASSWORD, MYAPIKEY
_KEYS = _words(
    "access account admin api app auth client consumer deploy encryption license master private "
    "secret service shared signing ssh storage subscription wandb"
)
_PASSES = _words("admin db ftp login mail mongo root smtp user")
# `pad_token` is a word of a vocabulary; a `token_type` or a `password_file` says something about
# a secret and is none.
_VOCABULARY = _words("begin bos cls decoder end eos image mask pad sep special start stop unk")
_ABOUT = _words(
    "class count counts dim dir dropout embed embedding embeddings enabled encoder expiry field "
    "file format index kind length level limit method mixer mode name names order path policy "
    "prefix provider required scheme size sock socket strategy style type types usage user "
    "username version"
)
_QUALIFIERS = _words(
    "b64 base64 current default dev id json key main new old prod production staging string test "
    "text token url value"
)
_PLACEHOLDERS = _words("changeme disabled example password redacted required undefined")

# https://docs.github.com/en/code-security/secret-scanning lists most of these shapes.
SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]*-----|\Z)"
    r"|(?<![A-Za-z0-9])(?:"
    r"gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{22,255}|glpat-[\w-]{20,}"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|sk-(?:ant|proj|svcacct|admin|or)-[\w-]{16,}|sk-(?=[A-Za-z]*[0-9])[A-Za-z0-9]{20,}"
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|wandb_v1_\w{20,}|hf_[A-Za-z0-9]{30,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"
    r"|npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|[0-9]{8,10}:[A-Za-z0-9_-]{35}(?![\w-])"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*"
    r")"
    r"|(?<=://hooks\.slack\.com/services/)[\w/]{16,}"
    r"|(?<=://discord\.com/api/webhooks/)[\w/-]{16,}"
)
# The login of a URL: with a password under any scheme; a name alone may be a token under http.
URL_LOGIN = re.compile(
    r"(?<=://)[^\s/?#\"'<>:]*:[^\s/?#\"'<>]+(?=@)"
    r"|(?:(?<=https://)|(?<=http://))[^\s/?#\"'<>:@]+(?=@)"
)
# A value after its name, in the places where code does not look like this.
_TELLING = re.compile(
    r"(?i)([?&;][ ]?[\w-]*(?:token|secret|password|pwd|api[_-]?key|accountkey|accesskey|signature)"
    r"=)(?!<redacted>)[^&;\s\"'#<>]+"
    r"|(authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+)(?!<redacted>)[^\s\"'<>]+"
)


@functools.lru_cache(maxsize=4096)
def is_secret_name(name: str, *, anywhere: bool = False) -> bool:
    """Whether something of this name is a secret: a key, a field, a variable.

    Args:
        name: in any case: `dbPassword`, `DB_PASSWORD`, `db-password`.
        anywhere: the name may go on after the word that tells, as in `TOKEN_FOR_SLACK`.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    return any(
        _is_secret_word(words, index)
        and (anywhere or all(_qualifies(word) for word in words[index + 1 :]))
        for index in range(len(words))
    )


def is_password_name(name: str) -> bool:
    """Whether what the name is given to was thought up by a person, and so may be a plain word."""
    words = [word.lower() for word in _WORD.findall(name)]
    return any(word in _PASSWORDS or word.endswith(_ENDINGS) for word in words)


def is_ordinary(value: str, *, thought_up: bool = False) -> bool:
    """Whether a value is too ordinary to be hidden wherever it occurs.

    Numbers, truth values, placeholders and paths are; so is a word, unless it was `thought_up` as
    a password.
    """
    if value.lower() in _PLACEHOLDERS or value in REDACTED:
        return True
    if value.isalpha() and len(value) <= 16 and (value[1:].islower() or value.isupper()):
        return not thought_up
    try:
        float(value.replace("_", "").replace(",", "."))
    except ValueError:
        return _is_path(value)
    return True


def without_telling(text: str) -> str:
    """The text without the values that follow a telling name in a URL, a DSN or a header."""
    return _TELLING.sub(lambda match: f"{match[1] or match[2]}{REDACTED}", text)


def _qualifies(word: str) -> bool:
    return word in _QUALIFIERS or word.isdigit()


def _is_secret_word(words: list[str], index: int) -> bool:
    word = words[index]
    before = words[index - 1] if index else ""
    after = words[index + 1] if index + 1 < len(words) else ""
    if after in _ABOUT:
        return False
    if word == "token":
        return before not in _VOCABULARY
    if word == "key":
        return before in _KEYS
    if word == "pass":
        return not after and (not before or before in _PASSES)
    if word == "pat":
        return bool(before)
    if word == "string":
        return before in ("connection", "conn")
    return word in _SECRETS or word.endswith(_ENDINGS)


def _is_path(value: str) -> bool:
    if not re.match(r"(?:~|\.{1,2})?[/\\]|[A-Za-z]:[/\\]", value) or "\n" in value:
        return False
    # Base64 may begin with a slash too: a part of a path is seldom long, mixed and numbered.
    return not any(
        len(part) >= 16
        and re.search("[a-z]", part)
        and re.search("[A-Z]", part)
        and re.search("[0-9+=]", part)
        for part in re.split(r"[/\\]", value)
    )
