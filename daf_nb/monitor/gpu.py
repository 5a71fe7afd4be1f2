"""NVIDIA GPUs, as NVML tells of them; none where there is no driver."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["Gpus"]


class Gpus:
    """The GPUs of this machine. Without a driver, or NVML's library, there are none.

    NVML is opened at the first look, and its handles are kept; where it cannot be opened, nobody
    asks again. What a driver does not tell of a device (utilisation of one in MIG mode, say) is
    None.

    Args:
        library: NVML as the module `pynvml` has it; that one by default.
    """

    def __init__(self, library: Any = None) -> None:
        self._library = library
        self._handles: list[Any] | None = None

    def look(self) -> list[dict[str, Any]]:
        """One mapping per GPU, in NVML's order.

        Returns:
            `index`; `name`; `uuid`; `gpu_share`, of the time since NVML's last sample (up to a
            second) in which a kernel ran; `memory_bytes`, `memory_total_bytes`, `memory_share`;
            `temperature_celsius`; `power_watts`.
        """
        if self._handles is None:
            self._handles = self._open()
        return [self._tell(index, handle) for index, handle in enumerate(self._handles)]

    def _open(self) -> list[Any]:
        try:
            nvml = self._library = self._library or import_module("pynvml")
        except ImportError:
            return []
        try:
            nvml.nvmlInit()
            return [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
        except (OSError, nvml.NVMLError):
            return []

    def _tell(self, index: int, handle: Any) -> dict[str, Any]:
        nvml = self._library
        rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        power = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
        used, total = (None, None) if memory is None else (int(memory.used), int(memory.total))
        return {
            "index": index,
            "name": _text(self._ask(nvml.nvmlDeviceGetName, handle)),
            "uuid": _text(self._ask(nvml.nvmlDeviceGetUUID, handle)),
            "gpu_share": None if rates is None else rates.gpu / 100,
            "memory_bytes": used,
            "memory_total_bytes": total,
            "memory_share": used / total if used is not None and total else None,
            "temperature_celsius": self._ask(
                nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU
            ),
            "power_watts": None if power is None else power / 1000,
        }

    def _ask(self, what: Callable[..., Any], *of: Any) -> Any:
        try:
            return what(*of)
        except self._library.NVMLError:
            return None


def _text(value: Any) -> str | None:
    """Bindings before 11.5 gave bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
