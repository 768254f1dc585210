"""What limits the memory of this process: its own limits, and those of the control group it runs in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc/self")
CONTROL_GROUPS = Path("/sys/fs/cgroup")
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
    for folder, limit_file, used_key in _folders(proc, groups):
        limit = _number(folder / limit_file)
        if limit is None or limit >= _BEYOND_ALL:
            continue
        used = max(_figure(folder / "memory.stat", used_key), resident)  # not the file cache, which makes room
        room = Room(limit, max(limit - used, 0))
        if found is None or room.left_bytes < found.left_bytes:
            found = room
    return found


def _folders(proc: Path, groups: Path) -> Iterator[tuple[Path, str, str]]:
    """Where the control groups of this process lie, with the file of the limit, and the key of what is in use."""
    try:
        lines = (proc / "cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            root, files = groups, ("memory.max", "anon")
        elif "memory" in controllers.split(","):
            root, files = groups / "memory", ("memory.limit_in_bytes", "total_rss")
        else:
            continue
        place = root / path.lstrip("/")
        while place != root and root in place.parents:
            yield (place, *files)
            place = place.parent
        yield (root, *files)  # in a container the path may be that of the machine outside


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
