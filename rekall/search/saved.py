"""Lines that were saved under a name: `@name` at the beginning of a query stands for one."""

from __future__ import annotations

import re
from collections.abc import Mapping

MARK = "@"
NAME = re.compile(r"(?=\w*[^\W\d])\w[\w-]{0,39}")
"""What a search may be called; `@3` is a place in a list."""


def named_in(line: str, saved: Mapping[str, str]) -> str:
    """The name of the saved search that a line begins with; empty where it begins with any other word."""
    first = line.split(None, 1)[:1]
    name = first[0][1:] if first and first[0][0] == MARK else ""
    return name if name in saved else ""


def expanded(line: str, saved: Mapping[str, str]) -> str:
    """A line with the saved search that it begins with in the place of its name; any other line as it is."""
    name = named_in(line, saved)
    return " ".join([saved[name], *line.split(None, 1)[1:]]) if name else line
