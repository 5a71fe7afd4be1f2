"""What every run of this lab takes when a call does not say otherwise."""

from __future__ import annotations

import json
import operator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from daf_nb.config.secrets import without_login
from daf_nb.config.settings import Settings
from daf_nb.errors import unknown_name
from daf_nb.logs import level_name

__all__ = ["LOGGING", "PATHS", "PROFILES", "WHOLE", "LabConfig"]

PROFILES = ("development", "staging", "production")
"""The names of the profiles; `daf_nb.config.profiles` holds what they say."""

LOGGING = (
    "log_level",
    "log_file",
    "console_output",
    "log_format",
    "log_max_bytes",
    "log_backups",
)
"""The fields that `daf_nb.logs.setup_logging` is given."""

PATHS = ("runs_dir", "log_file")
"""The fields that are paths. A relative one is seen from where it is written down."""

WHOLE = ("checkpoint_interval", "evaluation_interval", "log_max_bytes", "log_backups")
"""The fields that are whole numbers. Only in the environment they are texts."""


class LabConfig(Settings):
    """What every run of this lab takes when a call does not say otherwise.

    `daf_nb.config.lab()` gives the one in force; `ConfigManager` says where each value comes from.
    """

    profile: str | None = Field(
        default=None,
        description="development, staging or production: other defaults for logging, checkpoints, "
        "observers and strictness; None for none",
    )
    runs_dir: Path | None = Field(
        default=None, description="the folder of all runs; None is runs/ at the project's root"
    )
    device: str = Field(
        default="auto", min_length=1, description="torch device; auto times what there is"
    )
    checkpoint_interval: Annotated[int, Field(gt=0)] | None = Field(
        default=None,
        description="agent-steps between two saves of the policies and of all that resume "
        "needs; None for the policies at the end, and the rest every ten seconds or more",
    )
    evaluation_interval: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="agent-steps between two evaluations; None for never"
    )
    observers: tuple[str, ...] = Field(
        default=(),
        description="who is told of every run beside its folder: mongo, mongo:URL, wandb, "
        "wandb:PROJECT",
    )
    mongo_url: str | None = Field(
        default=None,
        min_length=1,
        description="the database that the observer mongo writes to; its login is never shown",
    )
    mongo_db: str = Field(
        default="daf_nb", min_length=1, description="its name, where the URL has none"
    )
    wandb_project: str | None = Field(
        default=None,
        min_length=1,
        description="the project that the observer wandb writes to; None leaves it to the observer",
    )
    strict: bool = Field(
        default=False,
        description="what the pre-flight episode finds probably wrong with a world ends the run "
        "before its first step, in place of a warning",
    )
    log_level: str = Field(
        default="INFO",
        description="the least level that is said: DEBUG, INFO, WARNING, ERROR or CRITICAL",
    )
    log_file: Path | None = Field(
        default=None, description="a file that log lines are appended to; None for none"
    )
    console_output: bool = Field(default=True, description="log lines on standard error")
    log_format: Literal["json", "text"] = Field(
        default="json", description="lines of the log file: one JSON object each, or text"
    )
    log_max_bytes: int = Field(
        default=10_000_000, ge=1024, description="bytes from which on the log file is rotated"
    )
    log_backups: int = Field(default=5, ge=1, description="how many older log files are kept")

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, profile: str | None) -> str | None:
        if profile is not None and profile not in PROFILES:
            raise ValueError(unknown_name("profile", profile, PROFILES))
        return profile

    @field_validator(*PATHS, mode="before")
    @classmethod
    def _some_path(cls, path: Any) -> Any:
        if isinstance(path, str) and not path.strip():
            raise ValueError("an empty text is no path; give one, or None")
        return path

    @field_validator(*WHOLE, mode="before")
    @classmethod
    def _whole(cls, number: Any) -> Any:
        """Neither True nor 2.0 nor "2" is a whole number; NumPy's integers are."""
        if number is None:
            return None
        try:
            if isinstance(number, bool):
                raise TypeError
            return operator.index(number)
        except TypeError:
            raise ValueError(f"a whole number is wanted, not {type(number).__name__}") from None

    @field_validator("log_level", mode="before")
    @classmethod
    def _known_level(cls, level: Any) -> str:
        return level_name(level)

    @field_validator("observers", mode="before")
    @classmethod
    def _listed(cls, observers: Any) -> Any:
        """A text, as in an environment variable, is a list with commas or one in JSON."""
        if not isinstance(observers, str):
            return observers
        if observers.lstrip().startswith("["):
            try:
                return json.loads(observers)
            except json.JSONDecodeError as error:
                raise ValueError(f"no list in JSON: {error}") from None
        return [name for part in observers.split(",") if (name := part.strip())]

    def __repr_args__(self) -> Any:
        return [(name, without_login(value)) for name, value in super().__repr_args__()]
