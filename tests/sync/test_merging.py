"""The merge of fields and of lines: symmetric but for who is "mine" in a conflict, the same when it is done again, and nothing is lost."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.depth import tries

from rekall.entry.fields import Draft
from rekall.entry.other import others
from rekall.entry.rules import checked, is_ulid
from rekall.entry.types import EntryType, Link, LinkType
from rekall.exchange.front_matter import split
from rekall.sync import lines
from rekall.sync.fields import kept_id, kept_state, merge
from rekall.sync.files import Root, Says, hash_of, read, whole
from rekall.sync.merging import merged_file
from rekall.sync.states import LINKS, Pair, State, draft_of, pack, state_of, unpack

ID = "01HF7YAZVGRQZ1773AHQ3RYWZY"
OTHER = "01HF7YAZVGRQZ1773AHQ3RYWZZ"
WORDS = st.sampled_from(["a", "b", "c", "d", "", "x y", "- z"])
TEXTS = st.lists(WORDS, max_size=6).map("\n".join)
FEW = st.lists(st.sampled_from("abcd"), max_size=3, unique=True)
LINK_NAMES = st.sampled_from([f"related {OTHER}", f"supersedes {OTHER}", f"contradicts {ID}"])


def states(**fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    """What an entry may say, in few words, so that two of them have something in common."""
    fields: dict[str, Any] = {
        "title": st.sampled_from(["one", "two", "three"]),
        "type": st.sampled_from(["bug", "reference", "til"]),
        "content": TEXTS,
        "solution": TEXTS,
        "tags": FEW,
        "project": st.sampled_from(["", "api", "web"]),
        "status": st.sampled_from(["active", "obsolete"]),
        "superseded_by": st.sampled_from(["", OTHER]),
        "confidence": st.sampled_from([0, 2, 5]),
        "created_at": st.sampled_from(["2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"]),
        "other": st.sampled_from(["", "1", "2"]),
        LINKS: st.dictionaries(LINK_NAMES, st.sampled_from(["", "why", "why not", "because"]), max_size=2),
    }
    return st.fixed_dictionaries(fields | fixed)


def words_of(state: State) -> set[str]:
    """Every text that a state holds, a line or an item each."""
    texts = [line for name in ("content", "solution") for line in str(state.get(name, "")).split("\n")]
    texts += [*state["tags"], str(state["title"]), str(state["project"]), str(state.get("other", ""))]
    return {text for text in texts if text.strip()} | {*state[LINKS]}


# texts


def test_equal_lines_are_merged_again_without_a_change():
    once = lines.merged("a", "a\na", "b\na")
    assert once == "b\na\na"
    for side in ("a\na", "b\na"):
        assert lines.merged("a", side, once) == lines.merged("a", once, side) == once


# fields


@given(states(), states(), states())
@settings(max_examples=tries(300), deadline=None)
def test_a_merge_is_the_same_whoever_makes_it_but_for_conflicts(base, mine, theirs):
    one, other = merge(base, base, mine, theirs), merge(base, base, theirs, mine)
    assert {*one.conflicts} == {*other.conflicts}
    for name in one.there:
        if name in one.conflicts:
            assert one.there[name] == mine[name]
        elif isinstance(one.there[name], list):
            assert {*one.there[name]} == {*other.there[name]}
        else:
            assert one.there[name] == other.there.get(name, "")


@given(states(), states(), states())
@settings(max_examples=tries(300), deadline=None)
def test_what_was_merged_once_is_merged_again_without_a_change(base, mine, theirs):
    merged = merge(base, base, mine, theirs)
    assert merge(merged.here, merged.there, merged.here, merged.there) == merge(base, base, merged.here, merged.there)
    again = merge(base, base, mine, merged.there)
    assert not again.conflicts
    assert again.there == merged.there


@given(states(), states())
@settings(max_examples=tries(300), deadline=None)
def test_one_changed_side_is_what_comes_of_it(base, changed):
    for merged in (merge(base, base, base, changed), merge(base, base, changed, base)):
        assert not merged.conflicts
        assert {name: value for name, value in merged.there.items() if value != ""} == {
            name: value for name, value in changed.items() if value != ""
        }


@given(states(), states(), states())
@settings(max_examples=tries(300), deadline=None)
def test_nothing_that_a_side_added_is_lost(base, mine, theirs):
    merged = merge(base, base, mine, theirs)
    kept = words_of(kept_state(ID, theirs, merged.conflicts)) if merged.conflicts else set()
    for side in (mine, theirs):
        assert words_of(side) - words_of(base) <= words_of(merged.there) | kept


@given(states(), states())
@settings(max_examples=tries(300), deadline=None)
def test_nothing_at_all_is_lost_where_nobody_knows_what_both_began_with(mine, theirs):
    merged = merge(None, None, mine, theirs)
    kept = words_of(kept_state(ID, theirs, merged.conflicts)) if merged.conflicts else set()
    assert words_of(mine) | words_of(theirs) <= words_of(merged.there) | kept
    assert {*merged.conflicts} == {*merge(None, None, theirs, mine).conflicts}


@given(states(), states(), states(), states())
@settings(max_examples=tries(200), deadline=None)
def test_a_side_that_says_it_otherwise_is_changed_only_where_the_other_was(here, there, mine, theirs):
    """What a file cannot say, the base may: neither takes what only the other one can have."""
    merged = merge(here, there, here, there)
    assert (merged.here, merged.there) == (
        {name: value for name, value in here.items() if value != "" or name != "other"},
        {name: value for name, value in there.items() if value != "" or name != "other"},
    )
    assert merge(here, there, mine, theirs).there


@given(states(), states(), st.integers(0, 3))
def test_the_entry_that_keeps_a_conflict_is_the_same_everywhere(one, other, number):
    assert is_ulid(kept_id(ID, one, number))
    assert kept_id(ID, one, number) == kept_id(ID, {**one, LINKS: {}}, number)
    said = [{name: value for name, value in each.items() if name != LINKS and value != ""} for each in (one, other)]
    assert (kept_id(ID, one) == kept_id(ID, other)) == (said[0] == said[1])
    assert kept_id(ID, one) != kept_id(OTHER, one)


# lines

LINES = st.lists(st.sampled_from(["a", "b", "c", "d", "e", ""]), max_size=10).map("\n".join)


@given(LINES, LINES, LINES)
@settings(max_examples=tries(500), deadline=None)
@example("a\nb", "a\nx\nb", "a\nx\ny\nb")
def test_lines_are_merged_alike_by_both_and_again(base, mine, theirs):
    merged = lines.merged(base, mine, theirs)
    assert merged == lines.merged(base, theirs, mine)
    if merged is not None:
        here, there = {*mine.split("\n")}, {*theirs.split("\n")}
        assert (here | there) - {*base.split("\n")} <= {*merged.split("\n")}
        assert {*merged.split("\n")} <= here | there
        if merged not in (mine, theirs):
            assert lines.merged(mine, mine, merged) == merged


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=30, unique=True), st.data())
@settings(max_examples=tries(200), deadline=None)
def test_changes_of_lines_that_are_apart_never_clash(numbers, data):
    base = [f"line {number}" for number in numbers]
    first = data.draw(st.integers(0, len(base) - 3))
    second = data.draw(st.integers(first + 2, len(base) - 1))
    mine, theirs = [*base], [*base]
    mine[first], theirs[second] = "mine", "theirs"
    both = [*mine]
    both[second] = "theirs"
    assert lines.merged("\n".join(base), "\n".join(mine), "\n".join(theirs)) == "\n".join(both)


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        ("a\nb\nc", "a\nb\nc\nd", "0\na\nb\nc", "0\na\nb\nc\nd"),
        ("a", "b", "c", None),
        ("a\nb\nc", "a\nc", "a\nb2\nc", None),
        ("a\nb", "a2\nb", "a\nb2", None),
        ("a", "a\nx", "a\ny", "a\nx\ny"),
        ("a", "a\nx", "a\nx\ny", "a\nx\ny"),
        ("", "x", "y", None),
    ],
)
def test_what_comes_of_lines(base, mine, theirs, merged):
    assert lines.merged(base, mine, theirs) == merged


@given(LINES, LINES)
@settings(max_examples=tries(500), deadline=None)
def test_two_texts_are_united_alike_by_both(one, other):
    united = lines.united(one, other)
    assert (united is None) == (lines.united(other, one) is None)
    if united is not None:
        assert {line for line in f"{one}\n{other}".split("\n") if line} == {line for line in united.split("\n") if line}


@given(LINES, LINES)
@settings(max_examples=tries(300), deadline=None)
def test_shared_lines_stand_in_both(one, other):
    here, there = one.split("\n"), other.split("\n")
    at = (0, 0)
    for in_one, in_other, count in lines.runs(here, there):
        assert count > 0
        assert (in_one, in_other) >= at
        assert in_one >= at[0]
        assert in_other >= at[1]
        assert here[in_one : in_one + count] == there[in_other : in_other + count]
        at = (in_one + count, in_other + count)


def test_long_texts_are_not_compared_line_by_line(monkeypatch):
    """Neither ten thousand equal lines nor as many that differ are compared each with each."""
    sizes = []

    class Matcher(difflib.SequenceMatcher[str]):
        def __init__(self, junk: None, one: Sequence[str], other: Sequence[str], *, autojunk: bool) -> None:
            sizes.append(len(one) * len(other))
            super().__init__(junk, one, other, autojunk=autojunk)

    monkeypatch.setattr(difflib, "SequenceMatcher", Matcher)
    one = ["a", "b"] * 10_000 + [f"a{n}" for n in range(10_000)] + ["x"] * 400
    other = ["b", "c"] * 10_000 + [f"b{n}" for n in range(10_000)] + ["y", *["x"] * 300, "z"]
    lines.merged("\n".join(one), "\n".join(other), "\n".join([*one, "end"]))
    assert lines.runs(["k", "a", "b", "a"], ["l", "b", "a", "b"])
    assert sizes
    assert max(sizes) <= 250_000


# files and states

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=40)
NAME = st.text("abcxyz_ é", min_size=1, max_size=8).filter(str.strip)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Drafts of any text."""
    made = Draft(
        draw(st.sampled_from(EntryType)),
        draw(TEXT.filter(lambda text: " ".join(text.split()))),
        draw(TEXT),
        tags=tuple(draw(st.lists(TEXT, max_size=2))),
        project=draw(st.none() | TEXT),
        confidence=draw(st.integers(0, 5)),
        solution=draw(TEXT),
        error_messages=tuple(draw(st.lists(TEXT, max_size=2))),
        other_fields=others(
            draw(st.dictionaries(NAME, st.none() | st.booleans() | st.integers() | TEXT | st.lists(TEXT), max_size=2))
        ),
    )
    return checked(made)


