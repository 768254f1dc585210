"""One lasting name for a file, in text that can be stored and shown, and whether the file is still there."""

from __future__ import annotations

import os
import re
import stat
from functools import lru_cache
from pathlib import Path

from rekall.system.spelling import IS_WINDOWS, Spelling, openable, plain

_NO_TEXT = re.compile("[\ud800-\udfff]")
_WRITTEN = re.compile(r"\\u(d[89a-f][0-9a-f]{2})")


def identity(path: Path) -> str:
    r"""One name for a file, however it was reached: as it is spelled on the disk, without links and without `\\?\`."""
    folder, name = os.path.split(plain(os.fspath(path)))
    folder = folder if os.path.isabs(folder) else os.path.join(os.getcwd(), folder)
    whole = ""
    if name not in ("", ".", ".."):
        folder = _resolved(folder)
        whole = os.path.join(folder, name if IS_WINDOWS else _spelling().of(folder, name))
    if not whole or os.path.islink(whole):
        whole = _real(os.fspath(path))
    return shown(os.path.normcase(whole))


def is_loose(path: Path) -> bool:
    """Whether a file may have been known by another spelling of its path, as on Windows and, usually, macOS."""
    return IS_WINDOWS or _spelling().is_loose_at(str(path.resolve()))


def forget() -> None:
    """Ask again where folders lie and what is in them: both change between two imports."""
    _resolved.cache_clear()
    _spelling.cache_clear()


@lru_cache(maxsize=1)
def _spelling() -> Spelling:
    return Spelling()


@lru_cache(maxsize=64)
def _resolved(folder: str) -> str:
    """A folder as it is spelled on the disk; the files of an import lie in few."""
    return _real(folder)


def _real(path: str) -> str:
    """A path without symbolic links, spelled as on the disk; Windows itself says how, and whither a drive leads."""
    if not IS_WINDOWS:
        return _spelling().of_folder(str(Path(path).resolve()))
    short = plain(path)
    try:
        return plain(str(Path(openable(short)).resolve()))
    except OSError:  # what the system cannot say of a long path it says of the folder
        above, name = os.path.split(short)
        return os.path.join(_real(above), name) if name and above != short else short


def shown(name: str) -> str:
    r"""A name of which every part is text: bytes of another encoding are written as `\udce9`."""
    if name.isascii() or not _NO_TEXT.search(name):
        return name
    return _NO_TEXT.sub(lambda found: f"\\u{ord(found[0]):x}", name)


def on_disk(name: str) -> str:
    """The name of which `shown` made this one, where that is there."""
    raw = _WRITTEN.sub(lambda found: chr(int(found[1], 16)), name)
    return raw if raw != name and os.path.exists(openable(raw)) else name


def is_there(name: str) -> bool:
    """Whether there is a file of that name, or nobody may know: a folder that cannot be read loses nothing."""
    try:
        return not stat.S_ISDIR(os.stat(openable(on_disk(name))).st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
