"""What vectors in fewer bits would cost and save: half precision, bfloat16, int8, against the float32 that is stored.

    python benchmarks/index_precision.py [--size 50000] [--notes CORPUS.jsonl]

"recall@10" is against the ten nearest by float32, over the kinds of `index_spaces`; "cosine" the largest difference of a
cosine of these. int8 has one scale a vector; "int8, both" has the query in int8 as well, which is all that sqlite-vec
compares. --notes tells what of a base of such notes is vectors.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from index_spaces import DIM, KINDS, recall, vectors_of

from rekall.models.vectors import Matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=50_000)
    parser.add_argument("--notes", type=Path, help="lines of JSON with `title` and `text`")
    options = parser.parse_args()
    print_recall(options.size)
    print_speed()
    if options.notes:
        print_bytes(options.notes)


def as_int8(rows: Matrix) -> Matrix:
    """(n, d) float32 after a way through int8, a scale a row."""
    scale = np.abs(rows).max(axis=1, keepdims=True) / 127.0
    rounded: Matrix = (np.rint(rows / scale) * scale).astype(np.float32)
    return rounded


def as_bfloat16(rows: Matrix) -> Matrix:
    """(n, d) float32 after a way through the upper half of their bits, rounded."""
    bits = np.ascontiguousarray(rows).view(np.uint32)
    rounded: Matrix = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return rounded


def as_float16(rows: Matrix) -> Matrix:
    """(n, d) float32 after a way through half precision."""
    rounded: Matrix = rows.astype(np.float16).astype(np.float32)
    return rounded


def as_it_is(rows: Matrix) -> Matrix:
    return rows


FORMS: dict[str, tuple[Callable[[Matrix], Matrix], Callable[[Matrix], Matrix]]] = {
    "float16": (as_float16, as_it_is),
    "bfloat16": (as_bfloat16, as_it_is),
    "int8": (as_int8, as_it_is),
    "int8, both": (as_int8, as_int8),
}


def print_recall(size: int) -> None:
    print("| space | " + " | ".join(f"{name}, recall@10 | cosine" for name in FORMS) + " |")
    print("|---" * (1 + 2 * len(FORMS)) + "|")
    for kind in KINDS:
        rows, queries = vectors_of(kind, size)
        line = [kind]
        for form, of_query in FORMS.values():
            stored = form(rows)
            shares, worst = [], 0.0
            for query in queries:
                exact, other = rows @ query, stored @ of_query(query[None])[0]
                shares.append(recall(np.argsort(-other, kind="stable")[:10].tolist(), exact))
                worst = max(worst, float(np.abs(exact - other).max()))
            line += [f"{np.mean(shares):.3f}", f"{worst:.5f}"]
        print("| " + " | ".join(line) + " |", flush=True)


def print_speed() -> None:
    """Processor time of 2,000 candidates, read by their ids and compared."""
    from rekall.db import Database
    from rekall.store.vectors import choose_backend

    rows, queries = vectors_of("clustered, centred", 20_000)
    query = queries[0]
    db = Database(None)
    choose_backend(db, "sqlite-vec")
    for name, data in (("f4", rows), ("f2", rows.astype(np.float16))):
        db.run(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, vector BLOB)")
        db.run_many(f"INSERT INTO {name} VALUES (?, ?)", ((n, row.tobytes()) for n, row in enumerate(data)))
    ids = json.dumps(list(range(0, 20_000, 10)))
    chosen = "WHERE id IN (SELECT value FROM json_each(?))"

    def by_sql() -> None:
        db.rows(f"SELECT id, vec_distance_l2(vector, ?) FROM f4 {chosen}", (query.tobytes(), ids))

    def by_numpy(name: str, kind: type) -> None:
        found = db.rows(f"SELECT id, vector FROM {name} {chosen}", (ids,))
        matrix: Any = np.frombuffer(b"".join(row[1] for row in found), dtype=kind).reshape(len(found), -1)
        np.einsum("nd,d->n", matrix.astype(np.float32), query)

    def by_struct() -> None:
        import struct

        unpack = struct.Struct(f"<{DIM}e").unpack
        pack = struct.Struct(f"<{DIM}f").pack
        for _, vector in db.rows(f"SELECT id, vector FROM f2 {chosen}", (ids,)):
            db.value("SELECT vec_distance_l2(?, ?)", (pack(*unpack(vector)), query.tobytes()))

    ways = {
        "float32, sqlite-vec": by_sql,
        "float32, numpy": lambda: by_numpy("f4", np.float32),
        "float16, numpy": lambda: by_numpy("f2", np.float16),
        "float16, sqlite-vec, without numpy": by_struct,
    }
    print("\n| 2,000 candidates | ms |\n|---|---|")
    for name, way in ways.items():
        spent = []
        for _ in range(5):
            began = time.process_time()
            way()
            spent.append(time.process_time() - began)
        print(f"| {name} | {min(spent) * 1e3:.1f} |")
    db.close()


def print_bytes(notes: Path) -> None:
    """Of a base of these notes: how much is text and index, how much vectors."""
    from rekall.entry.fields import Entry
    from rekall.entry.passages import passages_of
    from rekall.entry.types import EntryType
    from rekall.store.sqlite import SqliteStore

    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    with tempfile.TemporaryDirectory() as scratch:
        store = SqliteStore(Path(scratch) / "notes.db")
        count = 0
        with store.transaction():
            for number, line in enumerate(notes.read_text(encoding="utf-8").splitlines()):
                note = json.loads(line)
                entry = Entry(
                    EntryType.TIL,
                    note["title"] or "note",
                    note["text"],
                    id=f"01{number:024d}",
                    created_at=now,
                    updated_at=now,
                )
                key = store.entries.insert(entry)
                store.words.put(key, entry)
                count += len(store.passages.put(key, passages_of(entry)))
        store.compact()
        texts = store.size_bytes()
        store.close()
    page = 8192 - 100
    print(f"\n{number + 1:,} notes, {count:,} passages of {DIM} dimensions: {texts / 1e6:.1f} MB of texts and words")
    for name, size in (("float32", 4 * DIM), ("float16", 2 * DIM), ("int8", DIM + 4)):
        vectors = -(-count // (page // (size + 8))) * 8192 + count * 51
        print(f"with vectors in {name} {(texts + vectors) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
