"""The token by which the HTTP server knows its owner's programs: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rekall.config import Places
from rekall.errors import InvalidInput
from rekall.system.files import PRIVATE_FILE, make_private_folder, sync

ENVIRONMENT_NAME = "REKALL_MCP_TOKEN"
"""Names a token that is kept elsewhere. Unlike an option, other users do not see it."""

_FITTING = re.compile(r"[A-Za-z0-9._~+/-]{16,512}=*")
_TOKEN_BYTES = 32
_WRITING_S = 2.0
"""How long another process may take between making the file and writing a line into it."""


def token_file(places: Places) -> Path:
    """Where the token is kept."""
    return places.token


def checked(token: str) -> str:
    """A token that a header can carry and nobody guesses.

    Raises:
        InvalidInput: It is none; the message does not tell it.
    """
    if not _FITTING.fullmatch(token):
        raise InvalidInput(
            "a token has at least 16 characters, letters and digits and any of . _ ~ + / -",
            f"leave it out, and one is made and kept; or `export {ENVIRONMENT_NAME}=$(openssl rand -hex 32)`",
        )
    return token


def wanted_token(places: Places, given: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The token in force: as given, else of the environment, else of the file, which is made when there is none.

    Raises:
        InvalidInput: It is too short, or the file is not one that only its owner writes and reads.
    """
    named = given if given is not None else environ.get(ENVIRONMENT_NAME)
    return checked(named) if named is not None and (named or given is not None) else _kept(token_file(places))


def _kept(path: Path) -> str:
    make_private_folder(path.parent)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    except FileExistsError:
        return _read(path)
    token = os.urandom(_TOKEN_BYTES).hex()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{token}\n")
        file.flush()
        sync(file.fileno())
    return token


def _read(path: Path) -> str:
    found = path.lstat()
    strange = "it is no file" if not stat.S_ISREG(found.st_mode) else ""
    if sys.platform != "win32":
        if not strange and found.st_uid != os.getuid():
            strange = "it belongs to another user"
        elif not strange and found.st_mode & 0o077:
            path.chmod(PRIVATE_FILE)
    if strange:
        raise InvalidInput(f"{path} cannot hold the token: {strange}", "remove it, then start the server again")
    end = time.monotonic() + _WRITING_S
    while not (text := path.read_text("ascii", "replace").strip()) and time.monotonic() < end:
        time.sleep(0.02)
    if not _FITTING.fullmatch(text):
        raise InvalidInput(f"{path} holds no token", "remove it, then start the server again, and it makes one")
    return text
