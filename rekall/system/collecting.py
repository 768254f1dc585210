"""How often Python looks for objects that only hold each other."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_SELDOM = 20_000
"""New objects after which it looks; by itself Python does so after a few hundred, which is a tenth of an import's time."""


@contextlib.contextmanager
def collecting_seldom() -> Iterator[None]:
    """Let a block that makes many objects, of which hardly any hold each other, be interrupted less often."""
    usual = gc.get_threshold()
    gc.set_threshold(max(_SELDOM, usual[0]) if usual[0] else 0, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
