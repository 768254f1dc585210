"""What is asked before a pattern is tried, so that most notes cost little, changes no answer."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from rekall.entry.rules import is_ulid
from rekall.exchange import markdown_text
from rekall.exchange.markdown_names import FILE_NAMES, TITLES, is_generic
from rekall.exchange.markdown_text import masked
from rekall.store.folding import fold
from rekall.store.sqlite import SqliteStore
from rekall.store.title_words import title_words, typed
from rekall.system.clock import Clock

PIECES = [
    "`",
    "```",
    "````",
    "~~~",
    "\n",
    "\n\n",
    "\n \t\n",
    "    ",
    "\t",
    " ",
    "a",
    "b c",
    "> ",
    "- ",
    "1. ",
    "py",
    "<!--",
    "-->",
]
texts = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


@given(texts)
def test_fences_are_those_that_a_look_at_every_line_finds(text):
    every_line = re.compile(f"^{markdown_text._FENCE.pattern}", re.MULTILINE)
    assert [found.span() for found in markdown_text._fences(text)] == [
        found.span() for found in every_line.finditer(text)
    ]


@given(texts)
def test_code_between_single_backticks_is_found_as_among_longer_runs(text):
    text = text.replace("``", "`")
    among = markdown_text._without_spans(f"{text}\n\n``x``")
    assert markdown_text._without_spans(text) == among[: len(text)]
    assert len(masked(text)) == len(text)


@given(st.text(st.characters(max_codepoint=127), max_size=30))
def test_the_words_of_an_ascii_title_are_those_that_fts5_makes(text):
    store = SqliteStore(None)
    try:
        whole = [word for _, _, word in store.db.stem_places(fold(text), stems=False)]
        assert title_words(store.db, text) == (whole or [typed(text)])
    finally:
        store.close()


@given(st.text(st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZabz ILOUß\u017f\u0131-"), min_size=24, max_size=27))
def test_ids_are_those_that_the_package_takes(text):
    try:
        is_one = len(text) == 26 and bool(ULID.from_str(text.upper()))
    except ValueError:
        is_one = False
    assert is_ulid(text) == is_one


def test_new_ids_are_ulids_of_their_time():
    clock = Clock()
    made = [clock.new_id(clock.now()) for _ in range(100)]
    assert len(set(made)) == 100
    assert all(is_ulid(each) and abs(ULID.from_str(each).timestamp - clock.now().timestamp()) < 100 for each in made)


@pytest.mark.parametrize("names", [FILE_NAMES, TITLES], ids=["files", "titles"])
def test_titles_that_say_nothing_are_known_by_how_they_begin(names):
    chance = random.Random(1)
    marks = [" ", "#", "-", "_", ":", "\x1c", "\x0b", ".md", " 2", "(3)", ".pt-BR"]
    for name in (*sorted(names), "a note", "homely", "2"):
        for _ in range(20):
            title = "".join(chance.choices(marks, k=chance.randrange(3))) + chance.choice(
                [name, name.title(), name.upper()]
            )
            title += "".join(chance.choices(marks, k=chance.randrange(3)))
            assert is_generic(title, names) == is_generic(f"{title}\u00a0", names), title  # which is looked at in full
