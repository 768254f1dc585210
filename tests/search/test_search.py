import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Bench, FakeEncoder, FakeLoader, ask, make_bench, titles

from rekall.db import Database
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import FILTERS, Filters
from rekall.entry.types import EntryType, Status
from rekall.errors import EngineError, InvalidInput, NotFound, Superseded
from rekall.models.vectors import Matrix
from rekall.search.fusion import OBSOLETE_PENALTY, Fusion, ranking
from rekall.search.query import Mark, ParsedQuery, parse_query
from rekall.search.results import Match, Mode, SearchResult
from rekall.search.second_stage import ALONE, BESIDE_MEANING, KEYWORDS, USUAL_SHARE, WHOLE
from rekall.search.snippet import SNIPPET_CHARS, make_snippet
from rekall.wiring import Tuning

ANSWERING = tuple(Mode)


def test_plain_words_are_text():
    assert parse_query("safari blocks  my\tapi\ncall") == ParsedQuery("safari blocks my api call")


@pytest.mark.parametrize(
    "line",
    [
        "foo-bar",
        "c++",
        "what?",
        "a/b.py",
        "don't",
        "std::map",
        "type:string",
        "type:",
        "tag:",
        "tag:?",
        "--flag",
        "-",
        "--",
        "-?",
        "- x",
        "-it",
        "-S",
        "-1",
        "-p80",
        "-O2",
        "--no-verify",
        "-name=x",
        "-std=c++17",
        "-Dfoo:bar",
        "!$",
        "!!",
        "!-2",
        "[ ! -f x ]",
        "#!/bin/sh",
        ":!make",
        "NOT FOUND",
        "404 NOT FOUND",
        "IS NOT NULL",
        "http://a.b/c?d=e",
        "x:y",
        "status:done",
        "NOT",
        "a AND b",
        "(a)",
        "*",
        "2>&1",
        ":",
        "Type",
        "-_",
        "-=x",
    ],
)
def test_what_is_no_syntax_is_literal(line):
    parsed = parse_query(line)
    assert replace(parsed, notes=()) == ParsedQuery(line)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("type:bgu", "did you mean `bug`?"),
        ("Type:bugs", "did you mean `bug`?"),
        ("tags:x", "did you mean `tag:x`?"),
        ("types:bug", "did you mean `type:bug`?"),
        ("projects:api", "did you mean `project:api`?"),
        ("status:actve", "did you mean `active`?"),
        ("since:yesterdya", "did you mean yesterday?"),
        ("until:tomorrow", "write yesterday, 7d, 2026-11-05"),
        ("sinces:2026-01-31", "did you mean `since:2026-01-31`?"),
    ],
)
def test_a_likely_filter_that_is_none_is_named_with_the_nearest_right_one(word, meant):
    parsed = parse_query(f"nginx {word} timeout")
    assert parsed.text == f"nginx {word} timeout"
    (note,) = parsed.notes
    assert note.startswith(f"{word} is not a filter")
    assert meant in note


@pytest.mark.parametrize(
    "word", ["std::map", "http://x", "a:b", "tap:x", "key:value", "10:30", "c:\\temp", "x:1", "tag:", "::"]
)
def test_other_words_with_a_colon_are_not_worth_a_note(word):
    assert parse_query(word).notes == ()


@pytest.mark.parametrize("each", FILTERS, ids=lambda each: each.key)
def test_every_filter_of_the_table_works_in_the_line_as_it_is_shown(each):
    values = {"types": "bug", "tags": "two words", "project": "Two Words", "status": "obsolete"}
    values |= dict.fromkeys(("since", "until", "created", "changed"), "2026-01-31")
    filters = Filters.read({each.name: [values.get(each.name, "x")]})
    assert not filters.is_empty
    parsed = parse_query(f"before {filters} after")
    assert (parsed.filters, parsed.text, parsed.notes) == (filters, "before after", ())


def test_quotes_make_a_phrase_whose_words_count_too():
    assert parse_query('a "b  c" d') == ParsedQuery("a b  c d", phrases=("b  c",))


def test_a_quote_that_is_not_closed_is_literal():
    assert parse_query('say "hello world') == ParsedQuery('say "hello world')


def test_an_empty_phrase_asks_for_nothing():
    assert parse_query('a "" "?!" b').phrases == ()
    assert parse_query('"a b" "c" "a b"').phrases == ("a b", "c")


def test_a_minus_excludes_a_phrase_and_marks_a_word():
    parsed = parse_query('a -bcd -"c d" e')
    assert parsed == ParsedQuery("a -bcd e", excluded=("c d",), marks=(Mark("bcd", "-bcd", 2),))
    assert parsed.without(parsed.marks) == "a e"


