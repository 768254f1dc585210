"""Files opened to be mapped, which others may rename while they are: Windows lets nobody otherwise."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

_READ, _OPEN_EXISTING, _NORMAL = 0x80000000, 3, 0x80  # CreateFile's constants
_READ_WRITE_AND_DELETE = 7


def opened_to_map(path: Path) -> BinaryIO:
    """A file to read, whose model may be replaced or removed meanwhile: its files are put aside then, and swept later.

    Raises:
        OSError: The system does not let it be read.
    """
    if os.name != "nt":
        return path.open("rb")
    import _winapi
    import msvcrt

    api: Any = _winapi  # of both of which other systems know nothing
    crt: Any = msvcrt
    try:
        handle = api.CreateFile(str(path), _READ, _READ_WRITE_AND_DELETE, 0, _OPEN_EXISTING, _NORMAL, 0)
    except OSError as error:
        error.filename = str(path)
        raise
    return os.fdopen(crt.open_osfhandle(handle, os.O_RDONLY), "rb")
