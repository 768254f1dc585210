"""The second look at the best candidates: what it adds up, when it doubts heads, and what stays as it was."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Bench, FakeEncoder, FakeLoader, ask, make_bench, titles
from support.depth import tries

from rekall.app import App
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import EngineError
from rekall.search import second_stage
from rekall.search.fusion import Fusion
from rekall.search.legs import Found, Highlight, Waiting, WordsLeg
from rekall.search.meaning import MeaningLeg
from rekall.search.query import ParsedQuery
from rekall.search.results import Mode, SearchResult
from rekall.search.searcher import Searcher
from rekall.search.second_stage import (
    ALONE,
    BESIDE_MEANING,
    KEYWORDS,
    LACKS_NUMBER,
    MOST,
    USUAL_SHARE,
    WHOLE,
    SecondStage,
    Weights,
)
from rekall.store.contract import Store
from rekall.store.values import Selection
from rekall.wiring import Tuning

STRANGE = "\ue000\ue001\ue002\ue003"
OFF = Tuning(lexical_share=0.6, second_stage=False)
ON = Tuning(lexical_share=0.6)


@pytest.fixture
def add(bench: Bench) -> Callable[..., Entry]:
    return lambda title, content="", **parts: bench.base.add(Draft(EntryType.TIL, title, content, **parts)).entry


def forget_vectors(bench: Bench, keys: Iterable[int]) -> None:
    with bench.store.transaction():
        for passage in bench.store.passages.of_entries(keys):
            bench.index_of().delete(passage.id)
    bench.embeddings.forget()


def lexical(why: Any, weights: Weights) -> float:
    spelt = weights.pieces * (why.pieces or 0) + weights.pairs * (why.pairs or 0)
    return (
        weights.words * why.coverage + spelt + WHOLE * why.whole + KEYWORDS * why.keywords - LACKS_NUMBER * why.lacking
    )


# the sum


WORDS = ("nginx", "proxy", "timeout", "safari", "cookie", "log", STRANGE)
NOTES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
        st.lists(st.sampled_from(WORDS), max_size=4),
        st.sampled_from([1, 1, 1, 60]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=tries(60))
@given(notes=NOTES, query=st.lists(st.sampled_from(WORDS[:-1]), min_size=1, max_size=4).map(" ".join))
def test_whatever_a_base_holds_a_score_is_the_sum_of_what_the_hit_says(notes, query):
    """Long and short, known and unknown, embedded and waiting."""
    bench = make_bench(tuning=ON)
    waiting = []
    for number, (title, body, repeated, waits) in enumerate(notes):
        entry = bench.base.add(Draft(EntryType.TIL, f"{' '.join(title)} {number}", " ".join(body) * repeated)).entry
        waiting += [bench.store.entries.key_of(entry.id)] if waits else []
    forget_vectors(bench, waiting[: len(notes) - 1])
    for hit in ask(bench, query).hits:
        why = hit.why
        similarity = why.near + BESIDE_MEANING.feedback * why.feedback - BESIDE_MEANING.crowding * why.crowding
        assert hit.score == pytest.approx(similarity + lexical(why, BESIDE_MEANING))
        if why.similarity is None:
            assert why.feedback == why.crowding == 0
    for hit in ask(bench, query, Mode.WORDS).hits:
        assert hit.score == pytest.approx(lexical(hit.why, ALONE))
        assert hit.why.near is None
    bench.base.close()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 2.4])
def test_the_share_of_words_is_that_of_all_that_is_lexical(share):
    bench = make_bench(tuning=Tuning(lexical_share=share))
    for title in ("safari cookie", "cookies of safari", "nginx"):
        bench.base.add(Draft(EntryType.TIL, title))
    for hit in ask(bench, "the safari cookie").hits:
        why = hit.why
        similarity = why.near + BESIDE_MEANING.feedback * why.feedback - BESIDE_MEANING.crowding * why.crowding
        assert hit.score == pytest.approx(similarity + share / USUAL_SHARE * lexical(why, BESIDE_MEANING))
    bench.base.close()


def test_by_meaning_alone_the_order_and_the_scores_stay_those_of_the_leg(add, bench):
    for title in ("safari cookie", "cookie", "nginx cookie of safari", "nginx"):
        add(title)
    hits = ask(bench, "cookie safari", Mode.MEANING).hits
    assert [hit.score for hit in hits] == [hit.why.similarity for hit in hits]
    assert [hit.why.meaning_rank for hit in hits] == [1, 2, 3, 4]


def test_pieces_put_the_word_that_was_meant_before_another(bench, add):
    """No stem is shared, and the fake model knows whole words only: the pieces of a word decide."""
    add("about authentifizierung and more", "filler")
    add("about something else and more", "filler")
    hits = ask(bench, "more authentifizierungen").hits
    assert hits[0].entry.title == "about authentifizierung and more"
    assert hits[0].why.pieces > hits[1].why.pieces


def test_neighbours_put_the_order_that_was_typed_before_another(bench, add):
    add("the proxy is not nginx but the buffer of it")
    add("nginx proxy buffer is what it is not, but the")
    add("buffer the nginx, and not it but is proxy")
    result = ask(bench, "nginx proxy buffer")
    assert titles(result)[0] == "nginx proxy buffer is what it is not, but the"
    assert [hit.why.pairs > 0 for hit in result.hits] == [True, False, False]


# when heads say little


@pytest.mark.parametrize(
    ("buried", "doubt"),
    [
        ([], 0.0),
        ([0.0] * 10, 0.0),
        ([0.015] * 10, 0.0),
        ([0.0225] * 10, 0.5),
        ([0.03] * 10, 1.0),
        ([0.5] * 10, 1.0),
        ([0.06, 0.0], 1.0),
        ([0.09, 0.0, 0.0, 0.0], 0.5),
        ([-0.1] * 3, 0.0),
    ],
)
def test_doubt_grows_with_how_much_nearer_passages_are_than_heads(buried, doubt):
    assert second_stage._doubt(buried) == pytest.approx(doubt)


@pytest.fixture
def chats() -> Iterator[Bench]:
    """Long entries whose heads are greetings, each about something else far below."""
    made = make_bench(loader=FakeLoader(FakeEncoder(dim=512)), tuning=ON)
    for topic in ("sailing", "cooking", "chess", "gardening", "painting"):
        greeting = "hello again how are you "
        made.base.add(Draft(EntryType.REFERENCE, f"{greeting}{topic[:1]}", greeting * 45 + f"i was {topic} " * 40))
    yield made
    made.base.close()


def test_of_long_entries_whose_heads_say_nothing_the_best_passage_counts_alone_and_half(chats):
    """So (1 - 1/2) × (best passage - background); heads move and crowd nothing."""
    hits = ask(chats, "sailing chess was").hits
    for hit in hits:
        why = hit.why
        assert why.feedback == why.crowding == 0
    one, other = (pick(hits, key=lambda hit: hit.why.best_passage).why for pick in (max, min))
    worth = (one.near - other.near) / (one.best_passage - other.best_passage)
    for hit in hits:
        expected = one.near + worth * (hit.why.best_passage - one.best_passage)
        assert hit.why.near == pytest.approx(expected, abs=1e-5)
        assert hit.why.best_passage > hit.why.head + 0.1
    # what one of cosine is worth without doubt is twice that
    usual = [(hit.why.clear, hit.why.similarity) for hit in ask(chats, "sailing chess was", Mode.MEANING).hits]
    (most, least) = max(usual), min(usual)
    assert worth == pytest.approx((most[0] - least[0]) / (most[1] - least[1]) / 2, rel=1e-4)


def test_short_entries_are_never_doubted(bench, add):
    """A head alone is its own best passage."""
    for number in range(12):
        add(f"safari {number}")
    assert any(hit.why.crowding for hit in ask(bench, "safari cookie").hits)


def test_what_lies_deep_in_a_long_entry_is_found_though_heads_say_nothing(chats):
    for topic in ("sailing", "cooking", "chess", "gardening", "painting"):
        assert ask(chats, f"who was {topic}").hits[0].entry.title.endswith(f" {topic[:1]}")


# what it does not change


def test_off_by_one_setting(home):
    for value, is_on in (("on", True), ("off", False)):
        app = App(flags={"search.second_stage": value})
        assert Tuning.of(app.settings, is_long_lived=False).second_stage is is_on
        app.close()
    assert Tuning.of(App().settings, is_long_lived=True).second_stage is True


@pytest.mark.parametrize(("tuning", "is_on"), [(ON, True), (OFF, False)])
@pytest.mark.parametrize("mode", Mode)
def test_off_it_is_no_stage_and_looks_at_nothing(monkeypatch, tuning, is_on, mode):
    bench = make_bench(tuning=tuning)
    for title in ("safari cookie", "cookie", "nginx"):
        bench.base.add(Draft(EntryType.TIL, title))
    read: list[int] = []
    texts = type(bench.store.entries).texts

    def counted(self: Any, keys: Iterable[int], most: int) -> dict[int, tuple[str, str]]:
        found = texts(self, keys, most)
        read.extend(found)
        return found

    monkeypatch.setattr(type(bench.store.entries), "texts", counted)
    result = ask(bench, "safari cookie", mode)
    assert result.hits
    assert ("second stage" in [stage.name for stage in result.stages]) is is_on
    assert bool(read) is is_on
    if not is_on:
        assert {(hit.why.pieces, hit.why.pairs, hit.why.feedback, hit.why.crowding) for hit in result.hits} == {
            (None, None, 0.0, 0.0)
        }
    bench.base.close()


def test_it_reads_a_bounded_number_of_texts_each_up_to_a_bound(monkeypatch):
    bench = make_bench(tuning=ON)
    for number in range(MOST + 30):
        bench.base.add(Draft(EntryType.TIL, f"safari {number}", "cookie " * (4000 if number == 3 else 1)))
    read: list[dict[int, tuple[str, str]]] = []
    texts = type(bench.store.entries).texts

    def counted(self: Any, keys: Iterable[int], most: int) -> dict[int, tuple[str, str]]:
        read.append(texts(self, keys, most))
        return read[-1]

    monkeypatch.setattr(type(bench.store.entries), "texts", counted)
    ask(bench, "safari cookie", limit=10)
    assert [len(page) for page in read] == [MOST]
    assert max(len(body) for page in read for _, body in page.values()) <= second_stage.MOST_CHARACTERS
    bench.base.close()


@pytest.mark.parametrize("tuning", [ON, OFF])
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("limit", [10, MOST, MOST + 1, 120])
def test_scores_never_rise_down_the_list(many, tuning, mode, limit):
    bench, _ = many
    searcher = bench.searcher
    rerankers = searcher._rerankers
    try:
        searcher._rerankers = rerankers if tuning.second_stage else ()
        hits = ask(bench, "safari cookie timeout", mode, limit=limit).hits
    finally:
        searcher._rerankers = rerankers
    assert min(limit, MOST) <= len(hits) <= limit  # by words only those that hold a telling one
    assert len({hit.entry.id for hit in hits}) == len(hits)
    assert all(one.score >= other.score for one, other in pairwise(hits))


@pytest.fixture(scope="module")
def many() -> Iterator[tuple[Bench, dict[str, str]]]:
    """More notes than are looked at again, some without vectors, some obsolete; which succeeded which."""
    bench = make_bench(tuning=ON)
    ids, words = [], ("cookie", "timeout", "proxy", "log")
    for number in range(150):
        body = " ".join(words[(number * place) % 4] for place in range(number % 9))
        ids.append(bench.base.add(Draft(EntryType.TIL, f"safari {words[number % 4]} {number}", body)).entry.id)
    successors = {}
    for number in range(0, 140, 7):
        successors[ids[number]] = ids[number + 3]
        bench.base.deprecate(ids[number], ids[number + 3])
    forget_vectors(bench, [key for key, _ in bench.store.entries.stream()][::3])
    yield bench, successors
    bench.base.close()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("limit", [40, MOST, 100, 150])
@pytest.mark.parametrize("line", ["safari cookie timeout", "log proxy", "safari"])
def test_no_obsolete_entry_comes_before_its_successor(many, mode, limit, line):
    bench, successors = many
    found = [hit.entry.id for hit in ask(bench, line, mode, limit=limit).hits]
    both = [(found.index(old), found.index(new)) for old, new in successors.items() if old in found and new in found]
    assert all(before > after for before, after in both)
    if limit == 150 and line == "safari":
        assert both


def test_an_obsolete_entry_loses_half_a_point_once(bench, add):
    """Not once by fusion and once again."""
    old = add("safari cookie")
    for title in ("safari log", "cookie jar of safari"):
        add(title)
    before = {hit.entry.id: hit.score for hit in ask(bench, "the safari cookie").hits}
    bench.base.deprecate(old.id)
    after = {hit.entry.id: hit.score for hit in ask(bench, "the safari cookie").hits}
    assert after[old.id] == pytest.approx(before[old.id] - 0.5)


# further legs


class Liked:
    """A leg that likes some entries, and knows nothing of others."""

    name = "liked"
    note = ""

    def __init__(self, likes: Mapping[int, float]) -> None:
        self.likes = likes

    def ask(self, query: ParsedQuery, waiting: Waiting) -> "Liked":
        return self

    def find(self, selection: Selection, most: int) -> Found:
        return Found(tuple(self.likes), self.likes)

    def score(self, keys: Iterable[int]) -> dict[int, float]:
        return {}

    def comparable(
        self, scores: Mapping[int, float], keys: Iterable[int], coverage: Mapping[int, float]
    ) -> Mapping[int, float]:
        return scores

    def reasons(self, keys: Iterable[int]) -> dict[int, dict[str, Any]]:
        return {}

    def highlights(self, keys: Iterable[int]) -> dict[int, Highlight]:
        return {}


def scores_with(bench: Bench, legs: Callable[[Store], list[Any]], weight: float = 2.0) -> dict[str, float]:
    fusion = Fusion({"words": 0.6, "liked": weight})
    searcher = Searcher(bench.store, legs(bench.store), fusion, [SecondStage(bench.store, fusion)])
    result: SearchResult = searcher.search("safari cookie", Filters(), Mode.HYBRID, 10)
    return {hit.entry.title: hit.score for hit in result.hits}


@pytest.mark.parametrize("with_meaning", [True, False])
def test_a_further_leg_keeps_its_share_beside_meaning_and_without_it(bench, add, with_meaning):
    for title in ("the safari cookie", "a cookie", "safari"):
        add(title)
    keys = {entry.title: key for key, entry in bench.store.entries.stream()}
    others: list[Any] = [MeaningLeg(bench.store, bench.embeddings)] if with_meaning else []
    plain = scores_with(bench, lambda store: [WordsLeg(store), *others, Liked({})])
    liked = scores_with(bench, lambda store: [WordsLeg(store), *others, Liked({keys["safari"]: 0.7})])
    assert liked["safari"] == pytest.approx(plain["safari"] + 2.0 * 0.7)
    assert next(iter(liked)) == "safari" != next(iter(plain))
    assert {title: score for title, score in liked.items() if title != "safari"} == pytest.approx(
        {title: score for title, score in plain.items() if title != "safari"}
    )


def test_where_meaning_fails_a_further_leg_still_counts(bench, add):
    for title in ("the safari cookie", "a cookie", "safari"):
        add(title)
    bench.manager.close()
    bench.loader.problem = EngineError("no engine")
    (key,) = (key for key, entry in bench.store.entries.stream() if entry.title == "a cookie")
    leg = MeaningLeg(bench.store, bench.embeddings)
    assert next(iter(scores_with(bench, lambda store: [WordsLeg(store), leg, Liked({key: 1.0})]))) == "a cookie"


# an engine that goes away


class Forgetful(FakeEncoder):
    """Is lost when it is asked what it knows of entries."""

    lost = False

    def known(self, texts):
        if self.lost:
            raise EngineError("the engine was lost")
        return super().known(texts)


def test_an_engine_that_is_lost_after_the_question_leaves_what_was_found():
    encoder = Forgetful()
    bench = make_bench(loader=FakeLoader(encoder), tuning=ON)
    for title in ("safari cookie", f"cookie {STRANGE * 9}", "nginx"):
        bench.base.add(Draft(EntryType.TIL, title))
    before = ask(bench, "safari cookie log")
    encoder.lost = True
    after = ask(bench, "safari cookie log")
    assert after.mode.used is Mode.HYBRID
    assert titles(after)[0] == titles(before)[0] == "safari cookie"
    nears = [{hit.entry.title: hit.why.near for hit in result.hits} for result in (before, after)]
    assert nears[0]["safari cookie"] == pytest.approx(nears[1]["safari cookie"])
    assert nears[0][f"cookie {STRANGE * 9}"] < nears[1][f"cookie {STRANGE * 9}"]
    bench.base.close()
