import json

import pytest

from tests.record.children import PROJECT, run_child

LOOK = "from daf_nb.record import launching_source; seen = launching_source()"


def test_a_script_is_its_own_source(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(f"# é\n{LOOK}\nimport json; print(json.dumps(vars(seen)))\n")
    output, _ = run_child(
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", script
    )
    assert json.loads(output) == {
        "kind": "script",
        "text": script.read_text(),
        "name": str(script),
        "directory": str(PROJECT),
    }


def test_code_without_a_file_is_unknown():
    output, _ = run_child(f"{LOOK}; print(seen.kind, repr(seen.text))")
    assert output.split() == ["unknown", "''"]


def test_in_a_shell_the_running_cell_is_the_source():
    output, _ = run_child(f"""
        import json
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        show = "print('SEEN', json.dumps(vars(seen)))"
        shell.run_cell("import json", store_history=True)
        shell.run_cell("def go():\\n    global seen\\n    {LOOK}", store_history=True)
        shell.run_cell("%time go()\\n" + show, store_history=True)
        shell.run_cell("go()  # quiet\\n" + show, store_history=False)
    """)
    cells = [json.loads(line[5:]) for line in output.splitlines() if line.startswith("SEEN")]
    assert [cell["kind"] for cell in cells] == ["interactive", "interactive"]
    assert cells[0]["text"].startswith("%time go()\nprint(")
    assert cells[1]["text"].startswith("go()  # quiet\nprint(")


def test_in_a_kernel_the_source_is_a_cell_with_its_notebook_and_number(monkeypatch):
    manager = pytest.importorskip("jupyter_client.manager")
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/someone/first.ipynb")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    kernels = manager.KernelManager()
    kernels.start_kernel()
    client = kernels.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        cell = f"{LOOK}\n# the cell itself"
        client.execute_interactive(cell, timeout=60)
        expression = "' '.join([seen.kind, str(seen.text == In[1]), seen.name])"
        reply = client.execute_interactive("", user_expressions={"seen": expression}, timeout=60)
        seen = reply["content"]["user_expressions"]["seen"]["data"]["text/plain"]
    finally:
        client.stop_channels()
        kernels.shutdown_kernel(now=True)
    assert seen == "'cell True first.ipynb In[1]'"
