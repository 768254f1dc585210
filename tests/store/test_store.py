import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from conftest import Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from rekall.db import Database
from rekall.entry.types import Context, Entry, EntryType, Filters, Link, LinkType, Passage, Status
from rekall.errors import Ambiguous, NotFound, StorageError
from rekall.store.entries import SHORTEST_PREFIX, EntryStore, Origin
from rekall.store.passages import PassageStore, SpaceState
from rekall.store.words import WordIndex, WordQuery

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
FULL = Context(
    "the situation",
    "the solution",
    "what failed",
    ("E1", "E2"),
    ("a.py", "b.py"),
    ("key", "word"),
    ("https://example.org", "b"),
)


def make_entry(number: int = 0, **parts: object) -> Entry:
    fields = {
        "id": f"01{number:024d}",
        "type": EntryType.BUG,
        "title": f"title {number}",
        "content": "",
        "tags": (),
        "project": None,
        "status": Status.ACTIVE,
        "superseded_by": None,
        "confidence": 2,
        "context": Context(),
        "created_at": NOW,
        "updated_at": NOW + timedelta(seconds=number),
    }
    return Entry(**{**fields, **parts})


@pytest.fixture
def entries(bench: Bench) -> EntryStore:
    return bench.entries


def read(entries: EntryStore, key: int) -> Entry:
    return entries.by_keys([key])[key]


def test_an_entry_comes_back_as_it_was_stored(entries):
    entry = make_entry(1, content="línea\n  two", tags=("b", "a"), project="Api", confidence=5, context=FULL)
    assert read(entries, entries.insert(entry)) == entry


def test_lists_keep_their_order_and_their_repeats(entries):
    entry = make_entry(context=Context(error_messages=("z", "a", "z"), files=("b", "a")))
    assert read(entries, entries.insert(entry)).context == entry.context


def test_an_update_replaces_everything(entries):
    key = entries.insert(make_entry(1, tags=("old", "older"), context=FULL))
    other = make_entry(1, title="new", tags=("new",), status=Status.OBSOLETE, project="p")
    entries.update(key, other)
    assert read(entries, key) == other
    assert entries.count() == 1


