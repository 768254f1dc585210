"""The driver's errors in Rekall's words."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NoReturn, TypeAlias

import apsw

from rekall.errors import (
    REPAIR,
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseLocked,
    DatabaseReadOnly,
    DiskFull,
    InvalidInput,
    StorageError,
)

_NO_INDEX = ("invalid fts5 file format", "no such fts5 table", "vtable constructor failed")
"""What SQLite says, as a plain error, of a words index that it cannot even open."""


class Elsewhere:
    """In the place of a connection's lock in the child of a fork: two processes cannot share a connection."""

    def __init__(self, path: Path | str | None) -> None:
        """Name the base in the error."""
        self._path = path

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Refuse whatever is about to be done.

        Raises:
            StorageError: Always.
        """
        raise StorageError(
            f"{self._path or 'the base'} was opened before this process was forked, and cannot be used in both",
            "open it in the child: `rekall.open()`",
        )

    def release(self) -> None:
        """There is nothing to give up."""

    def __enter__(self) -> bool:
        """Refuse, as `acquire` does."""
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        """Never reached."""


Turn: TypeAlias = "threading.RLock | Elsewhere"


class Translated:
    """One turn at the connection; a class of its own, for a generator took a twentieth of an import's time."""

    __slots__ = ("_path", "_turn")

    def __init__(self, path: Path | None, turn: Turn) -> None:
        """Take turns by a lock, and name a file in errors."""
        self._path = path
        self._turn = turn

    def __enter__(self) -> None:
        """Wait for the turn."""
        self._turn.acquire()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Give up the turn; raise what went wrong as an error of ours."""
        self._turn.release()
        if isinstance(error, apsw.Error):
            _raise(self._path, error)
        if isinstance(error, UnicodeEncodeError):
            raise InvalidInput("the text is not valid UTF-8", "convert it to UTF-8 first") from error
        if isinstance(error, UnicodeDecodeError):
            raise corrupt(self._path, "a text in it is not UTF-8") from error


def _raise(path: Path | None, error: apsw.Error) -> NoReturn:
    """The driver's error in Rekall's words."""
    if isinstance(error, (apsw.BusyError, apsw.LockedError, apsw.ProtocolError)):  # the last where a log is being begun
        raise DatabaseLocked(
            f"{path} is locked: another program is writing to it",
            "try again in a moment; Rekall may be importing in another window",
        ) from error
    if isinstance(error, (apsw.ReadOnlyError, apsw.PermissionsError)):
        raise DatabaseReadOnly(
            f"{path} cannot be written", "check the permissions of the file and its folder"
        ) from error
    if isinstance(error, apsw.FullError):
        raise DiskFull(f"no room left for {path}", "free some space and try again") from error
    if isinstance(error, apsw.NotADBError):
        raise DatabaseForeign(
            f"{path} is not a database, or its first bytes are damaged",
            f"if it was one, {REPAIR}; else move the file away, or point REKALL_HOME at another folder",
        ) from error
    if isinstance(error, (apsw.CorruptError, apsw.ConstraintError)) or any(said in str(error) for said in _NO_INDEX):
        raise corrupt(path, str(error)) from error
    if isinstance(error, apsw.CantOpenError):
        raise StorageError(
            f"cannot open {path}",
            "check that it is a file, that you can write to its folder, and that no other program has it locked",
        ) from error
    if isinstance(error, apsw.IOError):
        raise StorageError(f"cannot read or write {path}: {error}", "check the disk and its free space") from error
    if isinstance(error, (apsw.NoMemError, apsw.TooBigError)):
        raise StorageError(f"{path}: {error}", "there is too little memory for what was asked") from error
    raise StorageError(
        f"the database reported an error: {error}", "please report this, with the command you ran"
    ) from error


def corrupt(path: Path | None, detail: str) -> DatabaseCorrupt:
    """What to raise when a file is damaged."""
    return DatabaseCorrupt(f"{path} is damaged: {detail}")
