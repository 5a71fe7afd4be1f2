"""What a page sends about the table, as changes of what is found and picked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daf_nb.notebook.browser.finding import Finding

__all__ = ["apply"]


def apply(finding: Finding, content: Mapping[str, Any]) -> None:
    """Does what a message of `RunGrid` asks for, as far as it is about the table."""
    if "search" in content:
        finding.ask(search=str(content["search"]))
    for name in ("status", "tag"):
        if name in content:
            finding.ask(**{name: str(content[name])})
    if "sort" in content:
        finding.sort_by(str(content["sort"]))
    if "page" in content:
        finding.turn(int(content["page"]))
    if "pick" in content:
        # What was deleted meanwhile cannot be meant any more.
        known = [int(one) for one in content["pick"] if int(one) in finding.known]
        finding.pick(known, on=bool(content.get("on", True)))
    if "turn" in content:
        finding.turns[str(content["by"])] = int(content["turn"])
    if "all" in content:
        finding.pick([row.id for row in finding.rows], on=bool(content["all"]))
    if "clear" in content:
        finding.pick(list(finding.picked), on=False)