def test_times_are_kept_in_utc(entries):
    moment = datetime(2026, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    found = read(entries, entries.insert(make_entry(created_at=moment, updated_at=moment)))
    assert found.created_at == moment
    assert found.created_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("year", [1, 99, 999, 1969, 9999])
def test_a_time_of_any_year_can_be_read_again(entries, year):
    moment = datetime(year, 1, 2, tzinfo=timezone.utc)
    assert read(entries, entries.insert(make_entry(created_at=moment, updated_at=moment))).created_at == moment


def test_an_id_is_stored_once(entries):
    entries.insert(make_entry(1))
    with pytest.raises(StorageError):
        entries.insert(make_entry(1))


def test_deleting_takes_lists_links_origin_and_passages_along(bench, entries):
    one, two = entries.insert(make_entry(1, tags=("a",), context=FULL)), entries.insert(make_entry(2))
    entries.add_link(one, two, Link("", "", LinkType.RELATED), NOW)
    entries.add_link(two, one, Link("", "", LinkType.RELATED), NOW)
    entries.set_origin(Origin("path", one, b"1", b"2"))
    bench.passages.put(one, [Passage(0, "t", b"h")])
    entries.delete(one)
    for table in ("item", "link", "origin", "passage"):
        assert bench.db.value(f"SELECT count(*) FROM {table}") == 0
    assert entries.count() == 1


def test_deleting_a_successor_leaves_the_entry_without_one(entries):
    new = entries.insert(make_entry(2))
    old = entries.insert(make_entry(1, status=Status.OBSOLETE, superseded_by=make_entry(2).id))
    entries.delete(new)
    assert read(entries, old).superseded_by is None


def test_a_successor_may_come_later_in_the_same_transaction(bench, entries):
    with bench.db.transaction():
        old = entries.insert(make_entry(1, superseded_by=make_entry(2).id))
        entries.insert(make_entry(2))
    assert read(entries, old).superseded_by == make_entry(2).id


def test_unknown_keys_and_ids_are_left_out(entries):
    key = entries.insert(make_entry(1))
    assert list(entries.by_keys([key, 99])) == [key]
    assert list(entries.by_ids([make_entry(1).id, "nothing"])) == [make_entry(1).id]
    assert entries.key_of("nothing") is None
    assert entries.key_of(make_entry(1).id) == key


def test_the_stream_gives_every_entry_once_in_the_order_of_keys(entries):
    keys = [entries.insert(make_entry(number)) for number in range(23)]
    entries.delete(keys[5])
    streamed = list(entries.stream(batch=4))
    assert [key for key, _ in streamed] == [key for key in keys if key != keys[5]]
    assert streamed[3][1] == make_entry(3)


def test_the_stream_goes_on_while_entries_are_changed(entries):
    for number in range(10):
        entries.insert(make_entry(number))
    seen = []
    for key, entry in entries.stream(batch=3):
        entries.update(key, replace(entry, title="changed"))
        seen.append(key)
    assert len(seen) == 10


def test_links_are_found_from_both_ends(entries):
    one, two, three = (entries.insert(make_entry(number)) for number in (1, 2, 3))
    entries.add_link(one, two, Link("", "", LinkType.SUPERSEDES, "why"), NOW)
    expected = [Link(make_entry(1).id, make_entry(2).id, LinkType.SUPERSEDES, "why")]
    assert entries.links(one) == entries.links(two) == entries.links() == expected
    assert entries.links(three) == []


def test_the_same_link_again_changes_its_reason(entries):
    one, two = entries.insert(make_entry(1)), entries.insert(make_entry(2))
    for reason in ("first", "second"):
        entries.add_link(one, two, Link("", "", LinkType.RELATED, reason), NOW)
    entries.add_link(one, two, Link("", "", LinkType.CONTRADICTS, "third"), NOW)
    assert sorted(link.reason for link in entries.links(one)) == ["second", "third"]


def test_an_entry_cannot_be_linked_to_itself(entries):
    key = entries.insert(make_entry(1))
    with pytest.raises(StorageError):
        entries.add_link(key, key, Link("", "", LinkType.RELATED), NOW)


def test_an_origin_belongs_to_one_entry_and_one_path(entries):
    one, two = entries.insert(make_entry(1)), entries.insert(make_entry(2))
    entries.set_origin(Origin("a", one, b"1", b"2"))
    entries.set_origin(Origin("b", one, b"3", b"4"))
    assert entries.origin("a") is None
    assert entries.origin("b") == Origin("b", one, b"3", b"4")
    entries.set_origin(Origin("b", two, b"5", b"6"))
    assert entries.origin("b") == Origin("b", two, b"5", b"6")


def test_counts_tell_entries_apart(entries):
    entries.insert(make_entry(1, tags=("a", "b"), project="p"))
    entries.insert(make_entry(2, tags=("a",), type=EntryType.TIL, status=Status.OBSOLETE))
    counts = entries.counts()
    assert counts.entries == 2
    assert counts.by_status == {"active": 1, "obsolete": 1}
    assert counts.by_type == {"bug": 1, "til": 1}
    assert counts.by_project == {"p": 1}
    assert (counts.tags, counts.links) == (2, 0)


def test_a_prefix_in_either_case_names_its_entry(entries):
    key = entries.insert(make_entry(id="01ABCDEF" + "0" * 18))
    entries.insert(make_entry(id="01ABCDEG" + "0" * 18))
    assert entries.resolve("01abcdef") == key
    assert entries.resolve(" 01ABCDEF ") == key
    assert entries.resolve("01ABCDEF" + "0" * 18) == key


def test_an_ambiguous_prefix_lists_the_candidates(entries):
    for number in range(3):
        entries.insert(make_entry(number))
    with pytest.raises(Ambiguous) as raised:
        entries.resolve("01")
    assert raised.value.exit_code == 3
    assert raised.value.candidates == tuple(f"{make_entry(number).id}  title {number}" for number in range(3))


def test_many_candidates_are_cut(entries):
    for number in range(30):
        entries.insert(make_entry(number))
    with pytest.raises(Ambiguous, match="more than") as raised:
        entries.resolve("01")
    assert len(raised.value.candidates) < 30


@pytest.mark.parametrize("prefix", ["", " ", "02", "%", "_", "01%", "' OR 1", "ü", "~", "\0", "01" + "0" * 24 + "0"])
def test_what_names_no_entry_is_not_found(entries, prefix):
    entries.insert(make_entry(0))
    with pytest.raises(NotFound) as raised:
        entries.resolve(prefix)
    assert raised.value.hint


@settings(deadline=None, max_examples=100)
@given(
    ids=st.sets(
        st.text("01AZ", min_size=26, max_size=26)
        | st.text("01", min_size=2, max_size=2).map(lambda end: "0" * 24 + end),
        min_size=1,
        max_size=12,
    )
)
def test_a_short_id_always_names_its_own_entry(ids):
    with contextlib.closing(Database(None)) as db:
        entries = EntryStore(db)
        keys = {entry_id: entries.insert(make_entry(id=entry_id)) for entry_id in ids}
        for entry_id, key in keys.items():
            short = entries.short_id(entry_id)
            assert entry_id.startswith(short)
            assert len(short) >= SHORTEST_PREFIX
            assert entries.resolve(short) == entries.resolve(short.lower()) == key
            if len(short) > SHORTEST_PREFIX:
                with pytest.raises(Ambiguous):
                    entries.resolve(short[:-1])


TAGS = ("nginx", "docker", "größe")
SINCE = NOW + timedelta(seconds=5)
FILTERS = st.builds(
    Filters,
    types=st.lists(st.sampled_from([EntryType.BUG, EntryType.TIL, EntryType.CONFIG]), max_size=2).map(tuple),
    tags=st.lists(st.sampled_from(TAGS), max_size=2).map(tuple),
    project=st.sampled_from([None, "api", "web"]),
    since=st.sampled_from([None, SINCE, NOW - timedelta(days=1), NOW + timedelta(days=1)]),
    status=st.sampled_from([None, Status.ACTIVE, Status.OBSOLETE]),
)
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from([EntryType.BUG, EntryType.TIL, EntryType.CONFIG]),
        st.sets(st.sampled_from(TAGS)).map(lambda tags: tuple(sorted(tags))),
        st.sampled_from([None, "api", "web"]),
        st.sampled_from(list(Status)),
        st.integers(0, 10),
    ),
    max_size=12,
)


