"""A bounded form of every part of `make faults`: nothing is lost, nothing hangs, nothing ends in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support import CHECKOUT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills, forks and replaces the calls of Linux"),
]

GROUPS = (
    ("kills", "power"),
    ("errors", "strace"),
    ("moments", "together", "damage", "tools"),
    ("queries", "notes", "archives", "bases", "team"),
)
"""Parts that one process does, since what all of them import is imported once in each."""


@pytest.mark.parametrize("parts", GROUPS, ids="-".join)
def test_nothing_is_lost(parts):
    pytest.importorskip("safetensors")
    ran = subprocess.run(
        [sys.executable, "-m", "faults", *parts, "--bounded"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tests")])},
        check=False,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert [line for line in ran.stdout.splitlines() if "0 failures" in line]
    for part in parts:
        assert f"\n{part}: " in "\n" + ran.stdout
