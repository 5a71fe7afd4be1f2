"""The configuration in force: whether it can be, and whether its observers can be of use."""

from __future__ import annotations

from collections.abc import Iterator

from daf_nb.cli.checks.finding import Finding
from daf_nb.config import lab
from daf_nb.errors import ConfigError
from daf_nb.record.observers.wanted import read_wanted
from daf_nb.record.redact import without_secrets

__all__ = ["configuration"]


def configuration() -> Iterator[Finding]:
    """The profile and the observers of every run; their logins are not told."""
    try:
        settings = lab()
    except ConfigError as error:
        advice = "Correct the environment's DAF_NB_* or the configuration file."
        yield Finding("configuration", "wrong", _told(error), advice)
        return
    profile = f"profile {settings.profile}" if settings.profile else "no profile: the defaults"
    yield Finding("configuration", "ok", profile)
    try:
        names = [one.name for one in read_wanted(settings.observers)]
    except ConfigError as error:
        yield Finding("observers", "wrong", _told(error), "No run can start like this.")
        return
    said = ", ".join(names) if names else "none beside the runs folder"
    yield Finding("observers", "ok", said)


def _told(error: ConfigError) -> str:
    return str(without_secrets(str(error)))
