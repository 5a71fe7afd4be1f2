"""Sacred's MongoDB observer, made so that every call can be repeated without doubling anything."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bson.errors
import pymongo.errors
from bson import ObjectId
from sacred.observers.mongo import MongoObserver

from daf_nb.record.files import read_regular
from daf_nb.record.observers.about import About
from daf_nb.record.observers.courier import Unsendable
from daf_nb.record.observers.documents import empty_series, object_id, storable
from daf_nb.record.sacred_api import RunObserver

__all__ = ["ExactMongo"]

TIMEOUTS = {"serverSelectionTimeoutMS": 3_000, "connectTimeoutMS": 5_000, "socketTimeoutMS": 15_000}
MOST_OUTPUT = 1_000_000  # characters: a document may have 16 MB
TOO_LARGE = (10334, 17280, 17419)  # the server's codes for a document over 16 MB
COLUMNS = ("steps", "values", "timestamps")


class ExactMongo(MongoObserver):
    """Writes what Sacred's own observer writes, in its layout, which Omniboard reads.

    A call that was interrupted at any point, its answer lost on the way included, is repeated as it
    was: a run's document is found by its key, and values are pushed only onto an array that has
    the length from before. So each method raises until it has succeeded, and may be called again.

    The `_id` is the next integer that is free in the database, as with Sacred's own observer: the
    number of a folder is not unique among machines, and a text in its place would stop the other
    observers of the database from counting on.

    Args:
        place: URL and database, or an observer of the user's, whose collections are used.
        about: the run.

    Attributes:
        reference: where the run is found in the database.
    """

    _client: Any
    fs: Any
    metrics: Any
    run_entry: Any
    runs: Any

    def __init__(self, place: tuple[str, str] | RunObserver, *, about: About) -> None:
        self._about = about
        self._owned = not isinstance(place, MongoObserver)
        self._series: dict[str, tuple[ObjectId, int]] = {}
        self._listed: list[dict[str, str]] = []
        self._full: set[str] = set()
        self._saved: dict[str, Any] = {}
        self.reference: str | None = None
        if isinstance(place, MongoObserver):
            self.initialize(place.runs, place.fs, metrics_collection=place.metrics)
        else:
            assert isinstance(place, tuple)
            url, database = place
            missing: dict[str, Any] = {
                key: ms for key, ms in TIMEOUTS.items() if key.lower() not in url.lower()
            }
            super().__init__(url=url, db_name=database, **missing)

    def close(self) -> None:
        """Gives the connections back, if they are ours."""
        if self._owned:
            self._client.close()

    def insert(self) -> None:
        """Finds the run's document, or makes it under the next free number."""
        about = self._about
        self.run_entry["daf_nb"] = {
            "key": about.key,
            "id": about.id,
            "name": about.name,
            "tags": list(about.tags),
            "folder": str(about.folder),
            "parent": about.parent,
        }
        while (own := self.runs.find_one({"daf_nb.key": about.key}, {"_id": 1})) is None:
            # Compared with a number, only numbers count; others may have other kinds of _id.
            newest = self.runs.find_one({"_id": {"$gte": 0}}, {"_id": 1}, sort=[("_id", -1)])
            self.run_entry["_id"] = int(newest["_id"]) + 1 if newest else 1
            # Omniboard keeps the tags and notes of its users there: only given at first.
            first = {"omniboard": {"tags": list(about.tags), "notes": about.notes or ""}}
            try:
                self.runs.insert_one({**storable(self.run_entry), **first})
            except pymongo.errors.DuplicateKeyError:
                continue  # another run was faster, or the answer to our own insert was lost
        self.run_entry["_id"] = own["_id"]
        self._begin_again()
        self.reference = f"{self.runs.full_name}, _id {own['_id']}"
        self.save()

    def save(self) -> None:
        """Writes the run's document.

        Raises:
            Unsendable: the server will never take it.
        """
        entry = storable(self.run_entry)
        mine = {"_id": entry.pop("_id")}
        # The output may be long: what the server has need not be sent again.
        changed = {key: value for key, value in entry.items() if self._saved.get(key) != value}
        try:
            if not self.runs.update_one(mine, {"$set": changed}).matched_count:
                self.runs.update_one(mine, {"$set": entry}, upsert=True)
            self._saved = entry
        except (bson.errors.BSONError, pymongo.errors.DocumentTooLarge, OverflowError) as error:
            raise Unsendable(f"the run's document: {error}") from error
        except pymongo.errors.OperationFailure as error:
            raise _reason(error, "the run's document") from error

    def final_save(self, attempts: int) -> None:
        """Writes the run's document; who calls tries again."""
        self.save()

    def save_sources(self, ex_info: Mapping[str, Any]) -> list[list[Any]]:
        """Stores the launching code once, under an id that follows from the run's key."""
        path = self._about.folder / "source.py"
        if not path.is_file():
            return []
        return [["source.py", self._put_file("source.py", path)]]

    def heartbeat_event(
        self, info: Mapping[str, Any], captured_out: str, beat_time: datetime.datetime, result: Any
    ) -> None:
        super().heartbeat_event(
            info={**info, "metrics": self._listed},
            captured_out=self._output(captured_out),
            beat_time=beat_time,
            result=result,
        )

    def artifact_event(
        self, name: str, filename: str, metadata: Any = None, content_type: str | None = None
    ) -> None:
        path = Path(filename)
        if not path.is_file():
            raise Unsendable(f"artifact {name}: the file is gone")
        entry = {"name": name, "file_id": self._put_file(f"artifacts/{name}", path)}
        if entry not in self.run_entry["artifacts"]:
            self.run_entry["artifacts"].append(entry)
        self.save()

    def log_metrics(self, metrics_by_name: Mapping[str, Mapping[str, Any]], info: Any) -> None:
        self._create([name for name in metrics_by_name if name not in self._series])
        requests: list[Any] = []
        after: dict[str, int] = {}
        for name, series in metrics_by_name.items():
            if name in self._full:
                continue
            document, count = self._series[name]
            push = {column: {"$each": list(series[column])} for column in COLUMNS}
            guard = {"_id": document, "steps": {"$size": count}}
            requests.append(pymongo.UpdateOne(guard, {"$push": push}))
            after[name] = count + len(series["values"])
        try:
            done = self.metrics.bulk_write(requests, ordered=False) if requests else None
        except pymongo.errors.OperationFailure as error:
            if not isinstance(_reason(error, "the metrics"), Unsendable):
                raise
            full = {name for name, count in after.items() if not self._has(name, count)}
            self._full |= full
            after = {name: count for name, count in after.items() if name not in full}
        else:
            if done is not None and done.modified_count != len(after):
                self._prove(after)
        # Only now, when nothing can fail any more: what is noted here is not sent again.
        for name, count in after.items():
            self._series[name] = (self._series[name][0], count)
        refused = sorted(self._full & set(metrics_by_name))
        if refused:
            raise Unsendable(f"metrics {', '.join(refused)}: over the 16 MB of a MongoDB document")

    def _begin_again(self) -> None:
        """Empties the run's metrics, of which there are some when it is delivered once more."""
        mine = {"run_id": self.run_entry["_id"]}
        self._series, self._listed = {}, []
        for there in self.metrics.find(mine, {"_id": 1, "name": 1}):
            self._series[there["name"]] = (there["_id"], 0)
            self._listed.append({"name": there["name"], "id": str(there["_id"])})
        if self._series:
            self.metrics.update_many(mine, {"$set": empty_series()})

    def _create(self, names: Sequence[str]) -> None:
        """Makes the documents of new metrics, and lists them in the run's."""
        if not names:
            return
        number = self.run_entry["_id"]
        # The same at each attempt: a document that was made unheard is found again.
        found = {name: object_id(f"{self._about.key}/metrics/{name}") for name in names}
        self.metrics.bulk_write(
            [
                pymongo.UpdateOne(
                    {"_id": document},
                    {"$setOnInsert": {"run_id": number, "name": name, **empty_series()}},
                    upsert=True,
                )
                for name, document in found.items()
            ]
        )
        self._series.update((name, (document, 0)) for name, document in found.items())
        self._listed += [{"name": name, "id": str(document)} for name, document in found.items()]

    def _prove(self, after: Mapping[str, int]) -> None:
        """That what was not pushed now was pushed before, unheard."""
        for name, count in after.items():
            if not self._has(name, count):
                raise Unsendable(f"metric {name}: it was changed in the database by others")

    def _has(self, name: str, count: int) -> bool:
        document = {"_id": self._series[name][0], "steps": {"$size": count}}
        return self.metrics.find_one(document, {"_id": 1}) is not None

    def _put_file(self, name: str, path: Path) -> ObjectId:
        data = read_regular(path)
        number = object_id(f"{self._about.key}/{name}/", data)
        if not self.fs.exists(number):
            self.fs.delete(number)  # chunks of an attempt that was cut short
            self.fs.put(data, _id=number, filename=f"daf_nb://{self._about.key}/{name}")
        return number

    def _output(self, text: str) -> str:
        """What the run has printed; of very much, the end."""
        if not text:
            with contextlib.suppress(OSError):
                text = read_regular(self._about.folder / "cout.txt").decode("utf-8", "replace")
        cut = len(text) - MOST_OUTPUT
        return f"[{cut} characters are in the run's folder]\n{text[cut:]}" if cut > 0 else text


def _reason(error: pymongo.errors.OperationFailure, what: str) -> Exception:
    """The error itself, or that there is no point in repeating the call."""
    details = error.details or {}
    codes = [error.code, *(one.get("code") for one in details.get("writeErrors", []))]
    if any(code in TOO_LARGE for code in codes):
        return Unsendable(f"{what}: over the 16 MB of a document of MongoDB")
    return error
