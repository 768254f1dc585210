"""What one system has and another has not: marks that say why a test is left out there, and names for what each has in its own way."""

from __future__ import annotations

import os
import signal
import sys

import pytest

WINDOWS = os.name == "nt"
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
"""What ends a process at once. On Windows `os.kill` ends it with whatever number that is no key's."""
KILLED = int(KILL) if WINDOWS else -int(KILL)
"""What a process that was ended by `KILL` returns."""


def not_on_windows(reason: str) -> pytest.MarkDecorator:
    """Leaves a test out there, and says what Windows has not."""
    return pytest.mark.skipif(WINDOWS, reason=reason)


def linux_alone(reason: str) -> pytest.MarkDecorator:
    """Leaves a test out everywhere else, and says what Linux alone has."""
    return pytest.mark.skipif(not sys.platform.startswith("linux"), reason=reason)


modes = not_on_windows("Windows has no file modes")
named_pipes = not_on_windows("on Windows no pipe lies in a folder")
terminals = not_on_windows("Windows has no pseudo terminals in the standard library")
links = not_on_windows("a link needs a right of its own on Windows")
limits = not_on_windows("Windows sets a process no limits of this kind")
signals = not_on_windows("Windows has no signals but Ctrl+C and Ctrl+Break")
free_names = not_on_windows("Windows allows no such names of files")
