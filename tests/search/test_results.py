"""How sure an answer is: the words of hits, an answer with none close, and setting weaker hits aside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bases import make_bench

from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.search.explain import left_out_text
from rekall.search.results import Hit, Match, Mode, ModeReport, SearchResult, Why

STRONG, LIKELY, WEAK = Match

LABELS = st.lists(st.sampled_from([STRONG, LIKELY, WEAK, None]), max_size=6)


@pytest.fixture(scope="module")
def hit() -> Hit:
    bench = make_bench()
    return Hit(bench.base.add(Draft(EntryType.TIL, "a title")).entry, 1.0, "", Why())


def answer(hit: Hit, *labels: Match | None) -> SearchResult:
    """Hits with these words, told apart by their scores."""
    hits = tuple(replace(hit, match=label, score=10.0 - place) for place, label in enumerate(labels))
    return SearchResult("x", ModeReport(Mode.HYBRID, Mode.HYBRID), hits)


def test_the_words_are_ordered():
    assert [one.is_at_least(LIKELY) for one in Match] == [True, True, False]
    assert all(one.is_at_least(one) for one in Match)


@pytest.mark.parametrize(
    ("labels", "is_so"),
    [
        ((), False),
        ((None, None), False),  # a list that answers no text
        ((WEAK,), True),
        ((WEAK, WEAK), True),
        ((LIKELY, WEAK), False),
        ((WEAK, STRONG), False),
    ],
)
def test_nothing_is_close_when_all_that_was_found_is_weak(hit, labels, is_so):
    assert answer(hit, *labels).nothing_close is is_so


def test_nothing_close_is_said_of_what_was_set_aside_too(hit):
    assert answer(hit, WEAK, WEAK).only(LIKELY).nothing_close
    assert not answer(hit, LIKELY, WEAK).only(STRONG).nothing_close
    assert not answer(hit).only(STRONG).nothing_close


def both(hit: Hit) -> SearchResult:
    return answer(hit, STRONG, WEAK, None, LIKELY)


def test_weaker_hits_are_set_aside_and_those_without_a_word_stay(hit):
    found = both(hit)
    assert [each.match for each in found.only(STRONG).hits] == [STRONG, None]
    assert [each.match for each in found.only(STRONG).weaker] == [WEAK, LIKELY]
    assert [each.match for each in found.only(LIKELY).hits] == [STRONG, None, LIKELY]
    assert found.only(WEAK) == found
    assert found.only(LIKELY).only(STRONG).hits == found.only(STRONG).hits


@given(LABELS, st.sampled_from(Match))
def test_no_hit_is_lost_and_the_order_stays(hit, labels, least):
    found = answer(hit, *labels)
    kept = found.only(least)
    scores = [each.score for each in kept.hits], [each.score for each in kept.weaker]
    assert all(part == sorted(part, reverse=True) for part in scores)
    assert sorted(scores[0] + scores[1], reverse=True) == [each.score for each in found.hits]
    assert kept.nothing_close == found.nothing_close


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ((STRONG,), ""),
        ((STRONG, WEAK), "1 weak hit left out"),
        ((LIKELY, LIKELY, WEAK), "2 likely and 1 weak hits left out"),
    ],
)
def test_what_was_set_aside_is_counted_by_its_words(hit, labels, text):
    assert left_out_text(answer(hit, *labels).only(STRONG)) == text


def test_a_base_takes_the_word_by_name_and_keeps_what_it_set_aside():
    bench = make_bench()
    for title in ("nginx timeout", "celery timeout", "pasta"):
        bench.base.add(Draft(EntryType.TIL, title))
    everything = bench.base.search("nginx timeout")
    for least in Match:
        found = bench.base.search("nginx timeout", at_least=least.value)
        assert found == replace(bench.base.search("nginx timeout", at_least=least), stages=found.stages)
        assert all(each.match is None or each.match.is_at_least(least) for each in found.hits)
        assert not any(each.match is None or each.match.is_at_least(least) for each in found.weaker)
        assert {each.entry.id for each in (*found.hits, *found.weaker)} == {each.entry.id for each in everything.hits}
    with pytest.raises(InvalidInput, match="unknown match 'sure'") as caught:
        bench.base.search("nginx", at_least="sure")
    assert caught.value.hint == "matches: strong, likely, weak"
