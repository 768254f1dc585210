"""What every store does, whatever it is made of: a new one adds its kind to `KINDS` and passes all of this unchanged.

Nothing here knows more of a store than `rekall/store/contract.py` says.
"""

import contextlib
import itertools
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import in_threads, servers
from support.depth import tries

from rekall.db import Database
from rekall.entry.fields import FIELDS, Entry, Field, Kind
from rekall.entry.filters import FILTERS, Filters
from rekall.entry.other import OtherField
from rekall.entry.passages import Passage
from rekall.entry.spans import Span
from rekall.entry.types import EntryType, Link, LinkType, Status, Tombstone
from rekall.errors import Ambiguous, DatabaseLocked, NotFound, StorageError
from rekall.models.vectors import Matrix, unit_rows
from rekall.store import sqlite
from rekall.store.agreements import Agreed, Folder
from rekall.store.contract import Store
from rekall.store.pairs import JudgedPair, Verdict
from rekall.store.past import LinkVersion, Operation, Touched, Version, Was
from rekall.store.reviews import Review
from rekall.store.sqlite import SqliteStore
from rekall.store.values import (
    EVERYTHING,
    SHORTEST_END,
    Facets,
    Lease,
    Order,
    Origin,
    Selection,
    SetAside,
    Space,
    SpaceState,
    Terms,
)

# the stores there are


@dataclass(frozen=True)
class StoreKind:
    """A kind of store.

    Attributes:
        open: Opens the base of a folder, the same one when it is called again. It waits a second at most for others.
        is_kept: Whether a base outlives its store, and may be opened twice at once.
    """

    name: str
    open: Callable[[Path], Store]
    is_kept: bool


def sqlite_file(folder: Path) -> Store:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "Database", partial(Database, busy_timeout_s=1.0))
        return SqliteStore(folder / "rekall.db")


def postgres_base(folder: Path) -> Store:
    base = servers.base_of(folder)  # before the import: it skips where there is no server
    from rekall.store.postgres import open_store

    return open_store(base, busy_timeout_s=1.0)


KINDS = (
    StoreKind("sqlite-memory", lambda folder: SqliteStore(None), is_kept=False),
    StoreKind("sqlite-file", sqlite_file, is_kept=True),
    StoreKind("postgres", postgres_base, is_kept=True),
)

kept = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.is_kept], indirect=True, ids=lambda kind: kind.name
)
"""For what needs two stores of one base."""


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name, scope="module")
def kind(request: pytest.FixtureRequest) -> StoreKind:
    made: StoreKind = request.param
    return made


@pytest.fixture(autouse=True)
def given_back(tmp_path: Path) -> Iterator[None]:
    """A base on a server is given to another test once its stores are closed."""
    yield
    servers.give_back(tmp_path)


@pytest.fixture
def store(kind: StoreKind, tmp_path: Path) -> Iterator[Store]:
    """An empty base."""
    made = kind.open(tmp_path)
    yield made
    made.close()


@pytest.fixture
def other(kind: StoreKind, store: Store, tmp_path: Path) -> Iterator[Store]:
    """The base of `store`, as another process has it."""
    made = kind.open(tmp_path)
    yield made
    made.close()


class Undone(Exception):
    """Ends a transaction whose work nobody wants."""


@pytest.fixture(scope="module")
def fresh(
    kind: StoreKind, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], AbstractContextManager[Store]]]:
    """Gives an empty base for the time of a block, again and again: every block is undone."""
    made = kind.open(tmp_path_factory.mktemp("store"))

    @contextlib.contextmanager
    def block() -> Iterator[Store]:
        with contextlib.suppress(Undone), made.transaction():
            yield made
            raise Undone
        assert made.entries.count() == made.words.count() == made.passages.count() == 0

    yield block
    made.close()


# entries

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = NOW + timedelta(days=1)
FULL: dict[str, Any] = {
    "situation": "the situation",
    "solution": "the solution",
    "what_failed": "what failed",
    "error_messages": ("E1", "E2"),
    "files": ("a.py", "b.py"),
    "keywords": ("key", "word"),
    "sources": ("https://example.org", "b"),
}


def make_entry(number: int = 0, **parts: Any) -> Entry:
    values = {
        "id": f"01{number:024d}",
        "type": EntryType.BUG,
        "title": f"title {number}",
        "created_at": NOW,
        "updated_at": NOW + timedelta(seconds=number),
    }
    return Entry(**{**values, **parts})


def insert(store: Store, *entries: Entry) -> list[int]:
    with store.transaction():
        return store.entries.insert_many(entries)


def update(store: Store, key: int, entry: Entry) -> None:
    with store.transaction():
        store.entries.update(key, entry)


def delete(store: Store, *keys: int) -> None:
    with store.transaction():
        for key in keys:
            store.entries.delete(key)


def read(store: Store, key: int) -> Entry:
    return store.entries.by_keys([key])[key]


def test_an_entry_comes_back_as_it_was_stored(store):
    entry = make_entry(1, content="línea\n  two", tags=("b", "a"), project="Api", confidence=5, **FULL)
    (key,) = insert(store, entry)
    assert read(store, key) == entry
    assert store.entries.by_ids([entry.id]) == {entry.id: entry}


def test_lists_keep_their_order_and_their_repeats(store):
    entry = make_entry(error_messages=("z", "a", "z"), files=("b", "a"))
    (key,) = insert(store, entry)
    assert read(store, key) == entry


def test_an_update_replaces_everything(store):
    (key,) = insert(store, make_entry(1, tags=("old", "older"), **FULL))
    changed = make_entry(1, title="new", tags=("new",), status=Status.OBSOLETE, project="p")
    update(store, key, changed)
    assert read(store, key) == changed
    assert store.entries.count() == 1


SAMPLES: dict[Kind, Callable[[Field], Any]] = {
    Kind.CHOICE: lambda field: list(field.choices or ())[-1],
    Kind.LINE: lambda field: "größe, and  more",
    Kind.TEXT: lambda field: "two\n  lines, one indented\n",
    Kind.TAGS: lambda field: ("b", "größe", "a"),
    Kind.LIST: lambda field: ("z.py", "a b.py", "z.py"),
    Kind.ITEMS: lambda field: ("one, two\nthree", "a", ""),
    Kind.NUMBER: lambda field: field.most,
    Kind.TIME: lambda field: datetime(2020, 2, 29, 23, 59, 59, tzinfo=timezone.utc),
    Kind.ID: lambda field: "01" + "Z" * 24,
    Kind.OTHER: lambda field: (
        OtherField.of("größe, 'and' more", "0x80070005"),
        OtherField.of("b", {"deep": [{"er": None}, [], {}], "": 'a "quoted"\n\\ text'}),
        OtherField.of("a", [1, 1.0, -0.5, 10**20, True, False, None, "", "1"]),
        OtherField.of("a", None),
        OtherField.of("", ""),
    ),
}
"""A value of every kind, which is not the default of any field."""

STORED = tuple(field for field in FIELDS if field.name != "superseded_by")
"""Every field that an entry is stored with; its successor is what links say."""


@pytest.mark.parametrize("field", STORED, ids=lambda field: field.name)
def test_every_field_is_stored_changed_and_emptied(store, field):
    plain = make_entry(1)
    full = replace(plain, **{field.name: SAMPLES[field.kind](field)})
    assert full != plain
    (key,) = insert(store, full)
    assert read(store, key) == full
    update(store, key, plain)
    assert read(store, key) == plain
    update(store, key, full)
    assert read(store, key) == full
    assert [entry for _, entry in store.entries.stream()] == [full]


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)
ANY_VALUE: dict[Kind, Callable[[Field], st.SearchStrategy[Any]]] = {
    Kind.CHOICE: lambda field: st.sampled_from(list(field.choices or ())),
    Kind.NUMBER: lambda field: st.integers(0, field.most),
    Kind.TIME: lambda field: st.integers(-(10**9), 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    Kind.ID: lambda field: st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26),
    Kind.OTHER: lambda field: st.lists(st.builds(OtherField.of, ANY_TEXT, ANY_JSON), max_size=3).map(tuple),
}


def any_value(field: Field) -> st.SearchStrategy[Any]:
    if field.kind in ANY_VALUE:
        return ANY_VALUE[field.kind](field)
    return st.lists(ANY_TEXT, max_size=3).map(tuple) if field.kind.is_list else ANY_TEXT


ANY_ENTRY = st.fixed_dictionaries({field.name: any_value(field) for field in STORED}).map(
    lambda values: Entry(**values)
)


@settings(deadline=None, max_examples=tries(60))
@given(stored=st.lists(ANY_ENTRY, min_size=1, max_size=4, unique_by=lambda entry: entry.id), changed=ANY_ENTRY)
def test_any_entries_come_back_as_they_were_stored(fresh, stored, changed):
    with fresh() as store:
        keys = insert(store, *stored)
        assert store.entries.by_keys(keys) == dict(zip(keys, stored))
        changed = replace(changed, id=stored[0].id)
        update(store, keys[0], changed)
        assert list(store.entries.stream()) == list(zip(keys, [changed, *stored[1:]]))


def test_times_are_kept_in_utc(store):
    moment = datetime(2026, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    (key,) = insert(store, make_entry(created_at=moment, updated_at=moment))
    found = read(store, key)
    assert found.created_at == found.updated_at == moment
    assert found.created_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("year", [1, 99, 999, 1969, 9999])
def test_a_time_of_any_year_can_be_read_again(store, year):
    moment = datetime(year, 1, 2, tzinfo=timezone.utc)
    (key,) = insert(store, make_entry(created_at=moment, updated_at=moment))
    assert read(store, key).created_at == moment


def test_an_id_is_stored_once(store):
    insert(store, make_entry(1))
    with pytest.raises(StorageError):
        insert(store, make_entry(2), make_entry(1))
    assert store.entries.ids_in_order() == [make_entry(1).id]


def test_deleting_takes_lists_links_origin_passages_and_vectors_along(store):
    one, two = insert(store, make_entry(1, tags=("a",), **FULL), make_entry(2))
    first, second = make_entry(1).id, make_entry(2).id
    link(store, first, second)
    link(store, second, first)
    (space,) = make_spaces(store, 8)
    (passage_id,) = embed(store, space, one, random_rows(1, 8))
    with store.transaction():
        store.origins.put(Origin("path", one, b"1", b"2"))
    delete(store, one)
    assert store.entries.by_keys([one]) == store.entries.by_ids([first]) == store.entries.titles([first]) == {}
    assert store.entries.counts().tags == store.entries.counts().links == 0
    assert store.links.of(two) == []
    assert store.origins.at("path") is store.origins.of(one) is None
    assert store.passages.count() == store.vectors.count(space) == len(store.vectors.index(space)) == 0
    assert store.passages.by_ids([passage_id]) == []
    assert store.entries.count() == 1


def test_a_key_without_an_entry_is_no_error_to_delete(store):
    insert(store, make_entry(1))
    delete(store, 10**6)
    assert store.entries.count() == 1


def test_unknown_keys_and_ids_are_left_out(store):
    (key,) = insert(store, make_entry(1))
    known = make_entry(1).id
    assert list(store.entries.by_keys([key, key + 99])) == [key]
    assert list(store.entries.by_ids([known, "nothing"])) == [known]
    assert store.entries.titles([known, "nothing"]) == {known: "title 1"}
    assert store.entries.by_keys([]) == store.entries.by_ids([]) == store.entries.titles([]) == {}
    assert store.entries.key_of("nothing") is None
    assert store.entries.key_of(known) == key


def test_the_stream_gives_every_entry_once_in_the_order_of_keys(store):
    keys = insert(store, *(make_entry(number) for number in range(600)))
    delete(store, keys[5])
    streamed = list(store.entries.stream())
    assert [key for key, _ in streamed] == [key for key in keys if key != keys[5]]
    assert streamed[3][1] == make_entry(3)
    assert store.entries.ids_in_order() == [entry.id for _, entry in streamed]


def test_the_stream_goes_on_while_entries_are_changed(store):
    insert(store, *(make_entry(number) for number in range(300)))
    seen = []
    with store.transaction():
        for key, entry in store.entries.stream():
            store.entries.update(key, replace(entry, title="changed"))
            seen.append(key)
    assert len(seen) == 300
    assert {entry.title for _, entry in store.entries.stream()} == {"changed"}


def test_ids_stand_in_the_order_in_which_their_entries_were_stored(store):
    numbers = (3, 1, 2)
    insert(store, *(make_entry(number) for number in numbers))
    assert store.entries.ids_in_order() == [make_entry(number).id for number in numbers]


def test_the_latest_change_comes_first_and_of_one_moment_the_last_id(store):
    keys = insert(store, make_entry(1), make_entry(3), make_entry(2, updated_at=LATER), make_entry(4, updated_at=NOW))
    keys += insert(store, make_entry(5, updated_at=NOW))
    assert store.entries.keys() == [keys[2], keys[1], keys[0], keys[4], keys[3]]
    assert store.entries.keys(limit=2, offset=1) == [keys[1], keys[0]]
    assert store.entries.keys(limit=0) == store.entries.keys(offset=9) == []


def test_counts_tell_entries_apart(store):
    insert(store, make_entry(1, tags=("a", "b"), project="p"))
    insert(store, make_entry(2, tags=("a",), type=EntryType.TIL, status=Status.OBSOLETE))
    counts = store.entries.counts()
    assert counts.entries == 2
    assert counts.by_status == {"active": 1, "obsolete": 1}
    assert counts.by_type == {"bug": 1, "til": 1}
    assert counts.by_project == {"p": 1}
    assert (counts.tags, counts.links) == (2, 0)


def test_in_counts_the_most_come_first(store):
    projects = ("b", "c", "a", "c", "b", "c")
    insert(store, *(make_entry(number, project=project) for number, project in enumerate(projects)))
    link(store, make_entry(1).id, make_entry(2).id)
    assert list(store.entries.counts().by_project.items()) == [("c", 3), ("b", 2), ("a", 1)]
    assert store.entries.counts().links == 1


def test_texts_are_title_content_and_the_rest(store):
    plain, full, empty = insert(
        store,
        make_entry(1, content="first\n  second"),
        make_entry(2, content="said", tags=("a tag",), **FULL),
        make_entry(3),
    )
    texts = store.entries.texts([full, plain, empty], 1000)
    assert texts[plain] == ("title 1", "first\n  second")
    assert texts[empty] == ("title 3", "")
    title, body = texts[full]
    assert title == "title 2"
    assert body.startswith("said\n")
    for text in ("the situation", "the solution", "what failed", "E1", "E2", "b.py", "word", "https://example.org"):
        assert text in body


def test_texts_hold_no_number_that_a_database_gave_a_record(store):
    others = (OtherField.of("_id", "how-to-restart-nginx"), OtherField.of("cause", "keep-alive"))
    with store.transaction():
        key = store.entries.insert(make_entry(other_fields=others))
    _, rest = store.entries.texts([key], 1000)[key]
    assert "how-to-restart-nginx" not in rest
    assert "keep-alive" in rest


def test_of_long_texts_the_beginning_is_read(store):
    errors = tuple(f"{number:04} " + "e" * 200 for number in range(50))
    long, short = insert(
        store, make_entry(1, content="größe😀" * 5000, error_messages=errors), make_entry(2, content="größe😀")
    )
    for most in (1, 6, 500):
        texts = store.entries.texts([long, short], most)
        content, _, rest = texts[long][1].partition("\n")
        assert content == ("größe😀" * 5000)[:most]
        assert 0 < len(rest) <= most
        assert texts[short] == ("title 2", "größe😀"[:most])


def test_texts_of_unknown_keys_are_left_out(store):
    (key,) = insert(store, make_entry(1, content="said"))
    assert store.entries.texts([key, key + 99, key], 10) == {key: ("title 1", "said")}
    assert store.entries.texts([], 10) == {}


@settings(deadline=None, max_examples=tries(40))
@given(stored=st.lists(ANY_ENTRY, min_size=1, max_size=4, unique_by=lambda entry: entry.id), most=st.integers(1, 20))
def test_texts_of_any_entries_are_bounded_and_begin_as_they_do(fresh, stored, most):
    with fresh() as store:
        keys = insert(store, *stored)
        texts = store.entries.texts(keys, most)
        assert set(texts) == set(keys)
        for key, entry in zip(keys, stored):
            title, body = texts[key]
            assert title == entry.title
            assert body.startswith(entry.content[:most])
            assert len(body) <= 2 * most + 1


# names of entries


def test_a_prefix_in_either_case_names_its_entry(store):
    key, _ = insert(store, make_entry(id="01ABCDEF" + "0" * 18), make_entry(id="01ABCDEG" + "0" * 18))
    assert store.entries.resolve("01abcdef") == key
    assert store.entries.resolve(" 01ABCDEF ") == key
    assert store.entries.resolve("01ABCDEF" + "0" * 18) == key


def test_an_end_in_either_case_names_its_entry(store):
    key, other = insert(store, make_entry(id="01" + "0" * 16 + "1Y1JZ0AW"), make_entry(id="01" + "0" * 16 + "2Y1JZ0AX"))
    for end in ("Z0AW", "jz0aw", " 1Y1JZ0AW "):
        assert store.entries.resolve(end) == key
    assert store.entries.resolve("z0ax") == other
    with pytest.raises(NotFound):
        store.entries.resolve("0AW")  # three characters are too few to be an end
    with pytest.raises(NotFound):
        store.entries.resolve("Y1JZ")  # in the middle


def test_an_end_goes_before_a_beginning(store):
    first, second = insert(store, make_entry(id="01AB" + "0" * 22), make_entry(id="02" + "0" * 20 + "01AB"))
    assert store.entries.resolve("01AB") == second  # what is shown is an end
    assert store.entries.resolve("01AB0") == first


def test_an_ambiguous_end_lists_the_candidates(store):
    entries = [make_entry(id=f"0{number}" + "0" * 20 + "ZZZZ") for number in range(1, 4)]
    insert(store, *entries)
    with pytest.raises(Ambiguous) as raised:
        store.entries.resolve("zzzz")
    assert raised.value.candidates == tuple(f"{entry.id}  {entry.title}" for entry in entries)


def test_an_ambiguous_prefix_lists_the_candidates(store):
    insert(store, *(make_entry(number) for number in range(3)))
    with pytest.raises(Ambiguous) as raised:
        store.entries.resolve("01")
    assert raised.value.exit_code == 3
    assert raised.value.candidates == tuple(f"{make_entry(number).id}  title {number}" for number in range(3))


def test_many_candidates_are_cut(store):
    insert(store, *(make_entry(number) for number in range(30)))
    with pytest.raises(Ambiguous, match="more than") as raised:
        store.entries.resolve("01")
    assert len(raised.value.candidates) < 30


NO_ID = ["", " ", "02", "%", "_", "01%", "' OR 1", "ü", "~", "\0", "01" + "0" * 24 + "0"]


@pytest.mark.parametrize("prefix", NO_ID)
def test_what_names_no_entry_is_not_found(store, prefix):
    insert(store, make_entry(0))
    with pytest.raises(NotFound) as raised:
        store.entries.resolve(prefix)
    assert raised.value.hint


SIMILAR_IDS = st.sets(
    st.text("01AZ", min_size=26, max_size=26) | st.text("01", min_size=2, max_size=2).map(lambda end: "0" * 24 + end),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=tries(100))
@given(ids=SIMILAR_IDS)
def test_a_short_id_always_names_its_own_entry(fresh, ids):
    with fresh() as store:
        keys = {entry_id: store.entries.insert(make_entry(id=entry_id)) for entry_id in ids}
        shortened = store.entries.short_ids(ids)
        assert set(shortened) == ids
        for entry_id, short in shortened.items():
            assert entry_id.endswith(short)
            assert len(short) >= SHORTEST_END
            assert store.entries.resolve(short) == store.entries.resolve(short.lower()) == keys[entry_id]
            if len(short) > SHORTEST_END:
                with pytest.raises(Ambiguous):
                    store.entries.resolve(short[1:])


def test_the_short_id_of_a_deleted_entry_fits_no_other(store):
    insert(store, make_entry(1), make_entry(2))
    gone = make_entry(3).id
    (short,) = store.entries.short_ids([gone]).values()
    assert gone.endswith(short)
    with pytest.raises(NotFound):
        store.entries.resolve(short)
    assert store.entries.short_ids([]) == {}


def test_a_short_id_is_longer_in_a_larger_base(store):
    few = make_entry(0).id
    insert(store, make_entry(0))
    assert store.entries.short_ids([few]) == {few: few[-4:]}
    insert(store, *(make_entry(number) for number in range(1, 1_025)))
    assert len(store.entries.short_ids([few])[few]) >= 5


def test_facets_count_what_the_selected_have(store):
    assert store.entries.facets() == Facets({}, {}, {}, {})
    insert(
        store,
        make_entry(0, type=EntryType.BUG, tags=("a", "b"), project="web"),
        make_entry(1, type=EntryType.BUG, tags=("b",), project="api", status=Status.OBSOLETE),
        make_entry(2, type=EntryType.TIL, tags=(), project="api"),
    )
    found = store.entries.facets()
    assert list(found.types.items()) == [("bug", 2), ("til", 1)]
    assert list(found.tags.items()) == [("b", 2), ("a", 1)]
    assert list(found.projects.items()) == [("api", 2), ("web", 1)]
    assert found.statuses == {"active": 2, "obsolete": 1}
    assert store.entries.facets(Selection(Filters(tags=("a",)))) == Facets(
        {"bug": 1}, {"a": 1, "b": 1}, {"web": 1}, {"active": 1}
    )
    assert store.entries.facets(most=1).tags == {"b": 2}
    assert store.entries.facets(of=("tags", "statuses")) == replace(found, types={}, projects={})
    assert store.entries.facets(of=("projects",), most=1) == Facets({}, {}, {"api": 2}, {})


# selections

TAGS = ("nginx", "nginx/proxy", "nginx/proxy/tls", "nginx-proxy", "nginx0", "docker", "größe/länge")
ASKED_TAGS = (*TAGS, "größe", "nginx/", "#Nginx", " NGINX/Proxy ", "ngin", "ngin_", "nginx/%")
SINCE = NOW + timedelta(seconds=5)
TYPES = (EntryType.BUG, EntryType.TIL, EntryType.CONFIG)
PROJECTS = (None, "api", "web")

MOMENTS = (None, SINCE, NOW - timedelta(days=1), NOW + timedelta(days=1))
SPANS = st.none() | st.builds(Span, st.sampled_from(MOMENTS), st.sampled_from(MOMENTS))

SOME_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "types": st.lists(st.sampled_from(TYPES), max_size=2).map(tuple),
    "tags": st.lists(st.sampled_from(ASKED_TAGS), max_size=2).map(tuple),
    "project": st.sampled_from(PROJECTS),
    "since": st.sampled_from(MOMENTS),
    "until": st.sampled_from(MOMENTS),
    "created": SPANS,
    "changed": SPANS,
    "status": st.sampled_from([None, Status.ACTIVE, Status.OBSOLETE]),
}
PASSES: dict[str, Callable[[Entry, Any], bool]] = {
    "types": lambda entry, value: entry.type in value,
    "tags": lambda entry, value: all(any(lies_at_or_below(tag, asked) for tag in entry.tags) for asked in value),
    "project": lambda entry, value: entry.project == value,
    "since": lambda entry, value: entry.updated_at >= value,
    "until": lambda entry, value: entry.updated_at <= value,
    "created": lambda entry, value: lies_in(entry.created_at, value),
    "changed": lambda entry, value: lies_in(entry.updated_at, value),
    "status": lambda entry, value: entry.status is value,
}
"""What each filter means, said again without a store."""


