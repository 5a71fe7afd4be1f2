"""The tools that look at outputs, on pages whose answers are known."""

from __future__ import annotations

import pytest

from tests.browser.access import Control, faint_text, focusable, tab_stops

CELL = """
<body style="{style}"><div class="jp-Notebook"><div class="jp-Cell">
<div class="jp-InputPrompt" tabindex="0">[1]:</div>
<div class="jp-OutputArea-output">{output}</div>
</div></div><button>outside</button></body>
"""


@pytest.fixture
def page(context):
    page = context.new_page()
    yield page
    page.close()


def show(page, output, *, style=""):
    page.set_content(CELL.format(output=output, style=style))


def test_contrast_is_that_of_the_guidelines(page):
    # The ratios of #777 and #767676 on white: https://webaim.org/resources/contrastchecker/
    show(page, '<p style="color: #777">pale</p><p style="color: #767676">just</p>')
    assert faint_text(page) == ["pale: 4.48"]
    show(page, '<p style="color: #000">dark</p>', style="background: #222")
    assert faint_text(page) == ["dark: 1.32"]


def test_hidden_and_disabled_text_needs_no_contrast(page):
    hidden = '<p style="color: #eee; display: none">gone</p><p style="color: #eee">here</p>'
    show(page, hidden + '<button disabled style="color: #eee">off</button>')
    assert faint_text(page) == ["here: 1.16"]


def test_what_has_no_name_is_found_and_what_is_disabled_is_not(page):
    show(
        page,
        '<input type="range"><label>rate<input type="range"></label><button disabled>Off</button>'
        '<button aria-label="Go"><i>\uf04b</i></button>',
    )
    assert focusable(page) == [
        Control("slider", ""),
        Control("slider", "rate"),
        Control("button", "Go"),
    ]


def test_the_tab_key_stops_where_it_can_and_ends_outside(page):
    show(page, '<button>\uf04c Pause</button><div onclick="0">no</div><input type="number">')
    assert tab_stops(page) == [Control("button", "Pause"), Control("spinbutton", "")]
