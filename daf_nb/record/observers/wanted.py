"""What a person asks for as an observer, checked before anything is recorded."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, Union

from daf_nb.config import lab
from daf_nb.errors import ConfigError, unknown_name
from daf_nb.record.redact import without_secrets

if TYPE_CHECKING:
    from daf_nb.record.sacred_api import RunObserver

__all__ = ["Observer", "Wanted", "check_observers", "mongo_place", "read_wanted", "wandb_project"]

Observer: TypeAlias = Union[str, "RunObserver"]

KINDS = {"mongo": "pymongo", "wandb": "wandb"}
NEAR = {"mongodb": "mongo", "pymongo": "mongo", "w&b": "wandb", "weights & biases": "wandb"}
LOCAL = "mongodb://localhost:27017"


class Wanted(NamedTuple):
    """One observer that is asked for.

    Attributes:
        kind: "mongo", "wandb", or "own" for an observer that the user made.
        target: what came after the colon: a database's URL, or a project.
        own: the user's own observer.
        name: what messages and `observers.json` call it; without a login.
    """

    kind: str
    target: str
    own: RunObserver | None
    name: str


def check_observers(wanted: Iterable[Observer]) -> None:
    """Raises what would keep these observers from ever being of use.

    A database or a service that does not answer is no such thing: a run waits for none.

    Raises:
        ConfigError: a name is unknown, a URL is none, or a package is not installed.
    """
    read_wanted(wanted)


def read_wanted(wanted: Iterable[Observer]) -> list[Wanted]:
    """The observers that are asked for, each once.

    Raises:
        ConfigError: as `check_observers`.
    """
    if isinstance(wanted, str):
        raise ConfigError(f"observers is a list, such as [{wanted!r}]; a text came.")
    found: list[Wanted] = []
    seen: list[Observer] = []
    for item in wanted:
        # By identity: Sacred's own MongoDB observer has no hash.
        if any(item is other or (isinstance(item, str) and item == other) for other in seen):
            continue
        seen.append(item)
        one = _read_text(item) if isinstance(item, str) else _read_own(item)
        same = sum(other.name.partition(" #")[0] == one.name for other in found)
        found.append(one._replace(name=f"{one.name} #{same + 1}") if same else one)
    return found


def mongo_place(target: str) -> tuple[str, str]:
    """URL and database: what the text says, then what the lab's settings say."""
    settings = lab()
    url = target or settings.mongo_url or LOCAL
    if "://" not in url:
        url = f"mongodb://{url}"
    path = url.partition("://")[2].partition("/")[2]
    return url, path.partition("?")[0] or settings.mongo_db


def wandb_project(target: str) -> str:
    """The project: what the text says, then the lab's settings, then `WANDB_PROJECT`."""
    return target or lab().wandb_project or os.environ.get("WANDB_PROJECT") or "daf_nb"


def _read_text(text: str) -> Wanted:
    kind, _, target = text.partition(":")
    if kind not in KINDS:
        near = NEAR.get(kind.lower())
        if near is not None:
            raise ConfigError(f"unknown observer {text[:80]!r}. Did you mean {near!r}?")
        known = ["mongo", "mongo:URL", "wandb", "wandb:PROJECT"]
        shown = str(without_secrets(text))[:80]
        raise ConfigError(
            unknown_name("observer", shown, known) + " An observer of Sacred's is accepted too."
        )
    if importlib.util.find_spec(KINDS[kind]) is None:
        raise ConfigError(
            f"The observer {kind!r} needs the package {KINDS[kind]}: pip install 'daf_nb[{kind}]'."
        )
    if kind == "mongo":
        _check_mongo(target)
    return Wanted(kind, target, None, str(without_secrets(text)))


def _check_mongo(target: str) -> None:
    import pymongo.errors
    import pymongo.uri_parser

    url, database = mongo_place(target)
    if url.startswith("mongodb+srv:"):
        return  # to parse it is to ask a name server
    try:
        pymongo.uri_parser.parse_uri(url)
    except (pymongo.errors.PyMongoError, ValueError) as error:
        raise ConfigError(
            f"{without_secrets(url)!r} is no URL of a MongoDB ({without_secrets(str(error))}); "
            "write mongo:mongodb://HOST:27017/DATABASE."
        ) from None
    if set(database) & set('/\\. "$*<>:|?'):
        raise ConfigError(f"{database!r} is no name of a MongoDB database.")


def _read_own(item: object) -> Wanted:
    from daf_nb.record.sacred_api import RunObserver

    if not isinstance(item, RunObserver):
        raise ConfigError(
            f"An observer is a text such as 'mongo' or 'wandb', or an instance of Sacred's "
            f"RunObserver; {type(item).__name__} came."
        )
    return Wanted("own", "", item, type(item).__name__)
