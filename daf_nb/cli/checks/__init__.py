"""What `daf-nb doctor` looks at, one finding after the other, the slow ones last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from daf_nb.cli.checks.finding import Finding

__all__ = ["Finding", "examine"]


def examine(*, runs_dir: Path | None = None, self_test: bool = True) -> Iterator[Finding]:
    """Every finding, as soon as it is there. A check that itself breaks is a finding, too.

    Args:
        runs_dir: where runs are to be recorded.
        self_test: train a tiny world as well.
    """
    from daf_nb.cli.checks import configuration, jupyter, machine, selftest, software, storage

    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("versions", software.versions),
        ("extras", software.extras),
        ("configuration", configuration.configuration),
        ("jupyter", jupyter.jupyter),
        ("memory", machine.memory),
        ("devices", machine.devices),
        ("threads", machine.threads),
        ("runs folder", lambda: storage.runs_folder(runs_dir)),
    ]
    if self_test:
        checks.append(("self-test", selftest.self_test))
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:
            said = f"the check itself broke: {type(error).__name__}: {error}"
            yield Finding(name, "wrong", said, "Report this, with the line above.")