@pytest.mark.parametrize(
    ("line", "filters"),
    [
        ("type:bug", Filters(types=(EntryType.BUG,))),
        ("TYPE:Bug", Filters(types=(EntryType.BUG,))),
        ("type:bug type:til", Filters(types=(EntryType.BUG, EntryType.TIL))),
        ("tag:Nginx tag:c++", Filters(tags=("nginx", "c++"))),
        ("project:Api", Filters(project="Api")),
        ("status:obsolete", Filters(status=Status.OBSOLETE)),
        ("tag:a:b", Filters(tags=("a:b",))),
    ],
)
def test_filters_are_taken_out_of_the_line(line, filters):
    assert parse_query(f"before {line} after") == ParsedQuery("before after", filters=filters)


def test_options_and_the_line_are_merged():
    since = datetime(2026, 1, 1, tzinfo=timezone.utc)
    line = Filters((EntryType.BUG,), ("a", "b"), "line", status=Status.ACTIVE)
    option = Filters((EntryType.TIL,), ("b", "c"), "option", since)
    assert option.over(line) == Filters((EntryType.TIL,), ("a", "b", "c"), "option", since, status=Status.ACTIVE)
    assert Filters().over(line) == line
    assert option.over(Filters()) == option


FRAGMENTS = st.sampled_from(
    [
        '"',
        "-",
        '-"',
        "type:bug",
        "tag:",
        "tag:x",
        "project:p",
        "status:obsolete",
        " ",
        "\n",
        "\0",
        "AND",
        "OR",
        "NOT",
        "NEAR(",
        ")",
        "*",
        "^",
        "title:",
        "'",
        ";",
        "--",
        "\\",
        "note",
        "数据",
        "猫",
        "é",
        "\u0301",
        "😀",
        "İ",
        "ß",
        "\ufeff",
        "\u2028",
        "٣",
        "²",
        "\U0001e4d0",
        "\ue000",
        "%",
        "_",
        "?",
        "?1",
        "{",
        "+",
    ]
)
LINES = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.lists(FRAGMENTS, max_size=12).map("".join)
    | st.lists(FRAGMENTS, max_size=12).map(" ".join)
)


@settings(deadline=None, max_examples=300)
@given(line=LINES)
def test_parsing_never_fails_and_loses_no_plain_word(line):
    query = parse_query(line)
    for word in line.split():
        if '"' not in line and ":" not in word and not word.startswith("-"):
            assert word in query.text.split()


@pytest.fixture(scope="module")
def library() -> Iterator[Bench]:
    """A base that tests only read."""
    made = make_bench()
    for number in range(6):
        made.base.add(
            Draft(
                EntryType.BUG,
                f"note {number} about 数据库",
                "the content of type:bug p",
                tags=("x",) * (number % 2),
                project="p",
            )
        )
    yield made
    made.base.close()


@settings(deadline=None, max_examples=250)
@given(line=LINES, mode=st.sampled_from(ANSWERING), limit=st.integers(1, 10), literal=st.booleans())
def test_no_line_a_person_can_type_is_an_error(library, line, mode, limit, literal):
    result = library.base.search(line, Filters(), mode, limit, literal=literal)
    assert result.query == line
    assert len(result.hits) <= limit
    assert len({hit.entry.id for hit in result.hits}) == len(result.hits)


@pytest.mark.parametrize(
    "line",
    [
        "note " + " ".join(f"-w{number}" for number in range(400)),
        " ".join(f"-w{number}" for number in range(1200)),
        " ".join(f'"w{number} x"' for number in range(1200)),
        "note " + " ".join(f"tag:w{number}" for number in range(1200)),
        "note " + "type:bug " * 10_000,
        "note " + " ".join(f"w{number}" for number in range(3000)),
        "note" * 50_000,
        '"' * 5001,
        "(" * 5000,
        'note "a\0b"',
        "note -a\0b",
    ],
    ids=[
        "exclusions",
        "exclusions alone",
        "phrases",
        "tags",
        "types",
        "words",
        "one long word",
        "quotes",
        "brackets",
        "NUL phrase",
        "NUL exclusion",
    ],
)
@pytest.mark.parametrize("mode", [Mode.WORDS, Mode.HYBRID])
def test_a_pasted_line_is_no_error(library, line, mode):
    assert len(library.base.search(line, Filters(), mode, 5).hits) <= 5


@pytest.mark.parametrize("line", ["\ud800", "note \udc80", '"\udfff"', "-\ud800x", "tag:\ud800x"])
def test_text_that_is_no_unicode_is_answered_or_refused_in_words(library, line):
    hits, hint = None, ""
    try:
        hits = library.base.search(line, Filters(), Mode.HYBRID, 5).hits
    except InvalidInput as error:
        hint = error.hint
    assert hint or hits is not None


@pytest.fixture
def add(bench: Bench) -> Callable[..., Entry]:
    def put(title: str, content: str = "", kind: EntryType = EntryType.TIL, **parts: object) -> Entry:
        bench.clock.elapsed_s += 1
        return bench.base.add(Draft(kind, title, content, **parts)).entry

    return put


