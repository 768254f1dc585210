"""What happens to an entry: changed, deprecated, linked, deleted, and brought back as it was."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support import Bench, FakeEncoder, FakeLoader, all_links, make_bench
from support.depth import tries

from rekall.entry.changes import Changes
from rekall.entry.fields import SECTIONS, Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType, Link, LinkType, Reference, Status
from rekall.errors import Ambiguous, EditConflict, EngineError, InvalidInput, NotFound
from rekall.models.vectors import Matrix
from rekall.search.results import Mode

FULL = Draft(
    EntryType.PITFALL,
    "Pool runs dry — zebra",
    "    indented\n\n1. give it back\n\ttabbed  ",
    ("postgres", "two words"),
    "Shop",
    confidence=5,
    situation="under load",
    solution="context manager",
    what_failed="a larger pool",
    error_messages=("QueuePool limit, 5", "E2"),
    files=("a,b.py", "z.py", "a.py"),
    keywords=("key", "日本"),
    sources=("https://example.org/?a=1,2",),
    created_at=datetime(2019, 2, 3, 4, 5, 6, tzinfo=timezone.utc),
    updated_at=datetime(2020, 2, 3, 4, 5, 6, tzinfo=timezone.utc),
)
CONTEXT = {field.name: getattr(FULL, field.name) for field in SECTIONS}
UNKNOWN = "01ZZZZZZZZZZZZZZZZZZZZZZZZ"


class Hooked(FakeEncoder):
    """Runs `before` once when it is asked for vectors: that is when another window may write."""

    before: Callable[[], object] | None = None

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        before, self.before = self.before, None
        if before:
            before()
        return super().encode_documents(texts)


@pytest.fixture
def add(bench: Bench) -> Callable[..., Entry]:
    return lambda title="a note", **parts: bench.base.add(Draft(EntryType.TIL, title, **parts)).entry


@pytest.fixture
def full(bench: Bench) -> Entry:
    return bench.base.add(FULL).entry


@pytest.fixture
def windows(tmp_path: Path) -> Iterator[tuple[Bench, Bench]]:
    """Two processes on one file; the first one's encoder is `Hooked`."""
    with contextlib.ExitStack() as stack:
        opened = [make_bench(tmp_path / "base.db", loader=FakeLoader(encoder)) for encoder in (Hooked(), FakeEncoder())]
        for bench in opened:
            stack.callback(bench.base.close)
        yield opened[0], opened[1]


def between(bench: Bench, act: Callable[[], object]) -> None:
    """Do something while the next entry is embedded."""
    assert isinstance(bench.loader.encoder, Hooked)
    bench.loader.encoder.before = act


def shown(bench: Bench, entry: Entry) -> Entry:
    return bench.base.get(entry.id).entry


def links(bench: Bench) -> set[Link]:
    return set(all_links(bench.store))


def found(bench: Bench, line: str, mode: Mode) -> list[str]:
    return [hit.entry.id for hit in bench.base.search(line, Filters(), mode, 10).hits]


def rows_that_hold(bench: Bench, text: str) -> list[str]:
    """The tables with a row in which a text stands, in either case; blobs are looked into as well."""
    names = bench.store.db.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return [
        name
        for (name,) in names
        for row in bench.store.db.rows(f"SELECT * FROM {name}")
        if any(text.lower().encode() in (v if isinstance(v, bytes) else str(v).encode()).lower() for v in row)
    ]


def nothing_left_of(bench: Bench, entry: Entry) -> None:
    assert bench.store.db.value("SELECT count(*) FROM tombstone") == 0
    assert rows_that_hold(bench, "zebra") == rows_that_hold(bench, entry.id) == []
    assert bench.store.words.count() == bench.store.passages.count() == bench.base.count()


# delete


def test_delete_takes_the_entry_away_and_leaves_a_tombstone(bench, full):
    bench.clock.elapsed_s = 60
    bench.base.delete(full.id)
    assert bench.base.count() == 0
    assert found(bench, "zebra", Mode.HYBRID) == []
    assert (bench.store.words.count(), bench.store.passages.count()) == (0, 0)
    (stone,) = bench.base.deleted(10)
    assert (stone.id, stone.type, stone.title) == (full.id, full.type, full.title)
    assert stone.deleted_at == bench.clock.now()


def test_the_last_deleted_comes_first_and_no_more_than_wanted(bench, add):
    entries = [add(f"note {number}") for number in range(4)]
    for entry in reversed(entries):
        bench.clock.elapsed_s += 1
        bench.base.delete(entry.id)
    assert [stone.title for stone in bench.base.deleted(3)] == ["note 0", "note 1", "note 2"]


@pytest.mark.parametrize("forever", [False, True])
def test_deleting_what_is_not_there_is_an_error(bench, add, forever):
    add()
    with pytest.raises(NotFound) as raised:
        bench.base.delete(UNKNOWN, forever=forever)
    assert raised.value.hint
    assert bench.base.count() == 1


def test_what_is_deleted_cannot_be_deleted_again_but_for_ever_once(bench, full):
    bench.base.delete(full.id)
    with pytest.raises(NotFound):
        bench.base.delete(full.id)
    bench.base.delete(full.id, forever=True)
    with pytest.raises(NotFound):
        bench.base.delete(full.id, forever=True)


