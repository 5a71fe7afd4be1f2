"""A run's knobs as widgets, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from daf_nb.errors import ConfigError, unknown_name
from daf_nb.notebook.panels.knob import KnobWidget
from daf_nb.notebook.source import Source

__all__ = ["Knobs"]


class Knobs:
    """Name -> widget; the panels of one run share them.

    Args:
        source: whose knobs.
        asked: called when something was asked for.
    """

    def __init__(self, source: Source, *, asked: Callable[[], object]) -> None:
        self._source, self._asked = source, asked
        self._made: dict[str, KnobWidget] = {}

    @cached_property
    def names(self) -> list[str]:
        """All that there are, in the order of a panel; none of a record."""
        controls = self._source.controls
        return [] if controls is None else list(controls.knobs)

    def __getitem__(self, name: str) -> KnobWidget:
        """A knob's widget, showing what is so now.

        Raises:
            ConfigError: there is no such knob; a record has none.
        """
        if name not in self._made:
            known = self.names
            if name not in known:
                raise ConfigError(unknown_name("knob", name, known))
            label = name.removeprefix("curriculum.").removeprefix("adaptive.")
            self._made[name] = KnobWidget(self._source, name, label=label, asked=self._asked)
        else:
            self._made[name].look()
        return self._made[name]

    def look(self, names: Iterable[str]) -> None:
        """Brings these up to date, as far as they were made."""
        for name in names:
            if name in self._made:
                self._made[name].look()