@pytest.mark.parametrize("mode", ANSWERING)
def test_the_entry_with_the_words_comes_first(bench, add, mode):
    for number in range(5):
        add(f"filler {number}")
    add("safari blocks cookies")
    result = ask(bench, "safari cookies", mode)
    assert titles(result)[0] == "safari blocks cookies"
    assert (result.mode.requested, result.mode.used, result.mode.reason) == (mode, mode, "")


@pytest.mark.parametrize("word", ["database", "response", "release", "parse", "licenses"])
def test_everyday_words_are_found_by_words(bench, add, word):
    add(f"the {word} here")
    add("something else")
    assert titles(ask(bench, word, Mode.WORDS)) == [f"the {word} here"]


@pytest.mark.parametrize("mode", ANSWERING)
def test_no_more_hits_than_wanted(bench, add, mode):
    for number in range(12):
        add(f"safari {number}")
    assert len(ask(bench, "safari", mode, limit=5).hits) == 5
    assert len(ask(bench, "safari", mode, limit=12).hits) == 12


@pytest.mark.parametrize("mode", ANSWERING)
def test_more_than_the_usual_candidates_can_be_had(bench, add, mode):
    for number in range(130):
        add(f"safari {number}")
    assert len(ask(bench, "safari", mode, limit=125).hits) == 125


def test_words_mode_finds_only_what_holds_a_word(bench, add):
    add("safari")
    add("cookie")
    assert titles(ask(bench, "safari", Mode.WORDS)) == ["safari"]


def test_meaning_mode_ranks_every_entry(bench, add):
    add("safari")
    add("cookie")
    result = ask(bench, "safari", Mode.MEANING)
    assert titles(result) == ["safari", "cookie"]
    assert all(hit.why.words_rank is None and hit.why.coverage == 0 for hit in result.hits)


def test_an_empty_line_finds_nothing(bench, add):
    add("safari")
    assert ask(bench, "").hits == ask(bench, "   ").hits == ()


def test_an_empty_base_finds_nothing(bench):
    for mode in ANSWERING:
        assert ask(bench, "safari", mode).hits == ()


def test_filters_alone_list_what_passes_newest_first(bench, add):
    add("old", kind=EntryType.BUG)
    add("other")
    add("new", kind=EntryType.BUG)
    assert titles(ask(bench, "type:bug")) == ["new", "old"]
    assert titles(ask(bench, "type:bug", limit=1)) == ["new"]
    assert titles(ask(bench, "", types=(EntryType.BUG,))) == ["new", "old"]


def test_exclusions_alone_list_the_rest_newest_first(bench, add):
    for title in ("old safari", "cookie", "new safari"):
        add(title)
    assert titles(ask(bench, "-cookie")) == ["new safari", "old safari"]


@pytest.mark.parametrize("mode", ANSWERING)
def test_an_excluded_word_never_appears(bench, add, mode):
    add("safari cookie")
    add("safari nginx")
    add("safari tagged", tags=("nginx",))
    assert titles(ask(bench, "safari -nginx", mode)) == ["safari cookie"]


@pytest.mark.parametrize("mode", ANSWERING)
def test_a_phrase_is_required_word_for_word(bench, add, mode):
    add("access control allow origin")
    add("control access origin allow")
    assert titles(ask(bench, '"control allow"', mode)) == ["access control allow origin"]


@pytest.mark.parametrize("mode", ANSWERING)
@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("type:bug tag:nginx tag:proxy project:api status:active", {}),
        ("", {"types": (EntryType.BUG,), "tags": ("nginx", "proxy"), "project": "api", "status": Status.ACTIVE}),
        ("type:bug tag:nginx", {"tags": ("proxy",), "project": "API"}),
    ],
)
def test_filters_hold_in_the_line_and_as_options(bench, add, mode, line, options):
    wanted = {"kind": EntryType.BUG, "tags": ("nginx", "proxy"), "project": "api"}
    add("safari wanted", **wanted)
    add("safari type", **{**wanted, "kind": EntryType.TIL})
    add("safari tags", **{**wanted, "tags": ("nginx",)})
    add("safari project", **{**wanted, "project": "web"})
    assert titles(ask(bench, f"safari {line}", mode, **options)) == ["safari wanted"]


@pytest.mark.parametrize("mode", ANSWERING)
def test_a_date_keeps_older_entries_out(bench, add, mode):
    add("safari old")
    border = add("safari border").updated_at
    add("safari new")
    assert set(titles(ask(bench, "safari", mode, since=border))) == {"safari border", "safari new"}
    assert ask(bench, "safari", mode, since=border + timedelta(days=1)).hits == ()


@pytest.mark.parametrize("mode", ANSWERING)
def test_filters_apply_before_the_cut(bench, add, mode):
    for number in range(200):
        add("safari cookie", f"safari cookie {number}")
    for number in range(8):
        add(f"wanted {number}", "there is one word about safari, and a lot of other things besides", EntryType.BUG)
    result = ask(bench, "safari cookie type:bug", mode, limit=8)
    assert len(result.hits) == 8
    assert all(hit.entry.type is EntryType.BUG for hit in result.hits)