def passes(entry: Entry, filters: Filters) -> bool:
    return (
        (not filters.types or entry.type in filters.types)
        and set(filters.tags) <= set(entry.tags)
        and filters.project in (None, entry.project)
        and (filters.since is None or entry.updated_at >= filters.since)
        and filters.status in (None, entry.status)
    )


@settings(deadline=None, max_examples=150)
@given(parts=ENTRIES, filters=FILTERS, limit=st.none() | st.integers(0, 8), offset=st.integers(0, 3))
def test_filters_let_exactly_those_pass_that_meet_them_newest_first(parts, filters, limit, offset):
    with contextlib.closing(Database(None)) as db:
        entries = EntryStore(db)
        stored = {}
        for number, (kind, tags, project, status, age) in enumerate(parts):
            entry = make_entry(
                number, type=kind, tags=tags, project=project, status=status, updated_at=NOW + timedelta(seconds=age)
            )
            stored[entries.insert(entry)] = entry
        passing = sorted(
            (key for key, entry in stored.items() if passes(entry, filters)),
            key=lambda key: (stored[key].updated_at, stored[key].id),
            reverse=True,
        )
        assert entries.count(filters) == len(passing)
        end = None if limit is None else offset + limit
        assert entries.list_keys(filters, limit, offset) == passing[offset:end]


def test_tags_and_projects_are_found_in_either_case(entries):
    key = entries.insert(make_entry(tags=("nginx",), project="Api"))
    assert entries.list_keys(Filters(tags=(" NGINX ",))) == [key]
    assert entries.list_keys(Filters(project="aPI")) == [key]


def test_a_date_in_another_zone_is_the_same_moment(entries):
    entries.insert(make_entry(0))
    zone = timezone(timedelta(hours=9))
    assert entries.count(Filters(since=NOW.astimezone(zone))) == 1
    assert entries.count(Filters(since=(NOW + timedelta(seconds=1)).astimezone(zone))) == 0


@pytest.fixture
def shelve(bench: Bench) -> Callable[..., int]:
    """Stores and indexes entries, and gives their keys."""
    numbers = iter(range(10**6))

    def put(title: str = "", content: str = "", **parts: object) -> int:
        entry = make_entry(next(numbers), title=title, content=content, **parts)
        key = bench.entries.insert(entry)
        bench.words.put(key, entry)
        return key

    return put


def ask(
    bench: Bench, text: str, phrases: tuple[str, ...] = (), excluded: tuple[str, ...] = (), limit: int = 50
) -> list[int]:
    return [match.key for match in bench.words.search(WordQuery(bench.words.terms(text), phrases, excluded), limit)]


