"""Lines of any kind over a server's stdin: each is answered, under the request's id where that can be seen, and the talk goes on."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.systems import own_memory
from test_mcp_transports import Server

from rekall.mcp.lines import Line, LineReader, Refusal, id_seen, mended, taken_apart

PARSE_ERROR, INVALID_REQUEST = -32700, -32600
PING = b'{"jsonrpc":"2.0","id":"p","method":"ping"}'


def asked(rest: bytes, number: bytes = b'"a"') -> bytes:
    return b'{"jsonrpc":"2.0","id":' + number + b"," + rest + b"}"


REFUSED: dict[str, tuple[bytes, Any, int]] = {
    "no JSON": (b"hello", None, PARSE_ERROR),
    "cut off after the id": (b'{"jsonrpc": "2.0", "id": "a", "method": "tools/ca', "a", PARSE_ERROR),
    "cut off right after the id": (b'{"jsonrpc": "2.0", "id": 70', 70, PARSE_ERROR),
    "cut off before the id": (b'{"jsonrpc": "2.0", "method": "ping", "i', None, PARSE_ERROR),
    "a comma too many": (asked(b'"method":"ping",'), "a", PARSE_ERROR),
    "single quotes": (b"{'jsonrpc':'2.0','id':1}", None, PARSE_ERROR),
    "an escape that is none": (asked(b'"method":"\\q"'), "a", PARSE_ERROR),
    "UTF-16": (PING.decode().encode("utf-16-le"), None, PARSE_ERROR),
    "no UTF-8": (b"\xff\xfe\x80{", None, PARSE_ERROR),
    "NUL": (b"\0\0", None, PARSE_ERROR),
    "a number that is none": (asked(b'"method":"ping","params":{"a":NaN}'), "a", PARSE_ERROR),
    "infinity": (asked(b'"method":"ping","params":{"a":-Infinity}'), "a", PARSE_ERROR),
    "a number without end": (asked(b'"method":"ping","params":{"a":' + b"7" * 9_000 + b"}"), "a", PARSE_ERROR),
    "an id without end": (asked(b'"method":"ping"', b"7" * 9_000), None, PARSE_ERROR),
    "nested": (b"[" * 100_000, None, PARSE_ERROR),
    "nested in a request": (asked(b'"method":"x","params":' + b"[" * 100_000), "a", PARSE_ERROR),
    "nested and closed": (
        asked(b'"method":"x","params":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        "a",
        PARSE_ERROR,
    ),
    "an empty list": (b"[]", None, INVALID_REQUEST),
    "a list of what is none": (b"[1, 2]", None, INVALID_REQUEST),
    "a list of requests": (b"[" + PING + b"]", "p", INVALID_REQUEST),
    "a number": (b"1", None, INVALID_REQUEST),
    "a text": (b'"ping"', None, INVALID_REQUEST),
    "nothing": (b"null", None, INVALID_REQUEST),
    "no version": (b'{"id":"a","method":"ping"}', "a", INVALID_REQUEST),
    "another version": (b'{"jsonrpc":"1.0","id":"a","method":"ping"}', "a", INVALID_REQUEST),
    "no method": (b'{"jsonrpc":"2.0","id":"a"}', "a", INVALID_REQUEST),
    "a method that is none": (asked(b'"method":7'), "a", INVALID_REQUEST),
    "a list of arguments": (asked(b'"method":"ping","params":[1]'), "a", INVALID_REQUEST),
    "null for an id": (asked(b'"method":"ping"', b"null"), None, INVALID_REQUEST),
    "half a number for an id": (asked(b'"method":"ping"', b"1.5"), 1.5, INVALID_REQUEST),
    "an object for an id": (asked(b'"method":"ping"', b"{}"), None, INVALID_REQUEST),
    "truth for an id": (asked(b'"method":"ping"', b"true"), None, INVALID_REQUEST),
    "half a character for an id": (asked(b'"method":"ping"', b'"\\ud83d"'), "\ud83d", INVALID_REQUEST),
    "a broken answer": (b'{"jsonrpc":"2.0","id":"a","result":', None, PARSE_ERROR),
    "an answer of no shape": (b'{"jsonrpc":"2.0","id":"a","result":7}', None, INVALID_REQUEST),
    "an id in a text": (b'{"jsonrpc":"2.0","params":{"id":"no","text":"\\"id\\":\\"no\\",', None, PARSE_ERROR),
}

SERVED = {
    "a byte order mark": b"\xef\xbb\xbf" + PING,
    "two of them": b"\xef\xbb\xbf\xef\xbb\xbf" + PING,
    "blanks": b" \t" + PING + b"  ",
    "a line end of Windows": PING + b"\r",
    "bytes that are no UTF-8": asked(b'"method":"ping","params":{"_meta":{"x":"\xff\xc3"}}', b'"p"'),
    "half a character": asked(b'"method":"ping","params":{"_meta":{"x":"\\uD83D","\\ude00":1}}', b'"p"'),
    "a control character": asked(b'"method":"ping","params":{"_meta":{"x":"a\x01\tb"}}', b'"p"'),
    "a huge number": asked(b'"method":"ping","params":{"_meta":{"x":1e999}}', b'"p"'),
    "a name twice": asked(b'"id":"p","method":"x","method":"ping"', b'"q"'),
}


def refusals(data: bytes) -> list[Refusal]:
    return [taken for taken in taken_apart(Line(data)) if isinstance(taken, Refusal)]


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_under_the_id_that_can_be_seen(kind):
    data, number, code = REFUSED[kind]
    (refusal,) = refusals(data)
    assert (refusal.id, refusal.code) == (number, code)
    assert json.loads(refusal.dumped())["id"] == number
    assert refusal.dumped().isascii()


def test_every_line_is_answered_by_a_server_and_the_talk_goes_on(home):
    with Server("--set", "engine.model=none") as started:
        started.shake_hands()
        for kind, (data, number, code) in REFUSED.items():
            started.answers.pop(number, None)
            started.send(data + b"\n")
            assert started.answer(number)["error"]["code"] == code, kind
        for kind, data in SERVED.items():
            started.answers.pop("p", None)
            started.send(data + b"\n")
            assert started.answer("p").get("result") == {}, kind  # type: ignore[arg-type]
        started.stdin.close()
        assert started.left() == "0"
        assert all(json.loads(line)["jsonrpc"] == "2.0" for line in started.said)


def test_a_request_with_half_a_character_is_served_and_its_note_is_kept(home):
    with Server("--set", "engine.model=none") as started:
        started.shake_hands()
        arguments = b'{"type":"til","title":"cut \\ud83d","content":"whole \\ud83d\\ude00 \\udc00","tags":["\\ud83d"]}'
        started.send(asked(b'"method":"tools/call","params":{"name":"add","arguments":' + arguments + b"}") + b"\n")
        entry = started.answer("a")["result"]["structuredContent"]["id"]  # type: ignore[arg-type]
        read = started.call("get", ids=[entry])["text"]
        assert "# cut \ufffd\n" in read
        assert "whole \U0001f600 \ufffd" in read
        for place, line in {
            "method": asked(b'"method":"\\ud83d"'),
            "tool": asked(b'"method":"tools/call","params":{"name":"\\ud83d"}'),
            "argument": asked(b'"method":"tools/call","params":{"name":"recent","arguments":{"\\ud83d":1}}'),
            "value": asked(b'"method":"tools/call","params":{"name":"search","arguments":{"query":"\\ud83d"}}'),
            "resource": asked(b'"method":"resources/read","params":{"uri":"rekall://entry/\\ud83d"}'),
            "prompt": asked(b'"method":"prompts/get","params":{"name":"\\ud83d"}'),
        }.items():
            started.answers.pop("a", None)
            started.send(line + b"\n")
            assert started.answer("a").keys() & {"result", "error"}, place  # type: ignore[arg-type]


def test_two_requests_under_one_id_are_both_answered(home):
    with Server() as started:
        started.shake_hands()
        started.send((PING + b"\n") * 2)
        started.answer(started.request("ping"))
        assert sum(json.loads(line).get("id") == "p" for line in started.said) == 2


@own_memory
def test_a_line_of_a_hundred_megabytes_is_refused_and_not_kept(home):
    with Server() as started:
        started.shake_hands()
        before = started.seen.memory_info().rss
        started.send(b'{"method":"tools/call","params":{"name":"add","arguments":{"content":"')
        for _ in range(100):
            started.send(b"word " * 200_000)
        started.send(b'"}},"jsonrpc":"2.0","id":"long"}\n')
        assert started.answer("long")["error"]["code"] == INVALID_REQUEST  # type: ignore[arg-type]
        assert started.ask("ping")["result"] == {}
        assert started.seen.memory_info().rss - before < 60e6


def test_what_is_printed_elsewhere_does_not_come_between_the_lines(home):
    printing = """
