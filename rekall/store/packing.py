"""Signs that are a row each, as before schema 8, put into blocks."""

from __future__ import annotations

from rekall.db import Database
from rekall.store import schema
from rekall.store.sign_blocks import Layout
from rekall.store.signs import Signs


def pack_signs(db: Database) -> None:
    """Put the signs of every space into blocks, as they are. Call it inside the transaction of a step of the schema."""
    named = "name GLOB 'signs_[0-9]*' AND name NOT GLOB 'signs_*[^0-9]*' AND length(name) <= length('signs_') + 18"
    tables = db.rows(f"SELECT name FROM sqlite_schema WHERE type = 'table' AND {named}")
    sizes: dict[str, int] = dict(db.rows(f"SELECT 'signs_' || id, dim FROM space WHERE {schema.IS_WHOLE_SPACE}"))
    for (name,) in tables:
        if not db.rows("SELECT 1 FROM pragma_table_info(?) WHERE name = 'passage_id'", (name,)):
            continue
        space = int(name.partition("_")[2])
        db.run(f"ALTER TABLE {name} RENAME TO signs_before")
        db.run(schema.space_tables(space))
        if name in sizes:
            size = Layout(sizes[name]).sign_bytes
            rows = db.stream(
                f"SELECT passage_id, bits FROM signs_before WHERE length(bits) = {size:d} ORDER BY passage_id"
            )
            Signs(db, space, sizes[name], by_sql=False).put_as_they_are((row[0], row[1]) for row in rows)
        db.run("DROP TABLE signs_before")
