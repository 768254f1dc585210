"""What the doors that stay open cost: `rekall mcp` and `rekall tui`, with their engine, at three moments.

    python benchmarks/doors.py [--base FOLDER] [--json]

Each is started as its client or its terminal would, asked once for something found by meaning, and left alone until
its model is dropped. Memory is resident megabytes (10^6 bytes) of the whole tree of processes. Needs a system with
pseudo-terminals, and the extras `mcp` and `tui`. Without --base the sample notes are imported first.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from mcp import Client
from mcp.client.stdio import StdioServerParameters

NOTES = Path(__file__).parent.parent / "examples" / "notes"
REKALL = ["-m", "rekall", "--set", "performance.model_idle_timeout_minutes=0.05"]
QUESTION = "people get signed out on iphones"
WIDE, HIGH = 110, 32
PATIENCE_S = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="a REKALL_HOME with entries")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        env = {**os.environ, "REKALL_HOME": str(options.base or scratch)}
        if options.base is None:
            subprocess.run([sys.executable, *REKALL, "import", str(NOTES)], env=env, check=True, capture_output=True)
        rows = {"rekall mcp": asyncio.run(server(env)), "rekall tui": terminal(env)}
    if options.json:
        print(json.dumps(rows))
        return
    print("| | started | searched | idle |\n|---|---|---|---|")
    for name, figures in rows.items():
        print(f"| {name} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |")


async def server(env: dict[str, str]) -> list[float]:
    """Megabytes of a server after the handshake, after a search, and when its model was dropped."""
    async with Client(
        StdioServerParameters(command=sys.executable, args=[*REKALL, "mcp", "--structured"], env=env)
    ) as client:
        (process,) = psutil.Process().children()
        await client.list_tools()
        figures = [tree_mb(process)]
        answer = await client.call_tool("search", {"query": QUESTION})
        if answer.structured_content["mode"] != "hybrid":
            sys.exit(f"error: {answer.content}")
        figures.append(tree_mb(process))
        while process.children():
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        return [*figures, tree_mb(process)]


def terminal(env: dict[str, str]) -> list[float]:
    """Megabytes of the terminal UI when it is drawn, after a search, and when its model was dropped."""
    pid, screen = pty.fork()
    if pid == 0:
        os.environ.update(env, TERM="xterm-256color")
        os.execv(sys.executable, [sys.executable, *REKALL, "tui"])  # noqa: S606  # a program of our own
    process = psutil.Process(pid)
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", HIGH, WIDE, 0, 0))
    read_until(screen, lambda shown: b"entries" in shown)
    rest(screen, 1.0)
    figures = [tree_mb(process)]
    os.write(screen, b"/" + QUESTION.encode())
    read_until(screen, lambda shown: bool(process.children()))
    rest(screen, 2.0)
    figures.append(tree_mb(process))
    read_until(screen, lambda shown: not process.children())
    rest(screen, 1.0)
    figures.append(tree_mb(process))
    os.write(screen, b"\x03")
    rest(screen, 1.0)
    process.kill()
    os.close(screen)
    os.waitpid(pid, 0)
    return figures


def read_until(screen: int, is_done: Callable[[bytes], bool]) -> None:
    """Read what is drawn until a condition holds."""
    shown = b""
    end = time.monotonic() + PATIENCE_S
    while not is_done(shown):
        if time.monotonic() > end:
            sys.exit(f"error: the terminal UI did not come so far within {PATIENCE_S:g} s")
        shown += rest(screen, 0.05)


def rest(screen: int, seconds: float) -> bytes:
    """Read what is drawn for so long, as a terminal does; one that is not read stands still."""
    shown = b""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([screen], [], [], left)[0]:
            try:
                shown += os.read(screen, 1 << 16)
            except OSError:  # it has ended
                break
    return shown


def tree_mb(process: psutil.Process) -> float:
    return float(sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))) / 1e6


if __name__ == "__main__":
    main()
