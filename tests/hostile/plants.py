"""What a stranger could put into each place of a run's folder that is read; each would show itself.

All of it that could run leaves a file in the folder that the environment calls CANARY.
"""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daf_nb.envs.tape import Tape
from daf_nb.envs.worlds import World
from daf_nb.record.checkpoints.manifest import MANIFEST, manifest_bytes, read_manifest

__all__ = ["HOSTILE", "PLANTS", "Place", "code", "plant"]

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e/../../etc"
NAMED = [
    "subprocess:run", "os:system", "os.system", "builtins.exec", "planted:make", "planted.make",
    "daf_nb.envs.worlds:importlib", "torch.nn.modules.module.os.system",
    "stable_baselines3.common.utils.os.system", "!!python/object/apply:os.system ['touch x']",
]  # fmt: skip
"""Names that stand for code, in the ways in which names are looked up."""
TAGGED: list[Any] = [
    {"py/object": "planted.Thing", "py/reduce": [{"py/function": "os.system"}, ["touch x"]]},
    {"__class__": "planted.Thing", "__module__": "planted"},
    {"bit_generator": {"items": [["bit_generator", "os.system"]]}},
    {"dtype": "O", "shape": [1], "data": ["x"]},
    {"dtype": "|O8", "data": "", "shape": [-1]},
    {"tuple": [{"deque": [{"scalar": "O", "data": [1]}], "maxlen": "x"}]},
    {"$reduce": "os.system"}, "!!python/object/apply:os.system [x]", "{{7*7}}", "${jndi:x}",
]  # fmt: skip
"""What readers of other makes would make objects of."""
DOCUMENTS = ["run.json", "config.json", "facts.json", "info.json", "history.json", "script.json",
             "observers.json", "metrics.json"]  # fmt: skip
LOGS = ["metrics.jsonl", "events.jsonl", "journal.jsonl", "tapes.jsonl"]
OTHERS = ["source.py", "cout.txt", "lock", "checkpoints/all.zip", "figures/001.png"]
FILES = [*DOCUMENTS, *LOGS, *OTHERS]
DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000