def test_any_word_makes_a_match_and_more_words_a_better_one(bench, shelve):
    one, both = shelve("proxy"), shelve("proxy timeout")
    for _ in range(5):
        shelve("something else")
    assert ask(bench, "timeout proxy") == [both, one]
    assert ask(bench, "nothing") == []


def test_words_are_found_in_every_form(bench, shelve):
    key = shelve("Connections failed")
    shelve("other")
    assert ask(bench, "connecting FAILS") == [key]


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
def test_a_word_finds_itself_whatever_its_stem(bench, shelve, word):
    key = shelve(word)
    shelve("other")
    assert ask(bench, word) == [key]


@settings(deadline=None, max_examples=150)
@given(
    word=st.text(st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x2FF), min_size=1, max_size=12)
    | st.from_regex(r"[a-z]{3,12}", fullmatch=True)
)
def test_any_word_finds_the_entry_that_holds_it(word):
    with contextlib.closing(Database(None)) as db:
        words, entries = WordIndex(db), EntryStore(db)
        entry = make_entry(title="filler", content=f"before {word} after")
        words.put(entries.insert(entry), entry)
        assert [match.key for match in words.search(WordQuery(words.terms(word)), 9)] == [1]


def test_accents_do_not_matter(bench, shelve):
    key = shelve("déjà vu")
    assert ask(bench, "deja") == ask(bench, "DÉJÀ") == [key]


@pytest.mark.parametrize(
    "part",
    [
        {"title": "zebra"},
        {"content": "zebra"},
        {"tags": ("zebra",)},
        {"project": "zebra"},
        *({"context": Context(**{name: "zebra"})} for name in ("situation", "solution", "what_failed")),
        *({"context": Context(**{name: ("a", "zebra")})} for name in ("error_messages", "files", "trigger_keywords")),
    ],
    ids=str,
)
def test_every_text_of_an_entry_is_indexed(bench, shelve, part):
    shelve("other")
    key = shelve(**part)
    assert ask(bench, "zebra") == [key]


def test_columns_count_as_their_weights_say(bench, shelve):
    for _ in range(8):
        shelve("filler", "filler " * 3)
    in_content = shelve("filler", "zebra filler filler")
    in_errors = shelve("filler", "filler filler", context=Context(error_messages=("zebra",)))
    in_labels = shelve("filler", "filler filler", tags=("zebra",))
    in_title = shelve("zebra", "filler filler filler")
    assert ask(bench, "zebra") == [in_title, in_labels, in_errors, in_content]


def test_a_rare_word_counts_more_than_a_common_one(bench, shelve):
    rare = shelve("zebra")
    for _ in range(6):
        shelve("common")
    for _ in range(10):
        shelve("filler")
    assert ask(bench, "zebra common")[0] == rare


def test_a_phrase_stands_word_for_word(bench, shelve):
    key = shelve("access control allow origin")
    shelve("origin allow control access")
    assert ask(bench, "control allow", ("control allow",)) == [key]
    assert ask(bench, "", ("control allow",)) == [key]
    assert ask(bench, "", ("control allow", "allow origin")) == [key]
    assert ask(bench, "", ("control allow", "nothing here")) == []


def test_a_phrase_does_not_reach_from_one_field_into_the_next(bench, shelve):
    shelve("control", "allow")
    assert ask(bench, "", ("control allow",)) == []


def test_a_phrase_is_required_even_beside_other_words(bench, shelve):
    shelve("zebra")
    key = shelve("zebra control allow")
    assert ask(bench, "zebra control allow", ("control allow",)) == [key]


def test_an_excluded_word_never_appears(bench, shelve):
    key = shelve("proxy apache")
    shelve("proxy nginx")
    shelve("proxy", tags=("nginx",))
    shelve("proxy", context=Context(solution="use nginx"))
    assert ask(bench, "proxy", excluded=("nginx",)) == [key]
    assert ask(bench, "proxy", excluded=("nginx", "apache")) == []


def test_exclusions_alone_match_nothing_here(bench, shelve):
    shelve("proxy")
    assert ask(bench, "", excluded=("nginx",)) == []


@pytest.mark.parametrize(
    "term", ["NEAR(a b)", "title:zebra", "a*", '"', "''", "AND", "zebra AND", "^zebra", "{title}", "-- zebra", "\\"]
)
def test_syntax_of_the_index_is_plain_text(bench, shelve, term):
    shelve("zebra")
    assert isinstance(ask(bench, term, (term,), (term,)), list)


