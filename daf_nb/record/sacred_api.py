"""The names of Sacred that we use, imported without the warning that Sacred's import prints."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Sacred 0.8.7 imports pkg_resources: https://github.com/IDSIA/sacred/pull/945
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    from sacred import Experiment, cli_option
    from sacred.observers import RunObserver
    from sacred.run import Run as SacredRun
    from sacred.utils import SacredInterrupt

__all__ = ["Experiment", "RunObserver", "SacredInterrupt", "SacredRun", "cli_option"]