@pytest.mark.parametrize("mode", ANSWERING)
def test_exclusions_apply_before_the_cut(bench, add, mode):
    for number in range(200):
        add("safari cookie", f"nginx {number}")
    for number in range(8):
        add(f"wanted {number}", "there is one word about safari, and a lot of other things besides")
    assert len(ask(bench, "safari cookie -nginx", mode, limit=8).hits) == 8


def test_a_literal_line_has_no_syntax(bench, add):
    add("type:bug of -safari")
    add("other", kind=EntryType.BUG)
    result = bench.base.search("type:bug -safari", Filters(), Mode.WORDS, 9, literal=True)
    assert titles(result) == ["type:bug of -safari"]


def test_a_query_longer_than_the_index_looks_up_still_finds_by_its_rare_words(bench, add):
    add("the zebra crossing")
    for number in range(70):
        add("filler", " ".join(f"common{other}" for other in range(number, 70)))
    line = " ".join(f"common{number}" for number in range(70)) + " zebra"
    assert "the zebra crossing" in titles(ask(bench, line, Mode.WORDS, limit=100))


def obsolete(bench: Bench, old: Entry, new: Entry) -> None:
    bench.base.edit(old, Draft(old.type, old.title, old.content, superseded_by=new.id))


@pytest.mark.parametrize("mode", ANSWERING)
def test_an_obsolete_entry_sinks_and_names_its_successor(bench, add, mode):
    add("filler")
    add("other filler")
    old = add("safari cookie blocked")
    new = add("safari cookie blocked anew")
    before = titles(ask(bench, "safari cookie blocked", mode))
    obsolete(bench, old, new)
    after = ask(bench, "safari cookie blocked", mode)
    assert before[0] == old.title
    assert titles(after)[0] == new.title
    hit = next(hit for hit in after.hits if hit.entry.id == old.id)
    assert hit.entry.status is Status.OBSOLETE
    assert hit.successor is not None
    assert hit.successor.id == new.id
    assert after.hits[0].successor is None


@pytest.mark.parametrize("mode", ANSWERING)
def test_no_obsolete_entry_stands_above_its_own_successor(bench, add, mode):
    add("filler")
    old, new = (
        add("safari cookie blocked"),
        add("safari cookies are no longer blocked: what helps now is this and that"),
    )
    obsolete(bench, old, new)
    assert titles(ask(bench, "safari cookie blocked", mode))[:2] == [new.title, old.title]


def test_obsolete_entries_can_be_filtered_out_or_asked_for(bench, add):
    old, new = add("safari old"), add("safari new")
    obsolete(bench, old, new)
    assert titles(ask(bench, "safari status:active")) == ["safari new"]
    assert titles(ask(bench, "safari", status=Status.OBSOLETE)) == ["safari old"]


@pytest.mark.parametrize("mode", [Mode.HYBRID, Mode.MEANING])
def test_without_an_engine_the_words_answer_and_say_why(add, bench, mode):
    add("safari")
    add("cookie")
    bench.manager.close()
    bench.loader.problem = EngineError("onnxruntime is not installed")
    result = ask(bench, "safari", mode)
    assert titles(result) == ["safari"]
    assert result.mode.requested is mode
    assert result.mode.used is Mode.WORDS
    assert "onnxruntime is not installed" in result.mode.reason
    assert result.hits[0].why.similarity is None


def test_words_mode_needs_no_engine_and_says_nothing(bench, add):
    add("safari")
    bench.loader.problem = EngineError("no engine")
    bench.manager.close()
    assert ask(bench, "safari", Mode.WORDS).mode.reason == ""
    assert bench.loader.loads == 1


def test_words_mode_never_loads_the_model():
    bench = make_bench()
    bench.loader.problem = EngineError("no engine")
    bench.base.add(Draft(EntryType.TIL, "safari"))
    assert titles(ask(bench, "safari", Mode.WORDS)) == ["safari"]
    assert bench.loader.loads == 0
    bench.base.close()


def test_with_no_vector_at_all_the_words_answer_and_name_the_command():
    bench = make_bench(loader=FakeLoader(problem=EngineError("no engine")))
    bench.base.add(Draft(EntryType.TIL, "safari"))
    bench.loader.problem = None
    result = ask(bench, "safari")
    assert titles(result) == ["safari"]
    assert result.mode.used is Mode.WORDS
    assert "rekall index rebuild --vectors" in result.mode.reason
    bench.base.close()


