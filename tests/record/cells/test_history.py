"""Which of the cells before does a cell depend on."""

from __future__ import annotations

import json

import pytest

from daf_nb.record.cells.history import PastCell, history_rows
from daf_nb.record.cells.reader import cell_names
from tests.record.children import run_child


def needed(*sources, now):
    past = [PastCell(number=n, source=text, python=text) for n, text in enumerate(sources, start=1)]
    return [row["number"] for row in history_rows(past, now=now) if row["needed"]]


@pytest.mark.parametrize(
    ("sources", "now", "expected"),
    [
        (["a = 1", "b = 2"], "a", [1]),
        (["a = 1", "b = a", "c = 3"], "b", [1, 2]),
        (["import numpy as np", "import os", "np.zeros(3)"], "np.ones(2)", [1]),
        (["rows = []", "rows.append(1)", "other = 2"], "len(rows)", [1, 2]),
        (["import os", "os.environ['X'] = '1'", "os.getcwd()"], "os.environ['X']", [1, 2]),
        (["k = 2", "def f():\n    return k", "k = 3"], "f()", [1, 2, 3]),
        (["def f():\n    global g\n    g = 1", "f()"], "g", [1, 2]),
        (["def f():\n    local = 1"], "local", []),
        (["for i in range(3):\n    with open('x') as file:\n        pass"], "i, file", [1]),
        (["try:\n    1/0\nexcept ZeroDivisionError as e:\n    e2 = e"], "e2", [1]),
        (["class A: pass", "a = A()", "print('nothing')"], "a", [1, 2]),
        (["a = []", "b = a", "b += [1]"], "a", [1, 2, 3]),
        (["if (n := 3): pass"], "n", [1]),
        (["1 +"], "2", [1]),
        (["from os.path import *"], "join", [1]),
        (["a = 3", "a * 2"], "_", [1, 2]),
        (["a = 3", "a * 2"], "_2 + Out[2]", [1, 2]),
        (["print(1)"], "print(2)", []),
    ],
)
def test_what_a_cell_needs(sources, now, expected):
    assert needed(*sources, now=now) == expected


def magic(line, body=None, name="experiment"):
    if body is None:
        return f"get_ipython().run_line_magic({name!r}, {line!r})"
    return f"get_ipython().run_cell_magic({name!r}, {line!r}, {body!r})"


def test_magics_are_understood():
    inside = cell_names(magic("x --config n=3 --config=m=4", "%matplotlib inline\na = b + n"))
    assert {"a", "n", "m"} <= inside.binds and {"b", "n"} <= inside.uses and inside.acts
    assert needed(magic("x --config n=3", "a = n"), "z = 1", now="a") == [1]
    assert needed(magic("x", "a = 1"), now=magic("y", "print(a)")) == [1]
    assert needed(magic("inline", name="matplotlib"), magic("", name="who"), now="1") == [1]
    assert needed(magic("daf_nb", name="load_ext"), now="1") == [1]
    assert needed(magic("-n 2 a = 1", name="time"), "b = 2", now="a") == [1]
    assert needed(magic("said", "print(1)", "capture"), now="said") == [1]
    assert needed(magic("", "# text", "markdown"), now="1") == []
    assert needed(magic("x.py", "a = 1", "writefile"), now="1") == [1]
    assert needed("get_ipython().system('ls')", now="1") == [1]


def test_in_a_shell_the_cells_before_are_recorded(tmp_path):
    run_child(
        """
        import sys
        from IPython.core.interactiveshell import InteractiveShell
        from daf_nb.record.cells import history
        shell = InteractiveShell.instance()
        cells = [
            "from daf_nb.record.cells.experiment import experiment",
            "folder = " + repr(sys.argv[1]),
            "unused = 1",
            "%config InlineBackend",
            "with experiment('one', runs_dir=folder):\\n    print(1)",
        ]
        for number, cell in enumerate(cells, start=1):
            ok = shell.run_cell(cell, store_history=True).success
            if number != 3:
                history.note_outcome(number, ok)
        """,
        tmp_path,
    )
    rows = json.loads((tmp_path / "1" / "history.json").read_text())["cells"]
    assert [(row["number"], row["needed"], row["ok"]) for row in rows] == [
        (1, True, True),
        (2, True, True),
        (3, False, None),
        (4, True, False) if not rows[3]["ok"] else (4, True, True),
    ]
    assert rows[3]["source"] == "%config InlineBackend"


