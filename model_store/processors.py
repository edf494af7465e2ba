"""How many processors this process may really use."""

import os
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def available_processors(limit: Path = CGROUP_LIMIT) -> int:
    """Processors by affinity and by a container's limit, which no thread count shows; at least 1.

    Args:
        limit: The control group's `cpu.max`, "QUOTA PERIOD" in microseconds or "max PERIOD".
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = limit.read_text().split()
        allowed = count if quota == "max" else int(quota) // int(period)
    except (OSError, ValueError):
        return count
    return max(1, min(count, allowed))


def processor_flags(info: Path = CPU_INFO) -> list[str]:
    """The instruction sets of the first processor, as the system lists them; none where it lists none."""
    try:
        lines = info.read_text().splitlines()
    except OSError:
        return []
    return next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])
