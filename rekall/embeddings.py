"""Entries as vectors: embeds passages, keeps their space, and finds what is close in meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.cache import EmbeddingCache
from rekall.db import Database
from rekall.errors import EngineError
from rekall.model_manager import ModelManager
from rekall.passages import MOST_PASSAGES, passages_of
from rekall.store.entries import EntryStore
from rekall.store.passages import PassageStore, Space
from rekall.types import Entry, Passage, PendingPassage
from rekall.vector_index import VectorIndex

if TYPE_CHECKING:
    from rekall.vector_index import Vector

EMBED_BATCH = 256
"""Passages embedded between two commits: what an interruption costs, about ten seconds."""

PASSAGES_PER_ENTRY = 1 + MOST_PASSAGES
"""Passages asked of the index for each entry wanted: all of one entry may be nearest."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near an entry is to a query: cosines of its head and of its best passage, the head included."""

    head: float
    best_passage: float
    best_position: int

    @property
    def similarity(self) -> float:
        """The mean of head and best passage; the head's own cosine when the entry is short (docs/adr/0005)."""
        return (self.head + self.best_passage) / 2.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """The passages of an entry, and the vectors of those that had none, ready to be stored."""

    passages: tuple[Passage, ...]
    vectors: Mapping[bytes, Vector]