@pytest.mark.parametrize("tombstone_first", [False, True])
def test_deleting_for_ever_leaves_nothing(bench, full, add, tombstone_first):
    add("another")
    if tombstone_first:
        bench.base.delete(full.id)
        assert rows_that_hold(bench, "zebra")
    bench.base.delete(full.id, forever=True)
    nothing_left_of(bench, full)
    with pytest.raises(NotFound):
        bench.base.restore(full.id)


@pytest.mark.parametrize("tombstone_first", [False, True])
def test_no_byte_of_what_went_for_ever_is_in_the_file(tmp_path, tombstone_first):
    path = tmp_path / "base.db"
    bench = make_bench(path)
    entry = bench.base.add(Draft(EntryType.TIL, "the token", "zebra-4711 " * 900)).entry
    bench.base.add(Draft(EntryType.TIL, "another"))
    if tombstone_first:
        bench.base.delete(entry.id)
    assert bench.base.delete(entry.id, forever=True).why_traces == ""
    bench.base.close()
    assert not any(b"zebra" in file.read_bytes() for file in tmp_path.iterdir())


def test_deleting_for_ever_works_while_another_window_reads_and_says_that_traces_stay(windows):
    first, second = windows
    entry = first.base.add(FULL).entry
    first.store.db._busy_timeout_s = 0.1
    with second.store.db.snapshot():
        assert second.base.count() == 1
        assert first.base.delete(entry.id, forever=True).why_traces == "another program is reading the base"
    assert rows_that_hold(first, "zebra") == []
    assert rows_that_hold(first, entry.id) == ["trace"]
    assert first.base.delete(entry.id, forever=True).why_traces == ""
    nothing_left_of(first, entry)


def test_deleting_for_ever_after_a_restore_leaves_nothing(bench, full):
    bench.base.delete(full.id)
    bench.base.restore(full.id)
    bench.base.delete(full.id, forever=True)
    nothing_left_of(bench, full)


def test_another_process_sees_a_deletion_and_undoes_it(windows):
    first, second = windows
    entry = first.base.add(FULL).entry
    second.base.delete(entry.id)
    assert first.base.count() == 0
    assert first.base.restore(entry.id).entry == entry
    assert second.base.get(entry.id).entry == entry


# restore


def test_restore_brings_back_every_field(bench, full):
    bench.clock.elapsed_s = 1000
    bench.base.delete(full.id)
    saved = bench.base.restore(full.id)
    assert saved.entry == full == shown(bench, full)
    assert saved.warning == ""
    assert bench.base.deleted(10) == []


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
TIMES = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(timezone.utc))
DRAFTS = st.builds(
    Draft,
    st.sampled_from(EntryType),
    WORDS.map(lambda text: f"{text} title"),
    WORDS,
    st.lists(WORDS, max_size=3).map(tuple),
    st.none() | WORDS,
    st.sampled_from(Status),
    confidence=st.integers(0, 5),
    situation=WORDS,
    solution=WORDS,
    what_failed=WORDS,
    error_messages=st.lists(WORDS, max_size=3).map(tuple),
    files=st.lists(WORDS, max_size=3).map(tuple),
    keywords=st.lists(WORDS, max_size=3).map(tuple),
    sources=st.lists(WORDS, max_size=3).map(tuple),
    created_at=st.none() | TIMES,
    updated_at=st.none() | TIMES,
)


@settings(deadline=None, max_examples=tries(60))
@given(draft=DRAFTS)
def test_whatever_an_entry_says_survives_delete_and_restore(draft):
    bench = make_bench()
    try:
        entry = bench.base.add(draft).entry
        bench.base.delete(entry.id)
        assert bench.base.restore(entry.id).entry == entry == shown(bench, entry)
    finally:
        bench.base.close()


def test_a_restored_entry_is_found_by_words_and_by_meaning(bench, full, add):
    add("something else")
    before = [bench.base.search("zebra", Filters(), mode, 10).hits[0].why.similarity for mode in Mode]
    bench.base.delete(full.id)
    bench.base.restore(full.id)
    for mode in Mode:
        assert found(bench, "zebra pool", mode)[0] == full.id
    assert [bench.base.search("zebra", Filters(), mode, 10).hits[0].why.similarity for mode in Mode] == before
    status = bench.base.index.status()
    assert (status.words, status.pending_passages, status.entries) == (2, 0, 2)


def test_restore_brings_back_links_both_ways_with_their_reasons(bench, full, add):
    other, third = add("other"), add("third")
    bench.base.link(full.id, other.id, LinkType.DERIVED_FROM, "learned there")
    bench.base.link(other.id, full.id, LinkType.CONTRADICTS, "says no")
    bench.base.link(full.id, other.id, LinkType.RELATED)
    bench.base.link(third.id, other.id, LinkType.RELATED, "stays")
    before = links(bench)
    bench.base.delete(full.id)
    assert links(bench) == {Link(third.id, other.id, LinkType.RELATED, "stays")}
    bench.base.restore(full.id)
    assert links(bench) == before


