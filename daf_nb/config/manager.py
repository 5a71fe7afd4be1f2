"""`ConfigManager` and `lab()`: the settings in force in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from daf_nb.config.environment import variables
from daf_nb.config.explain import Explanation
from daf_nb.config.files import PYPROJECT
from daf_nb.config.given import Given, anchored, located
from daf_nb.config.lab_config import LOGGING, LabConfig
from daf_nb.config.project import LAB_FILES, project_root, working_directory
from daf_nb.config.resolving import Resolved, file_named_by_environment, resolved
from daf_nb.errors import ConfigError, unknown_name
from daf_nb.logs import close_logging, setup_logging

__all__ = ["ConfigManager", "lab"]

UNSETTLED = 50_000_000  # ns: a file may change again within one tick of its file system's clock


class _Calls(NamedTuple):
    """What calls said: fields, and a file."""

    given: Mapping[str, Given] = {}
    file: Path | None = None


class _State:
    """What calls said in this process, and what came of it last."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.calls = _Calls()
        self.stamp: object = None
        self.last: Resolved | None = None
        self.said: tuple[Any, ...] | None = None  # the logging that was set up from settings

    def now(self) -> Resolved:
        """The settings in force; put together again where the environment or a file changed."""
        with self.lock:
            root = project_root()
            stamp = self._stamp(root)
            if self.last is None or stamp != self.stamp:
                self.last = resolved(self.calls.given, file=self.calls.file, root=root)
                self.stamp = stamp
            return self.last

    def change(self, calls: _Calls, *, speak: bool = False) -> None:
        """Takes over what calls said, all of it or, where it cannot be, none."""
        with self.lock:
            config = resolved(calls.given, file=calls.file, root=project_root()).config
            wanted = _logging(config)
            if speak or wanted != (self.said or _logging(LabConfig())):
                level, file, console, form, most, backups = wanted
                setup_logging(
                    level, file, console, log_format=form, max_bytes=most, backups=backups
                )
                self.said = wanted
            self.calls, self.last = calls, None

    def forget(self) -> None:
        """As if no call had said anything."""
        with self.lock:
            self.calls, self.last = _Calls(), None
            if self.said is not None:
                close_logging()
                self.said = None

    def _stamp(self, root: Path) -> object:
        named = self.calls.file or file_named_by_environment()
        files = [named] if named else [root / name for name in (*LAB_FILES, PYPROJECT)]
        stamps = ((file, _stamp_of(file)) for file in files)
        return (root, working_directory(), variables(), *stamps)


_state = _State()


class ConfigManager:
    """The settings of this lab: which profile, which file, which values; and why they are so.

    What one manager is told holds in the whole process, and for every other manager. A run takes
    the settings that are in force when it starts. Every verb that changes settings also sets the
    logging up as they say, and refuses as a whole what cannot be.
    """

    def setup_environment(self, profile: str) -> ConfigManager:
        """Selects a profile: development, staging or production; sets its logging up.

        Raises:
            ConfigError: an unknown profile, or a log file that cannot be written.
        """
        return self._give({"profile": Given(profile, "setup_environment")}, speak=True)

    def set(self, **fields: Any) -> ConfigManager:
        """Gives fields of `LabConfig` values that go before environment, file and profile.

        Raises:
            ConfigError: an unknown field, or a value that cannot be.
        """
        unknown = [name for name in fields if name not in LabConfig.model_fields]
        if unknown:
            known = LabConfig.model_fields
            raise ConfigError(" ".join(unknown_name("setting", name, known) for name in unknown))
        given = {name: Given(anchored(name, value), "set") for name, value in fields.items()}
        return self._give(given, speak=not given.keys().isdisjoint(LOGGING))

    def load(self, path: Path | str) -> ConfigManager:
        """Takes a TOML or JSON file in place of the environment's and the project's own.

        Raises:
            ConfigError: it cannot be read, or holds what cannot be.
        """
        with _state.lock:
            file = located(path)
            _state.change(_state.calls._replace(file=file))
        return self

    def reset(self) -> None:
        """Forgets what every manager was told; closes the logging that was set up for it."""
        _state.forget()

    @property
    def values(self) -> LabConfig:
        """The settings in force."""
        return lab()

    def explain(self) -> Explanation:
        """Every setting with its value and where it comes from; logins are not shown."""
        now = _state.now()
        return Explanation(now.config, now.sources, now.file)

    def __repr__(self) -> str:
        told = ", ".join(sorted(_state.calls.given)) or "nothing"
        return f"ConfigManager: told {told}; explain() says where every setting comes from"

    def _give(self, given: Mapping[str, Given], *, speak: bool) -> ConfigManager:
        with _state.lock:
            calls = _state.calls
            _state.change(calls._replace(given={**calls.given, **given}), speak=speak)
        return self


def lab() -> LabConfig:
    """The settings in force: call, then environment, then file, then profile, then default.

    Cheap enough to be asked each time: files are read again only where they changed.

    Raises:
        ConfigError: a name, a value or a file that cannot be, with where it came from; or no
            working directory.
    """
    return _state.now().config


def _logging(config: LabConfig) -> tuple[Any, ...]:
    return tuple(getattr(config, name) for name in LOGGING)


def _stamp_of(file: Path) -> object:
    try:
        stat = file.stat()
    except OSError:
        return None
    if abs(time.time_ns() - stat.st_mtime_ns) < UNSETTLED:
        return object()  # equals no other: it is read again
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
