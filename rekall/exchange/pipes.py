"""A pipe that somebody names is read to its end into a file beside, which is then read as any file is."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rekall.exchange.bounds import TooMuch
from rekall.exchange.json_shapes import is_json

MOST_PIPED_BYTES = 256_000_000
"""What a pipe may give; from then on it is refused, for it may have no end."""

_CHUNK_BYTES = 1024 * 1024
_NUMBERED = ("/dev/fd/", "/proc/", "/dev/std")
"""Where a pipe has no name of its own: `<(command)` and stdin."""


def is_pipe(status: os.stat_result) -> bool:
    """Whether a path leads to a pipe."""
    return stat.S_ISFIFO(status.st_mode)


@contextlib.contextmanager
def spooled(path: Path) -> Iterator[Path]:
    """A file with what a pipe gives; waits for whoever writes, and until nobody does any more.

    The file has the pipe's name. Of a pipe without one, and without a suffix, what it begins with tells how it is read.

    Raises:
        InvalidInput: It gives more than is read.
        OSError: It cannot be read, or what it gives cannot be kept.
    """
    with tempfile.TemporaryDirectory(prefix="rekall-pipe-", ignore_cleanup_errors=True) as folder:
        kept = Path(folder) / "kept"
        size, head = 0, b""
        with path.open("rb", buffering=0) as pipe, kept.open("wb") as file:
            while part := pipe.read(_CHUNK_BYTES):
                size += len(part)
                if size > MOST_PIPED_BYTES:
                    raise TooMuch(
                        f"it gives more than {MOST_PIPED_BYTES / 1e6:g} MB, the most that is read of a pipe",
                        "write what it gives into a file, and import that",
                    )
                head = head if len(head) >= _CHUNK_BYTES else head + part
                file.write(part)
        is_named = not str(path).startswith(_NUMBERED)
        named = kept.with_name((path.stem if is_named else "piped") + (path.suffix or _suffix_of(head)))
        yield kept.rename(named)


def _suffix_of(head: bytes) -> str:
    """How a file is called that begins so: JSON lines, JSON, a page, or Markdown, which any other text is read as."""
    begun = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    first, is_cut, rest = begun.partition(b"\n")
    if begun.startswith((b"{", b"[")):
        return ".jsonl" if is_cut and rest.lstrip()[:1] in (b"{", b"[") and is_json(first) else ".json"
    return ".html" if begun[:200].lower().startswith((b"<!doctype html", b"<html")) else ".md"