def test_those_an_entry_superseded_name_it_again(bench, full, add):
    old, older = add("old"), add("older")
    bench.base.deprecate(old.id, full.id, "better")
    bench.base.deprecate(older.id, full.id)
    before = (shown(bench, old), shown(bench, older), links(bench))
    bench.base.delete(full.id)
    assert shown(bench, old).superseded_by is None
    assert shown(bench, old).status is Status.OBSOLETE
    bench.base.restore(full.id)
    assert (shown(bench, old), shown(bench, older), links(bench)) == before


def test_who_found_another_successor_or_holds_again_meanwhile_keeps_that(bench, full, add):
    moved, revived, other = add("moved"), add("revived"), add("other")
    for entry in (moved, revived):
        bench.base.deprecate(entry.id, full.id)
    bench.base.delete(full.id)
    bench.base.deprecate(moved.id, other.id)
    bench.base.change(revived.id, Changes.of(status=Status.ACTIVE))
    bench.base.restore(full.id)
    assert shown(bench, moved).superseded_by == other.id
    assert (shown(bench, revived).superseded_by, shown(bench, revived).status) == (None, Status.ACTIVE)


def test_an_obsolete_entry_comes_back_with_its_successor(bench, full, add):
    new = add("new")
    before = bench.base.deprecate(full.id, new.id, "worse").entry
    bench.base.delete(full.id)
    assert bench.base.restore(full.id).entry == before
    assert bench.base.get(full.id).successor == Reference(new.id, new.title)


@pytest.mark.parametrize("forever", [False, True])
def test_without_the_other_ends_an_entry_comes_back_alone(bench, full, add, forever):
    new, other = add("new"), add("other")
    bench.base.deprecate(full.id, new.id, "worse")
    bench.base.link(full.id, other.id)
    bench.base.delete(full.id)
    bench.base.delete(new.id, forever=forever)
    bench.base.delete(other.id, forever=forever)
    restored = bench.base.restore(full.id).entry
    assert (restored.superseded_by, restored.status) == (None, Status.OBSOLETE)
    assert links(bench) == set()


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("deleted", [(0, 1, 2), (2, 1, 0)])
def test_in_whatever_order_entries_come_back_they_find_each_other(bench, full, add, deleted, order):
    entries = (full, add("old"), add("new"))
    bench.base.deprecate(entries[1].id, full.id, "first")
    bench.base.deprecate(full.id, entries[2].id, "then")
    bench.base.link(entries[1].id, entries[2].id, LinkType.DERIVED_FROM, "far")
    before = ([shown(bench, entry) for entry in entries], links(bench))
    for place in deleted:
        bench.base.delete(entries[place].id)
    for place in order:
        bench.base.restore(entries[place].id)
    assert ([shown(bench, entry) for entry in entries], links(bench)) == before


def test_a_restored_entry_is_still_known_to_its_source(bench, tmp_path):
    source = tmp_path / "note.md"
    source.write_text("# Zebra crossing\n\nLook left.\n")
    bench.base.files.import_paths([source])
    (entry,) = bench.base.list_entries(Filters(), None).entries
    bench.base.delete(entry.id)
    bench.base.restore(entry.id)
    report = bench.base.files.import_paths([source])
    assert (report.added, report.updated, report.unchanged) == (0, 0, 1)
    source.write_text("# Zebra crossing\n\nLook right.\n")
    assert bench.base.files.import_paths([source]).updated == 1
    assert shown(bench, entry).content == "Look right."


def test_a_source_imported_again_meanwhile_belongs_to_the_new_entry(bench, tmp_path):
    source = tmp_path / "note.md"
    source.write_text("# Zebra crossing\n\nLook left.\n")
    bench.base.files.import_paths([source])
    (entry,) = bench.base.list_entries(Filters(), None).entries
    bench.base.delete(entry.id)
    assert bench.base.files.import_paths([source], overwrite=True).added == 1
    assert bench.base.restore(entry.id).entry == entry
    report = bench.base.files.import_paths([source])
    assert (report.added, report.unchanged, bench.base.count()) == (0, 1, 2)


def test_an_entry_imported_again_under_its_id_needs_no_restore(bench, full, tmp_path):
    bench.base.files.export(tmp_path / "out.jsonl", Filters())
    bench.base.delete(full.id)
    assert bench.base.files.import_paths([tmp_path / "out.jsonl"]).added == 1
    assert shown(bench, full) == full
    assert bench.base.deleted(10) == []
    with pytest.raises(NotFound):
        bench.base.restore(full.id)


def test_an_entry_added_again_under_its_id_needs_no_restore(bench, full):
    bench.base.delete(full.id)
    again = bench.base.add(Draft(EntryType.BUG, "again", id=full.id)).entry
    assert bench.base.deleted(10) == []
    with pytest.raises(NotFound):
        bench.base.restore(full.id)
    assert shown(bench, full) == again


def test_an_id_that_is_there_is_not_added_again(bench, full):
    with pytest.raises(InvalidInput):
        bench.base.add(Draft(EntryType.BUG, "again", id=full.id))
    assert shown(bench, full) == full


def test_restoring_twice_is_an_error_that_changes_nothing(bench, full):
    bench.base.delete(full.id)
    bench.base.restore(full.id)
    with pytest.raises(NotFound) as raised:
        bench.base.restore(full.id)
    assert raised.value.hint
    assert shown(bench, full) == full


