"""The passages that lack a vector: embedded by one process for all, a batch at a time, what was changed last first.

Who fills a space holds a lease on it, so that the others can leave it to that one and say how far it is. A small import
embeds its own passages without it. Both take every batch in hand before they embed it, with a lease that names the
passages, so that no passage is embedded twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rekall.cache import EmbeddingCache
from rekall.claims import Claims
from rekall.embedder import PATIENCE_S, Embedded, Filled, Progress, embedder_of, filling, in_hand
from rekall.entry.passages import MOST_PASSAGES, passages_of
from rekall.errors import EngineClosed, EngineError, EngineLost, OutOfMemory, StorageError
from rekall.model_manager import ModelIdentity, ModelManager
from rekall.spread import keep_spread
from rekall.store.values import Lease, PendingPassage, Space
from rekall.system.clock import Clock

if TYPE_CHECKING:
    from rekall.models.contract import Rows
    from rekall.store.contract import Store

EMBED_BATCH = 16
"""Passages embedded between two commits, half a second's work for the shipped model: what an interruption costs, how often
a lease is renewed and progress is told, and by how much a time budget is overrun. Larger ones embed no faster (16 to 128
gave 29.9 to 32.3 passages a second in one run, either way)."""

MOST_BATCH = 256
"""As many for a model so fast that it would mostly wait for commits."""

QUICK_S = 0.25
"""A batch that took less than this is followed by one of twice as many."""

FEW_PASSAGES = 256
"""Up to this many passages an import embeds itself, in about ten seconds, while another process is at the backlog."""

_TAKEN_AT_ONCE = 256
"""Entries whose vectors are taken from another base in one transaction."""

Known = Callable[[str, Sequence[str]], Mapping[bytes, bytes]]
"""Has vectors already: of a model by its fingerprint and of entries by their ids, those of passages by the hash of the text."""

RECOUNT_S = 10.0
"""Seconds after which what there is to do is counted again: others store entries in the meantime."""


class Backlog:
    """Embeds what waits, alone or beside other processes."""

    def __init__(
        self, store: Store, manager: ModelManager, clock: Clock, claims: Claims, cache: EmbeddingCache | None = None
    ) -> None:
        """Work on an open store.

        Args:
            store: The base.
            manager: Loads the model when it is needed.
            clock: The time.
            claims: Who is at what.
            cache: Keeps vectors in memory, which must go when others are made.
        """
        self._store = store
        self._manager = manager
        self._clock = clock
        self._claims = claims
        self._cache = cache

    def space_for(self, model: ModelIdentity) -> Space:
        """The space of a model, made when there is none. Call it inside a transaction."""
        vectors = self._store.vectors
        return vectors.space_of(model.fingerprint) or vectors.make_space(
            model.fingerprint, model.name, model.dim, self._clock.now()
        )

    def still_there(self, space: Space) -> Space:
        """A space as it is now; its number may belong to another one by now. Call it inside a transaction.

        Raises:
            StorageError: It was dropped since.
        """
        now = self._store.vectors.space_of(space.fingerprint)
        if now is None or now.id != space.id:
            raise StorageError(f"the vectors of model {space.model} were just pruned", "run the command again")
        return now

    def fill(
        self,
        model: ModelIdentity,
        progress: Progress = lambda done, total: None,
        is_time_up: Callable[[], bool] = lambda: False,
    ) -> Filled:
        """Give every passage a vector of a model, unless another process is at it: then return at once.

        Args:
            model: Whose space to fill, made when there is none.
            progress: Told how many passages were embedded, of how many.
            is_time_up: Asked between two batches; the first one is always made.

        Raises:
            EngineError: The model cannot be used; what was done so far is kept.
            StorageError: The space was dropped meanwhile.
        """
        worker = self._claims.new_holder()
        try:
            with self._store.transaction(PATIENCE_S):
                space = self._store.vectors.resume(self.space_for(model))
                total, _ = self._store.passages.pending_counts(space)
                lease = self._claims.take(filling(space), worker, total) if total else None
            if lease is None:
                return Filled(space, 0, embedder_of(self._claims, space))
            tally = _Tally(self._store, self._clock, space, total)

            def go_on(done: int) -> bool:
                tally.count(done)
                return self._claims.renew(lease, done, tally.total) and not is_time_up()

            progress(0, total)
            made, aside = self._embed_all(
                model, space, worker, None, go_on, told=lambda done: progress(done, max(tally.total, done))
            )
        finally:
            self._release(worker)
        return Filled(space, made, embedder_of(self._claims, space), aside)

    def embed_of(
        self, model: ModelIdentity, space: Space, keys: Iterable[int], progress: Progress = lambda done, total: None
    ) -> tuple[int, int]:
        """Embed the passages of some entries when they are few, whoever is at the backlog.

        What another process has in hand is left to it.

        Returns:
            How many vectors were made, none when there are more than `FEW_PASSAGES` to make, and how many passages were
            set aside.

        Raises:
            EngineError: The model cannot be used; what was done so far is kept.
            StorageError: The space was dropped meanwhile.
        """
        among = list(keys)
        own = len(self._store.passages.pending(space, FEW_PASSAGES + 1, among)) if among else 0
        if not 0 < own <= FEW_PASSAGES:
            return 0, 0
        worker = self._claims.new_holder()
        try:
            return self._embed_all(
                model, space, worker, among, lambda done: True, told=lambda done: progress(done, max(own, done))
            )
        finally:
            self._release(worker)

    def embed_first(self, model: ModelIdentity, keys: Collection[int], progress: Progress) -> Embedded:
        """Embed the passages of some entries when they are few, then all others unless somebody is at them.

        Args:
            model: The one in use.
            keys: The entries.
            progress: Told how many passages were embedded, of how many.

        Raises:
            EngineError: The model cannot be used; what was done so far is kept.
            StorageError: The space was dropped meanwhile.
        """
        with self._store.transaction(PATIENCE_S):
            space = self.space_for(model)
        alone = embedder_of(self._claims, space) is None
        all_pending, _ = self._store.passages.pending_counts(space)
        own, aside = self.embed_of(
            model, space, keys, lambda done, total: progress(done, max(all_pending if alone else total, done))
        )
        before = own + aside
        filled = self.fill(model, lambda done, total: progress(before + done, before + total))
        left, _ = self._store.passages.pending_counts(filled.space)
        return Embedded(own + filled.made, left, filled.holder if left else None, aside + filled.aside)

    def embed_some(self, model: ModelIdentity, keys: Collection[int], progress: Progress, known: Known) -> Embedded:
        """Embed the passages of some entries and leave all else waiting; where they are many, embed as `embed_first` does.

        Args:
            model: The one in use.
            keys: The entries.
            progress: Told how many passages were embedded, of how many.
            known: Has vectors already.

        Raises as that does.
        """
        with self._store.transaction(PATIENCE_S):
            space = self.space_for(model)
        self._take_known(space, list(keys), known)
        if len(self._store.passages.pending(space, FEW_PASSAGES + 1, list(keys))) > FEW_PASSAGES:
            return self.embed_first(model, (), progress)
        made, aside = self.embed_of(model, space, keys, progress)
        left, _ = self._store.passages.pending_counts(space)
        return Embedded(made, left, embedder_of(self._claims, space) if left else None, aside)

    def _take_known(self, space: Space, keys: Sequence[int], known: Known) -> None:
        """Store the vectors that there are already of the passages of some entries, which may be many."""
        for start in range(0, len(keys), _TAKEN_AT_ONCE):
            some = keys[start : start + _TAKEN_AT_ONCE]
            waiting = self._store.passages.pending(space, len(some) * (1 + MOST_PASSAGES), some)
            vectors = known(space.fingerprint, sorted({each.entry_id for each in waiting})) if waiting else {}
            if not vectors:
                continue
            with self._store.transaction(PATIENCE_S):
                found = [each for each in waiting if each.text_hash in vectors]
                self._put(space, found, [memoryview(vectors[each.text_hash]).cast("f") for each in found])

    def _embed_all(
        self,
        model: ModelIdentity,
        space: Space,
        worker: str,
        among: Collection[int] | None,
        go_on: Callable[[int], bool],
        told: Callable[[int], None],
    ) -> tuple[int, int]:
        """Embed batch after batch until none is left.

        A batch that fails is halved until the text is found that the model cannot embed; that one is set aside. So is
        memory found that suffices.

        Args:
            model: What embeds.
            space: Where the vectors belong.
            worker: Who takes the batches in hand.
            among: Keys of entries; None for all.
            go_on: Asked inside the transaction that stores a batch, whether to take another one.
            told: Told after each how many were embedded or set aside.

        Returns:
            How many vectors were made, and how many passages were set aside.
        """
        done, aside, size = 0, 0, EMBED_BATCH
        with self._store.transaction(PATIENCE_S):
            batch = self._take_in_hand(space, worker, size, among)

        def follow(handled: int) -> list[PendingPassage]:
            """Let go of a batch, and take the next one in hand. Call it inside the transaction."""
            self._claims.release(worker, in_hand(space))
            return self._take_in_hand(space, worker, size, among) if go_on(handled) else []

        while batch:
            start_s = self._clock.seconds()
            texts = self._texts(batch)
            fit = [item for item in batch if item in texts]
            try:
                vectors = self._vectors(model, [texts[item] for item in fit])
                with self._store.transaction(PATIENCE_S):
                    self._put(space, fit, vectors)
                    self._cut_again({item.entry_id for item in batch} - {item.entry_id for item in fit})
                    if self._clock.seconds() - start_s < QUICK_S:
                        size = min(2 * size, MOST_BATCH)
                    batch = follow(done + len(fit))
            except EngineError as error:
                is_alone = len(fit) == 1
                if is_alone and isinstance(error, OutOfMemory):
                    raise  # that is not the text's fault
                self._manager.blame_text(model, error)
                size = max(1, len(fit) // 2)
                with self._store.transaction(PATIENCE_S):
                    self.still_there(space)
                    if is_alone:
                        self._set_aside(space, fit[0], error.message)
                    batch = follow(done + is_alone)
                if not is_alone:
                    continue
                aside += 1
            done += len(fit)
            told(done)
        if done:
            with self._store.transaction(PATIENCE_S):
                keep_spread(self._store, self.still_there(space))
        return done - aside, aside

    def _vectors(self, model: ModelIdentity, texts: Sequence[str]) -> Rows:
        """The vectors of some texts; a single one at which the engine died is tried twice."""
        try:
            with self._manager.use(model) as encoder:
                return encoder.encode_documents(texts)
        except EngineLost as error:
            if len(texts) != 1 or isinstance(error, EngineClosed):
                raise
        with self._manager.use(model) as encoder:  # it may have been ended for no fault of the text
            return encoder.encode_documents(texts)

    def _put(self, space: Space, items: Sequence[PendingPassage], vectors: Rows) -> None:
        """Store the vectors of a batch. Call it inside the transaction.

        Raises:
            EngineError: One of them is no vector of this space.
        """
        index = self._store.vectors.index(self.still_there(space))
        if self._cache is not None:
            self._cache.invalidate(None)
        unchanged = self._unchanged(items)
        index.add_many((item.passage_id, vector) for item, vector in zip(items, vectors) if item in unchanged)

    def _set_aside(self, space: Space, item: PendingPassage, reason: str) -> None:
        """Note that the model cannot embed a passage. Call it inside the transaction."""
        if self._unchanged([item]):
            self._store.unembeddable.put(space, item.passage_id, reason)

    def _unchanged(self, items: Sequence[PendingPassage]) -> set[PendingPassage]:
        """Those of some passages that another process has not edited since. Call it inside the transaction."""
        now = self._store.passages.text_hashes(item.passage_id for item in items)
        return {item for item in items if now.get(item.passage_id) == item.text_hash}

    def _take_in_hand(
        self, space: Space, worker: str, size: int, among: Collection[int] | None
    ) -> list[PendingPassage]:
        """The next batch that nobody else has in hand. Call it inside a transaction."""
        self._claims.sweep(in_hand(space))
        held = [number for lease in self._claims.under(in_hand(space)) for number in _passages_of(lease)]
        batch = self._store.passages.pending(space, size, among, without=held)
        if batch:
            numbers = ",".join(str(item.passage_id) for item in batch)
            self._claims.take(f"{in_hand(space)}{numbers}", worker, len(batch))
        return batch

    def _texts(self, batch: Sequence[PendingPassage]) -> dict[PendingPassage, str]:
        """The text of each passage that its entry still has."""
        entries = self._store.entries.by_ids({item.entry_id for item in batch})
        texts = {
            (entry_id, passage.text_hash): passage.text
            for entry_id, entry in entries.items()
            for passage in passages_of(entry)
        }
        keys = {item: (item.entry_id, item.text_hash) for item in batch}
        return {item: texts[key] for item, key in keys.items() if key in texts}

    def _cut_again(self, entry_ids: Collection[str]) -> None:
        """Make the passages again of entries that were cut by other rules. Call it inside the transaction."""
        for entry_id, entry in self._store.entries.by_ids(entry_ids).items():
            key = self._store.entries.key_of(entry_id)
            if key is not None:
                self._store.passages.put(key, passages_of(entry))

    def _release(self, worker: str) -> None:
        with contextlib.suppress(StorageError):  # then it runs out; what ended the work is the news
            self._claims.release(worker)


class _Tally:
    """How many passages there are to embed, counted again now and then."""

    def __init__(self, store: Store, clock: Clock, space: Space, total: int) -> None:
        self.total = total
        self._store = store
        self._clock = clock
        self._space = space
        self._counted_s = clock.seconds()

    def count(self, done: int) -> None:
        """Take note of how many are done."""
        now_s = self._clock.seconds()
        if done >= self.total or now_s - self._counted_s >= RECOUNT_S:
            self.total = done + self._store.passages.pending_counts(self._space)[0]
            self._counted_s = now_s


def _passages_of(lease: Lease) -> list[int]:
    return [int(number) for number in lease.name.rpartition(" ")[2].split(",") if number.isdecimal()]
