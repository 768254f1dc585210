"""The words index where it is damaged: what reads it goes on without it, what writes it makes it anew from the entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType

from rekall.db import Database
from rekall.entry.fields import Entry
from rekall.errors import DatabaseCorrupt

MADE_ANEW = "the words index was damaged and is made anew from the entries"

_SQL = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'words'"
_EMPTY = """
    SELECT CASE WHEN EXISTS (SELECT 1 FROM words_docsize) THEN NOT EXISTS (SELECT 1 FROM temp.vocabulary)
    ELSE EXISTS (SELECT 1 FROM entry) END
"""


def make_empty(db: Database) -> None:
    """An index of nothing in the place of whatever is there; the caller holds the transaction.

    Raises:
        DatabaseCorrupt: The file itself is damaged where the index lies.
    """
    sql = db.value(_SQL)
    try:
        db.run("DROP TABLE words")
    except DatabaseCorrupt:  # FTS5 opens an index before it drops it, and does not open one of another version
        with db.undefended():
            db.run("DELETE FROM words_config; INSERT INTO words_config (k, v) VALUES ('version', 4)")
        db.run("DROP TABLE words")
    db.run(sql)
    db.run("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")  # as the schema has it


def check_not_empty(db: Database) -> None:
    """Whether an index in which nothing is found holds anything.

    Raises:
        DatabaseCorrupt: It holds nothing, and there are entries.
    """
    if db.value(_EMPTY):
        raise DatabaseCorrupt("the words index is empty")


class Reading:
    """Blocks that read the index, which end early where it is damaged; that is remembered until something is written."""

    def __init__(self, db: Database) -> None:
        """Know of no damage yet."""
        self._db = db
        self._why = ""
        self._moment: tuple[int, int] | None = None

    def __enter__(self) -> None:
        """Begin to read."""

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> bool:
        """Note damage, and let the caller go on without an answer; any other error is raised."""
        if not isinstance(error, DatabaseCorrupt):
            return False
        self._why, self._moment = error.message, self._now()
        return True

    @property
    def damage(self) -> str:
        """Why the index could not be read, as long as nothing was written since; empty when nothing is known of that."""
        return self._why if self._why and self._moment == self._now() else ""

    def _now(self) -> tuple[int, int]:
        return self._db.data_version(), self._db.total_changes()


class Writing:
    """Blocks that write the index; where it is damaged it is made anew, and the block was not done.

    FTS5 gathers what it writes, and tells damage when that goes into the file. So the first block of a transaction, before
    which nothing is gathered, is written out at once, and is undone whole.
    """

    def __init__(self, db: Database, put_all: Callable[[], None] | None) -> None:
        """Write to a base.

        Args:
            db: The base.
            put_all: Empties the index and puts every entry into it; None raises what is wrong.
        """
        self._db = db
        self._put_all = put_all
        self._seen = 0
        self._is_first = self._is_at_it = False

    def __enter__(self) -> None:
        """Begin to write."""
        self._is_first = self._seen != self._db.changes and not self._is_at_it
        if self._is_first:
            self._seen = self._db.changes
            self._db.run("SAVEPOINT words_before")

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> bool:
        """Make the index anew where it is damaged; any other error is raised."""
        if self._is_first and error is None:
            try:
                self._db.run("SAVEPOINT words_out; RELEASE words_out; RELEASE words_before")
            except DatabaseCorrupt as found:
                error = found
                if self._put_all is None:
                    raise
            else:
                return False
        if not isinstance(error, DatabaseCorrupt) or self._put_all is None or self._is_at_it:
            return False
        if self._is_first:
            self._db.run("ROLLBACK TO words_before; RELEASE words_before")
        self._db.waiting(MADE_ANEW)
        self._is_at_it = True
        try:
            self._put_all()
        finally:
            self._is_at_it = False
        return True


Everything = Callable[[], Iterator[tuple[int, Entry]]]
"""Every entry that there is, by its key."""
