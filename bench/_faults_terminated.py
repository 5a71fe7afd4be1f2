"""A process with live runs that waits for them until it gets SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import _faults_points as points


def main() -> None:
    root, runs, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if how == "own handler":
        # At once: what Python does at its end takes seconds where many processes do it.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
    # From their first step: the first of them must not be through before the last has begun.
    points.arm("rollout", str(Path(root) / "here"))
    begun = [points.begin(root) for _ in range(runs)]
    while any(run.step < 300 for run in begun):
        time.sleep(0.005)
    if how == "hanging":
        points.SLOW["rollout"] = 30.0
    print("they train", flush=True)
    for run in begun:
        run.wait()


if __name__ == "__main__":
    main()
