"""What the profiles say: logging, checkpoint interval, observers and strictness, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

__all__ = ["TABLE", "configured_observers"]


def configured_observers(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The observers that have an address: mongo by `mongo_url`, wandb by `wandb_project`.

    Args:
        values: what is set beside the profile.
    """
    addresses = (("mongo", "mongo_url"), ("wandb", "wandb_project"))
    return tuple(name for name, address in addresses if values.get(address))


_LOG = Path("logs", "daf_nb.jsonl")  # seen from the project's root

TABLE: Mapping[str, Mapping[str, Any | Callable[[Mapping[str, Any]], Any]]] = MappingProxyType(
    {
        "development": MappingProxyType(
            {
                "log_level": "DEBUG",
                "log_file": None,
                "console_output": True,
                "checkpoint_interval": None,
                "observers": (),
                "strict": False,
            }
        ),
        "staging": MappingProxyType(
            {
                "log_level": "INFO",
                "log_file": _LOG,
                "console_output": True,
                "checkpoint_interval": 50_000,
                "observers": (),
                "strict": True,
            }
        ),
        "production": MappingProxyType(
            {
                "log_level": "INFO",
                "log_file": _LOG,
                "console_output": False,
                "checkpoint_interval": 20_000,
                "observers": configured_observers,
                "strict": True,
            }
        ),
    }
)
"""Profile -> field -> its value, or a function that makes it of the values beside it."""
