"""Whatever a Markdown file holds: no dialect raises, and every word of it is in the note."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekall.exchange.dialect import Note, Source
from rekall.exchange.dialects import basic_memory, cheats, dendron, hugo, joplin, logseq, markdown, notion, obsidian, zk
from rekall.exchange.markdown_note import texts_of
from rekall.exchange.markdown_text import masked

DIALECTS = (
    *(module.DIALECT for module in (basic_memory, dendron, hugo, logseq, markdown, notion, obsidian, zk)),
    *cheats.DIALECTS,
)
NAMES = (
    "dns-notes.md",
    "README.md",
    "2024-05-01.md",
    "20210304101112 Zettel.md",
    "lang.python.venv.md",
    "DNS 0123456789abcdef0123456789abcdef.md",
)
WORD = re.compile(r"\w+")


def in_memory(text: str, name: str, marks: frozenset[str] = frozenset()) -> Source:
    """A file that is nowhere on disk."""
    source = Source(Path("/nowhere/notes") / name, PurePosixPath(name), marks)
    source._data = text.encode("utf-8", "replace")
    return source


def words(note: Note) -> set[str]:
    texts = [*texts_of(note.fields), note.content, note.title, *note.keywords]
    return {word for text in texts for word in WORD.findall(text)}


PIECES = st.sampled_from(
    [
        "#",
        "##",
        "---",
        "===",
        "```",
        "~~~",
        "`",
        "``",
        "[[",
        "]]",
        "|",
        "![[",
        "](",
        ")",
        "[",
        "<",
        ">",
        "<!--",
        "-->",
        "#tag",
        "::",
        "-",
        "*",
        "+",
        ">",
        "%%",
        "{{",
        "}}",
        ":",
        "key:",
        "tags::",
        "title::",
        "title:",
        "[x]",
        "(:/",
        "\\",
        "<h1>",
        "</h1>",
        "<pre>",
        "{#id}",
        "+++",
        "...",
        "~",
        "_",
        "__",
        "**",
        "#",
        "#",
    ]
)
LETTERS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
SPACES = st.sampled_from([" ", "\n", "\n\n", "    ", "\t", ""])
TEXTS = st.lists(st.tuples(st.one_of(PIECES, LETTERS), SPACES), max_size=40).map(
    lambda pairs: "".join(piece + space for piece, space in pairs)
)


@settings(max_examples=200, deadline=None)
@given(
    text=st.one_of(TEXTS, st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=200)),
    name=st.sampled_from(NAMES),
)
def test_every_word_of_any_text_is_in_the_note(text: str, name: str) -> None:
    for dialect in DIALECTS:
        source = in_memory(text, name)
        assert dialect.fits(source) in (True, False)
        notes = list(dialect.notes(source))
        assert all(isinstance(note, Note) for note in notes)
        known = {word for note in notes if isinstance(note, Note) for word in words(note)}
        lost = {word for word in WORD.findall(source.text) if word.strip("_")} - known - {"title"}
        assert not lost, (dialect.name, lost)


PLAIN = st.text(st.characters(categories=("L", "N"), max_codepoint=0x2FF), min_size=1, max_size=12)
VALUES = st.one_of(PLAIN, st.lists(PLAIN, min_size=1, max_size=4))
HEADS = st.dictionaries(
    st.one_of(
        st.sampled_from(["title", "tags", "aliases", "date", "status", "type", "up", "categories", "permalink"]), PLAIN
    ),
    VALUES,
    min_size=1,
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(head=HEADS, body=TEXTS, name=st.sampled_from(NAMES))
def test_every_word_of_a_head_is_in_the_note(head: Mapping[str, Any], body: str, name: str) -> None:
    text = "---\n" + "".join(f"{key}: {yaml(value)}\n" for key, value in head.items()) + "---\n" + body
    for dialect in DIALECTS:
        source = in_memory(text, name)
        known = {word for note in dialect.notes(source) if isinstance(note, Note) for word in words(note)}
        lost = {word for word in WORD.findall(source.text) if word.strip("_")} - known - {"title"}
        assert not lost, (dialect.name, lost)


def yaml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else "[" + ", ".join(f'"{item}"' for item in value) + "]"


@given(text=TEXTS)
def test_what_hides_code_keeps_the_place_of_every_character(text: str) -> None:
    shown = masked(text)
    assert len(shown) == len(text)
    assert all(now in (was, " ") for was, now in zip(text, shown, strict=True))
    assert shown.count("\n") == text.count("\n")


HOSTILE: Mapping[str, Callable[[int], str]] = {
    "backticks": lambda n: " ".join("`" * (1 + i % 50) for i in range(n // 25)),
    "brackets": lambda n: "[" * n,
    "wikilinks": lambda n: "[[a" * (n // 3),
    "links": lambda n: "[a](" * (n // 4),
    "hashes": lambda n: "# " * (n // 2),
    "tags": lambda n: "#a" * (n // 2),
    "blanks in a heading": lambda n: "# a" + " " * n + "b",
    "blanks": lambda n: "-" + " " * n + "x\n# T",
    "comments": lambda n: "<!--" * (n // 4),
    "pre": lambda n: "<pre" * (n // 4),
    "fences": lambda n: "```\n~~~\n" * (n // 8),
    "quotes": lambda n: "> " * (n // 2),
    "fields": lambda n: "a:: b\n" * (n // 6),
    "relations": lambda n: "- a" + " " * n + "[[b",
    "relation lines": lambda n: "- a [[b]] (\n" * (n // 12),
    "colons": lambda n: ":a" * (n // 2),
    "percent": lambda n: "%%" * (n // 2) + "\n# T",
    "braces": lambda n: "{{" * (n // 2) + "\n# T",
    "definitions": lambda n: "[a]: b\n" * (n // 7),
    "elements": lambda n: "<a " * (n // 3) + "\n# T",
    "emphasis": lambda n: "# " + "*a_" * (n // 3),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_that_makes_patterns_search_for_ever_is_read(name: str) -> None:
    """What takes more than its share of time here would not end: every text is 100,000 characters of one thing."""
    text = HOSTILE[name](100_000)
    for dialect in DIALECTS:
        source = in_memory(text, "dns-notes.md")
        dialect.fits(source)
        assert [note for note in dialect.notes(source) if isinstance(note, Note)]


def test_a_jex_is_no_markdown_and_markdown_no_jex() -> None:
    assert not joplin.DIALECT.fits(in_memory("# Notes\n\ntext\n", "a.md"))
