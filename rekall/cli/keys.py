"""Single keys from the terminal; what was typed before anybody asked is not lost."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

_SEQUENCE = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|O.|[^\x1b])")
"""What arrows and the like send: an escape, and what belongs to it."""

_MOST_BYTES = 1024


class Keys:
    """The keys that a person types."""

    def __init__(self) -> None:
        """Nothing was typed yet."""
        self._waiting: list[str] = []

    def next(self) -> str:
        """The next key, waited for. Raises EOFError: The terminal is gone."""
        while not self._waiting:
            self._waiting += _keys_of(_typed())
        return self._waiting.pop(0)

    def forget(self) -> None:
        """Drop what was typed and not asked for yet."""
        self._waiting.clear()


def _keys_of(text: str) -> Iterator[str]:
    """The keys in what was typed; those that send several characters are left out."""
    yield from _SEQUENCE.sub("", text)


def _typed() -> str:
    """What was typed, at least one character."""
    try:
        import termios
        import tty
    except ImportError:  # Windows, whose console has single keys
        import click

        return click.getchar()
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number, termios.TCSANOW)  # any later, and what is typed meanwhile would be dropped
        data = os.read(number, _MOST_BYTES)
    finally:
        termios.tcsetattr(number, termios.TCSANOW, before)
    if not data:
        raise EOFError
    return data.decode("utf-8", "replace")