class EmbeddingService:
    """Every use of the model for entries goes through here."""

    def __init__(
        self,
        db: Database,
        entries: EntryStore,
        passages: PassageStore,
        manager: ModelManager,
        cache: EmbeddingCache,
        open_index: Callable[[Space], VectorIndex],
        now: Callable[[], str],
    ) -> None:
        """Work on an open database, with the model of `manager`.

        Args:
            db: For transactions.
            entries: To read the texts of pending passages.
            passages: To know what is pending.
            manager: Loads the model when it is needed.
            cache: Remembers query vectors.
            open_index: Opens the vector index of a space.
            now: The time, as it is written in the database.
        """
        self._db = db
        self._entries = entries
        self._passages = passages
        self._manager = manager
        self._cache = cache
        self._open_index = open_index
        self._now = now

    def why_unavailable(self) -> str:
        """Why a search by meaning cannot be answered, or an empty string when it can."""
        try:
            identity = self._manager.identity
        except EngineError as error:
            return error.message
        space = self._passages.active_space()
        if space is None:
            return "no entry has a vector yet; run `rekall index rebuild --vectors`" if self._passages.count() else ""
        if space.fingerprint != identity.fingerprint:
            return f"the vectors were made by another model ({space.model}); run `rekall index rebuild --vectors`"
        return ""

    def prepare(self, entry: Entry, key: int | None = None) -> Prepared:
        """Cut an entry and embed the passages that have no vector yet. Call it before the transaction.

        Args:
            entry: The entry as it will be stored.
            key: Its key when it is stored already.

        Raises:
            EngineError: The model cannot be used.
        """
        passages = tuple(passages_of(entry))
        known = self._embedded_hashes(key) if key is not None else set()
        missing = list(
            {passage.text_hash: passage.text for passage in passages if passage.text_hash not in known}.items()
        )
        if not missing:
            return Prepared(passages, {})
        rows = self._manager.get_encoder().encode_documents([text for _, text in missing])
        return Prepared(passages, {text_hash: row for (text_hash, _), row in zip(missing, rows)})

    def store(self, key: int, prepared: Prepared) -> None:
        """Store the passages of an entry and their vectors. Call it inside the transaction."""
        ids = self._passages.put(key, prepared.passages)
        self._cache.invalidate()
        if prepared.vectors:
            index = self._open_index(self._own_space())
            for passage_id, passage in zip(ids, prepared.passages):
                if passage.text_hash in prepared.vectors:
                    index.add(passage_id, prepared.vectors[passage.text_hash])

    def store_unembedded(self, key: int, entry: Entry) -> None:
        """Store the passages of an entry; new ones wait for `embed_pending`."""
        self._passages.put(key, passages_of(entry))
        self._cache.invalidate()

    def forget_queries(self) -> None:
        """Empty the cache of query vectors; every write does."""
        self._cache.invalidate()

    def refresh(self, *, from_scratch: bool) -> None:
        """Make what is derived from the vectors anew, or forget the vectors. Call it inside a transaction."""
        index = self._open_index(self._own_space())
        if from_scratch:
            index.clear()
        else:
            index.rebuild()

    def embed_pending(self, progress: Progress = lambda done, total: None) -> int:
        """Give every passage a vector, a batch and a transaction at a time. Interrupted, it goes on next time.

        Returns:
            How many vectors were made.

        Raises:
            EngineError: The model cannot be used; what was done so far is kept.
        """
        if not self._passages.count():
            return 0
        with self._db.transaction():
            space = self._own_space()
        index = self._open_index(space)
        total, _ = self._passages.pending_counts(space)
        done = 0
        while pending := self._passages.pending(space, EMBED_BATCH):
            progress(done, max(total, done))
            done += self._embed(index, pending)
        progress(done, done)
        if not space.active:
            with self._db.transaction():
                self._passages.activate(space)
        return done

    def query_vector(self, text: str) -> bytes:
        """The vector of a question, (d,) float32 as bytes.

        Raises:
            EngineError: The model cannot be used.
        """
        fingerprint = self._manager.identity.fingerprint
        vector = self._cache.get(fingerprint, text)
        if vector is None:
            vector = self._manager.get_encoder().encode_queries([text])[0].tobytes()
            self._cache.put(fingerprint, text, vector)
        return vector

    def head_vector(self, key: int) -> bytes | None:
        """The stored vector of an entry's head, or None while it has none."""
        index = self._active_index()
        heads = [passage.id for passage in self._passages.of_entries([key]) if passage.position == 0]
        return index.get(heads[0]) if index is not None and heads else None

    def semantic_search(self, vector: bytes, k: int, among: Sequence[int] | None = None) -> dict[int, Closeness]:
        """The entries nearest to a vector, most similar first.

        Args:
            vector: (d,) float32 of unit length, as bytes.
            k: How many entries.
            among: Ids of the passages that may answer; None means all.

        Returns:
            Closeness by entry key.
        """
        index = self._active_index()
        if index is None:
            return {}
        nearest = index.search(vector, k * PASSAGES_PER_ENTRY, among)
        owner = {
            passage.id: passage.entry_key for passage in self._passages.by_ids(passage_id for passage_id, _ in nearest)
        }
        keys = list(dict.fromkeys(owner[passage_id] for passage_id, _ in nearest if passage_id in owner))
        found = self.closeness(vector, keys)
        return dict(sorted(found.items(), key=lambda item: (-item[1].similarity, item[0]))[:k])

    def find_similar(self, key: int, k: int, among: Sequence[int] | None = None) -> dict[int, Closeness]:
        """The entries nearest to a stored one, itself left out; empty while it has no vector."""
        vector = self.head_vector(key)
        if vector is None:
            return {}
        found = self.semantic_search(vector, k + 1, among)
        found.pop(key, None)
        return dict(list(found.items())[:k])

    def closeness(self, vector: bytes, keys: Iterable[int]) -> dict[int, Closeness]:
        """Closeness of the given entries; one without vectors is left out."""
        index = self._active_index()
        passages = self._passages.of_entries(keys)
        if index is None or not passages:
            return {}
        similarity = index.similarities(vector, (passage.id for passage in passages))
        of_entry: dict[int, list[tuple[int, float]]] = {}
        for passage in passages:
            if passage.id in similarity:
                of_entry.setdefault(passage.entry_key, []).append((passage.position, similarity[passage.id]))
        return {key: _closeness(scores) for key, scores in of_entry.items()}

    def _embed(self, index: VectorIndex, pending: Sequence[PendingPassage]) -> int:
        """Embed a batch in one transaction. An entry that was cut by other rules is cut anew."""
        entries = self._entries.by_ids({item.entry_id for item in pending})
        texts = {
            (entry_id, passage.text_hash): passage.text
            for entry_id, entry in entries.items()
            for passage in passages_of(entry)
        }
        fit = [item for item in pending if (item.entry_id, item.text_hash) in texts]
        vectors = self._manager.get_encoder().encode_documents([texts[item.entry_id, item.text_hash] for item in fit])
        with self._db.transaction():
            for item, vector in zip(fit, vectors):
                # another process may have edited it meanwhile
                if self._passages.has_text(item.passage_id, item.text_hash):
                    index.add(item.passage_id, vector)
            for entry_id in {item.entry_id for item in pending} - {item.entry_id for item in fit}:
                key = self._entries.key_of(entry_id)
                if key is not None:
                    self._passages.put(key, passages_of(entries[entry_id]))
        return len(fit)

    def _embedded_hashes(self, key: int) -> set[bytes]:
        space = self._passages.space_of(self._manager.identity.fingerprint)
        return self._passages.embedded_hashes(key, space) if space else set()

    def _own_space(self) -> Space:
        """The space of the current model, made when there is none. Call it inside a transaction."""
        identity = self._manager.identity
        return self._passages.space_of(identity.fingerprint) or self._passages.make_space(
            identity.fingerprint, identity.name, identity.dim, self._now()
        )

    def _active_index(self) -> VectorIndex | None:
        space = self._passages.active_space()
        return self._open_index(space) if space else None


def _closeness(scores: Sequence[tuple[int, float]]) -> Closeness:
    """From (position, cosine) of an entry's passages; without its head the first one stands in."""
    best_position, best = max(scores, key=lambda score: score[1])
    return Closeness(min(scores)[1], best, best_position)