def lies_at_or_below(tag: str, asked: str) -> bool:
    parts = asked.strip().lower().removeprefix("#").rstrip("/").split("/")
    return tag.split("/")[: len(parts)] == parts


def lies_in(moment: datetime, span: Span) -> bool:
    return (span.start is None or span.start <= moment) and (span.last is None or moment <= span.last)


def passes(entry: Entry, filters: Filters) -> bool:
    values = {each.name: getattr(filters, each.name) for each in FILTERS}
    return all(PASSES[name](entry, value) for name, value in values.items() if value not in (None, ()))


def holds_text(entry: Entry, text: str) -> bool:
    return text in entry.title.split()


ENTRIES = st.lists(
    st.builds(
        dict,
        type=st.sampled_from(TYPES),
        tags=st.sets(st.sampled_from(TAGS)).map(lambda tags: tuple(sorted(tags))),
        project=st.sampled_from(PROJECTS),
        status=st.sampled_from(list(Status)),
        created_at=st.integers(0, 10).map(lambda seconds: NOW + timedelta(seconds=seconds)),
        updated_at=st.integers(0, 10).map(lambda seconds: NOW + timedelta(seconds=seconds)),
        title=st.sets(st.sampled_from(["zebra", "horse"])).map(lambda words: " ".join(sorted(words))),
    ),
    max_size=12,
)
SELECTIONS = st.builds(
    Selection,
    st.builds(Filters, **SOME_VALUES),
    st.sampled_from([(), (), ("zebra",), ("zebra", "horse")]),
    st.sampled_from([(), (), ("horse",), ("zebra", "unknown")]),
)


def test_every_filter_there_is_is_known_here():
    names = [each.name for each in FILTERS]
    assert list(SOME_VALUES) == list(PASSES) == names


@pytest.mark.parametrize("each", FILTERS, ids=lambda each: each.name)
def test_every_filter_narrows_what_is_selected(store, each):
    parts = {
        "types": (EntryType.TIL, EntryType.BUG),
        "tags": (("docker", "nginx"), ("docker",)),
        "project": ("api", "web"),
        "since": (LATER, NOW),
        "until": (NOW, LATER),
        "created": (NOW, LATER),
        "changed": (LATER, NOW),
        "status": (Status.OBSOLETE, Status.ACTIVE),
    }[each.name]
    attribute = {
        "types": "type",
        "since": "updated_at",
        "until": "updated_at",
        "changed": "updated_at",
        "created": "created_at",
    }.get(each.name, each.name)
    inside, outside = insert(store, *(make_entry(number, **{attribute: part}) for number, part in enumerate(parts)))
    value = {
        "types": (EntryType.TIL, EntryType.CONFIG),
        "since": SINCE,
        "until": SINCE,
        "created": Span(NOW, SINCE),
        "changed": Span(SINCE),
    }.get(each.name, parts[0])
    selection = Selection(Filters(**{each.name: value}))
    assert not selection.is_everything
    assert store.entries.keys(selection) == [inside]
    assert set(store.entries.keys()) == {inside, outside}


@settings(deadline=None, max_examples=tries(150))
@given(parts=ENTRIES, selection=SELECTIONS, limit=st.none() | st.integers(0, 8), offset=st.integers(0, 3))
def test_a_selection_lets_exactly_those_pass_that_meet_it_newest_first(fresh, parts, selection, limit, offset):
    with fresh() as store:
        stored = {}
        for number, part in enumerate(parts):
            entry = make_entry(number, **part)
            key = store.entries.insert(entry)
            store.words.put(key, entry)
            store.passages.put(key, of(str(number)))
            stored[key] = entry
        passing = sorted(
            (
                key
                for key, entry in stored.items()
                if passes(entry, selection.filters)
                and all(holds_text(entry, phrase) for phrase in selection.phrases)
                and not any(holds_text(entry, text) for text in selection.excluded)
            ),
            key=lambda key: (stored[key].updated_at, stored[key].id),
            reverse=True,
        )
        assert store.entries.count(selection) == len(passing)
        end = None if limit is None else offset + limit
        assert store.entries.keys(selection, limit, offset) == passing[offset:end]
        passages = store.passages.by_ids(store.passages.ids(selection))
        assert sorted(passage.entry_key for passage in passages) == sorted(passing)
        terms = store.words.terms("zebra horse", MOST)
        found = store.words.search(terms, selection, 50)
        assert set(found) == set(passing) & set(store.words.coverage_of(terms, stored))


@settings(deadline=None, max_examples=tries(60))
@given(parts=ENTRIES, selection=SELECTIONS)
def test_facets_and_counts_are_those_of_the_selected_entries(fresh, parts, selection):
    with fresh() as store:
        entries = [make_entry(number, **part) for number, part in enumerate(parts)]
        keys = insert(store, *entries)
        for key, entry in zip(keys, entries):
            store.words.put(key, entry)
        chosen = set(store.entries.keys(selection))
        selected = [entry for key, entry in zip(keys, entries) if key in chosen]
        found = store.entries.facets(selection)
        assert found.types == Counter(entry.type.value for entry in selected)
        assert found.tags == Counter(name for entry in selected for name in entry.tags)
        assert found.projects == Counter(entry.project for entry in selected if entry.project is not None)
        assert found.statuses == Counter(entry.status.value for entry in selected)
        assert store.entries.counts().by_project == store.entries.facets().projects


def test_what_selects_nothing_selects_everything(store):
    keys = insert(store, make_entry(1), make_entry(2))
    assert EVERYTHING.is_everything
    assert sorted(store.entries.keys(EVERYTHING)) == keys
    assert store.entries.count(EVERYTHING) == store.entries.count() == 2


def test_tags_and_projects_are_found_in_either_case(store):
    (key,) = insert(store, make_entry(tags=("nginx",), project="Api"))
    assert store.entries.keys(Selection(Filters(tags=(" NGINX ",)))) == [key]
    assert store.entries.keys(Selection(Filters(project="aPI"))) == [key]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("net", ["net", "net/dns", "net/dns/tls"]),
        ("net/", ["net", "net/dns", "net/dns/tls"]),
        ("#net", ["net", "net/dns", "net/dns/tls"]),
        ("# NET", ["net", "net/dns", "net/dns/tls"]),
        ("Net/Dns", ["net/dns", "net/dns/tls"]),
        ("#net/dns/", ["net/dns", "net/dns/tls"]),
        ("net/dns/tls", ["net/dns/tls"]),
        ("net/dn", []),
        ("ne", []),
        ("dns", []),
        ("network", ["network"]),
        ("net_", ["net_"]),
        ("net%", []),
        ("%", []),
        ("n_t", []),
        ("net/%", []),
        ("*", []),
        ("a b", ["a b", "a b/größe"]),
        ("A  B", ["a b", "a b/größe"]),
        ("a b/GRÖSSE", []),
        ("a b/GRÖßE", ["a b/größe"]),
        ("数据", ["数据/库"]),
        ("c#", ["c#", "c#/linq"]),
        ("c", []),
        ("' OR 1", []),
    ],
)
def test_a_tag_is_found_with_those_below_it_and_no_others(store, asked, found):
    near = ("network", "net.", "net-", "net0", "net_", "nets/dns", "internet", "inter/net", "a b", "a b/größe", "a")
    tags = ("net", "net/dns", "net/dns/tls", *near, "数据/库", "c#", "c#/linq")
    insert(store, *(make_entry(number, tags=(tag,)) for number, tag in enumerate(tags)))
    selection = Selection(Filters(tags=(asked,)))
    keys = store.entries.keys(selection)
    assert sorted(tag for key in keys for tag in read(store, key).tags) == sorted(found)
    assert store.entries.count(selection) == len(found)


def test_an_entry_with_several_tags_below_one_is_found_once(store):
    both, one = insert(store, make_entry(1, tags=("net", "net/a", "net/b", "os/c")), make_entry(2, tags=("net/a",)))
    assert sorted(store.entries.keys(Selection(Filters(tags=("net",))))) == [both, one]
    assert store.entries.count(Selection(Filters(tags=("net",)))) == 2
    assert store.entries.keys(Selection(Filters(tags=("net", "os")))) == [both]
    assert store.entries.keys(Selection(Filters(tags=("net/a", "#NET")))) == [one, both]
    assert store.entries.keys(Selection(Filters(tags=("net", "os/d")))) == []


def test_a_date_in_another_zone_is_the_same_moment(store):
    insert(store, make_entry(0))
    zone = timezone(timedelta(hours=9))
    assert store.entries.count(Selection(Filters(since=NOW.astimezone(zone)))) == 1
    assert store.entries.count(Selection(Filters(since=(NOW + timedelta(seconds=1)).astimezone(zone)))) == 0


def test_both_ends_of_a_stretch_are_in_it(store):
    keys = insert(store, *(make_entry(number, updated_at=NOW + timedelta(seconds=number)) for number in range(5)))
    ends = NOW + timedelta(seconds=1), NOW + timedelta(seconds=3)
    for filters in (Filters(changed=Span(*ends)), Filters(since=ends[0], until=ends[1])):
        assert store.entries.keys(Selection(filters)) == keys[3:0:-1]
    assert store.entries.keys(Selection(Filters(since=ends[1], until=ends[0]))) == []


def test_which_of_some_entries_belong_to_a_project(store):
    api, web, none = insert(
        store, *(make_entry(number, project=name) for number, name in enumerate(("Api", "web", None)))
    )
    assert store.entries.of_project("api", [api, web, none, 10**6]) == {api}
    assert store.entries.of_project("api", [web]) == store.entries.of_project("x", [api]) == set()
    assert store.entries.of_project("api", []) == set()


# links, and what they say of a successor


def link(
    store: Store, source: str, target: str, kind: LinkType = LinkType.RELATED, reason: str = "", at: datetime = NOW
) -> bool:
    with store.transaction():
        return store.links.put(Link(source, target, kind, reason), at)


def test_links_are_found_from_both_ends(store):
    one, two, three = insert(store, *(make_entry(number) for number in (1, 2, 3)))
    assert link(store, make_entry(1).id, make_entry(2).id, LinkType.SUPERSEDES, "why")
    expected = [Link(make_entry(1).id, make_entry(2).id, LinkType.SUPERSEDES, "why")]
    assert store.links.of(one) == store.links.of(two) == store.links.between(one, two) == expected
    assert store.links.of(three) == store.links.between(two, one) == store.links.between(one, three) == []


def test_the_same_link_again_changes_its_reason(store):
    one, _ = insert(store, make_entry(1), make_entry(2))
    ends = make_entry(1).id, make_entry(2).id
    for reason in ("first", "second"):
        assert link(store, *ends, LinkType.RELATED, reason)
    link(store, *ends, LinkType.CONTRADICTS, "third")
    assert sorted(found.reason for found in store.links.of(one)) == ["second", "third"]
    assert store.entries.counts().links == 2


