"""Pipes that nobody reads any more, which each system says in its own way."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Iterator


def is_closed_pipe(error: BaseException) -> bool:
    """Whether an error of writing to a pipe says that its reader has gone.

    The C library of Windows says "invalid argument" of that, which it also says of a file's name.
    """
    if isinstance(error, BrokenPipeError):
        return True
    return (
        sys.platform == "win32"
        and isinstance(error, OSError)
        and error.errno == errno.EINVAL
        and error.filename is None
    )


@contextlib.contextmanager
def closed_pipe_ignored() -> Iterator[None]:
    """For writing to a process that may have what it wants, or may have ended."""
    try:
        yield
    except OSError as error:
        if not is_closed_pipe(error):
            raise
