from __future__ import annotations

import pytest

from daf_nb.record import Recorder, Source


@pytest.fixture
def new_recorder(tmp_path):
    """Makes recorders whose runs lie under `tmp_path`."""

    def make(name="warm-up", *, spec=None, **options) -> Recorder:
        source = Source(kind="script", text="train()\n", name="train.py")
        spec = {"world": "toy", "seed": 3} if spec is None else spec
        return Recorder(name=name, spec=spec, runs_dir=tmp_path, source=source, **options)

    return make
