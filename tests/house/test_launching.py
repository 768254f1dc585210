"""What starts programs for the tests: files arrive under their numbers, whatever numbers they had, and root becomes nobody."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.launching import as_nobody, with_ends
from support.systems import WINDOWS

pytestmark = pytest.mark.skipif(WINDOWS, reason="it passes on files, and users, of POSIX systems")


@pytest.mark.parametrize("room", [0, 8], ids=["low numbers", "high numbers"])
def test_ends_of_pipes_arrive_as_three_and_four(room):
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(room)]
    read, write = os.pipe()
    ours, theirs = os.pipe()
    try:
        os.write(write, b"in\n")
        program = "import os; os.write(4, os.read(3, 9))"
        subprocess.run(with_ends([sys.executable, "-c", program], read, theirs), pass_fds=(read, theirs), check=True)
        assert os.read(ours, 9) == b"in\n"
    finally:
        for each in (*taken, read, write, ours, theirs):
            os.close(each)


@pytest.mark.skipif(WINDOWS or os.getuid() != 0, reason="only root becomes somebody else")
def test_root_becomes_nobody():
    ran = subprocess.run(as_nobody(["id", "-u"]), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() not in ("", "0")
