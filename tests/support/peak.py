"""The peak memory of a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from support import CHECKOUT
from support.systems import EMULATED, FOREIGN_MEMORY

# a child's peak begins with the memory of the process that forked it, so a small one stands between
_RUN_AND_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_kib(*arguments: str, environ: Mapping[str, str] | None = None, cwd: Path = CHECKOUT) -> int:
    """Peak resident memory of a `rekall` command in a process of its own, where the system tells it."""
    return peak_of_kib([sys.executable, "-m", "rekall", *arguments], environ=environ, cwd=cwd)


def peak_of_kib(command: Sequence[str], *, environ: Mapping[str, str] | None = None, cwd: Path = CHECKOUT) -> int:
    """The same of any command. Ends the test as skipped where an emulator's memory would be measured."""
    if EMULATED:
        pytest.skip(FOREIGN_MEMORY)
    measured = [sys.executable, "-S", "-c", _RUN_AND_MEASURE, *command]
    ran = subprocess.run(measured, env=environ, cwd=cwd, check=True, capture_output=True, text=True)
    return int(ran.stdout) // (1024 if sys.platform == "darwin" else 1)
