import time
from dataclasses import replace
from datetime import datetime, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from rekall.entry.fields import Entry
from rekall.entry.passages import (
    HEAD_CHARS,
    LONG_CHARS,
    MOST_PASSAGES,
    OVERLAP_CHARS,
    PASSAGE_CHARS,
    passage_texts,
    passages_of,
)
from rekall.entry.types import EntryType, Status

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def make_entry(title: str = "A title", content: str = "", **context: object) -> Entry:
    entry_id = "01" + "A" * 24
    return Entry(EntryType.TIL, title, content, id=entry_id, created_at=NOW, updated_at=NOW, **context)


def numbered(count: int) -> str:
    return " ".join(f"word{number:04}" for number in range(count))


def test_a_short_entry_is_its_head_alone():
    assert passage_texts(make_entry("Title", "The content.")) == ["Title\nThe content."]


def test_an_entry_of_a_title_alone_has_a_head():
    (text,) = passage_texts(make_entry("Title"))
    assert text.strip() == "Title"


def test_the_head_begins_with_the_title():
    assert passage_texts(make_entry("Title", numbered(900)))[0].startswith("Title\nword0000")


def test_all_that_an_entry_says_is_in_its_passages():
    entry = make_entry(
        "t",
        "the content",
        situation="the situation",
        solution="the solution",
        what_failed="the failure",
        error_messages=("error one", "error two"),
        keywords=("key", "word"),
    )
    (text,) = passage_texts(entry)
    for part in (
        "the content",
        "the situation",
        "the solution",
        "the failure",
        "error one",
        "error two",
        "key",
        "word",
    ):
        assert part in text


def test_what_describes_the_problem_comes_before_the_details():
    (text,) = passage_texts(
        make_entry("t", "CONTENT", situation="SITUATION", solution="SOLUTION", error_messages=("ERROR",))
    )
    assert [part for part in text.split("\n") if part] == ["t", "SITUATION", "ERROR", "CONTENT", "SOLUTION"]


def test_tags_project_and_status_do_not_change_the_passages():
    entry = make_entry("t", numbered(300))
    other = replace(
        entry,
        tags=("a",),
        project="p",
        status=Status.OBSOLETE,
        confidence=5,
        type=EntryType.BUG,
        updated_at=datetime.now(timezone.utc),
    )
    assert passages_of(entry) == passages_of(other)


def test_a_body_at_the_border_is_not_long_and_one_more_character_is():
    assert len(passage_texts(make_entry(content="x" * LONG_CHARS))) == 1
    assert len(passage_texts(make_entry(content="x" * (LONG_CHARS + 1)))) == 2


def test_a_long_entry_has_a_bounded_number_of_passages():
    assert len(passage_texts(make_entry(content=numbered(5000)))) == 1 + MOST_PASSAGES


def test_further_passages_overlap_and_begin_where_a_word_begins():
    content = numbered(400)
    texts = passage_texts(make_entry(content=content))[1:]
    for text in texts:
        assert text.startswith("word")
        assert text.split()[-1] in content.split()
    for before, after in zip(texts, texts[1:]):  # noqa: RUF007 - pairs of neighbours
        start = content.index(after[:8])
        end = content.index(before[:8]) + len(before)
        assert end - OVERLAP_CHARS <= start < end


def test_lines_are_preferred_to_words_as_the_end_of_a_passage():
    content = "\n".join([numbered(80), numbered(80), numbered(80), numbered(80)])
    second = passage_texts(make_entry(content=content))[1]
    assert content[content.index(second) + len(second)] == "\n"


def test_positions_count_from_the_head():
    passages = passages_of(make_entry(content=numbered(400)))
    assert [passage.position for passage in passages] == list(range(len(passages)))


def test_a_hash_names_a_text_wherever_it_stands():
    first, second = passages_of(make_entry("a", numbered(400))), passages_of(make_entry("another title", numbered(400)))
    assert first[0].text_hash != second[0].text_hash
    assert [passage.text_hash for passage in first[1:]] == [passage.text_hash for passage in second[1:]]


def test_a_change_at_the_end_leaves_the_passages_before_it_alone():
    content = numbered(420)
    before, after = passages_of(make_entry(content=content)), passages_of(make_entry(content=content[:-8] + "changed."))
    assert len(before) == len(after)
    assert [one.text_hash == other.text_hash for one, other in zip(before, after)] == [True] * (len(before) - 1) + [
        False
    ]


def test_passages_of_a_huge_text_are_cut_at_once():
    entry = make_entry(content="x" * 4_000_000)
    begin = time.process_time()
    passages = passages_of(entry)
    assert time.process_time() - begin < 2
    assert sum(len(passage.text) for passage in passages) < HEAD_CHARS + MOST_PASSAGES * PASSAGE_CHARS + 10


LONG = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(["\n", " ", "x" * 700, "数据库" * 200, "word " * 100, "\n" * 300, " " * 500]),
    max_size=60,
).map("".join)


@settings(deadline=None, max_examples=150)
@given(content=LONG, title=st.text(max_size=500), situation=LONG)
def test_passages_are_bounded_stretches_that_leave_no_gap(content, title, situation):
    entry = make_entry(title, content, situation=situation)
    texts = passage_texts(entry)
    assert texts == passage_texts(entry)
    assert 1 <= len(texts) <= 1 + MOST_PASSAGES
    assert len(texts[0]) <= HEAD_CHARS
    assert f"{title}\n".startswith(texts[0][: len(title) + 1])
    body = "\n".join(part for part in (situation, content) if part)
    covered = PASSAGE_CHARS
    for text in texts[1:]:
        assert 0 < len(text) <= PASSAGE_CHARS
        places = [
            place for place in range(max(0, covered - PASSAGE_CHARS), covered + 1) if body.startswith(text, place)
        ]
        assert places
        covered = max(place + len(text) for place in places)
    if len(body) > LONG_CHARS and len(texts) <= MOST_PASSAGES:
        assert body[covered:].strip() == ""