import os, sys
import rekall.mcp.server as server
before = server.RekallServer._list_tools
async def loud(self, context, params):
    print("hello")
    os.write(1, b"hello\\n")
    assert sys.stdin.read() == ""
    return await before(self, context, params)
server.RekallServer._list_tools = loud
from rekall.cli.main import run
run(["mcp"])
"""
    import sys

    with Server(command=(sys.executable, "-c", printing)) as started:
        started.shake_hands()
        assert started.ask("tools/list")["result"]["tools"]
        started.stdin.close()
        assert started.left().startswith("0")
        assert b"hello\n" not in started.said
        assert b"".join(started.errors).split() == [b"hello", b"hello"]


def test_half_a_line_at_the_end_ends_the_server_and_leaves_no_process(home):
    with Server("--set", "engine.model=none") as started:
        started.shake_hands()
        children = started.children()
        started.send(b'{"jsonrpc": "2.0", "id": "x", "method": "pi')
        started.stdin.close()
        assert started.left() == "0"
        assert [child for child in children if psutil.pid_exists(child.pid)] == []


# the parts


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_taken_apart(data):
    for taken in taken_apart(Line(data.replace(b"\n", b""))):
        if isinstance(taken, Refusal):
            json.loads(taken.dumped())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(params=st.dictionaries(st.text(max_size=6), JSON, max_size=4), cut=st.integers(0, 400), number=st.integers())
def test_a_request_that_breaks_off_is_known_by_its_id(params, cut, number):
    line = json.dumps({"jsonrpc": "2.0", "id": number, "method": "x", "params": params})
    start = line.index('"method"')
    assert id_seen(line[: start + cut]) == number
    (taken,) = taken_apart(Line(line.encode()))
    assert not isinstance(taken, Refusal)


@settings(max_examples=100, deadline=None)
@given(
    lines=st.lists(st.binary(max_size=60).map(lambda data: data.replace(b"\n", b" ")), max_size=6),
    size=st.integers(1, 50),
    is_ended=st.booleans(),
)
def test_lines_come_whole_in_whatever_pieces(lines, size, is_ended):
    data = b"\n".join(lines) + (b"\n" if is_ended else b"")
    file = io.BytesIO(data)
    reader = LineReader(lambda: file.read(size), 40)
    read = list(iter(reader.next, None))
    expected = data.split(b"\n")
    expected = expected[:-1] if not expected[-1] else expected
    assert len(read) == len(expected)
    for line, whole in zip(read, expected):
        assert line.is_too_long == (len(whole) > 40)
        assert whole.startswith(line.data)
        assert whole.endswith(line.tail)
        assert line.is_too_long or line.data == whole


def test_a_body_is_mended_only_where_it_must_be():
    whole = b'{"a": "\\u00e9 \\ud83d\\ude00"}'
    assert json.loads(mended(whole)) == json.loads(whole)
    assert mended(b"\xef\xbb\xbf{}") == b"{}"
    assert json.loads(mended(b'{"a": "\xff \x01\t"}')) == {"a": "\ufffd \x01\t"}
    assert mended(b'\xff{"a') == b'\xff{"a'
    assert json.loads(mended(b'{"\\ud83d": ["\\ude00\\ud83d"]}')) == {"\ufffd": ["\ufffd\ufffd"]}
    assert mended(b'{"a": "\\ud83d') == b'{"a": "\\ud83d'
    assert mended(b"{}") == b"{}"


def test_what_the_server_asks_is_not_waited_for_at_the_end():
    import mcp_types as protocol

    from rekall.mcp.pipes import _UnderWay

    async def talk() -> None:
        waiting = _UnderWay(lambda: False)
        waiting.came(protocol.JSONRPCRequest(jsonrpc="2.0", id=1, method="tools/call"))
        waiting.went(protocol.JSONRPCRequest(jsonrpc="2.0", id=1, method="roots/list"))
        waiting.came(protocol.JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
        assert any(waiting._ids.values())  # its own request has no answer yet
        waiting.went(protocol.JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
        await waiting.none_left()
        assert not any(waiting._ids.values())

    asyncio.run(talk())
