"""A session of the server as people have it: with a role's own settings, and through a pooler."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import in_threads, servers
from support.poolers import Pooler, pooler

if servers.why_not():
    pytest.skip(servers.why_not(), allow_module_level=True)

import psycopg

from rekall.errors import StorageError
from rekall.store.postgres import open_store, pooling, refusals
from rekall.store.postgres.address import address


@pytest.fixture
def conninfo() -> Iterator[str]:
    with servers.empty_base() as made:
        yield made


@contextlib.contextmanager
def pooled(conninfo: str, *, by_transaction: bool, most: int = 9) -> Iterator[tuple[Pooler, str]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        pooler(Path(folder), servers.server().folder, by_transaction=by_transaction, most=most) as made,
    ):
        yield made, conninfo.replace(str(servers.server().folder), folder)


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_changes_of_many_are_stored_one_after_the_other_whatever_the_isolation_of_their_role(conninfo, level):
    escaped = level.replace(" ", chr(92) * 3 + " ")
    strict = conninfo.replace("-csearch", f"-cdefault_transaction_isolation={escaped} -csearch")

    def write(_: int) -> None:
        with contextlib.closing(open_store(strict)) as store:
            for _ in range(5):
                with store.transaction():
                    store.entries.count()

    with contextlib.closing(open_store(strict)) as store:
        before = store.db.moment()
        assert in_threads(4, write) == []
        was = "SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_isolation'"
        assert (store.db.value(was), store.db.moment()) == (level, before + 20)


def test_a_pooler_that_keeps_sessions_is_as_good_as_the_server(conninfo):
    with (
        pooled(conninfo, by_transaction=False) as (_, through),
        contextlib.closing(open_store(through)) as store,
        contextlib.closing(open_store(through)) as other,
    ):
        before = other.db.moment()
        with store.transaction():
            assert store.entries.count() == 0
        assert other.db.moment() == before + 1


def test_a_pooler_that_lends_sessions_is_refused_and_nothing_is_left_in_them(conninfo):
    with pooled(conninfo, by_transaction=True) as (pool, through):
        with pytest.raises(StorageError, match="behind a pooler") as raised:
            open_store(through)
        assert "pool_mode = session" in raised.value.hint
        lent = pool.lent
        with contextlib.closing(psycopg.connect(through, autocommit=True)) as stranger:
            said = stranger.execute("SELECT current_setting('default_transaction_read_only')").fetchone()
        assert said == ("off",)
        assert pool.lent > lent > 0


def test_a_pooler_that_has_no_session_left_for_a_second_connection_is_not_waited_for_long(conninfo, monkeypatch):
    monkeypatch.setattr(pooling, "_WAIT_S", 0.05)
    with (
        pooled(conninfo, by_transaction=False, most=1) as (_, through),
        contextlib.closing(open_store(through)) as store,
    ):
        assert store.entries.count() == 0


SAID = {
    'root certificate file "/home/a/.postgresql/root.crt" does not exist': "no root certificate",
    "SSL error: certificate verify failed": "does not trust",
    'server certificate for "db.example.com" does not match host name "10.0.0.1"': "another host",
    "SSL error: tlsv13 alert certificate required": "wants a certificate of yours",
    'private key file "/home/a/key" has group or world access': "wants a certificate of yours",
    "server does not support SSL, but SSL was required": "do not agree on encryption",
    'invalid sslmode value: "on"': 'cannot be reached: invalid sslmode value: "on"',
    'invalid integer value "x" for connection option "connect_timeout"': "cannot be reached: invalid integer value",
}
"""What libpq says, and what Rekall makes of it."""


@pytest.mark.parametrize("said", SAID)
def test_what_is_wrong_with_the_encryption_is_told_apart(said):
    whole = f'connection failed: connection to server at "10.0.0.1", port 5432 failed: {said}'
    told = refusals.at_the_door(address("postgresql://a@db.example.com/notes"), psycopg.OperationalError(whole))
    assert SAID[said] in told.message
    assert "connection to server" not in told.message
