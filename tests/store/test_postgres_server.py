"""A base on a server: how it is reached, who may do what, and what becomes of changes when the connection is gone."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from support import in_threads, servers
from support.proxies import proxy

from rekall.entry.fields import Entry
from rekall.entry.types import EntryType
from rekall.errors import (
    DatabaseAway,
    DatabaseForeign,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseTooNew,
    InvalidInput,
    RekallError,
    StorageError,
)
from rekall.knowledge.past_words import operation_fields, who_text
from rekall.store.past import LinkVersion, Operation, Version, Was

if servers.why_not():
    pytest.skip(servers.why_not(), allow_module_level=True)

from rekall.store.postgres import check, open_store, prepare, server, session, waiting
from rekall.store.postgres.address import address, schema_named
from rekall.store.postgres.opening import migrate, shape_of
from rekall.store.postgres.schema import MIGRATIONS
from rekall.store.postgres.server import Server
from rekall.store.postgres.store import PostgresStore

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
SECRET = "gran1te:p@ss/word"


def make_entry(number: int, **parts: Any) -> Entry:
    values = {"id": f"01{number:024d}", "type": EntryType.BUG, "title": f"title {number}"}
    return Entry(**{**values, "created_at": NOW, "updated_at": NOW, **parts})


def insert(store: PostgresStore, *numbers: int) -> None:
    with store.transaction():
        store.entries.insert_many([make_entry(number) for number in numbers])


def kill(*stores: PostgresStore) -> None:
    """End the connections of some stores, as a server that is stopped does."""
    pids = [store.db.value("SELECT pg_backend_pid()") for store in stores]
    servers.server().run(*(f"SELECT pg_terminate_backend({pid}, 10000)" for pid in pids))


@pytest.fixture
def conninfo() -> Iterator[str]:
    with servers.empty_base() as made:
        yield made


@pytest.fixture
def store(conninfo: str) -> Iterator[PostgresStore]:
    with contextlib.closing(open_store(conninfo, busy_timeout_s=1.0)) as made:
        yield made


@pytest.fixture
def other(conninfo: str) -> Iterator[PostgresStore]:
    """The same base, as somebody else has it."""
    with contextlib.closing(open_store(conninfo, busy_timeout_s=1.0)) as made:
        yield made


@pytest.fixture
def database() -> Iterator[str]:
    """The name of a database of the test's own, without pgvector."""
    name = f"own_{os.getpid()}_{next(servers.numbers)}"
    servers.server().run(f"CREATE DATABASE {name}")
    yield name
    servers.server().run(f"DROP DATABASE {name} WITH (FORCE)")


# how it is reached


def test_without_its_driver_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "rekall.store.postgres.driver")
    with pytest.raises(StorageError, match="psycopg") as raised:
        importlib.import_module("rekall.store.postgres.driver")
    assert "rekall-memory[team]" in raised.value.hint


