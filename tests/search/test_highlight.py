"""What is marked in a text is what the words of the query stand for there, and nothing else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Bench, ask, make_bench


def marked(bench: Bench, text: str, line: str, *, unfinished: bool = False) -> str:
    """The text with brackets around what is marked."""
    for start, end in reversed(bench.base.highlights(text, line, unfinished=unfinished)):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


@pytest.fixture
def held(bench: Bench) -> Bench:
    for title, content in [
        ("CORS fails on Safari", "Send the header. The user_id is in C++ and naïve cafés."),
        ("Café au lait", "日本語のテスト"),
        ("Certificates expire", "renew certificates with certbot; the connection was reset by peer"),
        ("Reset", "the connection"),
    ]:
        bench.base.add("til", title, content=content)
    return bench


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("cors failing safari", "[CORS] [fails] on [Safari]"),
        ("the header", "Send the [header] of the users"),
        ("the", "[The] users of [the] header"),
        ("cafe", "naïve [cafe\u0301s] and [Cafés]"),
        ("naive", "[naïve] cafés"),
        ("日本", "[日本]語のテスト"),
        ("テスト", "日本語の[テスト]"),
        ("語", "日本[語]のテスト [語]"),
        ("safari", "👩‍👩‍👧 [safari] 日本 [Safari]"),
        ("C++", "[C++] and C and c#"),
        ("user_id", "the [user_id] of a [user]"),
        ("user", "the [user]_id"),
        ("cert*", "renew [certificates] with [certbot]"),
        ("certbo", "renew certificates with [certbot]"),
        ('"connection reset"', "connection was reset; [connection reset] by peer"),
        ('"connection reset" peer', "reset; [connection reset] by [peer]"),
        ("connectoin", "the [connection] was reset"),
        ("reset type:bug since:2026-01-01", "the type bug was [reset]"),
        ("strasse", "[STRASSE] [straße]"),
        ("can't reset it", "don't, it's t: [reset]"),
        ("error 'as' reset 'id'", "as [id] [reset]"),
        ("", "nothing"),
        ("!!!", "nothing!!!"),
    ],
)
def test_what_is_marked(held: Bench, line: str, text: str) -> None:
    assert marked(held, text.replace("[", "").replace("]", ""), line) == text


def test_the_word_that_is_being_typed_is_a_beginning(held: Bench) -> None:
    assert marked(held, "certificates", "certi") == "[certificates]"
    assert marked(held, "header", "hea", unfinished=True) == "[header]"


def test_what_was_written_since_is_looked_for_as_well(held: Bench) -> None:
    assert marked(held, "zebra crossing", "zeb") == "zebra crossing"
    held.base.add("til", "Zebra")
    assert marked(held, "zebra crossing", "zeb") == "[zebra] crossing"


@settings(max_examples=60, deadline=None)
@given(st.text("ab é\u0301日本C+-_.*\"' 👩\u200d\n", max_size=40), st.text('ab é日C+-_.*" ', max_size=12))
def test_places_are_in_order_and_in_the_text(text: str, line: str) -> None:
    found = BENCH.base.highlights(text, line)
    assert all(0 <= start < end <= len(text) for start, end in found)
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(found))


BENCH = make_bench()
BENCH.base.add("til", "ab é", content="日本 C++ a_b")


def test_a_hit_says_where_its_best_stretch_begins(bench: Bench) -> None:
    content = "nothing here\n" * 60 + "the walrus operator binds a name\n" + "nor here\n" * 30
    for title in ("one", "two", "three"):
        bench.base.add("til", title)
    bench.base.add("til", "Long", content=content)
    bench.base.add("til", "Elsewhere", situation="about a walrus, at length: " + "x " * 100)
    hits = {hit.entry.title: hit for hit in ask(bench, "walrus operator", "words").hits}
    assert content[hits["Long"].at :].startswith("walrus")
    assert hits["Elsewhere"].at == 0
