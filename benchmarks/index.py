"""Search time and memory of both vector backends at 1,000, 10,000 and 50,000 vectors.

    python benchmarks/index.py [--sizes 1000,10000,50000] [--json]
    python benchmarks/index.py --base FOLDER

Each row is a process of its own on a database file of its own. Vectors lie in clusters, as those of notes do.
"First" is the first search of the process, "warm" the median of the following ones; recall@10 is against an
exact search by numpy over all vectors; memory is what the process gained by searching. --base takes the
vectors of a real base instead, a hundred of them as queries, and forces the two-stage search on them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
DIM = 384
QUERIES = 30
CLUSTERS = 400
SPREAD = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,50000")
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
    if not options.json:
        print("| vectors | backend | first ms | warm ms | gained MB | recall@10 |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for size in map(int, options.sizes.split(",")):
            file = Path(scratch) / f"{size}.db"
            build(file, size)
            for backend in ("sqlite-vec", "numpy"):
                answer = subprocess.run(
                    [sys.executable, __file__, "--measure", str(file), backend],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                row = {"vectors": size, "backend": backend, **json.loads(answer.stdout)}
                if options.json:
                    print(json.dumps(row), flush=True)
                else:
                    print(
                        "| {vectors:,} | {backend} | {first_ms:.1f} | {warm_ms:.1f} | {gained_mb:.1f} | {recall:.3f} |".format(
                            **row
                        )
                    )


def build(file: Path, size: int) -> None:
    """A database with so many vectors in one space."""
    import numpy as np

    from rekall.models.vectors import unit_rows
    from rekall.store.sqlite import SqliteStore

    random = np.random.default_rng(20260101)
    centres = unit_rows(random.standard_normal((CLUSTERS, DIM)))
    noise = random.standard_normal((size + QUERIES, DIM)) / np.sqrt(DIM)
    vectors = unit_rows(centres[random.integers(0, CLUSTERS, size + QUERIES)] + SPREAD * noise)
    np.save(file.with_suffix(".npy"), vectors[size:])
    store = SqliteStore(file)
    with store.transaction():
        index = store.vectors.index(store.vectors.make_space("benchmark", "benchmark", DIM, NOW))
        store.db.run("INSERT INTO entry VALUES (1, 'X', 'til', 'x', '', NULL, 'active', 2, '', '')")
        for number, vector in enumerate(vectors[:size], 1):
            store.db.run("INSERT INTO passage VALUES (?, 1, ?, x'')", (number, number))
            index.add(number, vector)
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
        started = time.perf_counter()
        found.append([key for key, _ in index.search(query, 10)])
        seconds.append(time.perf_counter() - started)
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
