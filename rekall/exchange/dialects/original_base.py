"""Reads a `knowledge.db` of the original Rekall, row by row, without changing a byte of it or of its folder.

Its tables grew in twelve steps, so what a row has is asked, never assumed. Everything is read as if it were damaged: a
row, a column or a table that cannot be read costs nothing else.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rekall.errors import InvalidInput

if TYPE_CHECKING:
    import sqlite3

MAGIC = b"SQLite format 3\0"
OURS = 0x52454B4C
"""The application id in the header of a database of this Rekall; `db` writes it."""

_NEEDED = frozenset({"id", "title", "content", "type", "confidence"})
"""Columns of `entries` by which a base of the original is known; it had them from its first day."""

MOST_VALUE_BYTES = 32 * 1024 * 1024
"""The longest row that is read; the original allowed 1 MB for a text."""

MOST_ROWS = 500_000
"""Rows of tags, keywords, links and sources that are read; they are kept until the entries come."""

_TRIES = 5
"""How often a base is copied that another program is writing."""

_RECOVER = "import one of its backups instead; it keeps them in ~/.rekall/backups"


@dataclass(frozen=True, slots=True)
class Linked:
    """A row of `links`, the entry where it starts left out."""

    target: str
    relation: str
    reason: str


@dataclass(slots=True)
class Row:
    """An entry with what other tables say of it.

    Attributes:
        values: Its columns, those that are NULL left out: text, numbers, bytes.
        lost: The columns that could not be read.
    """

    values: dict[str, Any]
    tags: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    sources: list[Mapping[str, Any]] = field(default_factory=list)
    links: list[Linked] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def is_base(path: Path) -> bool:
    """Whether a file is a base of the original, or one of this Rekall, which `OriginalBase` refuses. Never raises."""
    import sqlite3

    try:
        if not _header(path).startswith(MAGIC):
            return False
        if is_ours(path):
            return True
        with OriginalBase(path) as base:
            return base.columns("entries").keys() >= _NEEDED
    except InvalidInput:
        return path.stem.lower().startswith("knowledge")  # damaged at its very beginning, which is worth an answer
    except (sqlite3.Error, OSError, ValueError):
        return False


def is_ours(path: Path) -> bool:
    """Whether a file is a database of this Rekall. Raises OSError."""
    return int.from_bytes(_header(path)[68:72], "big") == OURS


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


class OriginalBase:
    """A base of the original, open until its `with` ends."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self.path = path
        self.damaged: list[str] = []  # tables of which some rows could not be read
        self._open: sqlite3.Connection | None = None
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> OriginalBase:
        """Open it.

        Raises:
            InvalidInput: It is damaged from the first page on, or another program does not stop writing it.
            OSError: It cannot be read.
        """
        import sqlite3

        real = self.path.resolve()
        beside = [file for file in (Path(f"{real}-wal"), Path(f"{real}-journal")) if file.exists()]
        try:
            if beside:  # what stands there belongs to the base, and SQLite would write while reading it
                folder = Path(self._closing.enter_context(_private_folder()))
                place = _copied(real, beside, folder).as_uri()
            else:
                place = f"{real.as_uri()}?mode=ro&immutable=1"
            self._open = sqlite3.connect(place, uri=True, check_same_thread=False)
            self._closing.callback(self._open.close)
            self._open.text_factory = _text
            if hasattr(self._open, "setlimit"):  # from Python 3.11 on: a column may be made up, and as long as it likes
                self._open.setlimit(0, MOST_VALUE_BYTES)  # SQLITE_LIMIT_LENGTH
            self._open.execute("PRAGMA trusted_schema = OFF")
            self._open.execute("PRAGMA writable_schema = ON")  # a file that was cut off is read as far as it goes
            self._look(self._open)
        except sqlite3.Error as error:
            self._closing.close()
            raise InvalidInput(f"this database cannot be read: {error}", _RECOVER) from error
        except BaseException:
            self._closing.close()
            raise
        self._closing.callback(lambda: setattr(self, "_open", None))
        return self

    def _look(self, db: sqlite3.Connection) -> None:
        """Read what tables there are; after a definition that is damaged, SQLite goes on with those before it."""
        import sqlite3

        try:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError:
            if not db.execute('PRAGMA table_info("entries")').fetchall():
                raise

    def __exit__(self, *_: object) -> None:
        """Close it, and remove what was copied."""
        self._closing.close()

    def columns(self, table: str) -> Mapping[str, str]:
        """The columns of a table by their names in lower case; none where there is no such table."""
        for kind, text in self._rows("SELECT type, sql FROM sqlite_master WHERE name = ?", table):
            if kind != "table" or str(text).upper().startswith("CREATE VIRTUAL"):
                return {}
        return {str(row[1]).lower(): str(row[1]) for row in self._rows(f'PRAGMA table_info("{table}")')}

    def rows(self) -> Iterator[Row]:
        """Every entry that can be read, in the order in which they were written; afterwards `damaged` is known."""
        tags = self._by_entry("tags", "tag")
        keywords = self._by_entry("context_keywords", "keyword")
        sources = self._sources()
        links = self._links()
        for values, lost in self._table("entries"):
            entry_id = str(values.get("id") or "")
            if lost:
                self._from_words_index(entry_id, values, tags)
            yield Row(
                {name: value for name, value in values.items() if value is not None},
                tags.pop(entry_id, []),
                keywords.pop(entry_id, []),
                sources.pop(entry_id, []),
                links.pop(entry_id, []),
                lost,
            )

    def _sources(self) -> dict[str, list[Mapping[str, Any]]]:
        """The rows of `entry_sources` by entry; one without a place of its own gets the domain of its source."""
        domains = {
            str(row["id"]): row.get("domain") or row.get("url_pattern")
            for row, _ in self._table("sources")
            if row.get("id") is not None
        }
        found: dict[str, list[Mapping[str, Any]]] = {}
        for row, _ in self._table("entry_sources"):
            place = row.get("source_ref") or domains.get(str(row.get("source_id")))
            found.setdefault(str(row.get("entry_id")), []).append({**row, "source_ref": place})
        return found

    def _links(self) -> dict[str, list[Linked]]:
        found: dict[str, list[Linked]] = {}
        for row, _ in self._table("links"):
            source, target = str(row.get("source_id") or ""), str(row.get("target_id") or "")
            if source and target and source != target:
                link = Linked(target, str(row.get("relation_type") or ""), str(row.get("reason") or ""))
                found.setdefault(source, []).append(link)
        return found

    def _by_entry(self, table: str, column: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row, _ in self._table(table):
            if row.get(column) is not None:
                found.setdefault(str(row.get("entry_id")), []).append(_words(row[column]))
        return found

    def _table(self, table: str) -> Iterator[tuple[dict[str, Any], list[str]]]:
        """The rows of a table by column, in the order in which they were written, and which columns of each are lost."""
        import sqlite3

        columns = self.columns(table)
        if not columns:
            return
        names = ", ".join(f'"{name}"' for name in columns.values())
        last: int | None = None
        most = "" if table == "entries" else f" LIMIT {MOST_ROWS}"
        try:
            for rowid, *row in self._connection.execute(f'SELECT rowid, {names} FROM "{table}" ORDER BY rowid{most}'):
                last = rowid
                yield dict(zip(columns, row)), []
        except sqlite3.Error:  # from here on one by one
            self.damaged.append(table)
            for rowid, known_id in self._rowids(table).items():
                if last is None or rowid > last:
                    values, lost = self._values(table, rowid, columns)
                    if known_id:
                        values.setdefault("id", known_id)
                    yield values, lost

    def _rowids(self, table: str) -> dict[int, str | None]:
        """The numbers of a table's rows, and for entries the id where an index tells it.

        An index often knows what a damaged table does not, and the end of a table can be read where its middle cannot.
        """
        import sqlite3

        column = "id" if table == "entries" else "NULL"
        found: dict[int, str | None] = {}
        is_damaged = False
        for statement in (
            f'SELECT rowid, {column} FROM "{table}"',
            f'SELECT rowid, NULL FROM "{table}" NOT INDEXED ORDER BY rowid',
            f'SELECT rowid, NULL FROM "{table}" NOT INDEXED ORDER BY rowid DESC',
        ):
            if statement.endswith("DESC") and not is_damaged:
                break
            try:
                for rowid, known in self._connection.execute(statement):
                    found[rowid] = found.get(rowid) or known
            except sqlite3.Error:
                is_damaged = True
        return dict(sorted(found.items()))

    def _values(self, table: str, rowid: int, columns: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        """A row's columns by name, and the names of those that cannot be read."""
        import sqlite3

        names = ", ".join(f'"{name}"' for name in columns.values())
        try:
            row = self._connection.execute(f'SELECT {names} FROM "{table}" WHERE rowid = ?', (rowid,)).fetchone()
            return (dict(zip(columns, row)), []) if row else ({}, list(columns))
        except sqlite3.Error:
            values: dict[str, Any] = {}
        for key, name in columns.items():  # a long row lies on several pages, and the first may be whole
            with contextlib.suppress(sqlite3.Error):
                row = self._connection.execute(f'SELECT "{name}" FROM "{table}" WHERE rowid = ?', (rowid,)).fetchone()
                if row:
                    values[key] = row[0]
        return values, [key for key in columns if key not in values]

    def _from_words_index(self, entry_id: str, values: dict[str, Any], tags: dict[str, list[str]]) -> None:
        """Fill what is lost of an entry from the copy of it that the original's words index holds."""
        if not entry_id or not self.columns("entries_fts_content"):
            return
        rows = self._rows("SELECT c1, c2, c3 FROM entries_fts_content WHERE c0 = ?", entry_id)
        for title, content, labels in rows[:1]:
            values.setdefault("title", title)
            values.setdefault("content", content)
            if labels and entry_id not in tags and "tags" in self.damaged:
                tags[entry_id] = str(labels).split()

    def _rows(self, statement: str, *given: str) -> list[tuple[Any, ...]]:
        import sqlite3

        try:
            return self._connection.execute(statement, given).fetchall()
        except sqlite3.Error:
            return []

    @property
    def _connection(self) -> sqlite3.Connection:
        assert self._open is not None, "the base is not open"
        return self._open


def _text(data: bytes) -> str:
    """A text as SQLite holds it: UTF-8, but nobody ever checked that."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        is_utf8 = any(char > "\x7f" and char != "\ufffd" for char in text)
        return text if is_utf8 else data.decode("cp1252", "replace")


def _words(value: object) -> str:
    return _text(value) if isinstance(value, bytes) else str(value)


@contextlib.contextmanager
def _private_folder() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="rekall-")  # only its owner may look into it
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(base: Path, beside: list[Path], folder: Path) -> Path:
    """A base and its log, copied at one moment.

    Raises:
        InvalidInput: Another program does not stop writing it.
    """
    for _ in range(_TRIES):
        before = _states(base, *beside)
        for file in (base, *beside):
            with contextlib.suppress(FileNotFoundError):  # the log goes when its last user does
                shutil.copyfile(file, folder / file.name)
                (folder / file.name).chmod(0o600)
        if _states(base, *beside) == before:
            return folder / base.name
    raise InvalidInput("another program keeps writing this base", "close the original Rekall, then import again")


def _states(*files: Path) -> list[tuple[int, int] | None]:
    states: list[tuple[int, int] | None] = []
    for file in files:
        try:
            found = file.stat()
        except FileNotFoundError:
            states.append(None)
        else:
            states.append((found.st_size, found.st_mtime_ns))
    return states
