"""Tapes read back: as data, whatever somebody made of the files."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import daf_nb as daf
from daf_nb.envs import World, play
from daf_nb.envs.tape import Tape
from daf_nb.errors import DafWarning
from daf_nb.testing import Scripted
from tests.record.children import run_child
from tests.record.tapes.test_keeping import TINY

FIELDS = {"tape_interval": 10, "evaluation_interval": 800, "evaluation_episodes": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    given = {**TINY, **FIELDS, "total_timesteps": 1500}
    daf.train("mpe2.simple_spread_v3", env_kwargs={"max_cycles": 5}, runs_dir=root, **given).wait()
    return root


@pytest.fixture
def folder(made, tmp_path) -> Path:
    shutil.copytree(made / "1", tmp_path / "1")
    return tmp_path / "1"


def record_of(folder: Path) -> daf.RunRecord:
    return daf.load_run(1, runs_dir=folder.parent)


def path_of(folder: Path, episode: int) -> Path:
    return folder / "tapes" / f"{episode:06d}.tape"


def best_of(folder: Path) -> int:
    table = record_of(folder).tapes
    return int(table.index[table["kept"].str.contains("best")][0])


def test_the_table_has_a_row_for_every_tape_in_the_order_of_keeping(folder):
    table = record_of(folder).tapes
    assert list(table.columns) == [
        *("kept", "step", "copy", "number", "seed", "task", "length", "mean_return", "success"),
        "evaluation",
    ]
    assert table.index.name == "episode"
    assert table.index.is_monotonic_increasing
    assert table.index.is_unique
    for episode, row in table.iterrows():
        tape = record_of(folder).tape(int(episode))  # type: ignore[arg-type]
        assert (tape.copy, tape.number, tape.seed) == (row["copy"], row["number"], row["seed"])
        assert (tape.length, tape.mean_return) == (row["length"], row["mean_return"])
    assert len(list((folder / "tapes").iterdir())) >= len(table)


def test_words_stand_for_tapes(folder):
    record = record_of(folder)
    table = record.tapes
    assert record.tape().to_bytes() == record.tape(best_of(folder)).to_bytes()
    training = table[table["evaluation"].isna()]
    assert record.tape("best").mean_return == training["mean_return"].max()
    assert record.tape("worst").mean_return == training["mean_return"].min()
    assert record.tape("last").seed == table["seed"].iloc[-1]
    assert record.tape(table.index[0]).seed == table["seed"].iloc[0]


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("bset", "Did you mean 'best'"),
        (-1, "such as 0, "),
        (10**6, r"load_run\(1\)\.tapes shows all"),
        (1.5, "a number, or one of best, last, worst"),
        (None, "a number, or one of best, last, worst"),
    ],
)
def test_what_is_no_tape_is_met_with_those_that_are(folder, which, said):
    with pytest.raises(daf.RecordError, match=said):
        record_of(folder).tape(which)


@pytest.mark.parametrize("which", ["best", "worst", "last", 0])
def test_a_run_without_tapes_says_what_to_do(folder, which):
    (folder / "tapes.jsonl").unlink()
    assert record_of(folder).tapes.empty
    assert list(record_of(folder).tapes.columns)
    with pytest.raises(daf.RecordError, match=r"has no tapes.*reproduce\(1\)"):
        record_of(folder).tape(which)


def test_a_torn_line_is_told_of_and_the_others_are_read(folder):
    log = folder / "tapes.jsonl"
    whole = record_of(folder).tapes
    log.write_bytes(log.read_bytes()[:-20])
    with pytest.warns(DafWarning, match=r"tapes\.jsonl is torn"):
        table = record_of(folder).tapes
    assert set(table.index) == set(whole.index) - {whole.index[-1]}


def test_the_best_whose_file_is_not_there_gives_way_to_the_one_before(folder):
    """As a kill leaves it: the row is written, and the file before is not yet removed."""
    log, best = folder / "tapes.jsonl", best_of(folder)
    row = json.loads(log.read_text().splitlines()[best])
    assert row["episode"] == best
    newer = {**row, "episode": 10_000, "mean_return": 9.0}
    with log.open("a") as file:
        file.write(json.dumps(newer) + "\n")
    assert best_of(folder) == best
    assert 10_000 not in record_of(folder).tapes.index


def test_damage_is_found(folder):
    best = best_of(folder)
    path = path_of(folder, best)
    content = path.read_bytes()
    harmed = [content[:cut] for cut in range(0, len(content), 61)] + [content + b"\0"]
    for at in range(0, len(content), 17):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 8
        harmed.append(bytes(flipped))
    for bad in harmed:
        path.write_bytes(bad)
        with pytest.raises(daf.RecordError, match=f"tape of episode {best} cannot be read"):
            record_of(folder).tape("best")
    other = next(e for e in record_of(folder).tapes.index if e != best)
    path.write_bytes(path_of(folder, other).read_bytes())
    with pytest.raises(daf.RecordError, match="not the one that was kept"):
        record_of(folder).tape("best")
    path.write_bytes(content)
    assert record_of(folder).tape("best").finished


def test_no_link_is_followed_and_no_endless_file_is_read(folder, tmp_path):
    best = best_of(folder)
    path = path_of(folder, best)
    moved = path.rename(tmp_path / "elsewhere")
    path.symlink_to(moved)
    assert best not in record_of(folder).tapes.index
    path.unlink()
    os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 2**40)
    with pytest.raises(daf.RecordError, match="as no tape is"):
        record_of(folder).tape(best)
    shutil.rmtree(folder / "tapes")
    (folder / "tapes").symlink_to("/")
    assert record_of(folder).tapes.empty


@pytest.mark.parametrize(
    "changes",
    [
        {"episode": "../../../etc/passwd"},
        {"episode": -5},
        {"kept": {"best": 1}, "episode": []},
        {"seed": "<script>"},
        {"thinned": "every", "stride": 0.5},
    ],
)
def test_a_row_that_cannot_be_is_told_of(folder, changes):
    log = folder / "tapes.jsonl"
    first = json.loads(log.read_text().splitlines()[0])
    log.write_text(json.dumps({**first, **changes}) + "\n")
    with pytest.warns(DafWarning, match="torn at line 1"):
        assert record_of(folder).tapes.empty


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (os.environ["BOMB"],))


def test_a_pickle_in_the_place_of_a_tape_is_not_loaded(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    path_of(folder, best_of(folder)).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(daf.RecordError):
        record_of(folder).tape("best")
    assert not (tmp_path / "exploded").exists()


PLANTED = """
import pathlib
pathlib.Path({marker!r}).mkdir()
def wrap(env): raise RuntimeError("wrapped")
class World:
    def __init__(self, **kwargs): raise RuntimeError("built")
