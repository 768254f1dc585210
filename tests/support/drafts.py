"""Drafts that are hard to carry: texts that look like syntax, values that look like others, every line end there is."""

from __future__ import annotations

from datetime import datetime, timezone

from hypothesis import strategies as st

from rekall.entry.fields import Draft
from rekall.entry.other import OtherField
from rekall.entry.types import EntryType, Status

NASTY = st.lists(
    st.sampled_from(
        [
            "---",
            "...",
            "\n",
            "\n\n",
            "\r",
            "\r\n",
            " ",
            "   \n",
            "\t",
            "# ",
            "#",
            ":",
            ": ",
            "'",
            '"',
            "\x85",
            "\u2028",
            "\u2029",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "\ufeff",
            "é",
            "`",
            "```\n",
            "null",
            "true",
            "2024",
            "2024-01-01",
            "|",
            ">",
            "%",
            "@",
            "&a",
            "*a",
            "!t",
            "\x0b",
            "\x0c",
            "\x01",
            "\x7f",
            "\xa0",
            "😀",
            "数据",
            "\\",
            "\\n",
            "~",
            "? ",
            ",",
            "word " * 30,
        ]
    ),
    max_size=10,
).map("".join)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60) | NASTY
ITEMS = st.lists(TEXT, max_size=4).map(tuple)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc)).map(
    lambda moment: moment.replace(microsecond=0)
)
NAMES = st.sampled_from(
    [
        "url",
        "aliases",
        "Aliases",
        "related",
        "deleted_at",
        "rekall",
        "links",
        "content",
        "1",
        "no",
        "x: y",
        "größe",
        "a b",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.sampled_from([0.5, "3.10", "0x80070005", "no", ""])
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b c", "1"]), inner, max_size=3),
    max_leaves=5,
)
OTHERS = st.dictionaries(NAMES, VALUES, max_size=3).map(
    lambda found: tuple(OtherField.of(name, value) for name, value in found.items())
)
DRAFTS = st.builds(
    Draft,
    type=st.sampled_from(EntryType),
    title=TEXT.map(lambda text: text[:400]).filter(lambda text: text.split()),
    content=TEXT,
    tags=st.lists(TEXT.map(lambda text: text[:40]), max_size=4).map(tuple),
    project=st.none() | TEXT,
    status=st.sampled_from(Status),
    confidence=st.integers(0, 5),
    situation=TEXT,
    solution=TEXT,
    what_failed=TEXT,
    error_messages=ITEMS,
    files=ITEMS,
    keywords=ITEMS,
    sources=ITEMS,
    other_fields=OTHERS,
    created_at=MOMENTS,
    updated_at=MOMENTS,
)
