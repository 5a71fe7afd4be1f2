"""A run in a MongoDB: whole, once, in Sacred's layout, whatever happens on the way."""

from __future__ import annotations

import datetime
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from daf_nb.errors import ConfigError, DafWarning
from daf_nb.record import Recorder, Source
from daf_nb.record.observers import check_observers
from daf_nb.record.observers.about import About
from daf_nb.record.observers.courier import Courier
from daf_nb.record.observers.delivery import Delivery
from daf_nb.record.observers.messages import cleaner
from daf_nb.record.observers.mongo import ExactMongo
from tests.record.observers.mongo_server import MongoServer, Proxy
from tests.record.observers.observed import expect, ledger, train

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678_000)  # noqa: DTZ001 - as Sacred has it


@pytest.fixture(scope="module")
def server():
    server = MongoServer()
    yield server
    server.close()


@pytest.fixture
def proxy(server):
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def lab(server, request):
    """A database of the test's own: its name, and what the server holds."""
    name = f"db{abs(hash(request.node.nodeid)) % 10**9}"
    return name, server.client[name]


def test_a_run_is_there_in_the_layout_of_sacreds_own_observer(new_recorder, server, lab):
    recorder = new_recorder(
        spec={"world": "toy", "seed": 3, "big": 2**70, "p": {"a.b": 1, "$c": "\ud800"}},
        tags=["spread"],
        observers=[f"mongo:{server.url}/{lab[0]}"],
    )
    train(recorder)
    run = expect(lab[1])
    assert run["config"]["world"] == "toy"
    assert run["config"]["big"] == str(2**70)
    assert run["captured_out"] == "an episode\n"
    assert run["omniboard"]["tags"] == ["spread"]
    assert run["format"] == "MongoObserver-0.7.0"
    ((name, file),) = run["experiment"]["sources"]
    (chunk,) = lab[1]["fs.chunks"].find({"files_id": file})
    assert (name, bytes(chunk["data"])) == ("source.py", b"train()\n")
    (entry,) = ledger(recorder.folder)
    assert entry["state"] == "delivered"
    assert entry["delivered"] == 12
    assert entry["pending"] == 0
    assert entry["reference"] == f"{lab[0]}.runs, _id 1"


def test_the_number_is_free_in_the_database_whoever_else_is_there(new_recorder, server, lab):
    lab[1].runs.insert_many([{"_id": 41, "who": "another"}, {"_id": "text", "who": "a third"}])
    observers = [f"mongo:{server.url}/{lab[0]}"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(train, [new_recorder(observers=observers) for _ in range(4)]))
    assert lab[1].runs.find_one({"_id": 41})["who"] == "another"
    numbers = {run["_id"] for run in lab[1].runs.find() if "daf_nb" in run}
    assert numbers == {42, 43, 44, 45}
    for number in numbers:
        expect(lab[1], number=number)


def play(courier, *, folder, rng, proxy):
    """What Sacred does in a run, fast, while the database goes and comes back."""
    delivery = Delivery(courier, clean=cleaner(bytes), again="")
    sources = [["source.py", "1/source.py"]]
    delivery.started_event({"base_dir": "", "sources": sources}, "main", {}, NOW, {}, {}, 1)
    for step in range(12):
        series = {"steps": [10 * step], "values": [step / 3], "timestamps": [NOW]}
        nan = {"steps": [10 * step], "values": [float("nan")], "timestamps": [NOW]}
        delivery.log_metrics({"rollout/return_mean": series, "loss": nan}, {})
        delivery.heartbeat_event({"a": step}, "", NOW, None)
        down = rng.random() < 0.15
        if down:
            proxy.stop()
        time.sleep(rng.random() * 0.1)
        if down:
            proxy.start()
    delivery.completed_event(NOW, {"steps": 12})
    courier.close()


