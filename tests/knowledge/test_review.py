"""Reviews: what is due and when, what answers do, and that no answer is lost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Bench, make_bench

from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.other import others
from rekall.entry.types import EntryType, LinkType, Status
from rekall.errors import InvalidInput, NotFound
from rekall.knowledge.review import Answer
from rekall.knowledge.review_memory import (
    FIRST_DAYS,
    LEAST_DAYS,
    MOST_DAYS,
    Memory,
    after,
    first_due,
    first_memory,
    memory_of,
    taken_over,
)
from rekall.store.reviews import Review

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = 86_400.0
ALL = Filters()


def old_entry(bench: Bench, days: float, kind: str = "til", title: str = "", **parts: Any) -> Entry:
    """An entry that was written so many days ago."""
    made = bench.clock.now() - timedelta(days=days)
    draft = Draft(EntryType(kind), title or f"{kind} of {days:g} days", created_at=made, **parts)
    return bench.base.add(draft).entry


def due_ids(bench: Bench, most: int | None = None, filters: Filters = ALL) -> list[str]:
    return [each.entry.id for each in bench.base.review.due(filters, most).entries]


def test_nothing_is_due_of_what_was_just_written(bench):
    old_entry(bench, 0)
    old_entry(bench, min(FIRST_DAYS.values()) / 2 - 1, "bug")
    assert due_ids(bench) == []
    assert bench.base.review.left_today(10) == 0


def test_answers_of_a_clock_that_was_ahead_take_nothing_from_the_days_until_then(bench):
    first, *_ = [old_entry(bench, 900, title=f"note {number}") for number in range(3)]
    bench.clock.elapsed_s += 400 * 86_400
    bench.base.review.answer(first.id, Answer.HOLDS)
    assert bench.base.review.due(ALL, 5).answered == 1
    bench.clock.elapsed_s -= 400 * 86_400
    assert bench.base.review.due(ALL, 5).answered == 0
    assert bench.base.review.left_today(2) == 2


def test_an_entry_comes_up_around_its_first_days_and_stays_due(bench):
    entry = old_entry(bench, 0, "bug")
    days = FIRST_DAYS[EntryType.BUG]
    due = first_due(entry.id, first_memory(entry.type, entry.updated_at))
    assert timedelta(days=days / 2) <= due - entry.updated_at <= timedelta(days=days * 1.5)
    bench.clock.elapsed_s = (due - NOW).total_seconds() - 1
    assert due_ids(bench) == []
    bench.clock.elapsed_s += 1
    assert due_ids(bench) == [entry.id]
    bench.clock.elapsed_s += 400 * DAY
    assert due_ids(bench) == [entry.id]


def test_a_reading_writes_nothing(bench):
    entry = old_entry(bench, 900)
    before = bench.store.moment()
    bench.base.review.due(ALL, None, is_counted=True)
    bench.base.review.standing(entry.id)
    bench.base.review.left_today(5)
    assert bench.store.moment() == before


def test_what_was_not_looked_at_longest_for_its_type_comes_first(bench):
    snippet = old_entry(bench, 700, "snippet")
    bug = old_entry(bench, 600, "bug")
    til = old_entry(bench, 500, "til")
    assert due_ids(bench) == [bug.id, til.id, snippet.id]
    assert due_ids(bench, 1) == [bug.id]


def test_the_most_urgent_are_found_whatever_bound_is_asked_for(bench):
    for number in range(60):
        kind = list(EntryType)[number % len(EntryType)]
        old_entry(bench, 200 + 13 * number, kind.value)
    everything = due_ids(bench)
    for most in (1, 5, 17, 60):
        assert due_ids(bench, most) == everything[:most]


def test_an_import_of_one_moment_is_spread_over_half_a_year():
    ids = [f"01K2KT{number:020}" for number in range(3000)]
    memory = first_memory(EntryType.TIL, NOW)
    days = Counter((first_due(each, memory) - NOW).days for each in ids)
    assert len(days) >= 180
    assert max(days.values()) < 40


def test_what_holds_is_asked_about_later_and_later(bench):
    entry = old_entry(bench, 200)
    gaps = []
    for _ in range(4):
        answered = bench.base.review.answer(entry.id, Answer.HOLDS)
        assert answered.due_at is not None
        gap = answered.due_at - bench.clock.now()
        gaps.append(gap)
        bench.clock.elapsed_s += gap.total_seconds()
        assert due_ids(bench) == [entry.id]
    assert gaps[0] < gaps[1]
    assert gaps[-1] > timedelta(days=MOST_DAYS * 0.89)
    assert gaps[0] > timedelta(days=200)
    assert gaps[-1] <= timedelta(days=MOST_DAYS * 1.1)
    assert bench.base.review.standing(entry.id).times == 4


def test_what_needed_work_is_asked_about_sooner_than_what_held(bench):
    held, mended = old_entry(bench, 200, title="one"), old_entry(bench, 200, title="two")
    later = bench.base.review.answer(held.id, Answer.HOLDS).due_at
    sooner = bench.base.review.answer(mended.id, Answer.CHANGED).due_at
    assert sooner is not None
    assert later is not None
    assert timedelta(days=LEAST_DAYS * 0.9) <= sooner - bench.clock.now() < (later - bench.clock.now()) / 2


def test_what_is_outdated_is_obsolete_and_not_asked_about(bench):
    entry, other = old_entry(bench, 400, title="old"), old_entry(bench, 1, title="new")
    answered = bench.base.review.answer(entry.id, Answer.OUTDATED, other.id[-6:], "the API changed")
    assert answered.entry.status is Status.OBSOLETE
    assert answered.entry.superseded_by == other.id
    assert [link.link.reason for link in bench.base.get(entry.id).links] == ["the API changed"]
    bench.clock.elapsed_s += 4000 * DAY
    assert entry.id not in due_ids(bench)
    assert bench.base.past.operations(1)[0].verb == "review"


def test_never_is_never(bench):
    entry = old_entry(bench, 400)
    bench.base.review.answer(entry.id, Answer.NEVER)
    bench.clock.elapsed_s += 10_000 * DAY
    assert due_ids(bench) == []
    assert bench.base.review.standing(entry.id).due_at is None
    bench.base.review.answer(entry.id, Answer.AGAIN)
    assert due_ids(bench) == [entry.id]


def test_again_asks_about_what_is_not_due(bench):
    entry = old_entry(bench, 0)
    bench.base.review.answer(entry.id, Answer.AGAIN)
    assert due_ids(bench) == [entry.id]
    assert bench.base.review.due(ALL, 5).answered == 0


@pytest.mark.parametrize("history", [100, 0])
@pytest.mark.parametrize("answer", list(Answer))
def test_an_answer_can_be_taken_back(answer, history):
    from dataclasses import replace

    from support.bases import TUNING

    bench = make_bench(tuning=replace(TUNING, history=history))
    entry = old_entry(bench, 400)
    before = bench.base.review.standing(entry.id)
    answered = bench.base.review.answer(entry.id, answer)
    bench.base.review.take_back(answered)
    after_it = bench.base.review.standing(entry.id)
    assert replace(after_it, entry=before.entry, seen_at=before.seen_at, due_at=before.due_at) == before
    assert after_it.entry.status is Status.ACTIVE
    if history or answer is not Answer.OUTDATED:
        assert after_it == before
    bench.base.close()


def test_the_second_of_two_answers_goes_back_to_the_first(bench):
    entry = old_entry(bench, 400)
    first = bench.base.review.answer(entry.id, Answer.HOLDS)
    second = bench.base.review.answer(entry.id, Answer.NEVER)
    bench.base.review.take_back(second)
    assert bench.base.review.standing(entry.id).due_at == first.due_at


def test_an_outdated_entry_that_was_changed_since_stays_as_it_is(bench):
    entry = old_entry(bench, 400)
    answered = bench.base.review.answer(entry.id, Answer.OUTDATED)
    bench.base.change(entry.id, title="changed since")
    with pytest.raises(InvalidInput, match="changed since"):
        bench.base.review.take_back(answered)
    assert bench.base.get(entry.id).entry.status is Status.OBSOLETE
    assert bench.base.review.standing(entry.id).times == 1


def test_undo_takes_back_what_was_called_outdated(bench):
    entry, other = old_entry(bench, 400, title="old"), old_entry(bench, 1, title="new")
    bench.base.review.answer(entry.id, Answer.OUTDATED, other.id)
    bench.base.past.undo()
    assert bench.base.get(entry.id).entry == entry
    assert bench.base.get(entry.id).links == ()


def test_a_successor_is_for_what_is_outdated(bench):
    entry, other = old_entry(bench, 400, title="old"), old_entry(bench, 1, title="new")
    with pytest.raises(InvalidInput):
        bench.base.review.answer(entry.id, Answer.HOLDS, other.id)
    with pytest.raises(NotFound):
        bench.base.review.answer(entry.id, Answer.OUTDATED, "01ZZZZZZZZZZZZZZZZZZZZZZZZ")
    with pytest.raises(InvalidInput):
        bench.base.review.answer(entry.id, Answer.OUTDATED, entry.id)
    assert bench.store.reviews.of([bench.store.entries.key_of(entry.id)]) == {}
    assert bench.base.get(entry.id).entry == entry


def test_filters_choose_what_is_asked_about(bench):
    api, web = old_entry(bench, 400, project="api", title="one"), old_entry(bench, 500, project="web", title="two")
    bench.base.review.answer(web.id, Answer.AGAIN)
    assert due_ids(bench, filters=Filters(project="api")) == [api.id]
    assert due_ids(bench, filters=Filters(project="web")) == [web.id]
    assert due_ids(bench, filters=Filters(status=Status.OBSOLETE)) == []
    due = bench.base.review.due(ALL, 1, is_counted=True)
    assert (len(due.entries), due.total) == (1, 2)


def test_answers_of_today_count_for_today(bench):
    for number in range(5):
        old_entry(bench, 400 + number)
    assert bench.base.review.left_today(3) == 3
    bench.base.review.answer(due_ids(bench)[0], Answer.HOLDS)
    assert bench.base.review.left_today(3) == 2
    bench.clock.elapsed_s += 2 * DAY
    assert bench.base.review.left_today(3) == 3
    assert bench.base.review.left_today(10) == 4


def test_what_was_changed_after_its_review_is_left_alone_for_a_month(bench):
    entry = old_entry(bench, 400)
    gap = bench.base.review.answer(entry.id, Answer.CHANGED).due_at - bench.clock.now()
    bench.clock.elapsed_s += gap.total_seconds()
    assert due_ids(bench) == [entry.id]
    bench.base.change(entry.id, title="another title")
    assert due_ids(bench) == []
    bench.clock.elapsed_s += LEAST_DAYS * DAY
    assert due_ids(bench) == [entry.id]


def test_a_deleted_entry_takes_its_review_along_and_comes_back_without(bench):
    entry = old_entry(bench, 400)
    bench.base.review.answer(entry.id, Answer.NEVER)
    bench.base.delete(entry.id)
    assert due_ids(bench) == []
    bench.base.restore(entry.id)
    assert bench.base.review.standing(entry.id).times == 0
    assert due_ids(bench) == [entry.id]


def test_no_review_is_left_of_what_is_deleted_for_ever(bench):
    entry = old_entry(bench, 400)
    bench.base.review.answer(entry.id, Answer.HOLDS)
    bench.base.delete(entry.id, forever=True)
    assert bench.store.db.value("SELECT count(*) FROM review") == 0


def test_a_review_survives_an_edit_and_indexes_made_anew(bench):
    entry = old_entry(bench, 400)
    due_at = bench.base.review.answer(entry.id, Answer.HOLDS).due_at
    bench.base.change(entry.id, content="more")
    bench.base.index.rebuild_words()
    assert bench.base.review.standing(entry.id).due_at == due_at


def test_nothing_of_a_review_is_exported(bench, tmp_path):
    entry = old_entry(bench, 400)
    bench.base.review.answer(entry.id, Answer.HOLDS)
    bench.base.files.export(tmp_path / "notes.jsonl")
    text = (tmp_path / "notes.jsonl").read_text("utf-8")
    assert entry.id in text
    assert "review" not in text
    assert "stability" not in text


@pytest.mark.parametrize(
    ("fields", "due", "days"),
    [
        ({"next_review": "2025-06-25", "review_interval": 27}, "2025-06-25", 27),
        ({"next_review": "2027-06-25T10:00:00", "review_interval": 90, "ease_factor": 2.1}, "2027-06-25", 90),
        ({"sr-due": "2025-06-25", "sr-interval": 4, "sr-ease": 270}, "2025-06-25", 4),
        ({"next_review": "2025-06-25"}, "2025-06-25", FIRST_DAYS[EntryType.TIL]),
        ({"next_review": "2025-06-25", "review_interval": "often", "ease_factor": [2]}, "2025-06-25", 180),
    ],
)
def test_a_schedule_that_an_entry_brings_is_taken_over(bench, fields, due, days):
    entry = old_entry(bench, 2000, other_fields=others(fields))
    standing = bench.base.review.standing(entry.id)
    assert standing.due_at is not None
    assert standing.due_at.astimezone().strftime("%Y-%m-%d") == due
    assert (standing.due_at - standing.seen_at).days == days
    assert due_ids(bench) == ([entry.id] if due < "2026" else [])


@pytest.mark.parametrize(
    "fields", [{"next_review": None}, {"next_review": "soon"}, {"review_interval": 3}, {"due": "2020-01-01"}]
)
def test_what_is_no_schedule_is_none(bench, fields):
    entry = old_entry(bench, 0, other_fields=others(fields))
    assert taken_over(entry) is None
    assert bench.store.reviews.of([bench.store.entries.key_of(entry.id)]) == {}


@given(
    st.floats(0.01, 5000),
    st.floats(1, 10),
    st.floats(0, 20_000),
    st.booleans(),
)
def test_any_memory_becomes_one_within_its_bounds(stability, difficulty, days, held):
    memory = after(Memory(stability, difficulty, NOW - timedelta(days=days)), NOW, held=held)
    assert LEAST_DAYS <= memory.stability <= MOST_DAYS
    assert 1 <= memory.difficulty <= 10
    assert memory.seen_at == NOW


@given(
    st.text()
    | st.sampled_from(['{"stability": 1e999}', '{"stability": -1, "difficulty": 5}', "[]", '{"stability": []}'])
)
def test_a_card_that_cannot_be_read_is_a_first_one(card):
    memory = memory_of(Review(NOW, None, 3, card), EntryType.BUG, NOW)
    assert memory == first_memory(EntryType.BUG, NOW)


def test_a_link_that_supersedes_takes_an_entry_out_of_review(bench):
    entry, other = old_entry(bench, 400, title="old"), old_entry(bench, 0, title="new")
    bench.base.link(other.id, entry.id, LinkType.SUPERSEDES)
    assert due_ids(bench) == []


def test_of_what_is_obsolete_nobody_says_that_it_holds():
    bench = make_bench()
    old = bench.base.add(Draft(EntryType.BUG, "old")).entry
    bench.base.deprecate(old.id)
    for answer in (Answer.HOLDS, Answer.AGAIN):
        with pytest.raises(InvalidInput):
            bench.base.review.answer(old.id, answer)
    bench.base.close()