def test_an_entry_without_a_vector_is_found_by_words_and_the_reason_says_so(bench, add):
    add("cookie")
    bench.manager.close()
    bench.loader.problem = EngineError("no engine")
    add("safari")
    bench.loader.problem = None
    result = ask(bench, "safari")
    assert titles(result)[0] == "safari"
    assert result.hits[0].why.similarity is None
    assert result.mode.used is Mode.HYBRID
    assert "1 entry has no vector" in result.mode.reason
    assert titles(ask(bench, "safari", Mode.MEANING)) == ["cookie"]


def test_the_notice_comes_only_when_the_model_is_needed_and_not_loaded(bench, add):
    add("safari")
    bench.manager.close()
    said: list[str] = []
    bench.base.search("safari", Filters(), Mode.WORDS, 5, notice=said.append)
    bench.base.search("type:til", Filters(), Mode.HYBRID, 5, notice=said.append)
    assert said == []
    for _ in range(2):
        bench.base.search("safari", Filters(), Mode.HYBRID, 5, notice=said.append)
    assert said == ["loading the model"]


def test_a_search_writes_nothing(bench, add):
    add("safari", "word " * 500)
    bench.store.db.run("PRAGMA query_only = 1")
    for mode in ANSWERING:
        assert ask(bench, 'safari "word word" -x', mode).hits
    assert bench.base.similar("safari", Filters(), 5).hits


def test_both_backends_give_the_same_hits():
    benches = [make_bench(backend="numpy"), make_bench(backend="auto")]
    found = []
    for bench in benches:
        for number in range(30):
            bench.base.add(Draft(EntryType.TIL, f"safari {number % 4} cookie {number}", "proxy " * (number % 5)))
        found.append([(hit.entry.title, round(hit.score, 4)) for hit in ask(bench, "cookie proxy 3", limit=30).hits])
        bench.base.close()
    assert found[0] == found[1]


def test_the_score_is_the_sum_of_what_the_hit_says(bench, add):
    for title in ("safari cookie", "safari", "filler", "more filler"):
        add(title)
    weights, share = BESIDE_MEANING, 0.5 / USUAL_SHARE
    for hit in ask(bench, "safari cookie").hits:
        why = hit.why
        similarity = why.near + weights.feedback * why.feedback - weights.crowding * why.crowding
        lexical = weights.words * why.coverage + weights.pieces * why.pieces + weights.pairs * why.pairs
        lexical += WHOLE * why.whole + KEYWORDS * why.keywords
        assert hit.score == pytest.approx(similarity + share * lexical)
        assert why.similarity == pytest.approx((why.head + why.best_passage) / 2)


def test_by_words_alone_the_score_is_the_sum_too(bench, add):
    for title in ("safari cookie", "safari", "filler", "more filler"):
        add(title)
    for hit in ask(bench, "safari cookie", Mode.WORDS).hits:
        lexical = ALONE.words * hit.why.coverage + ALONE.pieces * hit.why.pieces + ALONE.pairs * hit.why.pairs
        lexical += WHOLE * hit.why.whole + KEYWORDS * hit.why.keywords
        assert hit.score == pytest.approx(lexical)


def test_without_the_second_stage_a_score_is_meaning_and_a_share_of_words():
    bench = make_bench(tuning=Tuning(lexical_share=0.5, second_stage=False))
    for title in ("safari cookie", "safari", "filler safari of many words", "more filler"):
        bench.base.add(Draft(EntryType.TIL, title))
    hits = ask(bench, "safari cookie").hits
    assert hits[0].entry.title == "safari cookie"
    assert all(hit.why.pieces is None for hit in hits)
    near = [(hit.why.similarity, hit.score - 0.5 * hit.why.coverage) for hit in hits]
    slopes = [(one[1] - other[1]) / (one[0] - other[0]) for one, other in pairwise(near) if one[0] != other[0]]
    assert slopes
    assert slopes == pytest.approx([slopes[0]] * len(slopes))
    assert slopes[0] > 0
    bench.base.close()


def test_hits_say_why_they_are_there(bench, add):
    add("safari cookie")
    for number in range(4):
        add(f"filler {number}")
    first, *others = ask(bench, "Safari blocked cookies").hits
    assert first.why.words_rank == first.why.meaning_rank == 1
    assert first.why.matched == ("Safari", "cookies")
    assert 0 < first.why.coverage <= 1
    assert all(hit.why.words_rank is None and hit.why.matched == () for hit in others)
    assert sorted(hit.why.meaning_rank for hit in others) == [2, 3, 4, 5]


def test_scores_fall(bench, add):
    for number in range(20):
        add("safari " + "cookie " * (number % 5) + f"filler{number}")
    for mode in ANSWERING:
        scores = [hit.score for hit in ask(bench, "safari cookie", mode, limit=20).hits]
        assert scores == sorted(scores, reverse=True)


def test_a_long_note_is_found_by_what_stands_deep_inside(bench, add):
    add("long", "filler words here " * 120 + "the zebra crossing is broken " + "other filler text " * 20)
    add("unrelated", "nothing of the kind")
    (hit, *_) = ask(bench, "zebra crossing").hits
    assert hit.entry.title == "long"
    assert "zebra crossing" in hit.snippet


