"""Memory ceilings of whole processes, as DESIGN promises them. Times belong to the benchmarks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support import CHECKOUT
from support.peak import peak_kib, peak_of_kib
from support.systems import own_memory
from support.tui_driver import Terminal

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads peaks as Linux reports them")

NOTES = CHECKOUT / "examples" / "notes"
MB = 1_000_000 / 1024
"""In KiB, as Linux reports peaks."""

IMPORTS = 46 * MB
"""What numpy and ONNX Runtime took, imported, where these ceilings were set: Python 3.11."""

PATIENCE_S = 120.0
"""How long a busy machine may take. Only what is broken takes so long."""


@pytest.fixture(scope="module")
def heavier() -> float:
    """KiB that these imports take more here: by the interpreter, and by how the system holds their files in memory."""
    return max(0.0, peak_of_kib([sys.executable, "-c", "import numpy, onnxruntime"]) - IMPORTS)


@pytest.fixture(scope="module")
def imported(tmp_path_factory) -> tuple[Path, int]:
    """A home with the sample notes in it, and the peak of the process that imported them."""
    folder = tmp_path_factory.mktemp("imported") / "home"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REKALL_")}
    return folder, peak_kib("import", str(NOTES), environ={**environ, "REKALL_HOME": str(folder)})


@pytest.fixture
def notes(imported, home):
    shutil.copytree(imported[0], home)


def test_a_search_by_meaning_peaks_under_80_mb(notes):
    assert peak_kib("search", "authentication vanishes on ipad") <= 80 * MB


def test_a_search_with_onnxruntime_peaks_under_105_mb(notes, heavier):
    """What a model takes that is too large for numpy, or has operators that numpy does not know, beside its own size."""
    assert (
        peak_kib("--set", "engine.backend=onnxruntime", "search", "authentication vanishes on ipad")
        <= 105 * MB + heavier
    )


def test_a_search_by_words_peaks_under_40_mb(notes):
    assert peak_kib("search", "--mode", "words", "nginx 502") <= 40 * MB


def test_the_help_peaks_under_30_mb():
    assert peak_kib("--help") <= 30 * MB


def test_an_import_peaks_under_150_mb(imported, heavier):
    assert imported[1] <= 150 * MB + heavier


def test_an_import_with_one_thread_takes_no_more_than_with_several(tmp_path, heavier):
    """Long notes, of which several once went into one run of the model."""
    longest = sorted(NOTES.glob("*.md"), key=lambda path: -path.stat().st_size)[:8]
    for path in longest:
        shutil.copy(path, tmp_path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REKALL_")}
    environ = {**kept, "REKALL_HOME": str(tmp_path / "home"), "REKALL_ENGINE_THREADS": "1"}
    assert peak_kib("import", str(tmp_path), environ=environ) <= 140 * MB + heavier


@own_memory
def test_the_terminal_ui_takes_at_most_57_mb_when_its_model_was_dropped(notes):
    with Terminal("--set", "performance.model_idle_timeout_minutes=0.02", "tui") as terminal:
        process = psutil.Process(terminal.pid)
        engines = []

        def is_found(shown):
            engines.extend(process.children())  # looked for all the time: it does not stay
            return b"by words and meaning" in shown

        def resident_bytes():
            return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])

        terminal.read_until(lambda shown: b"newest first" in shown, PATIENCE_S)
        terminal.type("/authentication vanishes on ipad")
        terminal.read_until(is_found, PATIENCE_S)
        assert engines
        terminal.read_until(lambda shown: not process.children(), PATIENCE_S)
        terminal.rest(0.5)
        terminal.read_until(lambda shown: resident_bytes() <= 57e6, PATIENCE_S)
        assert resident_bytes() <= 57e6


LONG_LIVED = """
import os, sys
from rekall.app import App
app = App(os.environ).long_lived()
base = app.open_base()
for mode in ("hybrid", "words", "meaning"):
    result = base.search("nginx вебсервер timeout", mode=mode)
    assert result.hits and result.mode.used.value == mode, result.mode
    print(mode, [stage.name for stage in result.stages].count("second stage"))
print("similar", len(base.similar(result.hits[0].entry.id).hits))
print([name for name in ("numpy", "onnxruntime", "tokenizers") if name in sys.modules])
app.close()
"""


def test_a_process_that_stays_searches_without_numpy(notes):
    """Its engine is a child; the terminal UI and the MCP server pay for neither numpy nor the model."""
    ended = subprocess.run(
        [sys.executable, "-c", LONG_LIVED], cwd=CHECKOUT, check=True, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert ended.stdout.splitlines() == ["hybrid 1", "words 1", "meaning 1", "similar 10", "[]"]