@pytest.mark.parametrize("wanted", ["数据库", "连接", "据库", "超时", "接超时"])
def test_chinese_text_is_found_by_a_part_of_it(bench, shelve, wanted):
    key = shelve("生产环境", "数据库连接超时了")
    shelve("别的东西")
    assert ask(bench, wanted) == [key]
    assert ask(bench, "", (wanted,)) == [key]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("コンテナが起動しない", "起動"),
        ("サーバーのメモリ不足", "メモリ"),
        ("데이터베이스연결", "연결"),
        ("Docker容器启动失败", "容器"),
    ],
)
def test_japanese_korean_and_mixed_text_is_found_by_a_part_of_it(bench, shelve, text, wanted):
    key = shelve(text)
    shelve("something else")
    assert ask(bench, wanted) == [key]


def test_one_chinese_character_finds_the_text_it_stands_in(bench, shelve):
    key = shelve("我的猫很大")
    assert ask(bench, "猫") == [key]


def test_the_latin_word_beside_chinese_text_is_a_word(bench, shelve):
    key = shelve("Docker容器启动失败")
    assert ask(bench, "docker") == [key]


def test_the_limit_keeps_the_best(bench, shelve):
    for number in range(10):
        shelve("zebra" if number % 2 else "zebra horse")
    shelve("filler")
    assert ask(bench, "zebra horse", limit=3) == ask(bench, "zebra horse")[:3]


def test_conditions_apply_before_the_limit(bench, shelve):
    for _ in range(20):
        shelve("zebra zebra")
    wanted = shelve("zebra and so much more", type=EntryType.TIL)
    found = bench.words.search(WordQuery(bench.words.terms("zebra")), 1, "e.type = ?", ("til",))
    assert [match.key for match in found] == [wanted]


def test_coverage_of_given_entries_is_what_the_search_says(bench, shelve):
    keys = [shelve("zebra horse"), shelve("zebra"), shelve("horse with a long tail"), shelve("filler")]
    query = WordQuery(bench.words.terms("zebra horse"))
    searched = {match.key: match.coverage for match in bench.words.search(query, 50)}
    assert bench.words.coverage_of(query, keys[1:]) == {key: searched[key] for key in keys[1:3]}
    assert bench.words.coverage_of(query, []) == {}


def test_an_entry_put_again_is_found_by_its_new_words_only(bench, shelve):
    key = shelve("zebra")
    bench.words.put(key, make_entry(title="horse"))
    assert ask(bench, "zebra") == []
    assert ask(bench, "horse") == [key]
    assert bench.words.count() == 1


def test_a_removed_entry_is_never_found(bench, shelve):
    key, other = shelve("zebra"), shelve("zebra horse")
    bench.words.delete(key)
    bench.words.delete(10**6)
    assert ask(bench, "zebra") == [other]
    bench.words.clear()
    assert ask(bench, "zebra") == []
    assert bench.words.count() == 0


def test_the_restriction_lets_the_same_entries_pass(bench, shelve):
    keys = [shelve("control allow"), shelve("allow control"), shelve("control allow nginx"), shelve("")]
    for query in (
        WordQuery((), ("control allow",)),
        WordQuery((), (), ("nginx",)),
        WordQuery((), ("control allow",), ("nginx",)),
    ):
        where, bindings = bench.words.restriction(query)
        passed = [row[0] for row in bench.db.rows(f"SELECT e.key FROM entry e WHERE {where} ORDER BY 1", bindings)]
        phrase, exclusion = bool(query.phrases), bool(query.excluded)
        assert passed == [
            key for key in keys if (not phrase or key in (keys[0], keys[2])) and (not exclusion or key != keys[2])
        ]


def test_the_rarest_terms_are_kept_in_their_order_and_unknown_ones_go_first(bench, shelve):
    for number in range(9):
        shelve("common" + " often" * (number < 4) + " rare" * (number < 1))
    terms = bench.words.terms("common rare unknown often")
    assert [term.word for term in bench.words.rarest(terms, 2)] == ["rare", "often"]
    assert bench.words.rarest(terms, 4) == terms


def test_telling_terms_are_in_at_most_half_of_the_entries(bench, shelve):
    for number in range(4):
        shelve("all" + " half" * (number < 2) + " most" * (number < 3))
    assert [term.word for term in bench.words.telling(bench.words.terms("all half most none"))] == ["half", "none"]


