"""A replay on a page: played, scrubbed, stepped by keys; numbers follow, and the kernel answers."""

from __future__ import annotations

import re

import pytest

from tests.browser.access import faint_text, focusable, tab_stops
from tests.browser.helpers import HOSTILE
from tests.browser.kernel import connect, in_words
from tests.browser.notebook import Theme

CELL = """
import daf_nb as daf
fields = dict(num_envs=2, env_kwargs={"max_cycles": 60}, total_timesteps=720, torch_threads=1)
runs = [
    daf.train("mpe2.simple_spread_v3", name=name, seed=seed, **fields)
    for seed, name in enumerate(NAMES)
]
for run in runs:
    run.wait()
replay = runs[0].replay(beside=runs[1])
replay
""".strip().replace("NAMES", repr([HOSTILE, "beside"]))

_DIGEST = """
canvas => [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]
    .reduce((sum, part, place) => (31 * sum + part * (place % 997)) % 1000003, 0)
"""


@pytest.fixture(scope="module")
def page(desk):
    """A notebook that shows two runs side by side; every test leaves it standing still."""
    notebook = desk.open(CELL)
    notebook.run_all()
    notebook.wait_text(r"step 0 of 60")
    notebook.page.wait_for_function(
        "() => document.querySelectorAll('.daf-numbers tbody td').length > 0"
    )
    return notebook


def shown(notebook) -> int:
    """The step that the page shows."""
    found = re.search(r"step (\d+) of 60", notebook.text())
    assert found is not None
    return int(found[1])


def cells(notebook) -> list[str]:
    """What stands in the tables of numbers."""
    return notebook.page.locator(".daf-numbers tbody td").all_inner_texts()


def pictures(notebook) -> list[int]:
    """A number that tells pictures apart, of each film."""
    canvases = notebook.page.locator(".daf-screen canvas")
    return [canvases.nth(place).evaluate(_DIGEST) for place in range(canvases.count())]


def go_to(notebook, step: int) -> None:
    """Scrubs, and waits until both pictures have come."""
    notebook.control("slider", "^step$").fill(str(step))
    at = f"step {step} of 60"
    notebook.page.wait_for_function(
        "at => [...document.querySelectorAll('.daf-screen canvas')]"
        ".every(one => (one.getAttribute('aria-label') ?? '').endsWith(at))",
        arg=at,
    )


def test_playing_goes_on_step_by_step_and_a_pause_stands_still(page):
    go_to(page, 0)
    before = pictures(page), cells(page)
    page.control("button", "^play$").click()
    page.wait_text(r"step [3-9] of 60")
    page.control("button", "^pause$").click()
    still = shown(page)
    go_to(page, still)
    after = pictures(page), cells(page)
    assert all(one != other for one, other in zip(before[0], after[0], strict=True))
    assert before[1] != after[1]
    page.page.wait_for_timeout(500)
    assert shown(page) == still
    assert (pictures(page), cells(page)) == after


def test_scrubbing_shows_the_step_and_its_numbers_wherever_it_leads(page):
    seen = {}
    for step in (60, 7, 41, 7, 60):
        go_to(page, step)
        now = (tuple(pictures(page)), tuple(cells(page)))
        assert seen.setdefault(step, now) == now
    assert len({numbers for _, numbers in seen.values()}) == 3
    assert any("truncated at step 60" in cell for cell in seen[60][1])


def test_what_is_shown_is_what_the_kernel_has(page):
    go_to(page, 23)
    with connect(page.lab.connection_file(page.kernel)) as kernel:
        total = float(kernel.value("replay.films[0].numbers.rows(23)[0]['total']"))
        assert int(kernel.value("replay.step")) == 23
        assert cells(page)[4] == f"{total:.2f}"
        kernel.value("None", code="replay.step = 31")
        page.wait_text(r"step 31 of 60")


def test_keys_step_and_play(page):
    go_to(page, 10)
    page.control("button", "one step on").focus()
    for key, step in (("ArrowRight", 11), ("ArrowLeft", 10), ("End", 60), ("Home", 0)):
        page.page.keyboard.press(key)
        page.wait_text(rf"step {step} of 60")
    page.control("slider", "^step$").focus()
    page.page.keyboard.press("Space")
    page.wait_text(r"step [2-9] of 60")
    page.page.keyboard.press("Space")
    page.control("button", "^play$").wait_for()


def test_the_chart_leads_to_a_step(page):
    chart = page.page.locator(".daf-film-chart").first
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] * 0.5, "y": box["height"] * 0.4})
    assert 20 < shown(page) < 40


def test_the_kernel_answers_while_films_are_made_and_played(page, capsys):
    code = "again = runs[1].replay(beside=runs[0], seed=9); again.widget"
    with connect(page.lab.connection_file(page.kernel)) as kernel:
        page.control("button", "^play$").click()
        kernel.value("None", code=code)
        trips = kernel.round_trips(50)
        page.control("button", "^pause$").click()
        kernel.value("None", code="again.close()")
    with capsys.disabled():
        print(f"\nwhile films play: {in_words(trips)}")


def test_every_control_has_a_name_and_is_reached_by_the_tab_key(page):
    # JupyterLab leaves the focus in an output where it is, when the cell's prompt is pressed.
    page.page.evaluate("() => document.activeElement.blur()")
    controls, stops = focusable(page.page), tab_stops(page.page)
    assert {"Play", "First step", "Last step", "One step on", "One step back"} <= {
        stop.name for stop in stops if stop.role == "button"
    }
    assert [control for control in [*controls, *stops] if not control.name] == []
    inside = ("option",)
    assert {control for control in controls if control.role not in inside} - {*stops} == set()


def test_text_can_be_read_in_both_themes(page, tmp_path):
    themes: tuple[Theme, ...] = ("dark", "light")
    faint = {}
    for theme in themes:
        page.screenshot(tmp_path / f"replay-{theme}.png", theme=theme)
        faint[theme] = faint_text(page.page)
    assert faint == {"dark": [], "light": []}


def test_names_are_text_and_nothing_is_fetched_from_elsewhere(page):
    assert HOSTILE in page.text()
    assert page.page.locator(".daf-replay img").count() == 0
    assert page.dialogs == []
    assert page.strangers == []


def test_a_saved_notebook_without_its_kernel_shows_a_still_of_each_film(page):
    page.page.wait_for_function("() => document.querySelectorAll('.daf-stills img').length === 2")
    page.save()
    page.kill_kernel()
    page.reload()
    page.wait_text(r"A still of a replay")
    assert page.page.locator(".daf-stills img").count() == 2
    assert page.page.locator(".daf-stills img").first.is_visible()
    assert HOSTILE in page.text()
    assert page.dialogs == []
