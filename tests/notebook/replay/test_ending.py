"""The end of a process whose films are being made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CODE = """
from daf_nb.learn.players import players_in
from tests.notebook.replay.helpers import Drawn, filmed, taped, trainer
made = trainer(lambda: Drawn(limit=9))
film = filmed(
    taped(lambda **k: Drawn(limit=5000, **k)), players=players_in(made.world, made.policies)
)
film.frame(3)
assert not film.ended
"""


def test_a_process_ends_quietly_in_the_midst_of_a_film():
    ended = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
