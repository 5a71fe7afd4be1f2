"""`LogManager`: a folder with a file of its own for each component."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from types import TracebackType

from daf_nb.logs.levels import level_name
from daf_nb.logs.lines import json_line
from daf_nb.logs.logger import Logger, stdlib_logger
from daf_nb.logs.rotating import BACKUPS, MAX_BYTES, RotatingFile, check_rotation
from daf_nb.logs.swapping import swap
from daf_nb.names import safe_name

__all__ = ["LogManager"]

_changing = threading.Lock()
_files: dict[str, RotatingFile] = {}  # a component has one file in a process: no line is doubled


class LogManager:
    """Gives components files of their own in one folder, as JSON lines, rotated by size.

    What a component says still goes where `setup_logging` sends everything as well.

    Args:
        folder: where the files are: `<component>.jsonl`, under a harmless name.
        max_bytes: from which size on a file is rotated.
        backups: how many older files of each are kept.

    Raises:
        ConfigError: sizes that cannot be.
    """

    def __init__(
        self, folder: Path | str, *, max_bytes: int = MAX_BYTES, backups: int = BACKUPS
    ) -> None:
        check_rotation(max_bytes, backups)
        self.folder = Path(folder).expanduser().absolute()
        self._max_bytes = max_bytes
        self._backups = backups
        self._own: dict[str, RotatingFile] = {}

    def setup_component_logging(self, component: str, level: str | int = "INFO") -> Logger:
        """Lets a component write a file of its own; one that it had before is closed.

        Args:
            component: any text, such as "training"; "daf_nb.training" is the same one.
            level: the least level of it that is said, there and everywhere.

        Raises:
            ConfigError: no such level, or a file that cannot be written.
        """
        level = level_name(level)
        logger = stdlib_logger(component)
        made = Logger(component)
        path = self.folder / f"{safe_name(made.component)}.jsonl"
        with _changing:
            file = RotatingFile(path, json_line, max_bytes=self._max_bytes, backups=self._backups)
            logger.setLevel(level)
            _put(logger, file)
            self._own[logger.name] = file
        return made

    def close(self) -> None:
        """Closes the files of this manager; their components keep no level of their own."""
        with _changing:
            for name, file in self._own.items():
                if _files.get(name) is file:  # no other manager has taken the component over
                    logger = logging.getLogger(name)
                    _put(logger, None)
                    logger.setLevel(logging.NOTSET)
            self._own.clear()

    def __enter__(self) -> LogManager:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LogManager({str(self.folder)!r}): {', '.join(sorted(self._own)) or 'no component'}"


def _put(logger: logging.Logger, file: RotatingFile | None) -> None:
    old = _files.pop(logger.name, None)
    swap(logger, [old] if old else [], [file] if file else [])
    if file is not None:
        _files[logger.name] = file
