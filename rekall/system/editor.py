"""The person's own editor: which one it is, a file opened in it at a line where it can, and whether it waited."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
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

_WAITS_BY = {
    **dict.fromkeys(("code", "code-insiders", "codium", "vscodium", "cursor", "windsurf", "positron"), "--wait"),
    **dict.fromkeys(("idea", "pycharm", "webstorm", "goland", "clion", "phpstorm", "rubymine", "rider"), "--wait"),
    **dict.fromkeys(
        ("subl", "sublime_text", "zed", "zeditor", "lapce", "atom", "gedit", "xed", "mate", "bbedit"), "--wait"
    ),
    **dict.fromkeys(("gvim", "mvim"), "--nofork"),
    "gnome-text-editor": "--standalone",
    "kate": "--block",
    "notepad++": "-multiInst -nosession",
    "open": "-W -n",
    "start": "/wait",
}
"""The option by which an editor with a window of its own ends only when the file is closed there."""

_WAITING = frozenset(
    ["--wait", "-w", "--nofork", "-f", "--standalone", "-s", "--block", "-b", "-multiInst", "-W", "/wait"]
)
"""How those options are spelled, short and long."""

_WINDOWED = frozenset((*_WAITS_BY, "notepad", "mousepad", "pluma", "kwrite"))
"""Editors that leave the terminal alone."""

_IN_TERMINAL = frozenset(
    [
        "vi",
        "vim",
        "nvim",
        "view",
        "nvi",
        "elvis",
        "vis",
        "nano",
        "rnano",
        "pico",
        "mg",
        "jmacs",
        "zile",
        "jove",
        "joe",
        "jed",
        "ne",
        "micro",
        "kak",
        "hx",
        "helix",
        "ed",
    ]
)
"""Editors that end when the person leaves them, however soon."""

AT_ONCE_S = 1.0
"""An editor that is not known, and ends sooner with nothing changed, was hardly read."""

AT_ONCE_STARTING_S = 15.0
"""The same for one that is known to leave its window behind where it is not told to wait."""

_FILE = "REKALL_EDITED"
"""The variable that holds the file's path for the shell of Windows, which would replace %NAME% in a path, quoted or not."""

_NOT_FOUND = frozenset((127, 9009))
"""What a shell ends with that finds no such program: one of POSIX, and that of Windows."""

_BLANK_IN_PATH = re.compile(r"[/\\][^/\\]* [^/\\-][^/\\]*[/\\]")

_OF_DISTRIBUTIONS = re.compile(r"\.(?:basic|tiny|nox|gtk3|athena|exe|cmd|bat)\Z|-(?:nox|gtk|x11|lucid|\d[\d.]*)\Z")
"""What distributions put behind the name of a program: vim.basic, emacs-nox."""


def find_editor(configured: str) -> str:
    """The editor to use: the setting, $VISUAL, $EDITOR, or what the system has."""
    named = (configured, os.environ.get("VISUAL", ""), os.environ.get("EDITOR", ""))
    return next((each for each in named if each.strip()), "notepad" if sys.platform == "win32" else "vi")


@dataclass(frozen=True, slots=True)
class Closed:
    """How an editor ended.

    Attributes:
        code: Its exit code.
        is_soon: It ended so soon that its window may still be open.
        advice: What makes it wait, then.
    """

    code: int
    is_soon: bool = False
    advice: str = ""


def open_editor(file: Path, configured: str, line: int = 0) -> Closed:
    """Let the person edit the file.

    Args:
        file: The file.
        configured: The configured editor, or empty.
        line: The line to begin at, from 1, where the editor is known to take one; 0 for the first.
    """
    editor = _quoted(find_editor(configured))
    begun = time.monotonic()
    # through the shell, because the setting may carry options: "code --wait"
    code = subprocess.call(
        f"{editor} {_arguments(editor, file, line)}", shell=True, env={**os.environ, _FILE: _said(editor, file, line)}
    )
    is_soon = code == 0 and time.monotonic() - begun < _soon(editor)
    return Closed(code, is_soon, _advice(editor) if is_soon else "")