def test_a_hit_by_meaning_shows_the_passage_that_is_near(bench, add):
    add("long", "filler words here " * 60 + "zebra crossing " * 40)
    assert "zebra crossing" in ask(bench, "zebra crossing", Mode.MEANING).hits[0].snippet


def test_similar_finds_by_id_or_by_text(bench, add):
    first = add("safari cookie")
    add("safari cookie blocked")
    add("nginx proxy")
    by_id = bench.base.similar(first.id, Filters(), 5)
    assert titles(by_id) == ["safari cookie blocked", "nginx proxy"]
    assert titles(bench.base.similar("safari cookie", Filters(), 5))[0] == "safari cookie"
    assert titles(bench.base.similar(first.id, Filters(tags=("none",)), 5)) == []


def test_similar_without_an_engine_is_an_error_that_says_what_works():
    bench = make_bench(loader=FakeLoader(problem=EngineError("no engine")))
    bench.base.add(Draft(EntryType.TIL, "safari"))
    with pytest.raises(EngineError, match="no engine") as raised:
        bench.base.similar("safari", Filters(), 5)
    assert raised.value.hint
    bench.base.close()


def test_similar_to_an_entry_without_a_vector_is_not_silently_empty(bench, add):
    add("safari cookie")
    bench.manager.close()
    bench.loader.problem = EngineError("no engine")
    entry = add("safari")
    bench.loader.problem = None
    hits, reason = (), ""
    try:
        result = bench.base.similar(entry.id, Filters(), 5)
        hits, reason = result.hits, result.mode.reason
    except EngineError as error:
        reason = f"{error.message} {error.hint}"
    assert hits or "rebuild" in reason


@pytest.mark.parametrize(
    ("legs", "expected"), [(["words"], 0.5), (["meaning"], 0.25), (["words", "meaning"], 0.25 + 0.4 * 0.5)]
)
def test_a_leg_alone_counts_whole_and_beside_others_as_it_weighs(legs, expected):
    scores = {"words": {1: 0.5}, "meaning": {1: 0.25}}
    assert Fusion({"words": 0.4}).score(1, {leg: scores[leg] for leg in legs}) == pytest.approx(expected)


def test_a_leg_that_knows_nothing_of_an_entry_adds_nothing():
    fusion = Fusion({"words": 0.4})
    assert fusion.score(1, {"words": {1: 0.5}, "meaning": {}}) == pytest.approx(0.2)
    assert fusion.score(1, {"meaning": {}}) == 0


def test_equal_scores_put_the_newer_first():
    assert ranking({1: 0.5, 3: 0.5, 2: 0.7}, []) == [(2, 0.7), (3, 0.5), (1, 0.5)]


def test_obsolete_entries_lose_a_share():
    assert ranking({1: 0.9, 2: 0.5}, {1: None}) == [(2, 0.5), (1, pytest.approx(0.9 - OBSOLETE_PENALTY))]


@settings(deadline=None)
@given(
    scores=st.dictionaries(st.integers(1, 99), st.floats(-1, 1)),
    obsolete=st.dictionaries(st.integers(1, 99), st.none() | st.integers(1, 99)),
)
def test_ranking_keeps_every_key_and_orders_by_score(scores, obsolete):
    ranked = ranking(scores, obsolete)
    assert {key for key, _ in ranked} == set(scores)
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)


@pytest.fixture(scope="module")
def stemmer() -> Iterator[Database]:
    made = Database(None)
    yield made
    made.close()


def snippet(stemmer: Database, text: str, *words: str) -> str:
    terms = {stem: word for word in words for _, _, stem in stemmer.stem_places(word)}
    return make_snippet(text, terms, stemmer.stem_places).text


def test_a_text_that_fits_is_shown_whole(stemmer):
    assert snippet(stemmer, "one\n  two") == "one two"
    assert snippet(stemmer, "one\n  two", "two") == "one two"
    assert snippet(stemmer, "") == ""


def test_without_a_match_the_beginning_is_shown(stemmer):
    text = "first words " * 50
    assert snippet(stemmer, text, "zebra").startswith("first words")
    assert snippet(stemmer, text).endswith(" …")


def test_the_snippet_surrounds_the_words(stemmer):
    found = snippet(stemmer, "filler text " * 50 + "the zebra crossing " + "other text " * 50, "zebras")
    assert "the zebra crossing" in found
    assert found.startswith("… ")
    assert found.endswith(" …")


def test_the_stretch_with_the_most_different_words_is_shown(stemmer):
    text = "zebra " * 10 + "filler " * 60 + "a zebra is no horse " + "filler " * 60
    assert "zebra is no horse" in snippet(stemmer, text, "zebra", "horse")


def test_a_line_is_shown_from_its_beginning(stemmer):
    text = "filler text\n" * 30 + "$ run the zebra command\n" + "filler text\n" * 30
    assert snippet(stemmer, text, "zebra").startswith("… $ run the zebra command")