@given(drafts(), st.lists(st.sampled_from(LinkType), max_size=2, unique=True), TEXT)
@settings(max_examples=tries(300), deadline=None)
def test_an_entry_comes_back_from_its_file_as_it_was(draft, kinds, reason):
    reason = " ".join(reason.split())
    state = {**state_of(draft, [Link(ID, OTHER, kind, reason) for kind in kinds]), "created_at": "2024-01-01T00:00:00Z"}
    back = read(Root(Path("/notes")), "a.md", whole(state, ID))
    assert isinstance(back, Says), back
    assert back.is_own
    assert back.entry_id == ID
    assert {name: value for name, value in back.state.items() if value != ""} == {
        name: value for name, value in state.items() if value != ""
    }
    assert state_of(draft_of(back.state, ID))["content"] == draft.content


@given(states(), states(), states())
@settings(max_examples=tries(100), deadline=None)
def test_what_was_agreed_is_unpacked_as_it_was(here, there, before):
    for pair in (
        Pair(here, there),
        Pair(here, here, frozenset(here[LINKS])),
        Pair(here, there, frozenset(), True, before, hash_of(b"x")),
        Pair(here, there, frozenset(), True, None, ""),
    ):
        assert unpack(pack(pair)) == pair
    assert unpack(b"") == unpack(b"{}\n") == unpack(b"nonsense") == Pair()


