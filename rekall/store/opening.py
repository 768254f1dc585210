"""What a connection is set to, and what a base is looked at for before anything in it is used.

A file that somebody sends may hold what acts by itself: triggers that delete, views that never end, virtual tables that read other
files. Rekall makes none of these, so a base that holds one is refused. The tables themselves must be those of its version.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw

from rekall.errors import DatabaseCorrupt, DatabaseForeign, DatabaseReadOnly, DatabaseTooNew, StorageError
from rekall.store import schema
from rekall.store.driver import corrupt
from rekall.system.files import PRIVATE_FILE, make_private_folder

LOG_BYTES = 8 << 20
"""So long the log of writes may stay on the disk once it is written back: as many pages as SQLite gathers before it does that."""

_WAL_TRIES = 20
_WAL_PAUSE_S = 0.05

_LARGE_BYTES = 64 << 20
"""A smaller base is written again in memory, which is faster."""

_FOLDER = "SQLITE_TMPDIR"
"""Names the folder of SQLite's temporary files; Windows has one for each person."""

_NO_VERSION = 10_000
"""No Rekall will have a schema of this number: what reads so is damaged."""

_SPACE_TABLE = re.compile(r"(?:vectors|signs)_([0-9]{1,18})")

Shape = dict[tuple[str, str], str]
"""The SQL of everything that a schema holds, by kind and name."""


def check_is_file(path: Path) -> None:
    """Let nothing but a file be opened, copied or replaced; what is not there yet may become one.

    Raises:
        StorageError: It is a folder, a pipe, a device.
    """
    if path.exists() and not path.is_file():
        raise StorageError(f"{path} is no file", "point REKALL_HOME at another folder, or move it away")


def prepare(path: Path) -> None:
    """Make the folder and an empty private file, so that the data is never readable by others."""
    try:
        check_is_file(path)
        make_private_folder(path.parent)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
    except PermissionError as error:
        raise DatabaseReadOnly(
            f"cannot write to {path.parent}", "check its permissions, or point REKALL_HOME at another folder"
        ) from error
    except OSError as error:
        raise StorageError(
            f"cannot create {path}: {error.strerror}", "point REKALL_HOME at a folder that you can write to"
        ) from error


def which_file(path: Path | None) -> tuple[int, int] | None:
    """What tells a file from any other that may take its name; None where there is none."""
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def seen_as(path: Path) -> tuple[int, ...] | None:
    """What is another thing once a base must be opened again: another file lies there, or what may be done with it changed. None where there is none.

    Of a base that `connect` opens as a file that nobody changes, a change by somebody else counts, too: nothing of it would be seen.
    """
    try:
        path = path.resolve()
        found = path.stat()
    except (OSError, RuntimeError):  # the latter of links in a circle, before Python 3.13
        return None
    can_be_made, can_be_written = os.access(path.parent, os.W_OK), os.access(path, os.W_OK)
    seen = (found.st_dev, found.st_ino, can_be_made, can_be_written)
    if can_be_made or _has_log(path):
        return seen
    return (*seen, found.st_size, found.st_mtime_ns)


