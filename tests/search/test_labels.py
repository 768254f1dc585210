"""The word for how sure a hit is: what the figure is made of, where it becomes a word, and what real notes are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Bench, ask

from rekall.app import App
from rekall.entry.fields import Draft, Entry
from rekall.entry.types import EntryType
from rekall.knowledge.judged import sample_folder
from rekall.knowledge_base import KnowledgeBase
from rekall.search.explain import why_line
from rekall.search.labels import (
    STRONG,
    STRONG_WORDS,
    evidence,
    labelled,
    lacking,
    likely,
    match_of,
    resembles,
)
from rekall.search.results import Hit, Match, Mode, SearchResult, Why

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)

ENTRIES = 1000
LIKELY, LIKELY_WORDS = likely(ENTRIES), likely(ENTRIES, by_words=True)
SHARES = st.floats(0, 1.2, allow_nan=False)
SIMILARITIES = st.floats(-1, 1.5, allow_nan=False)
MORE = st.floats(0, 1, allow_nan=False)
NUMBERS = st.lists(st.integers(0, 99999).map(str), min_size=1, max_size=4)


@st.composite
def reasons(draw: st.DrawFn) -> Why:
    """A hit by words, by meaning, by both, looked at again or not."""
    looked = draw(st.booleans())
    return Why(
        coverage=draw(SHARES),
        matched=tuple(draw(st.lists(st.sampled_from("abcdefg"), unique=True))),
        clear=draw(st.none() | SIMILARITIES),
        near=draw(st.none() | SIMILARITIES),
        pieces=draw(SHARES) if looked else None,
        pairs=draw(SHARES) if looked else None,
    )


@given(entries=st.integers(0, 10**7), more=st.integers(0, 10**7), by_words=st.booleans())
def test_among_more_entries_a_likely_hit_takes_more_and_never_as_much_as_a_strong_one(entries, more, by_words):
    least, most = likely(entries, by_words=by_words), likely(entries + more, by_words=by_words)
    assert 0 < least <= most < (STRONG_WORDS if by_words else STRONG)


def test_strong_takes_more_than_likely_and_likely_more_than_nothing():
    assert 0 < LIKELY < STRONG
    assert 0 < LIKELY_WORDS < STRONG_WORDS


@given(why=reasons(), more=MORE, part=st.sampled_from(["coverage", "clear", "near", "pieces", "pairs"]))
def test_whatever_speaks_for_a_hit_never_makes_it_less_sure(why: Why, more: float, part: str):
    value = getattr(why, part)
    if value is None:
        return
    better = replace(why, **{part: value + more})
    assert evidence(better) >= evidence(why) - 1e-9
    assert match_of(better, ENTRIES).is_at_least(match_of(why, ENTRIES))


@given(why=reasons(), word=st.sampled_from("xyz"))
def test_one_more_word_never_makes_a_hit_less_sure(why: Why, word: str):
    assert evidence(replace(why, matched=(*why.matched, word))) >= evidence(why)


@given(why=reasons())
def test_an_exact_title_is_strong_whatever_else(why: Why):
    assert match_of(replace(why, exact_title=True, lacks=("7",)), ENTRIES) is Match.STRONG


@given(why=reasons())
def test_what_lacks_a_number_is_likely_at_most_and_else_what_it_was(why: Why):
    lacking_one = match_of(replace(why, lacks=("4.1",)), ENTRIES)
    assert lacking_one is (Match.LIKELY if match_of(why, ENTRIES) is Match.STRONG else match_of(why, ENTRIES))


@pytest.mark.parametrize(
    ("why", "match"),
    [
        (Why(clear=STRONG), Match.STRONG),
        (Why(clear=STRONG - 0.01), Match.LIKELY),
        (Why(clear=LIKELY), Match.LIKELY),
        (Why(clear=LIKELY - 0.01), Match.WEAK),
        (Why(clear=-0.3, coverage=0.3, pieces=0.2, pairs=0.0), Match.WEAK),
        (Why(coverage=1.0, pieces=1.0, pairs=1.0), Match.STRONG),
        (Why(coverage=1.0), Match.STRONG),  # the second stage is off
        (Why(coverage=0.4), Match.LIKELY),
        (Why(coverage=0.1, pieces=0.1, pairs=0.0), Match.WEAK),
        (Why(near=0.7, coverage=0.7, pieces=0.6, pairs=0.5), Match.STRONG),  # no vector yet: an estimate
        (Why(near=0.1, coverage=0.05, pieces=0.1, pairs=0.0), Match.WEAK),
        (Why(), Match.WEAK),
    ],
)
def test_where_the_figure_becomes_a_word(why: Why, match: Match):
    assert match_of(why, ENTRIES) is match


def test_clear_similarity_counts_before_the_one_that_the_base_colours():
    assert evidence(Why(clear=0.2, near=0.9)) == evidence(Why(clear=0.2))


def test_only_clear_similarity_makes_two_entries_alike():
    assert resembles(Why(clear=0.8))
    assert not resembles(Why(clear=0.7))
    assert resembles(Why(clear=0.7, similarity=0.98))  # a base of a few notes, of which two say the same
    assert not resembles(Why(near=1.0, coverage=1.0))


@pytest.mark.parametrize(
    ("query", "title", "content", "lacks"),
    [
        ("upgrade jetty to 9.4.35", "Upgrade Jetty to 9.4.39", "", ("9.4.35",)),
        ("upgrade jetty to 9.4.35", "Upgrade Jetty", "from 9.4.20 to 9.4.35.", ()),
        ("python 3 strings", "Python 3.12 strings", "", ()),
        ("python 3", "python3", "", ()),
        ("port 80", "port 8080", "", ("80",)),
        ("1.2 release", "11.2 release", "", ("1.2",)),
        ("CVE-2019-20444", "CVE-2019-16869", "", ("20444",)),
        ("\uff18\uff10\uff18\uff10 in use", "8080 in use", "", ()),
        ("8080 and 8080", "nothing", "", ("8080",)),
        ("no numbers here", "at all", "", ()),
        ("a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9", "a pasted line", "", ()),
    ],
)
def test_the_numbers_of_a_query_that_an_entry_lacks(
    bench: Bench, query: str, title: str, content: str, lacks: tuple[str, ...]
):
    entry = bench.base.add(Draft(EntryType.TIL, title, content)).entry
    assert lacking(query, entry) == lacks


@given(numbers=NUMBERS)
def test_an_entry_that_repeats_the_query_lacks_nothing(numbers: list[str]):
    text = " of ".join(numbers)
    entry = _entry(text)
    assert lacking(text, entry) == ()
    assert set(lacking(text, _entry("none"))) == set(numbers)


def test_a_lacking_number_is_said(bench: Bench):
    bench.base.add(Draft(EntryType.TIL, "Upgrade the proxy to 4.1.77", "The proxy upgrade to 4.1.77 went well."))
    hit = ask(bench, "upgrade the proxy to 4.1.45").hits[0]
    assert hit.match is not Match.STRONG
    assert hit.why.lacks == ("4.1.45",)
    assert "without 4.1.45, so not strong" in why_line(hit)
    assert ask(bench, "upgrade the proxy to 4.1.77").hits[0].match is Match.STRONG


def test_a_hit_is_labelled_by_its_reasons(bench: Bench):
    entry = bench.base.add(Draft(EntryType.TIL, "anything")).entry
    hit = labelled("something", Hit(entry, 0.0, "", Why(clear=1.0)), ENTRIES)
    assert hit.match is Match.STRONG


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """The sample notes with the shipped model."""
    home = tmp_path_factory.mktemp("labels")
    app = App({"REKALL_HOME": str(home)})
    base = app.open_base(to_write=True)
    base.files.import_paths([sample_folder() / "notes"])
    yield base
    app.close()


@pytest.mark.parametrize(
    ("query", "least"),
    [
        ("database is locked", Match.STRONG),
        ("nginx 502", Match.STRONG),
        ("QueuePool limit of size 5 overflow 10 reached", Match.STRONG),
        ("sqlalchemy hangs under load", Match.LIKELY),
        ("safari cookie gone after login", Match.LIKELY),
        ("tests break late in the evening", Match.LIKELY),
    ],
)
def test_the_sample_notes_are_sure_of_what_they_hold(samples: KnowledgeBase, query: str, least: Match):
    first = samples.search(query).hits[0]
    assert first.match is not None
    assert first.match.is_at_least(least)


@pytest.mark.parametrize("mode", [Mode.HYBRID, Mode.WORDS])
@pytest.mark.parametrize(
    "query",
    [
        "how long do I boil an egg",
        "train from Hamburg to Vienna",
        "pruning an apple tree",
        "who painted the Sistine Chapel",
    ],
)
def test_the_sample_notes_know_nothing_of_another_world(samples: KnowledgeBase, query: str, mode: Mode):
    found = samples.search(query, mode=mode)
    assert all(hit.match is Match.WEAK for hit in found.hits)
    assert found.nothing_close == bool(found.hits)


NOTES = (
    (
        "Nginx gateway timeout on long exports",
        "Raise proxy_read_timeout for the export location.",
        "nginx timeout on exports",
    ),
    (
        "Postgres index for slow orders",
        "A partial index over pending orders made the query fast.",
        "slow query on pending orders",
    ),
    ("Safari drops the login cookie", "Tracking prevention deletes it after a week.", "login cookie lost in safari"),
)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_base_of_few_notes_is_sure_of_them_and_of_nothing_else(tmp_path: Path, count: int):
    app = App({"REKALL_HOME": str(tmp_path / "few")})
    base = app.open_base(to_write=True)
    for title, content, _ in NOTES[:count]:
        base.add(Draft(EntryType.TIL, title, content))
    base.index.rebuild_vectors()
    for title, _, query in NOTES[:count]:
        first = base.search(query).hits[0]
        assert (first.entry.title, first.is_weak) == (title, False)
        by_words = base.search(query, mode=Mode.WORDS).hits[0]
        assert (by_words.entry.title, by_words.is_weak) == (title, False)
    for query in ("how long do I boil an egg", "knitting pattern for baby socks"):
        assert base.search(query).nothing_close
        assert _none_is_sure(base.search(query, mode=Mode.WORDS))
    app.close()


def _none_is_sure(found: SearchResult) -> bool:
    return all(hit.is_weak for hit in found.hits)


def _entry(title: str) -> Entry:
    return Entry(EntryType.TIL, title, id="01" + "A" * 24, created_at=NOW, updated_at=NOW)
