"""Reads a cell's names from its syntax tree; nothing is executed."""

from __future__ import annotations

import ast
import contextlib
import functools
from collections.abc import Iterator

from daf_nb.record.cells.magics import Magic, magic_call
from daf_nb.record.cells.names import CellNames

__all__ = ["cell_names"]


@functools.lru_cache(maxsize=4096)
def cell_names(python: str, *, number: int | None = None) -> CellNames:
    """Reads a cell.

    Args:
        python: its code as IPython makes Python of it, magics being calls of `get_ipython()`.
        number: its number; a cell that ends in an expression makes `_`, `Out` and `_<number>`.
    """
    names = CellNames()
    try:
        tree = ast.parse(python)
        _Reader(names).visit(tree)
    except (RecursionError, SyntaxError, ValueError):
        names.acts = True
        return names
    if number is not None and tree.body and isinstance(tree.body[-1], ast.Expr):
        names.outputs |= {"_", "__", "___", "Out", f"_{number}"}
    return names


class _Reader(ast.NodeVisitor):
    """Follows the order of execution; what a branch binds counts inside that branch only."""

    def __init__(self, names: CellNames) -> None:
        self._names = names
        self._sure: set[str] = set()  # bound by the time that is read now
        self._local = False  # in a function, a class or a comprehension
        self._global: set[str] = set()
        self._plain: set[str] = set()
        self._other: set[str] = set()

    def visit_Module(self, node: ast.Module) -> None:
        self.generic_visit(node)
        self._names.constants = self._plain - self._other

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id)
        elif node.id not in self._sure:
            self._names.uses.add(node.id)
            self._names.acts |= node.id == "get_ipython"  # a shell may be told anything

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._target(target, constant=_is_constant(node.value))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._target(node.target, constant=_is_constant(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in self._sure:
            self._names.uses.add(node.target.id)
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        with self._branch():
            self._all([node.target, *node.body])
        with self._branch():
            self._all(node.orelse)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self.visit_For(node)

    def visit_If(self, node: ast.If | ast.While) -> None:
        self.visit(node.test)
        for branch in (node.body, node.orelse):
            with self._branch():
                self._all(branch)

    def visit_While(self, node: ast.While) -> None:
        self.visit_If(node)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        for branch in (node.body, node.handlers, node.orelse, node.finalbody):
            with self._branch():
                self._all(branch)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self.visit_Try(node)

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
            base: ast.expr = node
            while isinstance(base, ast.Attribute | ast.Subscript):
                base = base.value
            if isinstance(base, ast.Name):
                self._names.changes.add(base.id)
        self.generic_visit(node)

    visit_Subscript = visit_Attribute

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._names.acts |= name == "*"  # it may bind anything
            self._bind(name, imported=True)

    visit_ImportFrom = visit_Import

    def visit_Global(self, node: ast.Global) -> None:
        self._global.update(node.names)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self._bind(node.name)
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
        self._bind(node.name)
        before, self._names.uses = self._names.uses, set()
        outer, self._global = self._global, set()
        with self._branch(local=True):
            self._sure |= arguments
            self.generic_visit(node)
        self._names.makes[node.name] = self._names.uses | self._global
        self._names.uses |= before
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

    def _bind(self, name: str, *, imported: bool = False) -> None:
        self._sure.add(name)
        if not self._local or name in self._global:
            (self._names.imports if imported else self._names.binds).add(name)
            self._other.add(name)


def _is_constant(value: ast.expr) -> bool:
    if isinstance(value, ast.UnaryOp):
        return _is_constant(value.operand)
    if isinstance(value, ast.BinOp):
        return _is_constant(value.left) and _is_constant(value.right)
    if isinstance(value, ast.Tuple):
        return all(map(_is_constant, value.elts))
    return isinstance(value, ast.Constant)