def test_matched_are_the_terms_that_an_entry_holds(bench, shelve):
    shelve("other databases")
    key = shelve("the Database", "数据库", tags=("responses",))
    terms = bench.words.terms("response missing databases 库")
    assert [term.word for term in bench.words.matched(key, terms)] == ["response", "databases", "库"]


def test_a_term_that_is_typed_in_two_forms_counts_once(bench):
    assert [term.word for term in bench.words.terms("Caching cache caches proxy")] == ["Caching", "proxy"]


VOCABULARY = st.sampled_from(["zebra", "horse", "cookie", "proxy", "nginx", "timeout", "数据库", "a", "the"])
TEXTS = st.lists(VOCABULARY, max_size=6).map(" ".join)
DOCUMENTS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(documents=DOCUMENTS, text=TEXTS)
def test_coverage_is_a_share(documents, text):
    assert_coverage_is_a_share(documents, text, ())


@settings(deadline=None, max_examples=50)
@given(documents=DOCUMENTS, text=TEXTS, phrases=st.lists(TEXTS.filter(bool), min_size=1, max_size=2).map(tuple))
def test_coverage_with_phrases_is_a_share(documents, text, phrases):
    assert_coverage_is_a_share(documents, text, phrases)


def assert_coverage_is_a_share(documents: list[tuple[str, str, str]], text: str, phrases: tuple[str, ...]) -> None:
    with contextlib.closing(Database(None)) as db:
        entries, words = EntryStore(db), WordIndex(db)
        for number, (title, content, tag) in enumerate(documents):
            entry = make_entry(number, title=title, content=content, tags=(tag,) * bool(tag))
            words.put(entries.insert(entry), entry)
        found = words.search(WordQuery(words.terms(" ".join((text, *phrases))), phrases), 50)
        assert all(0 <= match.coverage <= 1 for match in found)
        assert found == sorted(found, key=lambda match: (-match.coverage, match.key))


@settings(deadline=None, max_examples=100)
@given(documents=DOCUMENTS, changes=st.lists(st.tuples(st.integers(0, 11), st.none() | TEXTS), max_size=15), text=TEXTS)
def test_an_index_that_was_changed_answers_like_a_new_one(documents, changes, text):
    with contextlib.closing(Database(None)) as db, contextlib.closing(Database(None)) as fresh_db:
        entries, words = EntryStore(db), WordIndex(db)
        truth = {}
        for number, (title, content, _) in enumerate(documents):
            entry = make_entry(number, title=title, content=content)
            key = entries.insert(entry)
            words.put(key, entry)
            truth[key] = entry
        for number, new_text in changes:
            key = sorted(truth)[number % len(truth)] if truth else None
            if key is None:
                continue
            if new_text is None:
                words.delete(key)
                entries.delete(key)
                del truth[key]
            else:
                truth[key] = replace(truth[key], title=new_text)
                entries.update(key, truth[key])
                words.put(key, truth[key])
        fresh_entries, fresh_words = EntryStore(fresh_db), WordIndex(fresh_db)
        names = {}
        for key, entry in sorted(truth.items()):
            names[fresh_entries.insert(entry)] = key
            fresh_words.put(list(names)[-1], entry)
        query = WordQuery(words.terms(text))
        fresh = [(names[match.key], pytest.approx(match.coverage)) for match in fresh_words.search(query, 50)]
        assert [(match.key, match.coverage) for match in words.search(query, 50)] == fresh
        assert words.count() == len(truth)


@pytest.fixture
def passages(bench: Bench) -> PassageStore:
    bench.entries.insert(make_entry(1))
    bench.entries.insert(make_entry(2))
    return bench.passages


def of(*texts: str) -> list[Passage]:
    return [Passage(place, text, text.encode().ljust(16)) for place, text in enumerate(texts)]


def places(passages: PassageStore, key: int) -> dict[int, int]:
    return {passage.id: passage.position for passage in passages.of_entries([key])}


def test_passages_have_their_places(passages):
    ids = passages.put(1, of("a", "b", "c"))
    assert places(passages, 1) == dict(zip(ids, range(3)))
    assert passages.count() == 3
    assert {passage.entry_key for passage in passages.by_ids(ids)} == {1}


