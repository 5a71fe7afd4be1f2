"""The policies that a run saved: their parameters as data, or, if trusted, whole models."""

from __future__ import annotations

import importlib
import io
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daf_nb.errors import RecordError, unknown_name
from daf_nb.record.files import open_regular
from daf_nb.record.folders import safe_name

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch import Tensor

__all__ = ["find_archive", "read_model", "read_state"]

ALGORITHMS = {
    "A2C": "stable_baselines3",
    "MaskablePPO": "sb3_contrib",
    "PPO": "stable_baselines3",
}


_GROWTH, _SMALL = 20, 2**20


def find_archive(archives: Sequence[Path], group: str | None) -> Path:
    """The archive of a group; of the only one if none is named.

    Raises:
        RecordError: there is no such group, or it is not clear which.
    """
    known = {path.stem: path for path in archives}
    if group is None:
        if len(known) == 1:
            return next(iter(known.values()))
        have = f"Choose one: {', '.join(known)}." if known else "There is none."
        raise RecordError(f"Which group's policy? {have}")
    for stem in (group, safe_name(group)):
        if stem in known:
            return known[stem]
    raise RecordError(unknown_name("policy group", group, known))


def read_state(archive: Path) -> dict[str, Tensor]:
    """The parameters in an SB3 archive, on the CPU. Nothing from the archive is executed.

    Raises:
        RecordError: the archive is broken, or holds more than tensors.
    """
    import torch

    try:
        with open_regular(archive) as file, zipfile.ZipFile(file) as members:
            _check_sizes(members)
            data = members.read("policy.pth")
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as members:
                _check_sizes(members)
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or not all(map(torch.is_tensor, state.values())):
            raise ValueError("it holds more than tensors by name")
    except pickle.UnpicklingError as error:  # whose message advises to run it
        what = "it holds more than tensors, of which nothing was run"
        raise RecordError(f"The policy in {archive} cannot be read: {what}.") from error
    except Exception as error:
        raise RecordError(f"The policy in {archive} cannot be read: {error}.") from error
    return {str(name): tensor for name, tensor in state.items()}


def _check_sizes(members: zipfile.ZipFile) -> None:
    """SB3 and torch pack nothing: what grows when it is unpacked is not theirs.

    Raises:
        ValueError: a member would take much more room than it has here.
    """
    for member in members.infolist():
        if member.file_size > _GROWTH * member.compress_size + _SMALL:
            raise ValueError(
                f"{member.filename[:100]!r} unpacks from {member.compress_size:,} to "
                f"{member.file_size:,} bytes, as no policy does"
            )


def read_model(archive: Path, *, algorithm: Any, trust: bool) -> BaseAlgorithm:
    """The whole SB3 model in an archive, on the CPU.

    Args:
        archive: where it is.
        algorithm: the name of its class, as the run's config has it.
        trust: whether to run the pickled code that is in it.

    Raises:
        RecordError: it is not trusted, its algorithm is not known, or it is broken.
    """
    if not trust:
        raise RecordError(
            f"{archive} is a stable-baselines3 archive: loading it runs pickled code from it. "
            "Pass trust=True if it is yours; policy_state() reads the parameters, and runs nothing."
        )
    if algorithm not in ALGORITHMS:
        raise RecordError(unknown_name("algorithm in the run's config", algorithm, ALGORITHMS))
    model_class = getattr(importlib.import_module(ALGORITHMS[algorithm]), algorithm)
    try:
        return model_class.load(archive, device="cpu")
    except Exception as error:
        raise RecordError(f"The model in {archive} cannot be loaded: {error}") from error
