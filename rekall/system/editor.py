"""The person's own editor: which one it is, and a file opened in it, at a line where the editor can do that."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

_PLUS = "+{line} {file}"
_BEHIND = "{file}:{line}"
_GO = "-g {file}:{line}"
_LONG = "--line {line} {file}"
_OPTION = "-l {line} {file}"

_AT_A_LINE = {
    **dict.fromkeys(
        ("vi", "vim", "nvim", "view", "gvim", "mvim", "nvi", "elvis", "vis", "nano", "rnano", "pico"), _PLUS
    ),
    **dict.fromkeys(("emacs", "emacsclient", "mg", "jmacs", "zile", "jove", "joe", "jed", "ne", "micro", "kak"), _PLUS),
    **dict.fromkeys(("gedit", "gnome-text-editor", "mousepad", "pluma", "xed", "geany"), _PLUS),
    **dict.fromkeys(("hx", "helix", "subl", "sublime_text", "zed", "zeditor", "lapce"), _BEHIND),
    **dict.fromkeys(("code", "code-insiders", "codium", "vscodium", "cursor", "windsurf", "positron"), _GO),
    **dict.fromkeys(("idea", "pycharm", "webstorm", "goland", "clion", "phpstorm", "rubymine", "rider"), _LONG),
    **dict.fromkeys(("kate", "kwrite", "mate"), _OPTION),
    "notepad++": "-n{line} {file}",
}
"""How each editor takes a line beside a file; every other one gets the file alone."""

_OF_DISTRIBUTIONS = re.compile(r"\.(?:basic|tiny|nox|gtk3|athena|exe|cmd|bat)\Z|-(?:nox|gtk|x11|lucid|\d[\d.]*)\Z")
"""What distributions put behind the name of a program: vim.basic, emacs-nox."""


def find_editor(configured: str) -> str:
    """The editor to use: the setting, $VISUAL, $EDITOR, or what the system has."""
    return (
        configured
        or os.environ.get("VISUAL")
        or os.environ.get("EDITOR")
        or ("notepad" if sys.platform == "win32" else "vi")
    )


def open_editor(file: Path, configured: str, line: int = 0) -> int:
    """Let the person edit the file. Returns the editor's exit code.

    Args:
        file: The file.
        configured: The configured editor, or empty.
        line: The line to begin at, from 1, where the editor is known to take one; 0 for the first.
    """
    editor = find_editor(configured)
    # through the shell, because the setting may carry options: "code --wait"
    return subprocess.call(f"{editor} {_arguments(editor, file, line)}", shell=True)


def _arguments(editor: str, file: Path, line: int) -> str:
    """A file, and where to begin in it, as an editor takes them."""
    way = _AT_A_LINE.get(_program(editor), "{file}") if line > 1 else "{file}"
    path = str(file) if "{file}:" not in way else f"{file}:{line}"
    quoted = f'"{path}"' if sys.platform == "win32" else shlex.quote(path)
    return way.replace("{file}:{line}", "{file}").format(file=quoted, line=line)


def _program(editor: str) -> str:
    """The name of the program that an editor's command line starts; what `vi` is differs from system to system."""
    try:
        words = shlex.split(editor, posix=sys.platform != "win32")
    except ValueError:  # an open quote; the shell will say so
        return ""
    named = words[0].strip('"') if words else ""
    if named == "vi" and (found := shutil.which(named)) and "busybox" in os.path.realpath(found):
        return ""  # it would take +5 for a file
    name = re.split(r"[/\\]", named)[-1].lower()
    while name not in _AT_A_LINE and (shorter := _OF_DISTRIBUTIONS.sub("", name)) != name:
        name = shorter
    return name