def test_delete_and_restore_again_and_again_is_the_same_entry(bench, full, add):
    bench.base.link(full.id, add("other").id, LinkType.RELATED, "why")
    before = links(bench)
    for _ in range(5):
        bench.base.delete(full.id)
        assert bench.base.restore(full.id).entry == full
    assert links(bench) == before


def test_what_is_restored_is_what_was_last_deleted(bench, full):
    bench.base.delete(full.id)
    bench.base.restore(full.id)
    bench.base.change(full.id, Changes.of(title="another title"))
    bench.base.delete(full.id)
    assert [stone.title for stone in bench.base.deleted(10)] == ["another title"]
    assert bench.base.restore(full.id).entry.title == "another title"


def test_a_prefix_in_either_case_restores(bench, full):
    bench.base.delete(full.id)
    assert bench.base.find_deleted(full.id[:8].lower()).id == full.id
    assert bench.base.restore(f" {full.id[:8].lower()} ").entry == full


def test_a_prefix_of_two_deleted_entries_lists_both(bench):
    ids = [f"01HZZZZZZZZZZZZZZZZZZZZZ{end}" for end in ("AA", "AB")]
    for entry_id in ids:
        bench.base.add(Draft(EntryType.TIL, f"note {entry_id[-1]}", id=entry_id))
        bench.base.delete(entry_id)
    with pytest.raises(Ambiguous) as raised:
        bench.base.restore("01HZZ")
    assert [line.split()[0] for line in raised.value.candidates] == ids
    assert bench.base.restore(ids[1]).entry.title == "note B"
    assert bench.base.restore("01HZZ").entry.title == "note A"  # the only one that is left


def test_a_prefix_of_many_deleted_entries_lists_some(bench):
    for number in range(12):
        bench.base.add(Draft(EntryType.TIL, "note", id=f"01HZZZZZZZZZZZZZZZZZZZZZ{number:02d}"))
        bench.base.delete(f"01HZZZZZZZZZZZZZZZZZZZZZ{number:02d}")
    with pytest.raises(Ambiguous) as raised:
        bench.base.restore("01HZ")
    assert "more than 8" in raised.value.message
    assert len(raised.value.candidates) == 8


HOSTILE = ["", " ", "%", "_", "*", "~", "'; --", "' OR 1=1", "01\0", "日本", "\udcff", "../x", "0" * 1000, "é"]


@pytest.mark.parametrize("prefix", HOSTILE)
def test_what_names_no_deleted_entry_is_not_found(bench, full, prefix):
    bench.base.delete(full.id)
    for act in (bench.base.restore, bench.base.find_deleted):
        with pytest.raises(NotFound) as raised:
            act(prefix)
        assert type(raised.value) is NotFound
    assert len(bench.base.deleted(10)) == 1


@given(prefix=st.text(max_size=30))
def test_no_prefix_breaks_the_look_up(prefix):
    bench = make_bench()
    try:
        entry = bench.base.add(Draft(EntryType.TIL, "a note")).entry
        bench.base.delete(entry.id)
        with contextlib.suppress(NotFound):
            assert entry.id.startswith(bench.base.find_deleted(prefix).id[: len(prefix.strip())])
    finally:
        bench.base.close()


def test_an_entry_that_is_there_cannot_be_restored(bench, full):
    with pytest.raises(NotFound):
        bench.base.restore(full.id)
    assert shown(bench, full) == full


def test_without_an_engine_an_entry_is_restored_and_waits_for_its_vectors(bench, full):
    bench.base.delete(full.id)
    bench.loader.problem = EngineError("no onnxruntime", "install it")
    saved = bench.base.restore(full.id)
    assert (saved.entry, saved.warning, saved.hint) == (full, "no onnxruntime", "install it")
    assert found(bench, "zebra", Mode.WORDS) == [full.id]
    assert bench.base.index.status().pending_entries == 1
    bench.loader.problem = None
    bench.base.index.rebuild_vectors()
    assert found(bench, "zebra", Mode.MEANING) == [full.id]


def test_an_entry_restored_in_another_window_just_now_is_not_stored_twice(windows):
    first, second = windows
    entry = first.base.add(FULL).entry
    first.base.delete(entry.id)
    between(first, lambda: second.base.restore(entry.id))
    with pytest.raises(NotFound):
        first.base.restore(entry.id)
    assert second.base.count() == 1
    assert second.base.get(entry.id).entry == entry


def test_an_entry_changed_and_deleted_again_just_now_is_not_restored_as_it_was(windows):
    first, second = windows
    entry = first.base.add(FULL).entry
    first.base.delete(entry.id)

    def act() -> None:
        second.base.restore(entry.id)
        second.base.change(entry.id, Changes.of(title="newer"))
        second.base.delete(entry.id)

    between(first, act)
    with pytest.raises(EditConflict):
        first.base.restore(entry.id)
    assert first.base.restore(entry.id).entry.title == "newer"


def test_a_successor_deleted_while_an_entry_is_restored_is_left_out(windows):
    first, second = windows
    new = first.base.add(Draft(EntryType.TIL, "new")).entry
    entry = first.base.add(replace(FULL, superseded_by=new.id)).entry
    first.base.delete(entry.id)
    between(first, lambda: second.base.delete(new.id))
    assert first.base.restore(entry.id).entry.superseded_by is None
    second.base.restore(new.id)
    assert first.base.get(entry.id).entry == entry


# link


