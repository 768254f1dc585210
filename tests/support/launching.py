"""Starts programs by way of a small one, which sets up what they need and then becomes them.

Between a fork and the program that follows nothing of ours may run: the process of a test has threads, and a fork that comes while
numpy multiplies in one of them never returns. `subprocess` does without a fork where it has nothing to set up.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence

_OBEY = """
import os, signal, sys
for name in ("SIGINT", "SIGHUP", "SIGTERM"):
    signal.signal(getattr(signal, name), signal.SIG_IGN if name == sys.argv[1] else signal.SIG_DFL)
os.execvp(sys.argv[2], sys.argv[2:])
"""

_AS_NOBODY = """
import os, pwd, sys
import warnings  # which execvp does, too: nobody may not be let read this Python's own files
nobody = pwd.getpwnam("nobody")  # whose group is nogroup in Debian, nobody in Fedora and macOS
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
os.execvp(sys.argv[1], sys.argv[1:])
"""

_WITH_ENDS = """
import os, sys
copies = [os.dup(int(number)) for number in sys.argv[1:3]]
for number, copy in enumerate(copies, 3):
    os.dup2(copy, number)
    os.set_inheritable(number, True)  # dup2 leaves a file as it is that has the number already
os.execvp(sys.argv[3], sys.argv[3:])
"""

_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def obeying_signals(command: Sequence[str], *, but: str = "") -> list[str]:
    """A command that takes signals as a terminal sends them, also where `nohup` or a shell's background has them ignored.

    Args:
        command: What is started.
        but: The one signal that it ignores.
    """
    return [sys.executable, "-c", _OBEY, but, *command]


def as_nobody(command: Sequence[str]) -> list[str]:
    """A command that root starts and another user runs."""
    return [sys.executable, "-c", _AS_NOBODY, *command]


def with_ends(command: Sequence[str], read: int, write: int) -> list[str]:
    """A command that reads from file 3 and writes to file 4: the ends of pipes that are passed on to it (`pass_fds`)."""
    return [sys.executable, "-c", _WITH_ENDS, str(read), str(write), *command]


def on_a_terminal(
    command: Sequence[str], env: Mapping[str, str], *, rows: int = 24, columns: int = 80
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command whose terminal is a new one. Returns its process, and the terminal's other end, which is to be closed."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        start_new_session=True,
    )
    os.close(theirs)
    return process, ours