parallel_env = World
def apply(env, params): raise RuntimeError("applied")
"""


@pytest.mark.parametrize("where", ["tape", "spec", "task"])
def test_without_trust_nothing_is_imported(folder, tmp_path, monkeypatch, where):
    marker = tmp_path / "imported"
    (tmp_path / "planted.py").write_text(PLANTED.format(marker=str(marker)))
    monkeypatch.syspath_prepend(tmp_path)
    best = best_of(folder)
    path = path_of(folder, best)
    tape = Tape.from_bytes(path.read_bytes())
    spec = json.loads((folder / "config.json").read_text())
    if where == "tape":
        path.write_bytes(replace(tape, world=World("planted")).to_bytes())
    elif where == "spec":
        path.write_bytes(replace(tape, world=None).to_bytes())
        spec |= {"world": "planted:World", "wrappers": ["planted.wrap"]}
    else:
        missing, plain = (*tape.missing, "setting.prepare"), {"parameter": "function"}
        tag = {"task": "a", "index": 0, "difficulty": 0.5, "env_kwargs": {}, "config": {}}
        setting = replace(tape.setting, tag=tag)
        path.write_bytes(replace(tape, setting=setting, missing=missing).to_bytes())
        task = {"name": "a", "difficulty": 0.5, "apply": {**plain, "name": "planted.apply"}}
        spec |= {"curriculum_config": {"strategy": "uniform", "tasks": [task]}}
    (folder / "config.json").write_text(json.dumps(spec))
    read = record_of(folder).tape(best)
    with pytest.raises(daf.ConfigError):
        next(play(read))
    assert not marker.exists()
    assert "planted" not in sys.modules
    trusted = record_of(folder).tape(best, trust=True)
    with pytest.raises((daf.ConfigError, RuntimeError)):
        next(play(trusted))
    assert marker.exists()
    del sys.modules["planted"]


@pytest.mark.parametrize(
    "spec",
    [
        {"env_kwargs": 3},
        {"wrappers": [7]},
        {"curriculum_config": {"strategy": "nonsense", "tasks": [{}]}},
        {"curriculum_config": {"tasks": "many"}},
        {"curriculum_config": None},
    ],
)
def test_a_spec_that_cannot_be_is_refused_in_words(folder, spec):
    best = best_of(folder)
    path = path_of(folder, best)
    tape = Tape.from_bytes(path.read_bytes())
    changed = replace(tape, world=None, missing=("setting.prepare",))
    path.write_bytes(changed.to_bytes())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **spec}))
    with pytest.raises(daf.RecordError, match="cannot be made whole by the run's spec"):
        record_of(folder).tape(best, trust=True)


def test_an_instance_of_a_world_has_to_be_given_again(tmp_path):
    daf.train(Scripted(limit=4), runs_dir=tmp_path, total_timesteps=300, **TINY).wait()
    tape = daf.load_run(1, runs_dir=tmp_path).tape("best", trust=True)
    with pytest.raises(daf.ConfigError, match="give it"):
        next(play(tape))
    assert sum(1 for _ in play(tape, World(Scripted, {"limit": 4}))) == 5


def test_what_a_world_was_made_with_comes_back_with_its_types(tmp_path):
    """Not as JSON would have it, which knows no tuples."""
    world: Any = "daf_nb.testing.scripted:Scripted"
    kwargs = {"agents": ("a", "b"), "limit": 3, "deaths": {1: 2}}
    daf.train(world, env_kwargs=kwargs, runs_dir=tmp_path, total_timesteps=300, **TINY).wait()
    tape = daf.load_run(1, runs_dir=tmp_path).tape("best", trust=True)
    assert tape.world is not None
    assert tape.world.env_kwargs == kwargs
    assert sum(1 for _ in play(tape)) == 4


def test_to_see_which_tapes_there_are_needs_neither_torch_nor_sacred(made):
    output, _ = run_child(
        """
        import sys
        import daf_nb as daf
        record = daf.load_run(1, runs_dir=sys.argv[1])
        print(len(record.tapes), {"torch", "sacred", "ipywidgets"} & set(sys.modules))
        """,
        made,
    )
    assert output.split() == [str(len(daf.load_run(1, runs_dir=made).tapes)), "set()"]