def test_unchanged_texts_keep_their_ids_wherever_they_move(passages):
    a, b, c = passages.put(1, of("a", "b", "c"))
    new = passages.put(1, of("c", "x", "a"))
    assert new[0] == c
    assert new[2] == a
    assert new[1] not in (a, b, c)
    assert places(passages, 1) == {c: 0, new[1]: 1, a: 2}


def test_a_text_that_occurs_twice_has_two_passages(passages):
    ids = passages.put(1, of("a", "a", "b"))
    assert len(set(ids)) == 3
    assert passages.put(1, of("b", "a", "a")) == [ids[2], *ids[:2]]
    shorter = passages.put(1, of("a"))
    assert shorter[0] in ids[:2]
    assert passages.count() == 1


def test_the_same_text_in_another_entry_is_another_passage(passages):
    assert set(passages.put(1, of("a"))).isdisjoint(passages.put(2, of("a")))


def test_no_passages_removes_all(passages):
    passages.put(1, of("a", "b"))
    assert passages.put(1, []) == []
    assert passages.count() == 0


@settings(deadline=None, max_examples=100)
@given(versions=st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=5))
def test_put_again_and_again_keeps_every_text_that_stays(versions):
    with contextlib.closing(Database(None)) as db:
        EntryStore(db).insert(make_entry(1))
        passages = PassageStore(db)
        before: list[tuple[str, int]] = []
        for texts in versions:
            ids = passages.put(1, of(*texts))
            assert places(passages, 1) == dict(zip(ids, range(len(texts))))
            for text in set(texts):
                old = {one for name, one in before if name == text}
                new = {one for name, one in zip(texts, ids) if name == text}
                assert len(old & new) == min(len(old), len(new))
            before = list(zip(texts, ids))


def test_pending_are_those_without_a_vector_in_the_space(bench, passages):
    ids = [*passages.put(1, of("a", "b")), *passages.put(2, of("c"))]
    assert [item.passage_id for item in passages.pending(None, 9)] == ids
    space = passages.make_space("f", "m", 64, "2026-01-01T00:00:00Z")
    assert [(item.passage_id, item.entry_id, item.position) for item in passages.pending(space, 2)] == [
        (ids[0], make_entry(1).id, 0),
        (ids[1], make_entry(1).id, 1),
    ]
    assert passages.pending_counts(space) == passages.pending_counts(None) == (3, 2)
    bench.index_of().add(ids[0], bench.loader.encoder.encode_documents(["a"])[0])
    assert [item.passage_id for item in passages.pending(space, 9)] == ids[1:]
    assert passages.pending_counts(space) == (2, 2)
    assert passages.embedded_hashes(1, space) == {of("a")[0].text_hash}


def test_has_text_knows_the_text_that_stands_there_now(passages):
    (passage_id,) = passages.put(1, of("a"))
    assert passages.has_text(passage_id, of("a")[0].text_hash)
    assert not passages.has_text(passage_id, of("b")[0].text_hash)
    passages.put(1, of("b"))
    assert not passages.has_text(passage_id, of("a")[0].text_hash)


def test_the_first_space_is_active_and_the_next_is_not(passages):
    assert passages.active_space() is None
    first = passages.make_space("one", "m", 8, "2026-01-01T00:00:00Z")
    second = passages.make_space("two", "m", 16, "2026-01-01T00:00:00Z")
    assert passages.active_space() == first == passages.space_of("one")
    assert not second.active
    assert passages.space_of("three") is None


def test_activating_a_space_retires_the_one_before_and_dropping_removes_its_tables(bench, passages):
    first = passages.make_space("one", "m", 8, "2026-01-01T00:00:00Z")
    second = passages.make_space("two", "m", 16, "2026-01-01T00:00:00Z")
    assert (first.state, second.state) == (SpaceState.ACTIVE, SpaceState.BUILDING)
    passages.activate(second)
    assert passages.active_space() == replace(second, state=SpaceState.ACTIVE)
    assert passages.space_of("one") == replace(first, state=SpaceState.RETIRED)
    assert passages.resume(first).state is SpaceState.BUILDING
    passages.drop(first)
    assert passages.space_of("one") is None
    tables = {row[0] for row in bench.db.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert f"vectors_{first.id}" not in tables
    assert f"signs_{first.id}" not in tables
    assert f"vectors_{second.id}" in tables


def test_passages_of_some_entries_are_found_by_a_condition(passages):
    ids = passages.put(2, of("a", "b"))
    passages.put(1, of("c"))
    assert sorted(passages.ids_where("e.key = ?", (2,))) == sorted(ids)
