"""Bases on the fake encoder, with every part within reach, and what tests ask of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rekall.embeddings import EmbeddingService
from rekall.entry.filters import Filters
from rekall.entry.types import Link
from rekall.knowledge_base import KnowledgeBase
from rekall.model_manager import ModelManager
from rekall.search.results import Mode, SearchResult
from rekall.search.searcher import Searcher
from rekall.store.contract import Store
from rekall.store.sqlite import SqliteStore
from rekall.vector_index import VectorIndex
from rekall.wiring import Tuning, build
from support.fakes import FakeClock, FakeLoader, FakeProcesses


@dataclass
class Bench:
    """A knowledge base on the fake encoder, with every part within reach."""

    base: KnowledgeBase
    store: SqliteStore
    embeddings: EmbeddingService
    searcher: Searcher
    manager: ModelManager
    loader: FakeLoader
    clock: FakeClock

    def index_of(self) -> VectorIndex:
        space = self.store.vectors.active_space()
        assert space is not None
        return self.store.vectors.index(space)


TUNING = Tuning(lexical_share=0.5)


def make_bench(
    path: Path | None = None,
    backend: str = "auto",
    loader: FakeLoader | None = None,
    tuning: Tuning = TUNING,
    processes: FakeProcesses | None = None,
) -> Bench:
    """Build a base as `app` does, on the fake encoder."""
    loader, clock = loader or FakeLoader(), FakeClock()
    store = SqliteStore(path, backend)
    rooms = build(store, loader, tuning, clock, processes or FakeProcesses())
    return Bench(rooms.base, store, rooms.embeddings, rooms.searcher, rooms.manager, loader, clock)


def all_links(store: Store) -> list[Link]:
    """Every link of a base."""
    links = store.links.starting_at(key for key, _ in store.entries.stream())
    return [link for entry_id in sorted(links) for link in links[entry_id]]


def ask(bench: Bench, line: str, mode: Mode = Mode.HYBRID, limit: int = 10, **filters: object) -> SearchResult:
    """What a search answers."""
    return bench.base.search(line, Filters(**filters), mode, limit)  # type: ignore[arg-type]


def titles(result: SearchResult) -> list[str]:
    """The titles of the hits, best first."""
    return [hit.entry.title for hit in result.hits]
