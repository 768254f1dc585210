"""How many processors this process may use: those it is bound to, and the share that its control groups leave it."""

from __future__ import annotations

import os
from pathlib import Path

from rekall.system.limits import CONTROL_GROUPS, PROC, folders_of


def usable_processors(proc: Path = PROC, groups: Path = CONTROL_GROUPS) -> int:
    """At least one.

    Args:
        proc: What the system says of this process.
        groups: Where it shows control groups.
    """
    count = _allowed()
    for folder in folders_of(proc, groups, "cpu"):
        share = _share(folder)
        if share is not None:
            count = min(count, max(1, int(share + 0.5)))  # 1.5 of a processor keeps two threads busy
    return count


def _allowed() -> int:
    """What Python 3.13 counts itself: `PYTHON_CPU_COUNT`, else the processors that the system lets this process use."""
    counted = getattr(os, "process_cpu_count", None)
    if counted is not None:
        return counted() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def _share(folder: Path) -> float | None:
    """How many processors a control group may use at once; None without a limit."""
    try:
        quota, period = (folder / "cpu.max").read_bytes().split()
    except (OSError, ValueError):
        try:
            quota = (folder / "cpu.cfs_quota_us").read_bytes().strip()
            period = (folder / "cpu.cfs_period_us").read_bytes().strip()
        except OSError:
            return None
    if not quota.isdigit() or not period.isdigit() or not int(quota) or not int(period):
        return None  # "max", or -1
    return int(quota) / int(period)
