"""Search time and memory of both vector backends, what it finds over kinds of vector spaces, and what writing takes.

    python benchmarks/index.py [--sizes 1000,10000,50000,1000000] [--json]
    python benchmarks/index.py --kinds [--sizes 20000,50000]
    python benchmarks/index.py --base FOLDER

Each row is a process of its own on a database file of its own. Vectors lie in clusters, as those of notes do.
"First" is the first search of the process, "warm" the median of the following ones; recall@10 is against an
exact search by numpy over all vectors; memory is what the process gained by searching. --base takes the
vectors of a real base instead, a hundred of them as queries, and forces the two-stage search on them. --kinds
asks each kind of `index_spaces` for ten, and for five hundred, as a search does; "compared" is how many vectors are
compared exactly. Milliseconds and microseconds are processor time of one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index_spaces import CLUSTERS, SPREAD

if TYPE_CHECKING:
    from rekall.store.sqlite import SqliteStore

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
DIM = 384
QUERIES = 30
AS_A_SEARCH = 500
"""So many passages a search asks for."""

BATCH = 256
"""So many vectors are written at a time, as by the embedder."""

PART = 16_384
"""So many are made at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes")
    parser.add_argument("--kinds", action="store_true", help="what is found over kinds of spaces")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--base", type=Path, help="a REKALL_HOME with entries")
    parser.add_argument("--measure", nargs=2, metavar=("FILE", "BACKEND"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(Path(options.measure[0]), options.measure[1])))
        return
    if options.base:
        print(f"recall@10 of the two-stage search over a real base: {real_recall(options.base / 'rekall.db'):.3f}")
        return
    if options.kinds:
        print_kinds([int(size) for size in (options.sizes or "20000,50000").split(",")])
        return
    if not options.json:
        print(
            "| vectors | backend | written, µs each | first ms | warm ms | gained MB | recall@10 |\n|---|---|---|---|---|---|---|"
        )
    with tempfile.TemporaryDirectory() as scratch:
        for size in map(int, (options.sizes or "1000,10000,50000").split(",")):
            file = Path(scratch) / f"{size}.db"
            written_us = build(file, size)
            for backend in ("sqlite-vec", "numpy"):
                answer = subprocess.run(
                    [sys.executable, __file__, "--measure", str(file), backend],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                row = {"vectors": size, "backend": backend, "written_us": written_us, **json.loads(answer.stdout)}
                if options.json:
                    print(json.dumps(row), flush=True)
                else:
                    print(
                        "| {vectors:,} | {backend} | {written_us:.0f} | {first_ms:.1f} | {warm_ms:.1f} | {gained_mb:.1f} | {recall:.3f} |".format(
                            **row
                        )
                    )


def build(file: Path, size: int) -> float:
    """A database with so many vectors in one space. Returns microseconds of each vector."""
    import numpy as np

    from rekall.models.vectors import unit_rows
    from rekall.store.sqlite import SqliteStore

    random = np.random.default_rng(20260101)
    centres = unit_rows(random.standard_normal((CLUSTERS, DIM)))
    store = SqliteStore(file)
    with store.transaction():
        index = store.vectors.index(store.vectors.make_space("benchmark", "benchmark", DIM, NOW))
        make_passages(store, size)
    spent = 0.0
    for first in range(0, size + QUERIES, PART):
        count = min(PART, size + QUERIES - first)
        noise = random.standard_normal((count, DIM)) / np.sqrt(DIM)
        vectors = unit_rows(centres[random.integers(0, CLUSTERS, count)] + SPREAD * noise)
        for start in range(0, min(count, size - first), BATCH):
            rows = vectors[start : min(start + BATCH, size - first)]
            began = time.process_time()
            with store.transaction():
                index.add_many(enumerate(rows, first + start + 1))
            spent += time.process_time() - began
    np.save(file.with_suffix(".npy"), vectors[-QUERIES:])
    store.close()
    return spent / size * 1e6


def make_passages(store: SqliteStore, size: int) -> None:
    """Passages of one entry, numbered from 1."""
    store.db.run("INSERT INTO entry VALUES (1, 'X', 'til', 'x', '', NULL, 'active', 2, '', '')")
    store.db.run(
        "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?) "
        "INSERT INTO passage SELECT id, 1, id, x'' FROM n",
        (size,),
    )


def counting(nearest: Callable[..., Any], size: int, compared: list[int]) -> Callable[..., Any]:
    """The exact comparison of an index, which notes how many vectors it compares."""

    def noted(query: bytes, k: int, among: list[int] | None) -> Any:
        compared.append(size if among is None else len(among))
        return nearest(query, k, among)

    return noted


def print_kinds(sizes: list[int]) -> None:
    """What both stages find of the nearest ten, for each kind of space."""
    from index_spaces import KINDS, recall, vectors_of

    from rekall.store.sqlite import SqliteStore

    print(
        "| space | mean cosine | vectors | recall@10 | as a search asks | compared | ms |\n|---|---|---|---|---|---|---|"
    )
    for kind in KINDS:
        for size in sizes:
            rows, queries = vectors_of(kind, size)
            store = SqliteStore(None)
            with store.transaction():
                index: Any = store.vectors.index(store.vectors.make_space("benchmark", "benchmark", DIM, NOW))
                make_passages(store, size)
                for start in range(0, size, BATCH):
                    index.add_many(enumerate(rows[start : start + BATCH], start + 1))
            compared: list[int] = []
            index._nearest = counting(index._nearest, size, compared)
            shares: dict[int, list[float]] = {10: [], AS_A_SEARCH: []}
            compares: dict[int, list[int]] = {10: [], AS_A_SEARCH: []}
            spent = 0.0
            for query in queries:
                cosines = rows @ query
                for k in shares:
                    began = time.process_time()
                    found = [number - 1 for number, _ in index.search(query, k)]
                    spent += time.process_time() - began if k == AS_A_SEARCH else 0.0
                    shares[k].append(recall(found, cosines))
                    compares[k].append(sum(compared))
                    compared.clear()
            cosine = float((rows[:500] @ rows[-500:].T).mean())
            means = [statistics.mean(each) for each in shares.values()]
            print(
                f"| {kind} | {cosine:.2f} | {size:,} | {means[0]:.3f} | {means[1]:.3f} "
                f"| {statistics.mean(compares[AS_A_SEARCH]):,.0f} "
                f"| {spent / len(queries) * 1e3:.0f} |",
                flush=True,
            )
            store.close()


def measure(file: Path, backend: str) -> dict[str, float]:
    """Time, memory and recall of one backend, in this process."""
    import numpy as np

    from rekall.store.sqlite import SqliteStore
    from rekall.system.resident import resident_bytes

    queries = np.load(file.with_suffix(".npy"))
    store = SqliteStore(file, backend)
    space = store.vectors.active_space()
    assert space is not None
    index = store.vectors.index(space)
    before = resident_bytes()
    seconds, found = [], []
    for query in queries:
        started = time.process_time()
        found.append([key for key, _ in index.search(query, 10)])
        seconds.append(time.process_time() - started)
    gained = resident_bytes() - before
    rows = store.db.rows(f"SELECT passage_id, vector FROM vectors_{space.id} ORDER BY 1")
    matrix = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float32).reshape(len(rows), -1)
    exact = np.argsort(-(queries @ matrix.T), axis=1, kind="stable")[:, :10] + 1
    recall = statistics.mean(len(set(ours) & set(best.tolist())) / 10 for ours, best in zip(found, exact))
    return {
        "first_ms": seconds[0] * 1e3,
        "warm_ms": statistics.median(seconds[1:]) * 1e3,
        "gained_mb": gained / 1e6,
        "recall": recall,
    }


def real_recall(file: Path) -> float:
    """Recall@10 of candidates by signs over the vectors of a base, the query itself left out."""
    import numpy as np

    from rekall.store import vectors
    from rekall.store.sqlite import SqliteStore

    store = SqliteStore(file)
    space = store.vectors.active_space()
    assert space is not None
    index = store.vectors.index(space)
    rows = store.db.rows(f"SELECT passage_id, vector FROM vectors_{space.id} ORDER BY 1")
    ids = np.array([row[0] for row in rows])
    matrix = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float32).reshape(len(rows), -1)
    vectors.EXACT_LIMIT = 0
    shares = []
    for query in matrix[:: max(len(matrix) // 100, 1)]:
        exact = ids[np.argsort(-(matrix @ query), kind="stable")[:11]][1:]
        found = [key for key, _ in index.search(query, 11)][1:]
        shares.append(len(set(found) & set(exact.tolist())) / 10)
    return statistics.mean(shares)


if __name__ == "__main__":
    main()
