"""Pictures as bytes: what is kept, and what becomes of unusual ones."""

from __future__ import annotations

import numpy as np
import pytest

from daf_nb.notebook.replay.shelf import Shelf
from daf_nb.notebook.replay.stills import decoded, encoded, picture


def test_a_picture_is_kept_without_loss_unless_it_is_large():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    np.testing.assert_array_equal(decoded(encoded(small)), small)
    smooth = np.zeros((700, 700, 3), np.uint8) + np.arange(700, dtype=np.uint16)[:, None] % 256
    large = np.clip(smooth + rng.integers(0, 40, (700, 700, 3)), 0, 255).astype(np.uint8)
    content = encoded(large)
    assert content[:2] == b"\xff\xd8", "JPEG"
    assert np.abs(decoded(content).astype(int) - large).mean() < 16


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_become_three(channels):
    frame = np.zeros((5, 4, channels), np.uint8)
    frame[..., 0] = 9
    made = picture(frame)
    assert made.shape == (5, 4, 3) and made.dtype == np.uint8
    assert made[0, 0].tolist() == ([9, 9, 9] if channels == 1 else [9, 0, 0])


def test_floats_are_shares_and_giants_are_thinned():
    assert picture(np.full((2, 2, 3), 0.5))[0, 0, 0] == 127
    assert picture(np.zeros((3300, 40, 3), np.uint8)).shape == (1100, 14, 3)


def test_a_shelf_lets_go_of_what_is_far_away(monkeypatch):
    monkeypatch.setattr(Shelf, "ROOM", 30)
    shelf = Shelf()
    for step in range(8):
        shelf.put(step, b"x" * 10, near=0, pinned=step == 5)
    assert [step for step in range(8) if step in shelf] == [0, 5, 7]
    shelf.put(6, b"x" * 10, near=6)
    assert [step for step in range(8) if step in shelf] == [5, 6, 7]
    assert shelf.size == 30
    assert shelf.room_for() == 3
