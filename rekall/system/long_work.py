"""Work that keeps a base from others for longer than a moment: it says so in a file beside the base, while it lasts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from rekall.system.files import PRIVATE_FILE, ScratchName, scratch_name
from rekall.system.processes import Processes
from rekall.system.replacing import discard

SUFFIX = "busy"


@contextlib.contextmanager
def announced(path: Path | None, what: str) -> Iterator[None]:
    """Say during a block what is done with a base, for those who wait. What a killed process said is swept.

    Args:
        path: The base; None, or a folder that cannot be written, announces nothing.
        what: What is done, to follow "another Rekall is"; empty announces nothing.
    """
    mark = None
    if path is not None and what:
        mark = scratch_name(path, SUFFIX)
        try:
            handle = os.open(mark, os.O_CREAT | os.O_WRONLY, PRIVATE_FILE)
            try:
                os.write(handle, what.encode())
            finally:
                os.close(handle)
        except OSError:
            mark = None
    try:
        yield
    finally:
        if mark is not None:
            discard(mark)


def under_way(path: Path | None) -> str:
    """What a living process says that it does with a base; empty when none says anything."""
    if path is None:
        return ""
    processes = Processes()
    with contextlib.suppress(OSError):
        for mark in path.parent.glob(f".{_plain(path.name)}.*.{SUFFIX}"):
            said = ScratchName.read(mark.name)
            if said is None or said.pid is None or not said.is_here:
                continue
            with contextlib.suppress(OSError, UnicodeDecodeError):
                since = datetime.fromtimestamp(mark.stat().st_mtime, timezone.utc)
                if processes.is_running(said.pid, since):
                    return mark.read_text("utf-8")[:200]
    return ""


def _plain(name: str) -> str:
    """A name in which nothing means something else to `glob`."""
    import glob

    return glob.escape(name)
