"""Which notes a session has been given already: a small file a session beside the base, swept when it is old."""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = "sessions"
"""The name of the folder, beside the base."""

KEPT_S = 7 * 86_400.0
"""Age at which a session that was not heard of is forgotten."""

LATE = "late"
"""Written where the model took too long; after a few the session's hooks ask the words alone."""

_MOST_LATE = 2
_MOST_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a session.

    Attributes:
        path: Its file; None where the host names no session.
        ids: The notes it was given.
        is_slow: Whether the model was too slow in it before.
    """

    path: Path | None
    ids: frozenset[str] = frozenset()
    is_slow: bool = False


def file_of(beside: Path, session: str) -> Path | None:
    """The file of a session, beside a base; its name says nothing of the session."""
    if not session:
        return None
    data = session.encode("utf-8", "replace")
    return beside.parent / FOLDER / f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


def seen_in(path: Path | None) -> Seen:
    """What is known of the session of a file; nothing where there is none."""
    if path is None:
        return Seen(None)
    try:
        with path.open("rb") as file:
            lines = file.read(_MOST_BYTES).decode("ascii", "replace").split()
    except OSError:
        return Seen(path)
    return Seen(path, frozenset(lines) - {LATE}, lines.count(LATE) >= _MOST_LATE)


def remember(path: Path, lines: Iterable[str], *, forget: bool = False) -> None:
    """Note what a session was given. Where that cannot be written, it may be given again.

    Args:
        path: The file of the session.
        lines: Ids, or `LATE`.
        forget: Whether what it was given before is gone from it.
    """
    text = "".join(f"{line}\n" for line in lines)
    with contextlib.suppress(OSError):
        if not text and not (forget and path.exists()):
            return
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
        if not path.exists():
            _sweep(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if forget else os.O_APPEND)
        handle = os.open(path, flags, 0o600)
        try:
            os.write(handle, text.encode("ascii", "replace"))
        finally:
            os.close(handle)


def _sweep(folder: Path) -> None:
    with os.scandir(folder) as files:
        for file in files:
            with contextlib.suppress(OSError):
                if time.time() - file.stat(follow_symlinks=False).st_mtime > KEPT_S:
                    os.unlink(file.path)
