"""What a notebook's outputs are to people who use a keyboard, a screen reader, or tired eyes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

__all__ = ["Control", "faint_text", "focusable", "tab_stops"]

_OUTPUTS = ".jp-Notebook .jp-OutputArea-output"
_FOCUS = "document.activeElement"


class Control(NamedTuple):
    """What a screen reader is told of an element; both may be empty."""

    role: str
    name: str


def focusable(page: Page) -> list[Control]:
    """Everything in the outputs that can have the focus now: not what is disabled or hidden."""
    count = page.locator(_OUTPUTS).count()
    with _tools(page) as tools:
        nodes = [
            node
            for index in range(count)
            for node in _query(tools, f"document.querySelectorAll('{_OUTPUTS}')[{index}]")
        ]
    return [_control(node) for node in nodes if not node["ignored"] and _has(node, "focusable")]


def tab_stops(page: Page, *, cell: int = 0, most: int = 100) -> list[Control]:
    """Where the Tab key leads in a cell's output, in order, until it leaves it.

    Args:
        page: a notebook's.
        cell: its number, from 0.
        most: presses of the key.
    """
    page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-InputPrompt").first.click()
    stops: list[Control] = []
    with _tools(page) as tools:
        for _ in range(most):
            page.keyboard.press("Tab")
            inside = page.evaluate(f"{_FOCUS}.closest('{_OUTPUTS}') !== null")
            if inside:
                stops.append(_control(_query(tools, _FOCUS)[0]))
            elif stops:
                return stops
    raise AssertionError(f"after {most} presses of Tab the focus is where it was: {stops}")


def faint_text(page: Page, *, ratio: float = 4.5) -> list[str]:
    """Visible texts of the outputs with less contrast than `ratio`, and what they have.

    The ratio is that of WCAG 2.2, success criterion 1.4.3, which lets disabled controls off.
    Transparency counts in colours, not as an element's `opacity`.
    """
    return page.evaluate(_FAINT, [_OUTPUTS, ratio])


@contextmanager
def _tools(page: Page) -> Iterator[CDPSession]:
    session = page.context.new_cdp_session(page)
    try:
        yield session
    finally:
        session.detach()


def _query(tools: CDPSession, expression: str) -> list[dict[str, Any]]:
    """The accessibility nodes of an element, first its own, then those under it."""
    element = tools.send("Runtime.evaluate", {"expression": expression})["result"]
    return tools.send("Accessibility.queryAXTree", {"objectId": element["objectId"]})["nodes"]


def _has(node: dict[str, Any], name: str) -> bool:
    return any(
        entry["name"] == name and entry["value"].get("value")
        for entry in node.get("properties", [])
    )


def _control(node: dict[str, Any]) -> Control:
    # Icons of a font are private letters, which no screen reader speaks.
    name = "".join(
        x for x in node.get("name", {}).get("value", "") if not "\ue000" <= x <= "\uf8ff"
    )
    return Control(node["role"]["value"], name.strip())


_FAINT = """([outputs, least]) => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
    };
    const over = (front, back) => [0, 1, 2].map(
        (part) => front[part] * front[3] + back[part] * (1 - front[3]));
    const ground = (element) => element === null ? [1, 1, 1]
        : over(rgba(getComputedStyle(element).backgroundColor), ground(element.parentElement));
    const luminance = (colour) => {
        const [r, g, b] = colour.map(
            (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const faint = new Map();
    for (const output of document.querySelectorAll(outputs)) {
        const texts = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const text = texts.currentNode.data.trim(), element = texts.currentNode.parentElement;
            if (!text || !element.checkVisibility({visibilityProperty: true})) continue;
            if (element.closest("style, :disabled, [aria-disabled=true]")) continue;
            const style = getComputedStyle(element);
            const ink = element instanceof SVGElement ? style.fill : style.color;
            const back = ground(element);
            const [dark, light] = [luminance(over(rgba(ink), back)), luminance(back)].sort(
                (a, b) => a - b);
            const found = (light + 0.05) / (dark + 0.05);
            if (found < least) faint.set(text, `${text}: ${found.toFixed(2)}`);
        }
    }
    return [...faint.values()];
}"""