@pytest.mark.parametrize("kind", [kind for kind in LinkType if kind is not LinkType.SUPERSEDES])
def test_a_link_is_shown_at_both_ends_and_changes_neither(bench, full, add, kind):
    other = add("other")
    bench.clock.elapsed_s = 60
    link = bench.base.link(full.id[:14].lower(), other.id[:14], kind, "  because\n of it ")
    assert link == Link(full.id, other.id, kind, "because of it")
    for entry in (full, other):
        assert [line.link for line in bench.base.get(entry.id).links] == [link]
        assert shown(bench, entry) == entry


def test_to_supersede_makes_obsolete_and_keeps_the_reason(bench, full, add):
    old = add("old")
    bench.clock.elapsed_s = 60
    link = bench.base.link(full.id, old.id, LinkType.SUPERSEDES, "better")
    assert links(bench) == {link} == {Link(full.id, old.id, LinkType.SUPERSEDES, "better")}
    now = shown(bench, old)
    assert now == replace(old, status=Status.OBSOLETE, superseded_by=full.id, updated_at=bench.clock.now())
    assert shown(bench, full) == full


@pytest.mark.parametrize("kind", list(LinkType))
@pytest.mark.parametrize("reason", ["another", ""])
def test_the_same_link_again_changes_its_reason(bench, full, add, kind, reason):
    other = add("other")
    bench.base.link(full.id, other.id, kind, "one")
    bench.base.link(full.id, other.id, kind, reason)
    assert links(bench) == {Link(full.id, other.id, kind, reason)}


def test_links_of_several_kinds_and_both_ways_stand_side_by_side(bench, full, add):
    other = add("other")
    made = {bench.base.link(full.id, other.id, kind) for kind in LinkType}
    made |= {bench.base.link(other.id, full.id, LinkType.RELATED)}
    assert links(bench) == made
    assert len(made) == 5


@pytest.mark.parametrize("kind", list(LinkType))
def test_an_entry_is_not_linked_to_itself(bench, full, kind):
    with pytest.raises(InvalidInput):
        bench.base.link(full.id, full.id[:14], kind)
    assert links(bench) == set()
    assert shown(bench, full) == full


@pytest.mark.parametrize("kind", list(LinkType))
@pytest.mark.parametrize("reason", ["a\0b", "\udcff"])
def test_a_reason_that_is_no_text_is_refused(bench, full, add, kind, reason):
    other = add("other")
    with pytest.raises(InvalidInput):
        bench.base.link(full.id, other.id, kind, reason)
    assert links(bench) == set()
    assert shown(bench, other) == other


def test_a_link_to_what_is_deleted_is_refused(bench, full, add):
    other = add("other")
    bench.base.delete(other.id)
    for ends in ((full.id, other.id), (other.id, full.id)):
        with pytest.raises(NotFound):
            bench.base.link(*ends)


def test_unlink_takes_one_kind_or_all_of_one_direction(bench, full, add):
    other = add("other")
    for kind in LinkType:
        bench.base.link(full.id, other.id, kind)
    back = bench.base.link(other.id, full.id)
    assert bench.base.unlink(full.id, other.id, LinkType.CONTRADICTS) == 1
    assert LinkType.CONTRADICTS not in {link.type for link in links(bench)}
    assert bench.base.unlink(full.id[:14].lower(), other.id[:14]) == 3
    assert links(bench) == {back}


@pytest.mark.parametrize("kind", [None, LinkType.CONTRADICTS])
def test_unlink_of_nothing_is_an_error(bench, full, add, kind):
    other = add("other")
    bench.base.link(other.id, full.id, LinkType.CONTRADICTS)
    bench.base.link(full.id, other.id, LinkType.RELATED)
    bench.base.unlink(full.id, other.id, LinkType.RELATED)
    before = links(bench)
    with pytest.raises(NotFound) as raised:
        bench.base.unlink(full.id, other.id, kind)
    assert raised.value.hint
    assert links(bench) == before


# deprecate


def test_deprecated_with_a_successor_keeps_the_reason_on_the_link(bench, full, add):
    new = add("new")
    bench.clock.elapsed_s = 60
    saved = bench.base.deprecate(full.id[:14].lower(), new.id[:14].lower(), " too \n slow ")
    assert saved.entry == shown(bench, full)
    assert saved.entry == replace(
        full, status=Status.OBSOLETE, superseded_by=new.id, updated_at=bench.clock.now().replace(microsecond=0)
    )
    assert links(bench) == {Link(new.id, full.id, LinkType.SUPERSEDES, "too slow")}


def test_deprecated_without_a_successor_keeps_the_reason_in_the_text(bench, full):
    saved = bench.base.deprecate(full.id, reason="nobody\nuses it")
    assert saved.entry.status is Status.OBSOLETE
    assert saved.entry.superseded_by is None
    assert saved.entry.content == f"{full.content}\n\nObsolete: nobody uses it"
    assert links(bench) == set()
    assert found(bench, "nobody", Mode.WORDS) == [full.id]


def test_deprecated_without_a_reason_says_what_it_said(bench, full):
    assert bench.base.deprecate(full.id).entry.content == full.content


def test_the_reason_is_all_an_empty_note_says(bench, add):
    assert bench.base.deprecate(add().id, reason="wrong").entry.content == "Obsolete: wrong"


