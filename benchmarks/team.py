"""A team's base on PostgreSQL beside one's own in a file: what both find, how long both take, and what an index of vectors misses.

    python benchmarks/team.py --at ADDRESS quality --data FOLDER [--keep FOLDER] [--queries 300]
    python benchmarks/team.py --at ADDRESS speed --home FOLDER [--size 50000]
    python benchmarks/team.py --at ADDRESS index --size 500000 --from HOME... [--questions HOME]

ADDRESS is a database that is there for this; each run makes schemas in it and drops them. quality copies the base of each BEIR set
and asks both; speed does so with notes that nobody wrote (`scale_notes`); index keeps vectors alone: those of bases, and as many
more as it takes between them and their neighbours. Milliseconds are of one process after the other, the same questions in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import psycopg
from judging import MODES, beds, find_sets, opened, queries_of
from scale_base import fill
from scale_notes import batch_of
from scale_worker import shipped

from rekall.app import App
from rekall.entry.filters import Filters
from rekall.entry.passages import passages_of
from rekall.knowledge.measuring import judge
from rekall.knowledge_base import KnowledgeBase
from rekall.models.vectors import Matrix, unit_rows
from rekall.search.results import Mode
from rekall.store.contract import Store
from rekall.store.postgres import open_store, prepare, vectors
from rekall.store.postgres.store import PostgresStore
from rekall.store.sqlite import SqliteStore
from rekall.store.values import EVERYTHING
from rekall.system.clock import Clock
from rekall.wiring import Tuning, build

_BATCH = 500
_BEST = 10
_NEIGHBOURS, _NOISE = 8, 0.35
_AT_ONCE = 20_000
_NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", required=True, help="the address of a database, as libpq takes it")
    verbs = parser.add_subparsers(dest="verb", required=True)
    quality = verbs.add_parser("quality")
    quality.add_argument("--data", type=Path, required=True, action="append", help="a BEIR set, or a folder of several")
    quality.add_argument("--keep", type=Path, help="where the bases stay")
    quality.add_argument("--queries", type=int, default=300, help="of each set (300)")
    speed = verbs.add_parser("speed")
    speed.add_argument("--home", type=Path, required=True, help="where the base in a file is, or will be")
    speed.add_argument("--size", type=int, default=50_000, help="notes (50000)")
    speed.add_argument("--queries", type=int, default=60)
    index = verbs.add_parser("index")
    index.add_argument("--size", type=int, default=500_000, help="vectors (500000)")
    index.add_argument("--from", dest="homes", type=Path, nargs="+", required=True, help="homes of bases with vectors")
    index.add_argument("--questions", type=Path, required=True, help="the home of another base, whose vectors ask")
    options = parser.parse_args()
    {"quality": measure_quality, "speed": measure_speed, "index": measure_index}[options.verb](options)


def measure_quality(options: argparse.Namespace) -> None:
    """Figures of each set on both stores, and how many questions find the very same."""
    print("| set | mode | nDCG@10 in a file | on PostgreSQL | the same ten | ms in a file | on PostgreSQL |")
    print("|---|---|---|---|---|---|---|")
    folders = [folder for data in options.data for folder in find_sets(data)]
    with beds(folders, options.keep) as made:
        for bed in made:
            queries = queries_of(bed, options.queries)
            with opened(bed) as own, team_base(options.at) as store, asking(store, bed.home) as team:
                with contextlib.closing(SqliteStore(bed.home / "rekall.db")) as source:
                    copy(source, store)
                for mode in MODES:
                    found = [(ids(own.base, each.text, mode), ids(team, each.text, mode)) for each in queries]
                    took = timed([own.base, team], [each.text for each in queries[:60]], mode)
                    names = own.names
                    ndcg = [
                        statistics.mean(
                            judge(each, [names[one] for one in pair[side]]).ndcg for each, pair in zip(queries, found)
                        )
                        for side in (0, 1)
                    ]
                    same = sum(one[:_BEST] == other[:_BEST] for one, other in found)
                    figures = f"{ndcg[0]:.4f} | {ndcg[1]:.4f} | {same} of {len(found)}"
                    print(f"| {bed.name} | {mode.value} | {figures} | {took[0]:.0f} | {took[1]:.0f} |", flush=True)


def measure_speed(options: argparse.Namespace) -> None:
    """Searches over many notes on both stores, and what a note takes on the disk."""
    with contextlib.closing(App({"REKALL_HOME": str(options.home)})) as app:
        app.open_base(to_write=True)
        fill(options.home, options.size, shipped())
    chosen = np.random.default_rng(5).integers(0, options.size // 1000, options.queries)
    notes = [batch_of(int(batch))[int(batch) * 7 % 1000].entry for batch in chosen]
    texts = [note.title if place % 2 else " ".join(note.content.split()[5:11]) for place, note in enumerate(notes)]
    with (
        contextlib.closing(SqliteStore(options.home / "rekall.db")) as source,
        team_base(options.at) as store,
        asking(source, options.home) as own,
        asking(store, options.home) as team,
    ):
        rate = copy(source, store)
        size = [each.size_bytes() / options.size for each in (source, store)]
        print(
            f"{options.size:,} notes: {size[0]:,.0f} bytes a note in a file, {size[1]:,.0f} on PostgreSQL; {rate:,.0f} stored a second\n"
        )
        print("| mode | ms in a file, p50 | p95 | on PostgreSQL, p50 | p95 |\n|---|---|---|---|---|")
        for mode in MODES:
            took = [sorted(each) for each in times([own, team], texts, mode)]
            figures = " | ".join(f"{each[len(each) // 2]:.0f} | {each[int(0.95 * len(each))]:.0f}" for each in took)
            print(f"| {mode.value} | {figures} |", flush=True)


def measure_index(options: argparse.Namespace) -> None:
    """What the index of half-precision vectors finds of the truly nearest, and how fast, by how many candidates it hands over."""
    rows = extended(np.concatenate([held_in(home) for home in options.homes]), options.size)
    asked = held_in(options.questions)
    asked = asked[np.random.default_rng(2).permutation(len(asked))[:100]]
    with team_base(options.at) as store:
        bare(store, len(rows))
        with store.transaction():
            space = store.vectors.make_space("print", "model", rows.shape[1], _NOW)
        index = store.vectors.index(space)
        began = time.perf_counter()
        for first in range(0, len(rows), _AT_ONCE):
            with store.transaction():
                index.add_many(enumerate(rows[first : first + _AT_ONCE], first + 1))
        stored = time.perf_counter()
        with store.transaction():
            index.rebuild()
        print(
            f"{len(rows):,} vectors stored in {stored - began:,.0f} s, their index made in {time.perf_counter() - stored:,.0f} s\n"
        )
        best = np.argsort(-(asked @ rows.T), axis=1, kind="stable")[:, :100] + 1
        chosen = int(store.db.value("SELECT reltuples FROM pg_class WHERE oid = to_regclass(%s)", (index.name,)))
        chosen = max(vectors.CANDIDATES, chosen // vectors.ONE_IN)
        print("| candidates | p50 ms | p95 | recall@10 | recall@100 |\n|---|---|---|---|---|")
        for candidates in sorted({200, 400, 800, chosen, 2 * chosen}):
            vectors.CANDIDATES, vectors.ONE_IN = candidates, len(rows)
            took, ten, hundred = [], [], []
            for question, truth in zip(asked, best):
                began = time.perf_counter()
                found = [one for one, _ in index.search(question, 100)]
                took.append(1000 * (time.perf_counter() - began))
                ten.append(len(set(found[:10]) & set(truth[:10].tolist())) / 10)
                hundred.append(len(set(found) & set(truth.tolist())) / 100)
            took.sort()
            shares = f"{statistics.mean(ten):.3f} | {statistics.mean(hundred):.3f}"
            name = f"{candidates:,}" + (", what Rekall asks for" if candidates == chosen else "")
            print(f"| {name} | {took[len(took) // 2]:.0f} | {took[int(0.95 * len(took))]:.0f} | {shares} |", flush=True)


_schemas = itertools.count()


@contextlib.contextmanager
def team_base(at: str) -> Iterator[PostgresStore]:
    """An empty base in a schema of its own, which goes when the block ends."""
    name = f"bench_{next(_schemas)}"
    where = f"{at} options='-csearch_path={name}'"
    drop = f"DROP SCHEMA IF EXISTS {name} CASCADE"
    with psycopg.connect(at) as connection:  # an earlier run may have been killed
        connection.execute(drop)
    prepare(where)
    try:
        with contextlib.closing(open_store(where)) as store:
            yield store
    finally:
        with psycopg.connect(at) as connection:
            connection.execute(drop)


@contextlib.contextmanager
def asking(store: Store, home: Path) -> Iterator[KnowledgeBase]:
    """A base over a store, with the model and the settings of a home."""
    with contextlib.closing(App({"REKALL_HOME": str(home)})) as app:
        from rekall.models.library import FolderLoader

        loader = FolderLoader(
            app.library, app.settings.text("engine.model"), app.settings.whole("engine.threads"), app.engine_backend
        )
        yield build(store, loader, Tuning.of(app.settings, is_long_lived=True), Clock()).base


def copy(source: SqliteStore, into: Store) -> float:
    """Copy entries, words, passages and the vectors of the active space. Returns how many entries a second, without vectors."""
    space = source.vectors.active_space()
    assert space is not None
    with into.transaction():
        made = into.vectors.make_space(space.fingerprint, space.model, space.dim, _NOW)
        if space.spread is not None:
            into.vectors.keep_spread(made, space.spread)
    entries, took = list(source.entries.stream()), 0.0
    for first in range(0, len(entries), _BATCH):
        some = entries[first : first + _BATCH]
        began = time.perf_counter()
        with into.transaction():
            keys = into.entries.insert_many([entry for _, entry in some])
            into.words.put_many(list(zip(keys, (entry for _, entry in some))))
            passages = into.passages.put_many([(key, passages_of(entry)) for key, (_, entry) in zip(keys, some)])
        took += time.perf_counter() - began
        old = {(each.entry_key, each.position): each.id for each in source.passages.of_entries(key for key, _ in some)}
        ids_of = {old[key, place]: one for (key, _), row in zip(some, passages) for place, one in enumerate(row)}
        with into.transaction():
            held = source.vectors.index(space).get_many(ids_of)
            into.vectors.index(made).add_many((ids_of[one], data) for one, data in held.items())
    if isinstance(into, PostgresStore):
        into.db.run("ANALYZE entry, item, passage, embedding, term, posting, indexed")
    return len(entries) / took


def ids(base: KnowledgeBase, text: str, mode: Mode, most: int = 100) -> list[str]:
    """The ids of what a question finds, best first."""
    return [hit.entry.id for hit in base.search(text, Filters(), mode, most, literal=True).hits]


def times(bases: Sequence[KnowledgeBase], texts: Sequence[str], mode: Mode) -> list[list[float]]:
    """Milliseconds of each question, by base."""
    took: list[list[float]] = [[] for _ in bases]
    for text in texts:
        for base, each in zip(bases, took):
            began = time.perf_counter()
            ids(base, text, mode, 20)
            each.append(1000 * (time.perf_counter() - began))
    return took


def timed(bases: Sequence[KnowledgeBase], texts: Sequence[str], mode: Mode) -> list[float]:
    """The median of each base."""
    return [statistics.median(each) for each in times(bases, texts, mode)]


def held_in(home: Path) -> Matrix:
    """The vectors of a base: (n, d) float32."""
    with contextlib.closing(SqliteStore(home / "rekall.db")) as store:
        space = store.vectors.active_space()
        assert space is not None
        held = store.vectors.index(space).get_many(store.passages.ids(EVERYTHING))
        return np.stack([np.frombuffer(data, dtype=np.float32) for data in held.values()])


def extended(rows: Matrix, size: int) -> Matrix:
    """Vectors and as many more as it takes, each between one of them and a neighbour of it, with some noise: (size, d) float32."""
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -1)
    near = np.argpartition(-cosines, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    random = np.random.default_rng(1)
    parts = [rows[:size]]
    for first in range(len(rows), size, _AT_ONCE):
        count = min(_AT_ONCE, size - first)
        one = random.integers(0, len(rows), count)
        share = random.uniform(0.3, 0.7, (count, 1))
        mixed = share * rows[one] + (1 - share) * rows[near[one, random.integers(0, _NEIGHBOURS, count)]]
        noise = _NOISE * random.standard_normal(mixed.shape) / np.sqrt(rows.shape[1])
        parts.append(unit_rows(unit_rows(mixed) + noise))
    return np.concatenate(parts)


def bare(store: PostgresStore, count: int) -> None:
    """Entries that say nothing, and a passage of each, of the same number."""
    with store.transaction():
        store.db.run(
            "INSERT INTO entry (id, type, title, content, status, confidence, created_at, updated_at) SELECT "
            "'01' || lpad(g::text, 24, '0'), 'til', 't', '', 'active', 3, %s, %s FROM generate_series(1, %s) g",
            (_NOW.isoformat(), _NOW.isoformat(), count),
        )
        store.db.run(
            "INSERT INTO passage (id, entry_key, position, text_hash) SELECT row_number() OVER (ORDER BY key), key, 0, %s FROM entry",
            (b"",),
        )


if __name__ == "__main__":
    main()
