"""The person's own editor: which one it is, and a file opened in it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path


def find_editor(configured: str) -> str:
    """The editor to use: the setting, $VISUAL, $EDITOR, or what the system has."""
    return (
        configured
        or os.environ.get("VISUAL")
        or os.environ.get("EDITOR")
        or ("notepad" if sys.platform == "win32" else "vi")
    )


def open_editor(file: Path, configured: str) -> int:
    """Let the person edit the file. Returns the editor's exit code."""
    quoted = f'"{file}"' if sys.platform == "win32" else shlex.quote(str(file))
    # through the shell, because the setting may carry options: "code --wait"
    return subprocess.call(f"{find_editor(configured)} {quoted}", shell=True)
