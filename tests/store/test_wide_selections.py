"""Of a selection that leaves much in, candidates are asked for; what is found is what listing the whole selection finds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timezone

import numpy as np
import pytest

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.passages import passages_of
from rekall.entry.types import EntryType
from rekall.models.vectors import Matrix, unit_rows
from rekall.store import spaces, vectors
from rekall.store.passages import SqlitePassages
from rekall.store.sqlite import SqliteStore
from rekall.store.values import Selection, Space

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
DIM, COUNT = 128, 600
WIDE = (
    Selection(excluded=("plum",)),
    Selection(phrases=("red apple",)),
    Selection(Filters(types=(EntryType.TIL,))),
    Selection(Filters(types=(EntryType.TIL,)), phrases=("red apple",), excluded=("plum", "fig")),
)


def entry_of(number: int) -> Entry:
    words = [("red apple", "apple red")[number % 3 == 0], "plum" * (number % 4 == 0), "fig" * (number % 7 == 0)]
    kind = EntryType.BUG if number % 5 == 0 else EntryType.TIL
    return Entry(kind, f"note {number}", " ".join(words), id=f"01{number:024d}", created_at=NOW, updated_at=NOW)


@pytest.fixture(params=("sqlite-vec", "numpy"))
def base(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SqliteStore, Space]]:
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 20)
    monkeypatch.setattr(vectors, "CANDIDATES", 60)
    monkeypatch.setattr(vectors, "_SHARE_WORTH", 1)
    drawn = np.random.default_rng(3)
    subjects = drawn.standard_normal((COUNT // 20, DIM)).repeat(20, axis=0)  # twenty notes lie near one another
    rows = unit_rows(subjects + 0.6 * drawn.standard_normal((COUNT, DIM)))
    with contextlib.closing(SqliteStore(None, request.param)) as store:
        with store.transaction():
            space = store.vectors.make_space("print", "model", DIM, NOW)
            for number in range(COUNT):
                entry = entry_of(number)
                key = store.entries.insert(entry)
                store.words.put(key, entry)
                (passage_id,) = store.passages.put(key, passages_of(entry))
                store.vectors.index(space).add(passage_id, rows[number])
        yield store, space


def query_near(store: SqliteStore, space: Space, number: int) -> Matrix:
    """A direction near that of one note."""
    own = np.frombuffer(store.vectors.index(space).get(number) or b"", dtype=np.float32)
    drawn = np.random.default_rng(number).standard_normal(DIM) / DIM**0.5
    return unit_rows((own + 0.6 * drawn)[None])[0]


def found(store: SqliteStore, space: Space, query: Matrix, selection: Selection, most: int = 5) -> list[int]:
    return [passage.id for passage, _ in store.vectors.nearest(space, query, most, selection)]


def nearest_of_all(store: SqliteStore, space: Space, query: Matrix, selection: Selection) -> list[int]:
    cosines = store.vectors.index(space).similarities(query, store.passages.ids(selection))
    return sorted(cosines, key=lambda one: (-cosines[one], one))


@pytest.mark.parametrize("selection", WIDE)
def test_what_passes_is_asked_of_candidates_without_listing_the_selection(base, monkeypatch, selection):
    store, space = base
    queries = [query_near(store, space, number) for number in range(2, 600, 60)]
    best = [nearest_of_all(store, space, query, selection)[:5] for query in queries]
    monkeypatch.setattr(spaces, "LISTED", 100)
    monkeypatch.setattr(SqlitePassages, "ids", lambda *given: pytest.fail("the selection is listed"))
    again = [found(store, space, query, selection) for query in queries]
    assert all(set(one) <= set(store.passages.passing(range(COUNT + 1), selection)) for one in again)
    hits = sum(len(set(one) & set(other)) for one, other in zip(again, best))
    assert hits >= 0.9 * 5 * len(queries)  # the signs miss as much where all is listed
    assert all(one[0] == other[0] for one, other in zip(again, best))


@pytest.mark.parametrize("selection", WIDE)
def test_of_passages_those_pass_whose_entries_are_selected(base, selection):
    store, _ = base
    chosen = set(store.passages.ids(selection))
    assert store.passages.passing(range(0, 2 * COUNT, 3), selection) == {one for one in chosen if one % 3 == 0}
    assert store.passages.passing([], selection) == set()


def test_where_what_is_near_does_not_pass_the_selection_is_listed(base, monkeypatch):
    store, space = base
    monkeypatch.setattr(spaces, "LISTED", 100)
    query = unit_rows(np.random.default_rng(9).standard_normal((1, DIM)))[0]
    selection = Selection(Filters(types=(EntryType.TIL,)))
    with store.transaction():  # everything of the type lies opposite to the query
        for number in store.passages.ids(selection):
            drawn = np.random.default_rng(number).standard_normal(DIM) / DIM**0.5
            store.vectors.index(space).add(number, unit_rows((drawn - 3 * query)[None])[0])
    assert found(store, space, query, selection) == nearest_of_all(store, space, query, selection)[:5]


def test_a_narrow_selection_is_listed(base, monkeypatch):
    store, space = base
    monkeypatch.setattr(spaces, "LISTED", 100)
    selection = Selection(phrases=("note 77",))
    query = query_near(store, space, 5)
    (only,) = nearest_of_all(store, space, query, selection)
    assert found(store, space, query, selection) == [only]
