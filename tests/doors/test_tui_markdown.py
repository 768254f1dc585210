"""Markdown as text: every part of it, at any width, with nothing lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekall.tui.markdown import MarkdownText


def laid_out(source: str, width: int = 40) -> list[str]:
    return [line.plain.rstrip() for line in MarkdownText(source).laid_out(width)]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("# Title #\ntext", ["Title", "", "text"]),
        ("one\ntwo  \nthree", ["one two", "three"]),
        ("**a** *b* `c` ~~d~~ [e](http://x)", ["a b c d e"]),
        ("- a\n- b\n  - c\n- d\n\nend", ["• a", "• b", "  • c", "• d", "", "end"]),
        ("3. a\n4. b", ["3. a", "4. b"]),
        ("- a\n\n- b", ["• a", "", "• b"]),
        ("- a\n\n  more", ["• a", "", "  more"]),
        ("> a\n> - b", ["▏ a", "", "▏ • b"]),
        ("```py\nif x:\n    y\n```", [" if x:", "     y"]),
        ("    a\n\n    b", [" a", "", " b"]),
        ("| a | bb |\n|---|---|\n| ccc | d |", ["a    bb", "───  ──", "ccc  d"]),
        ("---", ["─" * 40]),
        ("<b>x</b> Vec<String>\n\n<div>y</div>", ["<b>x</b> Vec<String>", "", "<div>y</div>"]),
        ("![alt](pic.png) ![](b.png)", ["[image: alt] [image: b.png]"]),
        ("[bold]x[/]", ["[bold]x[/]"]),
        ("a\tb `c\td`", ["a b c d"]),
        ("__init__ and __all__, __Note__ __two words__ __`x`__", ["__init__ and __all__, Note two words x"]),
    ],
)
def test_parts(source, lines):
    assert laid_out(source) == lines


def test_further_lines_stand_below_the_first():
    assert laid_out("- one two three four\n- five", 12) == ["• one two", "  three four", "• five"]


def test_a_table_that_is_too_wide_keeps_every_cell():
    lines = laid_out("| first column | second column |\n|---|---|\n| " + "x" * 30 + " | " + "y" * 30 + " |", 20)
    assert "".join(lines).count("x") == 30
    assert "".join(lines).count("y") == 30
    assert max(len(line) for line in lines) <= 20


@pytest.mark.parametrize(
    "source", ["> " * 25 + "deep", "> " * 200 + "deep", "- " * 90 + "deep", "> " * 58 + "deep", "*" * 500 + "deep"]
)
def test_what_lies_deep_is_not_lost(source):
    assert "deep" in MarkdownText(source).plain


def test_code_is_folded_and_fills_its_lines():
    lines = MarkdownText("```\n" + "z" * 50 + "\n```").laid_out(20)
    assert [line.cell_length for line in lines] == [20, 20, 20]
    assert "".join(line.plain for line in lines).count("z") == 50


def test_a_click_on_a_link_copies_its_address():
    (line,) = MarkdownText("see [it](<http://x/')y>)").laid_out(40)
    metas = [span.style.meta for span in line.spans if not isinstance(span.style, str)]
    assert metas == [{"@click": 'copy_address("http://x/\')y")'}]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab 漢\n-*_`>#|1.[]()<~\t\"'"), max_size=80), st.integers(10, 30))
def test_no_text_is_an_error_and_no_line_too_long(source, width):
    document = MarkdownText(source)
    lines = document.laid_out(width)
    depth = max((len(line.plain) - len(line.plain.lstrip(" ▏•0123456789."))) for line in lines) if lines else 0
    assert all(line.cell_length <= max(width, depth + 8) for line in lines)
    assert lines == document.laid_out(width)


@given(st.lists(st.from_regex(r"[a-z]{1,12}", fullmatch=True), min_size=1, max_size=30), st.integers(16, 40))
def test_words_come_through(words, width):
    text = " ".join(laid_out("- " + " ".join(words), width))
    assert re.findall(r"[a-z]+", text) == words
