"""Several bases asked at once: the first one's answer comes whatever the others do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from support import FakeEncoder, make_bench
from support.fakes import FakeLoader

from rekall.errors import StorageError, Superseded
from rekall.knowledge_base import KnowledgeBase
from rekall.search.results import Mode, SearchResult
from rekall.side_by_side import SideBySide

PATIENT_S = 60.0
"""Nobody who answers is that slow."""


class Street:
    """Bases by name, and what happens to them."""

    def __init__(self) -> None:
        self.bases = {"": make_bench().base}
        self.at_work_now: list[str] = []
        self.errors: dict[str, Exception] = {}
        self.held: dict[str, threading.Event] = {}
        self.came = threading.Event()

    def add(self, name: str, title: str, loader: FakeLoader | None = None) -> KnowledgeBase:
        base = self.bases.setdefault(name, make_bench(loader=loader).base)
        base.add("til", title)
        return base

    def open(self, name: str) -> KnowledgeBase:
        if name in self.held:
            self.came.set()
            assert self.held[name].wait(PATIENT_S)
        if name in self.errors:
            raise self.errors[name]
        return self.bases[name]

    def ask(self, wait_s: float = PATIENT_S) -> SideBySide:
        names = [name for name in self.bases.keys() | self.errors.keys() if name]
        asked = SideBySide(self.open, wait_s, 0.6, self.at_work)
        asked.meet(sorted(names))
        return asked

    @contextmanager
    def at_work(self, name: str) -> Iterator[None]:
        self.at_work_now.append(name)
        yield
        self.at_work_now.remove(name)


@pytest.fixture
def street() -> Iterator[Street]:
    made = Street()
    yield made
    for event in made.held.values():
        event.set()
    for thread in threading.enumerate():
        if thread.name.startswith("rekall-"):
            thread.join(PATIENT_S)
    with ExitStack() as stack:
        for base in made.bases.values():
            stack.callback(base.close)


def titles(hits: Callable[..., object] | tuple) -> list[str]:  # type: ignore[type-arg]
    return [f"{hit.entry.title}@{hit.base}" for hit in hits]  # type: ignore[union-attr]


def test_all_answer_in_one_ranking(street: Street):
    street.add("", "the pool was never closed")
    street.add("team", "a pool of connections that nobody closed")
    found = street.ask().search("pool closed")
    assert sorted(titles(found.hits)) == ["a pool of connections that nobody closed@team", "the pool was never closed@"]
    assert [(each.name, each.hits, each.reason) for each in found.bases] == [("team", 1, "")]
    assert found.mode.used is Mode.HYBRID


def test_a_base_that_is_away_is_said(street: Street):
    street.add("", "the pool was never closed")
    street.errors["team"] = StorageError("the base notes on db is away")
    found = street.ask().search("pool")
    assert titles(found.hits) == ["the pool was never closed@"]
    assert [each.said for each in found.bases] == ["nothing of team is here: the base notes on db is away"]


def test_a_base_that_hangs_costs_the_wait_once_and_stays_open_until_its_thread_ends(street: Street):
    street.add("", "the pool was never closed")
    street.add("team", "a pool")
    street.held["team"] = threading.Event()
    asked = street.ask(wait_s=0.01)
    found = asked.search("pool")
    assert titles(found.hits) == ["the pool was never closed@"]
    assert found.bases[0].hits is None
    again = asked.search("pool")  # nothing more is begun while that hangs
    assert again.bases[0].reason == "it has not answered an earlier search yet"
    assert [each.name for each in threading.enumerate()].count("rekall-team") == 1
    assert street.at_work_now == ["team"]
    (thread,) = (each for each in threading.enumerate() if each.name == "rekall-team")
    street.held["team"].set()
    thread.join(PATIENT_S)
    assert street.at_work_now == []


def test_a_base_that_answers_again_is_asked_again(street: Street):
    street.add("", "the pool was never closed")
    street.add("team", "a pool")
    street.held["team"] = threading.Event()
    asked = street.ask(wait_s=0.01)
    asked.search("pool")
    (thread,) = (each for each in threading.enumerate() if each.name == "rekall-team")
    street.held.pop("team").set()
    thread.join(PATIENT_S)
    patient = street.ask()
    assert patient.search("pool").bases[0].hits == 1


def test_another_model_is_asked_for_words_alone(street: Street):
    street.add("", "the pool was never closed")
    street.add("team", "a pool", FakeLoader(FakeEncoder(fingerprint="other")))
    found = street.ask().search("pool")
    assert sorted(titles(found.hits)) == ["a pool@team", "the pool was never closed@"]
    assert "another model" in found.bases[0].reason
    assert "words alone" in found.bases[0].said
    theirs = next(hit for hit in found.hits if hit.base)
    assert theirs.why.similarity is None


def test_what_is_wrong_with_the_program_is_not_hidden(street: Street):
    street.errors["team"] = ZeroDivisionError("a mistake")
    with pytest.raises(ZeroDivisionError):
        street.ask().search("pool")


def test_nobody_is_left_waiting_where_the_first_is_superseded(street: Street):
    street.add("", "a")
    street.add("team", "b")
    with pytest.raises(Superseded):
        street.ask().search("pool", is_wanted=lambda: False)


def test_words_come_first_from_the_base_that_is_asked_first(street: Street):
    street.add("", "the pool was never closed")
    street.add("team", "a pool")
    early: list[list[str]] = []
    street.ask().search("pool", words_first=lambda found: early.append(titles(found.hits)))
    assert early == [["the pool was never closed@"]]


def test_who_was_not_waited_for_in_full_is_asked_again_at_once(street: Street):
    """As while somebody types: each search takes the place of one that has hardly begun."""
    street.add("", "the pool was never closed")
    street.add("team", "a pool")
    held = street.held["team"] = threading.Event()
    asked = street.ask()
    for _ in range(2):
        with pytest.raises(Superseded):
            asked.search("pool", is_wanted=lambda: False)
    threads = [each for each in threading.enumerate() if each.name == "rekall-team"]
    assert len(threads) == 2
    found = asked.search("pool", words_first=lambda _: held.set())  # which is after the others were asked
    assert found.bases[0].hits == 1
    for thread in threads:
        thread.join(PATIENT_S)


def test_whom_it_meets_changes_and_what_is_under_way_goes_on(street: Street):
    street.add("", "the pool was never closed")
    street.add("team", "a pool")
    asked = street.ask()
    street.add("ops", "another pool")
    held = street.held["team"] = threading.Event()
    found: list[SearchResult] = []
    search = threading.Thread(target=lambda: found.append(asked.search("pool")))
    search.start()
    assert street.came.wait(PATIENT_S)
    asked.meet(["ops"], ["team"])
    assert [each.name for each in asked.search("pool").bases] == ["ops"]
    held.set()
    search.join(PATIENT_S)
    assert [(each.name, each.hits) for each in found[0].bases] == [("team", 1)]


def test_the_base_stays_open_until_the_last_thread_ends(street: Street):
    street.add("", "the pool was never closed")
    street.add("team", "a pool")
    held = street.held["team"] = threading.Event()
    asked = street.ask()
    for _ in range(3):
        with pytest.raises(Superseded):
            asked.search("pool", is_wanted=lambda: False)
    threads = [each for each in threading.enumerate() if each.name == "rekall-team"]
    assert street.at_work_now == ["team"] * 3
    held.set()
    for thread in threads:
        thread.join(PATIENT_S)
    assert street.at_work_now == []
