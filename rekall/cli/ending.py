"""How a command ends where it was not asked to, or where nobody can read its answer: signals, and streams that fail."""

from __future__ import annotations

import _thread
import contextlib
import os
import re
import signal
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import TextIO

from rekall.errors import OutputLost
from rekall.system.pipes import is_closed_pipe

QUIET_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What a system sends to end a process, or when its terminal is gone."""

READS = frozenset(
    (
        *(
            "search",
            "show",
            "pick",
            "list",
            "similar",
            "related",
            "graph",
            "stale",
            "history",
            "diff",
            "conflicts",
            "stats",
            "bench",
            "embed",
            "version",
            "doctor",
            "help",
            "init",
            "tui",
            "mcp",
            "browse",
            "info",
            "mcp-server",
        ),
        *("index", "index status", "model", "model list", "model info", "model verify", "model bench"),
        *(
            "config",
            "config list",
            "config get",
            "config path",
            "config edit",
            "mcp install",
            "mcp status",
            "export",
            "check",
            "",
        ),
        *("base", "base list", "base check"),
        *("hook", "hook status", "hook run", "hook line", "hook skill"),
    )
)
"""Commands that change nothing, or whose answer is all there is; every other one has taken effect when it answers."""

PATIENCE_S = 3.0
"""How long what is under way may take to be undone; after that the process ends as if it had been killed, which loses
nothing that was stored."""

_ID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")


class Ended(SystemExit):
    """A signal ends the process: what is under way is undone, nothing is said."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.exit_code = 128 + number


@dataclass(slots=True)
class Answers:
    """Whether the answers of one command reach anybody.

    Attributes:
        takes_effect: Whether the command has done its work when it answers, so that a lost answer is no reason to do it
            again.
        lost: The first answer that could not be written.
        why: Why not.
    """

    takes_effect: bool = False
    lost: str = ""
    why: str = ""
    others: list[str] = field(default_factory=list)

    def lose(self, answer: str, error: OSError | ValueError) -> None:
        """Note an answer that could not be written; what follows goes nowhere."""
        if not self.why:
            self.lost, self.why = answer, reason_of(error)
        silence(sys.stdout)

    def told(self) -> str:
        """What is said in the place of the answer."""
        ids = [] if not self.lost.lstrip().startswith("{") else _ID.findall(self.lost)[:1]
        line = f"entry {ids[0]}" if ids else self.lost.strip().partition("\n")[0]
        line = "" if line in ("{", "[") else f": {line}"
        return (
            f"warning: done and stored, but the answer could not be written ({self.why}){line}"
            "\n\nhint: it took effect; do not run it again for the answer"
        )


def takes_effect(words: Sequence[str]) -> bool:
    """Whether the command of a command line has done its work when it answers.

    Args:
        words: The command and what follows it, options left out.
    """
    command, *rest = [*words, ""]
    if command in ("review", "suggest", "generalize"):  # what they ask on a terminal is stored answer by answer
        return bool(words[1:])
    if command in ("tags", "projects"):
        return rest[0] in ("rename", "merge", "remove")
    if f"{command} {rest[0] if rest else ''}".strip() in READS or (command in READS and command not in _GROUPS):
        return False
    return not (command == "restore" and not words[1:])


_GROUPS = ("index", "model", "config", "mcp", "mcp-server", "hook", "base")


def output_lost(error: OSError | ValueError) -> OutputLost:
    """The error of a command whose answer is all that it does."""
    return OutputLost(f"the answer could not be written: {reason_of(error)}", "free some space, or send it elsewhere")


def is_unread(error: BaseException) -> bool:
    """Whether an error says that whoever read the output has gone: `rekall list | head` has all it wanted."""
    if isinstance(error, BrokenPipeError) or not is_closed_pipe(error):
        return isinstance(error, BrokenPipeError)
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False


def is_of_output(error: OSError) -> bool:
    """Whether an error comes of what click itself prints: help, versions."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("click.")


def reason_of(error: OSError | ValueError) -> str:
    """Why a stream could not be written, in a few words."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "it is closed"


def hold_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr something in their place.

    A file that is opened later must not get the number of one of them: what a library says on stderr would be written into
    it. Stdin is empty, stdout refuses what is written to it, stderr swallows it.
    """
    for number, name, flags in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is not None:
            continue
        with contextlib.suppress(OSError):
            try:
                os.fstat(number)
            except OSError:
                opened = os.open(os.devnull, flags)  # the lowest free number
                if opened != number:
                    os.dup2(opened, number)
                    os.close(opened)
            else:  # something else has the number already
                number = os.open(os.devnull, flags)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def silence(stream: TextIO | None) -> None:
    """Let what is still to be written to a stream go nowhere, also what Python writes when it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        number = stream.fileno()  # type: ignore[union-attr]  # suppressed
        target = os.open(os.devnull, os.O_WRONLY)
        os.dup2(target, number)
        os.close(target)


def listen() -> None:
    """Let signals end the command in an orderly way: an exception, so that transactions are undone."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in QUIET_SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:  # whoever ignores one, as nohup does, wants that
            signal.signal(number, _end)


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C waiting, in this process until the block ends, in a process that is started there until it lets it in.

    A terminal sends it to both, and one that is still loading modules could only end with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_interrupts_in() -> None:
    """Take in what the parent kept waiting."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_at_once() -> None:
    """From here on Ctrl-C ends the process where it stands, without a word: there is nothing left to undo."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, _exit)


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one does not wait
    _thread.start_new_thread(
        _lose_patience, (128 + number,)
    )  # `threading` may be starting one right here, and has one lock
    raise Ended(number)


def _lose_patience(code: int) -> None:
    time.sleep(PATIENCE_S)
    os._exit(code)


def _exit(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)