def _soon(editor: str) -> float:
    """Seconds within which an editor cannot have been used."""
    program = _program(editor)
    if program in _IN_TERMINAL:
        return 0.0
    return AT_ONCE_STARTING_S if program in _WAITS_BY and _WAITING.isdisjoint(editor.split()) else AT_ONCE_S


def _advice(editor: str) -> str:
    """What makes an editor wait until the file is closed in it."""
    option = _WAITS_BY.get(_program(editor), "")
    if option and not _WAITING.isdisjoint(editor.split()):
        return f"`{editor}` is told to wait: save the file there before you close it"
    command = f"{editor} {option}" if option else "code --wait"
    typed = subprocess.list2cmdline([command]) if sys.platform == "win32" else shlex.quote(command)
    if option:
        return f"`rekall config set ui.editor {typed}` makes it wait"
    return f"an editor with a window of its own must be told to wait, as in `rekall config set ui.editor {typed}`"


def remedy(configured: str, code: int) -> str:
    """What to do about an editor that ended with an error.

    Args:
        configured: The configured editor, or empty.
        code: What the shell, or the editor, ended with.
    """
    another = "set another editor with `rekall config set ui.editor NAME`"
    line = os.path.expandvars(find_editor(configured)).lstrip()
    is_cut = code in _NOT_FOUND and line[:1] not in ("'", '"') and _BLANK_IN_PATH.search(line)
    return f"a path with blanks goes in quotes; or {another}" if is_cut else another


def _quoted(editor: str) -> str:
    """An editor's command line in which a program's path with blanks is quoted, as the shell wants it."""
    if " " not in editor or editor.lstrip()[:1] in ("'", '"'):
        return editor
    words = editor.split(" ")
    for end in range(len(words), 1, -1):
        program = os.path.expanduser(" ".join(words[:end]))
        if os.path.isfile(program):
            return " ".join([f'"{program}"' if sys.platform == "win32" else shlex.quote(program), *words[end:]])
    return editor


def _arguments(editor: str, file: Path, line: int) -> str:
    """A file, and where to begin in it, as an editor takes them."""
    path = f'"%{_FILE}%"' if sys.platform == "win32" else shlex.quote(_said(editor, file, line))
    return _way(editor, line).replace("{file}:{line}", "{file}").format(file=path, line=line)


def _said(editor: str, file: Path, line: int) -> str:
    """A file as an editor is told of it."""
    return f"{file}:{line}" if "{file}:" in _way(editor, line) else str(file)


def _way(editor: str, line: int) -> str:
    return _AT_A_LINE.get(_program(editor), "{file}") if line > 1 else "{file}"


def program_of(editor: str) -> str:
    """The program that an editor's command line starts, a name or a path; empty where a quote is left open."""
    try:
        words = shlex.split(_quoted(editor), posix=sys.platform != "win32")
    except ValueError:  # the shell will say so
        return ""
    return words[0].strip('"') if words else ""


def has_window(configured: str) -> bool:
    """Whether the editor is known to have a window of its own, and needs no terminal."""
    return _program(_quoted(find_editor(configured))) in _WINDOWED


def leaves_window(editor: str) -> str:
    """What makes an editor wait that is known to leave its window behind; empty for every other one."""
    return _advice(editor) if _program(editor) in _WAITS_BY and _WAITING.isdisjoint(editor.split()) else ""


def _program(editor: str) -> str:
    """The bare name of the program that an editor's command line starts; what `vi` is differs from system to system."""
    named = program_of(editor)
    if named == "vi" and (found := shutil.which(named)) and "busybox" in os.path.realpath(found):
        return ""  # it would take +5 for a file
    name = re.split(r"[/\\]", named)[-1].lower()
    while name not in _AT_A_LINE and (shorter := _OF_DISTRIBUTIONS.sub("", name)) != name:
        name = shorter
    return name
