"""An open panel of a run that trains: seen, heard, and steered."""

from __future__ import annotations

import ast
import re
import time

import pytest

from tests.browser.access import faint_text, focusable, tab_stops
from tests.browser.helpers import HOSTILE, open_tab, shown_step, training, wait_for_step_after
from tests.browser.kernel import Kernel, connect, in_words
from tests.browser.notebook import Theme

TABS = ("training", "controls", "curriculum")
N_STEPS = 2048
"""More than a second from boundary to boundary, so that what is pending can be seen to be."""


@pytest.fixture(scope="module")
def panel(desk):
    """A notebook whose run trains on a curriculum under its panel; every test leaves it so."""
    notebook = desk.open(
        training(name=HOSTILE, n_steps=N_STEPS, task=HOSTILE), "print(f'step {run.step:012}')"
    )
    notebook.run_all()
    wait_for_step_after(notebook, 0)
    return notebook


@pytest.fixture
def kernel(panel):
    with connect(panel.lab.connection_file(panel.kernel)) as kernel:
        yield kernel


def step_of(kernel: Kernel) -> int:
    return int(kernel.value("run.step"))


def await_boundary(kernel: Kernel) -> None:
    """Waits until a rollout begins."""
    before = step_of(kernel)
    while step_of(kernel) == before:
        time.sleep(0.02)


def changes(kernel: Kernel, name: str) -> list[tuple[int, float, float, str]]:
    """(step, old, new, by) of each change of a knob, as the kernel has it."""
    rows = "[(e.step, e.old, e.new, e.by) for e in run.controls.journal"
    return ast.literal_eval(kernel.value(f"{rows} if e.name == {name!r}]"))


def test_pause_makes_the_run_stand_still_and_resume_lets_it_go_on(panel, kernel):
    panel.control("button", r"\bpause\b").click()
    panel.wait_text(r"\bPAUSED\b")
    still = shown_step(panel)
    assert step_of(kernel) == still
    panel.page.wait_for_timeout(1000)
    assert step_of(kernel) == still
    panel.control("button", r"\bresume\b").click()
    wait_for_step_after(panel, still)
    panel.wait_text(r"\bRUNNING\b")


def test_an_arrow_key_moves_the_learning_rate_at_the_next_boundary(panel, kernel):
    open_tab(panel, "controls")
    panel.control("slider", r"^learning.rate$").focus()
    await_boundary(kernel)
    panel.page.keyboard.press("ArrowRight")
    panel.wait_text(r"\bpending\b")
    applied = panel.wait_text(r"applied at step ([\d,]+)")[1]
    ((step, old, new, by),) = changes(kernel, "learning_rate")
    assert f"{step:,}" == applied
    assert new > old
    assert by == "panel"
    assert float(kernel.value("run.controls['learning_rate']")) == new


_DRAGGED = """
async (slider) => {
  const begun = performance.now();
  for (let moved = 0; moved < 10000; moved++) {
    slider.value = String(20 + (moved * 37) % 60);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    const ahead = begun + moved - performance.now();
    if (ahead > 4) await new Promise((resolve) => setTimeout(resolve, ahead));
  }
  slider.value = "50";
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  slider.dispatchEvent(new Event("change", { bubbles: true }));
  window.daf_dragged = (performance.now() - begun) / 1000;
}
"""


def test_a_slider_moved_ten_thousand_times_in_ten_seconds_ends_where_it_was_left(
    panel, kernel, capsys
):
    open_tab(panel, "controls")
    updates = "run.trainer.progress.updates"
    before, rows = int(kernel.value(updates)), len(changes(kernel, "ent_coef"))
    slider = panel.control("slider", r"^ent.coef$")
    panel.page.evaluate("() => { window.daf_dragged = 0; }")
    slider.evaluate(f"(slider) => {{ ({_DRAGGED})(slider); }}")
    trips = kernel.round_trips(100)
    panel.page.wait_for_function("() => window.daf_dragged > 0", timeout=60_000)
    lasted = panel.page.evaluate("() => window.daf_dragged")
    left = float(slider.get_attribute("aria-valuetext"))
    panel.wait_text(r"applied at step [\d,]+")
    wait_for_step_after(panel, step_of(kernel))
    assert float(kernel.value("run.controls['ent_coef']")) == pytest.approx(left)
    assert left == pytest.approx(0.05)
    journaled = len(changes(kernel, "ent_coef")) - rows
    passed = int(kernel.value(updates)) - before
    assert 1 <= journaled <= passed + 1
    with capsys.disabled():
        print(f"\n10,000 moves in {lasted:.1f} s: {journaled} rows in {passed} updates; ", end="")
        print(f"meanwhile, {in_words(trips)}")


