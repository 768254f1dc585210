"""JSON with comments: one place changes, and every other character stays."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekall.errors import InvalidInput
from rekall.system.jsonc import parsed, put, removed

NEW = {"command": "/opt/re kall", "args": ["mcp"]}

SHAPES = {
    "blanks inside": '{ "a" : 1 }',
    "a line an item": '{\n  "s": {\n    "x": {"c": 1}\n  },\n  "z": [1, 2]\n}\n',
    "four blanks": '{\n    "s": {\n        "x": 1\n    }\n}',
    "tabs and Windows": '{\r\n\t"s": {\r\n\t\t"x": 1\r\n\t}\r\n}\r\n',
    "comments": '// top\n{\n  // s\n  "s": { // open\n    "x": 1 /* one */ // last\n    // after\n  }, // close\n}\n// end\n',
    "commas before ends": '{\n  "s": {\n    "x": 1, // one\n  },\n}\n',
    "one line": '{"s": {"x": 1}, "b": [1,]}',
    "only a comment inside": '{\n  "s": {\n    // none yet\n  }\n}\n',
    "a comment on the line": '{"s":{// c\n}}',
    "a mark of Windows' editors": '\ufeff{"s": {"x": 1}}',
    "what looks like comments": '{"s": {"u": "http://x/*y*/", "q": "\\" // no"}}',
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_a_member_comes_and_goes_and_nothing_else_moves(text):
    new = put(text, ["s", "r"], NEW)
    assert parsed(new)["s"]["r"] == NEW
    assert put(new, ["s", "r"], NEW) == new
    assert ("\r\n" in text) == ("\r\n" in new)
    gone = removed(new, ["s", "r"])
    assert gone == text if "s" in parsed(text) else parsed(gone) == {**parsed(text), "s": {}}


@pytest.mark.parametrize("text", ["", "\n", "// mine\n", "{}", "{ }\n"])
def test_an_empty_text_is_laid_out_by_lines(text):
    new = put(text, ["s", "r"], NEW)
    assert parsed(new) == {"s": {"r": NEW}}
    assert '\n    "r": {\n      "command"' in new
    assert ("// mine" in text) == ("// mine" in new)


def test_what_stands_in_a_member_that_changes_stays():
    text = '{\n  "r": {\n    // by hand\n    "command": "old", // first\n    "mine": true\n  }\n}\n'
    new = put(text, ["r"], {"command": "new", "mine": True, "args": []})
    assert new == (
        '{\n  "r": {\n    // by hand\n    "command": "new", // first\n    "mine": true,\n    "args": []\n  }\n}\n'
    )


def test_items_of_a_list_are_known_by_their_number():
    text = '{\n  "h": [\n    {"a": 1}, // one\n    {"b": 2}\n  ]\n}\n'
    longer = put(text, ["h", 2], {"c": 3})
    assert parsed(longer)["h"] == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert removed(longer, ["h", 2]) == text
    assert removed(text, ["h", 0]) == '{\n  "h": [\n    // one\n    {"b": 2}\n  ]\n}\n'
    assert parsed(put("", ["h", 0, "c"], 1)) == {"h": [{"c": 1}]}
    assert parsed(put('{"a": [true, 1]}', ["a", 0], 1)) == {"a": [1, 1]}


def test_of_members_with_one_name_the_last_counts():
    assert put('{"a": 1, "a": 2}', ["a"], 3) == '{"a": 1, "a": 3}'


def test_half_a_character_is_written_as_it_was():
    new = put('{"cut": "\\ud83d"}', ["\ud83d"], "x\ud83d")
    new.encode()
    assert json.loads(new) == {"cut": "\ud83d", "\ud83d": "x\ud83d"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{,}", 1),
        ('{"a": 1 "b": 2}', 1),
        ('{"a": 1,,}', 1),
        ('{"a":\n\n tru}', 3),
        ("{'a': 1}", 1),
        ('{"a": "b\n"}', 1),
        ("[1, 2", 1),
        ('{"a": 1}\n}', 2),
        ('{"a": 01}', 1),
        ("{} /* never", 1),
        ("[" * 100_000, 0),
    ],
)
def test_what_is_no_json_even_so_is_refused_with_its_line(text, line):
    for use in (parsed, lambda broken: put(broken, ["a"], 1), lambda broken: removed(broken, ["a"])):
        with pytest.raises(InvalidInput, match=f"line {line}" if line else "too deep"):
            use(text)


@pytest.mark.parametrize("text", ["null", '{"s": null}', '{"s": {"r": null}}', "// none\nnull\n"])
def test_null_is_a_place_that_is_empty(text):
    new = put(text, ["s", "r"], NEW)
    assert parsed(new) == {"s": {"r": NEW}}
    assert text.partition("null")[0] in new


@pytest.mark.parametrize("text", ['{"s": []}', "[]", '"s"', '{"s": 3}'])
def test_nothing_is_put_where_nothing_can_lie(text):
    with pytest.raises(InvalidInput):
        put(text, ["s", "r"], NEW)
    with pytest.raises(InvalidInput):
        removed(text, ["s", "r"])


names = st.sampled_from(["a", "b", "s", 'q"\\', "é文"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "//x", "/*", "é", '"', "\ud83d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def texts(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """An object, and a text of it with comments, commas and blanks wherever they may stand."""
    number = iter(range(1_000))

    def gap() -> str:
        kind = draw(st.sampled_from(["", "", " ", "\n  ", "//", "/*"]))
        return f" // c{next(number)}\n" if kind == "//" else f"/* c{next(number)} */" if kind == "/*" else kind

    def written(value: Any) -> str:
        if not isinstance(value, (dict, list)):
            return json.dumps(value)
        items = (
            [f"{json.dumps(name)}{gap()}:{gap()}{written(each)}" for name, each in value.items()]
            if isinstance(value, dict)
            else [written(each) for each in value]
        )
        inside = ",".join(f"{gap()}{item}{gap()}" for item in items) or gap()
        end = "," + gap() if items and draw(st.booleans()) else ""
        return ("{%s}" if isinstance(value, dict) else "[%s]") % (inside + end)

    document = draw(st.dictionaries(names, values, max_size=4))
    return document, gap() + written(document) + gap()


def comments(text: str) -> list[str]:
    return re.findall(r"// c\d+|/\* c\d+ \*/", text)


@settings(max_examples=150, deadline=None)
@given(made=texts(), name=names, value=values)
def test_any_text_takes_a_member_and_keeps_every_comment(made, name, value):
    document, text = made
    assert parsed(text) == document
    new = put(text, [name], value)
    new.encode()
    assert parsed(new) == {**document, name: value}
    if name not in document:
        assert comments(new) == comments(text)
    gone = removed(new, [name])
    rest = {key: each for key, each in document.items() if key != name}
    assert parsed(gone) == rest
    left = comments(gone)
    assert left == [each for each in comments(new) if each in left]  # in their order
    if name not in document:
        assert left == comments(text)