@dataclass(frozen=True)
class Place:
    """Where to plant.

    Attributes:
        folder: of the run.
        outside: a folder that nothing should lead to, with a file `secret` in it.
    """

    folder: Path
    outside: Path

    def change(self, name: str, change: Callable[[dict[str, Any]], Any]) -> None:
        """Changes a JSON file."""
        told = json.loads((self.folder / name).read_text())
        change(told)
        (self.folder / name).write_text(json.dumps(told))

    def append(self, name: str, *rows: Any) -> None:
        """Adds rows to a log."""
        with (self.folder / name).open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def put_first(self, name: str, *rows: Any) -> None:
        """Adds rows to the beginning of a log."""
        path = self.folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows) + path.read_text())

    def member(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Changes a file of every checkpoint, with hashes that fit."""
        for folder in (self.folder / "checkpoints").glob("step-*"):
            about = read_manifest((folder / MANIFEST).read_bytes())
            members = {one: (folder / one).read_bytes() for one in about.pop("members")}
            members[name] = change(members[name])
            (folder / name).write_bytes(members[name])
            (folder / MANIFEST).write_bytes(manifest_bytes(about, members))

    def zipped(self, name: str, content: bytes, *, packed: bool = False) -> None:
        """Puts a member into the policy's archive, in the place of one of that name."""
        path = self.folder / "checkpoints" / "all.zip"
        with zipfile.ZipFile(path) as members:
            kept = {one: members.read(one) for one in members.namelist() if one != name}
        how = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", how) as members:
            for one, data in {**kept, name: content}.items():
                members.writestr(one, data)


Plant = Callable[[Place], None]
PLANTS: dict[str, Plant] = {}


def plant(name: str) -> Callable[[Plant], Plant]:
    """Names a plant."""

    def keep(function: Plant) -> Plant:
        PLANTS[name] = function
        return function

    return keep


def code(name: str) -> str:
    """Python that shows that it ran."""
    return f"open({str(Path(os.environ['CANARY']) / name)!r}, 'w').close()"


class Payload:
    """Runs when it is unpickled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> Any:
        return exec, (code(self.name),)


def pickled(name: str) -> bytes:
    return pickle.dumps({"policy": Payload(name)})


def torched(name: str) -> bytes:
    """A file of torch whose pickle runs."""
    import torch

    file = io.BytesIO()
    torch.save({"weight": Payload(name)}, file)
    return file.getvalue()


def _each(kind: str, values: dict[str, Any], put: Callable[[Place, str, Any], None]) -> None:
    for name, value in values.items():
        PLANTS[f"{kind}: {name}"] = lambda place, n=name, v=value: put(place, n, v)


def _member_of_zip(place: Place, name: str, make: Callable[[str], bytes]) -> None:
    place.zipped(name.split(maxsplit=1)[0], make(name.replace("/", "_")))


_each(
    "a pickle in",
    {
        "policy.pth": pickled,
        "policy.pth of torch": torched,
        "policy.optimizer.pth of torch": torched,
        "pytorch_variables.pth": pickled,
        "data.pkl": pickled,
        "system_info.txt": pickled,
    },
    _member_of_zip,
)


@plant("a pickle in SB3's data")
def _(place: Place) -> None:
    data = base64.b64encode(pickled("sb3-data")).decode()
    told = {"policy_class": {":type:": "<class>", ":serialized:": data}}
    told |= {"learning_rate": {":type:": "<function>", ":serialized:": data}}
    place.zipped("data", json.dumps(told).encode())


@plant("a zip that leads out of itself")
def _(place: Place) -> None:
    place.zipped("../../../outside/planted", b"x")
    place.zipped(str(place.outside / "planted"), b"x")


@plant("a zip that grows")
def _(place: Place) -> None:
    place.zipped("policy.pth", bytes(2**26), packed=True)


@plant("a zip inside a zip that grows")
def _(place: Place) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("archive/data.pkl", bytes(2**26))
        members.writestr("archive/version", b"3")
    place.zipped("policy.pth", inner.getvalue())


_each(
    "tensors of",
    {
        "a pickle": lambda _: pickled("tensors"),
        "a file of torch": lambda _: torched("tensors"),
        "a header without end": lambda _: (2**62).to_bytes(8, "little") + b"{",
        "a header of pickles": lambda old: _header({"__metadata__": {"format": "pickle"}}, old),
        "objects": lambda old: _header({"x": {"dtype": "O", "shape": [1]}}, old),
        "more than there is": lambda old: _header(
            {"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}, old
        ),
        "deep": lambda _: len(DEEP).to_bytes(8, "little") + DEEP.encode(),
    },
    lambda place, _, change: place.member("tensors.safetensors", change),
)


def _header(told: dict[str, Any], old: bytes) -> bytes:
    text = json.dumps(told).encode()
    return len(text).to_bytes(8, "little") + text + old


def _in_state(where: list[str], value: Any) -> Callable[[bytes], bytes]:
    def change(old: bytes) -> bytes:
        told = inside = json.loads(old)
        for key in where[:-1]:
            inside = inside[key]
        inside[where[-1]] = value
        return json.dumps(told).encode()

    return change


VALUES = [*TAGGED, HOSTILE, [1], None, 5, float("nan"), 10**400]


def _some(turn: int, values: list[Any], count: int = 3) -> list[tuple[int, Any]]:
    """A few of the values, others at every turn, so that each has its turn somewhere."""
    places = [(turn * count + step) % len(values) for step in range(count)]
    return [(place, values[place]) for place in places]


for _turn, _at in enumerate((["told"], ["progress"], ["curriculum"], ["controller"], ["device"])):
    for _number, _value in _some(_turn, VALUES):
        PLANTS[f"state {_at[0]}: tag {_number}"] = lambda place, a=_at, v=_value: place.member(
            "state.json", _in_state(a, v)
        )
PLANTS["state: deep"] = lambda place: place.member("state.json", lambda _: DEEP.encode())
PLANTS["state: a pickle"] = lambda place: place.member("state.json", lambda _: pickled("state"))
PLANTS["tapes.bin: a pickle"] = lambda place: place.member("tapes.bin", lambda _: pickled("bin"))
PLANTS["tapes.bin: endless"] = lambda place: place.member(
    "tapes.bin", lambda _: (2**63 - 1).to_bytes(8, "little") + b"x"
)


@plant("manifest: deep")
def _(place: Place) -> None:
    for folder in (place.folder / "checkpoints").glob("step-*"):
        (folder / MANIFEST).write_text('{"manifest": ' + DEEP + "}")


@plant("manifest: other members")
def _(place: Place) -> None:
    for folder in (place.folder / "checkpoints").glob("step-*"):
        about = read_manifest((folder / MANIFEST).read_bytes())
        names = about.pop("members")
        about["positions"] = {"metrics.jsonl": -1, "../../outside": 5, "journal.jsonl": 2**80}
        members = {name: (folder / name).read_bytes() for name in names}
        members["../../../../outside/secret"] = b"x"
        (folder / MANIFEST).write_bytes(manifest_bytes(about, members))


def _taped(place: Place, world: str) -> None:
    for path in (place.folder / "tapes").glob("*"):
        tape = Tape.from_bytes(path.read_bytes())
        path.write_bytes(replace(tape, world=World(world, {"args": "touch x"})).to_bytes())


_each("a tape in the world", {name: name for name in NAMED[:6]}, lambda p, _, v: _taped(p, v))


@plant("tapes: pickles")
def _(place: Place) -> None:
    for path in (place.folder / "tapes").glob("*"):
        path.write_bytes(pickled("tape"))


def _set(name: str, change: Callable[[dict[str, Any], Any], Any]) -> Callable[[Place, Any], None]:
    return lambda place, value: place.change(name, lambda told: change(told, value))


def _config(*path: str) -> Callable[[Place, Any], None]:
    """Puts a value there in the spec."""

    def change(told: dict[str, Any], value: Any) -> None:
        for key in path[:-1]:
            told[key] = told.get(key) or {}
            told = told[key]
        told[path[-1]] = value

    return _set("config.json", change)


def _ours(told: dict[str, Any], value: Any) -> None:
    keys = {*told["daf_nb"], "forked", "parts"} - {"kind"}
    told["daf_nb"].update(dict.fromkeys(keys, value))


def _tasks(told: dict[str, Any], value: Any) -> None:
    for task in told["curriculum_config"]["tasks"]:
        task |= {"apply": value, "success": value}


def _journal(place: Place, v: Any) -> None:
    place.put_first(
        "journal.jsonl",
        {"step": 1, "name": "__class__", "old": v, "new": v, "by": v, "because": v, "undoes": v},
        {"step": 2, "name": "curriculum.strategy", "old": v, "new": v, "by": v, "number": v},
        {"step": 3, "name": v, "old": 0, "new": "planted.make", "by": HOSTILE},
    )


def _events(place: Place, v: Any) -> None:
    place.put_first(
        "events.jsonl",
        {"kind": "start", "step": 0, "time": v, "data": v},
        {"kind": "start", "step": 0, "time": 1.0, "data": {"threads": v, "device": v, "groups": v}},
        {"kind": "saved", "step": 5, "time": 1.0, "data": {"files": v}},
        {"kind": "decision", "step": 5, "time": 1.0, "data": {"number": str(v)}},
        {"kind": HOSTILE, "step": 5, "time": 1.0, "data": {HOSTILE: v}},
    )


def _metrics(place: Place, v: Any) -> None:
    place.append("metrics.jsonl", {"step": 10**6, "time": 1.0, "values": {HOSTILE: 1.0, "a": v}})


def _written(name: str, wrap: Callable[[Any], Any]) -> Callable[[Place, Any], None]:
    def put(place: Place, value: Any) -> None:
        (place.folder / name).write_text(json.dumps(wrap(value)))

    return put


_CODE: dict[str, Callable[[Place, Any], None]] = {
    "world": _config("world"),
    "policy": _config("policy"),
    "success": _config("success"),
    "activation": _config("policy_kwargs", "activation_fn"),
    "extractor": _config("policy_kwargs", "features_extractor_class"),
    "schedule": _config("algorithm_kwargs", "learning_rate"),
    "wrappers": _set("config.json", lambda told, v: told.update(wrappers=[v, [v, {"x": 1}]])),
    "strategy": _config("curriculum_config", "strategy"),
    "tasks": _set("config.json", _tasks),
    "rules": _config("adaptive_config", "rules"),
}
_DATA: dict[str, Callable[[Place, Any], None]] = {
    **{f"config {name}": _config(name) for name in (
        "env_kwargs", "curriculum_config", "curriculum_state", "adaptive_config",
        "total_timesteps", "seed", "num_envs", "algorithm", "share")},
    "run.json": _set("run.json", lambda told, v: told.update(
        dict.fromkeys(told.keys() - {"status"}, v))),
    "run.json, ours": _set("run.json", _ours),
    "journal": _journal,
    "events": _events,
    "metrics": _metrics,
    "history": _written("history.json", lambda v: {
        "cells": [{"source": v, "needed": v, "runs": v}, v], "earlier": v}),
    "script": _written("script.json", lambda v: v),
    "observers": _written("observers.json", lambda v: {"own": v, "x": v}),
}  # fmt: skip
for _turn, (_kind, _put) in enumerate(_CODE.items()):
    for _number, _value in _some(_turn, NAMED, 4):
        PLANTS[f"code as {_kind}: {_value}"] = lambda place, p=_put, v=_value: p(place, v)
for _turn, (_kind, _put) in enumerate(_DATA.items()):
    for _number, _value in _some(_turn, VALUES, 4):
        PLANTS[f"{_kind}: value {_number}"] = lambda place, p=_put, v=_value: p(place, v)


@plant("names of everything")
def _(place: Place) -> None:
    place.change("run.json", lambda told: told["daf_nb"].update(name=HOSTILE, tags=[HOSTILE] * 3))
    place.change("config.json", lambda told: told.update(experiment_name=HOSTILE))
    (place.folder / "cout.txt").write_text(HOSTILE)
    (place.folder / "figures").mkdir(exist_ok=True)
    (place.folder / "figures" / "001.svg").write_text(f"<svg onload='x'>{HOSTILE}</svg>")
    (place.folder / "checkpoints" / "a<b>.zip").write_bytes(pickled("name"))


@plant("a fork of what is outside")
def _(place: Place) -> None:
    told = {"run": 1, "step": 0, "from": "../../../outside", "leave": [5], "exact": "x"}
    place.change("run.json", lambda document: document["daf_nb"].update(forked=told))


@plant("a cell")
def _(place: Place) -> None:
    place.change("run.json", lambda told: told["daf_nb"].update(kind="experiment"))
    (place.folder / "source.py").write_text(code("cell"))
    cells = [{"number": 1, "source": code("history"), "needed": True, "ok": True}]
    (place.folder / "history.json").write_text(json.dumps({"cells": cells}))


for _name in FILES:

    @plant(f"a link: {_name}")
    def _(place: Place, name: str = _name) -> None:
        path = place.folder / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(place.outside / "secret")

    @plant(f"a pipe: {_name}")
    def _(place: Place, name: str = _name) -> None:
        path = place.folder / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    @plant(f"huge: {_name}")
    def _(place: Place, name: str = _name) -> None:
        path = place.folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(2**41)

    @plant(f"a folder: {_name}")
    def _(place: Place, name: str = _name) -> None:
        path = place.folder / name
        path.unlink(missing_ok=True)
        path.mkdir(parents=True)

    @plant(f"deep: {_name}")
    def _(place: Place, name: str = _name) -> None:
        (place.folder / name).parent.mkdir(exist_ok=True)
        (place.folder / name).write_text(DEEP + "\n")

    @plant(f"a pickle: {_name}")
    def _(place: Place, name: str = _name) -> None:
        (place.folder / name).parent.mkdir(exist_ok=True)
        (place.folder / name).write_bytes(pickled("file"))


for _name in ("checkpoints", "tapes", "parts", "figures"):

    @plant(f"a linked folder: {_name}")
    def _(place: Place, name: str = _name) -> None:
        shutil.rmtree(place.folder / name, ignore_errors=True)
        (place.folder / name).symlink_to(place.outside)


@plant("links where files are about to be written")
def _(place: Place) -> None:
    for name in (*FILES, "report.html", "report.md"):
        path = place.folder / name
        path.parent.mkdir(exist_ok=True)
        path.with_name(f".{path.name}.tmp").symlink_to(place.outside / "secret")
        path.with_suffix(".partial").unlink(missing_ok=True)
        path.with_suffix(".partial").symlink_to(place.outside / "secret")
    for name in ("report.html", "report.md"):
        (place.folder / name).symlink_to(place.outside / "secret")