def test_the_snippet_of_a_very_long_text_shows_what_only_its_end_says(stemmer):
    text = "filler text\n" * 40_000 + "the zebra crossing\n" + "other text\n" * 4_000
    terms = {stem: word for word in ("zebras", "crossing") for _, _, stem in stemmer.stem_places(word)}
    found = make_snippet(text, terms, stemmer.stem_places)
    assert "the zebra crossing" in found.text
    assert text[found.at :].startswith("zebra")


def test_a_snippet_shows_the_beginning_of_an_address_that_is_longer(stemmer):
    assert "https://example.com/" in snippet(stemmer, f"See https://example.com/{'x' * 400} for more", "see")


def test_the_snippet_of_the_only_entry_shows_the_words_too(bench, add):
    add("long", "filler text " * 60 + "the zebra crossing " + "filler text " * 60)
    (hit,) = ask(bench, "zebra", Mode.WORDS).hits
    assert "zebra" in hit.snippet


def test_the_snippet_shows_chinese_words_that_were_found(bench, add):
    add("long", "没有关系的文字。" * 60 + "数据库连接超时" + "没有关系的文字。" * 60)
    add("other")
    assert "连接" in ask(bench, "连接超时", Mode.WORDS).hits[0].snippet


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=600) | st.lists(
    st.sampled_from(
        ["zebra", "horse", "x" * 200, "数据库", "\n", " ", "\t", "filler words and more", "é", "\u2028", "…"]
    ),
    max_size=80,
).map(" ".join)


@settings(deadline=None, max_examples=200)
@given(text=TEXTS, words=st.lists(st.sampled_from(["zebra", "horse", "数据库", "é"]), max_size=3))
def test_a_snippet_is_one_short_line_of_the_text(stemmer, text, words):
    found = snippet(stemmer, text, *words)
    assert len(found) <= SNIPPET_CHARS + len("… ") + len(" …")
    assert found.split() == [] or "\n" not in found
    core = re.sub(r"^… |[ ]…$", "", found)
    assert core in " ".join(text.split()) or core.replace(" …", "").replace("… ", "") in " ".join(text.split())
    places = stemmer.stem_places(text)
    wanted = {stem for word in words for _, _, stem in stemmer.stem_places(word)}
    if wanted & {stem for _, _, stem in places} and all(end - start < 60 for start, end, _ in places):
        assert wanted & {stem for _, _, stem in stemmer.stem_places(found)}


# a search that nobody waits for any more


