"""The run browser in JupyterLab: by keyboard, in both themes, with runs called anything."""

from __future__ import annotations

import re
import time

import pytest

from tests.browser.access import Control, faint_text, focusable, tab_stops
from tests.browser.helpers import HOSTILE, wait_for_step_after
from tests.browser.kernel import connect
from tests.browser.notebook import Notebook, Theme
from tests.record.written import write_run

RUNS = 40
WORDS = ["kappa", "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "omega", "theta", "iota"]
CURVE = [(step, {"rollout/return_mean": float(step)}) for step in range(1, 6)]
CELL = """
from daf_nb.notebook.browser import browse
browser = browse(runs_dir="browsed")
browser
""".strip()


@pytest.fixture(scope="module")
def folder(lab):
    """Runs beside the notebook, so that the server may show their reports."""
    root = lab.folder / "browsed"
    for number in range(1, RUNS + 1):
        name = HOSTILE if number == 7 else f"plain {WORDS[number % 10]}"
        tags = [f"{HOSTILE} tag"] if number == 7 else ["even"] if number % 2 == 0 else []
        ours = {"name": name, "tags": tags, "steps": number, "cell_line": f"{name} cell"}
        status = "FAILED" if number % 4 == 0 else "COMPLETED"
        write_run(root, number, name=name, status=status, rows=CURVE, ours=ours)
    return root


@pytest.fixture(scope="module")
def opened(desk, folder):
    notebook = desk.open(CELL)
    notebook.run_all()
    notebook.wait_text(rf"1 to 15, {RUNS} runs")
    return notebook


_AS_NEW = "browser.search = browser.status = browser.tag = ''; browser.sort = '-id'"


@pytest.fixture
def page(opened):
    """The browser with nothing asked for and nothing picked."""
    opened.page.bring_to_front()
    with connect(opened.lab.connection_file(opened.kernel)) as kernel:
        kernel.value("browser.wait()", code=f"{_AS_NEW}; browser.select([])")
    await_shown(opened, [RUNS, RUNS - 1])
    return opened


def search(notebook: Notebook):
    return notebook.control("searchbox", "search runs")


def shown(notebook: Notebook) -> list[int]:
    rows = notebook.page.locator(".jp-Notebook .daf-runs tbody tr:visible")
    return [int(number) for number in rows.evaluate_all("rows => rows.map(r => r.dataset.run)")]


def selected(notebook: Notebook) -> list[int]:
    rows = notebook.page.locator(".jp-Notebook .daf-runs tbody tr[aria-selected=true]:visible")
    return [int(number) for number in rows.evaluate_all("rows => rows.map(r => r.dataset.run)")]


def await_shown(notebook: Notebook, wanted: list[int]) -> None:
    end = time.monotonic() + 30
    while (now := shown(notebook)[: len(wanted)]) != wanted:
        assert time.monotonic() < end, f"{now} is shown, not {wanted}"
        notebook.page.wait_for_timeout(30)


def to_the_grid(notebook: Notebook) -> None:
    """From the search field by the Tab key, over the two filters."""
    search(notebook).focus()
    for _ in range(3):
        notebook.page.keyboard.press("Tab")


def sorted_by(notebook: Notebook, column: str) -> str | None:
    return notebook.control("columnheader", f"^{column}").get_attribute("aria-sort")


def press(notebook: Notebook, name: str) -> None:
    button = notebook.control("button", name)
    end = time.monotonic() + 30  # what was picked has to reach the kernel first
    while not button.is_enabled():
        assert time.monotonic() < end, f"{name} cannot be pressed"
        notebook.page.wait_for_timeout(30)
    button.focus()
    notebook.page.keyboard.press("Enter")


def test_what_is_typed_is_searched_for_at_once(page, capsys):
    search(page).press_sequentially("plain gammas", delay=40)
    page.wait_text(r"No run fits")
    page.page.keyboard.press("Backspace")
    await_shown(page, [33, 23, 13, 3])
    page.page.keyboard.type(" 3")
    await_shown(page, [33, 23, 13, 3])
    began = time.perf_counter()
    page.page.keyboard.type("3")
    page.wait_text("1 to 1, 1 found of")
    with capsys.disabled():
        print(f"\na key in the search field, drawn after {time.perf_counter() - began:.2f} s")
    assert search(page).input_value() == "plain gamma 33"
    page.page.keyboard.press("Escape")
    await_shown(page, [40, 39])


def test_filters_leave_what_has_the_status_and_the_tag(page):
    page.control("combobox", "^status$").select_option("FAILED")
    await_shown(page, [40, 36, 32])
    page.control("combobox", "^tag$").select_option(f"{HOSTILE} tag")
    page.wait_text("No run fits")
    page.control("combobox", "^status$").select_option("")
    await_shown(page, [7])
    page.control("combobox", "^tag$").select_option("")
    await_shown(page, [40, 39])


def test_keys_sort_by_any_column_and_turn_pages(page):
    to_the_grid(page)
    page.page.keyboard.press("Control+Home")  # the box for all; the others are to its right
    page.page.keyboard.press("ArrowRight")
    assert sorted_by(page, "run") == "descending"
    page.page.keyboard.press("Enter")
    await_shown(page, [1, 2, 3])
    assert sorted_by(page, "run") == "ascending"
    page.page.keyboard.press("PageDown")
    await_shown(page, [16, 17])
    page.page.keyboard.press("PageUp")
    await_shown(page, [1, 2])
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("Enter")
    await_shown(page, [7, 1, 11])
    assert (sorted_by(page, "run"), sorted_by(page, "name")) == ("none", "ascending")
    page.page.keyboard.press("ArrowLeft")
    for _ in "ab":
        page.page.keyboard.press("Enter")
    await_shown(page, [40, 39])


def test_keys_select_and_the_selection_outlives_a_search(page):
    cells = page.page.locator(".jp-Notebook .jp-Cell").count()
    to_the_grid(page)
    for key in ("Control+Home", "ArrowDown", "ArrowDown", "Space", "ArrowDown", "Shift+ArrowDown"):
        page.page.keyboard.press(key)
    page.page.keyboard.press("Shift+Space")
    page.wait_text("3 selected")
    assert selected(page) == [39, 38, 37]
    search(page).press_sequentially("theta")
    await_shown(page, [38, 28])
    page.wait_text("3 selected, 2 of them not found now")
    assert selected(page) == [38]
    page.page.keyboard.press("Escape")
    await_shown(page, [40, 39, 38, 37])
    assert selected(page) == [39, 38, 37]
    to_the_grid(page)
    page.page.keyboard.press("Control+a")
    page.wait_text(f"{RUNS} selected")
    press(page, "clear the selection")
    page.control("button", "clear the selection").wait_for(state="hidden")
    assert selected(page) == []
    assert page.page.locator(".jp-Notebook .jp-Cell").count() == cells


def test_two_runs_are_compared_and_one_is_opened(page):
    for number in (40, 38):
        page.control("checkbox", rf"^select run {number} ").check()
    page.wait_text("2 selected")
    press(page, r"\bcompare\b")
    page.wait_text(r"Compared below: run 40 \(plain kappa\), run 38 \(plain theta\)")
    page.control("img", "curves of the runs").wait_for()
    page.wait_text("interquartile mean")
    to_the_grid(page)
    page.page.keyboard.press("Control+Home")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.page.keyboard.press(key)
    page.wait_text(r"Shown below: run 39 \(plain iota\)")
    page.control("progressbar", "progress of run 39").wait_for()


def test_a_report_can_be_opened_from_where_it_lies(page):
    page.control("checkbox", "^select run 40 ").check()
    press(page, r"\breport\b")
    page.wait_text(r"The report of run 40 \(plain kappa\) is written")
    page.control("link", "^save report").wait_for()
    page.control("link", "^open report.html in jupyterlab").click()
    report = page.page.frame_locator(".jp-HTMLViewer iframe")
    report.get_by_role("heading", name="Run 40 plain kappa").wait_for()
    tab = page.page.locator(".lm-TabBar-tab", has_text="report.html")
    tab.locator(".lm-TabBar-tabCloseIcon").click()


_SLOW = """
import time
browser._grid._heard = lambda content, heard=browser._heard: (time.sleep(0.4), heard(content))
""".strip()


def test_what_is_picked_stays_picked_until_the_kernel_has_answered(page):
    box = page.control("checkbox", r"^select run 39 ")
    with connect(page.lab.connection_file(page.kernel)) as kernel:
        kernel.value("0", code=_SLOW)
        try:
            page.control("checkbox", r"^select run 40 ").click()
            box.click()
            seen = box.evaluate(
                """async (box) => {
                    const seen = [];
                    for (let turn = 0; turn < 60; turn += 1) {
                        seen.push(box.checked);
                        await new Promise((done) => setTimeout(done, 20));
                    }
                    return seen;
                }"""
            )
        finally:
            kernel.value("0", code="browser._grid._heard = browser._heard")
    page.wait_text("2 selected")
    assert seen == [True] * 60
    assert sorted(selected(page)) == [39, 40]


def test_delete_asks_first_and_undo_brings_back(page, folder):
    search(page).press_sequentially("beta")
    await_shown(page, [32, 22, 12, 2])
    for number in (32, 2):
        page.control("checkbox", rf"^select run {number} ").check()
    page.wait_text("2 selected")
    press(page, r"\bdelete\b")
    page.wait_text(r"Delete run 32 \(plain beta\), run 2 \(plain beta\)\? Press again")
    assert (folder / "32").exists()
    page.page.keyboard.press("Enter")
    page.wait_text("2 runs moved to the trash")
    await_shown(page, [22, 12])
    assert not (folder / "32").exists() and not (folder / "2").exists()
    press(page, r"\bundo\b")
    page.wait_text("2 runs brought back")
    await_shown(page, [32, 22, 12, 2])
    assert (folder / "32" / "run.json").exists()
    assert page.control("button", r"\bundo\b").count() == 0


def test_everything_has_a_role_and_a_name_and_the_grid_is_one_stop(page):
    grid = page.control("grid", "^runs$")
    assert grid.get_attribute("aria-rowcount") == str(RUNS + 1)
    assert grid.get_attribute("aria-multiselectable") == "true"
    page.control("checkbox", rf"^select run {RUNS} ").check()
    page.wait_text("1 selected")
    page.page.keyboard.press("Control+Home")
    page.page.evaluate("document.activeElement.blur()")
    stops = tab_stops(page.page)
    expected = [
        Control("searchbox", "Search runs"),
        Control("combobox", "Status"),
        Control("combobox", "Tag"),
        Control("checkbox", f"Select all {RUNS} runs found"),
        Control("button", "Next page of runs"),
        Control("button", "Clear the selection"),
        *(
            Control("button", name)
            for name in ("Open", "Report", "Resume", "Reproduce", "Delete", "Refresh")
        ),
    ]
    assert stops[: len(expected)] == expected
    # A cell may say nothing; it is heard with its column.
    inside = ("gridcell", "rowheader", "option")
    named = [control for control in focusable(page.page) if control.role not in inside]
    assert [control for control in named if not control.name] == []
    assert Control("button", "Steps") in named
    assert Control("checkbox", f"Select run {RUNS} (plain kappa)") in named


def test_names_are_text_whatever_they_say(page):
    search(page).press_sequentially("onerror")
    await_shown(page, [7])
    page.control("checkbox", rf"^select run 7 \({re.escape(HOSTILE)}\)").check()
    page.wait_text("1 selected")
    press(page, r"\bdelete\b")
    page.wait_text(rf"Delete run 7 \({re.escape(HOSTILE)}\)\?")
    press(page, r"\bopen\b")
    page.wait_text(rf"Shown below: run 7 \({re.escape(HOSTILE)}\)")
    page.control("progressbar", "progress of run 7").wait_for()
    assert page.page.locator(".jp-OutputArea-output img").count() == 0
    assert (page.dialogs, page.strangers) == ([], [])


def test_text_can_be_read_in_both_themes(page, tmp_path):
    themes: tuple[Theme, ...] = ("dark", "light")
    faint: dict[tuple[str, int], list[str]] = {}
    page.control("checkbox", f"^select run {RUNS} ").check()
    press(page, r"\bdelete\b")
    page.wait_text("press again")
    for theme in themes:
        for width in (600, 1200):
            page.page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(tmp_path / f"{width}-{theme}.png", theme=theme)
            faint[theme, width] = faint_text(page.page)
    page.page.set_viewport_size({"width": 1280, "height": 900})
    assert {where: texts for where, texts in faint.items() if texts} == {}


def test_a_run_that_trains_elsewhere_comes_and_ends_by_itself(page, folder, desk):
    other = desk.open(
        "import daf_nb as daf\nfrom tests.worlds import Counting\n"
        "run = daf.train(Counting, name='elsewhere', total_timesteps=10**9, num_envs=2,"
        " runs_dir='browsed')",
        "run.stop(); run.wait(); print('stopped')",
    )
    other.run_cell(0)
    page.page.bring_to_front()
    page.wait_text(r"elsewhere\s+RUNNING")
    other.lab.kill(other.kernel)
    page.wait_text(r"elsewhere\s+LOST", seconds=30)


def test_a_saved_notebook_tells_the_runs_when_the_kernel_is_gone(opened):
    opened.save()
    opened.kill_kernel()
    opened.reload()
    opened.wait_text(r"State at [\d-]+ [\d:]+, \d+ of|State at")
    opened.wait_text(re.escape(HOSTILE))
    assert opened.page.locator(".jp-OutputArea-output img").count() == 0
    assert opened.dialogs == []


RESUMED = """
import daf_nb as daf
from daf_nb.notebook.browser import browse
run = daf.train(
    "mpe2.simple_spread_v3",
    runs_dir="resumed",
    name="went on",
    total_timesteps=10**8,
    num_envs=2,
    algorithm_kwargs={"n_steps": 16},
)
while run.step < 200:
    run.wait(0.05)
run.stop()
run.wait()
browse(runs_dir="resumed")
""".strip()


def test_a_run_that_was_stopped_goes_on_at_the_press_of_a_key(desk):
    notebook = desk.open(RESUMED)
    notebook.run_all()
    notebook.wait_text("1 to 1, 1 run")
    notebook.wait_text("INTERRUPTED")
    notebook.control("checkbox", "^select run 1 ").check()
    press(notebook, r"\bresume\b")
    at = int(notebook.wait_text(r"run 1 \(went on\), which goes on from step (\d+)")[1])
    notebook.wait_text(r"went on\s+RUNNING")
    assert wait_for_step_after(notebook, at) > at >= 200
    press(notebook, r"\bstop\b")
    notebook.wait_text(r"went on\s+INTERRUPTED")
    notebook.wait_text(r"daf\.resume\(1\) goes on from there")
