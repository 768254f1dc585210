"""A search goes stage by stage: a new leg or a reranker is a class of its shape and one line where the base is built."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from support import Bench, FakeLoader, make_bench, titles

from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import EngineError
from rekall.search.explain import stage_line, why_line
from rekall.search.fusion import Fusion
from rekall.search.legs import Found, Highlight, Waiting, WordsLeg
from rekall.search.meaning import MeaningLeg
from rekall.search.query import ParsedQuery
from rekall.search.rerank import Candidates, Reranked
from rekall.search.results import Mode, SearchResult
from rekall.search.searcher import Searcher
from rekall.store.contract import Store
from rekall.store.values import Selection


class Recent:
    """A leg that likes what was stored last."""

    name = "recent"

    def __init__(self, store: Store, problem: EngineError | None = None) -> None:
        self.store = store
        self.problem = problem
        self.note = ""

    def ask(self, query: ParsedQuery, waiting: Waiting) -> "Recent":
        if self.problem:
            raise self.problem
        return self

    def find(self, selection: Selection, most: int) -> Found:
        keys = sorted(self.store.entries.keys(selection), reverse=True)[:most]
        return Found(tuple(keys), {key: 1.0 / place for place, key in enumerate(keys, 1)})

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


class Backwards:
    """A reranker that puts the best last."""

    name = "backwards"
    most = 3

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked: list[tuple[str, list[str]]] = []

    def order(self, query: ParsedQuery, candidates: Candidates) -> Reranked:
        entries = self.store.entries.by_keys(candidates.keys)
        self.asked.append((query.text, [entries[key].title for key in candidates.keys]))
        return Reranked({key: float(place) for place, key in enumerate(candidates.keys)})


@pytest.fixture
def notes(bench: Bench) -> Bench:
    for title in ("nginx timeout", "nginx timeout again", "nginx", "safari"):
        bench.base.add(Draft(EntryType.TIL, title))
    return bench


@pytest.fixture
def searcher(notes: Bench) -> Searcher:
    return with_leg(notes, Recent(notes.store))


def with_leg(bench: Bench, leg: Recent, *rerankers: Backwards) -> Searcher:
    legs = (WordsLeg(bench.store), MeaningLeg(bench.store, bench.embeddings), leg)
    return Searcher(bench.store, legs, Fusion({"words": 0.5, "recent": 2.0}), rerankers)


def test_a_new_leg_finds_counts_and_says_why(searcher):
    result = searcher.search("timeout nginx", Filters(), Mode.HYBRID, 10)
    assert titles(result)[0] == "safari"
    (reason,) = result.hits[0].why.others
    assert (reason.leg, reason.score, reason.rank) == ("recent", 1.0, 1)
    assert "recent 1.000 (#1)" in why_line(result.hits[0])


def test_a_new_leg_keeps_to_the_selection(searcher):
    assert titles(searcher.search("nginx -again", Filters(), Mode.HYBRID, 10)).count("nginx timeout again") == 0


@pytest.mark.parametrize("mode", [Mode.WORDS, Mode.MEANING])
def test_a_leg_is_asked_only_where_all_of_them_are(searcher, mode):
    assert all(hit.why.others == () for hit in searcher.search("nginx", Filters(), mode, 10).hits)


def test_a_leg_that_fails_leaves_the_others_and_is_named(notes):
    searcher = with_leg(notes, Recent(notes.store, EngineError("no clock")))
    result = searcher.search("nginx timeout", Filters(), Mode.HYBRID, 10)
    assert (result.mode.used, result.mode.reason) == (Mode.HYBRID, "no clock")
    assert result.hits[0].entry.title == "nginx timeout"
    assert all(hit.why.similarity is not None for hit in result.hits)


def test_a_reranker_sees_the_best_and_orders_them_alone(notes):
    backwards = Backwards(notes.store)
    plain = Searcher(notes.store, (WordsLeg(notes.store),), Fusion())
    searcher = Searcher(notes.store, (WordsLeg(notes.store),), Fusion(), [backwards])
    notes.base.add(Draft(EntryType.TIL, "a long note", "about many things, nginx among them " * 9))
    before = titles(plain.search("nginx nginx -safari type:til", Filters(), Mode.WORDS, 10))
    after = titles(searcher.search("nginx nginx -safari type:til", Filters(), Mode.WORDS, 10))
    assert len(before) == 4
    assert after == [*reversed(before[:3]), *before[3:]]
    assert backwards.asked == [("nginx nginx", before[:3])]


def test_what_a_reranker_puts_first_survives_the_cut(notes):
    searcher = Searcher(notes.store, (WordsLeg(notes.store),), Fusion(), [Backwards(notes.store)])
    whole = titles(searcher.search("nginx", Filters(), Mode.WORDS, 10))
    assert titles(searcher.search("nginx", Filters(), Mode.WORDS, 1)) == whole[:1]


def test_every_stage_says_what_it_did_and_how_long_it_took(notes):
    searcher = with_leg(notes, Recent(notes.store), Backwards(notes.store))
    stages = searcher.search("nginx timeout", Filters(), Mode.HYBRID, 10).stages
    names = [stage.name for stage in stages]
    assert names == [
        *("meaning, the question", "recent, the question"),
        *("words", "meaning", "recent", "fusion", "backwards", "reading"),
    ]
    assert all(stage.took_s >= 0 and stage.did for stage in stages)
    assert stage_line(stages[2]).startswith("words: 2 candidates, ")


def test_the_words_are_told_first_and_asked_once(notes, monkeypatch):
    asked = []
    search = type(notes.store.words).search

    def counted(self, *arguments):
        asked.append(arguments)
        return search(self, *arguments)

    monkeypatch.setattr(type(notes.store.words), "search", counted)
    told: list[SearchResult] = []
    result = notes.base.search("nginx timeout", words_first=told.append)
    (words,) = told
    assert words.mode.used is Mode.WORDS
    assert titles(words) == titles(notes.base.search("nginx timeout", mode="words"))
    assert result.mode.used is Mode.HYBRID
    assert len(asked) == 2  # one of them is the search by words just above


def test_words_first_is_told_before_the_model_is_waited_for(notes):
    order: list[str] = []
    notes.manager.close()
    load = notes.loader.load

    def slow(name: str | None = None) -> Any:
        order.append("load")
        return load(name)

    notes.loader.load = slow  # type: ignore[method-assign]
    notes.base.search("nginx", words_first=lambda found: order.append("words"))
    assert order == ["words", "load"]


def test_an_entry_deleted_after_the_words_were_told_is_left_out(notes):
    def delete(found: SearchResult) -> None:
        notes.base.delete(found.hits[0].entry.id)

    result = notes.base.search("nginx timeout", words_first=delete)
    assert "nginx timeout" not in titles(result)
    assert titles(result)[0] == "nginx timeout again"


def test_without_an_engine_the_stages_say_so():
    bench = make_bench(loader=FakeLoader(problem=EngineError("no engine")))
    bench.base.add(Draft(EntryType.TIL, "nginx"))
    result = bench.base.search("nginx")
    assert (result.mode.used, result.mode.reason) == (Mode.WORDS, "no engine")
    assert ("meaning, the question", "cannot be used") in [(stage.name, stage.did) for stage in result.stages]
    bench.base.close()


def test_what_another_entry_became_after_the_words_were_told_counts(notes):
    """Keys are given again, filters hold again, and words are looked for again: one moment for the whole answer."""

    def change(found: SearchResult) -> None:
        first = found.hits[0].entry
        notes.base.change(first.id, type="bug", title="something else")
        newest = notes.base.list_entries().entries[0].id
        notes.base.delete(newest)
        notes.base.add(Draft(EntryType.BUG, "kubernetes crashloop"))

    result = notes.base.search("nginx timeout type:til", words_first=change)
    assert all(hit.entry.type is EntryType.TIL for hit in result.hits)
    assert all("nginx" in hit.entry.title for hit in result.hits if hit.why.matched)
