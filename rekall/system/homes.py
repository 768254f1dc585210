"""Home folders, which not every process has: a container, or a service, may run as a user of whom the system knows nothing."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from rekall.errors import NotFound


def home_folder() -> Path | None:
    """The home folder of this process's user; None where there is none."""
    with contextlib.suppress(RuntimeError):
        return Path.home()
    return None


def below_home(path: str | os.PathLike[str] = "") -> Path:
    """A path below the home folder.

    Raises:
        NotFound: There is none.
    """
    home = home_folder()
    if home is None:
        raise no_home()
    return home / path


def named_home(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder that REKALL_HOME names; None where it names none.

    Raises:
        NotFound: It begins with a home folder of which the system does not know.
    """
    named = environ.get("REKALL_HOME", "")
    return expanded(named).absolute() if named.strip(' "') else None


def expanded(path: str, *, is_windows: bool = os.name == "nt") -> Path:
    r"""A path out of a variable, which may begin with `~` or `~somebody`.

    `set NAME="C:\notes" && rekall` leaves the quotation marks and a blank in it on Windows, where no folder's name holds the
    one or ends in the other.

    Raises:
        NotFound: The system knows of no such home folder.
    """
    if is_windows:
        path = path.strip().strip('"').strip()
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        if path[1:2] in ("", "/", os.sep):
            raise no_home() from error
        raise NotFound(f"no home folder is known for {path}", "name the folder without `~`") from error


def from_home(path: str) -> str:
    """A path as a person reads it: what lies in the home folder begins with `~`."""
    home = home_folder()
    with contextlib.suppress(ValueError):
        if home is not None and home != home.parent:
            return str(Path("~") / Path(path).relative_to(home))
    return path


def no_home() -> NotFound:
    """The error for what needs a home folder where there is none."""
    name = "USERPROFILE" if sys.platform == "win32" else "HOME"
    return NotFound(
        "no home folder is known for the user of this process",
        f"set {name}, or REKALL_HOME for what Rekall itself keeps",
    )
