"""Calls of the MCP server's tools that fit their schemas and that do not, over a real server; always the same for a seed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from typing import Any

from faults.conversation import Conversation
from faults.fuzz_queries import queries
from faults.homes import TITLES, Home
from faults.states import faults_of
from faults.tally import Tally

TOOLS = ("search", "get", "add", "update", "delete", "link", "similar", "recent", "deprecate", "usage")
EACH_SERVER = 500
TOGETHER = 8
"""Requests that are on their way at the same time."""

_NAMES = (
    *(
        "query",
        "mode",
        "literal",
        "min",
        "limit",
        "max_tokens",
        "cursor",
        "ids",
        "id",
        "type",
        "title",
        "content",
        "tags",
    ),
    *(
        "add_tags",
        "remove_tags",
        "status",
        "if_updated_at",
        "confirm",
        "source",
        "target",
        "reason",
        "to",
        "superseded_by",
    ),
    *(
        "project",
        "since",
        "tag",
        "confidence",
        "situation",
        "error_messages",
        "files",
        "keywords",
        "sources",
        "nothing",
    ),
)
_ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        7,
        1 << 70,
        1.5,
        -0.0,
        1e308,
        "",
        " ",
        "x",
        "0",
        "true",
        "\0",
        "\x1b]0;x\x07",
        "a" * 9000,
    ),
    *([], {}, [None], [[["x"]]], {"a": {"b": []}}, ["x"] * 300, "words", "hybrid", "meaning", "bug", "til", "active"),
    *("obsolete", "strong", "supersedes", "related", "2026-01-01", "yesterday", "\u202e", "\U000e0041", "\ud83d", "😀"),
)
_UNSEEN = "\x1b\x07\x9b\u202e\u2066\U000e0041"
"""What no answer may hold as it is."""

_GARBAGE = (
    *(
        b"{",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"2.0","id":{},"method":"ping"}',
    ),
    *(b'{"jsonrpc":"1.0","id":"old","method":"ping"}', b"", b"\xef\xbb\xbf{}", b'{"id":1e999}', b"[" * 500),
)


def calls(chance: random.Random, ids: list[str], asked: list[str]) -> tuple[str, dict[str, Any]]:
    """One call: its tool and its arguments, half of them sensible."""
    tool = chance.choice(TOOLS)
    some = chance.choice
    sensible: dict[str, dict[str, Any]] = {
        "search": {"query": some(asked), "mode": some(["words", "hybrid", "meaning"]), "limit": chance.randrange(1, 9)},
        "get": {"ids": [some(ids)[: chance.randrange(1, 27)] for _ in range(chance.randrange(1, 4))]},
        "add": {"type": some(["til", "bug"]), "title": some(asked)[:150] or "x", "content": some(asked)},
        "update": {"id": some(ids), "content": some(asked), "add_tags": [some(asked)[:20]]},
        "delete": {"id": some(ids), "confirm": chance.random() < 0.3},
        "link": {"source": some(ids), "target": some(ids), "reason": some(asked)},
        "similar": {"to": some([*ids, *asked]) or "x"},
        "recent": {"limit": chance.randrange(1, 9)},
        "deprecate": {"id": some(ids), "reason": some(asked)},
        "usage": {},
    }
    arguments = sensible[tool]
    if chance.random() < 0.5:
        for _ in range(chance.randrange(1, 4)):
            arguments[some([*arguments, *_NAMES])] = some(_ODD)
        if arguments and chance.random() < 0.3:
            arguments.pop(some(list(arguments)))
    return (tool if chance.random() > 0.02 else some(("", "nothing", "\x07", "\ud83d"))), arguments


def try_tools(home: Home, seed: int, count: int) -> Tally:
    """Call so many tools; every request gets an answer, none says that something unexpected happened."""
    tally = Tally("tool calls over stdio, with broken lines between them")
    chance = random.Random(seed)
    asked = queries(seed, 500)
    ids = [home.ids[title] for title in TITLES] + ["01", "0", "zzz", "x" * 30]
    scratch = home.folder / "tools"
    for begin in range(0, count, EACH_SERVER):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        place = scratch / "home"
        shutil.copytree(home.home, place)
        talk = Conversation(home, place, scratch)
        number = begin + 1
        while number <= min(count, begin + EACH_SERVER):
            sent = {}
            for _ in range(TOGETHER):
                sent[number] = calls(chance, ids, asked)
                talk.call(number, *sent[number])
                number += 1
            if chance.random() < 0.1:
                talk.send(chance.choice(_GARBAGE) + b"\n")
                tally.note("broken lines")
            for each, call in sent.items():
                _judge(tally, call, talk.await_answer(each))
        ended = talk.end()
        if ended.code or ended.hung or ended.has_traceback:
            tally.problems.append(f"the server ended with {ended.code}: {ended.err[-1500:]}")
        tally.problems += faults_of(place)
    return tally


def _strings(value: Any) -> Iterator[str]:
    """All texts in an answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _judge(tally: Tally, call: tuple[str, dict[str, Any]], answer: dict[str, Any] | None) -> None:
    if answer is None:
        tally.count("no answer")
        tally.problems.append(f"{call!r:.600}: no answer")
    elif "error" in answer:
        code = answer["error"].get("code")
        tally.count("refused")
        if code not in (-32700, -32600, -32601, -32602):
            tally.problems.append(f"{call!r:.600}: {answer['error']!r:.300}")
    else:
        result = answer["result"]
        tally.count("refused" if result.get("isError") else "answered")
        raw = sorted({f"U+{ord(sign):04X}" for text in _strings(result) for sign in _UNSEEN if sign in text})
        if raw:
            tally.problems.append(f"{call!r:.600}: the answer holds {', '.join(raw)}")
        said = str(result.get("structuredContent", {}).get("error", {}).get("kind", ""))
        if said == "error" or "Traceback" in str(result):
            tally.problems.append(f"{call!r:.600}: {result!r:.500}")
