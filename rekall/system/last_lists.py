"""The list that was shown last on each terminal, so that its third line can be called 3."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rekall.system.files import PRIVATE_FILE, make_private_folder
from rekall.system.replacing import discard, take_place

MOST_PLACES = 999
"""Longer numbers are ids."""

TERMINAL = "REKALL_TERMINAL"
"""The variable that names the terminal, where programs run the command for a person."""

_MOST_TERMINALS = 64
_MOST_LINE_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class LastList:
    """A list as it was shown.

    Attributes:
        ids: The ids of its entries, in order.
        line: The query that it answered; empty where it answered none.
        at: For each entry the character of its content at which what was found begins; empty where nothing was searched.
        bases: For each the base in which it lives; empty where all live in one's own.
    """

    ids: tuple[str, ...]
    line: str = ""
    at: tuple[int, ...] = ()
    bases: tuple[str, ...] = ()


class LastLists:
    """Keeps the last list of every terminal in a folder; what cannot be kept is forgotten."""

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        """Read nothing yet."""
        self._folder = folder
        self._terminal = terminal_name(environ)

    @property
    def can_remember(self) -> bool:
        """Whether there is a terminal."""
        return bool(self._terminal)

    def keep(self, shown: LastList) -> None:
        """Make a list the last of this terminal. Where that fails there is none: an older one would name others."""
        if not self._terminal:
            return
        said = {"line": shown.line[:_MOST_LINE_CHARS], "ids": shown.ids[:MOST_PLACES], "at": shown.at[:MOST_PLACES]}
        said |= {"bases": shown.bases[:MOST_PLACES]} if shown.bases else {}
        file = self._file()
        try:
            is_new = not file.exists()
            if is_new:
                make_private_folder(self._folder)
            self._write(file, json.dumps(said).encode())
        except OSError:
            with contextlib.suppress(OSError):
                file.unlink()
            return
        if is_new:
            self._forget_oldest()

    def last(self) -> LastList | None:
        """The last list of this terminal, or None."""
        if not self._terminal:
            return None
        try:
            said = json.loads(self._file().read_bytes())
            ids, line, at, bases = said["ids"], said["line"], said["at"], said.get("bases", [])
            is_ours = (
                isinstance(line, str)
                and all(type(each) is str for each in (*ids, *bases))
                and all(type(each) is int for each in at)
            )
            return LastList(tuple(ids), line, tuple(at), tuple(bases)) if is_ours else None
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            RecursionError,
        ):  # another Rekall's, or cut off by a full disk
            return None

    def _file(self) -> Path:
        return self._folder / f"{self._terminal}.json"

    @staticmethod
    def _write(file: Path, data: bytes) -> None:
        """Put it there whole; it is not forced to the disk, which a search would wait for.

        The scratch name names no process, for what that takes costs a search a megabyte; it is swept a day later.
        """
        part = file.with_name(f".{file.name}.{os.urandom(4).hex()}.part")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as opened:
                opened.write(data)
            take_place(part, file)
        except BaseException:
            discard(part)
            raise

    def _forget_oldest(self) -> None:
        """Leave the lists of the terminals that were used last."""
        with contextlib.suppress(OSError):
            files = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
            for file in files[_MOST_TERMINALS:]:
                file.unlink(missing_ok=True)


def terminal_name(environ: Mapping[str, str] = os.environ) -> str:
    """A name for the terminal of this process that may be a file's; empty where there is none."""
    told = environ.get(TERMINAL, "")
    if told:
        return f"named-{_plain(told)[:40]}-{zlib.crc32(told.encode('utf-8', 'replace')):08x}"
    for stream in (sys.stdout, sys.stdin, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or not of the system
            if stream.isatty():
                return _of_window(environ) if os.name == "nt" else _of_device(stream.fileno())
    return ""


def _of_device(descriptor: int) -> str:
    """A terminal's device with the session in it, for the device serves another window later."""
    return f"{_plain(os.ttyname(descriptor))}-{os.getsid(0)}"


def _of_window(environ: Mapping[str, str]) -> str:
    """Windows names no terminal, but its shell is the process above."""
    return f"{_plain(environ.get('WT_SESSION', 'console'))}-{os.getppid()}"


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
