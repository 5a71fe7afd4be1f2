"""A run that is killed at random moments, and resumed, ends as the one that was left alone."""

from __future__ import annotations

import pytest

from tests.test_faults_storage import scoreboard


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_at_random_moments_and_at_saves_change_nothing(tmp_path):
    rows = scoreboard(tmp_path, "1", tries=8)
    assert len(rows) == 2
    for told in rows.values():
        assert told == {"tries": 8, "exact": 8, "recovered": 8, "said": 8}
