"""A run that an observer did not get while it ran: said, and delivered later."""

from __future__ import annotations

import json
import time

import pytest

from daf_nb.errors import RecordError
from daf_nb.record.observers import deliver
from tests.record.observers.mongo_server import MongoServer, Proxy
from tests.record.observers.observed import expect, ledger, settle, train


@pytest.fixture(scope="module")
def server():
    server = MongoServer()
    yield server
    server.close()


@pytest.fixture
def lab(server, request):
    """A database of the test's own: its name, and what the server holds."""
    name = f"db{abs(hash(request.node.nodeid)) % 10**9}"
    return name, server.client[name]


@pytest.mark.parametrize("how", ["dead", "silent"])
def test_a_database_that_does_not_answer_delays_nothing_and_is_told_later(
    new_recorder, tmp_path, server, lab, monkeypatch, caplog, how
):
    monkeypatch.setattr("daf_nb.record.beside.DELIVERY_TIMEOUT", 1.0)
    proxy = Proxy(server.port, lambda name: "hang")
    if how == "dead":
        proxy.stop()
    durations = []
    # The plain run comes first: what both import is loaded then.
    for observers in ([], [f"mongo:{proxy.url}/{lab[0]}"]):
        recorder = new_recorder(observers=observers)
        before = time.monotonic()
        train(recorder, steps=4, pause=1)
        durations.append(time.monotonic() - before)
    assert durations[1] - durations[0] < 0.5
    assert recorder.status == "COMPLETED"
    settle()
    (entry,) = ledger(recorder.folder)
    assert (entry["state"], entry["delivered"], entry["pending"]) == ("behind", 0, 10)
    again = f"deliver({recorder.id}, 'mongo:{proxy.url}/{lab[0]}', runs_dir={str(tmp_path)!r})"
    assert again in caplog.text
    assert "has not got 10 of 10 events and metric values" in caplog.text
    proxy.close()
    # The database is there again, elsewhere; twice is as good as once.
    for _ in range(2):
        assert deliver(recorder.id, f"mongo:{server.url}/{lab[0]}", runs_dir=tmp_path)
        expect(lab[1], steps=4)
    assert lab[1].runs.count_documents({}) == 1


def test_a_run_that_was_killed_is_delivered_as_far_as_it_came(new_recorder, tmp_path, server, lab):
    recorder = new_recorder()
    train(recorder)
    document = json.loads((recorder.folder / "run.json").read_text())
    document |= {"status": "RUNNING", "stop_time": None, "result": None}
    (recorder.folder / "run.json").write_text(json.dumps(document))
    log = (recorder.folder / "metrics.jsonl").read_bytes()
    (recorder.folder / "metrics.jsonl").write_bytes(log[:-3])
    deliver(recorder.id, f"mongo:{server.url}/{lab[0]}", runs_dir=tmp_path)
    assert lab[1].runs.find_one()["status"] == "LOST"
    assert {len(metric["values"]) for metric in lab[1].metrics.find()} == {4}


def test_only_a_run_that_has_ended_can_be_delivered(new_recorder, tmp_path):
    recorder = new_recorder()
    with pytest.raises(RecordError, match="QUEUED"):
        deliver(recorder.id, "mongo", runs_dir=tmp_path)
    with pytest.raises(RecordError, match="cannot be read"):
        deliver(77, "mongo", runs_dir=tmp_path)
    recorder.abandon("no need")
