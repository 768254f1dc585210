"""Which engine runs a model's graph: ONNX Runtime, or numpy where that cannot be had."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass
from typing import Literal

from rekall.models.engine.card_values import as_line

Backend = Literal["auto", "onnxruntime", "numpy", "sparing"]
"""What is asked for: "auto" is ONNX Runtime, and numpy where it cannot be imported; "sparing" the same, but that a small model
is run in numpy for short questions until something else is asked of it, for processes that ask one and end."""

BACKENDS: tuple[Backend, ...] = ("auto", "onnxruntime", "numpy")
"""What a person may set."""

OUTPUT = "sentence_embedding"
"""What every graph gives."""

_TRIAL_S = 60.0
_TRIAL = "import sys; sys.path[:] = sys.argv[1:]; import onnxruntime; onnxruntime.InferenceSession"  # a folder may be left of it


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs graphs here.

    Attributes:
        name: `onnxruntime` or `numpy`.
        version: Its version, empty where that cannot be told.
        reason: Why ONNX Runtime cannot be imported; empty where it can, or numpy was asked for.
    """

    name: str
    version: str
    reason: str = ""

    @property
    def works(self) -> bool:
        """Whether it can be had: not where ONNX Runtime is asked for by name and cannot be imported."""
        return self.name == "numpy" or not self.reason

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip() + (f"  ({self.reason})" if self.reason else "")


def is_installed() -> bool:
    """Whether there is an onnxruntime to import, found without importing it."""
    try:
        return importlib.util.find_spec("onnxruntime") is not None
    except (ImportError, ValueError):  # something else took its name
        return False


def runtime_here(wanted: Backend) -> Runtime:
    """What would run a graph, tried in a process of its own: the import takes 20 MB, and may end the process."""
    if wanted == "numpy":
        return Runtime("numpy", _version_of("numpy"))
    problem = _problem()
    if not problem or wanted == "onnxruntime":
        return Runtime("onnxruntime", _version_of("onnxruntime"), problem)
    return Runtime("numpy", _version_of("numpy"), problem)


def _problem() -> str:
    """Why ONNX Runtime cannot be imported, empty where it can."""
    if sys.modules.get("onnxruntime"):
        return ""
    if not is_installed():
        return "onnxruntime is not installed"
    import subprocess  # what a search does without

    command = [sys.executable, "-c", _TRIAL, *(entry for entry in sys.path if entry)]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TRIAL_S, env=environment
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"onnxruntime cannot be tried: {error}"
    if not ran.returncode:
        return ""
    lines = ran.stderr.strip().splitlines()
    return f"onnxruntime cannot be loaded: {as_line(lines[-1]) if lines else f'exit code {ran.returncode}'}"


def import_hint() -> str:
    """How ONNX Runtime is mended."""
    if sys.platform == "win32":
        return "install the Microsoft Visual C++ Redistributable, then `pip install --force-reinstall onnxruntime`"
    return "run `pip install --force-reinstall onnxruntime`"


def _version_of(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:  # it lies there without its description
        return ""