def test_an_entry_does_not_supersede_itself(bench, full):
    with pytest.raises(InvalidInput):
        bench.base.deprecate(full.id, full.id[:14])
    assert shown(bench, full) == full
    assert links(bench) == set()


@pytest.mark.parametrize("successor", ["ZZZZ", "", "'"])
def test_an_unknown_successor_changes_nothing(bench, full, successor):
    with pytest.raises(NotFound):
        bench.base.deprecate(full.id, successor, "why")
    assert shown(bench, full) == full


def test_deprecated_again_has_the_other_successor(bench, full, add):
    first, second = add("first"), add("second")
    bench.base.deprecate(full.id, first.id, "one")
    assert bench.base.deprecate(full.id, second.id, "two").entry.superseded_by == second.id
    assert Link(second.id, full.id, LinkType.SUPERSEDES, "two") in links(bench)


@pytest.mark.parametrize(("reason", "kept"), [("", "one"), ("two", "two")])
def test_deprecated_again_without_a_successor_keeps_the_one_it_has(bench, full, add, reason, kept):
    new = add("new")
    bench.base.deprecate(full.id, new.id, "one")
    saved = bench.base.deprecate(full.id, reason=reason)
    assert (saved.entry.superseded_by, saved.entry.content) == (new.id, full.content)
    assert links(bench) == {Link(new.id, full.id, LinkType.SUPERSEDES, kept)}


def test_a_successor_deleted_meanwhile_is_named_and_nothing_is_changed(windows):
    first, second = windows
    entry = first.base.add(Draft(EntryType.TIL, "old")).entry
    new = first.base.add(Draft(EntryType.TIL, "new")).entry
    changed = replace(entry.as_draft(), title="other text to embed", superseded_by=new.id)
    between(first, lambda: second.base.delete(new.id))
    with pytest.raises(NotFound) as raised:
        first.base.edit(entry, changed)
    assert new.id in raised.value.message
    assert first.base.get(entry.id).entry == entry
    second.base.restore(new.id)
    between(first, lambda: second.base.delete(new.id))
    with pytest.raises(NotFound):
        first.base.add(replace(changed, title="yet another text"))
    assert first.base.count() == 1


def test_a_change_meanwhile_is_not_deprecated_over_and_leaves_no_link(windows):
    first, second = windows
    entry = first.base.add(Draft(EntryType.TIL, "old")).entry
    between(first, lambda: second.base.change(entry.id, Changes.of(content="newer")))
    with pytest.raises(EditConflict):
        first.base.deprecate(entry.id, reason="a text to embed")
    assert first.base.get(entry.id).entry.content == "newer"
    assert links(first) == set()


# change


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("type", EntryType.BUG),
        ("title", "other title"),
        ("content", "other content"),
        ("content", ""),
        ("tags", ("x", "y")),
        ("tags", ()),
        ("project", "Other"),
        ("confidence", 0),
        ("status", Status.OBSOLETE),
    ],
)
def test_a_change_changes_its_part_and_nothing_else(bench, full, part, value):
    bench.clock.elapsed_s = 60
    saved = bench.base.change(full.id[:14].lower(), Changes.of(**{part: value}))
    assert saved.entry == replace(full, **{part: value}, updated_at=bench.clock.now()) == shown(bench, full)


@pytest.mark.parametrize("part", ["situation", "solution", "what_failed"])
@pytest.mark.parametrize("value", ["other", ""])
def test_a_text_of_the_context_is_changed_alone(bench, full, part, value):
    saved = bench.base.change(full.id, Changes.of(**{part: value}))
    assert getattr(saved.entry, part) == value
    assert replace(saved.entry, updated_at=full.updated_at, **{part: getattr(full, part)}) == full


@pytest.mark.parametrize("part", ["error_messages", "files", "keywords", "sources"])
@pytest.mark.parametrize("value", [("z", "a, b", "q"), ()])
def test_a_list_of_the_context_is_replaced(bench, full, part, value):
    saved = bench.base.change(full.id, Changes.of(**{part: value}))
    assert saved.entry == replace(full, updated_at=saved.entry.updated_at, **{part: value}) == shown(bench, full)


def test_an_empty_project_is_none(bench, full):
    assert bench.base.change(full.id, Changes.of(project=" ")).entry.project is None


def test_no_changes_change_the_time_only(bench, full):
    bench.clock.elapsed_s = 60
    assert bench.base.change(full.id, Changes.of()).entry == replace(full, updated_at=bench.clock.now())


@pytest.mark.parametrize(
    ("changes", "tags"),
    [
        (Changes.of(add_tags=(" New ", "POSTGRES")), ("postgres", "two words", "new")),
        (Changes.of(remove_tags=(" PostGres ",)), ("two words",)),
        (Changes.of(remove_tags=("Two Words",)), ("postgres",)),
        (Changes.of(remove_tags=("unknown", "")), ("postgres", "two words")),
        (Changes.of(add_tags=("x",), remove_tags=("X",)), ("postgres", "two words")),
        (Changes.of(tags=("a", "b"), add_tags=("c",), remove_tags=("a",)), ("b", "c")),
        (Changes.of(add_tags=("", "  ")), ("postgres", "two words")),
    ],
)
def test_tags_come_and_go_in_either_case(bench, full, changes, tags):
    assert bench.base.change(full.id, changes).entry.tags == tags


