"""Changes, decisions and curricula in words."""

from __future__ import annotations

from daf_nb.notebook.source import LiveSource
from daf_nb.notebook.words import change, curriculum_line, digest, journal_line, rate, why
from tests.notebook.helpers import Graded, graded, start


def test_a_change_is_rounded_to_what_one_reads_and_stays_on_its_line():
    assert change({"old": 0.0003, "new": 1 / 3}) == "0.0003 → 0.333333"
    assert change({"old": None, "new": "a\nb"}) == r"None → a\nb"


def test_the_cause_of_a_change():
    because = {"signal": "kl", "value": 0.03, "low": None, "high": 0.02}
    assert why({"because": because}) == "signal kl, value 0.03, high 0.02"
    assert why({"undoes": 3}) == "takes back no. 3"
    assert why({"because": None}) == why({}) == ""


def test_a_row_of_the_journal_on_one_line():
    row = {"step": 1234, "name": "gamma", "old": 0.9, "new": 0.99, "by": "rule: kl"}
    assert journal_line(row) == "step 1,234: gamma 0.9 → 0.99 by rule: kl"
    assert journal_line({}) == "some step: None None → None by None"


def test_success_with_its_interval():
    assert rate({"success": 0.5, "interval": (0.25, 0.75)}) == "0.50 (0.25 to 0.75)"
    assert rate({"success": 0.5, "interval": None}) == "0.50"
    assert rate({"success": None}) == rate({}) == ""


def test_a_curriculum_says_what_is_unusual_about_it():
    stats = {"strategy": "adaptive", "difficulty": 0.15, "avg_performance": 0.5, "tasks": {"a": {}}}
    assert curriculum_line(stats) == "adaptive, difficulty 0.15, recent success 0.50, 1 task"
    told = curriculum_line(
        {**stats, "task": "a", "hold": True, "stagnation": "no move", "episodes": 1000}
    )
    assert told.endswith("1,000 episodes, only a is played, held still, stagnates: no move")


def test_a_digest_leaves_out_what_is_not_there(tmp_path):
    run = start(tmp_path, total_timesteps=64)
    run.wait()
    assert digest(LiveSource(run)) == {}


def test_a_digest_has_the_newest_of_the_journal(tmp_path):
    run = start(tmp_path, Graded, curriculum=graded("near", "far"))
    for value in range(1, 8):
        run.controls.set("n_epochs", value, by="user").wait(20)
    run.stop()
    run.wait()
    told = digest(LiveSource(run))
    assert list(told) == ["curriculum", "journal, newest of 7"]
    assert [line.split(": ")[1] for line in told["journal, newest of 7"]] == [
        f"n_epochs {value - 1} → {value} by user" for value in (7, 6, 5, 4, 3)
    ]