@pytest.mark.parametrize(
    ("sources", "now", "expected"),
    [
        (["step = 1", "for step in range(2): print(step)"], "for step in range(3): step", []),
        (["base = 1", "base + 1", "2 * base"], "base", [1]),
        (["def f(x):\n    return x + 1", "f(1)"], "f(2)", [1]),
        (["rows = []", "def add(x):\n    rows.append(x)", "add(1)"], "rows", [1, 2, 3]),
        (["n = 1", "n = []", "n.append(1)"], "n", [1, 2, 3]),
        (["i = 3", "x = [i for i in range(3)]"], "[i for i in range(2)]", []),
        (["key = 1"], "sorted([], key=lambda key: key)", []),
        (["if a: x = 1"], "if True:\n    x = 2\nprint(x)", [1]),
        (["def f():\n    get_ipython()", "get_ipython().x = 1"], "1", [1, 2]),
    ],
)
def test_what_a_cell_binds_itself_or_cannot_change_is_not_wanted(sources, now, expected):
    assert needed(*sources, now=now) == expected


@pytest.mark.parametrize(
    ("sources", "now"),
    [
        (["[last := n for n in range(4)]"], "last"),
        (["match []:\n    case [1, *more]: pass"], "more"),
        (["class A: n = 0", "def inc(): A.n += 1", "inc()"], "A.n"),
        (["class A:\n    def up(self): type(self).n += 1", "A().up()"], "A.n"),
        (["class A:\n    def up(self): self.__class__.n = 1", "a = A().up()"], "A.n"),
        (["class A:\n    @classmethod\n    def up(cls): cls.n = 1", "a = A.up()"], "A.n"),
        (["class A:\n    rows = []", "A.rows.append(1)"], "A.rows"),
        (["class A:\n    rows = []", "a = A().rows.pop()"], "A.rows"),
        (["class A:\n    def __init_subclass__(cls): print(cls)", "class B(A): pass"], "A"),
        (
            ["class A:\n    rows = []\n    def __enter__(self): A.rows.append(1)", "with A(): 1"],
            "A.rows",
        ),
        (["def f(): f.n = getattr(f, 'n', 0) + 1", "f()"], "f.n"),
        (["def f(x, seen=[]):\n    seen.append(x)\n    return seen", "f(1)"], "f(2)"),
        (["import functools\n@functools.lru_cache\ndef f(x): return x", "f(1)"], "f(1)"),
        (["rows = []\ndef add(x): rows.append(x)", "add(1)"], "rows"),
        (["class A: n = 0", "setattr(A, 'n', 7)", "delattr(A, 'm')"], "A.n"),
        (["class A: n = 0", "vars(A)['n'] = 3"], "A.n"),
        (["import math", "setattr(math, 'word', 4)"], "math.word"),
        (["x = 1", "globals()['x'] = 8", "vars()['x'] = 2", "exec('x = 3')"], "x"),
        (["exec('q = 3')", "def f(): globals()['q'] = 1", "f()"], "q"),
        (["import numpy as np", "np.set_printoptions(precision=2)"], "np.ones(3)"),
        (["from numpy import seterr", "seterr(all='raise')"], "import numpy as np\nnp.log(0)"),
        (["import sys", "sys.path.append('..')", "from mine import f"], "f()"),
        (["from warnings import filterwarnings as quiet", "quiet('ignore')"], "print(1)"),
        (["import decimal", "decimal.getcontext().prec = 3"], "decimal.Decimal(1) / 3"),
        (["import builtins", "builtins.word = 3"], "word"),
        (["import random", "def start(): random.seed(3)", "start()"], "random.random()"),
        (["import matplotlib.pyplot as plt", "plt.style.use('bmh')"], "plt.plot([1])"),
    ],
)
def test_every_cell_that_may_change_what_is_used_is_needed(sources, now):
    assert needed(*sources, now=now) == list(range(1, len(sources) + 1))


@pytest.mark.parametrize(
    ("sources", "now"),
    [
        (["import daf_nb as daf", "a = daf.train('x')", "daf.compare([1, 2])"], "daf.train('x')"),
        (["import numpy as np, os", "np.mean([1])", "os.listdir()", "print(np.pi)"], "np.ones(2)"),
        (["import time", "time.sleep(1)", "import sys\nsys.stdout.write('x')"], "time.time()"),
        (["import matplotlib.pyplot as plt", "plt.plot([1])\nplt.show()"], "plt.plot([1])"),
        (
            ["class W:\n    metadata = {}\n    def __init__(self): self.n = 0", "W().reset()"],
            "W()",
        ),
        (["def f(x, shape=(1, 2), *, c=None):\n    y = x\n    y.n = 1", "f(1)"], "f(2)"),
        (["@dataclass\nclass A:\n    rows: list = field(default_factory=list)", "A()"], "A()"),
        (["x = 1", "def f(x): x.reset()"], "x"),
    ],
)
def test_a_cell_that_only_looks_is_not_needed(sources, now):
    assert needed(*sources, now=now) == [1]
