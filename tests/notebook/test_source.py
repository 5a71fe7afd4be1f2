"""A live run as a source."""

from __future__ import annotations

from daf_nb.notebook.source import LiveSource, source_of
from tests.notebook.helpers import Graded, graded, start, until
from tests.worlds import TwoKinds


def test_a_live_source_follows_its_run(tmp_path):
    run = start(tmp_path, TwoKinds)
    source = LiveSource(run)
    until(lambda: source.read().step > 100)
    assert source.groups == list(run.policies)
    assert not source.has_curriculum and not source.has_decisions
    assert source.tasks == ()
    run.stop()
    run.wait()
    state = source.read()
    assert (state.status, state.done, state.step) == ("INTERRUPTED", True, run.step)
    assert len(source.history) == len(run.rows)
    assert source.history.steps[-1] == run.step


def test_requests_are_heard_by_who_subscribed_and_by_nobody_else(tmp_path):
    run = start(tmp_path, total_timesteps=10**6)
    source, woken = LiveSource(run), []
    end = source.subscribe(lambda: woken.append(1))
    request = run.controls.set("gamma", 0.5, by="user")
    request.wait(20)
    until(lambda: len(woken) == 2)  # pending, applied
    assert source.newest["gamma"] is request
    end()
    run.controls.set("gamma", 0.6, by="user").wait(20)
    assert len(woken) == 2
    count, rows = source.journal(1)
    assert (count, [row["new"] for row in rows]) == (2, [0.6])
    run.stop()
    run.wait()


def test_a_curriculum_is_told_in_its_order(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("c", "a", "b"), total_timesteps=200)
    source = source_of(run)
    assert list(source.tasks) == ["c", "a", "b"]
    assert source.has_curriculum
    run.wait()
    assert list(source.curriculum_stats()["tasks"]) == ["c", "a", "b"]
    assert source_of(source) is source
