"""The names of Sacred that we use, imported without the warning that Sacred's import prints."""

from __future__ import annotations

import warnings
from typing import Any, cast

with warnings.catch_warnings():
    # Sacred 0.8.7 imports pkg_resources: https://github.com/IDSIA/sacred/pull/945
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    from sacred import SETTINGS, Experiment, cli_option
    from sacred.observers import RunObserver
    from sacred.run import Run as SacredRun
    from sacred.utils import SacredInterrupt

__all__ = ["HOST_INFO", "Experiment", "RunObserver", "SacredInterrupt", "SacredRun", "cli_option"]

HOST_INFO: Any = cast(Any, SETTINGS).HOST_INFO
"""What Sacred asks the host; its settings are untyped."""