def test_an_address_is_what_postgresql_s_own_tools_take(store, conninfo, monkeypatch, tmp_path):
    insert(store, 1)
    place = servers.server().folder
    options = f"-csearch_path={store.db.schema}"
    for name, value in {"PGHOST": place, "PGDATABASE": "postgres", "PGUSER": "postgres"}.items():
        monkeypatch.setenv(name, str(value))
    services = tmp_path / "services"
    services.write_text(f"[team]\nhost={place}\ndbname=postgres\nuser=postgres\noptions={options}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    url = f"postgresql://postgres@/postgres?host={place}&options={options.replace('=', '%3D')}"
    for given in (conninfo, url, url.replace("postgresql", "postgres"), "service=team", f"options='{options}'"):
        with contextlib.closing(open_store(given)) as found:
            assert found.entries.count() == 1, given


def test_a_password_comes_from_the_file_for_passwords_or_the_environment(database, monkeypatch, tmp_path):
    servers.server().run(
        f"CREATE ROLE secretive LOGIN PASSWORD '{SECRET}'", f"GRANT ALL ON DATABASE {database} TO secretive"
    )
    try:
        servers.server().run("CREATE EXTENSION vector", database=database)
        where = servers.server().conninfo(database, "secretive")
        passwords = tmp_path / "pgpass"
        passwords.write_text(f"*:*:{database}:secretive:{SECRET.replace(':', chr(92) + ':')}\n")
        passwords.chmod(0o600)
        with pytest.raises(DatabaseAway, match="asks for a password"):
            check(where)
        monkeypatch.setenv("PGPASSWORD", "another")
        with pytest.raises(DatabaseAway, match="refuses the password"):
            check(where)
        monkeypatch.delenv("PGPASSWORD")
        monkeypatch.setenv("PGPASSFILE", str(passwords))
        prepare(where)
        assert (check(where).role, check(where).rights) == ("secretive", "owner")
    finally:
        servers.server().run("DROP OWNED BY secretive CASCADE", database=database)
        servers.server().run("DROP OWNED BY secretive CASCADE", "DROP ROLE secretive")


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


UNREACHED: dict[str, tuple[Callable[[], str], str]] = {
    "nobody listens": (lambda: f"host=127.0.0.1 port={closed_port()} user=a password={SECRET}", "does not answer"),
    "no such database": (lambda: servers.server().conninfo("nowhere", password=SECRET), "is not there"),
    "no such role": (
        lambda: servers.server().conninfo(user="nobody_at_all", password=SECRET),
        "does not know this user",
    ),
    "no server there": (lambda: f"host=/nowhere/at/all password={SECRET}", "does not answer"),
    "no such host": (lambda: f"host=nowhere.invalid password={SECRET}", "cannot be found"),
    "no such service": (lambda: "service=nothing", "is in no service file"),
}


@pytest.mark.parametrize(
    "option", ["-csearch_path=notes", "--search-path=notes", "-cstatement_timeout=5 -c SEARCH_PATH=notes"]
)
def test_a_schema_is_named_in_all_ways_that_postgresql_takes(option):
    assert schema_named(option) == "notes"


@pytest.mark.parametrize("name", ["Notes", '"odd name"', "a,b", "$user", "", "x" * 57, "ops\\ notes", "ünï"])
def test_a_schema_that_would_be_another_one_to_psql_or_has_no_room_for_roles_is_refused(name):
    with pytest.raises(InvalidInput, match="name that Rekall does not take"):
        schema_named(f"-csearch_path={name}")


@pytest.mark.parametrize("case", UNREACHED)
def test_a_server_that_lets_nobody_in_is_away_and_says_what_to_do(case):
    where, said = UNREACHED[case]
    with pytest.raises(DatabaseAway, match=said) as raised:
        open_store(where())
    assert raised.value.hint
    assert raised.value.retryable
    assert SECRET not in all_that_is_said(raised.value)


def test_a_server_that_does_not_answer_is_not_waited_for_long():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(DatabaseAway, match="did not answer in time"):
            open_store(f"host=127.0.0.1 port={silent.getsockname()[1]} user=a connect_timeout=2")
        gone, _ = silent.accept()
        with gone:
            gone.settimeout(10)
            while gone.recv(1 << 16):  # what it said first; then it is closed, though nobody searched for garbage
                pass
    assert address("host=somewhere").parts["connect_timeout"] == 5


BROKEN = (
    f"postgresql://me:{SECRET}@host/base",  # the @ in it ends it, and what follows is no host
    "postgresql://me:gran1te/word@host/base",
    "postgresql://me:gran1te@[host/base",
    "postgresql://me@host:gran1te/base",
    "password='gran1te host=x",
    "gran1te",
    "password gran1te",
    "nothing=gran1te",
    "port=gran1te",
)


@pytest.mark.parametrize("given", BROKEN)
def test_an_address_that_cannot_be_read_is_never_shown(given):
    with pytest.raises(InvalidInput) as raised:
        open_store(given)
    assert "gran1te" not in all_that_is_said(raised.value)
    assert ".pgpass" in raised.value.hint


def all_that_is_said(error: BaseException | None) -> str:
    """What an error and all that led to it say, to people and in a trace."""
    said = ""
    while error is not None:
        said += f"{error!r} {error} {getattr(error, 'hint', '')}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return said


def test_a_password_is_shown_by_nothing_that_holds_it(conninfo, monkeypatch):
    given = f"{conninfo} password='{SECRET}'"
    where = address(given)
    assert SECRET not in f"{where} {where!r} {where.shown}"
    with contextlib.closing(open_store(given)) as store:
        said = [f"{store!r} {store.db!r} {store.db.where}"]
        for break_it in (
            lambda: store.db.rows("SELECT nothing"),
            lambda: store.db.rows(f'SELECT 1 / 0 AS "{SECRET}"'),
            lambda: store.db.rows("SELECT * FROM %s", (SECRET,)),
            lambda: store.db.rows("SELECT %s::integer", (SECRET,)),
            lambda: store.db.run("INSERT INTO trace VALUES (%s, '', true)", (SECRET,)),
        ):
            with pytest.raises(RekallError) as raised:
                break_it()
            said.append(all_that_is_said(raised.value))
        store.close()
        with pytest.raises(StorageError) as raised:
            store.entries.count()
        said.append(all_that_is_said(raised.value))
    assert [each for each in said if SECRET in each] == []
    monkeypatch.setenv("PGPASSWORD", "from-outside")
    assert "from-outside" not in where.scrubbed("it is from-outside")


# whether there is a base, and of which Rekall


def test_where_there_is_no_base_none_is_made(database):
    where = servers.server().conninfo(database)
    for look in (open_store, check):
        with pytest.raises(DatabaseForeign, match="holds no Rekall base that you may read") as raised:
            look(where)
        assert "rekall base init" in raised.value.hint
    assert servers.server().run("SELECT count(*) FROM pg_namespace WHERE nspname = 'rekall'", database=database) == [
        (0,)
    ]


def test_a_base_of_another_rekall_is_left_alone(store, conninfo):
    with store.transaction():
        store.db.run("UPDATE base SET shape = 99")
    with pytest.raises(DatabaseTooNew, match="later Rekall"):
        open_store(conninfo)
    with contextlib.closing(Server(address(conninfo))) as db, pytest.raises(DatabaseTooNew):
        migrate(db)
    with store.transaction():
        store.db.run("UPDATE base SET shape = 0")
    with pytest.raises(StorageError, match="earlier Rekall") as raised:
        open_store(conninfo)
    assert "rekall base init" in raised.value.hint
    with store.transaction():
        store.db.run("UPDATE base SET shape = %s", (len(MIGRATIONS),))


def test_of_many_who_migrate_at_once_one_does_it(database):
    taken: list[int] = []

    def work(number: int) -> None:
        with contextlib.closing(Server(address(servers.server().conninfo(database)))) as db:
            taken.append(migrate(db))

    assert in_threads(4, work) == []
    assert sorted(taken) == [0, 0, 0, len(MIGRATIONS)]
    with contextlib.closing(open_store(servers.server().conninfo(database))) as store:
        insert(store, 1)
        assert store.entries.count() == 1


def test_a_step_that_fails_leaves_the_base_as_it_was(store, conninfo):
    insert(store, 1)
    steps = (*MIGRATIONS, "CREATE TABLE another (a integer)", "CREATE TABLE third (a integer); SELECT 1 / 0")
    with contextlib.closing(Server(address(conninfo))) as db:
        with pytest.raises(StorageError, match="division by zero"):
            migrate(db, steps)
        assert shape_of(db) == len(MIGRATIONS)
        assert db.value("SELECT to_regclass('another')") is None
    with contextlib.closing(open_store(conninfo)) as again:
        assert again.entries.count() == 1


def test_a_later_step_brings_a_base_up_to_date_beside_those_who_use_it(store, conninfo):
    insert(store, 1)
    with contextlib.closing(Server(address(conninfo))) as db:
        assert migrate(db, (*MIGRATIONS, "ALTER TABLE trace ADD COLUMN later integer")) == 1
        assert store.entries.count() == 1
        with store.transaction():
            store.db.run("ALTER TABLE trace DROP COLUMN later")
            store.db.run("UPDATE base SET shape = %s", (len(MIGRATIONS),))


def test_without_pgvector_or_with_one_too_old_it_is_said_what_is_needed(database):
    where = servers.server().conninfo(database)
    prepare(where)
    servers.server().run("UPDATE pg_extension SET extversion = '0.6.2' WHERE extname = 'vector'", database=database)
    with pytest.raises(StorageError, match=r"pgvector 0\.6\.2, which is too old") as raised:
        open_store(where)
    assert "ALTER EXTENSION" in raised.value.hint
    servers.server().run("DROP EXTENSION vector CASCADE", database=database)
    with pytest.raises(StorageError, match="has no pgvector") as raised:
        open_store(where)
    assert "CREATE EXTENSION" in raised.value.hint


def test_a_database_that_cannot_hold_every_text_is_refused():
    name = f"latin_{os.getpid()}"
    made = f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'"
    servers.server().run(made)
    try:
        with pytest.raises(StorageError, match="cannot hold every text"):
            open_store(servers.server().conninfo(name))
    finally:
        servers.server().run(f"DROP DATABASE {name}")


def test_what_a_base_is_like_is_told_and_nothing_changed(store, conninfo):
    insert(store, 1, 2)
    before = store.moment()
    found = check(conninfo)
    assert (found.entries, found.rights, found.role, found.shape) == (2, "owner", "postgres", len(MIGRATIONS))
    assert found.schema == store.db.schema
    assert found.server.split(".")[0].isdigit()
    assert found.vector.count(".") == 2
    assert found.size_bytes == store.size_bytes() > 100_000
    assert not found.is_encrypted
    assert store.moment() == before


# texts


ODD = [
    "a\0b",
    "\0",
    "\ufdd0",
    "\ufdd1",
    "\ufdd1\ufdd0\0",
    "\ufdd0\ufdd1",
    "\ufdd1\ufdd1\0\0",
    "",
    "größe 字 \U0001f600 %s %% '",
]


def test_every_text_comes_back_though_postgresql_holds_no_nul(store):
    entries = [make_entry(number, content=text, files=(text, "x")) for number, text in enumerate(ODD)]
    with store.transaction():
        keys = store.entries.insert_many(entries)
    assert list(store.entries.by_keys(keys).values()) == entries


def test_a_text_that_is_none_is_refused_and_undoes_the_change(store):
    with pytest.raises(InvalidInput, match="not valid UTF-8"), store.transaction():  # noqa: PT012
        store.entries.insert(make_entry(1))
        store.entries.insert(make_entry(2, title="\ud800"))
    assert store.entries.count() == 0


# a connection that is gone


def test_a_read_is_tried_once_more_and_a_change_begins_anew(store):
    insert(store, 1)
    kill(store)
    assert store.entries.count() == 1
    kill(store)
    with store.snapshot():
        assert store.entries.count() == 1
    kill(store)
    insert(store, 2)
    kill(store)
    assert store.compact()
    assert store.entries.count() == 2


def test_in_the_middle_of_a_change_nothing_is_stored_and_the_next_one_is(store, other):
    with pytest.raises(DatabaseAway, match="was lost") as raised, store.transaction():  # noqa: PT012
        store.entries.insert(make_entry(1))
        kill_from(other, store)
        store.entries.insert(make_entry(2))
    assert raised.value.retryable
    assert "nothing was changed" in raised.value.hint
    assert store.entries.count() == other.entries.count() == 0
    insert(store, 3)
    assert other.entries.ids_in_order() == [make_entry(3).id]


def test_in_the_middle_of_a_snapshot_no_other_moment_is_read(store, other):
    with pytest.raises(DatabaseAway), store.snapshot():  # noqa: PT012
        store.entries.count()
        kill_from(other, store)
        insert(other, 1)
        store.entries.count()
    assert store.entries.count() == 1


def kill_from(other: PostgresStore, store: PostgresStore) -> None:
    """End the connection of a store that is in a block."""
    mine = other.db.value("SELECT pg_backend_pid()")
    sql = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> {mine} "
    assert servers.server().run(
        sql + f"AND state LIKE 'idle in transaction%' AND pid = {store.db.value('SELECT pg_backend_pid()')}"
    )


@pytest.fixture
def cut(conninfo: str) -> Iterator[Any]:
    """A store whose connection can be cut, and what cuts it."""
    with tempfile.TemporaryDirectory() as folder, proxy(Path(folder), servers.server().folder) as made:
        through = conninfo.replace(str(servers.server().folder), folder) + " connect_timeout=2"
        with contextlib.closing(open_store(through, busy_timeout_s=1.0)) as store:
            yield store, made


def test_a_commit_that_nobody_answered_is_known_to_be_stored(cut, other):
    store, way = cut
    way.cut_at(b"COMMIT", is_answered=True)
    insert(store, 1)
    assert way.cuts == 1
    assert store.entries.count() == other.entries.count() == 1
    insert(store, 2)
    assert other.entries.count() == 2
    seen = store.version()
    insert(other, 3)
    assert store.version() != seen


def test_a_commit_that_a_stuck_server_did_not_answer_is_known_to_be_stored(cut, other, monkeypatch):
    store, way = cut
    monkeypatch.setattr(server, "LONGEST_S", 0.05)
    way.hold_at(b"COMMIT")
    insert(store, 1)
    assert way.cuts == 1
    assert store.entries.count() == other.entries.count() == 1


def test_a_commit_that_never_came_to_the_server_is_known_to_be_lost(cut, other):
    store, way = cut
    way.cut_at(b"COMMIT", is_answered=False)
    with pytest.raises(DatabaseAway, match="was lost") as raised:
        insert(store, 1)
    assert "nothing was changed" in raised.value.hint
    assert way.cuts == 1
    assert store.entries.count() == other.entries.count() == 0
    insert(store, 1)
    assert other.entries.count() == 1


@pytest.mark.parametrize("sent", [b"INSERT INTO item", b"INSERT INTO entry", b"UPDATE base", b"pg_advisory_xact_lock"])
def test_wherever_a_change_is_cut_it_is_stored_whole_or_not_at_all(cut, other, sent):
    store, way = cut
    way.cut_at(sent, is_answered=True)
    with contextlib.suppress(DatabaseAway), store.transaction():
        store.entries.insert_many([make_entry(1, files=("a",)), make_entry(2, files=("b",))])
    assert way.cuts == 1
    assert store.entries.count() == other.entries.count() == (2 if sent == b"pg_advisory_xact_lock" else 0)
    insert(store, 3)


def test_what_was_acknowledged_is_there_after_the_server_broke_down_and_the_store_goes_on(monkeypatch):
    """A server that waits for its disk, as a team's does, ended without a word in the middle of a change."""
    with tempfile.TemporaryDirectory(prefix="pg-") as place:
        Path(place).chmod(0o755)
        own = servers.Server(Path(place) / "s", ("autovacuum=off",))
        own.make()
        own.start()
        try:
            prepare(own.conninfo())
            with contextlib.closing(open_store(own.conninfo(), busy_timeout_s=1.0)) as store:
                for number in range(5):
                    insert(store, number)
                with pytest.raises(DatabaseAway), store.transaction():  # noqa: PT012
                    store.entries.insert(make_entry(5))
                    own.stop("immediate")
                    store.entries.insert(make_entry(6))
                with pytest.raises(DatabaseAway):
                    store.entries.count()
                own.start()
                assert store.entries.ids_in_order() == [make_entry(number).id for number in range(5)]
                insert(store, 7)

                commit = store.db._commit

                def broken_down_before(number: str) -> None:
                    own.stop("immediate")
                    own.start()
                    with contextlib.closing(open_store(own.conninfo())) as other:
                        for each in (9, 10, 11):  # one of them gets the number that was lost
                            insert(other, each)
                            numbers.append(other.db.value("SELECT max(xmin::text::bigint) FROM entry"))
                    assert int(number) in numbers
                    commit(number)

                numbers: list[int] = []
                monkeypatch.setattr(store.db, "_commit", broken_down_before)
                with pytest.raises(DatabaseAway, match="while a change was being stored"):
                    insert(store, 8)
                assert store.entries.ids_in_order()[5:] == [make_entry(number).id for number in (7, 9, 10, 11)]
        finally:
            own.stop("immediate")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_cannot_use_the_connection_and_the_parent_goes_on(store):
    insert(store, 1)
    child = os.fork()
    if not child:
        ended = 1
        try:
            store.entries.count()
        except StorageError as error:
            ended = 0 if "forked" in str(error) else 2
        finally:
            store.close()
            os._exit(ended)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.entries.count() == 1
    insert(store, 2)


# waiting


def test_who_writes_is_waited_for_in_bounds_and_named(store, other, monkeypatch):
    monkeypatch.setattr(server, "_TELL_S", 0.05)
    monkeypatch.setattr(server, "_LONG_WAIT_S", 0.1)
    told: list[str] = []
    store.db.waiting = told.append
    with other.transaction(doing="importing notes"):
        with pytest.raises(DatabaseLocked, match="another Rekall is importing notes") as raised, store.transaction():
            pass
        assert store.entries.count() == 0
    assert raised.value.retryable
    assert [each.endswith("waiting for another Rekall that is importing notes") for each in told] == [True]
    with other.transaction(), pytest.raises(DatabaseLocked, match="somebody else"), store.transaction(wait_s=0):
        pass
    insert(store, 1)


def test_what_another_says_takes_long_is_waited_for_longer_than_usual(store, other):
    """As long as it takes, and not the second that this store waits."""
    began, ended = threading.Event(), threading.Event()

    def work() -> None:
        with other.transaction(doing="importing"):
            other.entries.insert(make_entry(1))
            began.set()
            assert ended.wait(30)

    worker = threading.Thread(target=work)
    worker.start()
    assert began.wait(30)
    store.db.waiting = lambda said: ended.set()  # told when longer than usual was waited
    insert(store, 2)
    worker.join()
    assert store.entries.ids_in_order() == [make_entry(1).id, make_entry(2).id]


def test_who_ended_just_when_it_was_to_be_told_keeps_nobody_from_writing(store, other, monkeypatch):
    """The last try failed, and before it is asked who is at what, that one has ended."""
    began, ended = threading.Event(), threading.Event()

    def work() -> None:
        with other.transaction():
            other.entries.insert(make_entry(1))
            began.set()
            assert ended.wait(30)

    worker = threading.Thread(target=work)
    doing = store.db._doing

    def asked_late() -> str | None:
        ended.set()
        worker.join()
        return doing()

    monkeypatch.setattr(store.db, "_doing", asked_late)
    worker.start()
    assert began.wait(30)
    with store.transaction(wait_s=0):
        store.entries.insert(make_entry(2))
    assert store.entries.ids_in_order() == [make_entry(1).id, make_entry(2).id]


def test_a_statement_that_takes_too_long_is_ended(store):
    store.db.rows("SELECT set_config('statement_timeout', '20', false)")
    with pytest.raises(DatabaseLocked, match="did not answer in time"):
        store.db.rows("SELECT pg_sleep(30)")
    assert store.entries.count() == 0


def test_a_server_that_is_stopped_is_given_up_and_nothing_is_changed(cut, other, monkeypatch):
    store, way = cut
    monkeypatch.setattr(waiting, "SILENT_S", 0.05)
    monkeypatch.setattr(session, "_LOOKS", 1)

    def change() -> None:
        with store.transaction():
            store.entries.insert_many([make_entry(1)])
            way.freeze()
            store.entries.count()

    with pytest.raises(DatabaseAway, match="did not answer in time"):
        change()
    assert other.entries.count() == 0


def test_a_statement_that_never_ends_is_given_up_though_the_server_is_there(cut, monkeypatch):
    store, way = cut
    way.hold_at(b"stuck")
    with monkeypatch.context() as patched:
        patched.setattr(session, "LONGEST_S", 0.05)
        with pytest.raises(DatabaseAway, match="did not answer in time"):
            store.db.rows("SELECT 'stuck'")
    assert way.cuts == 1
    assert store.entries.count() == 0


def test_a_server_that_is_slow_and_there_is_waited_for(conninfo, monkeypatch):
    looks = []

    def look(parts: dict[str, Any]) -> bool:
        looks.append(waiting.is_there(parts))
        return looks[-1]

    monkeypatch.setattr(waiting, "SILENT_S", 0.05)
    monkeypatch.setattr(session, "is_there", look)
    with contextlib.closing(open_store(conninfo)) as store:
        while not looks:
            assert store.db.value("SELECT 'late' FROM pg_sleep(0.3)") == "late"
    assert set(looks) == {True}


def test_every_wait_has_an_end(store):
    said = dict(
        store.db.rows("SELECT name, setting::bigint FROM pg_settings WHERE name LIKE '%timeout' AND setting <> '0'")
    )
    assert said["statement_timeout"] == session.STATEMENT_MS
    assert said["idle_in_transaction_session_timeout"] > 0
    with store.transaction():
        assert 0 < store.db.value("SELECT setting::bigint FROM pg_settings WHERE name = 'lock_timeout'") <= 10_000


def test_a_store_for_reading_refuses_every_change_and_so_does_a_statement_by_itself(store, conninfo):
    insert(store, 1)
    with contextlib.closing(open_store(conninfo, read_only=True)) as reading:
        assert reading.entries.count() == 1
        with pytest.raises(DatabaseReadOnly):
            insert(reading, 2)
        with pytest.raises(DatabaseReadOnly):
            reading.leases.release("somebody")
    with pytest.raises(DatabaseReadOnly):
        store.entries.delete(1)
    assert store.entries.count() == 1


# roles


@pytest.fixture
def people(database: str) -> Iterator[Callable[[str], PostgresStore]]:
    """Opens a base of four people, each by a role of their own: owner, reader, writer, and another writer."""
    names = {each: f"{each}_{database}" for each in ("owner", "reader", "writer", "other")}
    root = servers.server()
    root.run(
        *(f"CREATE ROLE {name} LOGIN" for name in names.values()),
        f"ALTER DATABASE {database} OWNER TO {names['owner']}",
    )
    root.run("CREATE EXTENSION vector", database=database)
    schema = f"team_{database}"
    options = {"options": f"-csearch_path={schema}"}
    done = prepare(root.conninfo(database, names["owner"], **options))
    assert [line.split()[2] for line in done.to_do] == [f'"{schema}_reader"', f'"{schema}_writer"']
    root.run(*done.to_do)
    assert prepare(root.conninfo(database, names["owner"], **options)).to_do == ()
    root.run(
        f"GRANT {schema}_reader TO {names['reader']}", f"GRANT {schema}_writer TO {names['writer']}, {names['other']}"
    )
    with contextlib.ExitStack() as opened:
        yield lambda name: opened.enter_context(
            contextlib.closing(open_store(root.conninfo(database, names[name], **options)))
        )
    root.run(f"DROP OWNED BY {', '.join(names.values())}, {schema}_reader, {schema}_writer CASCADE", database=database)
    root.run(
        f"ALTER DATABASE {database} OWNER TO postgres",
        f"DROP ROLE {', '.join(names.values())}, {schema}_reader, {schema}_writer",
    )


def change(store: PostgresStore, entry: Entry, was: Was = Was.OTHER) -> int:
    """Change an entry, as an edit does. Returns the number of what was done."""
    with store.transaction():
        number = store.history.begin(Operation(0, NOW, "edit", "shell", author="somebody else"))
        store.history.keep(
            [Version(entry.id, number, was, b"before")], [LinkVersion(number, entry.id, "x", "related", None)]
        )
        key = store.entries.key_of(entry.id)
        if key is None:
            key = store.entries.insert(entry)
        store.entries.update(key, entry)
        store.words.put(key, entry)
    return number


def test_roles_may_do_what_their_names_say(people):
    owner, reader, writer, other = (people(name) for name in ("owner", "reader", "writer", "other"))
    mine, theirs = change(writer, make_entry(1), Was.NOTHING), change(other, make_entry(1, title="changed"))
    assert reader.entries.one(reader.entries.key_of(make_entry(1).id)).title == "changed"
    with pytest.raises(DatabaseReadOnly, match="does not let you do that"):
        insert(reader, 2)
    with pytest.raises(DatabaseReadOnly):
        reader.leases.release("somebody")

    done = {each.number: each.author.split("_")[0] for each in owner.history.latest(9)}
    assert done == {mine: "writer", theirs: "other"}  # whatever they say themselves
    last = reader.history.latest(1)[0]
    assert who_text(last) == f"{last.author}, shell"
    assert operation_fields(last)["author"] == last.author

    for statement in (
        "DROP TABLE entry",
        "TRUNCATE version",
        "ALTER TABLE operation DISABLE ROW LEVEL SECURITY",
        "DROP POLICY rekall_delete ON version",
        "UPDATE operation SET author = 'other'",
        "UPDATE operation SET done_at = ''",
        "INSERT INTO operation (done_at, verb, door, client, source, is_whole, author) VALUES ('', '', '', '', '', true, 'x')",
        f"INSERT INTO version VALUES ('x', {theirs}, 0, '')",
        "UPDATE base SET shape = 9",
        "CREATE TABLE another (a integer)",
    ):
        with pytest.raises(DatabaseReadOnly), writer.transaction():
            writer.db.run(statement)

    with writer.transaction():  # of others nothing goes, whatever is asked for
        writer.history.drop([Version(make_entry(1).id, theirs, Was.OTHER)])
        writer.history.bound([make_entry(1).id], 0)
        writer.db.run("DELETE FROM operation")
    assert [each.operation for each in owner.history.of(make_entry(1).id)] == [theirs]
    with pytest.raises(DatabaseReadOnly, match="not yours to delete"), writer.transaction():
        writer.history.forget(make_entry(1).id)

    with writer.transaction():  # what is undone is noted by who undoes it, and entries are everybody's
        writer.history.note_undone(theirs, mine)
        writer.entries.delete(writer.entries.key_of(make_entry(1).id))
    assert owner.history.operation(theirs).undone_by == mine
    assert not writer.compact()  # which the owner alone may
    with owner.transaction():
        owner.history.forget(make_entry(1).id)
    assert owner.history.of(make_entry(1).id) == []
    assert owner.compact()


@pytest.mark.parametrize("name", ["owner", "reader", "writer"])
def test_what_one_may_do_is_told(people, name):
    store = people(name)
    given = " ".join(f"{part}='{store.db.where.parts[part]}'" for part in ("host", "dbname", "user", "options"))
    assert check(given).rights == name
    if name != "owner":
        with pytest.raises(StorageError):
            migrate(store.db, (*MIGRATIONS, "CREATE TABLE another (a integer)"))
        with pytest.raises(DatabaseReadOnly):
            prepare(given)


def test_who_may_make_nothing_is_told_what_somebody_else_has_to_run(database):
    root = servers.server()
    name = f"guest_{database}"
    root.run(f"CREATE ROLE {name} LOGIN")
    try:
        done = prepare(root.conninfo(database, name))
        assert done.made == ()
        assert any("CREATE EXTENSION" in line for line in done.to_do)
        root.run(*done.to_do, database=database)
        assert prepare(root.conninfo(database, name)).made
    finally:
        root.run(f"DROP OWNED BY {name} CASCADE", database=database)
        root.run(f"DROP ROLE {name}")