def test_an_entry_cannot_be_linked_to_itself(store):
    (key,) = insert(store, make_entry(1))
    with pytest.raises(StorageError):
        link(store, make_entry(1).id, make_entry(1).id)
    assert store.links.of(key) == []


def test_a_link_needs_both_ends(store):
    (key,) = insert(store, make_entry(1))
    assert not link(store, make_entry(1).id, make_entry(2).id)
    assert not link(store, make_entry(2).id, make_entry(1).id)
    assert not link(store, "", "")
    assert store.links.of(key) == []


def test_links_that_start_at_some_entries_come_by_the_id_of_each(store):
    keys = insert(store, *(make_entry(number) for number in range(4)))
    ids = [make_entry(number).id for number in range(4)]
    for source, target in ((0, 1), (0, 2), (1, 0), (3, 0)):
        link(store, ids[source], ids[target])
    started = store.links.starting_at(keys[:3])
    assert {source: [found.target for found in links] for source, links in started.items()} == {
        ids[0]: [ids[1], ids[2]],
        ids[1]: [ids[0]],
    }
    assert store.links.starting_at([]) == store.links.starting_at([10**6]) == {}


def test_links_that_touch_some_entries_come_once_each_from_either_end(store):
    keys = insert(store, *(make_entry(number) for number in range(5)))
    ids = [make_entry(number).id for number in range(5)]
    ends = ((0, 1), (1, 0), (1, 2), (2, 3), (3, 4))
    for source, target in ends:
        link(store, ids[source], ids[target])
    assert {(found.source, found.target) for found in store.links.touching([keys[0], keys[1]])} == {
        (ids[source], ids[target]) for source, target in ends[:3]
    }
    assert len(store.links.touching(keys)) == len(ends)
    assert store.links.touching([]) == store.links.touching([10**6]) == []


def test_links_of_two_entries_are_those_in_one_direction_of_every_kind(store):
    one, two = insert(store, make_entry(1), make_entry(2))
    for kind in LinkType:
        link(store, make_entry(1).id, make_entry(2).id, kind, kind.value)
    link(store, make_entry(2).id, make_entry(1).id)
    assert {(found.type, found.reason) for found in store.links.between(one, two)} == {
        (kind, kind.value) for kind in LinkType
    }
    assert len(store.links.between(two, one)) == 1


def test_a_removed_link_is_gone_and_the_others_stay(store):
    one, _ = insert(store, make_entry(1), make_entry(2))
    ends = make_entry(1).id, make_entry(2).id
    for kind in (LinkType.RELATED, LinkType.CONTRADICTS):
        link(store, *ends, kind)
    for gone in (Link(*ends, LinkType.RELATED, "whatever its reason"), Link("x", "y", LinkType.RELATED)):
        with store.transaction():
            store.links.remove(gone)
    assert [found.type for found in store.links.of(one)] == [LinkType.CONTRADICTS]


def test_an_update_keeps_the_links(store):
    one, two = insert(store, make_entry(1), make_entry(2))
    link(store, make_entry(1).id, make_entry(2).id)
    update(store, one, make_entry(1, title="new"))
    assert len(store.links.of(one)) == len(store.links.of(two)) == 1


def test_the_successor_of_an_entry_is_what_the_links_say(store):
    new, old = insert(store, make_entry(2), make_entry(1, superseded_by=make_entry(2).id))
    assert read(store, old).superseded_by is None
    link(store, make_entry(2).id, make_entry(1).id, LinkType.RELATED)
    link(store, make_entry(1).id, make_entry(2).id, LinkType.SUPERSEDES)
    assert read(store, old).superseded_by is None
    assert read(store, new).superseded_by == make_entry(1).id
    link(store, make_entry(2).id, make_entry(1).id, LinkType.SUPERSEDES)
    assert read(store, old) == make_entry(1, superseded_by=make_entry(2).id)
    assert store.entries.by_ids([make_entry(1).id])[make_entry(1).id].superseded_by == make_entry(2).id
    update(store, old, make_entry(1, title="new"))
    assert read(store, old).superseded_by == make_entry(2).id


def test_of_several_successors_the_one_said_last_holds(store):
    ids = [make_entry(number).id for number in range(4)]
    old, *_ = insert(store, *(make_entry(number) for number in range(4)))
    for number in (2, 3, 1):
        link(store, ids[number], ids[0], LinkType.SUPERSEDES, at=NOW)
    assert read(store, old).superseded_by == ids[1]
    link(store, ids[3], ids[0], LinkType.SUPERSEDES, at=NOW)
    assert read(store, old).superseded_by == ids[3]
    with store.transaction():
        store.links.remove(Link(ids[3], ids[0], LinkType.SUPERSEDES))
    assert read(store, old).superseded_by == ids[1]
    with store.transaction():
        assert store.links.put(Link(ids[3], ids[0], LinkType.SUPERSEDES), NOW, as_oldest=True)
    assert read(store, old).superseded_by == ids[1]


def test_deleting_a_successor_leaves_the_entry_without_one(store):
    new, old = insert(store, make_entry(2), make_entry(1, status=Status.OBSOLETE))
    link(store, make_entry(2).id, make_entry(1).id, LinkType.SUPERSEDES)
    delete(store, new)
    assert read(store, old).superseded_by is None
    assert read(store, old).status is Status.OBSOLETE


def test_a_successor_may_come_later_in_the_same_transaction(store):
    with store.transaction():
        old = store.entries.insert(make_entry(1, superseded_by=make_entry(2).id))
        store.entries.insert(make_entry(2))
        assert store.links.put(Link(make_entry(2).id, make_entry(1).id, LinkType.SUPERSEDES), NOW)
    assert read(store, old).superseded_by == make_entry(2).id


def test_obsolete_entries_are_told_with_the_key_of_their_successor(store):
    active, new, lone, old = insert(
        store,
        make_entry(1),
        make_entry(2),
        make_entry(3, status=Status.OBSOLETE),
        make_entry(4, status=Status.OBSOLETE),
    )
    link(store, make_entry(2).id, make_entry(4).id, LinkType.SUPERSEDES)
    assert store.entries.obsolete_among([active, new, lone, old, 10**6]) == {lone: None, old: new}
    assert store.entries.obsolete_among([old]) == {old: new}
    assert store.entries.obsolete_among([]) == {}


# origins


def test_an_origin_belongs_to_one_entry_and_one_path(store):
    one, two = insert(store, make_entry(1), make_entry(2))

    def put(origin: Origin) -> None:
        with store.transaction():
            store.origins.put(origin)

    put(Origin("a", one, b"1", b"2"))
    put(Origin("b", one, b"3", b"4"))
    assert store.origins.at("a") is None
    assert store.origins.at("b") == store.origins.of(one) == Origin("b", one, b"3", b"4")
    put(Origin("b", two, b"5", b"6"))
    assert store.origins.at("b") == store.origins.of(two) == Origin("b", two, b"5", b"6")
    assert store.origins.of(one) is None
    put(Origin("größe/\n.md", one, bytes(32), b""))
    assert store.origins.of(one) == Origin("größe/\n.md", one, bytes(32), b"")
    full = Origin("b", two, b"5", b"6", make_entry(1).id, "größe 'id'", '{"title": "größe"}')
    put(full)
    assert store.origins.at("b") == store.origins.of(two) == full
    put(Origin("b", two, b"5", b"6"))
    assert store.origins.of(two) == Origin("b", two, b"5", b"6", None, "", "")


def put_origins(store: Store, *paths: str, **parts: Any) -> list[Origin]:
    """An entry imported from each of some paths."""
    made = []
    count = store.entries.count()
    for key, path in zip(
        insert(store, *(make_entry(count + number) for number in range(len(paths)))), map(native, paths)
    ):
        made.append(Origin(path, key, **{"source_hash": b"source", "entry_hash": b"entry", **parts}))
    with store.transaction():
        store.origins.put(*made)
    return made


def native(path: str) -> str:
    return path.replace("/", os.sep)


def under(store: Store, path: str) -> list[str]:
    found = [origin.path for origin in store.origins.under(native(path))]
    assert found == sorted(found)
    return sorted(path.replace(os.sep, "/") for path in found)


def test_sources_of_the_same_hash_or_the_same_id_are_found_by_path(store):
    (other,) = put_origins(store, "/0.md", source_hash=b"2")
    late, early = put_origins(store, "/z.md", "/a.md", source_hash=b"1")
    (named,) = put_origins(store, "/m.md", source_hash=b"3", record_id="id")
    (both,) = put_origins(store, "/b.md", source_hash=b"1", record_id="id")
    (cased,) = put_origins(store, "/c.md", source_hash=b"4", record_id="ID")
    assert store.origins.like(b"1") == [early, both, late]
    assert store.origins.like(b"1", "id") == [early, both, named, late]
    assert store.origins.like(b"?", "id") == [both, named]
    assert store.origins.like(b"2", "ID") == [other, cased]
    assert store.origins.like(b"?", "i_") == store.origins.like(b"?", "%") == store.origins.like(b"?", " id") == []


def test_a_source_without_an_id_is_like_no_other_without_one(store):
    put_origins(store, "/a.md", "/b.md", source_hash=b"1")
    (one,) = put_origins(store, "/c.md", source_hash=b"")
    assert store.origins.like(b"?") == store.origins.like(b"?", "") == []
    assert store.origins.like(b"", "") == [one]


def test_the_known_of_many_hashes_and_ids_are_those_that_one_by_one_are_like_something(store):
    put_origins(store, "/a.md", source_hash=bytes(range(16)), record_id="größe 'x'")
    put_origins(store, "/b.md", source_hash=b"\0\xff", record_id="ID")
    put_origins(store, "/c.md", source_hash=b"3")
    hashes = [bytes(range(16)), b"\0\xff", b"\0", b"3", b"33", b"?"]
    ids = ["größe 'x'", "ID", "id", "%", "", "x"]
    assert store.origins.known(hashes, ids) == (
        {each for each in hashes if store.origins.like(each)},
        {each for each in ids if store.origins.like(b"nothing", each)},
    )
    assert store.origins.known([], []) == (set(), set())


def test_origins_are_put_and_looked_up_many_at_once(store):
    one, two, three = insert(store, make_entry(1), make_entry(2), make_entry(3))
    first, second = Origin("größe/\n.md", one, b"1", b"2", said="a"), Origin("/b", two, b"3", b"4", None, "id", "b")
    with store.transaction():
        store.origins.put(first, second)
        store.origins.put()
    assert store.origins.at_many(["größe/\n.md", "/b", "/nothing"]) == {first.path: first, second.path: second}
    assert store.origins.at_many([]) == store.origins.said([]) == {}
    assert store.origins.said(["/b", "/nothing", "größe/\n.md"]) == {"/b": "b", "größe/\n.md": "a"}
    with store.transaction():
        store.origins.say({"/b": '{"ü": []}', "/nothing": "c"})
    assert store.origins.of(two) == replace(second, said='{"ü": []}')
    assert (store.origins.at("/nothing"), store.origins.of(one)) == (None, first)
    with store.transaction():  # in the place of one, and of another's entry
        store.origins.put(Origin("/b", three, b"5", b"6"), Origin("/d", one, b"7", b"8"))
    assert [store.origins.of(key) for key in (one, two, three)] == [
        Origin("/d", one, b"7", b"8"),
        None,
        Origin("/b", three, b"5", b"6"),
    ]
    assert store.origins.at(first.path) is None


def test_entries_words_and_passages_of_many_are_those_of_one_after_the_other(store):
    entries = [
        make_entry(9, title="zebra crossing", **FULL),
        make_entry(3, title="apple C++"),
        make_entry(7, tags=("a",)),
    ]
    with store.transaction():
        assert store.entries.insert_many([]) == []
        keys = store.entries.insert_many(entries)
        store.words.put_many([])
        store.words.put_many(list(zip(reversed(keys), reversed(entries))))
        assert store.passages.put_many([]) == []
        ids = store.passages.put_many([(keys[1], of("b", "a", "b")), (keys[0], []), (keys[2], of("c"))])
    assert len(set(keys)) == 3
    assert [store.entries.one(key) for key in keys] == entries
    assert store.entries.keys_of([*(entry.id for entry in entries), "nothing"]) == dict(
        zip((entry.id for entry in entries), keys)
    )
    assert store.entries.keys_of([]) == {}
    assert [store.words.in_titles(word, 5) for word in ("zebra", "apple", "nothing")] == [[keys[0]], [keys[1]], []]
    assert store.words.titled("Apple C++", EVERYTHING, 5) == [keys[1]]
    assert [len(each) for each in ids] == [3, 0, 1]
    assert {(each.id, each.entry_key, each.position) for each in store.passages.of_entries(keys)} == {
        *((passage_id, keys[1], place) for place, passage_id in enumerate(ids[0])),
        (ids[2][0], keys[2], 0),
    }
    with store.transaction():  # some are there, some are new, and some come back at another place
        again = store.passages.put_many([(keys[0], of("n")), (keys[1], of("a", "new", "b"))])
        store.words.put_many([(keys[1], make_entry(3, title="pear")), (keys[0], entries[0])])
    assert (again[1][0], again[1][2]) == (ids[0][1], ids[0][0])
    assert {again[0][0], again[1][1]}.isdisjoint({*ids[0], *ids[2]})
    assert [each.id for each in sorted(store.passages.of_entries([keys[1]]), key=lambda each: each.position)] == again[
        1
    ]
    assert [store.words.in_titles(word, 5) for word in ("zebra", "apple", "pear")] == [[keys[0]], [], [keys[1]]]
    assert store.words.count() == 3


def test_links_of_many_are_those_of_one_after_the_other(store):
    one, two, three = (make_entry(number) for number in (1, 2, 3))
    keys = insert(store, one, two, three)
    links = [
        Link(one.id, three.id, LinkType.SUPERSEDES, "because"),
        Link(one.id, "nothing", LinkType.RELATED),
        Link("nothing", two.id, LinkType.RELATED),
        Link(two.id, three.id, LinkType.SUPERSEDES),
        Link(one.id, three.id, LinkType.RELATED),
    ]
    with store.transaction():
        assert store.links.put_many([], NOW) == []
        assert store.links.put_many(links, NOW) == [True, False, False, True, True]
    assert sorted(map(str, store.links.of(keys[2]))) == sorted(str(links[place]) for place in (0, 3, 4))
    assert store.entries.one(keys[2]).superseded_by == two.id
    with store.transaction():  # the same again is the latest, with the new reason
        assert store.links.put_many([Link(one.id, three.id, LinkType.SUPERSEDES, "now")], NOW) == [True]
    assert store.entries.one(keys[2]).superseded_by == one.id
    assert Link(one.id, three.id, LinkType.SUPERSEDES, "now") in store.links.of(keys[2])


def test_several_tombstones_are_dropped_at_once(store):
    with store.transaction():
        for number in range(3):
            store.tombstones.put(make_entry(number), {}, NOW)
        store.tombstones.drop()
        store.tombstones.drop(make_entry(0).id, "nothing", make_entry(2).id)
    assert [store.tombstones.has(make_entry(number).id) for number in range(3)] == [False, True, False]


def test_a_source_that_was_told_again_or_is_gone_is_not_found_as_it_was(store):
    (old,) = put_origins(store, "/a.md", source_hash=b"1", record_id="x")
    with store.transaction():
        store.origins.put(replace(old, path=native("/b.md"), source_hash=b"2", record_id="y"))
    assert store.origins.like(b"1", "x") == under(store, "/a.md") == []
    assert [origin.path for origin in store.origins.like(b"2")] == [native("/b.md")]
    assert under(store, "/") == ["/b.md"]
    delete(store, old.entry_key)
    assert store.origins.like(b"2", "y") == under(store, "/") == []


def test_below_a_folder_lies_what_its_path_says(store):
    inside = ["/a/b/c/d.md", "/a/b/c/d.md#2", "/a/b/e.md", "/a/b/e.md!theirs", "/a/b/größe/\n.md"]
    outside = ["/a/b c/x.md", "/a/b!/x.md", "/a/b!old/x.md", "/a/b-/x.md", "/a/b.md", "/a/b0/x.md", "/a/bc/x.md"]
    outside += ["/A/b/x.md", "/a/B/x.md", "/a/x.md", "/x/a/b/x.md", "a/b/x.md", "/a/bä/x.md"]
    put_origins(store, *outside, *inside)
    assert under(store, "/a/b") == under(store, "/a/b/") == sorted(inside)
    assert under(store, "/a/b/c") == ["/a/b/c/d.md", "/a/b/c/d.md#2"]
    assert under(store, "/a/b/größe") == ["/a/b/größe/\n.md"]
    assert under(store, "/A") == ["/A/b/x.md"]
    assert under(store, "/") == sorted(path for path in (*inside, *outside) if path.startswith("/"))


