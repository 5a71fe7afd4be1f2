"""GPUs: what NVML says, in plain units; silence where there is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from daf_nb.monitor import Gpus


class Nvml:
    """Two devices as NVML tells of them; the second one is in MIG mode."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    def __init__(self, *, driver: bool = True) -> None:
        self.driver, self.opened, self.handles = driver, 0, 0

    def nvmlInit(self) -> None:
        self.opened += 1
        if not self.driver:
            raise self.NVMLError("NVML Shared Library Not Found")

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self.handles += 1
        return index

    def nvmlDeviceGetName(self, handle: int) -> Any:
        return b"Old" if handle else "H100"

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"GPU-{handle}"

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        if handle:
            raise self.NVMLError("Not Supported")
        return SimpleNamespace(gpu=37, memory=12)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(used=25, total=100, free=75)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        assert sensor == self.NVML_TEMPERATURE_GPU
        return 41

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return 123_456


def test_devices_are_told_in_plain_units_and_what_is_not_told_is_none():
    nvml = Nvml()
    first, second = Gpus(nvml).look()
    assert first == {
        "index": 0,
        "name": "H100",
        "uuid": "GPU-0",
        "gpu_share": 0.37,
        "memory_bytes": 25,
        "memory_total_bytes": 100,
        "memory_share": 0.25,
        "temperature_celsius": 41,
        "power_watts": 123.456,
    }
    assert (second["name"], second["gpu_share"], second["memory_share"]) == ("Old", None, 0.25)


def test_nvml_is_opened_once_and_handles_are_kept():
    nvml = Nvml()
    gpus = Gpus(nvml)
    assert len(gpus.look()) == len(gpus.look()) == 2
    assert (nvml.opened, nvml.handles) == (1, 2)


def test_without_a_driver_there_is_none_and_nobody_asks_again():
    nvml = Nvml(driver=False)
    gpus = Gpus(nvml)
    assert gpus.look() == gpus.look() == []
    assert nvml.opened == 1


@pytest.mark.gpu
def test_a_real_device_says_what_torch_says_of_it():
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    held = torch.ones(64 << 20, dtype=torch.uint8, device="cuda")
    uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
    (mine,) = [one for one in Gpus().look() if one["uuid"] == uuid]
    assert mine["name"] == torch.cuda.get_device_name(0)
    assert len(held) <= mine["memory_bytes"] <= mine["memory_total_bytes"]
