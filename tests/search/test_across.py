"""One ranking of what several bases answer: order, what is said twice, and bases that answer by words alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from rekall.entry.fields import Entry
from rekall.entry.types import EntryType, Status
from rekall.search.across import Answered, merged
from rekall.search.results import AskedBase, Hit, Mode, ModeReport, SearchResult, Why

DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)


def entry(name: str, **said: object) -> Entry:
    fields = {"id": f"01J9P7AAAAAAAAAAAAAAAAAA{name}", "type": EntryType.TIL, "title": name, "content": ""}
    times = {"created_at": DAY, "updated_at": DAY}
    return Entry(**{**fields, **times, **said})  # type: ignore[arg-type]


def hit(name: str, score: float, coverage: float = 0.0, why: Why | None = None, **said: object) -> Hit:
    return Hit(entry(name, **said), score, "", why or Why(coverage=coverage))


def result(
    *hits: Hit, used: Mode = Mode.HYBRID, query: str = "two words", weaker: tuple[Hit, ...] = ()
) -> SearchResult:
    return SearchResult(query, ModeReport(Mode.HYBRID, used), hits, weaker=weaker)


def order(*answers: SearchResult, limit: int = 10, away: tuple[AskedBase, ...] = ()) -> list[str]:
    first, *others = answers
    named = [Answered(name, each) for name, each in zip(("team", "old"), others)]
    return [f"{each.entry.title}@{each.base}" for each in merged(first, named, away, limit, 0.6).hits]


def test_the_better_hit_goes_first_wherever_it_lives():
    assert order(result(hit("a", 0.9), hit("b", 0.3)), result(hit("c", 0.5))) == ["a@", "c@team", "b@"]
    assert order(result(), result(hit("c", 0.5)), result(hit("d", 0.6))) == ["d@old", "c@team"]
    assert order(result(hit("a", 0.9), hit("b", 0.3)), result(hit("c", 0.5)), limit=2) == ["a@", "c@team"]


def test_a_base_keeps_the_order_it_gave():
    moved_up = result(hit("holder", 0.2), hit("near", 0.8))
    assert order(moved_up, result(hit("c", 0.5))) == ["holder@", "near@", "c@team"]
    assert order(result(hit("c", 0.5)), moved_up) == ["holder@team", "near@team", "c@"]


def test_an_exact_title_is_first_unless_it_holds_no_longer():
    exact = Why(exact_title=True)
    assert order(result(hit("a", 0.9)), result(hit("c", 0.1, why=exact))) == ["c@team", "a@"]
    old = hit("c", 0.1, why=exact, status=Status.OBSOLETE)
    assert order(result(hit("a", 0.9)), result(old)) == ["a@", "c@team"]


def test_of_one_word_its_holders_come_first():
    holds = hit("c", 0.2, why=Why(holds_all=True))
    assert order(result(hit("a", 0.9), query="nginx"), result(holds, query="nginx")) == ["c@team", "a@"]
    assert order(result(hit("a", 0.9)), result(holds)) == ["a@", "c@team"]


def test_what_answers_by_words_alone_is_compared_as_if_it_were_as_near_as_its_words():
    hybrid = result(hit("a", 1.0, 0.6), hit("b", 0.4, 0.1))
    words = result(hit("c", 0.9, 0.9), hit("d", 0.1, 0.1), used=Mode.WORDS)
    assert order(hybrid, words) == ["c@team", "a@", "b@", "d@team"]  # 0.05 + 1.5 × coverage: 1.4 and 0.2
    assert order(words, words) == ["c@", "d@"]


def test_the_newest_goes_first_where_nothing_was_asked():
    late = hit("late", 0.0, updated_at=DAY + timedelta(days=2))
    assert order(result(hit("a", 0.0)), result(late)) == ["late@team", "a@"]


def test_a_copy_that_says_the_same_is_a_hit_once():
    assert order(result(hit("a", 0.9)), result(hit("a", 0.9, updated_at=DAY + timedelta(days=1)))) == ["a@"]
    assert order(result(hit("a", 0.1)), result(hit("a", 0.9))) == ["a@"]
    changed = hit("a", 0.8, content="changed there")
    assert order(result(hit("a", 0.9)), result(changed)) == ["a@", "a@team"]
    assert order(result(), result(changed), result(changed)) == ["a@team"]
    apart = hit("b", 0.9, title="a", created_at=DAY - timedelta(days=9))  # the same note, imported twice
    assert order(result(hit("a", 0.9)), result(apart)) == ["a@"]
    assert order(result(), result(hit("a", 0.9), apart)) == ["a@team", "a@team"]  # one base has it twice


def test_what_a_base_asks_to_run_is_typed_for_that_base():
    lacking = replace(result(hit("b", 0.9)), mode=ModeReport(Mode.HYBRID, Mode.WORDS, "run `rekall index rebuild`"))
    answer = merged(result(hit("a", 0.9)), [Answered("team", lacking)], [], 10, 0.6)
    assert [each.said for each in answer.bases] == ["team: run `rekall -b team index rebuild`"]


def test_what_did_not_answer_is_told_and_what_is_weaker_is_kept():
    away = AskedBase("old", None, "it did not answer in time")
    answer = merged(result(hit("a", 0.9)), [Answered("team", result(weaker=(hit("w", 0.1),)))], [away], 10, 0.6)
    assert [each.name for each in answer.bases] == ["old", "team"]
    assert [each.said for each in answer.bases] == ["nothing of old is here: it did not answer in time", ""]
    assert [each.base for each in answer.weaker] == ["team"]
    assert [each.entry.title for each in answer.here.hits] == ["a"]