def test_of_a_file_are_its_records_and_the_version_that_was_kept_beside_it(store):
    of_file = ["/n/x.json", "/n/x.json!theirs", "/n/x.json##", "/n/x.json#1", "/n/x.json#1!theirs", "/n/x.json#a/b"]
    others = ["/n/X.json", "/n/x.jso", "/n/x.json5", "/n/x.json.bak", "/n/x.json!others", "/n/x.json!", "/n/x_json"]
    put_origins(store, *others, *of_file)
    assert under(store, "/n/x.json") == sorted(of_file)
    assert under(store, "/n/x.json#1") == ["/n/x.json#1", "/n/x.json#1!theirs"]
    assert under(store, "/n/x_json") == ["/n/x_json"]
    assert under(store, "/n/x.json!theirs") == ["/n/x.json!theirs"]
    assert under(store, "/n/x") == under(store, "x.json") == []


@pytest.mark.parametrize(
    "name", ["100%", "%", "a_b", "_", "C#", "#", "[a-z]", "*", "it's", '"', " ", "!theirs", "größe"]
)
def test_no_name_of_a_folder_is_taken_for_a_pattern(store, name):
    others = ("/notes/axb/x.md", "/notes/100/x.md", "/notes/100 proof/x.md", "/notes/D#/x.md", "/notes/its/x.md")
    put_origins(store, *others, f"/notes/{name}/x.md", f"/notes/{name}/y.json#1")
    assert under(store, f"/notes/{name}") == [f"/notes/{name}/x.md", f"/notes/{name}/y.json#1"]
    assert under(store, f"/notes/{name}/x.md") == [f"/notes/{name}/x.md"]


def test_where_nothing_came_from_nothing_is_found(store):
    assert under(store, "/") == under(store, "") == under(store, "/a") == []
    insert(store, make_entry(0))
    put_origins(store, "/a/b.md")
    assert under(store, "/b") == under(store, "/a/b") == under(store, "/a/b.md/c") == []


def test_origins_come_by_path_however_many_there_are_and_whatever_is_done_with_them(store):
    paths = [native(f"/a/{(number * 7) % 1201}.md") for number in range(1201)]
    put_origins(store, *paths, "/b.md")
    seen = []
    with store.transaction():
        for origin in store.origins.under(native("/a")):
            seen.append(origin.path)
            if len(seen) % 3 == 0:
                store.entries.delete(origin.entry_key)
            elif len(seen) % 3 == 1:
                store.origins.put(replace(origin, source_hash=b"new"))
    assert seen == sorted(paths)
    left = list(store.origins.under(os.sep))
    kept = [path for number, path in enumerate(seen, 1) if number % 3]
    assert [origin.path for origin in left] == [*kept, native("/b.md")]
    assert sum(origin.source_hash == b"new" for origin in left) == 401


SOME_PATHS = st.lists(
    st.text("aAb/#!%_", max_size=6).map(lambda end: f"/{end}") | st.just("/a!theirs"), max_size=8, unique=True
)


@settings(deadline=None, max_examples=tries(150))
@given(paths=SOME_PATHS, asked=st.text("aAb/#%_", max_size=4).map(lambda end: f"/{end}"))
def test_under_a_path_is_what_begins_with_it_and_ends_there(fresh, paths, asked):
    with fresh() as store:
        put_origins(store, *paths)
        asked = asked.rstrip("/")
        expected = {
            path for path in paths if path in (asked, f"{asked}!theirs") or path.startswith((f"{asked}/", f"{asked}#"))
        }
        assert under(store, asked) == under(store, f"{asked}/") == sorted(expected)


# words

MOST = 64
Shelve = Callable[..., int]


@pytest.fixture
def shelve(store: Store) -> Shelve:
    """Stores and indexes entries, and gives their keys."""
    numbers = iter(range(10**6))

    def put(title: str = "", content: str = "", **parts: object) -> int:
        entry = make_entry(next(numbers), title=title, content=content, **parts)
        with store.transaction():
            key = store.entries.insert(entry)
            store.words.put(key, entry)
        return key

    return put


def ask(
    store: Store, text: str, phrases: tuple[str, ...] = (), excluded: tuple[str, ...] = (), limit: int = 50
) -> list[int]:
    selection = Selection(phrases=phrases, excluded=excluded)
    return list(store.words.search(store.words.terms(text, MOST), selection, limit))


def selected(store: Store, phrases: tuple[str, ...] = (), excluded: tuple[str, ...] = ()) -> list[int]:
    return sorted(store.entries.keys(Selection(phrases=phrases, excluded=excluded)))


def words_of(terms: Iterable[Any]) -> list[str]:
    return [term.word for term in terms]


def test_any_word_makes_a_match_and_more_words_a_better_one(store, shelve):
    one, both = shelve("proxy"), shelve("proxy timeout")
    for _ in range(5):
        shelve("something else")
    assert ask(store, "timeout proxy") == [both, one]
    assert ask(store, "nothing") == []
    assert ask(store, "") == []


def test_words_are_found_in_every_form(store, shelve):
    key = shelve("Connections failed")
    shelve("other")
    assert ask(store, "connecting FAILS") == [key]


@pytest.mark.parametrize(
    "word",
    [
        "database",
        "response",
        "release",
        "license",
        "parse",
        "horses",
        "analysis",
        "processes",
        "caching",
        "agreed",
        "générale",
    ],
)
def test_a_word_finds_itself_whatever_its_stem(store, shelve, word):
    key = shelve(word)
    shelve("other")
    assert ask(store, word) == [key]


@settings(deadline=None, max_examples=tries(150))
@given(
    word=st.text(st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x2FF), min_size=1, max_size=12)
    | st.from_regex(r"[a-z]{3,12}", fullmatch=True)
)
def test_any_word_finds_the_entry_that_holds_it(fresh, word):
    with fresh() as store:
        entry = make_entry(title="filler", content=f"before {word} after")
        key = store.entries.insert(entry)
        store.words.put(key, entry)
        assert ask(store, word) == [key]


def test_accents_do_not_matter(store, shelve):
    key = shelve("déjà vu")
    assert ask(store, "deja") == ask(store, "DÉJÀ") == [key]


SEARCHED = tuple(field for field in FIELDS if field.words is not None)


def said(field: Field) -> Any:
    """A value of a field that says zebra."""
    if field.kind is Kind.OTHER:
        return (OtherField.of("a", 1), OtherField.of("b", [{"c": "a zebra"}]))
    return ("a", "zebra") if field.kind.is_list else "zebra"


@pytest.mark.parametrize("field", SEARCHED, ids=lambda field: field.name)
def test_every_text_that_is_searched_by_word_is_indexed(store, shelve, field):
    shelve("other")
    key = shelve(**{field.name: said(field)})
    assert ask(store, "zebra") == [key]
    assert selected(store, phrases=("zebra",)) == [key]


def test_other_fields_are_found_by_their_names_and_all_that_their_values_say(store, shelve):
    shelve("other")
    deep = {"horse": [1.25, {"donkey": ["mule, and", None, True]}], "0x80070005": "12:30:45"}
    key = shelve(other_fields=(OtherField.of("zebra", deep), OtherField.of("pony", None)))
    for word in ("zebra", "horse", "donkey", "mule", "pony", "0x80070005", "1.25", "12:30:45", "true"):
        assert ask(store, word) == [key]
        assert selected(store, phrases=(word,)) == [key]
    assert selected(store, phrases=("pony zebra",)) == selected(store, phrases=("zebra pony",)) == []


def test_the_texts_that_are_searched_by_word_are_those_they_always_were():
    assert {field.name for field in SEARCHED} >= {"title", "content", "tags", "project", *FULL} - {"sources"}


@pytest.mark.parametrize(
    "field",
    [field for field in FIELDS if field.words is None and (field.kind.is_list or field.kind in (Kind.LINE, Kind.TEXT))],
    ids=lambda field: field.name,
)
def test_a_text_that_is_not_searched_by_word_is_not_indexed(store, shelve, field):
    shelve(**{field.name: said(field)})
    assert ask(store, "zebra") == selected(store, phrases=("zebra",)) == []


def test_columns_count_as_their_weights_say(store, shelve):
    for _ in range(8):
        shelve("filler", "filler " * 3)
    in_content = shelve("filler", "zebra filler filler")
    in_errors = shelve("filler", "filler filler", error_messages=("zebra",))
    in_labels = shelve("filler", "filler filler", tags=("zebra",))
    in_title = shelve("zebra", "filler filler filler")
    assert ask(store, "zebra") == [in_title, in_labels, in_errors, in_content]


def test_a_rare_word_counts_more_than_a_common_one(store, shelve):
    rare = shelve("zebra")
    for _ in range(6):
        shelve("common")
    for _ in range(10):
        shelve("filler")
    assert ask(store, "zebra common")[0] == rare


def test_a_phrase_stands_word_for_word(store, shelve):
    key = shelve("access control allow origin")
    shelve("origin allow control access")
    assert ask(store, "control allow", ("control allow",)) == [key]
    assert selected(store, ("control allow",)) == [key]
    assert selected(store, ("control allow", "allow origin")) == [key]
    assert selected(store, ("control allow", "nothing here")) == []
    assert ask(store, "control allow nothing here", ("control allow", "nothing here")) == []


def test_a_phrase_does_not_reach_from_one_field_into_the_next(store, shelve):
    shelve("control", "allow")
    assert selected(store, ("control allow",)) == ask(store, "control allow", ("control allow",)) == []


def test_a_phrase_is_required_even_beside_other_words(store, shelve):
    shelve("zebra")
    key = shelve("zebra control allow")
    assert ask(store, "zebra control allow", ("control allow",)) == [key]


def test_an_excluded_word_never_appears(store, shelve):
    key = shelve("proxy apache")
    shelve("proxy nginx")
    shelve("proxy", tags=("nginx",))
    shelve("proxy", solution="use nginx")
    assert ask(store, "proxy", excluded=("nginx",)) == selected(store, excluded=("nginx",)) == [key]
    assert ask(store, "proxy", excluded=("nginx", "apache")) == []


def test_exclusions_alone_match_nothing_by_words(store, shelve):
    shelve("proxy")
    assert ask(store, "", excluded=("nginx",)) == []


@pytest.mark.parametrize(
    "term",
    ["NEAR(a b)", "title:zebra", "a*", '"', "''", "AND", "zebra AND", "^zebra", "{title}", "-- zebra", "\\", "%", "\0"],
)
def test_syntax_of_an_index_is_plain_text(store, shelve, term):
    shelve("zebra")
    assert isinstance(ask(store, term, (term,), (term,)), list)
    assert isinstance(selected(store, (term,), (term,)), list)


@pytest.mark.parametrize("wanted", ["数据库", "连接", "据库", "超时", "接超时"])
def test_chinese_text_is_found_by_a_part_of_it(store, shelve, wanted):
    key = shelve("生产环境", "数据库连接超时了")
    shelve("别的东西")
    assert ask(store, wanted) == [key]
    assert selected(store, (wanted,)) == [key]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("コンテナが起動しない", "起動"),
        ("サーバーのメモリ不足", "メモリ"),
        ("데이터베이스연결", "연결"),
        ("Docker容器启动失败", "容器"),
    ],
)
def test_japanese_korean_and_mixed_text_is_found_by_a_part_of_it(store, shelve, text, wanted):
    key = shelve(text)
    shelve("something else")
    assert ask(store, wanted) == [key]


def test_one_chinese_character_finds_the_text_it_stands_in(store, shelve):
    key = shelve("我的猫很大")
    assert ask(store, "猫") == [key]


def test_the_latin_word_beside_chinese_text_is_a_word(store, shelve):
    key = shelve("Docker容器启动失败")
    assert ask(store, "docker") == [key]


def test_the_limit_keeps_the_best(store, shelve):
    for number in range(10):
        shelve("zebra" if number % 2 else "zebra horse")
    shelve("filler")
    assert ask(store, "zebra horse", limit=3) == ask(store, "zebra horse")[:3]


def test_entries_that_say_the_same_come_in_the_order_in_which_they_were_stored(store, shelve):
    keys = [shelve("zebra horse") for _ in range(9)]
    for _ in range(9):
        shelve("filler")
    assert ask(store, "horse zebra") == keys
    assert ask(store, "horse zebra", limit=4) == keys[:4]


def test_filters_apply_before_the_limit(store, shelve):
    for _ in range(20):
        shelve("zebra zebra")
    wanted = shelve("zebra and so much more", type=EntryType.TIL)
    selection = Selection(Filters(types=(EntryType.TIL,)))
    assert list(store.words.search(store.words.terms("zebra", MOST), selection, 1)) == [wanted]


def test_coverage_of_given_entries_is_what_the_search_says(store, shelve):
    keys = [shelve("zebra horse"), shelve("zebra"), shelve("horse with a long tail"), shelve("filler")]
    terms = store.words.terms("zebra horse", MOST)
    searched = store.words.search(terms, EVERYTHING, 50)
    assert store.words.coverage_of(terms, keys[1:]) == {key: searched[key] for key in keys[1:3]}
    assert store.words.coverage_of(terms, []) == {}
    assert store.words.coverage_of(store.words.terms("", MOST), keys) == {}


def test_an_entry_put_again_is_found_by_its_new_words_only(store, shelve):
    key = shelve("zebra")
    with store.transaction():
        store.words.put(key, make_entry(title="horse"))
    assert ask(store, "zebra") == []
    assert ask(store, "horse") == [key]
    assert store.words.count() == 1


def test_a_removed_entry_is_never_found(store, shelve):
    key, other = shelve("zebra"), shelve("zebra horse")
    with store.transaction():
        store.words.delete(key)
        store.words.delete(10**6)
    assert ask(store, "zebra") == [other]
    assert store.words.count() == 1
    with store.transaction():
        store.words.forget_deleted()
    assert ask(store, "zebra") == [other]
    with store.transaction():
        store.words.clear()
    assert ask(store, "zebra") == []
    assert store.words.count() == 0


def test_phrases_and_exclusions_select_the_same_entries_everywhere(store, shelve):
    keys = [shelve("control allow"), shelve("allow control"), shelve("control allow nginx"), shelve("")]
    for phrases, excluded in ((("control allow",), ()), ((), ("nginx",)), (("control allow",), ("nginx",))):
        expected = [
            key for key in keys if (not phrases or key in (keys[0], keys[2])) and (not excluded or key != keys[2])
        ]
        assert selected(store, phrases, excluded) == expected
        assert sorted(ask(store, "control", phrases, excluded)) == [key for key in expected if key != keys[3]]


def test_the_rarest_terms_are_kept_in_their_order_and_unknown_ones_go_first(store, shelve):
    for number in range(9):
        shelve("common" + " often" * (number < 4) + " rare" * (number < 1))
    text = "common rare unknown often"
    assert words_of(store.words.terms(text, 2)) == ["rare", "often"]
    assert store.words.terms(text, 4) == store.words.terms(text, 99)
    assert words_of(store.words.terms(text, 4)) == ["rare", "unknown", "often"]


def test_telling_terms_are_in_at_most_half_of_the_entries(store, shelve):
    for number in range(4):
        shelve("all" + " half" * (number < 2) + " most" * (number < 3))
    terms = store.words.terms("all half most none", MOST)
    assert words_of(terms) == ["half", "none"]
    assert list(terms.frequencies.values()) == [2, 0]
    assert terms.entries == 4
    assert words_of(store.words.terms("all most", MOST)) == ["all", "most"]


def test_common_words_are_looked_for_where_no_entry_holds_a_rarer_one(store, shelve):
    alone = shelve("squid proxy")
    assert ask(store, "squid unknown") == [alone]
    others = [shelve("squid cache"), shelve("squid access list")]
    assert words_of(store.words.terms("squid unknown", MOST)) == ["squid", "unknown"]
    assert sorted(ask(store, "squid unknown")) == [alone, *others]
    assert ask(store, "squid list") == [others[1]]


def test_matched_are_the_terms_that_an_entry_holds(store, shelve):
    other = shelve("other databases")
    key = shelve("the Database", "数据库", tags=("responses",))
    shelve("nothing of it")
    shelve("nor here")
    terms = store.words.terms("response missing databases 库", MOST)
    matched = store.words.matched(terms, [key, other])
    assert {key: words_of(held) for key, held in matched.items()} == {
        key: ["response", "databases", "库"],
        other: ["databases"],
    }
    assert store.words.matched(terms, [other]) == {other: matched[other]}
    assert store.words.matched(terms, []) == store.words.matched(store.words.terms("", MOST), [key]) == {}


def test_a_term_that_is_typed_in_two_forms_counts_once(store):
    assert words_of(store.words.terms("Caching cache caches proxy", MOST)) == ["Caching", "proxy"]


def test_terms_of_an_empty_base_are_all_unknown(store):
    terms = store.words.terms("zebra 数据库", MOST)
    assert words_of(terms) == ["zebra", "数据", "据库"]
    assert set(terms.frequencies.values()) == {0}
    assert store.words.search(terms, EVERYTHING, 9) == store.words.coverage_of(terms, [1]) == {}
    assert list(store.words.terms(" ... \0 ", MOST)) == []


def test_the_places_of_words_are_characters(store):
    text = "Größe: 数据 zebras"
    places = store.words.places(text)
    assert [text[start:end] for start, end, _ in places] == ["Größe", "数据", "zebras"]
    assert [stem for *_, stem in places][2] == store.words.places("ZEBRA")[0][2]
    assert store.words.places("") == store.words.places("-") == []


def fillers(shelve: Shelve, *titles: str) -> None:
    for title in (*titles, *(f"filler {number}" for number in range(10, 18))):
        shelve(title)


