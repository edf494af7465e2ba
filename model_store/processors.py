"""How many processors this process may really use."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CPU_INFO = Path("/proc/cpuinfo")
CONTROL_GROUPS = Path("/sys/fs/cgroup")

OWN_GROUPS = Path("/proc/self/cgroup")

_LIMITS = {"": ("cpu.max",), "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us")}
"""Quota and period in microseconds, of version 2 of control groups and of version 1, which many systems still have, by
the folder in which the groups are. Where there is no limit, the quota is "max" or -1."""


def available_processors(control_groups: Path = CONTROL_GROUPS, own: Path = OWN_GROUPS) -> int:
    """Processors by affinity and by the limit of a container or a unit of systemd, which no thread count shows.

    Args:
        control_groups: Where the groups and their limits are; of a container, those of it alone.
        own: Which of them this process is in.

    Returns:
        At least 1.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([count, *_limits(control_groups, own)]))


def _limits(control_groups: Path, own: Path) -> Iterator[int]:
    for controller, files in _LIMITS.items():
        for group in _groups(own, controller):
            folder = control_groups / controller / group
            try:
                quota, period = (int(part) for file in files for part in (folder / file).read_text().split())
            except (OSError, ValueError):
                continue
            if quota > 0 and period > 0:
                yield quota // period


def _groups(own: Path, controller: str) -> set[PurePosixPath]:
    """Those that this process is in and those around them, whose limits hold as well, without the "/" before them."""
    found = {PurePosixPath()}
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controller in controllers.split(","):
            path = PurePosixPath(group.lstrip("/"))
            found |= {path, *path.parents}
    return found


def processor_flags(info: Path = CPU_INFO) -> list[str]:
    """The instruction sets of the first processor, as the system lists them; none where it lists none."""
    try:
        lines = info.read_text().splitlines()
    except OSError:
        return []
    return next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])
