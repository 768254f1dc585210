"""What ONNX Runtime says on stderr while it is loaded, before it can be told to say nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TALKING = """
import importlib, os, pathlib, sys
os.write(2, b"Error in cpuinfo: failed to parse the list of possible processors\\n")
here = str(pathlib.Path(__file__).parent.parent)
sys.path = [each for each in sys.path if each != here]
del sys.modules["onnxruntime"]
sys.modules["onnxruntime"] = importlib.import_module("onnxruntime")
"""

USE = """
import pathlib, sys
from rekall.models.engine.session import open_graph
from rekall.errors import RekallError
try:
    open_graph(pathlib.Path(sys.argv[1]), "1.0", "onnxruntime")
except RekallError:
    print("loaded", "onnxruntime" in sys.modules)
print("and said", file=sys.stderr)
"""


@pytest.mark.slow
def test_nothing_is_said_of_the_processor(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="there is no onnxruntime for this system")
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text(TALKING)
    (tmp_path / "no graph").write_bytes(b"")
    line = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{USE}"
    ran = subprocess.run(
        [sys.executable, "-c", line, str(tmp_path / "no graph")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("loaded True\n", "and said\n")