UNITS = {
    "a version": ("4.1.7", "moved to 4.1.7 last week", ["7.1.4 notes", "4.1.70 notes", "14.1.7 notes", "1 4 7"]),
    "a version with a v": ("2.8.1", "v2.8.1 is out", ["8 2 1", "1.8.2", "2.1.8"]),
    "a version asked with a v": ("v2.8.1", "2.8.1 is out", ["8 2 1", "1.8.2", "v1 2.8"]),
    "a scope": ("net::Socket", "the net::Socket type", ["socket of a net", "socket socket net net"]),
    "a path": ("lib/io.c", "fix in lib/io.c", ["io in c with lib", "c io lib"]),
    "a flag": ("--keep-alive", "run it with --keep-alive on", ["alive, to keep", "alive alive keep keep"]),
    "a short flag": ("-it", "docker run -it", ["it is docker", "docker it run"]),
    "an error code": ("E_FAIL", "it said E_FAIL", ["e can fail", "fail fail e e"]),
    "an architecture": ("arm64-v8", "for arm64-v8 only", ["v8 on arm64", "v8 v8 arm64"]),
    "a language": ("C++", "a note on C++ templates", ["C templates", "C", "c c c"]),
    "a sharp language": ("J#", "about J# today", ["J", "about J", "j j"]),
    "a dotted name": (".NET", "the .NET runtime", ["the net", "net net"]),
    "a variable": ("$SHELL", "print $SHELL first", ["the shell", "shell shell"]),
}


@pytest.mark.parametrize(("text", "wanted", "others"), UNITS.values(), ids=UNITS)
def test_what_was_typed_in_one_piece_finds_it_before_its_scattered_parts(store, shelve, text, wanted, others):
    fillers(shelve)
    for other in others:
        shelve("found", other)
    key = shelve("found", wanted)
    fillers(shelve)
    assert ask(store, text)[0] == ask(store, f"found {text}")[0] == key


def test_a_unit_that_no_entry_holds_leaves_its_parts(store, shelve):
    fillers(shelve)
    key = shelve("alpha then beta")
    assert words_of(store.words.terms("alpha_beta", MOST)) == ["alpha", "beta"]
    assert ask(store, "alpha_beta") == [key]
    assert words_of(store.words.terms("C++", MOST)) == ["C"]


def test_of_a_path_that_no_entry_holds_the_names_inside_are_looked_for(store, shelve):
    fillers(shelve)
    shelve("see index_page.html")
    assert "index_page.html" in words_of(store.words.terms("/srv/www/index_page.html", MOST))


def test_coverage_counts_a_unit_and_its_parts(store, shelve):
    fillers(shelve)
    whole, parts = shelve("user_id"), shelve("user id of id user")
    terms = store.words.terms("user_id", MOST)
    found = store.words.search(terms, EVERYTHING, 9)
    assert words_of(terms) == ["user", "id", "user_id"]
    assert dict(terms.frequencies)[list(terms)[2]] == 2  # a blank joins two words as well
    assert 0 < found[parts] <= found[whole] <= 1
    assert words_of(store.words.matched(terms, [whole])[whole]) == ["user", "id", "user_id"]


def test_a_long_address_asks_for_a_bounded_number_of_units(store, shelve):
    address = "https://example.org/" + "/".join(f"part_{number}/x-{number}.html" for number in range(200))
    shelve("address", address)
    assert len(list(store.words.terms(address, MOST))) < MOST + 40


@pytest.mark.parametrize(("quoted", "found"), [("C++", [1]), ("C", [0, 1, 2]), ("C#", [2])])
def test_quoted_names_are_told_apart(store, shelve, quoted, found):
    keys = [shelve("plain C"), shelve("C++ here"), shelve("C# there"), shelve("none")]
    assert selected(store, (quoted,)) == [keys[place] for place in found]
    assert selected(store, (), (quoted,)) == [key for place, key in enumerate(keys) if place not in found]


TITLES = {
    "in any case, with any blanks": ("  fix   THE proxy ", "Fix the proxy"),
    "with other punctuation": ("Fix the proxy", "Fix: the proxy!"),
    "with accents": ("deja vu", "Déjà vu"),
    "in Chinese": ("数据库", "数据库"),
    "of emoji": ("🚀", "🚀"),
    "of punctuation": ("???", "???"),
    "in full width": ("API", "ＡＰＩ"),
}


@pytest.mark.parametrize(("text", "title"), TITLES.values(), ids=TITLES)
def test_an_entry_is_found_by_its_exact_title(store, shelve, text, title):
    fillers(shelve, f"{title} more", f"more {title}", "proxy the fix")
    key = shelve(title)
    shelve("body", title)
    assert store.words.titled(text, EVERYTHING, 9) == [key]


def test_a_title_is_exact_word_for_word(store, shelve):
    shelve("running tests")
    assert store.words.titled("run test", EVERYTHING, 9) == []
    assert store.words.titled("tests running", EVERYTHING, 9) == []
    assert store.words.titled("running", EVERYTHING, 9) == []
    assert store.words.titled("", EVERYTHING, 9) == []


def test_of_titles_that_differ_in_punctuation_the_one_that_was_typed_is_exact(store, shelve):
    keys = {title: shelve(title) for title in ("C", "C++", "C#", "-c")}
    for title, key in keys.items():
        assert store.words.titled(title.lower(), EVERYTHING, 9) == [key]
    assert store.words.titled("(c)", EVERYTHING, 9) == sorted(keys.values(), reverse=True)


def test_exact_titles_are_selected_and_bounded_the_newest_first(store, shelve):
    keys = [shelve("one title", type=kind) for kind in (EntryType.TIL, EntryType.BUG, EntryType.TIL, EntryType.TIL)]
    assert store.words.titled("one title", EVERYTHING, 2) == [keys[3], keys[2]]
    assert store.words.titled("one title", Selection(Filters(types=(EntryType.BUG,))), 9) == [keys[1]]
    with store.transaction():
        store.words.put(keys[1], make_entry(title="another title"))
        store.words.delete(keys[0])
    assert store.words.titled("another title", EVERYTHING, 9) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("safari", [1, 0]),
        ("SAFARI fail", [0]),
        ("cookies dropped", [1]),
        ("cook", [1]),
        ("deja", [2]),
        ("据库", [3]),
        ("body", []),
        ("safari nginx", []),
        ("", []),
        ("'\"; --", []),
        ("title:safari", []),
    ],
)
def test_titles_that_hold_every_word_or_its_beginning_the_newest_first(store, shelve, text, found):
    titles = ("CORS fails on Safari", "Safari drops the cookie", "Déjà vu", "我的数据库")
    keys = [shelve(title, "body nginx") for title in titles]
    assert store.words.in_titles(text, 9) == [keys[place] for place in found]
    assert store.words.in_titles(text, 1) == [keys[place] for place in found][:1]


@pytest.mark.parametrize(
    ("order", "titles"),
    [
        (Order.CHANGED, "cAb"),
        (Order.CREATED, "bcA"),
        (Order.TITLE, "Abc"),
        (Order.TYPE, "cbA"),
        (Order.PROJECT, "cbA"),
    ],
)
def test_keys_come_in_the_order_that_is_asked_for(store, shelve, order, titles):
    later = timedelta(hours=1)
    by_title = {
        "A": shelve("A", type=EntryType.TIL, created_at=NOW - later),
        "b": shelve("b", project="X", created_at=NOW + later, updated_at=NOW - later),
        "c": shelve("c", project="a"),
    }
    assert store.entries.keys(order=order, limit=9) == [by_title[title] for title in titles]
    reverse = [by_title[title] for title in reversed(titles)]
    assert store.entries.keys(order=order, is_reversed=True) == reverse
    assert store.entries.keys(order=order, limit=1, offset=1) == [by_title[titles[1]]]


ALIKE = st.lists(
    st.text("aAbBé 文", max_size=14).map(lambda end: f"Weekly note {end}"[-13 - len(end) // 2 :]), max_size=8
)


@settings(deadline=None, max_examples=tries(60))
@given(titles=ALIKE, limit=st.integers(1, 9), offset=st.integers(0, 3), is_reversed=st.booleans())
def test_a_part_of_the_titles_is_in_the_order_of_all(fresh, titles, limit, offset, is_reversed):
    with fresh() as store:
        entries = [make_entry(number, title=title) for number, title in enumerate(titles)]
        keys = dict(zip(insert(store, *entries), entries))
        folded = {key: entry.title.encode().lower() for key, entry in keys.items()}
        expected = sorted(keys, key=lambda key: keys[key].id, reverse=True)
        expected.sort(key=folded.__getitem__)
        if is_reversed:
            expected.reverse()
        assert store.entries.keys(order=Order.TITLE, is_reversed=is_reversed) == expected
        part = store.entries.keys(EVERYTHING, limit, offset, Order.TITLE, is_reversed=is_reversed)
        assert part == expected[offset : offset + limit]


LATIN = ("zebra", "horse", "cookie", "proxy", "nginx", "timeout", "a", "the")
CJK = ("数据库", "数据", "据", "库", "猫", "我的猫")
TEXTS = st.lists(st.sampled_from([*LATIN, "数据库"]), max_size=6).map(" ".join)
DOCUMENTS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=12)


def shelve_documents(store: Store, documents: Iterable[tuple[str, str, str]]) -> dict[int, Entry]:
    stored = {}
    for number, (title, content, tag) in enumerate(documents):
        entry = make_entry(number, title=title, content=content, tags=(tag,) * bool(tag))
        key = store.entries.insert(entry)
        store.words.put(key, entry)
        stored[key] = entry
    return stored


@settings(deadline=None, max_examples=tries(150))
@given(documents=DOCUMENTS, text=TEXTS)
def test_coverage_is_a_share(fresh, documents, text):
    with fresh() as store:
        assert_coverage_is_a_share(store, documents, text, ())


@settings(deadline=None, max_examples=tries(50))
@given(documents=DOCUMENTS, text=TEXTS, phrases=st.lists(TEXTS.filter(bool), min_size=1, max_size=2).map(tuple))
def test_coverage_with_phrases_is_a_share(fresh, documents, text, phrases):
    with fresh() as store:
        assert_coverage_is_a_share(store, documents, text, phrases)


def assert_coverage_is_a_share(
    store: Store, documents: list[tuple[str, str, str]], text: str, phrases: tuple[str, ...]
) -> None:
    shelve_documents(store, documents)
    terms = store.words.terms(" ".join((text, *phrases)), MOST)
    found = list(store.words.search(terms, Selection(phrases=phrases), 50).values())
    assert all(0 <= coverage <= 1 for coverage in found)
    assert found == sorted(found, reverse=True)


def terms_by_force(entries: Iterable[Entry], words: Iterable[str], most: int) -> dict[str, int]:
    """What `terms` says of words that are their own stem, counted one by one."""
    entries = list(entries)
    documents = {
        word: sum(holds(entry, word) for entry in entries)
        for word in dict.fromkeys(itertools.chain.from_iterable(map(parts_of, words)))
    }
    kept = sorted(documents, key=lambda word: (documents[word] == 0, documents[word]))[:most]
    documents = {word: number for word, number in documents.items() if word in kept}
    rare = {word: number for word, number in documents.items() if 2 * number <= max(len(entries), 1)}
    return rare if any(rare.values()) else documents


def parts_of(word: str) -> list[str]:
    """A word as it is looked for: of Chinese text every two characters side by side."""
    return [word] if word in LATIN or len(word) == 1 else [word[place : place + 2] for place in range(len(word) - 1)]


def holds(entry: Entry, word: str) -> bool:
    texts = (entry.title, entry.content, *entry.tags)
    return any(word in (text.split() if word in LATIN else text) for text in texts)


MIXED = st.lists(st.sampled_from([*LATIN, *CJK]), max_size=6)


@settings(deadline=None, max_examples=tries(150))
@given(
    documents=st.lists(st.tuples(*[MIXED.map(" ".join)] * 3), max_size=10),
    asked=MIXED,
    most=st.sampled_from([1, 2, 4, MOST]),
)
def test_terms_matched_and_covered_entries_are_those_that_counting_finds(fresh, documents, asked, most):
    with fresh() as store:
        stored = shelve_documents(store, documents)
        terms = store.words.terms(" ".join(asked), most)
        counted = terms_by_force(stored.values(), asked, most)
        assert {term.word: number for term, number in terms.frequencies.items()} == counted
        assert words_of(terms) == list(counted)
        held = {key: [word for word in counted if holds(entry, word)] for key, entry in stored.items()}
        expected = {key: words for key, words in held.items() if words}
        matched = store.words.matched(terms, [*stored, 10**6])
        assert {key: words_of(found) for key, found in matched.items()} == expected
        covered = store.words.coverage_of(terms, [*stored, 10**6])
        assert covered == store.words.search(terms, EVERYTHING, 50)
        assert set(covered) == set(expected)
        few = list(stored)[::2]
        assert store.words.coverage_of(terms, few) == {key: covered[key] for key in few if key in covered}
        assert store.words.matched(terms, few) == {key: matched[key] for key in few if key in matched}


@settings(deadline=None, max_examples=tries(100))
@given(documents=DOCUMENTS, changes=st.lists(st.tuples(st.integers(0, 11), st.none() | TEXTS), max_size=15), text=TEXTS)
def test_an_index_that_was_changed_answers_like_a_new_one(fresh, documents, changes, text):
    def answer(store: Store) -> tuple[Terms, list[tuple[int, Any]]]:
        terms = store.words.terms(text, MOST)
        return terms, list(store.words.search(terms, EVERYTHING, 50).items())

    with fresh() as store:
        truth = {}
        for key, entry in shelve_documents(store, documents).items():
            truth[key] = replace(entry, tags=())
            store.entries.update(key, truth[key])
            store.words.put(key, truth[key])
        for number, new_text in changes:
            key = sorted(truth)[number % len(truth)] if truth else None
            if key is None:
                continue
            if new_text is None:
                store.words.delete(key)
                store.entries.delete(key)
                del truth[key]
            else:
                truth[key] = replace(truth[key], title=new_text)
                store.entries.update(key, truth[key])
                store.words.put(key, truth[key])
        assert store.words.count() == len(truth)
        terms, changed = answer(store)
        store.words.clear()
        for key, entry in truth.items():
            store.words.put(key, entry)
        assert answer(store) == (terms, [(key, pytest.approx(coverage)) for key, coverage in changed])


# passages


def of(*texts: str) -> list[Passage]:
    return [Passage(place, text, text.encode().ljust(16)) for place, text in enumerate(texts)]


def put_passages(store: Store, key: int, *texts: str) -> list[int]:
    with store.transaction():
        return store.passages.put(key, of(*texts))


def places(store: Store, key: int) -> dict[int, int]:
    return {passage.id: passage.position for passage in store.passages.of_entries([key])}


@pytest.fixture
def two(store: Store) -> list[int]:
    """The keys of two entries."""
    return insert(store, make_entry(1), make_entry(2))


def test_passages_have_their_places(store, two):
    ids = put_passages(store, two[0], "a", "b", "c")
    assert places(store, two[0]) == dict(zip(ids, range(3)))
    assert store.passages.count() == 3
    assert {passage.entry_key for passage in store.passages.by_ids(ids)} == {two[0]}
    assert sorted(passage.id for passage in store.passages.by_ids([*ids[:2], 10**6])) == sorted(ids[:2])
    assert store.passages.by_ids([]) == store.passages.of_entries([]) == store.passages.of_entries([two[1]]) == []


def test_unchanged_texts_keep_their_ids_wherever_they_move(store, two):
    a, b, c = put_passages(store, two[0], "a", "b", "c")
    new = put_passages(store, two[0], "c", "x", "a")
    assert new[0] == c
    assert new[2] == a
    assert new[1] not in (a, b, c)
    assert places(store, two[0]) == {c: 0, new[1]: 1, a: 2}


def test_a_text_that_occurs_twice_has_two_passages(store, two):
    ids = put_passages(store, two[0], "a", "a", "b")
    assert len(set(ids)) == 3
    assert put_passages(store, two[0], "b", "a", "a") == [ids[2], *ids[:2]]
    shorter = put_passages(store, two[0], "a")
    assert shorter[0] in ids[:2]
    assert store.passages.count() == 1


def test_the_same_text_in_another_entry_is_another_passage(store, two):
    assert set(put_passages(store, two[0], "a")).isdisjoint(put_passages(store, two[1], "a"))
    assert sorted(passage.entry_key for passage in store.passages.of_entries(two)) == sorted(two)


def test_no_passages_removes_all(store, two):
    put_passages(store, two[0], "a", "b")
    assert put_passages(store, two[0]) == []
    assert store.passages.count() == 0


@settings(deadline=None, max_examples=tries(100))
@given(versions=st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=5))
def test_put_again_and_again_keeps_every_text_that_stays(fresh, versions):
    with fresh() as store:
        key = store.entries.insert(make_entry(1))
        before: list[tuple[str, int]] = []
        for texts in versions:
            ids = store.passages.put(key, of(*texts))
            assert places(store, key) == dict(zip(ids, range(len(texts))))
            for text in set(texts):
                old = {one for name, one in before if name == text}
                new = {one for name, one in zip(texts, ids) if name == text}
                assert len(old & new) == min(len(old), len(new))
            before = list(zip(texts, ids))


