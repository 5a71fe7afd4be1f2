"""How soon simulated students master a chain of skills, strategy by strategy.

A skill of the chain takes 75 episodes, so windows and batches are smaller here than by default.
"""

from __future__ import annotations

import pytest

from tests.curriculum.students import Chain, mean_episodes

# name, options, bar on the chain of ten
BARS = [
    ("learnability", {"window": 20}, 1500),
    ("learning_progress", {"batch": 1}, 2500),
    ("lessons", {"window": 20, "threshold": 0.75, "rehearsal": 0.0}, 1000),
    ("plr", {}, 2000),
    ("tscl", {}, 2800),
]


@pytest.mark.parametrize(("name", "options", "bar"), BARS, ids=[name for name, *_ in BARS])
def test_the_chain_is_mastered_within_the_bar(name, options, bar):
    assert mean_episodes(name, **options) < bar


def test_tasks_that_nobody_learns_cost_less_than_a_quarter_of_uniform():
    quarter = mean_episodes("uniform", unlearnable=10) / 4
    means = {name: mean_episodes(name, unlearnable=10, **options) for name, options, _ in BARS} | {
        "learnability, default": mean_episodes("learnability", unlearnable=10)
    }
    assert {name: mean for name, mean in means.items() if mean >= quarter} == {}


def test_a_teacher_who_knows_needs_the_fewest_episodes():
    chain = Chain()
    episodes = 0
    for task in range(10):
        while chain.competence[task] <= 75:
            chain.play(task)
            episodes += 1
    assert chain.mastered
    assert episodes == 760
