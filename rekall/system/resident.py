"""What the running process really uses."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from rekall.errors import RekallError


def resident_bytes() -> int:
    """Resident memory of this process now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def children_bytes() -> int:
    """Resident memory of the processes that this one has started, and of theirs."""
    import psutil

    total = 0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            total += int(child.memory_info().rss)
    return total


def peak_bytes() -> int:
    """The most resident memory this process ever had."""
    if sys.platform.startswith("linux"):
        # not ru_maxrss, which begins with the memory of the process that forked this one
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    try:
        import resource
    except ImportError as error:
        raise RekallError("this platform does not report peak memory") from error
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, the others kilobytes


def trim_heap() -> None:
    """Give free heap pages back to the system, where the C library has a call for it (glibc)."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # absent in musl
    if trim is not None:
        trim(0)


_M_ARENA_MAX = -8  # glibc's malloc.h


def keep_one_heap() -> None:
    """Let all threads to come share one heap, where the C library is glibc.

    Python's threads take turns, so more of them serve nobody, and each keeps free memory of its own: how many there are
    depends on how busy the machine is.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, 1)