def test_a_passage_whose_text_stays_keeps_its_vector_and_a_new_text_has_none(store, two):
    (space,) = make_spaces(store, 8)
    ids = put_passages(store, two[0], "a", "b")
    rows = random_rows(2, 8)
    add_vectors(store, space, ids, rows)
    assert put_passages(store, two[0], "b", "new")[0] == ids[1]
    index = store.vectors.index(space)
    assert index.get(ids[1]) == rows[1].tobytes()
    assert index.get(ids[0]) is None
    assert store.vectors.count(space) == 1
    assert [item.text_hash for item in store.passages.pending(space, 9)] == [of("new")[0].text_hash]


def test_pending_are_those_without_a_vector_in_the_space(store, two):
    ids = [*put_passages(store, two[1], "c"), *put_passages(store, two[0], "a", "b")]
    assert [item.passage_id for item in store.passages.pending(None, 9)] == ids
    (space,) = make_spaces(store, 64)
    assert [(item.passage_id, item.entry_id, item.position) for item in store.passages.pending(space, 2)] == [
        (ids[0], make_entry(2).id, 0),
        (ids[1], make_entry(1).id, 0),
    ]
    assert store.passages.pending_counts(space) == store.passages.pending_counts(None) == (3, 2)
    add_vectors(store, space, ids[1:2], random_rows(1, 64))
    assert [item.passage_id for item in store.passages.pending(space, 9)] == [ids[0], ids[2]]
    assert store.passages.pending_counts(space) == (2, 2)
    assert store.passages.hashes([two[0]]) == {ids[1]: of("a")[0].text_hash, ids[2]: of("b")[0].text_hash}
    assert set(store.passages.hashes(two)) == set(ids)
    assert store.passages.hashes([]) == {}
    assert store.passages.embedded_hashes(two[0], space) == {of("a")[0].text_hash}
    assert store.passages.embedded_hashes(two[1], space) == set()
    assert [item.passage_id for item in store.passages.pending(space, 9, [two[1]])] == ids[:1]
    assert [item.passage_id for item in store.passages.pending(None, 1, [two[0]])] == ids[1:2]
    assert [item.passage_id for item in store.passages.pending(space, 9, two)] == [ids[0], ids[2]]
    assert store.passages.pending(space, 9, []) == []
    assert [item.passage_id for item in store.passages.pending(space, 9, without=ids[:1])] == ids[2:]
    assert store.passages.pending(space, 9, [two[1]], without=ids[:1]) == []
    add_vectors(store, space, [ids[0], ids[2]], random_rows(2, 64))
    assert store.passages.pending(space, 9) == []
    assert store.passages.pending_counts(space) == (0, 0)
    assert store.passages.pending_counts(None) == (3, 2)


def test_what_a_model_cannot_embed_does_not_wait_for_it(store, two):
    ids = [*put_passages(store, two[1], "c"), *put_passages(store, two[0], "a", "b")]
    space, other = make_spaces(store, 8, 16)
    with store.transaction():
        store.unembeddable.put(space, ids[2], "too odd")
        store.unembeddable.put(space, ids[0], "odd")
        store.unembeddable.put(space, ids[0], "odder")
    assert [item.passage_id for item in store.passages.pending(space, 9)] == [ids[1]]
    assert (store.passages.pending_counts(space), store.unembeddable.counts(space)) == ((1, 1), (2, 2))
    assert (store.passages.pending_counts(other), store.unembeddable.counts(other)) == ((3, 2), (0, 0))
    assert (store.unembeddable.counts(None), store.unembeddable.of(None, 9)) == ((0, 0), [])
    assert store.unembeddable.of(space, 9) == [
        SetAside(make_entry(2).id, make_entry(2).title, 0, "odder"),
        SetAside(make_entry(1).id, make_entry(1).title, 1, "too odd"),
    ]
    assert store.unembeddable.of(space, 1) == store.unembeddable.of(space, 9)[:1]
    assert store.unembeddable.hashes(two[0], space) == {of("b")[0].text_hash}
    add_vectors(store, space, ids[1:2], random_rows(1, 8))
    assert store.passages.pending_counts(space) == (0, 0)
    put_passages(store, two[0], "a", "new")
    with store.transaction():
        store.entries.delete(two[1])
    assert (store.passages.pending_counts(space), store.unembeddable.counts(space)) == ((1, 1), (0, 0))


def test_what_was_set_aside_is_tried_again_and_goes_with_its_space(store, two):
    ids = put_passages(store, two[0], "a", "b")
    space, other = make_spaces(store, 8, 16)
    with store.transaction():
        for each in (space, other):
            store.unembeddable.put(each, ids[0], "odd")
        store.unembeddable.clear(space)
    assert [store.unembeddable.counts(each) for each in (space, other)] == [(0, 0), (1, 1)]
    assert store.passages.pending_counts(space) == (2, 1)
    with store.transaction():
        store.vectors.drop(other)
    assert store.unembeddable.counts(other) == (0, 0)


def test_pending_are_those_of_the_entry_that_was_changed_last_first(store):
    keys = insert(store, make_entry(1), make_entry(3), make_entry(2, updated_at=LATER), make_entry(4, updated_at=NOW))
    ids = [put_passages(store, key, "a", "b") for key in keys]
    order = [keys.index(key) for key in store.entries.keys(EVERYTHING)]
    assert [item.passage_id for item in store.passages.pending(None, 9)] == [
        number for place in order for number in ids[place]
    ]


def heads_of(store: Store) -> list[int]:
    passages = store.passages.of_entries(store.entries.keys())
    return sorted(passage.id for passage in passages if passage.position == 0)


def test_of_few_entries_every_head_is_in_the_sample(store, two):
    one, other = two
    put_passages(store, one, "a head", "more", "and more")
    put_passages(store, other, "another head")
    assert sorted(store.passages.sample(20)) == heads_of(store)
    assert len(heads_of(store)) == 2
    assert len(store.passages.sample(1)) == 1


def test_a_sample_of_nothing_is_empty(store, two):
    assert store.passages.sample(20) == []


@pytest.mark.parametrize("most", [1, 7, 40, 128, 1000])
def test_a_sample_is_bounded_spread_over_the_base_and_stays_the_same(store, most):
    keys = insert(store, *(make_entry(number) for number in range(400)))
    with store.transaction():
        store.passages.put_many(
            [
                (key, of(*(f"text {number} {place}" for place in range(1 + number % 4))))
                for number, key in enumerate(keys)
            ]
        )
    delete(store, *keys[100:150])
    heads = heads_of(store)
    found = store.passages.sample(most)
    assert len(found) == len(set(found)) <= most
    assert set(found) <= set(heads)
    assert len(found) >= min(most, len(heads)) * 0.6
    assert store.passages.sample(most) == found
    if most >= 40:
        places = sorted(heads.index(number) for number in found)
        assert all(
            after - before <= 4 * len(heads) / min(most, len(heads)) for before, after in itertools.pairwise(places)
        )


@settings(deadline=None, max_examples=tries(60))
@given(passages=st.lists(st.integers(0, 4), max_size=12), gone=st.sets(st.integers(0, 11)), most=st.integers(1, 40))
def test_a_sample_holds_heads_only_and_as_many_as_there_is_room_for(fresh, passages, gone, most):
    with fresh() as store:
        keys = insert(store, *(make_entry(number) for number in range(len(passages))))
        for key, count in zip(keys, passages):
            store.passages.put(key, of(*(f"text {key} {place}" for place in range(count))))
        delete(store, *(key for number, key in enumerate(keys) if number in gone))
        heads = heads_of(store)
        found = store.passages.sample(most)
        assert len(found) == len(set(found)) <= most
        assert set(found) <= set(heads)
        assert bool(found) is bool(heads)
        if most == 40:
            assert len(found) >= len(heads) / 2
        store.entries.delete(10**6)


def test_text_hashes_are_those_of_the_texts_that_stand_there_now(store, two):
    a, b = put_passages(store, two[0], "a", "b")
    assert store.passages.text_hashes([b, a, a, 10**9]) == {a: of("a")[0].text_hash, b: of("b")[0].text_hash}
    assert store.passages.text_hashes(iter([a])) == {a: of("a")[0].text_hash}
    assert store.passages.text_hashes([]) == {}
    (c,) = put_passages(store, two[0], "c")
    assert store.passages.text_hashes([a, b, c]) == {c: of("c")[0].text_hash}


def test_passages_of_some_entries_are_found_by_a_selection(store):
    one, two = insert(store, make_entry(1), make_entry(2, project="p"))
    ids = put_passages(store, two, "a", "b")
    other = put_passages(store, one, "c")
    assert sorted(store.passages.ids(Selection(Filters(project="p")))) == sorted(ids)
    assert sorted(store.passages.ids(EVERYTHING)) == sorted([*ids, *other])
    assert store.passages.ids(Selection(Filters(project="q"))) == []


# vector spaces


def make_spaces(store: Store, *dims: int) -> list[Space]:
    with store.transaction():
        return [store.vectors.make_space(f"print {dim}", f"model {dim}", dim, NOW) for dim in dims]


def random_rows(count: int, dim: int, seed: int = 1) -> Matrix:
    return unit_rows(np.random.default_rng(seed).standard_normal((count, dim)))


def add_vectors(store: Store, space: Space, ids: Iterable[int], rows: Matrix) -> None:
    with store.transaction():
        for passage_id, row in zip(ids, rows):
            store.vectors.index(space).add(passage_id, row)


def embed(store: Store, space: Space, key: int, rows: Matrix) -> list[int]:
    """Give an entry a passage for each row."""
    ids = put_passages(store, key, *(f"text {number}" for number in range(len(rows))))
    add_vectors(store, space, ids, rows)
    return ids


def test_the_first_space_is_active_and_the_next_is_not(store):
    assert store.vectors.active_space() is None
    assert store.vectors.spaces() == []
    first, second = make_spaces(store, 8, 16)
    assert store.vectors.active_space() == first == store.vectors.space_of("print 8")
    assert first.active
    assert not second.active
    assert (second.fingerprint, second.model, second.dim) == ("print 16", "model 16", 16)
    assert store.vectors.space_of("three") is None
    assert store.vectors.spaces() == [first, second]


def test_activating_a_space_retires_the_one_before_and_dropping_removes_it(store, two):
    first, second = make_spaces(store, 8, 16)
    assert (first.state, second.state) == (SpaceState.ACTIVE, SpaceState.BUILDING)
    ids = embed(store, first, two[0], random_rows(2, 8))
    add_vectors(store, second, ids, random_rows(2, 16))
    with store.transaction():
        store.vectors.activate(second)
    assert store.vectors.active_space() == replace(second, state=SpaceState.ACTIVE)
    assert store.vectors.space_of("print 8") == replace(first, state=SpaceState.RETIRED)
    with store.transaction():
        assert store.vectors.resume(first).state is SpaceState.BUILDING
        store.vectors.drop(first)
    assert store.vectors.space_of("print 8") is None
    assert store.vectors.spaces() == [replace(second, state=SpaceState.ACTIVE)]
    assert store.vectors.count(second) == 2
    assert store.passages.count() == 2


def test_a_dropped_space_can_be_made_again_and_is_empty(store, two):
    (space,) = make_spaces(store, 8)
    embed(store, space, two[0], random_rows(2, 8))
    with store.transaction():
        store.vectors.drop(space)
    assert store.vectors.active_space() is None
    (again,) = make_spaces(store, 8)
    assert again.active
    assert store.vectors.count(again) == len(store.vectors.index(again)) == 0
    assert store.passages.pending_counts(again) == (2, 1)


def test_only_a_retired_space_is_built_again(store):
    first, second = make_spaces(store, 8, 16)
    with store.transaction():
        assert store.vectors.resume(first) == first
        assert store.vectors.resume(second) == second
        store.vectors.activate(second)
        store.vectors.resume(first)
        store.vectors.activate(first)
    assert [space.state for space in store.vectors.spaces()] == [SpaceState.ACTIVE, SpaceState.RETIRED]


def test_activating_the_active_space_changes_nothing(store):
    first, second = make_spaces(store, 8, 16)
    with store.transaction():
        store.vectors.activate(first)
    assert store.vectors.spaces() == [first, second]


def test_a_space_may_get_another_model_name(store):
    first, second = make_spaces(store, 8, 16)
    with store.transaction():
        store.vectors.rename(first, "new name")
    assert store.vectors.spaces() == [replace(first, model="new name"), second]


def test_a_space_keeps_its_spread(store):
    first, second = make_spaces(store, 8, 16)
    assert first.spread is second.spread is None
    with store.transaction():
        store.vectors.keep_spread(first, 0.125)
    assert [space.spread for space in store.vectors.spaces()] == [0.125, None]
    with store.transaction():
        store.vectors.keep_spread(second, 0.03125)
        store.vectors.keep_spread(first, 0.25)
        store.vectors.rename(first, "other name")
        store.vectors.activate(second)
    assert [space.spread for space in store.vectors.spaces()] == [0.25, 0.03125]
    assert store.vectors.active_space().spread == 0.03125
    assert store.vectors.space_of(first.fingerprint).spread == 0.25


def test_a_space_that_is_made_again_has_no_spread_yet(store):
    first, second = make_spaces(store, 8, 16)
    with store.transaction():
        store.vectors.keep_spread(second, 0.125)
        store.vectors.drop(second)
        store.vectors.keep_spread(second, 0.125)  # another process has dropped it
    assert [space.spread for space in store.vectors.spaces()] == [None]
    with store.transaction():
        again = store.vectors.make_space(second.fingerprint, "m", 16, NOW)
    assert again.spread is store.vectors.space_of(second.fingerprint).spread is None
    assert first.spread is None


def test_a_spread_that_was_kept_in_an_undone_transaction_is_not(store):
    (space,) = make_spaces(store, 8)
    with contextlib.suppress(Undone), store.transaction():
        store.vectors.keep_spread(space, 0.125)
        raise Undone
    assert store.vectors.space_of(space.fingerprint).spread is None


def test_spaces_keep_their_vectors_apart(store, two):
    first, second = make_spaces(store, 8, 16)
    ids = embed(store, first, two[0], random_rows(3, 8))
    add_vectors(store, second, ids[:1], random_rows(1, 16))
    assert [store.vectors.count(space) for space in (first, second)] == [3, 1]
    assert [store.vectors.count_at_most(space) >= held for space, held in ((first, 3), (second, 1))] == [True, True]
    assert [len(store.vectors.index(space)) for space in (first, second)] == [3, 1]
    assert store.vectors.index(second).get(ids[1]) is None
    assert [item.passage_id for item in store.passages.pending(second, 9)] == ids[1:]


def test_the_backend_has_a_name(store):
    assert store.vectors.backend.name


def test_the_nearest_passages_come_first_with_their_cosine(store, two):
    (space,) = make_spaces(store, 8)
    rows = random_rows(5, 8)
    ids = [*embed(store, space, two[0], rows[:3]), *embed(store, space, two[1], rows[3:])]
    query = random_rows(1, 8, seed=2)[0]
    cosines = dict(zip(ids, (rows @ query).tolist()))
    best = sorted(ids, key=lambda passage_id: -cosines[passage_id])
    for vector in (query, query.tobytes()):
        found = store.vectors.nearest(space, vector, 4, EVERYTHING)
        assert [passage.id for passage, _ in found] == best[:4]
        assert [cosine for _, cosine in found] == pytest.approx([cosines[one] for one in best[:4]], abs=1e-5)
    assert [passage for passage, _ in found] == sorted(store.passages.by_ids(best[:4]), key=lambda p: best.index(p.id))
    assert len(store.vectors.nearest(space, query, 99, EVERYTHING)) == 5
    assert store.vectors.nearest(space, query, 0, EVERYTHING) == []


def test_of_equally_near_passages_the_first_comes_first(store, two):
    (space,) = make_spaces(store, 8)
    row = random_rows(1, 8)
    ids = [*embed(store, space, two[0], np.repeat(row, 3, axis=0)), *embed(store, space, two[1], row)]
    assert [passage.id for passage, _ in store.vectors.nearest(space, row[0], 3, EVERYTHING)] == sorted(ids)[:3]


def test_a_selection_applies_before_the_nearest_are_cut(store):
    (space,) = make_spaces(store, 8)
    query = random_rows(1, 8)
    keys = insert(store, *(make_entry(number) for number in range(5)), make_entry(9, project="api", title="zebra"))
    for key in keys[:5]:
        embed(store, space, key, np.repeat(query, 4, axis=0))
    (far,) = embed(store, space, keys[5], -query)
    with store.transaction():
        store.words.put(keys[5], read(store, keys[5]))
    for selection in (Selection(Filters(project="api")), Selection(phrases=("zebra",))):
        ((passage, cosine),) = store.vectors.nearest(space, query[0], 3, selection)
        assert (passage.id, passage.entry_key, passage.position) == (far, keys[5], 0)
        assert cosine == pytest.approx(-1, abs=1e-5)
    found = store.vectors.nearest(space, query[0], 99, Selection(excluded=("zebra",)))
    assert {passage.entry_key for passage, _ in found} == set(keys[:5])
    assert store.vectors.nearest(space, query[0], 3, Selection(Filters(project="web"))) == []


