"""A value of another type than its column's stands in the way of its own row alone, whatever is asked."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from support import Bench, make_bench
from support.depth import IS_DEEP, some

from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.errors import RekallError
from rekall.exchange.writing import Format
from rekall.store.base_file import SqliteBaseFile
from rekall.store.findings import Level

VALUES = {
    "NULL": "NULL",
    "a blob": "x'616263'",
    "bytes that are no text": "x'ff00fe'",
    "a number": "42",
    "a fraction": "0.5",
    "infinity": "9e999",
    "a text": "'abc'",
    "an empty text": "''",
    "a great number": "9223372036854775807",
    "a negative number": "-9",
    "a time out of time": "'9999-12-31T23:59:59-14:00'",
    "a time before time": "'0001-01-01T00:00:00+14:00'",
    "a list": "'[]'",
    "a list of numbers": """'{"fields": [1], "links": [[1, 2, 3]]}'""",
    "JSON of another shape": """'{"fields": {"tags": 5, "title": [1]}, "links": 7, "entry": {"title": 5}, "origin": [1]}'""",
}
COLUMNS = {
    "entry": ("id", "type", "title", "content", "project", "status", "confidence", "created_at", "updated_at"),
    "item": ("kind", "position", "value"),
    "link": ("type", "reason", "created_at", "turn"),
    "origin": ("path", "source_hash", "entry_hash", "successor", "record_id", "said"),
    "tombstone": ("id", "type", "title", "deleted_at", "record"),
    "passage": ("position", "text_hash"),
    "space": ("fingerprint", "model", "dim", "active", "created_at", "spread"),
    "lease": ("holder", "pid", "host", "renewed_at", "done", "total"),
    "trace": ("entry_id", "deleted_at", "is_wiped"),
}
WHERE = {
    "entry": "key = 2",
    "item": "entry_key = 2 AND position = 0",
    "link": "source_key = 1",
    "origin": "entry_key = 2",
    "tombstone": "id = (SELECT min(id) FROM tombstone)",
    "passage": "entry_key = 2",
    "space": "id = 1",
    "lease": "true",
    "trace": "true",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Entries 1 to 4 imported, the first two linked; two others deleted, one for ever; an import that never ended."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "notes").mkdir()
    for number in range(1, 5):
        (folder / "notes" / f"{number}.md").write_text(
            f"---\ntitle: zebra {number}\ntags: [a]\n---\nzebra text {number}\n"
        )
    path = folder / "base" / "rekall.db"
    bench = make_bench(path)
    bench.base.files.import_paths([folder / "notes"])
    ids = bench.store.entries.ids_in_order()
    bench.base.link(ids[0], ids[1], reason="both zebra")
    for number in range(2):
        gone = bench.base.add(Draft(EntryType.TIL, f"gone {number}", "gone text")).entry
        bench.base.link(ids[2], gone.id, reason="also zebra")
        bench.base.delete(gone.id)
    bench.base.close()
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute("INSERT INTO lease VALUES ('embed', 'x', 1, 'elsewhere', '2020-01-01T00:00:00Z', 0, 1)")
        db.execute("INSERT INTO trace VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV', '2026-01-01T00:00:00Z', 0)")
    return path


def forced(path: Path, table: str, column: str, value: str) -> None:
    """Write a value as a flipped bit does, past every check."""
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute("PRAGMA ignore_check_constraints = on; PRAGMA foreign_keys = off; PRAGMA writable_schema = on")
        sql = "UPDATE sqlite_schema SET sql = replace(replace(sql, ' STRICT', ''), ' NOT NULL', '') WHERE name = ?"
        (was,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        db.execute(sql.replace("' STRICT', ''", "' STRICT,', ''") if " STRICT," in was else sql, (table,))
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute("PRAGMA foreign_keys = off")
        with contextlib.suppress(apsw.ConstraintError):
            db.execute(f"UPDATE {table} SET {column} = {value} WHERE {WHERE[table]}")
        db.execute("PRAGMA writable_schema = on")
        db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (was, table))


def verbs(bench: Bench, notes: Path, folder: Path) -> list[Callable[[], object]]:
    base = bench.base
    last = bench.store.entries.ids_in_order()[-1]
    others = bench.store.entries.ids_in_order()
    return [
        base.list_entries,
        lambda: base.search("zebra"),
        lambda: base.similar(last),
        base.stats,
        lambda: [tombstone.title.upper() for tombstone in base.deleted()],
        lambda: [base.get(entry_id) for entry_id in others],
        lambda: base.files.export(io.BytesIO(), form=Format.JSONL),
        lambda: base.files.export(folder / "vault", form=Format.OBSIDIAN),
        lambda: base.files.import_paths([notes]),
        base.index.status,
        lambda: base.add(Draft(EntryType.TIL, "another zebra", "text")),
        lambda: base.change(last, content="other text"),
        lambda: [base.change(entry_id, content="other text") for entry_id in others],
        lambda: base.link(others[0], last, reason="why"),
        lambda: base.restore(base.deleted()[0].id),
        lambda: [base.delete(entry_id) for entry_id in others],
        lambda: base.delete(last, forever=True),
        base.index.rebuild_vectors,
    ]


def values_for(table: str, column: str) -> list[str]:
    """A third of the values: each column gets its share, and each value a third of the columns; deep, all at all."""
    if IS_DEEP:
        return list(VALUES.values())
    columns = [(table, column) for table, columns in COLUMNS.items() for column in columns]
    return list(VALUES.values())[columns.index((table, column)) % 3 :: 3]


@some(1 / 3)
@pytest.mark.parametrize(
    "place", [(table, column) for table, columns in COLUMNS.items() for column in columns], ids=".".join
)
def test_a_value_of_another_type_stands_in_the_way_of_its_own_row_alone(made, tmp_path, place):
    for number, value in enumerate(values_for(*place)):
        path = tmp_path / str(number) / "rekall.db"
        path.parent.mkdir()
        path.write_bytes(made.read_bytes())
        forced(path, *place, value)
        bench = make_bench(path)
        with contextlib.closing(bench.base):
            for verb in verbs(bench, made.parent.parent / "notes", path.parent):
                hints: list[str] = []
                try:
                    verb()
                except RekallError as error:  # of the row alone
                    hints.append(error.hint)
                assert not any("please report" in hint for hint in hints), value
        base = SqliteBaseFile(path)
        if base.examine().needs_mending:
            base.mend()
        assert [each for each in base.examine().findings if each.level is Level.PROBLEM] == [], value
