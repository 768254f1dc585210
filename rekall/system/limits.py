"""What limits the memory of this process: its own limits, and those of the control group it runs in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc/self")
CONTROL_GROUPS = Path("/sys/fs/cgroup")
_FILES = (("memory.max", "anon"), ("memory.limit_in_bytes", "total_rss"))
"""The file of the limit, and the key of what is in use: in the second version of control groups, and in the first."""

_BEYOND_ALL = 1 << 50
"""What a control group of the first version says where there is no limit is larger than this."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a limit leaves.

    Attributes:
        limit_bytes: The limit.
        left_bytes: How much of it is not used.
    """

    limit_bytes: int
    left_bytes: int


@dataclass(frozen=True, slots=True)
class Rooms:
    """The room of a process, None where nothing limits it or that cannot be seen.

    Attributes:
        addresses: For everything it maps, files included (`ulimit -v`).
        data: For what it writes to (`ulimit -d`).
        resident: For what it keeps in memory (a control group, as of a container or a service).
    """

    addresses: Room | None = None
    data: Room | None = None
    resident: Room | None = None


def rooms(proc: Path = PROC, groups: Path = CONTROL_GROUPS) -> Rooms:
    """The room of this process; looked up in a tenth of a millisecond.

    Args:
        proc: What the system says of this process.
        groups: Where it shows control groups.
    """
    if not sys.platform.startswith("linux"):  # elsewhere these limits are not kept, or cannot be read
        return Rooms()
    import resource

    page = resource.getpagesize()
    try:
        text = (proc / "statm").read_bytes()  # bytes throughout: a codec for them would be one more module
        mapped, resident, _, _, _, data = (page * int(number) for number in text.split()[:6])
    except (OSError, ValueError):
        return Rooms()
    return Rooms(
        _left(resource.getrlimit(resource.RLIMIT_AS)[0], mapped),
        _left(resource.getrlimit(resource.RLIMIT_DATA)[0], data),
        _of_groups(proc, groups, resident),
    )


def _left(limit: int, used: int) -> Room | None:
    return None if not 0 <= limit < _BEYOND_ALL else Room(limit, max(limit - used, 0))


def _of_groups(proc: Path, groups: Path, resident: int) -> Room | None:
    """The tightest of the control groups that hold this process, each in one that holds it."""
    found = None
    for folder in folders_of(proc, groups, "memory"):
        limit_file, used_key = _FILES[(folder / "memory.limit_in_bytes").exists()]
        limit = _number(folder / limit_file)
        if limit is None or limit >= _BEYOND_ALL:
            continue
        used = max(_figure(folder / "memory.stat", used_key), resident)  # not the file cache, which makes room
        room = Room(limit, max(limit - used, 0))
        if found is None or room.left_bytes < found.left_bytes:
            found = room
    return found


def folders_of(proc: Path, groups: Path, controller: str) -> Iterator[Path]:
    """Where the control groups lie that limit this process, from its own outwards.

    Args:
        proc: What the system says of this process.
        groups: Where it shows control groups.
        controller: What is limited, as the first version names it: "memory", "cpu".
    """
    try:
        lines = (proc / "cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            root = groups
        elif controller in controllers.split(","):
            joined = groups / controllers  # "cpu,cpuacct"
            root = joined if joined.is_dir() else groups / controller
        else:
            continue
        place = root / path.lstrip("/")
        while place != root and root in place.parents:
            yield place
            place = place.parent
        yield root  # in a container the path may be that of the machine outside


def _number(path: Path) -> int | None:
    """The number in a file; None without one, or where it says that there is no limit."""
    try:
        text = path.read_bytes().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _figure(path: Path, key: str) -> int:
    """A figure of a file of keys and numbers; 0 where it is not there."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return 0
    wanted = key.encode()
    figures = (line.partition(b" ") for line in lines)
    return next((int(number) for name, _, number in figures if name == wanted and number.isdigit()), 0)
