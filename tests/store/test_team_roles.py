"""Who may do what in a team's base: real roles on a real server."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import pytest
from support.fakes import FakeClock, FakeLoader, FakeProcesses
from support.servers import Server, server

pytest.importorskip("psycopg")

from rekall.errors import DatabaseReadOnly, StorageError
from rekall.knowledge_base import KnowledgeBase
from rekall.store.postgres import open_store
from rekall.store.postgres.roles import prepare
from rekall.wiring import Tuning, build

_numbers = itertools.count()


class Team:
    """A database of its own, and people who may read or write."""

    def __init__(self, running: Server, number: int) -> None:
        self.server = running
        self.database = f"team_{number}"
        self.owner, self.reader, self.ann, self.bob = (f"{who}_{number}" for who in ("owner", "reader", "ann", "bob"))
        running.run(
            f"CREATE ROLE {self.owner} LOGIN CREATEROLE",
            f"CREATE DATABASE {self.database} OWNER {self.owner}",
            *(f"CREATE ROLE {who} LOGIN" for who in (self.reader, self.ann, self.bob)),
        )
        running.run("CREATE EXTENSION vector", database=self.database)

    def address(self, who: str, schema: str = "") -> str:
        return self.server.conninfo(self.database, who, options=f"-csearch_path={schema or self.database}")

    def let_in(self) -> None:
        prepare(self.address(self.owner))
        self.server.run(
            f"GRANT {self.database}_reader TO {self.reader}",
            f"GRANT {self.database}_writer TO {self.ann}, {self.bob}",
            database=self.database,
        )


@pytest.fixture
def team(request: pytest.FixtureRequest) -> Iterator[Team]:
    import os

    made = Team(server(), int(f"{os.getpid()}{next(_numbers)}"))
    yield made
    made.server.run(f"DROP DATABASE {made.database} WITH (FORCE)")


@pytest.fixture
def opened(team: Team) -> Iterator[Callable[..., KnowledgeBase]]:
    """Opens the base as somebody."""
    team.let_in()
    with contextlib.ExitStack() as stack:

        def open_as(who: str, *, read_only: bool = False) -> KnowledgeBase:
            store = open_store(team.address(who), read_only=read_only)
            base = build(store, FakeLoader(), Tuning(0.5), FakeClock(), FakeProcesses()).base
            stack.callback(base.close)
            return base

        yield open_as


def test_a_base_is_made_once_and_brought_up_to_date_after_that(team: Team):
    first, again = prepare(team.address(team.owner)), prepare(team.address(team.owner))
    assert ("is made" in first.made[0], "is up to date" in again.made[0]) == (True, True)
    assert first.to_do == again.to_do == ()


def test_who_may_use_a_new_base_since_they_had_its_roles_in_another_database_is_said(team: Team):
    team.let_in()
    elsewhere = f"{team.database}_elsewhere"
    team.server.run(f"CREATE DATABASE {elsewhere} OWNER {team.owner}")
    team.server.run("CREATE EXTENSION vector", database=elsewhere)
    try:
        there = team.server.conninfo(elsewhere, team.owner, options=f"-csearch_path={team.database}")
        said = prepare(there).made[-1]
        assert f": {team.ann}, {team.bob}, {team.reader} may use" in said
        assert "were given before" not in str(prepare(there))
    finally:
        team.server.run(f"DROP DATABASE {elsewhere} WITH (FORCE)")


def test_where_pgvector_lies_out_of_reach_it_is_said_who_must_do_what(team: Team, opened: Callable[..., KnowledgeBase]):
    opened(team.ann)
    team.server.run('CREATE SCHEMA "Odd"', 'ALTER EXTENSION vector SET SCHEMA "Odd"', database=team.database)
    for refused in (lambda: open_store(team.address(team.ann)), lambda: prepare(team.address(team.owner, "another"))):
        with pytest.raises(StorageError, match='in the schema "Odd", which you may not use') as raised:
            refused()
        assert 'GRANT USAGE ON SCHEMA "Odd" TO PUBLIC' in raised.value.hint
    team.server.run('GRANT USAGE ON SCHEMA "Odd" TO PUBLIC', database=team.database)
    assert opened(team.ann).add("til", "found again").entry.title == "found again"


def test_a_database_without_the_schema_public_wants_pgvector_put_elsewhere(team: Team):
    team.server.run("DROP SCHEMA public CASCADE", database=team.database)
    with pytest.raises(StorageError, match="no schema public") as raised:
        prepare(team.address(team.owner))
    assert "CREATE EXTENSION vector SCHEMA" in raised.value.hint


def test_without_the_rights_the_statements_for_an_administrator_are_said(team: Team):
    told = prepare(team.address(team.ann))
    assert told.made == ()
    assert told.to_do[-1].endswith(f'AUTHORIZATION "{team.ann}";')
    team.server.run(*told.to_do, database=team.database)
    after = prepare(team.address(team.ann))  # who may not make roles either
    assert "is made" in after.made[0]
    assert all(line.startswith("CREATE ROLE") for line in after.to_do)
    team.server.run(*after.to_do, database=team.database)
    assert prepare(team.address(team.ann)).to_do == ()


def test_a_reader_reads_and_changes_nothing(team: Team, opened: Callable[..., KnowledgeBase]):
    entry = opened(team.ann).add("bug", "nginx drops websockets", content="proxy_read_timeout").entry
    base = opened(team.reader)
    assert [hit.entry.id for hit in base.search("websockets").hits] == [entry.id]
    for change in (
        lambda: base.add("til", "x"),
        lambda: base.change(entry.id, title="x"),
        lambda: base.delete(entry.id),
        lambda: base.delete(entry.id, forever=True),
    ):
        with pytest.raises(DatabaseReadOnly):
            change()
    assert base.get(entry.id).entry == entry


def test_settings_of_a_role_keep_nobody_from_the_history(team: Team, opened: Callable[..., KnowledgeBase]):
    team.server.run(f"ALTER ROLE {team.ann} SET row_security = off")
    ann = opened(team.ann)
    ann.add("til", "written by ann")
    assert [each.author for each in ann.past.operations(9)] == [team.ann]


def test_what_is_only_read_from_here_is_not_changed_by_who_may(team: Team, opened: Callable[..., KnowledgeBase]):
    opened(team.ann).add("bug", "one")
    base = opened(team.ann, read_only=True)
    assert base.count() == 1
    with pytest.raises(DatabaseReadOnly):
        base.add("til", "two")


def test_the_history_says_who_and_nobody_drops_that_of_others(team: Team, opened: Callable[..., KnowledgeBase]):
    ann, bob = opened(team.ann), opened(team.bob)
    entry = ann.add("bug", "one", content="a").entry
    bob.change(entry.id, content="b")
    done = bob.past.operations(2)
    assert [each.author for each in done] == [team.bob, team.ann]
    with pytest.raises(StorageError):
        bob.delete(entry.id, forever=True)
    assert bob.get(entry.id).entry.content == "b"
    assert [each.author for each in ann.past.operations(2)] == [team.bob, team.ann]
    for statement in (
        "DELETE FROM {0}.operation WHERE author <> session_user",
        "UPDATE {0}.version SET state = ''",
        "DELETE FROM {0}.version",
        "DELETE FROM {0}.link_version",
    ):
        assert _as(team, team.bob, statement.format(team.database)) <= 1  # his own at the most
    for statement in (
        "INSERT INTO {0}.operation (done_at, verb, door, client, source, is_whole, author) VALUES ('', '', '', '', '', true, 'ann')",
        "UPDATE {0}.operation SET author = 'ann'",
        "UPDATE {0}.operation SET verb = 'nothing'",
        "TRUNCATE {0}.version",
        "DROP TABLE {0}.version",
        "UPDATE {0}.base SET shape = 99",
        "CREATE TABLE {0}.mine (a int)",
    ):
        with pytest.raises(PermissionError):
            _as(team, team.bob, statement.format(team.database))
    assert [each.author for each in ann.past.operations(9)].count(team.ann) == 1
    owner = opened(team.owner)
    owner.delete(entry.id, forever=True)
    assert owner.count() == 0


def test_writers_do_all_that_people_do_with_entries(team: Team, opened: Callable[..., KnowledgeBase]):
    ann, bob = opened(team.ann), opened(team.bob)
    one, two = (ann.add("til", title, tags=["a"]).entry.id for title in ("one", "two"))
    bob.link(one, two, "supersedes")
    bob.rename_tag("a", "b")
    bob.delete(one)
    ann.restore(one)
    ann.past.undo()
    bob.index.rebuild_words()
    bob.index.rebuild_vectors()
    assert {hit.entry.id for hit in bob.search("two").hits} == {two}
    bob.delete(two)
    assert ann.count() == 0


def _as(team: Team, who: str, statement: str) -> int:
    """Execute a statement as somebody, and undo it. Returns how many rows it touched. Raises PermissionError."""
    import psycopg

    with contextlib.closing(psycopg.connect(team.address(who))) as connection:
        try:
            return connection.execute(statement).rowcount
        except psycopg.errors.InsufficientPrivilege as error:
            raise PermissionError from error
        finally:
            connection.rollback()
