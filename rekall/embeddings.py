"""Entries as vectors: embeds passages, keeps their space, and finds what is close in meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.cache import EmbeddingCache
from rekall.db import Database
from rekall.entry.passages import MOST_PASSAGES, passages_of
from rekall.entry.types import Entry, Passage, PendingPassage
from rekall.errors import EngineError, StorageError
from rekall.model_manager import ModelIdentity, ModelManager
from rekall.store.entries import EntryStore
from rekall.store.passages import PassageStore, Space
from rekall.vector_index import VectorIndex

if TYPE_CHECKING:
    from rekall.vector_index import Vector

EMBED_BATCH = 128
"""Passages embedded between two commits: what an interruption costs, and by how much a time budget is overrun, about
five seconds."""

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
class Question:
    """A vector to search with, (d,) float32 of unit length as bytes, and the fingerprint of its space."""

    fingerprint: str
    vector: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """The passages of an entry, and the vectors of those that had none, ready to be stored."""

    passages: tuple[Passage, ...]
    vectors: Mapping[bytes, Vector]
    model: ModelIdentity | None
    """What made the vectors; None when there was nothing to embed."""


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

    def model_in_use(self) -> ModelIdentity:
        """The model that made the vectors searches use; the configured one before there are any.

        Raises:
            EngineError: It is not installed, damaged, or was changed since.
        """
        space = self._passages.active_space()
        return self._manager.find(space.model, space.fingerprint) if space else self._manager.identify()

    def why_unavailable(self) -> str:
        """Why a search by meaning cannot be answered, or an empty string when it can."""
        try:
            self.model_in_use()
        except EngineError as error:
            return f"{error.message}; {error.hint}" if error.hint else error.message
        if self._passages.active_space() is None and self._passages.count():
            return "no entry has a vector yet; run `rekall index rebuild --vectors`"
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
        space = self._passages.active_space()
        known = self._passages.embedded_hashes(key, space) if key is not None and space else set()
        missing = list(
            {passage.text_hash: passage.text for passage in passages if passage.text_hash not in known}.items()
        )
        if not missing:
            return Prepared(passages, {}, None)
        model = self.model_in_use()
        with self._manager.use(model) as encoder:
            rows = encoder.encode_documents([text for _, text in missing])
        return Prepared(passages, {text_hash: row for (text_hash, _), row in zip(missing, rows)}, model)

    def store(self, key: int, prepared: Prepared) -> None:
        """Store the passages of an entry and their vectors. Call it inside the transaction."""
        ids = self._passages.put(key, prepared.passages)
        self._cache.invalidate()
        if prepared.model is None:
            return
        space = self._passages.space_of(prepared.model.fingerprint)
        if space is None and self._passages.active_space() is None:
            space = self._space_for(prepared.model)
        if space is not None:  # else its vectors were pruned since `prepare`; `catch_up` makes those of the new model
            index = self._open_index(space)
            for passage_id, passage in zip(ids, prepared.passages):
                if passage.text_hash in prepared.vectors:
                    index.add(passage_id, prepared.vectors[passage.text_hash])

    def catch_up(self, key: int) -> None:
        """Embed what a stored entry still lacks: another process may have changed the model since `prepare`.

        Raises:
            EngineError: The new model cannot be used; the entry waits for `embed_pending`.
        """
        space = self._passages.active_space()
        pending = self._passages.pending(space, MOST_PASSAGES + 1, key) if space else []
        if space is not None and pending:
            self._embed(self._manager.find(space.model, space.fingerprint), space, pending)

    def store_unembedded(self, key: int, entry: Entry) -> None:
        """Store the passages of an entry; new ones wait for `embed_pending`."""
        self._passages.put(key, passages_of(entry))
        self._cache.invalidate()

    def forget_queries(self) -> None:
        """Empty the cache of query vectors; every write does."""
        self._cache.invalidate()

    def refresh(self, *, from_scratch: bool) -> None:
        """Make what is derived from the vectors anew, or forget the vectors. Call it inside a transaction.

        Raises:
            EngineError: The model cannot be used.
        """
        index = self._open_index(self._space_for(self.model_in_use()))
        if from_scratch:
            index.clear()
        else:
            index.rebuild()

    def embed_pending(self, progress: Progress = lambda done, total: None) -> int:
        """Give every passage a vector of the model in use. Interrupted, it goes on next time.

        Returns:
            How many vectors were made.

        Raises:
            EngineError: The model cannot be used; what was done so far is kept.
        """
        return self.fill(self.model_in_use(), progress)[1] if self._passages.count() else 0

    def fill(
        self, model: ModelIdentity, progress: Progress, is_time_up: Callable[[], bool] = lambda: False
    ) -> tuple[Space, int]:
        """Give every passage a vector of a model, a batch and a transaction at a time.

        Args:
            model: Whose space to fill, made when there is none.
            progress: Told how many passages were embedded, of how many.
            is_time_up: Asked between two batches; the first one is always made.

        Returns:
            The space, and how many vectors were made.

        Raises:
            EngineError: The model cannot be used; what was done so far is kept.
        """
        with self._db.transaction():
            space = self._passages.resume(self._space_for(model))
        total, _ = self._passages.pending_counts(space)
        done = 0
        while pending := self._passages.pending(space, EMBED_BATCH):
            progress(done, max(total, done))
            if done and is_time_up():
                break
            done += self._embed(model, space, pending)
        progress(done, max(total, done))
        return space, done

    def still_there(self, space: Space) -> Space:
        """A space as it is now; its number may belong to another one by now. Call it inside a transaction.

        Raises:
            StorageError: It was dropped meanwhile.
        """
        now = self._passages.space_of(space.fingerprint)
        if now is None or now.id != space.id:
            raise StorageError(f"the vectors of model {space.model} were pruned meanwhile", "run the command again")
        return now

    def is_ready(self) -> bool:
        """Whether a model is loaded, so that a question is answered at once."""
        return self._manager.is_loaded()

    def question(self, text: str, is_wanted: Callable[[], bool] = lambda: True) -> Question:
        """The vector of a question, for the space that searches use now.

        Args:
            text: What is asked.
            is_wanted: Asked while it waits for the model.

        Raises:
            EngineError: The model cannot be used.
            Superseded: The answer is not wanted any more.
        """
        model = self.model_in_use()
        vector = self._cache.get(model.fingerprint, text)
        if vector is None:
            with self._manager.use(model, is_wanted) as encoder:
                vector = encoder.encode_queries([text])[0].tobytes()
            self._cache.put(model.fingerprint, text, vector)
        return Question(model.fingerprint, vector)

    def can_compare(self, question: Question) -> bool:
        """Whether the space of a question is still there; another process may have dropped it meanwhile."""
        return self._passages.space_of(question.fingerprint) is not None

    def question_of(self, key: int) -> Question | None:
        """The stored vector of an entry's head, or None while it has none."""
        space = self._passages.active_space()
        heads = [passage.id for passage in self._passages.of_entries([key]) if passage.position == 0]
        vector = self._open_index(space).get(heads[0]) if space is not None and heads else None
        return Question(space.fingerprint, vector) if space is not None and vector is not None else None

    def semantic_search(self, question: Question, k: int, among: Sequence[int] | None = None) -> dict[int, Closeness]:
        """The entries nearest to a question, most similar first.

        Args:
            question: Where to look from, and in which space.
            k: How many entries.
            among: Ids of the passages that may answer; None means all.

        Returns:
            Closeness by entry key.
        """
        index = self._index_of(question)
        if index is None:
            return {}
        nearest = index.search(question.vector, k * PASSAGES_PER_ENTRY, among)
        owner = {
            passage.id: passage.entry_key for passage in self._passages.by_ids(passage_id for passage_id, _ in nearest)
        }
        keys = list(dict.fromkeys(owner[passage_id] for passage_id, _ in nearest if passage_id in owner))
        found = self.closeness(question, keys)
        return dict(sorted(found.items(), key=lambda item: (-item[1].similarity, item[0]))[:k])

    def find_similar(self, key: int, k: int, among: Sequence[int] | None = None) -> dict[int, Closeness]:
        """The entries nearest to a stored one, itself left out; empty while it has no vector."""
        question = self.question_of(key)
        if question is None:
            return {}
        found = self.semantic_search(question, k + 1, among)
        found.pop(key, None)
        return dict(list(found.items())[:k])

    def closeness(self, question: Question, keys: Iterable[int]) -> dict[int, Closeness]:
        """Closeness of the given entries; one without vectors is left out."""
        index = self._index_of(question)
        passages = self._passages.of_entries(keys)
        if index is None or not passages:
            return {}
        similarity = index.similarities(question.vector, (passage.id for passage in passages))
        of_entry: dict[int, list[tuple[int, float]]] = {}
        for passage in passages:
            if passage.id in similarity:
                of_entry.setdefault(passage.entry_key, []).append((passage.position, similarity[passage.id]))
        return {key: _closeness(scores) for key, scores in of_entry.items()}

    def _embed(self, model: ModelIdentity, space: Space, pending: Sequence[PendingPassage]) -> int:
        """Embed a batch in one transaction. An entry that was cut by other rules is cut anew.

        Raises:
            StorageError: The space was dropped meanwhile.
        """
        entries = self._entries.by_ids({item.entry_id for item in pending})
        texts = {
            (entry_id, passage.text_hash): passage.text
            for entry_id, entry in entries.items()
            for passage in passages_of(entry)
        }
        fit = [item for item in pending if (item.entry_id, item.text_hash) in texts]
        with self._manager.use(model) as encoder:
            vectors = encoder.encode_documents([texts[item.entry_id, item.text_hash] for item in fit])
        with self._db.transaction():
            self.still_there(space)
            index = self._open_index(space)
            for item, vector in zip(fit, vectors):
                # another process may have edited it meanwhile
                if self._passages.has_text(item.passage_id, item.text_hash):
                    index.add(item.passage_id, vector)
            for entry_id in {item.entry_id for item in pending} - {item.entry_id for item in fit}:
                key = self._entries.key_of(entry_id)
                if key is not None:
                    self._passages.put(key, passages_of(entries[entry_id]))
        return len(fit)

    def _space_for(self, model: ModelIdentity) -> Space:
        """The space of a model, made when there is none. Call it inside a transaction."""
        return self._passages.space_of(model.fingerprint) or self._passages.make_space(
            model.fingerprint, model.name, model.dim, self._now()
        )

    def _index_of(self, question: Question) -> VectorIndex | None:
        """The index of a question's own space, also when another one became active meanwhile."""
        space = self._passages.space_of(question.fingerprint)
        return self._open_index(space) if space else None


def _closeness(scores: Sequence[tuple[int, float]]) -> Closeness:
    """From (position, cosine) of an entry's passages; without its head the first one stands in."""
    best_position, best = max(scores, key=lambda score: score[1])
    return Closeness(min(scores)[1], best, best_position)
