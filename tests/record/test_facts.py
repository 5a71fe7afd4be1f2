import os
import subprocess
import sys

import numpy as np
import pytest

import daf_nb
from daf_nb.record import environment_facts
from tests.record.children import run_child


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-b", "trunk")
    (tmp_path / "world.py").write_text("one")
    git("add", "world.py")
    git("commit", "-m", "first")
    return tmp_path, git


def test_a_clean_tree_is_its_commit(repository):
    root, git = repository
    assert environment_facts(root=root)["git"] == {
        "commit": git("rev-parse", "HEAD"),
        "branch": "trunk",
        "dirty": False,
        "untracked": 0,
    }


def test_a_changed_tree_is_dirty_and_the_runs_in_it_do_not_count(repository):
    root, _ = repository
    (root / "runs" / "1").mkdir(parents=True)
    (root / "runs" / "1" / "run.json").touch()
    assert environment_facts(root=root, ignore=root / "runs")["git"]["untracked"] == 0
    (root / "new.py").touch()
    (root / "world.py").write_text("two")
    state = environment_facts(root=root, ignore=root / "runs")["git"]
    assert state["dirty"] is True
    assert state["untracked"] == 1


def test_the_whole_repository_counts_from_a_folder_inside_it(repository):
    root, _ = repository
    (root / "sub" / "runs").mkdir(parents=True)
    (root / "sub" / "runs" / "x").touch()
    (root / "world.py").write_text("two")
    state = environment_facts(root=root / "sub", ignore=root / "sub" / "runs")["git"]
    assert (state["dirty"], state["untracked"]) == (True, 0)


def test_reading_a_strangers_repository_runs_none_of_its_hooks(repository):
    root, git = repository
    hook = root / "hook.sh"
    hook.write_text(f"#!/bin/sh\ntouch {root}/ran\n")
    hook.chmod(0o755)
    git("config", "core.fsmonitor", str(hook))
    environment_facts(root=root)
    assert not (root / "ran").exists()


@pytest.mark.parametrize("name", ["evil", "with=sign"])
@pytest.mark.parametrize("kind", ["clean", "process"])
def test_a_strangers_repository_names_no_program_that_is_run_on_its_files(repository, name, kind):
    root, git = repository
    git("config", f"filter.{name}.{kind}", f"touch {root}/ran; cat")
    git("config", f"filter.{name}.required", "true")
    (root / ".git" / "info").mkdir(exist_ok=True)
    (root / ".git" / "info" / "attributes").write_text(f"* filter={name}\n")
    os.utime(root / "world.py", (5, 5))  # so that git looks into it
    environment_facts(root=root)
    assert not (root / "ran").exists()
    subprocess.run(["git", "-C", str(root), "status"], capture_output=True, check=False)
    assert (root / "ran").exists(), "git by itself runs it"


def test_outside_a_repository_there_is_no_git_state(tmp_path):
    assert environment_facts(root=tmp_path)["git"] is None


def test_versions_are_those_that_run():
    versions = environment_facts()["versions"]
    assert versions["numpy"] == np.__version__
    assert versions["python"] == sys.version.split()[0]
    assert versions["sacred"] == "0.8.7"
    assert "no-such-package" not in versions
    assert versions.get("daf_nb", daf_nb.__version__) == daf_nb.__version__


def test_facts_start_neither_torch_nor_sacred():
    output, _ = run_child("""
        import sys
        from daf_nb.record import environment_facts, list_runs
        environment_facts()
        print([name for name in ("torch", "sacred", "stable_baselines3") if name in sys.modules])
    """)
    assert output.strip() == "[]"
