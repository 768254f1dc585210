"""Names that a command line may be completed with, read from a base as it is: no schema step, no wait, no index made."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from rekall.entry.types import Reference
from rekall.errors import RekallError
from rekall.store import schema
from rekall.store.as_is import AsItIs
from rekall.store.entries import SqliteEntries

Found = TypeVar("Found")

_WAIT_S = 0.05
"""Nobody waits at a prompt for another process."""

_SHORT_CHARS = 6
"""As many characters of an id are shown; who typed more began at its beginning."""

_FEWEST = 4
"""Characters of an id that name one entry well enough."""

_MOST_CHARS = 80
"""Of a title; what is longer is no help in a list."""


class Names:
    """What is named in a base. Where it is missing, locked, damaged or of another Rekall, nothing is."""

    def __init__(self, path: Path, shown: int) -> None:
        """Open nothing yet.

        Args:
            path: The base.
            shown: The most names that one question gives.
        """
        self._path = path
        self._shown = shown

    def tags(self) -> list[str]:
        """The tags that entries have, the commonest first."""
        sql = "SELECT value FROM item WHERE kind = 'tags' GROUP BY value ORDER BY count(*) DESC, value"
        return self._asked(lambda db: [row[0] for row in db.readable_rows(sql)])

    def projects(self) -> list[str]:
        """The projects that entries belong to, the largest first."""
        sql = "SELECT project FROM entry WHERE project IS NOT NULL GROUP BY project ORDER BY count(*) DESC, project"
        return self._asked(lambda db: [row[0] for row in db.readable_rows(sql)])

    def entries(self, text: str) -> list[Reference]:
        """Entries by the id that is shown for them: those whose id begins so, and those whose title holds the words.

        Args:
            text: What was typed so far; empty gives the entries that were changed last.
        """
        return self._asked(lambda db: self._entries(db, text))

    def deleted(self, text: str) -> list[Reference]:
        """Entries that were deleted, the last first, whose id begins or whose title holds it."""
        sql = "SELECT id, title FROM tombstone WHERE instr(id, upper(?1)) OR instr(lower(title), lower(?1)) ORDER BY deleted_at DESC LIMIT ?2"
        return self._asked(
            lambda db: [
                Reference(entry_id, title[:_MOST_CHARS])
                for entry_id, title in db.readable_rows(sql, (text, self._shown))
            ]
        )

    def operations(self) -> list[tuple[int, str, str]]:
        """What was done last and holds: its number, its time and its verb."""
        sql = "SELECT number, done_at, verb FROM operation WHERE undone_by IS NULL ORDER BY number DESC LIMIT ?"
        return self._asked(lambda db: [(*row,) for row in db.readable_rows(sql, (self._shown,))])

    def versions(self, text: str) -> list[tuple[int, str, str]]:
        """The versions of the entry whose id ends or begins so, the latest first; the same of each."""
        sql = (
            "SELECT o.number, o.done_at, o.verb FROM version v JOIN operation o ON o.number = v.operation WHERE v.entry_id = "
            "(SELECT id FROM (SELECT id FROM entry UNION SELECT id FROM tombstone) "
            "WHERE substr(id, -length(?1)) = ?1 OR substr(id, 1, length(?1)) = ?1) ORDER BY 1 DESC LIMIT ?2"
        )
        wanted = text.strip().upper()
        if not (len(wanted) >= _FEWEST and wanted.isalnum()):
            return []
        return self._asked(lambda db: [(*row,) for row in db.readable_rows(sql, (wanted, self._shown))])

    def _entries(self, db: AsItIs, text: str) -> list[Reference]:
        found: dict[str, str] = {}
        for sql, bindings in _ways(text):
            found |= dict(
                db.readable_rows(f"SELECT id, title FROM entry WHERE {sql} LIMIT ?", (*bindings, self._shown))
            )
        short = SqliteEntries(db).short_ids(found)
        begins = text.upper() if len(text) > _SHORT_CHARS else None
        return [
            Reference(each if begins and each.startswith(begins) else short[each], title[:_MOST_CHARS])
            for each, title in list(found.items())[: self._shown]
        ]

    def _asked(self, question: Callable[[AsItIs], list[Found]]) -> list[Found]:
        """The answer of a base that can be read at once, else nothing: nobody waits at a prompt, or is told of a fault there."""
        if not self._path.exists():
            return []
        try:
            with contextlib.closing(AsItIs(self._path, busy_timeout_s=_WAIT_S)) as db:
                is_known = db.is_ours() and db.value("PRAGMA user_version") == len(schema.MIGRATIONS)
                return question(db) if is_known else []
        except RekallError:
            return []


def _ways(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The conditions by which entries are found for a text, the surest first."""
    latest = "ORDER BY updated_at DESC, id DESC"
    if not text:
        yield f"1 {latest}", ()
        return
    ends = " OR ".join(f"substr(substr(id, -{size}), 1, length(?1)) = ?1" for size in (4, 5, 6))
    if text.isascii() and text.isalnum():
        yield f"{ends} OR substr(id, 1, length(?1)) = ?1 {latest}", (text.upper(),)
    words = ["".join(filter(str.isalnum, word)) for word in text.split()]
    line = " AND ".join(f'title : "{word}"' for word in words if word)
    if line:
        yield f"key IN (SELECT rowid FROM words WHERE words MATCH ?) {latest}", (f"{line}*",)