class Slow(FakeEncoder):
    """Its questions wait until they are let through."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        self.begun.set()
        self.gate.wait(120)
        return super().encode_queries(texts)


@pytest.fixture
def slow() -> Iterator[tuple[Bench, Slow]]:
    """A base with one note about a zebra, whose encoder can be held up."""
    encoder = Slow()
    made = make_bench(loader=FakeLoader(encoder))
    made.base.add(Draft(EntryType.TIL, "zebra crossing"))
    yield made, encoder
    encoder.gate.set()
    made.base.close()


def unwanted(bench: Bench, mode: Mode, is_wanted: Callable[[], bool] = lambda: False) -> None:
    with pytest.raises(Superseded):
        bench.base.search("zebra", Filters(), mode, 5, is_wanted=is_wanted)


@pytest.mark.parametrize("mode", [Mode.HYBRID, Mode.MEANING])
def test_a_search_nobody_wants_loads_no_model_and_the_next_is_answered(bench, add, mode):
    add("zebra crossing")
    bench.manager.close()
    loads = bench.loader.loads
    unwanted(bench, mode)
    assert bench.loader.loads == loads
    assert titles(ask(bench, "zebra", mode)) == ["zebra crossing"]


@pytest.mark.parametrize("mode", [Mode.HYBRID, Mode.MEANING])
def test_a_search_nobody_wants_after_the_load_asks_the_model_nothing(bench, add, mode):
    add("zebra crossing")
    bench.manager.close()
    loads, asked = bench.loader.loads, len(bench.loader.encoder.encoded)
    unwanted(bench, mode, lambda: bench.loader.loads == loads)
    assert (bench.loader.loads, len(bench.loader.encoder.encoded)) == (loads + 1, asked)
    assert titles(ask(bench, "zebra", mode)) == ["zebra crossing"]
    assert bench.loader.loads == loads + 1


def test_a_search_nobody_wants_does_not_wait_for_the_one_before(slow):
    bench, encoder = slow
    encoder.gate.clear()
    answers: list[SearchResult] = []
    before = threading.Thread(target=lambda: answers.append(ask(bench, "crossing")))
    before.start()
    assert encoder.begun.wait(120)
    asked = iter([True, False])
    unwanted(bench, Mode.HYBRID, lambda: next(asked))
    assert answers == []
    encoder.gate.set()
    before.join(120)
    assert titles(answers[0]) == titles(ask(bench, "zebra")) == ["zebra crossing"]


def test_a_search_by_words_waits_for_nothing_and_is_always_answered(slow):
    bench, encoder = slow
    encoder.gate.clear()
    before = threading.Thread(target=ask, args=(bench, "crossing"))
    before.start()
    assert encoder.begun.wait(120)
    result = bench.base.search("zebra", Filters(), Mode.WORDS, 5, is_wanted=lambda: False)
    assert titles(result) == ["zebra crossing"]
    assert before.is_alive()
    encoder.gate.set()
    before.join(120)


def test_while_the_engine_works_the_base_is_free(slow):
    bench, encoder = slow
    encoder.gate.clear()
    answers: list[SearchResult] = []
    searching = threading.Thread(target=lambda: answers.append(ask(bench, "zebra")))
    searching.start()
    assert encoder.begun.wait(120)
    entry = bench.base.list_entries(Filters(), None).entries[0]
    bench.base.delete(entry.id)
    assert searching.is_alive()
    encoder.gate.set()
    searching.join(120)
    assert answers[0].hits == ()


def test_whether_a_search_is_wanted_is_not_asked_when_it_is_answered(bench, add):
    add("zebra crossing")
    asked: list[int] = []
    bench.base.search("zebra", Filters(), Mode.HYBRID, 5, is_wanted=lambda: not asked.append(1))
    before = len(asked)
    assert before
    bench.base.search("zebra", Filters(), Mode.HYBRID, 5, is_wanted=lambda: not asked.append(1))
    assert len(asked) == before  # the question is remembered


def test_without_an_engine_a_search_nobody_wants_is_answered_by_words(bench, add):
    add("zebra crossing")
    bench.loader.problem = EngineError("no onnxruntime")
    result = bench.base.search("zebra", Filters(), Mode.HYBRID, 5, is_wanted=lambda: False)
    assert (result.mode.used, titles(result)) == (Mode.WORDS, ["zebra crossing"])


def test_of_many_searches_typed_after_each_other_the_last_is_answered(slow):
    bench, _ = slow
    latest = 0
    ended: dict[int, object] = {}

    def work(number: int) -> None:
        try:
            ended[number] = bench.base.search(
                f"zebra {number}", Filters(), Mode.HYBRID, 5, is_wanted=lambda: number == latest
            )
        except Superseded as error:
            ended[number] = error

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for latest, thread in enumerate(threads):  # noqa: B007  # the threads read it
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(ended) == 10
    assert isinstance(ended[9], SearchResult)
    assert titles(ended[9]) == ["zebra crossing"]


def test_a_whole_id_without_an_entry_is_no_text_to_compare_with(bench, add):
    add("safari")
    for gone in ("01K2KT00000000000000000000", "01k2kt00000000000000000000"):
        with pytest.raises(NotFound):
            bench.base.similar(gone, Filters(), 5)
    assert bench.base.similar("safari", Filters(), 5).hits


def test_nothing_is_similar_in_an_empty_base_and_no_model_is_loaded(bench):
    assert bench.base.similar("safari", Filters(), 5).hits == ()
    assert bench.loader.loads == 0


def test_a_similar_search_that_nobody_wants_gives_up(bench, add):
    add("safari")
    with pytest.raises(Superseded):
        bench.base.similar("cookies of safari", Filters(), 5, lambda: False)


def test_one_word_puts_what_holds_it_first(bench, add):
    add("A filler about stores", "x " * 40 + "filelock " + "y " * 40)
    for number in range(12):
        add(f"filelocks and files {number}", "locks of files")
    result = ask(bench, "filelock", Mode.HYBRID)
    assert "filelock" in result.hits[0].entry.content + result.hits[0].entry.title
    assert not result.nothing_close
    gone = add("the filelock of old")
    bench.base.deprecate(gone.id)
    assert ask(bench, "filelock").hits[0].entry.status is Status.ACTIVE


def test_what_holds_every_word_that_was_typed_is_at_least_likely(bench, add):
    add("an unrelated title", "words " * 50 + "zebra quagga " + "more " * 50)
    for number in range(8):
        add(f"other note {number}")
    hit = next(hit for hit in ask(bench, "zebra quagga").hits if hit.entry.title == "an unrelated title")
    assert hit.why.holds_all
    assert hit.match is not Match.WEAK


def test_of_a_few_words_what_holds_all_of_them_gains(bench, add):
    wanted = add("A filler about stores", "x " * 30 + "zebra " + "y " * 20 + "quagga " + "z " * 30)
    for number in range(12):
        add(f"zebra zebra {number}", "zebra stripes")

    def gained(line: str) -> set[str]:
        return {hit.entry.id for hit in ask(bench, line, limit=20).hits if hit.why.keywords}

    assert gained("zebra quagga") == {wanted.id}
    assert gained("what do a zebra and a quagga share") == set()