@pytest.mark.parametrize("group", range(5))
def test_outages_at_any_point_lose_nothing_and_double_nothing(tmp_path, server, group):
    def one(seed):
        rng = random.Random(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "source.py").write_text("train()\n")
        lock, fates = threading.Lock(), []

        def decide(name):
            with lock:
                fates.append(rng.choices(["pass", "before", "after"], [8, 1, 1])[0])
                return fates[-1]

        proxy = Proxy(server.port, decide)
        about = About.of(run_id=1, name="x", folder=folder, tags=(), clean=cleaner(bytes))
        every = frozenset(dir(ExactMongo))
        courier = Courier(
            lambda: ExactMongo((proxy.url, f"outage{seed}"), about=about),
            name="mongo",
            report=lambda entry: None,
            repeatable=every,
            interval=0.01,
            backoff=(0.01, 0.1),
        )
        play(courier, folder=folder, rng=rng, proxy=proxy)
        whole = courier.wait(time.monotonic() + 120)
        proxy.close()
        assert whole, courier.error
        database = server.client[f"outage{seed}"]
        expect(database, steps=12)
        assert database.runs.count_documents({}) == 1
        assert database["fs.files"].count_documents({}) == 1
        assert database["fs.chunks"].count_documents({}) == 1
        return len(fates) - fates.count("pass")

    with ThreadPoolExecutor(8) as pool:
        faults = list(pool.map(one, range(8 * group, 8 * group + 8)))
    assert sum(faults) > 8


def test_a_database_that_comes_back_during_a_run_gets_it_all(new_recorder, proxy, lab):
    proxy.stop()
    recorder = new_recorder(observers=[f"mongo:{proxy.url}/{lab[0]}"])
    threading.Timer(2, proxy.start).start()
    train(recorder, steps=40, pause=0.1)
    deadline = time.monotonic() + 10
    while ledger(recorder.folder)[0]["state"] != "delivered" and time.monotonic() < deadline:
        time.sleep(0.05)
    expect(lab[1], steps=40)


def test_a_metric_that_is_too_large_for_a_document_costs_no_other(new_recorder, lab):
    small = MongoServer(most_bytes=5_000)
    recorder = new_recorder(observers=[f"mongo:{small.url}/{lab[0]}"])

    def main():
        for step in range(500):
            recorder.log_metrics(step, {"long": step})
        recorder.log_metrics(500, {"short": 1.0})
        time.sleep(3)  # so that what comes now comes in another call
        recorder.log_metrics(501, {"long": 1.0, "short": 2.0})

    with pytest.warns(DafWarning, match="16 MB"):
        recorder.run(main)
    database = small.client[lab[0]]
    (short,) = database.metrics.find({"name": "short"})
    assert short["values"] == [1.0, 2.0]
    assert [run["status"] for run in database.runs.find()] == ["COMPLETED"]
    assert ledger(recorder.folder)[0]["state"] == "failed"
    small.close()


def test_an_observer_of_sacreds_own_kind_becomes_exact(new_recorder, server, lab):
    from sacred.observers.mongo import MongoObserver

    own = MongoObserver(server.url, db_name=lab[0], collection_prefix="team")
    recorder = new_recorder(observers=[own])
    train(recorder)
    assert lab[1].team_runs.find_one()["daf_nb"]["id"] == recorder.id
    assert len(lab[1].team_metrics.find_one()["values"]) == 5


@pytest.mark.parametrize(
    "name",
    [
        "mongo:mongodb://bob:secret1@[::1",
        "mongo:mongodb://h:port/x",
        "mongo:h/a$b",
        "mongo:http://h",
    ],
)
def test_what_is_no_database_is_refused_before_the_run(name, tmp_path):
    with pytest.raises(ConfigError) as caught:
        check_observers([name])
    assert "secret1" not in str(caught.value)
    source = Source(kind="script", text="", name="x.py")
    with pytest.raises(ConfigError):
        Recorder(name="x", spec={}, runs_dir=tmp_path, source=source, observers=[name])
    assert list(tmp_path.iterdir()) == []
