"""`browse`: widgets in a notebook, lines of text elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jupyter_client.manager import start_new_kernel

from daf_nb.errors import RecordError
from daf_nb.notebook import frontend
from daf_nb.notebook.browser import browse
from daf_nb.notebook.browser.browser import RunBrowser
from daf_nb.record import list_runs
from tests.record.written import write_run

ROOT = Path(__file__).resolve().parents[3]
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def runs(tmp_path):
    for number in range(1, 31):
        write_run(tmp_path, number, name=f"<b>{number}</b>")
    return tmp_path


def test_without_widgets_the_table_is_printed_and_returned(runs, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "12")
    table = browse(runs_dir=runs)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and all(len(line) <= 60 for line in lines)
    assert lines[1].split()[:2] == ["30", "<b>30</b>"]
    assert lines[-1] == "and 22 more: list_runs() has all"
    assert isinstance(table, pd.DataFrame)
    pd.testing.assert_frame_equal(table, list_runs(runs_dir=runs))


def test_an_empty_folder_is_said_to_be_empty(tmp_path, capsys):
    browse(runs_dir=tmp_path / "none")
    assert capsys.readouterr().out == "There are no runs.\n"


def test_in_a_notebook_it_is_a_browser(runs, monkeypatch):
    monkeypatch.setattr(frontend, "_has_widgets", lambda: True)
    browser = browse(runs_dir=runs)
    assert isinstance(browser, RunBrowser) and len(browser.rows) == 30
    browser.close()


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="cannot be listed"):
        browse(runs_dir=tmp_path / "file")


def test_a_notebook_keeps_a_table_for_when_its_kernel_is_gone(runs):
    manager, client = start_new_kernel(cwd=str(ROOT), kernel_name="python3")
    sent: list[dict[str, Any]] = []
    try:
        code = f"from daf_nb.notebook.browser import browse\nbrowse(runs_dir={str(runs)!r})"
        reply = client.execute_interactive(code, timeout=60, output_hook=sent.append)
        assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    view, saved = (
        message["content"]["data"] for message in sent if message["msg_type"] == "display_data"
    )
    assert WIDGET in view and view["text/plain"].splitlines()[1].split()[0] == "30"
    page = saved["text/html"]
    assert page.count("<tr>") == 31 and "&lt;b&gt;30&lt;/b&gt;" in page and "<b>30" not in page
    assert "daf.browse() opens it again" in page
    assert saved["text/plain"] == view["text/plain"]
