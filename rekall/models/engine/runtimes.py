"""Which engine runs a model's graph: ONNX Runtime, or numpy where that cannot be had."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rekall.wording import shell_word

Backend = Literal["auto", "onnxruntime", "numpy", "sparing"]
"""What is asked for: "auto" is ONNX Runtime, and numpy where it cannot be used; "sparing" the same, but that a small model
is run in numpy for short questions until something else is asked of it, for processes that ask one and end."""

BACKENDS: tuple[Backend, ...] = ("auto", "onnxruntime", "numpy")
"""What a person may set."""

OUTPUT = "sentence_embedding"
"""What every graph gives."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs graphs here.

    Attributes:
        name: `onnxruntime` or `numpy`.
        version: Its version, empty where that cannot be told.
        reason: Why ONNX Runtime cannot run them; empty where it can, or numpy was asked for.
        hint: How that is mended.
    """

    name: str
    version: str
    reason: str = ""
    hint: str = ""

    @property
    def works(self) -> bool:
        """Whether it can be had: not where ONNX Runtime is asked for by name and cannot be used."""
        return self.name == "numpy" or not self.reason

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip() + (f"  ({self.reason})" if self.reason else "")


def is_installed() -> bool:
    """Whether there is an onnxruntime to import, found without importing it."""
    try:
        return importlib.util.find_spec("onnxruntime") is not None
    except (ImportError, ValueError):  # something else took its name
        return False


def place_of(package: str) -> Path | None:
    """The file that importing a package would run first; None where it has none."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


def import_hint() -> str:
    """How ONNX Runtime is mended."""
    if sys.platform == "win32":
        return "install the Microsoft Visual C++ Redistributable, then `pip install --force-reinstall onnxruntime`"
    return "run `pip install --force-reinstall onnxruntime`"


def what_is_too_old(version: str, oldest: str, model: str) -> tuple[str, str] | None:
    """Says of an ONNX Runtime that is too old for a model what is wrong, and how that is mended; None where it is not."""
    if _leading(version) >= _leading(oldest):
        return None
    return (
        f"model {model} needs onnxruntime {oldest}, this is {version}",
        f"run `pip install {shell_word(f'onnxruntime>={oldest}')}`",
    )


def _leading(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: 1.23.2rc1 gives (1, 23)."""
    return tuple(int(part) for part in version.split(".")[:2])


def version_of(package: str) -> str:
    """What is said to be installed; empty where nothing is said."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:  # it lies there without its description
        return ""
