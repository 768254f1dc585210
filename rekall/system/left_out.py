"""Modules that are left out of a process of ours: libraries import them for what they might do, and do without where they are missing."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator

_HASHES = ("_md5", "_sha1", "_sha3", "_blake2", "_sha2" if sys.version_info >= (3, 12) else "_sha256")
"""Python's own, where a system has not built it without them."""


@contextlib.contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Let nothing that is imported now import some modules. What is imported already stays, and afterwards they are there for whoever asks.

    Call it in a process of ours alone: `asyncio`, once it is imported without `ssl`, does without for as long as the process lives.
    """
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # an import of them fails
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def openssl() -> tuple[str, ...]:
    """What brings OpenSSL, 5 MB resident: for a process that speaks TLS with nobody. Hashes are Python's own then, where it has all of them."""
    has_own = all(importlib.util.find_spec(name) for name in _HASHES)
    return ("ssl", "_ssl", "_hashlib") if has_own else ("ssl", "_ssl")
