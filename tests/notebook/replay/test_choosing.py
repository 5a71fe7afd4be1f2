"""Whose episode is seen: of runs, live and recorded, and of tapes; alone and beside others."""

from __future__ import annotations

from typing import Any

import pytest

import daf_nb as daf
from daf_nb.envs import World
from daf_nb.notebook.replay import Replay, replay
from tests.notebook.helpers import graded, start, until
from tests.notebook.replay.helpers import Drawn, played, taped, trainer
from tests.worlds import Counting, Shaped, Staggered, TwoKinds

WORLD = "mpe2.simple_spread_v3"
TINY: dict[str, Any] = {
    "num_envs": 2,
    "torch_threads": 1,
    "env_kwargs": {"max_cycles": 5},
    "algorithm_kwargs": {"n_steps": 10, "n_epochs": 1},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two recorded trainings."""
    folder = tmp_path_factory.mktemp("runs")
    made = [
        daf.train(WORLD, total_timesteps=steps, seed=steps, runs_dir=folder, **TINY)
        for steps in (240, 120)
    ]
    for run in made:
        run.wait()
    return [daf.load_run(run.id, runs_dir=folder) for run in made]


def seen(made: Replay) -> Replay:
    """A replay whose numbers are all known; closed, as nothing more is to come."""
    assert made.wait(60)
    assert [film.error or film.unjudged for film in made.films] == [""] * len(made.films)
    made.close()
    return made


@pytest.mark.parametrize("which", ["best", "worst", "last"])
def test_a_record_shows_its_tapes_as_they_were_and_says_whose_values_it_tells(runs, which):
    (record, _), kept = runs, runs[0].tape(which)
    made = seen(record.replay(which))
    (film,) = made.films
    assert film.tape.digest == kept.digest
    assert f"episode {kept.number} of copy {kept.copy} as it was played" in film.take.played
    assert film.take.judged == "Values are of the policies of step 240"
    assert film.numbers is not None
    assert film.numbers.rows(0)[0]["value"] is not None


def test_a_row_of_the_table_is_an_episode(runs):
    number = int(runs[0].tapes.index[0])
    film = seen(replay(runs[0], number)).films[0]
    row = runs[0].tapes.loc[number]
    assert (film.tape.seed, film.tape.length) == (row["seed"], row["length"])
    assert f"at step {row['step']}" in film.take.played
    with pytest.raises(daf.RecordError, match="no tape 999"):
        runs[0].replay(999)


def test_two_runs_play_the_same_seed_side_by_side(runs):
    first, second = runs
    made = seen(first.replay("best", beside=second.id))
    best = first.tape("best")
    one, other = made.tapes
    assert one.seed == other.seed == best.seed
    assert one.digests[0] == other.digests[0] == best.digests[0], "they begin alike"
    assert [film.take.title for film in made.films] == [f"run {r.id} {r.name}" for r in runs]
    for run, tape in zip(runs, made.tapes, strict=True):
        (alone,) = seen(run.replay(seed=best.seed)).tapes
        assert alone.digest == tape.digest
    assert [t.digest for t in seen(first.replay(beside=second)).tapes] == [one.digest, other.digest]
    sampled = seen(first.replay(beside=second, deterministic=False)).tapes
    assert sampled[0].digest != one.digest


def test_policies_of_ones_own_play_beside(runs):
    made = trainer(World(WORLD, {"max_cycles": 5}))
    shown = seen(runs[0].replay(beside=made.policies))
    assert shown.tapes[1].digest == made.players().tape(shown.tapes[0].seed).digest
    assert "given" in shown.films[1].take.played
    with pytest.raises(daf.ConfigError, match="one of each group is needed: all"):
        runs[0].replay(beside={"wolf": made.policies["all"]})
    with pytest.raises(daf.ConfigError, match="beside=float"):
        runs[0].replay(beside=1.5)


def test_a_live_run_shows_its_tapes_with_its_policies_of_a_boundary(tmp_path):
    run = start(tmp_path, Staggered)
    until(lambda: len(daf.load_run(run.id, runs_dir=tmp_path).tapes))
    kept = run.replay("last")
    anew = run.replay(seed=3)
    for made in (kept, anew):
        seen(made)
    assert run.status == "RUNNING"
    players = anew.films[0].take.players
    assert players is not None and players.step is not None
    assert players.step in {step for step, _ in run.rows}
    assert anew.tapes[0].seed == 3
    run.stop()
    run.wait()


def test_a_run_whose_world_is_ones_own_class_is_seen_live_and_asks_for_it_when_recorded(tmp_path):
    run = start(tmp_path, Staggered, total_timesteps=200)
    run.wait()
    record = daf.load_run(run.id, runs_dir=tmp_path)
    assert seen(run.replay()).tapes[0].length == 6
    with pytest.raises(daf.ConfigError, match="Pass trust=True"):
        record.replay()
    for made in (record.replay(trust=True), record.replay(world=Staggered)):
        (film,) = seen(made).films
        assert film.tape.length == 6
        assert film.take.judged == f"Values are of the policies of step {run.step}"


def test_tasks_are_shown_as_played_and_played_anew(tmp_path):
    run = start(
        tmp_path,
        Shaped,
        total_timesteps=400,
        curriculum=graded("easy", "hard"),
        success=(0.0, 10.0),
    )
    run.wait()
    for source in (run, daf.load_run(run.id, runs_dir=tmp_path)):
        trust = source is not run
        made = seen(replay(source, trust=trust))
        assert made.tapes[0].task in ("easy", "hard")
        made = seen(replay(source, task="hard", seed=2, trust=trust))
        assert (made.tapes[0].task, made.tapes[0].seed) == ("hard", 2)
        with pytest.raises(daf.ConfigError, match="Did you mean 'hard'"):
            replay(source, task="herd", trust=trust)
        made = seen(replay(source, beside=run, trust=trust))
        assert made.tapes[0].digest == made.tapes[1].digest, "the same policies"


def test_a_run_without_policies_shows_its_tape_and_says_why_it_tells_no_values(runs, tmp_path):
    import shutil

    folder = tmp_path / "5"
    shutil.copytree(runs[0].folder, folder)
    shutil.rmtree(folder / "checkpoints")
    record = daf.RunRecord(id=5, folder=folder)
    (film,) = seen(record.replay()).films
    assert "No values: Run 5 has saved no policies" in film.take.judged
    assert film.numbers is not None
    assert film.numbers.rows(0)[0]["value"] is None
    with pytest.raises(daf.ConfigError, match="nothing can be played beside it"):
        record.replay(beside=runs[1])


def test_a_tape_is_seen_alone_judged_and_beside(runs):
    tape, made = played(TwoKinds), trainer(TwoKinds)
    assert seen(replay(tape)).tapes == [tape]
    judged = seen(replay(tape, policies=made.policies)).films[0]
    assert judged.numbers is not None
    assert judged.numbers.rows(0)[0]["value"] is not None
    both = seen(replay(tape, beside=made.policies))
    assert both.tapes[0] is tape
    assert both.tapes[1].digest == made.players().tape(tape.seed).digest
    both = seen(replay(tape, policies=made.policies, beside=made.policies))
    assert both.tapes[0].digest == both.tapes[1].digest
    with pytest.raises(daf.ConfigError, match="its groups are wolf, sheep"):
        replay(tape, policies={"all": made.policies["wolf"]})
    recorded = seen(replay(taped(World(WORLD, {"max_cycles": 5})), beside=runs[0]))
    assert "of step 240" in recorded.films[1].take.played


def test_what_does_not_go_together_is_refused(runs):
    with pytest.raises(daf.ConfigError, match="a tape has its own"):
        replay(taped(Counting), seed=1)
    with pytest.raises(daf.ConfigError, match="others go to beside"):
        runs[0].replay(policies={})
    with pytest.raises(daf.ConfigError, match="no curriculum"):
        runs[0].replay(task="hard")
    with pytest.raises(daf.ConfigError, match="seed=-1"):
        runs[0].replay(seed=-1)


def test_a_strangers_tape_is_played_in_the_world_that_is_given():
    tape = taped(lambda **k: Drawn(limit=4, **k))
    stranger = type(tape).from_bytes(tape.to_bytes())
    made = seen(replay(stranger, world=lambda **k: Drawn(limit=4, **k)))
    assert made.films[0].undrawn == ""
    unknown = replay(stranger)
    assert unknown.wait(20)
    assert "give it" in unknown.films[0].error
    with pytest.raises(daf.ConfigError, match="give it: world="):
        replay(stranger, policies=trainer(Drawn).policies)
