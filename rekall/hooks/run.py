"""One event of a host, from stdin to stdout: within half a second, without a word of anything that goes wrong.

The work is done by a child that is ended when the time is over, so that no damaged base, no slow disk and no model can keep a
host waiting or make it show an error. What the words found by then is what is said. See docs/adr/0027.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rekall.hooks.events import MOST_BYTES, Asked, read_event
from rekall.hooks.hosts import HOSTS, Moment
from rekall.hooks.seen import LATE, file_of, remember, seen_in

LIMIT_S, LIMIT_NAME = 0.5, "REKALL_HOOKS_SECONDS"
"""The longest that a host waits for us, from the start of the process; and the variable that names another time."""

_TO_END_S = 0.05
"""What is kept of it to print, and to end."""

CAN_COPY = sys.platform not in ("win32", "darwin")
"""Whether a copy of this process can do everything; elsewhere the work is done beside it, in a thread."""

_LONGEST_S = 60.0
_UNKNOWN_AGE_S = 0.1
_CHUNK_BYTES = 1 << 20
_OFF = ("off", "0", "no", "false")

Send = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class _Answer:
    """What the work has said so far.

    Attributes:
        printed: What the host reads; empty for nothing.
        ids: The notes in it.
        state: The file of the session.
        has_words: Whether the words have answered.
        is_done: Whether nothing better will come.
    """

    printed: str = ""
    ids: list[str] = field(default_factory=list)
    state: str = ""
    has_words: bool = False
    is_done: bool = False

    def take(self, line: bytes) -> None:
        """Take in a message of `_work`."""
        said = json.loads(line)
        self.state = said.get("state", self.state)
        if "printed" in said:
            self.printed, self.ids, self.has_words = said["printed"], said["ids"], True
        self.is_done = said.get("done", self.is_done)


def run(client: str, moment: str, home: str | None) -> None:
    """Answer the event on stdin. Says nothing on stderr and raises nothing, whatever happens.

    Args:
        client: The host's name.
        moment: A value of `Moment`.
        home: What REKALL_HOME was when the hooks were installed.
    """
    ends = time.monotonic() + _limit_s() - _TO_END_S - _age_s()
    try:
        data = _stdin(ends)
        host = next((each for each in HOSTS if each.name == client), None)
        asked_for = next((each for each in Moment if each.value == moment), None)
        if host is None or asked_for is None or is_off():
            return
        asked = read_event(host, asked_for, data)
        if asked is not None:
            _answer(asked, home, ends)
    except (Exception, KeyboardInterrupt):  # a host must not see it: whatever it is, there is no answer
        return


def is_off(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether hooks are to say nothing in this environment."""
    return environ.get("REKALL_HOOKS", "").strip().lower() in _OFF


def _answer(asked: Asked, home: str | None, ends: float) -> None:
    """Let the work be done until the time is over, print what it said, and note that."""
    answer = _Answer()
    (_in_child if CAN_COPY else _beside)(asked, home, ends, answer)
    if answer.printed:
        os.write(1, f"{answer.printed}\n".encode())
    if answer.state:
        is_late = answer.has_words and not answer.is_done
        remember(Path(answer.state), [*answer.ids, *([LATE] if is_late else [])], forget=asked.starts_over)
    if not CAN_COPY and not answer.is_done:
        os._exit(0)  # the thread that works on is not waited for


def _in_child(asked: Asked, home: str | None, ends: float, answer: _Answer) -> None:
    """Do the work in a copy of this process."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, _limit_s())  # where the parent was killed first
            os.close(reads)
            _mute(1, 2)
            _work(asked, home, lambda said: _send(writes, said))
        os._exit(0)
    os.close(writes)
    try:
        _receive(reads, ends, answer)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.close(reads)
        os.waitpid(child, os.WNOHANG)  # what it has in memory may take a while to go; that is the system's work


def _receive(reads: int, ends: float, answer: _Answer) -> None:
    """Take in messages until the work is done, has died, or the time is over."""
    data = b""
    while not answer.is_done and (left := ends - time.monotonic()) > 0:
        if not select.select([reads], [], [], left)[0]:
            return
        chunk = os.read(reads, 65_536)
        if not chunk:
            answer.is_done = True  # it died of something: that it was slow is not known
            return
        *lines, data = (data + chunk).split(b"\n")
        for line in lines:
            answer.take(line)


def _beside(asked: Asked, home: str | None, ends: float, answer: _Answer) -> None:
    """Do the work in a thread."""
    messages: list[bytes] = []

    def work() -> None:
        with contextlib.suppress(BaseException):
            _mute(2)
            _work(asked, home, lambda said: messages.append(json.dumps(said).encode()))
        messages.append(b'{"done": true}')

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(max(ends - time.monotonic(), 0.0))
    for message in list(messages):
        answer.take(message)


def _work(asked: Asked, home: str | None, send: Send) -> None:
    """Look for what is to be said, and send it: first where the session is kept, then what is found, and better."""
    from rekall.app import App
    from rekall.hooks.answering import answer
    from rekall.hooks.telling import Told, as_host_reads

    app = App({**os.environ, "REKALL_HOME": home} if home else os.environ, migrates=False)
    database = app.places.database
    if not database.is_file() or not database.stat().st_size or app.settings.text("hooks.notes") == "off":
        send({"done": True})
        return
    path = file_of(database, asked.session)
    seen = seen_in(None if asked.starts_over else path)

    def tell(told: Told | None) -> None:
        printed = as_host_reads(asked.host, asked.moment, told.text) if told else ""
        send({"printed": printed, "ids": list(told.ids) if told else []})

    send({"state": str(path or "")})
    tell(answer(app, asked, seen, tell))
    send({"done": True})


def _mute(*streams: int) -> None:
    """Let what libraries write by a stream's number go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _send(writes: int, said: dict[str, Any]) -> None:
    os.write(writes, json.dumps(said).encode() + b"\n")


def _stdin(ends: float) -> bytes:
    """What is on stdin, read to its end so that the host can write it all; of something endless, or too long, nothing."""
    kept: list[bytes] = []
    length = 0

    def read() -> None:
        nonlocal length
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(sys.stdin.fileno(), _CHUNK_BYTES):
                length += len(chunk)
                if length <= MOST_BYTES:
                    kept.append(chunk)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(max(ends - time.monotonic(), 0.0))
    return b"".join(kept) if not reader.is_alive() and length <= MOST_BYTES else b""


def _limit_s() -> float:
    try:
        wanted = float(os.environ.get(LIMIT_NAME, LIMIT_S))
    except ValueError:
        return LIMIT_S
    return min(max(wanted, 0.0), _LONGEST_S) if wanted == wanted else LIMIT_S  # "nan" is a number that equals none


def _age_s() -> float:
    """How long this process has run, so that Python's own start counts."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        booted_s = float(Path("/proc/uptime").read_text().split()[0])
        return max(booted_s - ticks / os.sysconf("SC_CLK_TCK"), 0.0)
    except (OSError, ValueError, IndexError, AttributeError):
        return _UNKNOWN_AGE_S
