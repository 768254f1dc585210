"""Runs work in a child made by fork, with its output in files, a watch on its time, and no buffer that a kill empties."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HANG_S = 60.0
"""Far more than anything here takes, on the busiest machine."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Attributes:
        code: Its exit code; the negative number of the signal that ended it.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
        hung: It did not end by itself, and was ended.
    """

    code: int
    out: str
    err: str
    hung: bool = False

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL and not self.hung

    @property
    def has_traceback(self) -> bool:
        return "Traceback (most recent call last)" in self.err + self.out

    @property
    def text(self) -> str:
        return self.out + self.err


class Child:
    """A child at work; its output goes to files, which outlive it whole."""

    def __init__(
        self,
        work: Callable[[], object],
        scratch: Path,
        environ: Mapping[str, str] = {},
        stdin: int | None = None,
        name: str = "child",
        shut: Sequence[int] = (),
        stdout: int | None = None,
    ) -> None:
        """Fork.

        Args:
            work: What the child does; a number it returns is its exit code.
            scratch: A folder for its output.
            environ: What it sees in its environment beside what there is.
            stdin: A file to read from; by default there is nothing to read.
            name: Names its files.
            stdout: Where its output goes in place of a file.
            shut: Files of the parent's that the child must not hold open.
        """
        self.out, self.err = scratch / f"{name}.out", scratch / f"{name}.err"
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                for handle in shut:
                    os.close(handle)
                self._become(environ, stdin, stdout)
                code = _code_of(work)
            finally:
                os._exit(code)

    def wait(self, wait_s: float = HANG_S) -> Ended:
        """Wait until it has ended; end it where it does not."""
        end = time.monotonic() + wait_s
        pause = 0.0005
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return self._ended(status, hung=False)
            if time.monotonic() >= end:
                os.kill(self.pid, signal.SIGKILL)
                return self._ended(os.waitpid(self.pid, 0)[1], hung=True)
            time.sleep(pause)
            pause = min(0.01, pause * 1.3)

    def kill(self) -> Ended:
        """End it now."""
        os.kill(self.pid, signal.SIGKILL)
        return self._ended(os.waitpid(self.pid, 0)[1], hung=False)

    def _ended(self, status: int, *, hung: bool) -> Ended:
        texts = [file.read_text("utf-8", "replace") if file.exists() else "" for file in (self.out, self.err)]
        return Ended(os.waitstatus_to_exitcode(status), *texts, hung=hung)

    def _become(self, environ: Mapping[str, str], stdin: int | None, stdout: int | None) -> None:
        gc.disable()  # nothing of the parent's is ever freed here
        os.environ.update(environ)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        source = os.open(os.devnull, os.O_RDONLY) if stdin is None else stdin
        out = os.open(self.out, flags) if stdout is None else stdout
        for number, file in ((0, source), (1, out), (2, os.open(self.err, flags))):
            os.dup2(file, number)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8")
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(2, "w", closefd=False)), "utf-8", "backslashreplace", line_buffering=True
        )


def forked(work: Callable[[], object], scratch: Path, environ: Mapping[str, str] = {}, wait_s: float = HANG_S) -> Ended:
    """Run work in a child and wait until it has ended."""
    return Child(work, scratch, environ).wait(wait_s)


def command(arguments: Sequence[str]) -> Callable[[], object]:
    """The work that the command `rekall` does; it ends the child with its exit code."""

    def work() -> None:
        from rekall.cli.main import run

        run(list(arguments))

    return work


def _code_of(work: Callable[[], object]) -> int:
    """Do the work as Python does a program: what it raises is printed, and every stream is flushed."""
    try:
        found = work()
        code = found if isinstance(found, int) else 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    return code
