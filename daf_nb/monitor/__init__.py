"""What is measured of the machine: processors, memory, disk and GPUs."""

from daf_nb.monitor.collecting import (
    collect_metrics,
    get_cpu_usage,
    get_disk_usage,
    get_gpu_usage,
    get_memory_usage,
)
from daf_nb.monitor.cpu import CpuMeter
from daf_nb.monitor.disk import disk_usage
from daf_nb.monitor.gpu import Gpus
from daf_nb.monitor.memory import available_bytes, memory_share, memory_usage
from daf_nb.monitor.sizes import deep_bytes, module_of

__all__ = [
    "CpuMeter",
    "Gpus",
    "available_bytes",
    "collect_metrics",
    "deep_bytes",
    "disk_usage",
    "get_cpu_usage",
    "get_disk_usage",
    "get_gpu_usage",
    "get_memory_usage",
    "memory_share",
    "memory_usage",
    "module_of",
]
