"""Queries that look like syntax, like other languages, and like nothing at all; always the same for a seed."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from faults.batches import Outcome, try_batch
from faults.forking import Child
from faults.homes import TITLES, Home
from faults.tally import Tally

CHUNK = 2_000
HYBRID_EACH = 40
"""Every so-manieth query is asked of the model too."""

_WORDS = [word for title in TITLES for word in title.split()]
_SYNTAX = (
    *('"', "'", "(", ")", "*", "^", ":", "-", "--", "+", "NOT", "AND", "OR", "NEAR", "NEAR(a b, 3)", "!", "#", "\\"),
    *("type:bug", "type:", "tag:t1", "tag:", "project:Demo", "since:2026-01-31", "since:yesterday", "status:active"),
    *(
        "until:3 days ago",
        "created:2026-01..",
        "changed:..",
        "created:..last week",
        "until:0001-01-01",
        "since:9999-12-31",
    ),
    *("status:?", "type:nothing", '-"a phrase"', '"a phrase', "-word", "!word", "content:x", "title : y", "{a b}"),
    *("a*", "*a", "1.2.3", "foo::bar", "user_id", "--no-verify", "C++", "C#", ".NET", "$HOME", "0x80070005", "%", "_"),
    *("\t", "\n", "\r\n", "\0", "\x1b[31m", "\x85", "\u2028", "\u202e", "\u200b", "\ufeff", "\ud83d", "\U000e0041"),
    *("é", "e\u0301", "ß", "ﬁ", "Ａ", "データ", "数据库", "ฐานข้อมูล", "한국어", "😀", "👩‍👩‍👧", "नमस्ते", "עברית", "ع"),
    *("'; DROP TABLE entry; --", "?1", ":a", "@b", "/* x */", "x" * 300, "1" * 400, "a-b-c-d", "((((", "]]]", "<x>"),
)


def queries(seed: int, count: int) -> list[str]:
    """So many queries."""
    chance = random.Random(seed)
    return [_query(chance) for _ in range(count)]


def _query(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.02:  # one long piece, many times
        return chance.choice([" ", "", " -", ' "', " tag:"]).join([chance.choice(_SYNTAX)] * chance.randrange(2, 300))
    if kind < 0.1:  # any characters at all
        return "".join(
            chr(chance.choice((chance.randrange(128), chance.randrange(0x3000), chance.randrange(0x110000))))
            for _ in range(chance.randrange(1, 40))
        )
    parts = [chance.choice(_WORDS if chance.random() < 0.5 else _SYNTAX) for _ in range(chance.randrange(1, 9))]
    if chance.random() < 0.3:
        place = chance.randrange(len(parts))
        letters = list(parts[place])
        chance.shuffle(letters)
        parts[place] = "".join(letters)
    return chance.choice((" ", " ", "", "  ")).join(parts)


def try_queries(home: Home, seed: int, count: int) -> Tally:
    """Ask so many queries of a base, half of them in each of two processes."""
    tally = Tally("queries that look like syntax, every fortieth also by meaning")
    halves = []
    for half in range(2):
        scratch = home.folder / f"queries{half}"
        scratch.mkdir()

        def ask(half: int = half, scratch: Path = scratch) -> None:
            mine = _tried(home, scratch, seed + half, count // 2)
            os.write(1, json.dumps(asdict(mine)).encode())

        halves.append(Child(ask, home.folder, home.environ(), name=f"half{half}"))
    for child in halves:
        ended = child.wait(3600)
        if ended.code:
            tally.problems.append(f"the harness: {ended.text[-900:]}")
        else:
            tally.add(Tally(**json.loads(ended.out)))
    return tally


def _tried(home: Home, scratch: Path, seed: int, count: int) -> Tally:
    tally = Tally("")
    asked = list(enumerate(queries(seed, count)))
    for begin in range(0, count, CHUNK):
        try_batch(tally, asked[begin : begin + CHUNK], _asking, scratch, home.environ(), 300)
    return tally


def _asking() -> Callable[[tuple[int, str]], Outcome]:
    from rekall.app import App
    from rekall.entry.filters import Filters
    from rekall.errors import RekallError
    from rekall.search.results import Mode

    base = App().open_base()
    known = {entry.id for entry in base.list_entries(Filters(), None).entries}

    def ask(case: tuple[int, str]) -> Outcome:
        number, line = case
        try:
            found = base.search(line, Filters(), Mode.WORDS if number % HYBRID_EACH else Mode.HYBRID, 5)
        except RekallError as error:
            return f"refused ({error.kind})", "" if error.exit_code in (2, 3, 4) else f"{error.kind}: {error.message}"
        except Exception as error:
            return "broke", f"{type(error).__name__}: {error}"
        ids = [hit.entry.id for hit in found.hits]
        if len(ids) > 5 or len(set(ids)) < len(ids) or not set(ids) <= known:
            return "broke", f"it finds {ids}"
        if not all(math.isfinite(hit.score) for hit in found.hits):
            return "broke", "a score is no number"
        return "answered", ""

    return ask