def test_a_tag_goes_however_its_blanks_are_written(bench, full):
    assert bench.base.change(full.id, Changes.of(remove_tags=("two  words",))).entry.tags == ("postgres",)


def test_an_entry_that_holds_again_has_no_successor(bench, full, add):
    new = add("new")
    assert bench.base.change(full.id, Changes.of(superseded_by=new.id[:14].lower())).entry.superseded_by == new.id
    assert shown(bench, full).status is Status.OBSOLETE
    again = bench.base.change(full.id, Changes.of(status=Status.ACTIVE)).entry
    assert (again.status, again.superseded_by) == (Status.ACTIVE, None)


@pytest.mark.parametrize("changes", [Changes.of(title=" "), Changes.of(confidence=6), Changes.of(content="a\0b")])
def test_a_change_that_is_refused_changes_nothing(bench, full, changes):
    with pytest.raises(InvalidInput):
        bench.base.change(full.id, changes)
    assert shown(bench, full) == full


@pytest.mark.parametrize("successor", ["ZZZZ", "", "%"])
def test_a_successor_that_is_not_there_is_refused_as_such(bench, full, successor):
    with pytest.raises(NotFound):
        bench.base.change(full.id, Changes.of(superseded_by=successor))
    assert shown(bench, full) == full


def test_a_change_is_found_and_the_old_words_are_not(bench, full):
    bench.base.change(full.id, Changes.of(title="giraffe"))
    assert found(bench, "zebra", Mode.WORDS) == []
    assert found(bench, "giraffe", Mode.WORDS) == [full.id]
    assert bench.base.index.status().pending_passages == 0


def test_a_change_over_another_windows_change_is_a_conflict(windows):
    first, second = windows
    entry = first.base.add(FULL).entry
    between(first, lambda: second.base.change(entry.id, Changes.of(confidence=1)))
    with pytest.raises(EditConflict) as raised:
        first.base.change(entry.id, Changes.of(title="mine"))
    assert raised.value.hint
    now = first.base.get(entry.id).entry
    assert (now.title, now.confidence) == (entry.title, 1)
    assert found(first, "mine", Mode.WORDS) == []


def test_a_change_of_what_was_deleted_meanwhile_stores_nothing(windows):
    first, second = windows
    entry = first.base.add(FULL).entry
    between(first, lambda: second.base.delete(entry.id))
    with pytest.raises(NotFound):
        first.base.change(entry.id, Changes.of(title="mine"))
    assert (first.base.count(), first.store.passages.count()) == (0, 0)
    assert first.base.restore(entry.id).entry == entry


# any sequence of all of this


