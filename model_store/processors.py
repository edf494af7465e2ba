"""How many processors this process may really use."""

import os
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
CONTROL_GROUPS = Path("/sys/fs/cgroup")

_LIMITS = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))
"""Quota and period in microseconds, of version 2 of control groups and of version 1, which many systems still have.
Where there is no limit, the quota is "max" or -1."""


def available_processors(control_groups: Path = CONTROL_GROUPS) -> int:
    """Processors by affinity and by a container's limit, which no thread count shows; at least 1.

    Args:
        control_groups: Where the limits of the container are.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for files in _LIMITS:
        try:
            quota, period = (int(part) for file in files for part in (control_groups / file).read_text().split())
        except (OSError, ValueError):
            continue
        if quota > 0 and period > 0:
            return max(1, min(count, quota // period))
    return count


def processor_flags(info: Path = CPU_INFO) -> list[str]:
    """The instruction sets of the first processor, as the system lists them; none where it lists none."""
    try:
        lines = info.read_text().splitlines()
    except OSError:
        return []
    return next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])
