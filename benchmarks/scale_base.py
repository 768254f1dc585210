"""Bases of any number of notes that nobody wrote, stored by the product's own rooms, in bulk; a larger one goes on from a smaller."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scale_notes import BATCH, DIM, Note, batch_of, vectors_of

from rekall.entry.passages import passages_of
from rekall.models.contract import ModelIdentity
from rekall.spread import keep_spread
from rekall.store.sqlite import SqliteStore


def fill(home: Path, size: int, model: ModelIdentity | None = None) -> None:
    """Let a base hold so many notes, a multiple of `BATCH`, whatever of them it holds already.

    Args:
        home: Its REKALL_HOME.
        size: How many.
        model: In whose space they get vectors; None makes none.
    """
    began = time.perf_counter()
    with contextlib.closing(SqliteStore(home / "rekall.db")) as store:
        have = store.entries.count()
        for batch in range(have // BATCH, size // BATCH):
            _store(store, batch_of(batch), batch)
            if sys.stderr.isatty() or batch % 50 == 49:
                rate = (batch + 1 - have // BATCH) * BATCH / (time.perf_counter() - began)
                print(f"{home.name}: {(batch + 1) * BATCH:,} of {size:,}, {rate:,.0f} a second", file=sys.stderr)
        if model is not None:
            _embed(store, model)


def _store(store: SqliteStore, notes: Sequence[Note], batch: int) -> None:
    with store.transaction():
        for note in notes:
            key = store.entries.insert(note.entry)
            store.words.put(key, note.entry)
            store.passages.put(key, passages_of(note.entry))


def _embed(store: SqliteStore, model: ModelIdentity) -> None:
    """Give every note a vector near its subject; they are made of the same seeds as the notes."""
    assert model.dim == DIM
    space = store.vectors.space_of(model.fingerprint)
    if space is None:
        with store.transaction():
            space = store.vectors.make_space(model.fingerprint, model.name, DIM, batch_of(0)[0].entry.created_at)
    index = store.vectors.index(space)
    for batch in range(len(index) // BATCH, store.entries.count() // BATCH):
        vectors = vectors_of([note.subject for note in batch_of(batch)], batch)
        if batch % 100 == 99:
            print(f"{(batch + 1) * BATCH:,} vectors", file=sys.stderr)
        with store.transaction():
            index.add_many(enumerate(vectors, batch * BATCH + 1))  # a note has one passage, and its number
    with store.transaction():
        keep_spread(store, space)