def _has_log(path: Path) -> bool:
    """Whether somebody wrote to a base, or does, and what was written is not all in the file."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def check_may_be_written(path: Path | None, opened: tuple[int, int] | None, *, read_only: bool) -> None:
    """Refuse to write to a file that was opened to be read, or that was removed or replaced since: nobody would ever find it again.

    Raises:
        DatabaseReadOnly: It was opened to be read.
        StorageError: Another file, or none, has the name.
    """
    if read_only:
        raise DatabaseReadOnly(
            f"{path} is only read from here", "`rekall base add NAME LOCATION` without --read-only lets it be changed"
        )
    if which_file(path) != opened:
        raise StorageError(
            f"{path} was moved, removed or replaced", "nothing was stored; start Rekall anew to use what is there now"
        )


def distrust(connection: apsw.Connection) -> None:
    """Let nothing that stands in the file act by itself; call it before the schema is read."""
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0)
    connection.pragma("cell_size_check", True)


def settle(connection: apsw.Connection) -> None:
    """What every connection works with."""
    connection.pragma("cache_size", -500)  # KiB; with four times as much neither searches nor imports are faster
    connection.pragma("temp_store", "memory")  # a step that replaces a table writes no file elsewhere
    connection.pragma("secure_delete", True)  # what is deleted is overwritten
    connection.pragma("journal_size_limit", LOG_BYTES)
    reach_the_disk(connection)


def wait_at_most(connection: apsw.Connection, milliseconds: int, *, is_windows: bool = os.name == "nt") -> None:
    """Wait for other processes no longer than this, by asking again and again.

    SQLite can also let Windows wait for a lock of the log of writes. Where many processes begin with one base at once that
    has kept all but one of them out until their time was up: seen under Wine, and not needed anywhere.
    """
    connection.set_busy_timeout(milliseconds)
    if is_windows and hasattr(connection, "setlk_timeout"):  # apsw 3.50
        connection.setlk_timeout(0, 0)


def reach_the_disk(connection: apsw.Connection, platform: str = sys.platform) -> None:
    """Let macOS empty the memory of the drive, too, before a change is called stored; see `files.sync`."""
    if platform == "darwin":
        connection.pragma("fullfsync", True)  # for checkpoints as well


def connect(path: Path | None, *, read_only: bool = False) -> apsw.Connection:
    """A connection to a base, which is made where there is none, or to an empty one in memory.

    SQLite keeps the log of writes and an index of it beside the file, also to read. In a folder in which nothing can be made, a base
    without a log is read as a file that nobody changes.
    """
    if path is None:
        return apsw.Connection(":memory:")
    if not read_only:
        prepare(path)
    real = path.resolve()
    if read_only and os.access(real.parent, os.W_OK):
        return apsw.Connection(f"{real.as_uri()}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    if os.access(real.parent, os.W_OK):
        return apsw.Connection(str(path))
    how = "mode=ro" if _has_log(real) else "mode=ro&immutable=1"
    return apsw.Connection(f"{real.as_uri()}?{how}", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def is_as_it_stays(connection: apsw.Connection) -> bool:
    """Whether a file is in write-ahead mode, or cannot be brought to it."""
    return is_write_ahead(connection) or connection.readonly("main")


def is_write_ahead(connection: apsw.Connection) -> bool:
    """Whether readers and writers of the file do not stop each other."""
    return bool(connection.pragma("journal_mode") == "wal")


def write_ahead(connection: apsw.Connection, tries: int = _WAL_TRIES) -> None:
    """Switch a file to write-ahead mode. SQLite does not wait for others here as elsewhere, so it is tried again."""
    for attempt in range(tries):
        try:
            connection.pragma("journal_mode", "wal")
            return
        except apsw.BusyError:
            if attempt == tries - 1:
                raise
            time.sleep(_WAL_PAUSE_S)


def write_ahead_if_possible(connection: apsw.Connection) -> None:
    """Bring a file back to write-ahead mode that another tool left without it: there readers would stop writers."""
    if not is_write_ahead(connection):
        with contextlib.suppress(apsw.BusyError, apsw.ReadOnlyError, apsw.IOError, apsw.FullError, apsw.CantOpenError):
            write_ahead(connection, tries=1)  # where it cannot be done now, the file can be used all the same


@contextlib.contextmanager
def temporary_files(path: Path | None, connection: apsw.Connection) -> Iterator[None]:
    """Let what SQLite needs during a block lie in files without a name beside a large base, and not in memory.

    Tables of the connection's own are made again, since they go with the change.
    """
    if path is None or path.stat().st_size < _LARGE_BYTES:
        yield
        return
    folder = os.environ.get(_FOLDER)
    os.environ[_FOLDER] = folder or str(path.parent)
    connection.pragma("temp_store", "file")
    try:
        yield
    finally:
        connection.pragma("temp_store", "memory")
        connection.execute(schema.VOCABULARY)
        if folder is None:
            os.environ.pop(_FOLDER, None)


def version_of(path: Path | None, connection: apsw.Connection, migrations: Sequence[str]) -> int:
    """The version of a base's schema, 0 where there is no table yet, after a look at what the file holds.

    Raises:
        DatabaseForeign: It is not Rekall's, or it holds what Rekall does not make.
        DatabaseTooNew: A later Rekall wrote it.
        DatabaseCorrupt: A table is missing or is not what it should be, the version is not that of the tables, or texts are
            not in UTF-8.
    """
    connection.execute("BEGIN")  # one view of all of it: another process may be creating the file
    try:
        application, version = (int(connection.pragma(name)) for name in ("application_id", "user_version"))
        found, encoding = _shape(connection, version), str(connection.pragma("encoding"))
    finally:
        if connection.in_transaction:  # an error of the disk may have ended it
            connection.execute("ROLLBACK")
    if application != schema.APPLICATION_ID and (application or version or found):
        if found and found == _shape_of(tuple(migrations)):
            raise corrupt(path, "the mark that says whose file it is")
        raise DatabaseForeign(
            f"{path} is not a Rekall database", "move the file away, or point REKALL_HOME at another folder"
        )
    if encoding != "UTF-8":  # whose texts would be compared, cut and hashed as something else
        raise DatabaseCorrupt(
            f"{path} keeps its texts in {encoding}, as Rekall never does",
            "`rekall check --repair` takes everything over into a base as it should be",
        )
    if version == len(migrations) and _sum(found) == schema.SHAPE:
        return version
    _check_shape(path, found, version, migrations)
    return version


def _check_shape(path: Path | None, found: Shape, version: int, migrations: Sequence[str]) -> None:
    """Look closely at a schema that is not at once known to be right. Raises as `version_of` does."""
    if len(migrations) < version < _NO_VERSION:
        raise DatabaseTooNew(
            f"{path} was written by a newer Rekall (schema {version}, this one knows {len(migrations)})",
            "upgrade Rekall to at least that version",
        )
    is_older = version < len(migrations) and found == _shape_of(tuple(migrations))
    if not 0 <= version < _NO_VERSION or (found and not version) or is_older:
        raise corrupt(path, f"the number of its schema reads {version}")
    wanted = _shape_of(tuple(migrations[:version]))
    for (kind, name), sql in found.items():
        if (kind, name) not in wanted and _acts(kind, sql):
            article = "an" if kind == "index" else "a"
            raise DatabaseForeign(
                f"{path} holds {article} {kind} {name!r}, which Rekall does not make and which could change or hide notes",
                "do not use the file unless you know who made it; `rekall check --repair` takes the notes over without it",
            )
        if kind == "table" and _SPACE_TABLE.fullmatch(name):
            raise corrupt(path, f"the table {name} is not what it should be")
    for (kind, name), sql in wanted.items():
        if found.get((kind, name)) != sql:
            what = "is missing" if (kind, name) not in found else "is not what it should be"
            raise DatabaseCorrupt(f"{path} is damaged: the {kind} {name} {what}")


def _acts(kind: str, sql: str) -> bool:
    """Whether something foreign in a schema is more than a table that lies there."""
    return kind != "table" or sql.lstrip()[:40].upper().startswith("CREATE VIRTUAL")


def _shape(connection: apsw.Connection, version: int) -> Shape:
    """Everything in a schema but what SQLite makes itself, and the tables of vector spaces as Rekall made them then."""
    rows = connection.execute(
        "SELECT type, name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    shape = {(kind, name): _plain(sql) for kind, name, sql in rows}
    return {known: sql for known, sql in shape.items() if not _is_of_a_space(*known, sql, version)}


def _plain(sql: str) -> str:
    """SQL without what says nothing: blanks, and the quotes that renaming a table leaves."""
    return " ".join(sql.replace('"', " ").split()).replace(" (", "(")


def _is_of_a_space(kind: str, name: str, sql: str, version: int) -> bool:
    number = _SPACE_TABLE.fullmatch(name)
    if kind != "table" or number is None:
        return False
    made = schema.space_tables(int(number[1]))
    if version < len(schema.MIGRATIONS):  # they are packed with the last step
        made += schema.space_tables(int(number[1]), schema.PACKED - 1)
    return sql in map(_plain, made.replace("IF NOT EXISTS ", "").split(";"))


def _sum(shape: Shape) -> int:
    return zlib.crc32(repr(sorted(shape.items())).encode())


@functools.cache
def _shape_of(migrations: tuple[str, ...]) -> Shape:
    """What a schema holds after some steps, by making it in memory: 4 ms, for a base that is old or looks wrong."""
    made = apsw.Connection(":memory:")
    try:
        for step in migrations:
            made.execute(step)
        return _shape(made, len(migrations))
    finally:
        made.close()


def shape_sum(migrations: Sequence[str] = schema.MIGRATIONS) -> int:
    """The checksum of the schema that some steps make; `schema.SHAPE` is that of all."""
    return _sum(_shape_of(tuple(migrations)))
