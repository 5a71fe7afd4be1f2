"""The run browser without a page: what is found, what is sent, and what the buttons do."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import ipywidgets as widgets
import pytest

import daf_nb as daf
from daf_nb.notebook import frontend
from daf_nb.notebook.browser import browser as module
from daf_nb.notebook.browser.browser import RunBrowser
from daf_nb.record.checkpoints.manifest import MANIFEST, manifest_bytes, read_manifest
from daf_nb.record.trash import list_trash
from daf_nb.session.live import live_run
from tests.notebook.helpers import ask, start, until
from tests.record.written import write_run

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m"
CURVE = [(step, {"rollout/return_mean": float(step)}) for step in range(1, 6)]


@pytest.fixture(autouse=True)
def _notebook(monkeypatch):
    monkeypatch.setattr(frontend, "_has_widgets", lambda: True)


@pytest.fixture
def browser(tmp_path):
    for number, name in enumerate(["first", "second", HOSTILE, "fourth"], start=1):
        write_run(tmp_path, number, name=name, rows=CURVE, ours={"tags": [name]})
    browser = RunBrowser(runs_dir=tmp_path, interval=0.1)
    yield browser
    browser.wait(60)
    browser.close()


def ids(browser):
    return [row.id for row in browser.rows]


def press(browser, *names, seconds=60.0):
    for name in names:
        browser.buttons[name].click()
    browser.wait(seconds)
    return browser.message


def enabled(browser):
    return [name for name, button in browser.buttons.items() if not button.disabled]


def below(browser):
    """The HTML of all that is shown below the table."""

    def texts(widget):
        if isinstance(widget, widgets.HTML):
            yield widget.value
        for output in getattr(widget, "outputs", ()):
            yield output["data"]["text/html"]
        for child in getattr(widget, "children", ()):
            yield from texts(child)

    return "\n".join(texts(browser.shown))


def test_setting_what_is_asked_for_shows_what_is_found(browser):
    assert ids(browser) == [4, 3, 2, 1]
    browser.search = "first"
    assert ids(browser) == [1] and [row["id"] for row in browser._grid.rows] == [1]
    assert browser._grid.view["search"] == "first"
    browser.search, browser.sort = "", "name"
    assert ids(browser) == [3, 1, 4, 2]
    browser.tag = "second"
    assert (browser.tag, ids(browser)) == ("second", [2])
    browser.tag, browser.status = "", "LOST"
    assert ids(browser) == []
    with pytest.raises(daf.ConfigError, match="column of the run browser"):
        browser.sort = "colour"
    assert browser.sort == "name"


def test_what_a_page_asks_for_is_done(browser):
    ask(browser._grid, {"search": "r", "by": "view-1"})
    assert (browser.search, browser._grid.view["by"]) == ("r", "view-1")
    ask(browser._grid, {"sort": "name"})
    assert (browser.sort, ids(browser)) == ("name", [3, 1, 4, 2])
    ask(browser._grid, {"pick": [4, 77], "on": True})
    ask(browser._grid, {"all": True})
    assert browser.selected == [4, 3, 1, 2]
    ask(browser._grid, {"pick": [3], "on": False})
    assert browser.selected == [4, 1, 2]
    ask(browser._grid, {"clear": True})
    assert browser.selected == []
    ask(browser._grid, {"status": "FAILED"})
    assert (browser.status, ids(browser)) == ("FAILED", [])
    browser.search = "g"
    assert browser._grid.view["by"] == "", "every page is to show it"


def test_what_is_the_same_is_not_sent(browser, monkeypatch):
    sent: list[Any] = []
    monkeypatch.setattr(browser._grid, "_send", lambda message, buffers=None: sent.append(message))
    browser.refresh()
    assert sent == []
    browser.select([2])
    assert [sorted(message["state"]) for message in sent] == [["rows", "view"]]


def test_selecting_replaces_what_was_selected(browser):
    browser.select([1, 2])
    browser.search = "second"
    browser.select([3, 2])
    assert browser.selected == [3, 2]
    with pytest.raises(daf.RecordError, match="no run 9"):
        browser.select([9, 1])
    assert browser.selected == [3, 2]


@pytest.mark.parametrize("given", [5, None, "12", True, [True], [1.0], [[1]], ["1"]])
def test_selecting_takes_a_list_of_numbers(browser, given):
    browser.select([2])
    with pytest.raises(daf.ConfigError, match="numbers of runs are wanted in a list"):
        browser.select(given)
    assert browser.selected == [2]


@pytest.mark.parametrize("field", ["search", "status", "tag", "sort"])
def test_what_cannot_be_asked_for_is_refused_and_looking_goes_on(browser, tmp_path, field):
    with pytest.raises(daf.ConfigError, match=f"{field}=None: a text is wanted"):
        setattr(browser, field, None)
    ask(browser._grid, {"here": True})
    write_run(tmp_path, 5, name="fifth")
    browser._attendance.wake()
    until(lambda: ids(browser) == [5, 4, 3, 2, 1])


def test_looking_outlives_whatever_cannot_be_shown(browser, tmp_path, monkeypatch):
    fill, failed = browser._grid.fill, []

    def refuse(finding):
        failed.append(finding)
        raise RuntimeError("no room on the page")

    monkeypatch.setattr(browser._grid, "fill", refuse)
    ask(browser._grid, {"here": True})
    until(lambda: "no room on the page" in browser._notes.widget.value)
    monkeypatch.setattr(browser._grid, "fill", fill)
    press(browser, "Refresh")
    assert browser._attendance.looking and failed
    assert "no room" not in browser._notes.widget.value


def test_buttons_can_be_pressed_where_it_makes_sense(browser):
    assert enabled(browser) == ["Refresh", "Undo"]
    assert browser.buttons["Undo"].layout.display == "none"
    assert browser.buttons["Compare"].tooltip == "Compare: select at least 2 runs"
    browser.select([1])
    assert enabled(browser) == ["Open", "Report", "Reproduce", "Delete", "Refresh", "Undo"]
    assert browser.buttons["Resume"].tooltip.startswith("Resume: run 1 is COMPLETED: daf.fork(1,")
    browser.select([1, 2])
    assert enabled(browser) == ["Compare", "Report", "Delete", "Refresh", "Undo"]
    browser.select([])
    assert press(browser, "Compare") == "Compare: select at least 2 runs."


def test_open_shows_a_record_and_the_next_takes_its_place(browser):
    browser.select([3])
    assert press(browser, "Open").startswith(
        r"Shown below: run 3 (<img src=x onerror=alert(1)>\u20"
    )
    assert "&lt;img src=x" in below(browser) and "<img" not in below(browser)
    (before,) = browser.shown.children
    ask(browser._grid, {"open": 1})
    browser.wait()
    (after,) = browser.shown.children
    assert after is not before and before.comm is None and after.comm is not None
    assert "COMPLETED" in below(browser)
    assert browser.selected == [3], "what is opened need not be selected"


def test_open_shows_the_panel_of_a_run_of_this_kernel_and_leaves_it_open(tmp_path):
    run = start(tmp_path)
    browser = RunBrowser(runs_dir=tmp_path)
    browser.select([run.id])
    press(browser, "Open")
    panel = frontend.panel(run)
    assert browser.shown.children == (panel.widget,)  # type: ignore[union-attr] - there are widgets
    assert "RUNNING" in below(browser)
    browser.close()
    assert panel.widget.comm is not None  # type: ignore[union-attr]
    run.stop()
    run.wait()


def test_an_experiment_is_shown_as_what_it_was(browser, tmp_path):
    folder = write_run(tmp_path, 5, name=HOSTILE, ours={"kind": "experiment", "name": HOSTILE})
    (folder / "source.py").write_text("%%experiment x\n1 < 2 and '</pre><script>'")
    (folder / "cout.txt").write_text("said \x1b[31m<b>this</b>\n")
    browser.refresh()
    browser.select([5])
    press(browser, "Open")
    shown = below(browser)
    assert "%%experiment x\n1 &lt; 2 and &#x27;&lt;/pre&gt;&lt;script&gt;&#x27;" in shown
    assert r"said \x1b[31m&lt;b&gt;this&lt;/b&gt;" in shown
    assert "<script" not in shown and "<img" not in shown and "\x1b" not in shown


def test_compare_shows_curves_and_tables(browser):
    browser.select([1, 3])
    assert press(browser, "Compare").startswith("Compared below: run 1 (first), run 3 (<img")
    shown = below(browser)
    assert "data:image/png;base64,iVBOR" in shown and "rollout/return_mean" in shown
    assert "<img src=x" not in shown


def test_what_goes_wrong_is_a_sentence_and_all_can_go_on(browser, tmp_path):
    write_run(tmp_path, 5, name="empty")
    browser.refresh()
    browser.select([1, 5])
    assert press(browser, "Compare").startswith("Compare: ")
    assert "daf-warn" in browser._notes.widget.value
    assert "rollout/return_mean" in browser.message
    browser.select([1, 2])
    assert press(browser, "Compare").startswith("Compared below")


def test_report_tells_the_path_and_two_links(browser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    browser.select([1])
    assert press(browser, "Report") == "The report of run 1 (first) is written."
    shown = below(browser)
    (near,) = re.findall(r'<a href="([^"]+)" target="_blank">', shown)
    page = (tmp_path / near).read_text()
    assert "first" in page and str(tmp_path / near) in shown
    assert re.search(r'<a download="[^"]+" href="data:text/html;base64,[^"]{1000,}">', shown)


SPREAD = {
    "env_kwargs": {"N": 2},
    "num_envs": 2,
    "seed": 1,
    "torch_threads": 1,
    "algorithm_kwargs": {"n_steps": 16},
    "name": "spread",
}


@pytest.fixture
def interrupted(tmp_path):
    """A browser of a run that was stopped, which is picked."""
    run = daf.train("mpe2.simple_spread_v3", runs_dir=tmp_path, total_timesteps=1500, **SPREAD)
    until(lambda: run.step > 200)
    run.stop()
    run.wait()
    browser = RunBrowser(runs_dir=tmp_path)
    browser.select([run.id])
    yield browser
    if (live := live_run(run.folder)) is not None:
        live.wait()
    browser.close()


def test_resume_goes_on_with_a_run_and_shows_it(interrupted):
    assert [row.status for row in interrupted.rows] == ["INTERRUPTED"]
    assert not interrupted.buttons["Resume"].disabled
    said = press(interrupted, "Resume", seconds=120)
    assert re.fullmatch(r"Shown below: run 1 \(spread\), which goes on from step \d+\.", said)
    (row,) = interrupted.rows
    assert row.status in ("RUNNING", "COMPLETED"), "the row is up to date"
    run = live_run(interrupted.root / "1")
    if run is not None:
        run.wait()
    interrupted.refresh()
    assert [row.status for row in interrupted.rows] == ["COMPLETED"]
    assert interrupted.buttons["Resume"].disabled
    assert len(daf.load_run(1, runs_dir=interrupted.root).parts) == 2
    until(lambda: "COMPLETED" in below(interrupted))


def test_where_exact_is_refused_a_second_press_goes_on_warm(interrupted):
    for folder in (interrupted.root / "1" / "checkpoints").glob("step-*"):
        about = read_manifest((folder / MANIFEST).read_bytes())
        about["versions"] |= {"torch": "0.1"}
        members = {name: (folder / name).read_bytes() for name in about.pop("members")}
        (folder / MANIFEST).write_bytes(manifest_bytes(about, members))
    said = press(interrupted, "Resume", seconds=120)
    assert said.startswith("Resume: Run 1 cannot be resumed exactly here: torch 0.1 -> ")
    assert said.endswith("Press again to go on warm.")
    button = interrupted.buttons["Resume"]
    assert (button.description, button.button_style) == ("Resume warm", "warning")
    interrupted.select([])
    assert button.description == "Resume", "it was offered to that run only"
    interrupted.select([1])
    press(interrupted, "Resume")
    assert button.description == "Resume warm"
    assert "goes on warm from step" in press(interrupted, "Resume", seconds=120)
    assert button.description == "Resume"
    until(lambda: "resume" in [*daf.load_run(1, runs_dir=interrupted.root).journal["name"]])


def test_what_cannot_be_resumed_is_a_sentence(browser, tmp_path):
    write_run(tmp_path, 5, status="FAILED", spec={"total_timesteps": 10, "world": "some.world"})
    browser.refresh()
    browser.select([5])
    assert "Resume: world is 'some.world'" in press(browser, "Resume")
    assert "trust=True" in browser.message
    assert browser.buttons["Resume"].description == "Resume"


def test_reproduce_trains_beside_and_compares(tmp_path):
    run = daf.train("mpe2.simple_spread_v3", runs_dir=tmp_path, total_timesteps=128, **SPREAD)
    run.wait()
    browser = RunBrowser(runs_dir=tmp_path)
    browser.select([run.id])
    said = press(browser, "Reproduce", seconds=120)
    assert said == f"run {run.id} played again as run {run.id + 1}: identical."
    assert ids(browser) == [run.id + 1, run.id]
    assert "COMPLETED" in below(browser)
    browser.close()


def test_what_cannot_be_reproduced_says_why(tmp_path):
    run = start(tmp_path, total_timesteps=64, policy_kwargs={"net_arch": [4]}, success=_always)
    run.wait()
    browser = RunBrowser(runs_dir=tmp_path)
    browser.select([run.id])
    assert "trust=True" in press(browser, "Reproduce")
    assert ids(browser) == [run.id]
    browser.close()


def _always(episode: Any) -> float:
    return 1.0


def test_delete_asks_with_names_and_undo_brings_back(browser, tmp_path):
    browser.select([1, 3])
    asked = press(browser, "Delete")
    assert asked.startswith(r"Delete run 1 (first), run 3 (<img src=x onerror=alert(1)>\u202e")
    assert asked.endswith("Press again to do it.")
    assert browser.buttons["Delete"].description == "Really delete?"
    assert len(ids(browser)) == 4
    said = press(browser, "Delete")
    assert said.startswith("2 runs moved to the trash: run 1 (first), run 3 (<img")
    assert (ids(browser), browser.selected) == ([4, 2], [])
    assert [run.id for run in list_trash(runs_dir=tmp_path)] == [3, 1]
    assert browser.buttons["Undo"].layout.display is None
    assert press(browser, "Undo") == "2 runs brought back from the trash."
    assert ids(browser) == [4, 3, 2, 1] and list_trash(runs_dir=tmp_path) == []
    assert browser.buttons["Undo"].layout.display == "none"


def test_another_selection_takes_a_first_press_back(browser):
    browser.select([1])
    press(browser, "Delete")
    browser.select([2])
    assert browser.buttons["Delete"].description == "Delete"
    press(browser, "Delete")
    assert len(ids(browser)) == 4
    browser.refresh()
    assert browser.buttons["Delete"].description == "Really delete?", "a look changes nothing"


def test_a_live_run_is_not_deleted_and_the_others_are(browser, tmp_path):
    run = start(tmp_path)
    until(lambda: run.status == "RUNNING")
    browser.refresh()
    browser.select([run.id])
    assert browser.buttons["Delete"].disabled
    browser.select([1, run.id])
    assert "run 5 is RUNNING: stop it first" in press(browser, "Delete")
    said = press(browser, "Delete")
    assert said.startswith("1 run moved to the trash: run 1 (first). Run 5 stays: it is alive")
    assert run.folder.is_dir() and ids(browser) == [5, 4, 3, 2]
    run.stop()
    run.wait()


def test_an_undo_that_cannot_be_says_why_and_stays(browser, tmp_path):
    browser.select([1])
    press(browser, "Delete", "Delete")
    (tmp_path / "1").mkdir()
    assert "another run has the number 1 by now" in press(browser, "Undo")
    assert browser.buttons["Undo"].layout.display is None
    (tmp_path / "1").rmdir()
    assert press(browser, "Undo") == "1 run brought back from the trash."


def test_it_looks_by_itself_while_a_page_shows_it(browser, tmp_path):
    write_run(tmp_path, 5)
    time.sleep(0.3)
    assert len(ids(browser)) == 4, "nobody looks"
    ask(browser._grid, {"here": "view-1"})
    until(lambda: ids(browser)[0] == 5)
    run = start(tmp_path, total_timesteps=10**6)
    browser.refresh()
    until(lambda: browser.rows[0].status == "RUNNING")
    run.stop()
    run.wait()
    until(lambda: browser.rows[0].status == "INTERRUPTED")
    browser.close()
    until(lambda: not browser._attendance.looking)


def test_a_folder_that_cannot_be_listed_is_said_and_taken_back(browser, monkeypatch):
    def refuse(root, known):
        raise daf.RecordError("The runs in <b>x</b> cannot be listed.")

    with monkeypatch.context() as patch:
        patch.setattr(module, "read_rows", refuse)
        ask(browser._grid, {"here": "view-1"})
        until(lambda: "may be old: The runs in <b>x</b>" in browser.message)
        assert "&lt;b&gt;x" in browser._notes.widget.value
        with pytest.raises(daf.RecordError):
            browser.refresh()
    browser.refresh()
    assert browser.message == ""


def test_what_takes_its_time_is_said_and_the_rest_goes_on(browser, monkeypatch):
    go = threading.Event()
    before = module.read_rows

    def slow(root, known):
        assert go.wait(10)
        return before(root, known)

    monkeypatch.setattr(module, "read_rows", slow)
    browser.buttons["Refresh"].click()
    assert browser.message == "Reading the runs …"
    assert browser.buttons["Refresh"].disabled
    browser.search = "first"
    assert ids(browser) == [1]
    go.set()
    browser.wait()
    assert browser.message == "" and not browser.buttons["Refresh"].disabled


def test_a_closed_browser_sends_nothing(browser, monkeypatch):
    browser.select([1])
    press(browser, "Open")
    (opened,) = browser.shown.children
    browser.close()
    assert browser.widget.comm is None and opened.comm is None
    browser.search = "first"
    assert ids(browser) == [1]
