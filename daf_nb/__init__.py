"""Multi-agent reinforcement learning in JupyterLab: steered live, recorded exactly, run again.

Public names load on first use, so that `import daf_nb` costs neither torch nor a widget.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daf_nb import testing
    from daf_nb.config import Action, AdaptiveConfig, CurriculumConfig, RlConfig, Rule
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
    from daf_nb.envs import AgentVecEnv, EnvDescription, describe_env, make_env
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
    from daf_nb.notebook import attach
    from daf_nb.notebook.plots import plot_curriculum, plot_slices
    from daf_nb.record import RunRecord, list_runs, load_run
    from daf_nb.session import Run, launch, train

__version__ = "0.1.0"

__all__ = [
    "Action",
    "AdaptiveConfig",
    "AdaptiveController",
    "AdaptiveControllerError",
    "AgentVecEnv",
    "Assignment",
    "CheckpointError",
    "Choice",
    "ConfigError",
    "ConformanceError",
    "Controls",
    "CurriculumConfig",
    "CurriculumManager",
    "CurriculumStagnationError",
    "DafError",
    "DafWarning",
    "EnvDescription",
    "Evaluation",
    "Integers",
    "Linear",
    "Outcome",
    "Proposal",
    "RecordError",
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
    "attach",
    "buckets",
    "describe_env",
    "grid",
    "launch",
    "list_runs",
    "load_run",
    "make_env",
    "plot_curriculum",
    "plot_slices",
    "register_strategy",
    "rule_sets",
    "rules",
    "testing",
    "train",
]

_EXPORTS = {
    "Action": "daf_nb.config",
    "AdaptiveConfig": "daf_nb.config",
    "AdaptiveController": "daf_nb.control",
    "AdaptiveControllerError": "daf_nb.errors",
    "AgentVecEnv": "daf_nb.envs",
    "Assignment": "daf_nb.curriculum",
    "CheckpointError": "daf_nb.errors",
    "Choice": "daf_nb.curriculum",
    "ConfigError": "daf_nb.errors",
    "ConformanceError": "daf_nb.errors",
    "Controls": "daf_nb.control",
    "CurriculumConfig": "daf_nb.config",
    "CurriculumManager": "daf_nb.curriculum",
    "CurriculumStagnationError": "daf_nb.errors",
    "DafError": "daf_nb.errors",
    "DafWarning": "daf_nb.errors",
    "EnvDescription": "daf_nb.envs",
    "Evaluation": "daf_nb.learn",
    "Integers": "daf_nb.curriculum",
    "Linear": "daf_nb.curriculum",
    "Outcome": "daf_nb.curriculum",
    "Proposal": "daf_nb.curriculum",
    "RecordError": "daf_nb.errors",
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
    "attach": "daf_nb.notebook",
    "buckets": "daf_nb.curriculum",
    "describe_env": "daf_nb.envs",
    "grid": "daf_nb.curriculum",
    "launch": "daf_nb.session",
    "list_runs": "daf_nb.record",
    "load_run": "daf_nb.record",
    "make_env": "daf_nb.envs",
    "plot_curriculum": "daf_nb.notebook.plots",
    "plot_slices": "daf_nb.notebook.plots",
    "register_strategy": "daf_nb.curriculum",
    "rule_sets": "daf_nb.control",
    "rules": "daf_nb.control",
    "train": "daf_nb.session",
}
_SUBMODULES = frozenset({"testing"})


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562) and keep it in the module's globals."""
    if name in _EXPORTS:
        value = getattr(import_module(_EXPORTS[name]), name)
    elif name in _SUBMODULES:
        value = import_module(f"daf_nb.{name}")
    else:
        from daf_nb.errors import unknown_name

        raise AttributeError(unknown_name("name in daf_nb", name, __all__))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
