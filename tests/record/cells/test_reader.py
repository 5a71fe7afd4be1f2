"""Reading a cell's names while other threads make syntax trees too."""

from __future__ import annotations

import ast
from typing import Any

from daf_nb.record.cells.reader import cell_names


def test_an_error_of_pythons_own_count_is_not_the_cells(monkeypatch):
    plain, errors = ast.parse, [3]

    def parse(*given: Any, **named: Any) -> ast.Module:
        if errors[0]:
            errors[0] -= 1
            raise SystemError("AST constructor recursion depth mismatch (before=96, after=106)")
        return plain(*given, **named)

    monkeypatch.setattr(ast, "parse", parse)
    names = cell_names("a_name_of_this_test = another_of_it + 1")
    assert (errors, names.acts) == ([0], False)
    assert (names.binds, names.uses) == ({"a_name_of_this_test"}, {"another_of_it"})
