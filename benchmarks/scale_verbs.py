"""What commands take at a size: processor time and peak memory of whole processes, as a shell starts them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REKALL = [sys.executable, "-m", "rekall"]
TIMES = 3
PATIENCE_S = 120.0

READS: Mapping[str, list[str]] = {
    "list": ["list"],
    "list --type": ["list", "--type", "til"],
    "list --project --status": ["list", "--project", "project-59", "--status", "obsolete"],
    "list --sort title": ["list", "--sort", "title"],
    "list --sort created": ["list", "--sort", "created"],
    "list --sort type": ["list", "--sort", "type"],
    "tags": ["tags"],
    "tags --project": ["tags", "--project", "project-3"],
    "projects": ["projects"],
    "stats": ["stats"],
    "index status": ["index", "status"],
    "doctor": ["doctor"],
    "completion of a tag": ["__complete", "list", "--tag", "topic-1"],
}
"""Commands that read, by what they are called in the table."""

UPKEEP: Mapping[str, list[str]] = {
    "check": ["check"],
    "index rebuild --words": ["index", "rebuild", "--words"],
    "index prune": ["index", "prune"],
}
"""What is done to a whole base."""

COMPACT = "from pathlib import Path; from rekall.store.sqlite import SqliteStore; SqliteStore(Path({path!r})).compact()"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process takes: milliseconds of the processor, and the most memory it has."""

    cpu_ms: float
    peak_mb: float

    def plain(self) -> dict[str, float]:
        """As JSON holds it."""
        return asdict(self)


def costs_of_verbs(home: Path) -> dict[str, Cost]:
    """Commands on one base, each the median of a few runs; what is added is deleted for ever in the end."""
    found: dict[str, list[Cost]] = {}
    for _ in range(TIMES):
        for name, words in READS.items():
            found.setdefault(name, []).append(run(home, words)[0])
        found.setdefault("terminal UI", []).append(terminal(home))
    for number in range(TIMES):
        for name, cost in _of_one_entry(home, number).items():
            found.setdefault(name, []).append(cost)
    return {
        name: Cost(statistics.median(each.cpu_ms for each in costs), max(each.peak_mb for each in costs))
        for name, costs in found.items()
    }


def _of_one_entry(home: Path, number: int) -> dict[str, Cost]:
    said = f"The gateway of run {number} drops idle sockets {time.time_ns()}"
    costs = {}
    costs["add"], answer = run(home, ["add", "til", said, "--json"])
    name = json.loads(answer)["entry"]["id"]
    costs["show"], _ = run(home, ["show", name])
    costs["edit"], _ = run(home, ["edit", name, "--content", f"{said}, since its timeout is shorter than ours"])
    costs["delete"], _ = run(home, ["delete", name, "--yes"])
    costs["restore"], _ = run(home, ["restore", name])
    run(home, ["delete", name, "--yes"])
    return costs


def costs_of_upkeep(home: Path) -> dict[str, Cost]:
    """What looking after one base takes, once each."""
    costs = {name: run(home, words)[0] for name, words in UPKEEP.items()}
    costs["VACUUM"], _ = _reaped(home, [sys.executable, "-c", COMPACT.format(path=str(home / "rekall.db"))])
    return costs


def run(home: Path, words: list[str]) -> tuple[Cost, str]:
    """What a command takes, and what it answers."""
    return _reaped(home, [*REKALL, *words])


def _reaped(home: Path, command: list[str]) -> tuple[Cost, str]:
    read, write = os.pipe()
    pid = os.posix_spawn(
        command[0],
        command,
        _environment(home),
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)],
    )
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as answer:
        said = answer.read()
    return _cost(pid, command), said


def _cost(pid: int, command: list[str]) -> Cost:
    _, status, used = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"error: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(1e3 * (used.ru_utime + used.ru_stime), used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6)


def terminal(home: Path) -> Cost:
    """What the terminal UI takes until its list is drawn, and until it has ended."""
    pid, screen = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [*REKALL, "tui"], {**_environment(home), "TERM": "xterm-256color"})  # noqa: S606
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    _read_until(screen, lambda shown: b"entries" in shown)
    os.write(screen, b"\x11")  # ctrl+q
    with contextlib.suppress(OSError):  # it has ended
        while os.read(screen, 1 << 16):
            pass
    os.close(screen)
    return _cost(pid, ["rekall", "tui"])


def _read_until(screen: int, is_done: Callable[[bytes], bool]) -> None:
    shown = b""
    end = time.monotonic() + PATIENCE_S
    while not is_done(shown):
        if time.monotonic() > end:
            sys.exit(f"error: the terminal UI did not come so far within {PATIENCE_S:g} s")
        if select.select([screen], [], [], 0.2)[0]:
            shown += os.read(screen, 1 << 16)


def measured(home: Path, kind: str) -> dict[str, dict[str, float]]:
    """The same from a process of its own: what a small one starts begins with little memory."""
    answer = subprocess.run([sys.executable, __file__, str(home), kind], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, dict[str, float]] = json.loads(answer.stdout)
    return found


def _environment(home: Path) -> dict[str, Any]:
    return {**os.environ, "REKALL_HOME": str(home), "COLUMNS": "120"}


if __name__ == "__main__":
    of_kind = {"verb": costs_of_verbs, "upkeep": costs_of_upkeep}[sys.argv[2]]
    print(json.dumps({name: cost.plain() for name, cost in of_kind(Path(sys.argv[1])).items()}))
