"""No secret of a run is written anywhere: its folder, wandb's files, a database."""

from __future__ import annotations

import bson
import pytest

from daf_nb.errors import DafWarning
from daf_nb.record import Recorder, Source
from daf_nb.record.sacred_api import RunObserver
from tests.record.observers.mongo_server import MongoServer
from tests.record.observers.observed import settle

SECRETS = {
    "TEAM_API_KEY": "key-of-the-team-0123456789",
    "TEAM_DB_PASSWORD": 'p"ss\\wörd/0123',
    "TEAM_DATABASE": "postgres://bob:hunter%4023456@db/x",
    "GH_PAT": "ghp_" + "a1B2c3D4e5" * 4,
}
TELLTALES = [b"key-of-the-team", b"rd/0123", b"hunter%4023456", b"hunter@23456", b"a1B2c3D4e5"]
TELLTALES += [b"only-in-the-config"]


class Complainer(RunObserver):
    """Gives its secrets away when it fails."""

    def failed_event(self, fail_time, fail_trace):
        raise KeyError(" ".join(SECRETS.values()))


def test_no_secret_is_anywhere(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_MODE", "offline")
    everything = " and ".join([*SECRETS.values(), "hunter@23456", "only-in-the-config-1"])
    server = MongoServer()
    recorder = Recorder(
        name=f"run with {everything}",
        spec={"world": "toy", "seed": 1, "note": everything, "password": "only-in-the-config-1"},
        runs_dir=tmp_path,
        tags=[everything, "plain"],
        source=Source(kind="cell", text=f"x = {everything!r}\nprint(x)\n", name="In [1]"),
        observers=[f"mongo:{server.url}/lab", "wandb:lab", Complainer()],
    )

    def main():
        recorder.log_metrics(1, {f"metric of {SECRETS['TEAM_API_KEY']}": 1.0, "plain": 2.0})
        recorder.log_event("told", 1, {"text": everything, SECRETS["TEAM_DB_PASSWORD"]: 1})
        recorder.log_journal({"step": 1, "name": "x", "old": everything, "new": [1], "by": "me"})
        recorder.write(f"printed {everything}\n")
        recorder.put("info.json", {"info": everything})
        raise ValueError(f"failed with {everything}")

    with (
        pytest.raises(ValueError, match="failed with"),
        pytest.warns(DafWarning, match="Complainer .*KeyError: .*<redacted>") as said,
    ):
        recorder.run(main)
    assert not any(telltale.decode() in str(said[0].message) for telltale in TELLTALES)
    settle()
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.suffix == ".wandb" for path in files)
    database = server.client["lab"]
    documents = [
        bson.encode(document)
        for name in database.list_collection_names()
        for document in database[name].find()
    ]
    server.close()
    shown = [
        (str(where), telltale)
        for where, data in [*files.items(), *enumerate(documents)]
        for telltale in TELLTALES
        if telltale in data or telltale in str(where).encode()
    ]
    assert shown == []
    # What was around the secrets is there, in each of the places.
    assert any(b"plain" in data and b"<redacted>" in data for data in documents)
    for name in ("config.json", "source.py", "cout.txt", "run.json", "journal.jsonl"):
        assert b"redacted" in files[recorder.folder / name], name