class Entries(RuleBasedStateMachine):
    """Entries come, change, go and come back in any order, and only what was said happens to them.

    The model is a graph from which deleting only hides: an edge is there when both its ends are.
    """

    @initialize()
    def begin(self) -> None:
        self.bench = make_bench()
        self.whole: dict[str, Entry] = {}
        self.links: dict[tuple[str, str, LinkType], str] = {}
        self.turns: dict[tuple[str, str, LinkType], int] = {}
        self.turn = 0
        self.hidden: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.base.close()

    def there(self) -> list[str]:
        return [entry_id for entry_id in self.whole if entry_id not in self.hidden]

    def visible(self, entry_id: str) -> Entry:
        """An entry as it is seen: its successor is the latest entry in sight that supersedes it."""
        found = [ends for ends in self.seen_links() if ends[1:] == (entry_id, LinkType.SUPERSEDES)]
        latest = max(found, key=self.turns.__getitem__, default=None)
        return replace(self.whole[entry_id], superseded_by=latest[0] if latest else None)

    def take(self, entry: Entry) -> None:
        """What an edit answered."""
        self.whole[entry.id] = entry
        assert entry == self.visible(entry.id)

    def put(self, source: str, target: str, kind: LinkType, reason: str) -> None:
        self.turn += 1
        self.turns[source, target, kind] = self.turn
        self.links[source, target, kind] = reason

    def drop(self, ends: tuple[str, str, LinkType]) -> None:
        del self.links[ends], self.turns[ends]

    def superseding(self, entry_id: str) -> list[tuple[str, str, LinkType]]:
        return [ends for ends in self.seen_links() if ends[1:] == (entry_id, LinkType.SUPERSEDES)]

    @precondition(lambda self: len(self.whole) < 6)
    @rule(title=st.sampled_from(["one", "two", "three"]), tags=st.lists(st.sampled_from(["a", "b"]), max_size=2))
    def add(self, title: str, tags: list[str]) -> None:
        title = f"{title} word{len(self.whole)}"
        self.take(self.bench.base.add(Draft(EntryType.TIL, title, "text", tuple(tags), **CONTEXT)).entry)

    @precondition(lambda self: self.there())
    @rule(data=st.data(), content=st.sampled_from(["short", "long " * 400, ""]))
    def change(self, data: st.DataObject, content: str) -> None:
        self.bench.clock.elapsed_s += 1
        self.take(self.bench.base.change(data.draw(st.sampled_from(self.there())), Changes.of(content=content)).entry)

    @precondition(lambda self: self.there())
    @rule(data=st.data())
    def make_active(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self.there()))
        was_obsolete = self.whole[chosen].status is Status.OBSOLETE
        saved = self.bench.base.change(chosen, Changes.of(status=Status.ACTIVE))
        for ends in self.superseding(chosen) if was_obsolete else ():
            self.drop(ends)
        self.take(saved.entry)

    @precondition(lambda self: len(self.there()) > 1)
    @rule(data=st.data(), reason=st.sampled_from(["", "worse"]))
    def deprecate(self, data: st.DataObject, reason: str) -> None:
        self.bench.clock.elapsed_s += 1
        chosen = data.draw(st.sampled_from(self.there()))
        successor = data.draw(st.sampled_from([other for other in self.there() if other != chosen]))
        before = self.visible(chosen).superseded_by
        before_turn = self.turns.get((successor, chosen, LinkType.SUPERSEDES), 0)
        try:
            saved = self.bench.base.deprecate(chosen, successor, reason)
        except InvalidInput:  # each would supersede the other
            assert self.superseding(successor)
            return
        if before not in (None, successor):
            self.drop((before, chosen, LinkType.SUPERSEDES))
        said = reason or self.links.get((successor, chosen, LinkType.SUPERSEDES), "")
        self.put(successor, chosen, LinkType.SUPERSEDES, said)
        if before == successor and not reason:  # nothing was said
            self.turns[successor, chosen, LinkType.SUPERSEDES] = before_turn
        self.take(saved.entry)

    @precondition(lambda self: len(self.there()) > 1)
    @rule(data=st.data(), reason=st.sampled_from(["", "so"]), kind=st.sampled_from(LinkType))
    def link(self, data: st.DataObject, reason: str, kind: LinkType) -> None:
        self.bench.clock.elapsed_s += 1
        source, target = data.draw(st.permutations(self.there()))[:2]
        try:
            self.bench.base.link(source, target, kind, reason)
        except InvalidInput:  # neither would hold
            assert kind is LinkType.SUPERSEDES
            assert self.superseding(source)
            return
        self.put(source, target, kind, reason)
        if kind is LinkType.SUPERSEDES:
            self.becomes(target, Status.OBSOLETE)

    def becomes(self, entry_id: str, status: Status) -> None:
        """A status that follows from a link changes the entry, unless it has it already."""
        if self.whole[entry_id].status is not status:
            now = self.bench.clock.now()
            self.whole[entry_id] = replace(self.whole[entry_id], status=status, updated_at=now)

    @precondition(lambda self: self.seen_links())
    @rule(data=st.data())
    def unlink(self, data: st.DataObject) -> None:
        source, target, kind = data.draw(st.sampled_from(sorted(self.seen_links())))
        self.bench.clock.elapsed_s += 1
        assert self.bench.base.unlink(source, target, kind) == 1
        self.drop((source, target, kind))
        if kind is LinkType.SUPERSEDES and not self.superseding(target):
            self.becomes(target, Status.ACTIVE)

    @precondition(lambda self: self.there())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.there()))
        self.bench.base.delete(gone)
        self.hidden.add(gone)

    @precondition(lambda self: self.hidden)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        self.bench.clock.elapsed_s += 1
        chosen = data.draw(st.sampled_from(sorted(self.hidden)))
        saved = self.bench.base.restore(chosen)
        self.hidden.discard(chosen)
        back = [ends for ends in self.seen_links() if chosen in ends[:2]]
        for ends in sorted(back, key=self.turns.__getitem__, reverse=True):
            self.turns[ends] = min(self.turns.values()) - 1  # behind what was said since, in the order they had
            if ends[2] is LinkType.SUPERSEDES and self.whole[ends[1]].status is Status.ACTIVE:
                self.drop(ends)  # somebody has said since that it holds
        assert saved.entry == self.visible(chosen)

    @precondition(lambda self: self.whole)
    @rule(data=st.data())
    def delete_for_ever(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(sorted(self.whole)))
        self.bench.base.delete(gone, forever=True)
        self.hidden.discard(gone)
        del self.whole[gone]
        self.links = {ends: reason for ends, reason in self.links.items() if gone not in ends}
        self.turns = {ends: turn for ends, turn in self.turns.items() if gone not in ends}

    def seen_links(self) -> dict[tuple[str, str, LinkType], str]:
        return {ends: reason for ends, reason in self.links.items() if not self.hidden & set(ends[:2])}

    @invariant()
    def all_is_as_it_was_said(self) -> None:
        bench = self.bench
        there = {entry_id: self.visible(entry_id) for entry_id in self.there()}
        assert bench.store.entries.by_ids(self.whole) == there
        assert bench.base.count() == bench.store.words.count() == len(there)
        assert links(bench) == {Link(*ends, reason) for ends, reason in self.seen_links().items()}
        assert {stone.id for stone in bench.base.deleted(100)} == self.hidden
        assert bench.store.passages.pending_counts(bench.store.vectors.active_space()) == (0, 0)
        for entry in there.values():
            word = entry.title.split()[1]
            assert set(found(bench, word, Mode.WORDS)) == {
                other.id for other in there.values() if other.title.split()[1] == word
            }


Entries.TestCase.settings = settings(max_examples=tries(40), stateful_step_count=25, deadline=None)
test_any_sequence_of_changes_does_what_was_said = Entries.TestCase
