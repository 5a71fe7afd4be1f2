"""What one cell binds, uses and does."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["CellNames"]


@dataclass
class CellNames:
    """The names in a cell.

    Attributes:
        binds: names that it gives a value, imported ones left out.
        imports: names that it imports.
        uses: names that it reads before it surely binds them, in functions and classes too.
        changes: names whose attributes or items it assigns.
        modules: for each imported name, what it was imported as: "numpy", "warnings.simplefilter".
        calls: what it calls without using the value, as in the code: "np.set_printoptions".
        constants: names that it only binds to numbers, texts and the like.
        makes: functions and classes that it defines; for each the names from outside in it.
        calls_in: for each of these, what it calls without using the value.
        restless: those of them whose use may change them, such as a function with a cache.
        outputs: names under which IPython keeps its value.
        acts: it does something beside names (a magic, a shell command), or cannot be read.
    """

    binds: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    modules: dict[str, str] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    constants: set[str] = field(default_factory=set)
    makes: dict[str, set[str]] = field(default_factory=dict)
    calls_in: dict[str, set[str]] = field(default_factory=dict)
    restless: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)
    acts: bool = False

    def add(self, other: CellNames) -> None:
        """Adds the names of code inside this cell."""
        self.binds |= other.binds
        self.imports |= other.imports
        self.uses |= other.uses
        self.changes |= other.changes
        self.modules |= other.modules
        self.calls |= other.calls
        self.constants |= other.constants
        self.makes |= other.makes
        self.calls_in |= other.calls_in
        self.restless |= other.restless
        self.acts |= other.acts
