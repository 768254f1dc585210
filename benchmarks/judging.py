"""BEIR sets in bases of their own, and what their queries find there."""

from __future__ import annotations

import contextlib
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rekall.app import App
from rekall.entry.filters import Filters
from rekall.knowledge.judged import Judged, read_documents, read_judged
from rekall.knowledge.measuring import ASKED, Figures, judge, mean
from rekall.knowledge_base import KnowledgeBase
from rekall.search.results import Hit, Mode
from rekall.store.sqlite import SqliteStore

MODES = (Mode.WORDS, Mode.MEANING, Mode.HYBRID)
SEED = 11

ByQuery = Mapping[str, Figures]
"""What each query found, by its name."""


@dataclass(frozen=True, slots=True)
class Bed:
    """A set in a base.

    Attributes:
        folder: The BEIR folder.
        home: The REKALL_HOME of its base, with every vector.
    """

    folder: Path
    home: Path

    @property
    def name(self) -> str:
        """The set's name."""
        return self.folder.resolve().name


@dataclass(frozen=True, slots=True)
class Opened:
    """An open base, and the names of the set for its entries' ids."""

    base: KnowledgeBase
    names: Mapping[str, str]

    def ask(self, text: str, mode: Mode, most: int = ASKED, *, literal: bool = True) -> list[Hit]:
        """The hits of a query, best first."""
        return list(self.base.search(text, Filters(), mode, most, literal=literal).hits)

    def ranked(self, text: str, mode: Mode, *, literal: bool = True) -> list[str]:
        """The documents that a query finds, best first."""
        return [self.names[hit.entry.id] for hit in self.ask(text, mode, literal=literal)]

    def by_query(self, queries: Sequence[Judged], mode: Mode, *, literal: bool = True) -> ByQuery:
        """The figures of every query."""
        return {query.name: judge(query, self.ranked(query.text, mode, literal=literal)) for query in queries}


def find_sets(data: Path) -> list[Path]:
    """The BEIR sets in a folder, or the folder itself."""
    if (data / "corpus.jsonl").exists():
        return [data]
    found = sorted(path.parent for path in data.glob("*/queries.jsonl"))
    if not found:
        sys.exit(f"error: no BEIR set in {data}")
    return found


@contextlib.contextmanager
def beds(folders: Sequence[Path], keep: Path | None) -> Iterator[list[Bed]]:
    """The sets with their bases, imported and embedded; without `keep` they go when the block ends."""
    with tempfile.TemporaryDirectory() as scratch:
        made = [Bed(folder, (keep or Path(scratch)) / folder.resolve().name) for folder in folders]
        for bed in made:
            fill(bed.home, bed.folder / "corpus.jsonl")
        yield made


def fill(home: Path, notes: Path) -> None:
    """Import notes and embed what has no vector yet."""
    with contextlib.closing(App({"REKALL_HOME": str(home)})) as app:
        app.open_base(to_write=True).files.import_paths([notes], embedding=progress(home.name))
    print("\r\033[K", end="", file=sys.stderr)


def progress(name: str) -> Callable[[int, int], None]:
    """Says on stderr how far the embedding is."""
    return lambda done, total: print(f"\r{name}: embedded {done} of {total}\033[K", end="", file=sys.stderr)


@contextlib.contextmanager
def opened(bed: Bed, home: Path | None = None) -> Iterator[Opened]:
    """The base of a set, or a copy of it in another home."""
    home = home or bed.home
    names = _names(home / "rekall.db", bed.folder)
    with contextlib.closing(App({"REKALL_HOME": str(home)})) as app:
        yield Opened(app.open_base(), names)


@contextlib.contextmanager
def copied(home: Path) -> Iterator[Path]:
    """A copy of a home, to change at will."""
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(shutil.copytree(home, Path(scratch) / home.name))


def sampled(queries: Sequence[Judged], most: int) -> list[Judged]:
    """The same queries every time, no more than so many."""
    chosen = random.Random(SEED).sample(range(len(queries)), min(most, len(queries)))  # noqa: S311
    return [queries[place] for place in sorted(chosen)]


def queries_of(bed: Bed, most: int | None = None) -> list[Judged]:
    """The judged queries of a set, or a sample of them."""
    queries = read_judged(bed.folder)
    return queries if most is None else sampled(queries, most)


def means(figures: ByQuery) -> Figures:
    """The means over all queries."""
    return mean(list(figures.values()))


def _names(database: Path, folder: Path) -> dict[str, str]:
    """From the entries' ids to the names of the set: the import keeps the order of the corpus."""
    names = [document.name for document in read_documents(folder)]
    with contextlib.closing(SqliteStore(database)) as store:
        ids = store.entries.ids_in_order()
    if len(ids) != len(names):
        sys.exit(f"error: {len(names)} documents, but {len(ids)} entries in the base; remove the kept base")
    return dict(zip(ids, names))
