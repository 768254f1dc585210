"""Runs the commands of a document's sessions on a terminal of 80 x 24, and writes down what a person saw.

A session is a fenced block of the language `console`; each line that begins with `$ ` is a command for bash. All blocks of a document are
one session: one home, one folder (a repository called `webshop` with the sample notes in `notes/`), one terminal. A name before the `$`
is another person, with a home, a base and git's configuration of their own, who stands in that home: `ada$ rekall sync notes`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import pack

ROOT = Path(__file__).parent.parent
COLUMNS, LINES = 80, 24
LONGEST_S = 120.0

_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^(?P<who>[a-z]*)\$ (?P<command>.*)$", re.MULTILINE)
_ESCAPE = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)")
_PIECE = re.compile(rf"{_ESCAPE.pattern}|[\r\n]|[^\r\n\x1b]+|\x1b")
_UP = re.compile(r"\x1b\[(\d*)A")
_ERASE_LINE = "\x1b[2K"


def replayed(text: str) -> str:
    """A document with the output of its sessions as it is today."""
    with _folder() as run:
        return _BLOCK.sub(lambda block: _block(block[0], run), text)


def masked(text: str) -> str:
    """A document as it is compared: without what differs from run to run (ids, ages, days, figures, where a line is broken)."""
    text = re.sub(r"\b[0-9A-HJKMNP-TV-Z]{4,6}\b|\b01[0-9A-Z]{24}\b", "ID", text)
    text = re.sub(r"-[0-9a-hjkmnp-tv-z]{8}\.md\b", "-ID.md", text)
    return re.sub(r"\b(\d+(min|h|d|w|mo|y)|now)\b|[\d.,:]+|\s+|━+", "", text)


def _block(text: str, run: Callable[[str, str], str]) -> str:
    shown = (
        "\n".join(filter(None, (found[0], run(found["command"], found["who"])))) for found in _COMMAND.finditer(text)
    )
    return "\n\n".join(shown) + "\n"


@contextmanager
def _folder() -> Iterator[Callable[[str, str], str]]:
    """A person's folder and home; gives what runs a command there, or in another one's, and returns what it wrote."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        shop = place / "webshop"
        for part in ("objects", "refs"):
            (shop / ".git" / part).mkdir(parents=True)
        (shop / ".git" / "HEAD").write_text("ref: refs/heads/main\n", "utf-8")
        shutil.copytree(ROOT / "examples" / "notes", shop / "notes")
        environ = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(place),
            "REKALL_HOME": str(place / "rekall"),
            "REKALL_TERMINAL": "transcript",
            "REKALL_PAGER": "cat",
            "TERM": "xterm",
            "NO_COLOR": "1",
            "LANG": "C.UTF-8",
        }

        def run(command: str, who: str) -> str:
            if not who:
                return _seen(command, environ, shop).replace(temporary, "~")
            home = _home_of(place, who)
            own = {**environ, "HOME": str(home), "REKALL_HOME": str(home / ".rekall")}
            return _seen(command, own, home).replace(str(home), "~").replace(temporary, "")

        yield run


def _home_of(place: Path, who: str) -> Path:
    """The home of another person, who has told git a name."""
    home = place / who
    if not home.exists():
        home.mkdir()
        (home / ".gitconfig").write_text(f"[user]\n\tname = {who.title()}\n\temail = {who}@example.org\n", "utf-8")
    return home


def _seen(command: str, environ: dict[str, str], folder: Path) -> str:
    """What a command writes on a terminal.

    Raises:
        subprocess.TimeoutExpired: It does not end.
    """
    import termios  # POSIX has it
    from fcntl import ioctl

    ours, theirs = os.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        ["bash", "--norc", "-c", command],  # noqa: S607  # the bash of whoever runs it
        env=environ,
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 65_536):
            written += piece
    except OSError:  # Linux says so that nobody holds the other end any more
        pass
    finally:
        os.close(ours)
    process.wait(LONGEST_S)
    return screen(written.decode("utf-8", "replace"))


def screen(written: str) -> str:
    """What stays on the screen: without what was erased, and of a line that was written over the last."""
    lines, row, is_at_start = [""], 0, True
    for found in _PIECE.finditer(written.replace("\r\n", "\n")):
        piece = found[0]
        if piece == "\n":
            row, is_at_start = row + 1, True
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\r":
            is_at_start = True
        elif up := _UP.fullmatch(piece):
            row = max(0, row - int(up[1] or 1))
        elif piece == _ERASE_LINE:
            lines[row] = ""
        elif not _ESCAPE.fullmatch(piece):
            lines[row] = piece if is_at_start else lines[row] + piece
            is_at_start = False
    return "\n".join(line.rstrip() for line in lines).strip("\n")