FILE = """---
id: 01HF7YAZVGRQZ1773AHQ3RYWZY
title: Cache
type: bug
tags:
- a
created_at: '2024-01-01T00:00:00Z'
---

first
second
third
"""


def test_versions_of_a_file_are_merged_for_git():
    base = FILE.encode()
    mine = base.replace(b"- a\n", b"- a\n- b\n")
    theirs = base.replace(b"third", b"third\nfourth")
    assert merged_file(base, mine, theirs).data == mine.replace(b"third", b"third\nfourth")
    assert merged_file(base, mine, base).data == mine
    assert merged_file(base, base, theirs).data == theirs
    assert merged_file(None, mine, mine).data == mine


@pytest.mark.parametrize(("mine", "theirs"), [(None, b"changed"), (b"changed", None)])
def test_what_was_changed_goes_before_what_was_deleted(mine, theirs):
    assert merged_file(b"base", mine, theirs).data == b"changed"
    assert merged_file(b"base", None, b"base").data is None
    assert merged_file(b"base", None, None).data is None


def test_a_conflict_keeps_theirs_as_a_file_of_its_own():
    base = FILE.encode()
    merged = merged_file(base, base.replace(b"Cache", b"Mine"), base.replace(b"Cache", b"Theirs"))
    assert merged.conflicts == ("title",)
    assert merged.data == base.replace(b"Cache", b"Mine")
    assert merged.theirs is not None
    name, data = merged.theirs
    fields = split(data.decode()).fields
    assert name == f"theirs-{str(fields['id'])[-8:].lower()}.md"
    assert fields["title"] == "Theirs"
    assert fields["links"] == [{"target": ID, "type": "contradicts", "reason": "both were changed: title"}]
    other = merged_file(base, base.replace(b"Cache", b"Mine"), base.replace(b"Cache", b"Theirs"))
    assert other == merged


def test_tombstones_are_merged_by_their_lines():
    one, other = b"deleted\n" + b"a" * 32 + b"\n", b"deleted\n" + b"b" * 32 + b"\n"
    assert merged_file(None, one, other).data == b"deleted\n" + b"a" * 32 + b"\n" + b"b" * 32 + b"\n"
    assert merged_file(None, other, one) == merged_file(None, one, other)


@pytest.mark.parametrize("broken", [b"---\ntitle: [\n---\n", b"\xff\xfe\x00", b""])
def test_versions_that_are_no_notes_stay_mine(broken):
    assert merged_file(FILE.encode(), broken, FILE.encode() + b"x").data == broken
    assert merged_file(FILE.encode(), broken, FILE.encode() + b"x").conflicts