@settings(deadline=None, max_examples=tries(60))
@given(parts=ENTRIES, selection=SELECTIONS, k=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_the_nearest_of_a_selection_are_those_that_comparing_each_finds(fresh, parts, selection, k, seed):
    with fresh() as store:
        (space,) = make_spaces(store, 8)
        rows, query = random_rows(2 * len(parts) + 1, 8, seed), random_rows(1, 8, seed + 1)[0]
        cosines: dict[int, dict[int, float]] = {}
        for number, part in enumerate(parts):
            entry = make_entry(number, **part)
            key = store.entries.insert(entry)
            store.words.put(key, entry)
            own = rows[2 * number : 2 * number + 2]
            cosines[key] = dict(zip(embed(store, space, key, own), (own @ query).tolist()))
        chosen = {one: cosine for key in store.entries.keys(selection) for one, cosine in cosines[key].items()}
        best = sorted(chosen, key=lambda one: (-chosen[one], one))[:k]
        found = store.vectors.nearest(space, query, k, selection)
        assert [cosine for _, cosine in found] == pytest.approx([chosen[one] for one in best], abs=1e-5)
        assert {passage.id for passage, _ in found} <= set(chosen)
        assert all(passage.id in cosines[passage.entry_key] for passage, _ in found)


# tombstones

RECORD = {"entry": {"title": "größe", "tags": ["a"]}, "links": [["x", "y", "related", ""]], "origin": None}


def bury(store: Store, *entries: Entry, at: datetime = NOW, record: dict[str, Any] = RECORD) -> None:
    with store.transaction():
        for entry in entries:
            store.tombstones.put(entry, record, at)


def test_a_tombstone_says_what_was_deleted_and_when(store):
    zone = timezone(timedelta(hours=9))
    bury(store, make_entry(1, type=EntryType.TIL, title="größe"), at=NOW.astimezone(zone))
    expected = Tombstone(make_entry(1).id, EntryType.TIL, "größe", NOW)
    assert store.tombstones.latest(9) == [expected]
    assert store.tombstones.resolve(make_entry(1).id) == expected
    assert store.tombstones.record(make_entry(1).id) == RECORD
    assert store.tombstones.record(make_entry(2).id) is None


def test_a_tombstone_put_again_replaces_the_first(store):
    bury(store, make_entry(1))
    bury(store, make_entry(1, title="new"), at=LATER, record={"entry": None})
    assert store.tombstones.latest(9) == [Tombstone(make_entry(1).id, EntryType.BUG, "new", LATER)]
    assert store.tombstones.record(make_entry(1).id) == {"entry": None}


def test_the_last_deleted_comes_first(store):
    for number, seconds in enumerate((5, 9, 1, 5)):
        bury(store, make_entry(number), at=NOW + timedelta(seconds=seconds))
    assert [one.id for one in store.tombstones.latest(9)] == [make_entry(number).id for number in (1, 3, 0, 2)]
    assert [one.id for one in store.tombstones.latest(1)] == [make_entry(1).id]
    assert store.tombstones.latest(0) == []


def test_a_prefix_in_either_case_names_a_deleted_entry(store):
    bury(store, make_entry(id="01ABCDEF" + "0" * 18), make_entry(id="01ABCDEG" + "0" * 18))
    for prefix in ("01abcdef", " 01ABCDEF ", "01ABCDEF" + "0" * 18):
        assert store.tombstones.resolve(prefix).id == "01ABCDEF" + "0" * 18
    with pytest.raises(Ambiguous) as raised:
        store.tombstones.resolve("01")
    assert len(raised.value.candidates) == 2


@pytest.mark.parametrize("prefix", NO_ID)
def test_what_names_no_deleted_entry_is_not_found(store, prefix):
    bury(store, make_entry(0))
    insert(store, make_entry(0, id="02" + "0" * 24))
    with pytest.raises(NotFound) as raised:
        store.tombstones.resolve(prefix)
    assert raised.value.hint


def test_what_a_tombstone_keeps_may_be_replaced_and_dropped(store):
    bury(store, make_entry(1), make_entry(2))
    with store.transaction():
        store.tombstones.replace(make_entry(1).id, {"links": []})
        store.tombstones.replace(make_entry(3).id, {"links": []})
        store.tombstones.drop(make_entry(2).id)
        store.tombstones.drop(make_entry(3).id)
    assert store.tombstones.record(make_entry(1).id) == {"links": []}
    assert [one.id for one in store.tombstones.latest(9)] == [make_entry(1).id]


def test_where_deleted_entries_came_from_is_told_by_path(store):
    assert store.tombstones.origins() == {}
    records: list[list[Any] | None] = [
        ["/of 0.1.md", "0a", "0b"],
        ["/größe/'x'.json#1", "ff", "0b", None, "id", "{}"],
        ["/successor.md", "01", "02", "01" + "Z" * 24],
        None,
    ]
    for number, origin in enumerate(records):
        bury(store, make_entry(number), record={**RECORD, "origin": origin})
    bury(store, make_entry(8), record={"links": []})
    assert store.tombstones.origins() == {
        "/of 0.1.md": (make_entry(0).id, "0a"),
        "/größe/'x'.json#1": (make_entry(1).id, "ff"),
        "/successor.md": (make_entry(2).id, "01"),
    }
    with store.transaction():
        store.tombstones.drop(make_entry(0).id)
        store.tombstones.replace(make_entry(1).id, RECORD)
        store.tombstones.replace(make_entry(3).id, {"origin": ["/now.md", "03", "04"]})
    assert set(store.tombstones.origins()) == {"/successor.md", "/now.md"}


def test_of_several_deleted_entries_from_one_path_the_last_deleted_is_told(store):
    for number, seconds in enumerate((5, 9, 1)):
        record = {"origin": ["/a.md", f"0{number}", "ff"]}
        bury(store, make_entry(number), at=NOW + timedelta(seconds=seconds), record=record)
    assert store.tombstones.origins() == {"/a.md": (make_entry(1).id, "01")}


@pytest.mark.parametrize(
    "origin",
    [[], {}, "", "/a.md", 1, True, ["/a.md"], [None, "01", "02"], [1, "01"], ["/a.md", None], [["/a.md"], "01"]],
)
def test_what_is_no_origin_is_passed_over(store, origin):
    bury(store, make_entry(1), record={"origin": origin})
    bury(store, make_entry(2), record={"origin": ["/b.md", "01", "02"]})
    assert store.tombstones.origins() == {"/b.md": (make_entry(2).id, "01")}


# transactions


def write_everything(store: Store, number: int) -> int:
    """A write in every room. Returns the key of its entry."""
    entry = make_entry(number, title="zebra", tags=(f"tag {number}",))
    with store.transaction():
        key = store.entries.insert(entry)
        store.words.put(key, entry)
        (passage_id,) = store.passages.put(key, of("a"))
        space = store.vectors.make_space(f"print {number}", "m", 8, NOW)
        store.vectors.index(space).add(passage_id, random_rows(1, 8)[0])
        store.origins.put(Origin(f"/path {number}", key, b"1", b"2"))
        store.tombstones.put(make_entry(1000 + number), {}, NOW)
        if number:
            store.links.put(Link(entry.id, make_entry(0).id, LinkType.RELATED), NOW)
    return key


def picture(store: Store) -> tuple[Any, ...]:
    """What stands in every room."""
    terms, keys, spaces = store.words.terms("zebra", MOST), store.entries.keys(), store.vectors.spaces()
    return (
        list(store.entries.stream()),
        store.entries.counts(),
        [store.links.of(key) for key in keys],
        [store.origins.at(f"/path {number}") for number in range(3)],
        list(store.origins.under("")),
        store.origins.like(b"1"),
        store.words.count(),
        terms,
        store.words.search(terms, EVERYTHING, 9),
        store.passages.of_entries(keys),
        store.passages.count(),
        spaces,
        [store.vectors.count(space) for space in spaces],
        [store.vectors.nearest(space, random_rows(1, 8)[0], 9, EVERYTHING) for space in spaces],
        store.tombstones.latest(9),
        store.tombstones.origins(),
    )


def test_a_transaction_keeps_everything(store):
    key = write_everything(store, 0)
    assert read(store, key).title == "zebra"
    assert store.words.count() == store.passages.count() == len(store.vectors.spaces()) == 1
    assert len(store.tombstones.latest(9)) == 1


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_whatever_stops_a_transaction_undoes_it_in_every_room(store, problem):
    first = write_everything(store, 0)
    before = picture(store)
    with pytest.raises(problem), store.transaction():  # noqa: PT012 - the transaction as a whole
        write_everything(store, 1)
        store.words.clear()
        store.tombstones.drop(make_entry(1000).id)
        store.vectors.drop(store.vectors.spaces()[0])
        store.entries.delete(first)
        raise problem
    assert picture(store) == before
    write_everything(store, 2)
    assert store.entries.count() == 2


def test_what_a_store_refuses_undoes_the_transaction(store):
    insert(store, make_entry(1))
    with pytest.raises(StorageError):
        insert(store, make_entry(2), make_entry(1))
    assert store.entries.count() == 1


def test_the_outer_transaction_decides(store):
    with pytest.raises(ValueError, match="outer"), store.transaction():  # noqa: PT012 - the transaction as a whole
        with store.transaction():
            store.entries.insert(make_entry(1))
        raise ValueError("outer")
    assert store.entries.count() == 0


def test_a_problem_in_the_inner_transaction_undoes_both(store):
    with pytest.raises(ValueError, match="inner"), store.transaction():  # noqa: PT012 - the transaction as a whole
        store.entries.insert(make_entry(1))
        with store.transaction():
            store.entries.insert(make_entry(2))
            raise ValueError("inner")
    assert store.entries.count() == 0


def test_nested_transactions_end_together(store):
    with store.transaction():
        with store.transaction():
            store.entries.insert(make_entry(1))
        store.entries.insert(make_entry(2))
    assert store.entries.count() == 2


def test_a_transaction_sees_what_it_wrote(store):
    with store.transaction():
        write_everything(store, 0)
        inside = picture(store)
        with store.snapshot():
            assert picture(store) == inside
        write_everything(store, 1)
        assert picture(store) != inside
    assert store.entries.count() == 2


@kept
def test_nobody_sees_half_of_a_transaction(store, other):
    write_everything(store, 0)
    before = picture(other)
    with store.transaction():
        write_everything(store, 1)
        assert picture(other) == before
    assert picture(other) == picture(store) != before


# snapshots


@kept
def test_a_snapshot_sees_one_moment_whatever_others_write_and_drop(store, other):
    first = write_everything(store, 0)
    with store.snapshot():
        before = picture(store)
        write_everything(other, 1)
        with other.transaction():
            other.entries.delete(first)
            other.words.clear()
            other.vectors.drop(other.vectors.spaces()[0])
            other.tombstones.drop(make_entry(1000).id)
        assert picture(store) == before
        with store.snapshot():
            assert picture(store) == before
        assert picture(store) == before
    assert picture(store) == picture(other) != before


def test_a_snapshot_sees_one_moment_whatever_other_threads_write(store):
    insert(store, make_entry(1))
    writer = threading.Thread(target=insert, args=(store, make_entry(2)))
    with store.snapshot():
        assert store.entries.count() == 1
        writer.start()
        writer.join(0.05)
        assert store.entries.count() == 1
    writer.join()
    assert store.entries.count() == 2


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt])
def test_after_a_snapshot_that_failed_one_may_write(store, problem):
    with pytest.raises(problem), store.snapshot():  # noqa: PT012 - the snapshot as a whole
        store.entries.count()
        raise problem
    insert(store, make_entry(1))
    assert store.entries.count() == 1


def test_many_threads_may_read_and_write_at_once(store):
    def work(number: int) -> None:
        for turn in range(5):
            place = 10 * number + turn
            with contextlib.suppress(Undone), store.transaction():
                key = store.entries.insert(make_entry(place, title="zebra", tags=("tag",)))
                store.words.put(key, read(store, key))
                if turn % 2:
                    raise Undone
            with store.snapshot():
                found = store.words.search(store.words.terms("zebra", MOST), EVERYTHING, 99)
                assert set(found) == set(store.entries.keys()) == {key for key, _ in store.entries.stream()}

    assert in_threads(4, work) == []
    assert store.entries.count() == store.words.count() == 4 * 3


# the base as a whole


@kept
def test_what_was_written_is_there_when_opened_again(kind, store, tmp_path):
    write_everything(store, 0)
    before = picture(store)
    store.close()
    with contextlib.closing(kind.open(tmp_path)) as again:
        assert picture(again) == before


@kept
def test_the_version_changes_when_another_process_has_written_and_only_then(store, other):
    insert(store, make_entry(0))
    seen = {store.version()}
    picture(other)
    picture(store)
    assert {store.version(), store.version()} == seen
    for number in range(1, 4):
        insert(other, make_entry(number))
        seen.add(store.version())
        assert store.version() == store.version()
    assert len(seen) == 4


def test_the_version_is_a_number_that_reading_does_not_change(store):
    insert(store, make_entry(0))
    version = store.version()
    picture(store)
    assert store.version() == version
    assert isinstance(version, int)


def test_what_is_kept_has_a_size_and_nothing_else_has(kind, store):
    insert(store, make_entry(0, content="word " * 10_000))
    assert (store.size_bytes() > 10_000) if kind.is_kept else (store.size_bytes() == 0)


def noise(number: int) -> str:
    """25,000 characters that nothing makes shorter."""
    return random.Random(number).randbytes(12_500).hex()


def test_compacting_gives_room_back_and_changes_nothing_else(kind, store):
    keys = insert(store, *(make_entry(number, content=noise(number)) for number in range(30)))
    write_everything(store, 100)
    delete(store, *keys)
    assert store.compact()
    before, size = picture(store), store.size_bytes()
    insert(store, *(make_entry(number, content=noise(number)) for number in range(30)))
    if kind.is_kept:
        assert store.size_bytes() > size + 500_000
    delete(store, *store.entries.keys(Selection(Filters(types=(EntryType.BUG,)), excluded=("zebra",))))
    assert store.compact()
    assert store.size_bytes() <= size + 100_000
    assert picture(store) == before


@kept
def test_while_another_process_writes_nothing_is_compacted(store, other):
    write_everything(store, 0)
    before = picture(store)
    with other.transaction():
        other.entries.insert(make_entry(5))
        with pytest.raises(DatabaseLocked) as raised:
            store.compact()
        assert picture(store) == before
    assert raised.value.retryable
    assert store.compact()
    assert store.entries.count() == 2


@kept
def test_what_is_compacted_is_what_others_go_on_with(store, other):
    write_everything(store, 0)
    before = picture(other)
    store.compact()
    assert picture(other) == before
    write_everything(other, 1)
    assert picture(store) == picture(other)


def test_released_memory_is_fetched_again(store):
    write_everything(store, 0)
    before = picture(store)
    store.release_memory()
    assert picture(store) == before


CLOSED: dict[str, Callable[[Store], object]] = {
    "entries": lambda store: store.entries.count(),
    "stream": lambda store: list(store.entries.stream()),
    "links": lambda store: store.links.of(1),
    "origins": lambda store: store.origins.at("path"),
    "like": lambda store: store.origins.like(b"1"),
    "under": lambda store: list(store.origins.under("/")),
    "words": lambda store: store.words.terms("zebra", MOST),
    "places": lambda store: store.words.places("zebra"),
    "passages": lambda store: store.passages.count(),
    "vectors": lambda store: store.vectors.spaces(),
    "tombstones": lambda store: store.tombstones.latest(1),
    "transaction": lambda store: insert(store, make_entry(1)),
    "snapshot": lambda store: store.snapshot().__enter__(),
    "version": lambda store: store.version(),
    "compact": lambda store: store.compact(),
}


@pytest.mark.parametrize("used", CLOSED.values(), ids=CLOSED)
def test_a_closed_store_may_be_closed_again_and_refuses_everything_else(store, used):
    store.close()
    store.close()
    with pytest.raises(StorageError) as raised:
        used(store)
    assert raised.value.hint


# leases


def make_lease(name: str = "work", **parts: Any) -> Lease:
    return Lease(**{"name": name, "holder": "one", "pid": 11, "host": "here", "renewed_at": NOW, "total": 9} | parts)


def test_a_lease_that_nobody_has_is_taken_and_reads_as_it_was_written(store):
    assert store.leases.of("work") is None
    lease = make_lease(done=2)
    assert store.leases.take(lease)
    assert store.leases.of("work") == lease
    assert store.leases.of("wor") is store.leases.of("work ") is None


def test_a_lease_that_somebody_has_is_not_taken_unless_it_is_as_it_was_seen(store):
    first, second = make_lease(), make_lease(holder="two", pid=12, host="there", renewed_at=LATER)
    assert store.leases.take(first)
    assert not store.leases.take(second)
    assert not store.leases.take(second, second)
    assert not store.leases.take(second, replace(first, renewed_at=LATER))
    assert store.leases.of("work") == first
    assert store.leases.take(second, first)
    assert store.leases.of("work") == second
    assert not store.leases.take(first, make_lease("nothing"))