def test_harder_moves_the_bound_and_is_written_into_the_journal(panel, kernel):
    open_tab(panel, "curriculum")
    panel.control("button", r"\bharder\b").click()
    applied = panel.wait_text(r"applied at step ([\d,]+)")[1]
    step, old, new, by = changes(kernel, "curriculum.difficulty")[-1]
    assert f"{step:,}" == applied
    assert new > old
    assert by == "panel"
    open_tab(panel, "controls")
    panel.wait_text(rf"{applied}\s+curriculum\.difficulty\s")


def test_a_panel_lives_on_after_the_page_is_loaded_anew(panel, kernel):
    before, rate = shown_step(panel), float(kernel.value("run.controls['learning_rate']"))
    panel.save()
    panel.reload()
    wait_for_step_after(panel, wait_for_step_after(panel, before))
    open_tab(panel, "controls")
    shown = panel.control("slider", r"^learning.rate$").get_attribute("aria-valuetext")
    assert float(shown) == pytest.approx(rate)
    panel.control("button", r"\bpause\b").click()
    panel.wait_text(r"\bPAUSED\b")
    panel.control("button", r"\bresume\b").click()
    panel.wait_text(r"\bRUNNING\b")


@pytest.mark.parametrize("tab", TABS)
def test_every_control_has_a_name_and_is_reached_by_the_tab_key(panel, tab):
    open_tab(panel, tab)
    controls, stops = focusable(panel.page), tab_stops(panel.page)
    assert {"Pause", "Stop"} <= {stop.name for stop in stops if stop.role == "button"}
    assert [control for control in [*controls, *stops] if not control.name] == []
    inside = ("tab", "option")  # The arrow keys lead from one to the next.
    assert {control for control in controls if control.role not in inside} - {*stops} == set()


def test_keys_press_buttons(panel):
    panel.control("button", r"\bpause\b").focus()
    panel.page.keyboard.press("Enter")
    panel.wait_text(r"\bPAUSED\b")
    panel.control("button", r"\bresume\b").focus()
    panel.page.keyboard.press("Space")
    panel.wait_text(r"\bRUNNING\b")


def test_text_can_be_read_in_both_themes(panel, tmp_path):
    themes: tuple[Theme, ...] = ("dark", "light")
    faint: dict[tuple[str, str], list[str]] = {}

    def look(theme: Theme, what: str) -> None:
        panel.screenshot(tmp_path / f"{what}-{theme}.png", theme=theme)
        faint[theme, what] = faint_text(panel.page)

    for theme in themes:
        for tab in TABS:
            open_tab(panel, tab)
            look(theme, tab)
    panel.control("button", r"\bpause\b").click()
    panel.wait_text(r"\bPAUSED\b")
    for theme in themes:
        look(theme, "paused")
    panel.control("button", r"\bresume\b").click()
    panel.wait_text(r"\bRUNNING\b")
    assert {where: texts for where, texts in faint.items() if texts} == {}


def test_the_kernel_answers_while_a_run_trains_under_an_open_panel(panel, kernel):
    before = step_of(kernel)
    print(in_words(kernel.round_trips(50)))
    await_boundary(kernel)
    assert step_of(kernel) > before


def test_other_cells_run_while_a_run_trains(panel):
    before = panel.output(1).inner_text()
    panel.run_cell(1)
    panel.output(1).filter(has_text=re.compile("step"), has_not_text=before).wait_for()


def test_names_are_text_whatever_they_say_and_nothing_is_fetched_from_elsewhere(panel):
    for tab in TABS:
        open_tab(panel, tab)
    panel.wait_text(rf"{re.escape(HOSTILE)}(?s:.*){re.escape(HOSTILE)}")
    assert panel.page.locator(".jp-OutputArea-output img").count() == 0
    assert panel.dialogs == []
    assert panel.strangers == []
