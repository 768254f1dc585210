"""What the cache of entries' vectors gains and costs: searches with and without it, on the numpy backend.

    python benchmarks/cache.py [--sizes 10000,50000] [--json]

Vectors lie in clusters, as those of notes do, and belong to entries of one to three passages. Three kinds of questions:
"same" asks each one again and again, "typing" adds a word at a time and takes two back, "related" asks about twenty topics
in ever new words. Every question goes to four bases on the same file, one after the other in one process: without a
cache, with one of the default size, with one larger than the base, and on sqlite-vec, which keeps none. Times are medians of
processor time, for a whole search of ten hits; a quotient below 1 is a gain. Searches whose question is new to the process
count too, but for the first of each kind. Memory is the resident memory of a process that asked all questions,
less that of one that did so without a cache.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rekall.cache
from rekall.entry.fields import Entry
from rekall.entry.passages import Passage
from rekall.entry.types import EntryType
from rekall.models.contract import Encoder, ModelIdentity
from rekall.store.sqlite import SqliteStore
from rekall.system.clock import Clock
from rekall.wiring import Rooms, Tuning, build

if TYPE_CHECKING:
    from rekall.models.vectors import Matrix

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
DIM = 384
CLUSTERS = 400
SPREAD = 0.9
WORDS = 5_000
MODES = ("meaning", "hybrid")
KINDS = ("same", "typing", "related")
DEFAULT = 1_000
"""`performance.cache_max_size` where nobody sets it."""
NEARNESS = (0.45, 0.65, 0.75, 0.85, 0.93, 1.0, 0.93, 0.85)
"""Cosines of what was typed so far to the whole question, as all-MiniLM-L6-v2 gives them; then two words are taken back."""


@dataclass
class Questions:
    """An encoder that knows the vectors of its questions, and where it comes from."""

    vectors: dict[str, Matrix] = field(default_factory=dict)
    dim: int = DIM
    fingerprint: str = "benchmark"

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """The vectors of known texts, (n, d) float32, rows of unit length."""
        import numpy as np

        return np.stack([self.vectors[text] for text in texts])

    encode_documents = encode_queries

    def known(self, texts: Sequence[str]) -> list[float]:
        """Every word."""
        return [1.0] * len(texts)

    def is_open(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Nothing is held."""

    def identify(self, name: str | None = None) -> ModelIdentity:
        """The one model there is."""
        return ModelIdentity("benchmark", self.fingerprint, self.dim)

    def find(self, name: str, fingerprint: str) -> ModelIdentity:
        """The one model there is."""
        return self.identify()

    def load(self, name: str) -> Encoder:
        """The encoder itself."""
        return self


class Counting(rekall.cache.EmbeddingCache):
    """A cache that counts what it was asked for."""

    asked = found = 0

    def get_many(self, keys: Iterable[int], read_in: int) -> dict[int, rekall.cache.EntryVectors]:
        """As every cache does, counted."""
        wanted = list(keys)
        got = super().get_many(wanted, read_in)
        self.asked += len(wanted)
        self.found += len(got)
        asked_caches.update({id(self): self})
        return got


