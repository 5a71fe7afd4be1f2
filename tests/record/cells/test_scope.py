"""Which run the code of a context belongs to."""

from __future__ import annotations

import contextvars
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from daf_nb.errors import ConfigError
from daf_nb.logs import run_id
from daf_nb.record.cells.beginning import child_recorder
from daf_nb.record.cells.scope import Scope, current, log, open_scope


def seen_in_thread(look=current):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(look()))
    thread.start()
    thread.join()
    return seen[0]


def test_the_innermost_open_scope_is_the_current_one(new_recorder):
    assert current() is None
    with open_scope(Scope(new_recorder())) as outer:
        assert (current(), run_id.get()) == (outer, outer.id)
        with open_scope(Scope(new_recorder(), outer=outer)) as inner:
            assert (current(), run_id.get()) == (inner, inner.id)
        assert current() is outer
        context = contextvars.copy_context()
    assert (current(), run_id.get()) == (None, None)
    assert context.run(current) is None, "a closed scope has nothing any more"


def test_a_thread_born_inside_the_only_experiment_belongs_to_it(new_recorder):
    with open_scope(Scope(new_recorder(), owns_threads=True)) as outer:
        assert seen_in_thread() is outer
        with open_scope(Scope(new_recorder(), outer=outer, owns_threads=True)) as inner:
            assert seen_in_thread() is inner
        with open_scope(Scope(new_recorder(), outer=outer)):  # a training owns no threads
            assert seen_in_thread() is outer


def test_a_thread_born_outside_or_between_two_belongs_to_none(new_recorder):
    ask, answers = threading.Event(), []
    early = threading.Thread(target=lambda: (ask.wait(), answers.append(current())))
    early.start()
    with open_scope(Scope(new_recorder(), owns_threads=True)):
        ask.set()
        early.join()
        with open_scope(Scope(new_recorder(), owns_threads=True)):
            assert seen_in_thread() is None
    assert answers == [None]


def test_a_thread_keeps_the_experiment_it_was_born_in(new_recorder):
    ask, answers = threading.Event(), []
    with ExitStack() as first, ExitStack() as second:
        one = first.enter_context(open_scope(Scope(new_recorder(), owns_threads=True)))
        thread = threading.Thread(target=lambda: (ask.wait(), answers.append(current())))
        thread.start()
        second.enter_context(open_scope(Scope(new_recorder(), owns_threads=True)))
        ask.set()
        thread.join()
    assert answers == [one]


def test_a_pools_thread_works_for_the_next_experiment_too(new_recorder):
    with ThreadPoolExecutor(1) as pool:
        with open_scope(Scope(new_recorder(), owns_threads=True)) as one:
            assert pool.submit(current).result() is one
        assert pool.submit(current).result() is None
        with open_scope(Scope(new_recorder())):
            assert pool.submit(current).result() is None
        with open_scope(Scope(new_recorder(), owns_threads=True)) as other:
            assert pool.submit(current).result() is other


def test_scopes_may_close_in_any_order(new_recorder):
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(open_scope(Scope(new_recorder())))
        inner = second.enter_context(open_scope(Scope(new_recorder())))
        first.close()
        assert inner.closed is False
    assert current() is None


def test_a_forked_child_belongs_to_nothing(new_recorder):
    with open_scope(Scope(new_recorder(), owns_threads=True)):
        child = os.fork()
        if child == 0:
            os._exit(0 if current() is None else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_logging_outside_says_where_it_can_be_done():
    with pytest.raises(ConfigError, match=r"%%experiment NAME.*callback"):
        log("loss", 1.0)


def test_child_seeds_are_distinct_and_come_again(new_recorder):
    def seeds(seed):
        scope = Scope(new_recorder(), seed=seed)
        return [scope.child_seed() for _ in range(4)]

    assert seeds(3) == seeds(3) != seeds(4)
    assert len({*seeds(3), *seeds(4)}) == 8
    assert all(0 <= seed < 2**32 for seed in seeds(3) if seed is not None)
    assert Scope(new_recorder()).child_seed() is None


def test_a_child_is_recorded_beside_its_parent_and_both_say_so(new_recorder, tmp_path):
    parent = new_recorder()
    with open_scope(Scope(parent)):
        child = child_recorder(runs_dir=None, spec={}, name="child")
        elsewhere = child_recorder(runs_dir=tmp_path / "other", spec={}, name="far")
    assert child.folder == tmp_path / "2"
    assert elsewhere.folder == tmp_path / "other" / "1"
    from daf_nb.record.files import read_json

    for recorder in (parent, child, elsewhere):
        recorder.run(lambda: None)
    notes = [read_json(r.folder / "run.json")["daf_nb"] for r in (parent, child, elsewhere)]
    assert [note["children"] for note in notes] == [[2], [], []]
    assert [note["parent"] for note in notes] == [None, 1, None]