def test_only_its_holder_renews_a_lease(store):
    lease = make_lease()
    assert not store.leases.renew(lease)
    assert store.leases.of("work") is None
    store.leases.take(lease)
    now = replace(lease, renewed_at=LATER, done=4, total=12)
    assert store.leases.renew(now)
    assert store.leases.of("work") == now
    assert not store.leases.renew(replace(lease, holder="two", done=5))
    assert store.leases.of("work") == now


def test_a_holder_releases_what_it_has_and_nothing_of_others(store):
    for name, holder in (("a", "one"), ("a: 1", "one"), ("a: 2", "two"), ("b%", "one"), ("bc", "one")):
        assert store.leases.take(make_lease(name, holder=holder))
    assert [lease.name for lease in store.leases.under("a: ")] == ["a: 1", "a: 2"]
    assert [lease.name for lease in store.leases.under("b%")] == ["b%"]
    assert store.leases.under("A") == []
    store.leases.release("one", "a: ")
    assert [lease.name for lease in store.leases.under("")] == ["a", "a: 2", "b%", "bc"]
    store.leases.release("one")
    assert [lease.name for lease in store.leases.under("")] == ["a: 2"]
    store.leases.release("nobody")
    assert [lease.name for lease in store.leases.under("")] == ["a: 2"]


def test_an_undone_transaction_took_no_lease_and_released_none(store):
    store.leases.take(make_lease("a"))
    with contextlib.suppress(Undone), store.transaction():
        assert store.leases.take(make_lease("b"))
        store.leases.release("one", "a")
        raise Undone
    assert [lease.name for lease in store.leases.under("")] == ["a"]


@kept
def test_of_many_who_take_one_lease_at_once_one_has_it(kind, store, tmp_path):
    got: list[str] = []

    def take(number: int) -> None:
        mine = kind.open(tmp_path)
        try:
            for name in ("a", "b", "c"):
                if mine.leases.take(make_lease(name, holder=str(number))):
                    got.append(name)
        finally:
            mine.close()

    assert in_threads(6, take) == []
    assert sorted(got) == ["a", "b", "c"]


@pytest.mark.parametrize("number", [0, 1, 4_998, 4_999, 5_003])
def test_many_tags_are_counted_as_few_are(store, number):
    names = [f"t{each:05d}" for each in range(number)]
    insert(store, *(make_entry(place, tags=tuple(names[place * 600 : place * 600 + 700])) for place in range(9)))
    assert store.entries.counts().tags == number


# the history


def begin(store: Store, verb: str = "edit", undoes: int | None = None) -> int:
    return store.history.begin(Operation(0, NOW, verb, "shell", "me", "from", undoes))


def test_an_operation_comes_back_as_it_was_noted(store):
    with store.transaction():
        first, second = begin(store), begin(store, "undo", 1)
        store.history.note_undone(first, second)
    author = store.history.operation(second).author  # where a server knows who one is
    known = Operation(first, NOW, "edit", "shell", "me", "from", None, second, author=author)
    assert store.history.operation(first) == known
    assert [each.number for each in store.history.latest(9)] == [second, first]
    assert store.history.latest(9, to_undo=True) == []
    assert store.history.operation(99) is None
    assert store.history.operations([first, 99]) == {first: known}


def test_versions_and_links_are_kept_replaced_and_forgotten(store):
    one, other = make_entry(1).id, make_entry(2).id
    with store.transaction():
        number = begin(store)
        store.history.keep([Version(one, number, Was.OTHER, b"a"), Version(other, number, Was.NOTHING)])
        store.history.keep([Version(one, number, Was.THERE, b"b")], [LinkVersion(number, one, other, "related", None)])
        store.history.keep([], [LinkVersion(number, one, other, "related", "later")])
    assert store.history.of(one) == [Version(one, number, Was.THERE, b"b")]
    assert store.history.made_by(number, [other]) == [Version(other, number, Was.NOTHING)]
    assert store.history.changed_by(number) == [one, other]
    assert store.history.changed_by(number + 1) == store.history.made_by(number, []) == []
    assert store.history.links_made_by(number) == [LinkVersion(number, one, other, "related", None)]
    assert store.history.links_of(other) == store.history.links_of(one) != []
    with store.transaction():
        store.history.drop([Version(other, number, Was.NOTHING)])
        store.history.forget(one)
    assert store.history.changed_by(number) == store.history.links_made_by(number) == []


def test_the_oldest_versions_go_and_their_operations_are_whole_no_longer(store):
    one, other = make_entry(1).id, make_entry(2).id
    with store.transaction():
        numbers = [begin(store) for _ in range(4)]
        store.history.keep([Version(one, number, Was.OTHER) for number in numbers])
        store.history.keep([Version(other, numbers[0], Was.OTHER)])
        store.history.bound([one, other], 2)
    assert [each.operation for each in store.history.of(one)] == [numbers[3], numbers[2]]
    assert len(store.history.of(other)) == 1
    assert [each.is_whole for each in store.history.latest(9)] == [True, True, False, False]


def test_what_was_changed_since_is_known_and_what_was_taken_back_does_not_count(store):
    one = make_entry(1).id
    with store.transaction():
        first, second = begin(store), begin(store)
        store.history.keep([Version(one, number, Was.OTHER) for number in (first, second)])
    assert (store.history.changed_since(first), store.history.changed_since(second)) == ([(one, second)], [])
    with store.transaction():
        undone = begin(store, "undo", second)
        store.history.keep([Version(one, undone, Was.OTHER)])
        store.history.note_undone(second, undone)
    assert store.history.changed_since(first) == []
    with store.transaction():
        again = begin(store, "undo", first)
        store.history.keep([Version(one, again, Was.OTHER)])
        store.history.note_undone(first, again)
    assert store.history.changed_since(undone) == [(one, again)]


# reviews


def test_what_operations_changed_is_counted(store):
    one, other = make_entry(1).id, make_entry(2).id
    with store.transaction():
        first, second, third = (begin(store, verb) for verb in ("import", "link", "nothing"))
        store.history.keep([Version(each, first, Was.OTHER, b"abc") for each in (other, one)])
        store.history.keep([Version(one, second, Was.NOTHING)], [LinkVersion(second, other, one, "related", None)])
    found = store.history.touched([first, second, third, 99])
    assert found == {first: Touched(2, 0, min(one, other)), second: Touched(1, 1, one)}
    assert store.history.size() == (2, 6)


def test_operations_of_which_something_goes_are_whole_no_longer(store):
    one, other = make_entry(1).id, make_entry(2).id
    with store.transaction():
        first, second, third = (begin(store, verb) for verb in ("import", "link", "edit"))
        store.history.keep([Version(each, first, Was.NOTHING) for each in (one, other)])
        store.history.keep([], [LinkVersion(second, other, one, "related", None)])
        store.history.keep([Version(other, third, Was.OTHER, b"x")])
        store.history.note_lost(one)
    assert [each.is_whole for each in store.history.latest(9)] == [True, False, False]


def test_a_review_comes_back_as_it_was_and_replaces_the_one_before(store):
    first, second = insert(store, make_entry(1), make_entry(2))
    review = Review(NOW, NOW - timedelta(days=30), 3, '{"stability": 30}')
    with store.transaction():
        store.reviews.put(first, review)
        store.reviews.put(second, replace(review, due_at=None, reviewed_at=None, times=0))
    assert store.reviews.of([first, second, 999]) == {
        first: review,
        second: replace(review, due_at=None, reviewed_at=None, times=0),
    }
    with store.transaction():
        store.reviews.put(first, replace(review, times=4))
        store.reviews.drop(second)
        store.reviews.drop(999)
    assert store.reviews.of([first, second]) == {first: replace(review, times=4)}


def test_due_is_what_was_reviewed_and_whose_time_has_come(store):
    keys = insert(store, *(make_entry(number) for number in range(4)), make_entry(4, status=Status.OBSOLETE))
    times = [NOW, NOW - timedelta(seconds=1), NOW + timedelta(seconds=1), None, NOW]
    with store.transaction():
        for key, due_at in zip(keys, times, strict=True):
            store.reviews.put(key, Review(due_at, None, 0, "{}"))
    assert [each.key for each in store.reviews.due(EVERYTHING, NOW)] == [keys[1], keys[0], keys[4]]
    active = Selection(Filters(status=Status.ACTIVE))
    assert [each.key for each in store.reviews.due(active, NOW)] == [keys[1], keys[0]]
    (waiting, _) = store.reviews.due(active, NOW)
    entry = read(store, waiting.key)
    assert (waiting.entry_id, waiting.type, waiting.changed_at) == (entry.id, entry.type, entry.updated_at)
    assert waiting.review == Review(times[1], None, 0, "{}")


@pytest.mark.parametrize("most", [1, 2, 100])
def test_what_was_never_reviewed_is_read_in_parts_the_oldest_first(store, most):
    entries = [
        make_entry(number, type=kind, updated_at=NOW - timedelta(days=day))
        for number, (kind, day) in enumerate(
            [(EntryType.BUG, 3), (EntryType.TIL, 9), (EntryType.BUG, 9), (EntryType.BUG, 0), (EntryType.SNIPPET, 8)]
        )
    ]
    keys = insert(store, *entries)
    reviewed = insert(store, make_entry(9, type=EntryType.BUG, updated_at=NOW - timedelta(days=20)))
    with store.transaction():
        store.reviews.put(*reviewed, Review(NOW, None, 0, "{}"))
    found, last = [], None
    kinds = [EntryType.BUG, EntryType.TIL]
    while part := store.reviews.unreviewed(EVERYTHING, kinds, NOW - timedelta(days=3), most, last):
        assert len(part) <= most
        last = part[-1]
        found += [each.key for each in part]
    assert found == [*sorted((keys[1], keys[2]), key=lambda key: read(store, key).id), keys[0]]
    assert store.reviews.unreviewed(Selection(Filters(project="other")), kinds, NOW, 10) == []


def test_answers_are_counted_from_a_moment_on(store):
    keys = insert(store, make_entry(1), make_entry(2), make_entry(3))
    with store.transaction():
        store.reviews.put(keys[0], Review(None, NOW, 1, "{}"))
        store.reviews.put(keys[1], Review(NOW, NOW - timedelta(seconds=1), 2, "{}"))
        store.reviews.put(keys[2], Review(NOW, NOW, 0, "{}"))
    assert store.reviews.answered_since(NOW) == 1
    assert store.reviews.answered_since(NOW - timedelta(seconds=1)) == 2


def test_a_review_goes_with_its_entry_and_with_an_undone_transaction(store):
    keys = insert(store, make_entry(1), make_entry(2))
    with store.transaction():
        store.reviews.put(keys[0], Review(NOW, NOW, 1, "{}"))
    with contextlib.suppress(Undone), store.transaction():
        store.reviews.put(keys[1], Review(NOW, NOW, 1, "{}"))
        raise Undone
    assert list(store.reviews.of(keys)) == [keys[0]]
    delete(store, keys[0])
    assert store.reviews.of(keys) == {}
    assert store.reviews.due(EVERYTHING, NOW) == []


# pairs

ONE, OTHER, THIRD = (f"01K2KT{number:020d}" for number in range(3))


def test_a_pair_is_the_same_in_either_order_and_said_again_it_is_new(store):
    later = NOW + timedelta(days=1)
    with store.transaction():
        store.pairs.judge(OTHER, ONE, Verdict.FINE, NOW)
        store.pairs.judge(ONE, THIRD, Verdict.FINE, NOW)
        store.pairs.judge(ONE, OTHER, Verdict.NO_LINK, NOW)
        store.pairs.judge(ONE, OTHER, Verdict.FINE, later)
    assert store.pairs.all(Verdict.FINE) == [
        JudgedPair(ONE, OTHER, Verdict.FINE, later),
        JudgedPair(ONE, THIRD, Verdict.FINE, NOW),
    ]
    assert store.pairs.all(Verdict.NO_LINK) == [JudgedPair(ONE, OTHER, Verdict.NO_LINK, NOW)]
    assert store.pairs.among([OTHER], Verdict.FINE) == {(ONE, OTHER)}
    assert store.pairs.among([ONE, "01K2KT"], Verdict.FINE) == {(ONE, OTHER), (ONE, THIRD)}
    assert store.pairs.among([THIRD], Verdict.NO_LINK) == store.pairs.among([], Verdict.FINE) == set()


def test_what_was_said_of_a_pair_can_be_taken_back(store):
    with store.transaction():
        store.pairs.judge(ONE, OTHER, Verdict.FINE, NOW)
        store.pairs.judge(ONE, OTHER, Verdict.NO_LINK, NOW)
        assert store.pairs.take_back(OTHER, ONE, Verdict.FINE)
        assert not store.pairs.take_back(ONE, OTHER, Verdict.FINE)
        assert not store.pairs.take_back(ONE, THIRD, Verdict.NO_LINK)
    assert store.pairs.all(Verdict.FINE) == []
    assert len(store.pairs.all(Verdict.NO_LINK)) == 1


def test_what_was_said_of_an_entry_is_forgotten_with_all_others(store):
    with store.transaction():
        for one, other in ((ONE, OTHER), (OTHER, THIRD), (ONE, THIRD)):
            store.pairs.judge(one, other, Verdict.FINE, NOW)
        store.pairs.forget(OTHER)
    assert [(each.first, each.second) for each in store.pairs.all(Verdict.FINE)] == [(ONE, THIRD)]


def test_what_is_said_of_a_pair_goes_with_an_undone_transaction(store):
    with contextlib.suppress(RuntimeError), store.transaction():
        store.pairs.judge(ONE, OTHER, Verdict.FINE, NOW)
        raise RuntimeError
    assert store.pairs.all(Verdict.FINE) == []


# what was agreed with folders


AGREED = tuple(make_entry(number).id for number in range(3))


def agreed(entry_id: str, **values: Any) -> Agreed:
    return Agreed(
        **{"entry_id": entry_id, "path": "a.md", "seen": "1|2|", "file_hash": "h", "state": b"said", **values}
    )


def test_folders_are_kept_with_what_was_agreed(store):
    with store.transaction():
        first = store.agreements.put_folder(Folder(0, "one", "/a", "{}", None))
        second = store.agreements.put_folder(Folder(0, "two", "/b"))
        store.agreements.put(first.number, [agreed(AGREED[0]), agreed(AGREED[1], path="", state=b"")])
        store.agreements.put(second.number, [agreed(AGREED[0], state=b"other")])
    assert store.agreements.folders() == [first, second]
    assert store.agreements.of(first.number) == [agreed(AGREED[0], state=b""), agreed(AGREED[1], path="", state=b"")]
    assert store.agreements.states(first.number, [AGREED[0], AGREED[2]]) == {AGREED[0]: b"said"}
    assert [store.agreements.count(each.number) for each in (first, second)] == [1, 1]
    with store.transaction():
        moved = store.agreements.put_folder(replace(first, place="/c", synced_at=NOW))
        store.agreements.put(first.number, [agreed(AGREED[0], path="b.md", state=b"more")])
        store.agreements.see(first.number, {AGREED[0]: "3|4|", AGREED[2]: "nobody"})
    assert store.agreements.folders()[0] == moved
    assert store.agreements.of(first.number)[0] == agreed(AGREED[0], path="b.md", seen="3|4|", state=b"")
    with store.transaction():
        store.agreements.forget(AGREED[0])
        store.agreements.drop(first.number, [AGREED[1]])
    assert store.agreements.states(first.number, [AGREED[0]]) == {AGREED[0]: b""}
    assert store.agreements.of(first.number) == [agreed(AGREED[0], path="b.md", seen="", state=b"")]
    assert store.agreements.states(second.number, [AGREED[0]]) == {AGREED[0]: b""}
    with store.transaction():
        store.agreements.drop_folder(first.number)
    assert store.agreements.folders() == [second]
    assert store.agreements.of(first.number) == []


def test_a_stamp_differs_with_whatever_an_entry_says(store):
    with store.transaction():
        keys = [store.entries.insert(make_entry(number)) for number in range(3)]
    ids = [make_entry(number).id for number in range(3)]
    before = store.agreements.stamps()
    assert set(before) == {*ids}
    assert store.agreements.stamps([ids[0], make_entry(9).id]) == {ids[0]: before[ids[0]]}
    seen = {before[ids[0]]}
    old = make_entry(0)
    for change in (
        *({name: value} for name, value in FULL.items()),
        {"title": "x"},
        {"content": "x"},
        {"project": "x"},
    ):
        with store.transaction():
            store.entries.update(keys[0], replace(old, **change))
        seen.add(store.agreements.stamps()[ids[0]])
    assert len(seen) >= len({*FULL, "title", "content", "project"})
    with store.transaction():
        store.entries.update(keys[0], replace(old, updated_at=LATER))
    assert store.agreements.stamps() == before
    link = Link(ids[0], ids[1], LinkType.SUPERSEDES, "why")
    with store.transaction():
        store.links.put(link, NOW)
    linked = store.agreements.stamps()
    assert linked[ids[0]] != before[ids[0]]
    assert linked[ids[1]] != before[ids[1]], "its successor is another one"
    assert linked[ids[2]] == before[ids[2]]
    with store.transaction():
        store.links.put(replace(link, reason="another"), NOW)
    assert store.agreements.stamps()[ids[0]] != linked[ids[0]]
    assert store.agreements.stamps(ids) == store.agreements.stamps()
