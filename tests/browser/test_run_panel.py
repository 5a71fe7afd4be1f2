"""What a panel says when its run is stopped, and when its kernel is gone."""

from __future__ import annotations

import re

import pytest

import daf_nb as daf
from tests.browser.helpers import HOSTILE, shown_run, shown_step, training, wait_for_step_after


@pytest.fixture(scope="module")
def notebook(desk):
    """A notebook whose cell trains; every test runs it anew."""
    return desk.open(training(name=HOSTILE))


def test_stop_ends_the_run_on_the_page_and_on_disk(notebook, lab):
    notebook.run_all()
    wait_for_step_after(notebook, 0)
    notebook.control("button", r"\bstop\b").click()
    notebook.wait_text(r"\bINTERRUPTED\b")
    assert daf.load_run(shown_run(notebook), runs_dir=lab.runs).status == "INTERRUPTED"


def test_a_saved_notebook_tells_the_last_state_of_a_run_whose_kernel_died(notebook):
    notebook.run_all()
    wait_for_step_after(notebook, 0)
    notebook.control("button", r"\bpause\b").click()
    notebook.wait_text(r"\bPAUSED\b")
    saved = notebook.output(0).filter(has_text=re.compile(r"PAUSED[\s\S]*State at"))
    saved.wait_for(state="attached")  # Hidden, as long as the widgets live.
    run, step = shown_run(notebook), shown_step(notebook)
    notebook.save()
    notebook.kill_kernel()
    notebook.reload()
    notebook.wait_text(r"\bState at \d\d:\d\d:\d\d")
    notebook.wait_text(r"\bPAUSED\b")
    assert (shown_run(notebook), shown_step(notebook)) == (run, step)
    assert notebook.page.locator(".jp-OutputArea-output img").count() == 0
    assert notebook.dialogs == []
