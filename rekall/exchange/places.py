"""One lasting name for a file, in text that can be stored and shown, and whether the file is still there."""

from __future__ import annotations

import os
import re
import stat
from functools import lru_cache
from pathlib import Path

_NO_TEXT = re.compile("[\ud800-\udfff]")
_WRITTEN = re.compile(r"\\u(d[89a-f][0-9a-f]{2})")


def identity(path: Path) -> str:
    """One name for a file, however it was reached."""
    folder, name = os.path.split(path)
    folder = folder if os.path.isabs(folder) else os.path.join(os.getcwd(), folder)
    whole = os.path.join(_resolved(folder), name) if name not in ("", ".", "..") else ""
    if not whole or os.path.islink(whole):
        whole = str(path.resolve())
    return shown(os.path.normcase(whole))


def forget() -> None:
    """Ask again where folders lie: symbolic links change between two imports."""
    _resolved.cache_clear()


@lru_cache(maxsize=64)
def _resolved(folder: str) -> str:
    """A folder without symbolic links; the files of an import lie in few."""
    return str(Path(folder).resolve())


def shown(name: str) -> str:
    r"""A name of which every part is text: bytes of another encoding are written as `\udce9`."""
    if name.isascii() or not _NO_TEXT.search(name):
        return name
    return _NO_TEXT.sub(lambda found: f"\\u{ord(found[0]):x}", name)


def on_disk(name: str) -> str:
    """The name of which `shown` made this one, where that is there."""
    raw = _WRITTEN.sub(lambda found: chr(int(found[1], 16)), name)
    return raw if raw != name and os.path.exists(raw) else name


def is_there(name: str) -> bool:
    """Whether there is a file of that name, or nobody may know: a folder that cannot be read loses nothing."""
    try:
        return not stat.S_ISDIR(os.stat(on_disk(name)).st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
