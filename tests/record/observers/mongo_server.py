"""A small MongoDB server for tests: the wire protocol over TCP, and mongomock behind it.

And a proxy that loses connections before or after the server has done what it was asked to.
"""

from __future__ import annotations

import contextlib
import copy
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import bson
import mongomock
from pymongo.errors import DuplicateKeyError

MESSAGE, QUERY, REPLY = 2013, 2004, 1
HELLO = {
    "helloOk": True,
    "isWritablePrimary": True,
    "ismaster": True,
    "maxBsonObjectSize": 16 * 2**20,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "readOnly": False,
}


def read_message(connection: socket.socket) -> bytes:
    """One message; ConnectionError at the end of the connection."""
    head = _read(connection, 4)
    return head + _read(connection, struct.unpack("<i", head)[0] - 4)


def command_of(message: bytes) -> dict[str, Any]:
    """The command in a message, with its documents."""
    if struct.unpack_from("<i", message, 12)[0] == QUERY:
        start = message.index(b"\0", 20) + 1 + 8
        return bson.decode(message[start:])
    command: dict[str, Any] = {}
    position = 20
    while position < len(message):
        kind, size = message[position], struct.unpack_from("<i", message, position + 1)[0]
        section = message[position + 1 : position + 1 + size]
        if kind == 0:
            command.update(bson.decode(section))
        else:
            end = section.index(b"\0", 4)
            command[section[4:end].decode()] = bson.decode_all(section[end + 1 :])
        position += 1 + size
    return command


class MongoServer:
    """Serves until closed. Commands are executed one at a time.

    Args:
        most_bytes: the size that a document may have after an update.
    """

    def __init__(self, *, most_bytes: int = 16 * 2**20) -> None:
        self.client = mongomock.MongoClient()
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._listener = _Listener(self._serve)
        self.port = self._listener.port

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        while True:
            message = read_message(connection)
            _, number, _, kind = struct.unpack_from("<iiii", message)
            with self._lock:
                body = bson.encode(self._answer(command_of(message)))
            if kind == QUERY:
                head = struct.pack("<iiiiiqii", 36 + len(body), 0, number, REPLY, 8, 0, 0, 1)
            else:
                head = struct.pack("<iiiiib", 21 + len(body), 0, number, MESSAGE, 0, 0)
            connection.sendall(head + body)

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if name.lower() in ("hello", "ismaster"):
            return {**HELLO, "ok": 1}
        if name in ("ping", "endSessions", "killCursors"):
            return {"ok": 1}
        action = getattr(self, f"_{name}", None)
        if action is None:
            return {"ok": 0, "code": 59, "errmsg": f"no such command: {name}"}
        database = self.client[command["$db"]]
        return {"ok": 1, **action(database[command[name]], command)}

    def _insert(self, collection: Any, command: dict[str, Any]) -> dict[str, Any]:
        errors, done = [], 0
        for index, document in enumerate(command["documents"]):
            try:
                collection.insert_one(document)
                done += 1
            except (DuplicateKeyError, mongomock.DuplicateKeyError) as error:
                errors.append({"index": index, "code": 11000, "errmsg": str(error)})
                if command.get("ordered", True):
                    break
        return {"n": done, **({"writeErrors": errors} if errors else {})}

    def _update(self, collection: Any, command: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"n": 0, "nModified": 0}
        for index, one in enumerate(command["updates"]):
            query, change = one["q"], one["u"]
            before = collection.find_one(query)
            if one.get("multi"):
                for found in collection.find(query, {"_id": 1}):
                    # mongomock would let several documents share one list.
                    collection.update_one({"_id": found["_id"]}, copy.deepcopy(change))
                    answer["n"] += 1
                continue
            result = collection.update_one(query, change, upsert=one.get("upsert", False))
            after = before and collection.find_one({"_id": before["_id"]})
            if after and len(bson.encode(after)) > self.most_bytes:
                collection.replace_one({"_id": before["_id"]}, before)
                error = {"index": index, "code": 17419, "errmsg": "too large"}
                answer.setdefault("writeErrors", []).append(error)
                if command.get("ordered", True):
                    break
                continue
            answer["n"] += result.matched_count
            answer["nModified"] += result.modified_count
            if result.upserted_id is not None:
                answer["n"] += not result.matched_count
                upserted = {"index": index, "_id": result.upserted_id}
                answer.setdefault("upserted", []).append(upserted)
        return answer

    def _delete(self, collection: Any, command: dict[str, Any]) -> dict[str, Any]:
        done = 0
        for one in command["deletes"]:
            delete = collection.delete_one if one["limit"] else collection.delete_many
            done += delete(one["q"]).deleted_count
        return {"n": done}

    def _find(self, collection: Any, command: dict[str, Any]) -> dict[str, Any]:
        found = collection.find(command.get("filter", {}), command.get("projection"))
        if command.get("sort"):
            found = found.sort(list(command["sort"].items()))
        found = found.skip(command.get("skip", 0)).limit(abs(command.get("limit", 0)))
        return _cursor(collection, list(found))

    def _aggregate(self, collection: Any, command: dict[str, Any]) -> dict[str, Any]:
        return _cursor(collection, list(collection.aggregate(command["pipeline"])))

    def _listIndexes(self, collection: Any, command: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {"v": 2, "name": name, "key": dict(index["key"])}
            for name, index in collection.index_information().items()
        ]
        return _cursor(collection, rows)

    def _createIndexes(self, collection: Any, command: dict[str, Any]) -> dict[str, Any]:
        for index in command["indexes"]:
            keys = [(key, int(order)) for key, order in index["key"].items()]
            collection.create_index(keys, unique=index.get("unique", False))
        return {}


class Proxy:
    """Passes on what clients and the server say, and decides about each command.

    Args:
        port: the server's.
        decide: from the name of a command to what becomes of it: "pass"; "before" or "after", the
            connection is lost before or after the server did it; "hang", no answer until `wake`.
    """

    def __init__(self, port: int, decide: Callable[[str], str] = lambda name: "pass") -> None:
        self._target, self._decide = port, decide
        self._down, self._awake = threading.Event(), threading.Event()
        self._listener = _Listener(self._serve)
        self.port = self._listener.port

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Every connection is lost, and every new one, until `start`."""
        self._down.set()
        self._listener.drop()

    def start(self) -> None:
        self._down.clear()

    def wake(self) -> None:
        self._awake.set()

    def close(self) -> None:
        self._awake.set()
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        if self._down.is_set():
            return
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            while True:
                message = read_message(connection)
                name = next(iter(command_of(message)))
                fate = self._decide(name) if name.lower() not in ("hello", "ismaster") else "pass"
                if fate == "before" or self._down.is_set():
                    return
                server.sendall(message)
                answer = read_message(server)
                if fate == "hang":
                    self._awake.wait()
                if fate == "after" or self._down.is_set():
                    return
                connection.sendall(answer)


class _Listener:
    """Accepts connections and serves each on a thread, until closed."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]
        self._connections: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.drop()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        self._connections.add(connection)
        try:
            with connection, contextlib.suppress(OSError):
                self._serve(connection)
        finally:
            self._connections.discard(connection)


def _cursor(collection: Any, rows: list[Any]) -> dict[str, Any]:
    return {"cursor": {"id": 0, "ns": collection.full_name, "firstBatch": rows}}


def _read(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError("the connection is over")
        data += part
    return bytes(data)
