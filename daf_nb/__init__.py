"""Multi-agent reinforcement learning in JupyterLab: steered live, recorded exactly, run again.

Public names load on first use, so that `import daf_nb` costs neither torch nor a widget.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daf_nb import testing
    from daf_nb.config import (
        Action,
        AdaptiveConfig,
        ConfigManager,
        CurriculumConfig,
        LabConfig,
        RlConfig,
        Rule,
    )
    from daf_nb.control import AdaptiveController, Controls, rule_sets, rules
    from daf_nb.curriculum import (
        Assignment,
        Choice,
        CurriculumManager,
        Integers,
        Linear,
        Outcome,
        Proposal,
        Slices,
        Strategy,
        Task,
        Uniform,
        buckets,
        grid,
        register_strategy,
    )
    from daf_nb.envs import AgentVecEnv, BatchedWorld, EnvDescription, describe_env, make_env
    from daf_nb.errors import (
        AdaptiveControllerError,
        CheckpointError,
        ConfigError,
        ConformanceError,
        CurriculumStagnationError,
        DafError,
        DafWarning,
        RecordError,
        TaskGenerationError,
        TrainingEnvironmentError,
    )
    from daf_nb.learn import Evaluation, RlTrainer
    from daf_nb.logs import Logger, LogManager, get_logger, setup_logging
    from daf_nb.notebook import attach
    from daf_nb.notebook.browser import browse
    from daf_nb.notebook.extension import load_ipython_extension, unload_ipython_extension
    from daf_nb.notebook.plots import (
        plot_comparison,
        plot_curriculum,
        plot_memory,
        plot_metrics,
        plot_performance,
        plot_slices,
    )
    from daf_nb.notebook.report import report
    from daf_nb.record import (
        Comparison,
        RunRecord,
        compare,
        delete_runs,
        deliver,
        empty_trash,
        list_runs,
        list_trash,
        load_run,
        log,
        restore_runs,
    )
    from daf_nb.record.cells.experiment import Experiment, experiment
    from daf_nb.scale import ManyRuns, Profile, profile, train_many
    from daf_nb.session import (
        Reproduction,
        Run,
        advice,
        collect_metrics,
        fork,
        launch,
        reproduce,
        resume,
        train,
        train_spec,
    )

__version__ = "0.1.0"

__all__ = [
    "Action",
    "AdaptiveConfig",
    "AdaptiveController",
    "AdaptiveControllerError",
    "AgentVecEnv",
    "Assignment",
    "BatchedWorld",
    "CheckpointError",
    "Choice",
    "Comparison",
    "ConfigError",
    "ConfigManager",
    "ConformanceError",
    "Controls",
    "CurriculumConfig",
    "CurriculumManager",
    "CurriculumStagnationError",
    "DafError",
    "DafWarning",
    "EnvDescription",
    "Evaluation",
    "Experiment",
    "Integers",
    "LabConfig",
    "Linear",
    "LogManager",
    "Logger",
    "ManyRuns",
    "Outcome",
    "Profile",
    "Proposal",
    "RecordError",
    "Reproduction",
    "RlConfig",
    "RlTrainer",
    "Rule",
    "Run",
    "RunRecord",
    "Slices",
    "Strategy",
    "Task",
    "TaskGenerationError",
    "TrainingEnvironmentError",
    "Uniform",
    "__version__",
    "advice",
    "attach",
    "browse",
    "buckets",
    "collect_metrics",
    "compare",
    "delete_runs",
    "deliver",
    "describe_env",
    "empty_trash",
    "experiment",
    "fork",
    "get_logger",
    "grid",
    "launch",
    "list_runs",
    "list_trash",
    "load_ipython_extension",
    "load_run",
    "log",
    "make_env",
    "plot_comparison",
    "plot_curriculum",
    "plot_memory",
    "plot_metrics",
    "plot_performance",
    "plot_slices",
    "profile",
    "register_strategy",
    "report",
    "reproduce",
    "restore_runs",
    "resume",
    "rule_sets",
    "rules",
    "setup_logging",
    "testing",
    "train",
    "train_many",
    "train_spec",
    "unload_ipython_extension",
]

_EXPORTS = {
    "Action": "daf_nb.config",
    "AdaptiveConfig": "daf_nb.config",
    "AdaptiveController": "daf_nb.control",
    "AdaptiveControllerError": "daf_nb.errors",
    "AgentVecEnv": "daf_nb.envs",
    "Assignment": "daf_nb.curriculum",
    "BatchedWorld": "daf_nb.envs",
    "CheckpointError": "daf_nb.errors",
    "Choice": "daf_nb.curriculum",
    "Comparison": "daf_nb.record",
    "ConfigError": "daf_nb.errors",
    "ConfigManager": "daf_nb.config",
    "ConformanceError": "daf_nb.errors",
    "Controls": "daf_nb.control",
    "CurriculumConfig": "daf_nb.config",
    "CurriculumManager": "daf_nb.curriculum",
    "CurriculumStagnationError": "daf_nb.errors",
    "DafError": "daf_nb.errors",
    "DafWarning": "daf_nb.errors",
    "EnvDescription": "daf_nb.envs",
    "Evaluation": "daf_nb.learn",
    "Experiment": "daf_nb.record.cells.experiment",
    "Integers": "daf_nb.curriculum",
    "LabConfig": "daf_nb.config",
    "Linear": "daf_nb.curriculum",
    "LogManager": "daf_nb.logs",
    "Logger": "daf_nb.logs",
    "ManyRuns": "daf_nb.scale",
    "Outcome": "daf_nb.curriculum",
    "Profile": "daf_nb.scale",
    "Proposal": "daf_nb.curriculum",
    "RecordError": "daf_nb.errors",
    "Reproduction": "daf_nb.session",
    "RlConfig": "daf_nb.config",
    "RlTrainer": "daf_nb.learn",
    "Rule": "daf_nb.config",
    "Run": "daf_nb.session",
    "RunRecord": "daf_nb.record",
    "Slices": "daf_nb.curriculum",
    "Strategy": "daf_nb.curriculum",
    "Task": "daf_nb.curriculum",
    "TaskGenerationError": "daf_nb.errors",
    "TrainingEnvironmentError": "daf_nb.errors",
    "Uniform": "daf_nb.curriculum",
    "advice": "daf_nb.session",
    "attach": "daf_nb.notebook",
    "browse": "daf_nb.notebook.browser",
    "buckets": "daf_nb.curriculum",
    "collect_metrics": "daf_nb.session",
    "compare": "daf_nb.record",
    "delete_runs": "daf_nb.record",
    "deliver": "daf_nb.record",
    "describe_env": "daf_nb.envs",
    "empty_trash": "daf_nb.record",
    "experiment": "daf_nb.record.cells.experiment",
    "fork": "daf_nb.session",
    "get_logger": "daf_nb.logs",
    "grid": "daf_nb.curriculum",
    "launch": "daf_nb.session",
    "list_runs": "daf_nb.record",
    "list_trash": "daf_nb.record",
    "load_ipython_extension": "daf_nb.notebook.extension",
    "load_run": "daf_nb.record",
    "log": "daf_nb.record",
    "make_env": "daf_nb.envs",
    "plot_comparison": "daf_nb.notebook.plots",
    "plot_curriculum": "daf_nb.notebook.plots",
    "plot_memory": "daf_nb.notebook.plots",
    "plot_metrics": "daf_nb.notebook.plots",
    "plot_performance": "daf_nb.notebook.plots",
    "plot_slices": "daf_nb.notebook.plots",
    "profile": "daf_nb.scale",
    "register_strategy": "daf_nb.curriculum",
    "report": "daf_nb.notebook.report",
    "reproduce": "daf_nb.session",
    "restore_runs": "daf_nb.record",
    "resume": "daf_nb.session",
    "rule_sets": "daf_nb.control",
    "rules": "daf_nb.control",
    "setup_logging": "daf_nb.logs",
    "train": "daf_nb.session",
    "train_many": "daf_nb.scale",
    "train_spec": "daf_nb.session",
    "unload_ipython_extension": "daf_nb.notebook.extension",
}
_SUBMODULES = frozenset({"testing"})
_HOOKS = {
    "load_ipython_extension": "daf_nb.notebook.extension",
    "unload_ipython_extension": "daf_nb.notebook.extension",
}
"""What `%load_ext daf_nb` looks for: no names for users."""


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562) and keep it in the module's globals."""
    if home := _EXPORTS.get(name) or _HOOKS.get(name):
        value = getattr(import_module(home), name)
    elif name in _SUBMODULES:
        value = import_module(f"daf_nb.{name}")
    else:
        from daf_nb.errors import unknown_name

        raise AttributeError(unknown_name("name in daf_nb", name, __all__))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
