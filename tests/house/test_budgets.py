"""Memory ceilings of whole processes, as DESIGN promises them. Times belong to the benchmarks."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest
from conftest import CHECKOUT
from tui_driver import Terminal

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads peaks as Linux reports them")

NOTES = CHECKOUT / "examples" / "notes"
MIB = 1024


# a child's peak begins with the memory of the process that forked it, so a small one stands between
RUN_AND_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_kib(*arguments: str) -> int:
    """Peak resident memory of a command in a process of its own."""
    command = [sys.executable, "-S", "-c", RUN_AND_MEASURE, sys.executable, "-m", "rekall", *arguments]
    return int(subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout)


@pytest.fixture
def notes(rekall_process):
    rekall_process("import", str(NOTES))


def test_a_search_by_meaning_peaks_under_100_mb(notes):
    assert peak_kib("search", "people get signed out on iphones") <= 100 * MIB


def test_a_search_by_words_peaks_under_40_mb(notes):
    assert peak_kib("search", "--mode", "words", "nginx 502") <= 40 * MIB


def test_the_help_peaks_under_30_mb():
    assert peak_kib("--help") <= 30 * MIB


def test_an_import_peaks_under_150_mb():
    assert peak_kib("import", str(NOTES)) <= 150 * MIB


def test_the_terminal_ui_takes_at_most_60_mb_when_its_model_was_dropped(notes):
    with Terminal("--set", "performance.model_idle_timeout_minutes=0.02", "tui") as terminal:
        process = psutil.Process(terminal.pid)
        terminal.read_until(lambda shown: b"newest first" in shown)
        terminal.type("/people get signed out on iphones")
        terminal.read_until(lambda shown: b"by words and meaning" in shown)
        assert process.children()
        terminal.read_until(lambda shown: not process.children())
        terminal.rest(0.5)
        tree = [process, *process.children(recursive=True)]
        assert sum(each.memory_info().rss for each in tree) <= 60e6
