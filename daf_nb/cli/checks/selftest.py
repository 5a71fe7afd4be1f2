"""The whole way once: a tiny world is trained, recorded, read back, and its policy loaded."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from daf_nb.cli.checks.finding import Finding

if TYPE_CHECKING:
    from daf_nb.record import RunRecord
    from daf_nb.session import Run

__all__ = ["self_test"]

_SPEC = {
    "world": "mpe2.simple_spread_v3",
    "env_kwargs": {"N": 2},
    "experiment_name": "self-test",
    "total_timesteps": 2_048,
    "num_envs": 4,
    "seed": 0,
    "algorithm_kwargs": {"n_steps": 64, "n_epochs": 2},
}
_PATIENCE = 120.0  # seconds


def self_test() -> Iterator[Finding]:
    """In a temporary folder; nothing of it stays."""
    from daf_nb.record import load_run
    from daf_nb.session.again import train_spec

    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="daf-nb-doctor-") as folder:
        run = train_spec(_SPEC, runs_dir=folder, observers=())
        if run.wait(_PATIENCE) is None:
            run.stop()
            said = f"{run.step:,} of {_SPEC['total_timesteps']:,} steps in {_PATIENCE:.0f} s"
            yield Finding("training", "wrong", said, "Is this machine busy with something else?")
            run.wait()
            return
        seconds = time.perf_counter() - start
        said = f"{run.step:,} agent-steps of simple_spread trained in {seconds:.1f} s"
        yield Finding("training", "ok", said)
        record = load_run(run.id, runs_dir=folder)
        steps = int(record.metrics.index[-1]) if len(record.metrics) else 0
        if (record.status, steps) == ("COMPLETED", run.step):
            yield Finding("recording", "ok", f"{record.status}, read back as it was written")
        else:
            said = f"read back as {record.status} at step {steps:,}; trained were {run.step:,}"
            yield Finding("recording", "wrong", said, record.fail_trace or "Look at the disk.")
        yield _policy(run, record)


def _policy(run: Run, record: RunRecord) -> Finding:
    """What this process has just written itself may be trusted."""
    for group, model in run.policies.items():
        loaded = record.load_policy(group, trust=True).policy.state_dict()
        for name, value in model.policy.state_dict().items():
            if not (value.cpu() == loaded[name]).all():
                said = f"{name} of group {group} is not what was trained"
                return Finding("policy", "wrong", said, "Report this, with the lines above.")
    return Finding("policy", "ok", "loaded from the record, equal to the last bit")
