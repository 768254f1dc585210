"""Tries ONNX Runtime in a process of its own before one of ours uses it: what ends that one would end ours without a word."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from rekall.models.engine.card import CARD_FILE
from rekall.models.engine.card_values import as_line
from rekall.models.engine.runtimes import import_hint, is_installed, place_of, what_is_too_old

_DEADLINE_S = 60.0
_MOST_KEPT = 16
_START = "import sys; sys.path[:] = sys.argv[2:]; from rekall.models.engine.trying import main; main()"


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it.

    Attributes:
        version: That of ONNX Runtime; empty where it cannot be told.
        problem: Why it cannot run the model here; empty where it can.
        hint: How that is mended.
    """

    version: str = ""
    problem: str = ""
    hint: str = ""


class Trials:
    """Tries each onnxruntime with each model once, and keeps in a file which of them work.

    Only processes of ours do so: a program that uses Rekall as a library may not be one that can be started again.
    """

    def __init__(self) -> None:
        self._file: Path | None = None
        self._is_ours = False

    def begin(self, file: Path | None) -> None:
        """Try from now on.

        Args:
            file: What keeps which of them work; without one they are tried in every process.
        """
        self._file = file
        self._is_ours = True

    @property
    def file(self) -> Path | None:
        """What keeps which of them work."""
        return self._file

    def of(self, folder: Path | None, oldest: str) -> Tried:
        """What comes of ONNX Runtime with a model, unless it was tried before or is in use here.

        Args:
            folder: The model; None tries the import alone.
            oldest: The version that it needs.
        """
        if not self._is_ours or "onnxruntime" in sys.modules or not is_installed():
            return Tried()  # the import itself will tell
        key = _key_of(folder, oldest)
        if key in self._kept():
            return Tried()
        found = tried_anew(folder)
        if found.version:
            self._keep(key)
        return found

    def anew(self, folder: Path, oldest: str) -> Tried:
        """The same now, whatever came of it before."""
        here = sys.modules.get("onnxruntime")
        if here is not None and hasattr(here, "__version__"):  # this process has it
            problem, hint = what_is_too_old(here.__version__, oldest, folder.name) or ("", "")
            return Tried(here.__version__, problem, hint)
        found = tried_anew(folder)
        if self._is_ours and found.version:
            self._keep(_key_of(folder, oldest))
        return found

    def _kept(self) -> list[str]:
        try:
            kept = json.loads(self._file.read_bytes())["onnxruntime"] if self._file else []
        except (OSError, ValueError, KeyError, TypeError, RecursionError):  # none yet, or another Rekall's
            return []
        return [key for key in kept if isinstance(key, str)] if isinstance(kept, list) else []

    def _keep(self, key: str) -> None:
        from rekall.system.files import write_atomically

        if self._file is None or not self._file.parent.is_dir():  # before there is a base, nothing is left behind
            return
        with contextlib.suppress(OSError):  # a base that is only read: it is tried again
            kept = [*self._kept(), key][-_MOST_KEPT:]
            write_atomically(self._file, json.dumps({"onnxruntime": kept}).encode(), is_last=False)


TRIALS = Trials()
"""Those of this process."""


def tried_anew(folder: Path | None) -> Tried:
    """What comes of ONNX Runtime with a model, in a process that opens and runs it; None tries the import alone."""
    import subprocess

    if not is_installed():
        return Tried("", "onnxruntime is not installed", import_hint())
    if not sys.executable or getattr(sys, "frozen", False):
        return Tried()
    command = [sys.executable, "-c", _START, str(folder or ""), *(entry for entry in sys.path if entry)]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_DEADLINE_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Tried("", f"onnxruntime does not answer within {_DEADLINE_S:g} s", import_hint())
    except (OSError, subprocess.SubprocessError) as error:
        return Tried("", f"onnxruntime cannot be tried: {error}", "end other programs, or raise the limit")
    with contextlib.suppress(ValueError, TypeError):  # it said nothing
        return Tried(**json.loads(ran.stdout))
    lines = ran.stderr.decode("utf-8", "replace").strip().splitlines()
    said = f": {as_line(lines[-1])}" if lines else ""
    return Tried("", f"onnxruntime ends the process that uses it ({_ending(ran.returncode)}){said}", import_hint())


def _key_of(folder: Path | None, oldest: str) -> str:
    """What a trial depends on: this Python, that library, the model, and the machine, for a home may serve several."""
    import hashlib  # brings OpenSSL, 3 MB resident that a search by numpy does without
    import platform

    parts = [sys.version, sys.executable, platform.node(), oldest]
    library = place_of("onnxruntime")
    for path in (library, library and library.parent / "capi", folder and folder / CARD_FILE):
        with contextlib.suppress(OSError):
            if path is not None:
                found = os.stat(path)
                parts += [str(path), str(found.st_mtime_ns), str(found.st_size)]
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _ending(code: int) -> str:
    with contextlib.suppress(ValueError):
        if code < 0:
            return signal.Signals(-code).name
    return f"code {code & 0xFFFFFFFF:#x}" if code > 255 or code < 0 else f"code {code}"
