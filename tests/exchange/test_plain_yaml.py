"""Front matter that is read without a parser of YAML says what the parser makes of it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rekall.exchange import plain_yaml
from rekall.exchange.front_matter import read_yaml

_SIGNS = st.sampled_from(list("abzAZ019_é✓ñ–“”’…漢\u0301\xa0\x85\u2028\t\"'\\#:,-[]{}&*!|>%@`?~<=.+/$()^; "))
_USUAL = st.sampled_from(
    [
        *("no", "3.10", "2024-01-24", "12:30:45", "0x80070005", "https://a.b/c#d", "a b", "a#b", "C#", "a, b", "x "),
        *(
            "[a, b]",
            "[]",
            "[ ]",
            "[a b , c]",
            "['x y', z]",
            '["x", "y" ]',
            '"a: b"',
            "'a # b'",
            '""',
            "''",
            "(a) $b +c",
        ),
        *("null", "Null", "[null, b]", "'null'", "", "./a", "é–“”’…"),
    ]
)
_RARE = st.sampled_from(
    [
        *(
            "~",
            "[a,]",
            "['x, y', z]",
            "'it''s'",
            '"a\\n"',
            "a: b",
            "a #b",
            "a:",
            "- a",
            "|",
            ">",
            "&a b",
            "*a",
            "!!str a",
        ),
        *(
            "[[Home]]",
            "{{title}}",
            "{a: b}",
            "#a",
            "<<",
            "=",
            "...",
            "---",
            "@me",
            "[a: b]",
            "[a, [b]]",
            "[a #b]",
            "'a",
        ),
    ]
)
_VALUES = _USUAL | _USUAL | st.text(_SIGNS, max_size=3) | _RARE
_NAMES = st.sampled_from(["title", "tags", "date", "up", "b", "c", "d"]) | st.sampled_from(
    ["a-b", "_x", "y", "a b", "null", "<<", "é", "9", "-", "? a", '"q"']
)
_FIELDS = st.builds("{}: {}\n".format, _NAMES, _VALUES)
_LISTS = st.builds(
    lambda name, indent, items: f"{name}:\n" + "".join(f"{indent}- {item}\n" for item in items),
    _NAMES,
    st.sampled_from(["", "  ", "    "]),
    st.lists(_VALUES, max_size=3),
)
_STRAY = st.builds("{}{}\n".format, st.sampled_from(["", " ", "  ", "- ", "  - ", "\t"]), _VALUES)
_WILD = st.lists(_FIELDS | _LISTS | _STRAY, max_size=4).map("".join)
_TAME = st.dictionaries(
    st.sampled_from(["title", "tags", "date", "a-b", "_x"]), _USUAL | st.lists(_USUAL, min_size=1)
).map(
    lambda fields: "".join(
        f"{name}:\n" + "".join(f"- {item}\n" for item in value) if isinstance(value, list) else f"{name}: {value}\n"
        for name, value in fields.items()
    )
)
_HEADS = _TAME | _TAME | st.builds("{}{}".format, _TAME, _FIELDS | _STRAY) | _WILD


@settings(max_examples=500)
@given(_HEADS)
@example("title: a\ntags:\n- a\n  - b\n")
@example("a:\nb: [x y, 'z', \"w\"]\nc: a:b #c\n")
@example("a: x\n  y\n")
@example("a: b\n: c\n")
def test_what_is_read_without_a_parser_is_what_the_parser_reads(head: str) -> None:
    """Whenever the fast way takes a head, it reads what the slow one does."""
    fields = plain_yaml.read(head)
    if fields is not None:
        assert fields == read_yaml(head)


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        ("title: DNS, and why: no\n", None),
        ("title: C# and 3.10\n", {"title": "C# and 3.10"}),
        ("tags: [net, 'a b']\ndraft: no\n", {"tags": ["net", "a b"], "draft": "no"}),
        ("tags:\n  - net\n  - dns\nurl: https://x.y/z#a\n", {"tags": ["net", "dns"], "url": "https://x.y/z#a"}),
        ("up:\nnext: null\n", {"up": None, "next": None}),
        ("when: 2024-01-24T10:00:00Z\n", {"when": "2024-01-24T10:00:00Z"}),
        ("a: 1\na: 2\n", None),
        ("a: x # y\n", None),
        ("a: *b\n", None),
        ("a: [b, [c]]\n", None),
        ('a: "b\\n"\n', None),
        ("", None),
    ],
)
def test_usual_heads_are_read_and_all_others_are_left(head: str, fields: dict[str, object] | None) -> None:
    """The usual forms go the fast way; whatever may mean more than it looks does not."""
    assert plain_yaml.read(head) == fields
