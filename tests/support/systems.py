"""What one system has and another has not: marks that say why a test is left out there, and names for what each has in its own way."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

WINDOWS = os.name == "nt"
WINE = sys.platform == "win32" and hasattr(ctypes.windll.ntdll, "wine_get_version")
"""Whether what calls itself Windows is Wine."""


def _is_emulated() -> bool:
    """Of its own program a process is told by the emulator, of a thread's by Linux, which names the emulator."""
    try:
        return os.readlink("/proc/self/exe") != os.readlink("/proc/thread-self/exe")
    except OSError:
        return False


EMULATED = _is_emulated()
"""Whether another kind of processor is emulated (by qemu, say), as Linux tells it."""
FOREIGN_MEMORY = "emulated: the emulator's memory counts as that of the process"
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
"""What ends a process at once. On Windows `os.kill` ends it with whatever number that is no key's."""
KILLED = int(KILL) if WINDOWS else -int(KILL)
"""What a process that was ended by `KILL` returns."""
HOW_KILLED = f"code {KILLED}" if WINDOWS else "killed"
"""What is said of a child that was ended so: on Windows whoever ends a process chooses its code."""


def not_on_windows(reason: str) -> pytest.MarkDecorator:
    """Leaves a test out there, and says what Windows has not."""
    return pytest.mark.skipif(WINDOWS, reason=reason)


def not_under_wine(reason: str) -> pytest.MarkDecorator:
    """Leaves a test out there, and says what Wine has not, and Windows has."""
    return pytest.mark.skipif(WINE, reason=f"Wine: {reason}")


def linux_alone(reason: str) -> pytest.MarkDecorator:
    """Leaves a test out everywhere else, and says what Linux alone has."""
    return pytest.mark.skipif(not sys.platform.startswith("linux"), reason=reason)


modes = not_on_windows("Windows has no file modes")
named_pipes = not_on_windows("on Windows no pipe lies in a folder")
terminals = not_on_windows("Windows has no pseudo terminals in the standard library")
links = not_on_windows("a link needs a right of its own on Windows")
limits = not_on_windows("Windows sets a process no limits of this kind")
signals = not_on_windows("Windows has no signals but Ctrl+C and Ctrl+Break")
own_time = pytest.mark.skipif(EMULATED, reason="emulated: it takes the emulator's time")
own_memory = pytest.mark.skipif(EMULATED, reason=FOREIGN_MEMORY)
free_names = not_on_windows("Windows allows no such names of files")


def shell_line(*words: object) -> str:
    """Words as one line for the system's shell, as an editor is set."""
    texts = [str(word) for word in words]
    return subprocess.list2cmdline(texts) if WINDOWS else shlex.join(texts)


def program(path: Path, source: str) -> Path:
    """Make a program of a name out of lines of Python. Returns what to call: on Windows that is another file."""
    if not WINDOWS:
        path.write_text(f"#!{sys.executable}\n{source}", "utf-8")
        path.chmod(0o755)
        return path
    script, called = path.with_name(f"{path.name}.py"), path.with_name(f"{path.name}.cmd")
    script.write_text(source, "utf-8")
    called.write_text(f'@"{sys.executable}" "{script}" %*\n', "utf-8")
    return called