asked_caches: dict[int, Counting] = {}
"""The caches that were asked since this was emptied."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,50000")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--memory", nargs=2, metavar=("FILE", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(Path(options.measure))
        return
    if options.memory:
        print(json.dumps(memory(Path(options.memory[0]), int(options.memory[1]))))
        return
    rows: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in map(int, options.sizes.split(",")):
            file = Path(scratch) / f"{size}.db"
            fill(file, size)
            rows += [{"vectors": size, **json.loads(line)} for line in _run("--measure", str(file)).splitlines()]
            without = json.loads(_run("--memory", str(file), "0"))
            for kept in (DEFAULT, size):
                cost = json.loads(_run("--memory", str(file), str(kept)))
                gained = (cost["resident"] - without["resident"]) / 1e6
                costs.append({"vectors": size, "size": kept, "entries": cost["entries"], "mb": gained})
    if options.json:
        print("\n".join(map(json.dumps, [*rows, *costs])))
        return
    print("| vectors | mode | questions | no cache, ms | 1,000 entries | hits | all entries | hits | sqlite-vec, ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            "| {vectors:,} | {mode} | {kind} | {without_ms:.1f} | × {default:.2f} | {default_hits:.0%} "
            "| × {whole:.2f} | {whole_hits:.0%} | {sqlite_vec_ms:.1f} |".format(**row)
        )
    print("\n| vectors | size | entries kept | resident MB |\n|---|---|---|---|")
    for cost in costs:
        print("| {vectors:,} | {size:,.0f} | {entries:,.0f} | {mb:.1f} |".format(**cost))


def _run(*arguments: str) -> str:
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def fill(file: Path, size: int) -> None:
    """A base with so many vectors, and beside it the centres of the clusters that they lie in."""
    import numpy as np

    from rekall.models.vectors import unit_rows

    random = np.random.default_rng(20260101)
    centres = unit_rows(random.standard_normal((CLUSTERS, DIM)))
    np.save(file.with_suffix(".npy"), centres)
    store, clock = SqliteStore(file), Clock()
    with store.transaction():
        index = store.vectors.index(store.vectors.make_space("benchmark", "benchmark", DIM, NOW))
        done = 0
        while done < size:
            count = min(int(random.integers(1, 4)), size - done)
            cluster = int(random.integers(CLUSTERS))
            noise = random.standard_normal((count, DIM)) / np.sqrt(DIM)
            words = [f"word{number}" for number in random.integers(0, WORDS, 60 * count)]
            title = " ".join(words_of(cluster)[: 1 + done % 3])
            text = " ".join([*words, *words_of(cluster)[done % 5 :]])
            entry = Entry(EntryType.TIL, title, text, id=clock.new_id(None), created_at=NOW, updated_at=NOW)
            key = store.entries.insert(entry)
            store.words.put(key, entry)
            ids = store.passages.put(key, [Passage(number, "", bytes([number])) for number in range(count)])
            for passage_id, vector in zip(ids, unit_rows(centres[cluster] + SPREAD * noise)):
                index.add(passage_id, vector)
            done += count
    store.close()


def words_of(cluster: int) -> list[str]:
    """Words that the entries of one cluster share."""
    return [f"topic{cluster}{letter}" for letter in "abcdef"]


def questions(file: Path, encoder: Questions) -> dict[str, list[str]]:
    """Questions of each kind, whose vectors the encoder then knows."""
    import numpy as np

    from rekall.models.vectors import unit_rows

    random = np.random.default_rng(20260102)
    centres = np.load(file.with_suffix(".npy"))

    def away(row: Matrix, nearness: float, common: Matrix) -> Matrix:
        """A vector of that cosine to `row`, half of the way off it in the direction of `common`."""
        side = common + unit_rows(random.standard_normal((1, DIM)))[0]
        side = unit_rows((side - (side @ row) * row)[None])[0]
        made: Matrix = unit_rows((nearness * row + (1 - nearness**2) ** 0.5 * side)[None])[0]
        return made

    asked: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for number, cluster in enumerate(random.permutation(CLUSTERS)[:40].tolist()):
        common = unit_rows(random.standard_normal((1, DIM)))[0]
        target = away(centres[cluster], 0.8, common)
        words = [*words_of(cluster)[:4], *(f"word{each}" for each in random.integers(0, WORDS, 2))]
        if number < 10:
            line = " ".join(words)
            encoder.vectors[line] = target
            asked["same"] += [line] * 6
        elif number < 20:
            for step, nearness in enumerate(NEARNESS):
                line = " ".join(words[: min(step, 2 * len(words) - 2 - step - 1) + 1])
                encoder.vectors.setdefault(line, away(target, nearness, common))
                asked["typing"].append(line)
        else:
            for _ in range(4):
                line = " ".join([*random.permutation(words).tolist()[:5], f"word{random.integers(0, WORDS)}"])
                encoder.vectors[line] = away(target, 0.85, common)
                asked["related"].append(line)
    asked["related"] = random.permutation(asked["related"]).tolist()
    return asked


def open_rooms(file: Path, backend: str, kept: int, encoder: Questions) -> Rooms:
    return build(SqliteStore(file, backend), encoder, Tuning(0.6, cache_max_size=kept, cache_ttl_s=1e9), Clock())


def measure(file: Path) -> None:
    """Print a line of JSON for each mode and kind of question."""
    setattr(rekall.cache, "EmbeddingCache", Counting)  # noqa: B010  # mypy takes no other class here
    encoder = Questions()
    asked = questions(file, encoder)
    for mode in MODES:
        for kind, lines in asked.items():
            asked_caches.clear()
            rooms = {
                "without": open_rooms(file, "numpy", 0, encoder),
                "default": open_rooms(file, "numpy", DEFAULT, encoder),
                "whole": open_rooms(file, "numpy", 1_000_000, encoder),
                "sqlite_vec": open_rooms(file, "sqlite-vec", DEFAULT, encoder),
            }
            took: dict[str, list[float]] = {name: [] for name in rooms}
            for line in lines:
                answers = set()
                for name, each in rooms.items():
                    started = time.process_time()
                    result = each.base.search(line, mode=mode)
                    took[name].append(time.process_time() - started)
                    if name != "sqlite_vec":
                        answers.add(tuple((hit.entry.id, hit.score) for hit in result.hits))
                assert len(answers) == 1, f"a cache changed the answer to {line!r}"
            for each in rooms.values():
                each.base.close()
            shares = [cache.found / cache.asked for cache in asked_caches.values()]
            ms = {name: 1e3 * statistics.median(seconds[1:]) for name, seconds in took.items()}
            figures = {
                "mode": mode,
                "kind": kind,
                "without_ms": ms["without"],
                "default": ms["default"] / ms["without"],
                "default_hits": shares[0],
                "whole": ms["whole"] / ms["without"],
                "whole_hits": shares[1],
                "sqlite_vec_ms": ms["sqlite_vec"],
            }
            print(json.dumps(figures), flush=True)


def memory(file: Path, kept: int) -> dict[str, int]:
    """Resident memory after every question, and how many entries the cache held."""
    from rekall.system.resident import resident_bytes, trim_heap

    setattr(rekall.cache, "EmbeddingCache", Counting)  # noqa: B010
    encoder = Questions()
    asked = questions(file, encoder)
    rooms = open_rooms(file, "numpy", kept, encoder)
    for mode in MODES:
        for line in (line for lines in asked.values() for line in lines):
            rooms.base.search(line, mode=mode)
    rooms.store.release_memory()
    trim_heap()
    return {"resident": resident_bytes(), "entries": sum(map(len, asked_caches.values()))}


if __name__ == "__main__":
    main()
