"""Reads a cell's names from its syntax tree; nothing is executed."""

from __future__ import annotations

import ast
import contextlib
import functools
from collections.abc import Iterator

from daf_nb.record.cells.effects import (
    acts_by_name,
    dotted,
    is_constant,
    is_restless,
    roots,
    set_by_call,
)
from daf_nb.record.cells.magics import Magic, magic_call
from daf_nb.record.cells.names import CellNames

__all__ = ["cell_names"]

_TRIES = 9


@functools.lru_cache(maxsize=4096)
def cell_names(python: str, *, number: int | None = None) -> CellNames:
    """Reads a cell.

    Args:
        python: its code as IPython makes Python of it, magics being calls of `get_ipython()`.
        number: its number; a cell that ends in an expression makes `_`, `Out` and `_<number>`.
    """
    names = CellNames()
    try:
        tree = _parsed(python)
        _Reader(names).visit(tree)
    except (RecursionError, SyntaxError, SystemError, ValueError):
        names.acts = True
        return names
    if number is not None and tree.body and isinstance(tree.body[-1], ast.Expr):
        names.outputs |= {"_", "__", "___", "Out", f"_{number}"}
    return names


def _parsed(python: str) -> ast.Module:
    """Its tree.

    Python 3.11 counts the depth of all threads' trees together, and may err by that, though not
    often twice: https://github.com/python/cpython/issues/106905.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(SystemError):
            return ast.parse(python)
    return ast.parse(python)


class _Reader(ast.NodeVisitor):
    """Follows the order of execution; what a branch binds counts inside that branch only."""

    def __init__(self, names: CellNames) -> None:
        self._names = names
        self._sure: set[str] = set()  # bound by the time that is read now
        self._local = False  # in a function, a class or a comprehension
        self._made = False  # in a function or a class
        self._global: set[str] = set()
        self._plain: set[str] = set()
        self._other: set[str] = set()
        self._assigned: set[str] = set()  # bound, and not by a definition or an import

    def visit_Module(self, node: ast.Module) -> None:
        self.generic_visit(node)
        self._names.constants = self._plain - self._other
        for name in self._assigned & set(self._names.makes):
            del self._names.makes[name]

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id)
        elif node.id not in self._sure:
            self._names.uses.add(node.id)
            self._names.acts |= node.id == "get_ipython"  # a shell may be told anything

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._target(target, constant=is_constant(node.value))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._target(node.target, constant=is_constant(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in self._sure:
            self._names.uses.add(node.target.id)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._bind(node.target.id, walrus=True)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        with self._branch():
            self._all([node.target, *node.body])
        with self._branch():
            self._all(node.orelse)

    visit_AsyncFor = visit_For

    def visit_If(self, node: ast.If | ast.While) -> None:
        self.visit(node.test)
        for branch in (node.body, node.orelse):
            with self._branch():
                self._all(branch)

    visit_While = visit_If

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        for branch in (node.body, node.handlers, node.orelse, node.finalbody):
            with self._branch():
                self._all(branch)

    visit_TryStar = visit_Try

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        for case in node.cases:
            with self._branch():
                self.visit(case)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._comprehension(node.generators, [node.elt])

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, [node.key, node.value])

    def visit_Attribute(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._names.changes.update(roots(node))
        self.generic_visit(node)

    visit_Subscript = visit_Attribute

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call) and (called := dotted(value.func)):
            self._names.calls.add(called)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        origin = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._names.modules[name] = origin + (alias.name if alias.asname else name)
            self._names.acts |= name == "*"  # it may bind anything
            self._bind(name, imported=True)

    visit_ImportFrom = visit_Import

    def visit_Global(self, node: ast.Global) -> None:
        self._global.update(node.names)

    def visit_ExceptHandler(self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    visit_MatchAs = visit_MatchStar = visit_ExceptHandler

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self._bind(node.rest)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._make(node, {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)})

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._make(node, set())

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        with self._branch(local=True):
            self._sure |= {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
            self.visit(node.body)

    def visit_Call(self, node: ast.Call) -> None:
        magic = magic_call(node)
        if magic is None:
            self._names.acts |= acts_by_name(node, local=self._made)
            if (target := set_by_call(node)) is not None:
                self._names.changes.update(roots(target))
            self.generic_visit(node)
        else:
            self._magic(magic)

    def _magic(self, magic: Magic) -> None:
        for code in magic.code:
            self._names.add(cell_names(code))
        self._names.binds |= magic.binds
        self._names.acts |= magic.acts

    def _make(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, arguments: set[str]
    ) -> None:
        """A definition: its name is bound; inside, only `global` names are the cell's."""
        self._bind(node.name, made=True)
        before, self._names.uses = self._names.uses, set()
        calls, self._names.calls = self._names.calls, set()
        outer, self._global = self._global, set()
        was_made, self._made = self._made, True
        with self._branch(local=True):
            self._sure = set(arguments)  # by the time of a call other cells may have run
            self.generic_visit(node)
        self._made = was_made
        if not self._made:
            self._names.makes[node.name] = self._names.uses | self._global
            self._names.calls_in[node.name] = set(self._names.calls)
            self._names.restless |= {node.name} if is_restless(node) else set()
        self._names.uses = before | (self._names.uses - self._sure)
        inside = {call for call in self._names.calls if call.partition(".")[0] not in arguments}
        self._names.calls = calls | inside
        self._global = outer

    def _comprehension(self, generators: list[ast.comprehension], values: list[ast.expr]) -> None:
        with self._branch(local=True):
            for generator in generators:
                self._all([generator.iter, generator.target, *generator.ifs])
            self._all(values)

    @contextlib.contextmanager
    def _branch(self, *, local: bool = False) -> Iterator[None]:
        sure, was_local = set(self._sure), self._local
        self._local = was_local or local
        yield
        self._sure, self._local = sure, was_local

    def _all(self, nodes: list[ast.AST] | list[ast.stmt] | list[ast.expr] | list) -> None:
        for node in nodes:
            self.visit(node)

    def _target(self, target: ast.expr, *, constant: bool) -> None:
        self.visit(target)
        if constant and isinstance(target, ast.Name) and not self._local:
            self._other.discard(target.id)
            self._plain.add(target.id)

    def _bind(
        self, name: str, *, imported: bool = False, made: bool = False, walrus: bool = False
    ) -> None:
        self._sure.add(name)
        # A walrus in a comprehension binds outside of it.
        inside = self._made if walrus else self._local
        if not inside or name in self._global:
            (self._names.imports if imported else self._names.binds).add(name)
            self._other.add(name)
            if not (imported or made):
                self._assigned.add(name)
