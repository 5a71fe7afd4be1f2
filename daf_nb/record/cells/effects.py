"""What in a cell's code may change more than the names that it binds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = [
    "PROCESS",
    "acts_by_name",
    "dotted",
    "is_constant",
    "is_restless",
    "roots",
    "set_by_call",
    "stirs",
]

PROCESS = frozenset(["builtins", "locale", "logging", "os", "sys", "warnings"])
"""Modules whose state concerns code that never names them."""
CALM = frozenset(
    ["IPython", "daf_nb", "datetime", "itertools", "json", "math", "matplotlib", "numpy", "pandas",
     "pprint", "re", "scipy", "statistics", "time", "torch"]
)  # fmt: skip
"""Packages of which a call without use of its value is mostly a look; the rest is in `VERBS`."""
VERBS = frozenset(
    ["add", "default", "deregister", "disable", "enable", "interactive", "ioff", "ion", "manual",
     "option", "options", "random", "rc", "rcdefaults", "rcparams", "register", "reset", "seed",
     "set", "seterr", "seterrcall", "setbufsize", "style", "switch", "tzset", "use", "xkcd"]
)  # fmt: skip
"""Words in the names of such functions of calm packages as change their state."""
LOOKS = frozenset(
    ["critical", "debug", "display", "dump", "dumps", "error", "exception", "exists", "get",
     "getcwd", "getenv", "getpid", "getsizeof", "help", "info", "is", "isfile", "list", "listdir",
     "log", "pprint", "print", "show", "sleep", "stat", "stderr", "stdout", "version", "versions",
     "warn", "warning", "write"]
)  # fmt: skip
"""Words in the names of functions of other packages that change nothing there."""
QUIET_DECORATORS = frozenset(
    ["abstractmethod", "asynccontextmanager", "cached_property", "classmethod", "contextmanager",
     "dataclass", "deleter", "final", "getter", "inference_mode", "no_grad", "overload", "override",
     "property", "runtime_checkable", "setter", "staticmethod", "total_ordering", "wraps"]
)  # fmt: skip
FIXED_CALLS = frozenset(
    ["Field", "Path", "TypeVar", "bool", "bytes", "field", "float", "frozenset", "int", "range",
     "str", "tuple"]
)  # fmt: skip
NEVER_CHANGED = frozenset(["metadata", "model_config"])
"""Class attributes that by custom are only read."""


def stirs(function: str) -> bool:
    """Whether calling "numpy.set_printoptions" may change state in numpy that later code sees."""
    package, *path = function.replace("()", "").split(".")
    words = {word.lower() for part in path for word in part.split("_")}
    return bool(words & VERBS) if package in CALM else not words & LOOKS


def acts_by_name(call: ast.Call, *, local: bool) -> bool:
    """A call that reaches names by their text: exec, eval, globals; outside of functions locals."""
    if not isinstance(call.func, ast.Name):
        return False
    if call.func.id in ("exec", "eval", "globals"):
        return True
    return call.func.id in ("locals", "vars") and not call.args and not local


def set_by_call(call: ast.Call) -> ast.expr | None:
    """What a setattr or delattr changes."""
    named = isinstance(call.func, ast.Name) and call.func.id in ("setattr", "delattr")
    return call.args[0] if named and call.args else None


def dotted(call: ast.expr) -> str | None:
    """What is called, as "np.random.seed" or "World().reset"; None where it begins with no name."""
    text = ""
    while not isinstance(call, ast.Name):
        if isinstance(call, ast.Attribute):
            text = f".{call.attr}{text}"
            call = call.value
        elif isinstance(call, ast.Call):
            text = f"(){text}"
            call = call.func
        elif isinstance(call, ast.Subscript | ast.Await):
            call = call.value
        else:
            return None
    return call.id + text


def roots(target: ast.expr) -> Iterator[str]:
    """The names behind what is assigned to: a in `a.b[0]`, c and d in `c.get(d).e`."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Attribute | ast.Subscript):
        yield from roots(target.value)
    elif isinstance(target, ast.Call):
        for part in (target.func, *target.args):
            yield from roots(part)


def is_constant(value: ast.expr) -> bool:
    """A number, a text, or what is made of such and cannot change."""
    if isinstance(value, ast.UnaryOp):
        return is_constant(value.operand)
    if isinstance(value, ast.BinOp):
        return is_constant(value.left) and is_constant(value.right)
    if isinstance(value, ast.Tuple):
        return all(map(is_constant, value.elts))
    return isinstance(value, ast.Constant)


def is_restless(made: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether the use of a function or class may change it, or something else outside of it.

    So it is with a decorator that may keep something, a default argument or class attribute that
    can change, an assignment to an attribute or item of what is no variable of its own, to one of
    a class, and with a method `__init_subclass__`.
    """
    own = {arg.arg for arg in ast.walk(made) if isinstance(arg, ast.arg)} - {"cls", "mcs"}
    own |= {
        node.id
        for node in ast.walk(made)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    return any(_is_restless_part(node, made.name, own) for node in ast.walk(made))


def _is_restless_part(node: ast.AST, name: str, own: set[str]) -> bool:
    if isinstance(node, ast.ClassDef):
        return _may_keep(node.decorator_list) or any(map(_is_changeable_attribute, node.body))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        keeps = _may_keep(node.decorator_list) or any(map(_is_changeable, defaults))
        return keeps or node.name == "__init_subclass__"
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return _is_foreign(node, own)
    if isinstance(node, ast.Call):
        target = set_by_call(node)
        called = dotted(node.func) or ""
        return (
            acts_by_name(node, local=True)
            or (target is not None and _is_foreign(target, own))
            or (called.startswith((f"{name}.", "cls.")) and called.count(".") > 1)
            or ".__class__." in called
            or called.startswith("type().")
        )
    return False


def _is_foreign(target: ast.expr, own: set[str]) -> bool:
    """It is not, or not only, of the function's own variables; its own object's class is not."""
    names = set(roots(target))
    through_class = any(
        isinstance(node, ast.Attribute) and node.attr == "__class__" for node in ast.walk(target)
    )
    return not names or bool(names - own) or through_class


def _may_keep(decorators: list[ast.expr]) -> bool:
    return not QUIET_DECORATORS.issuperset(map(_last_name, decorators))


def _is_changeable_attribute(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets, value = [statement.target], statement.value
    else:
        return False
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    custom = all(name in NEVER_CHANGED or name.startswith("__") for name in names)
    return _is_changeable(value) and not (names and custom)


def _is_changeable(value: ast.expr) -> bool:
    if isinstance(value, ast.Tuple):
        return any(map(_is_changeable, value.elts))
    if isinstance(value, ast.Call):
        return _last_name(value) not in FIXED_CALLS
    return isinstance(
        value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    )


def _last_name(called: ast.expr) -> str:
    return (dotted(called) or "").rpartition(".")[2].removesuffix("()")
