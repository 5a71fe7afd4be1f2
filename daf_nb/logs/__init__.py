"""What is said: structured lines in files, readable ones on the console, a component at a time."""

from daf_nb.logs.context import run_id
from daf_nb.logs.levels import LEVELS, level_name
from daf_nb.logs.logger import Logger, get_logger
from daf_nb.logs.manager import LogManager
from daf_nb.logs.setup import close_logging, setup_logging

__all__ = [
    "LEVELS",
    "LogManager",
    "Logger",
    "close_logging",
    "get_logger",
    "level_name",
    "run_id",
    "setup_logging",
]
