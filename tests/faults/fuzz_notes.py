"""Notes with front matter that somebody else's program wrote, or nobody's; always the same for a seed."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from faults.forking import command, forked
from faults.homes import Home
from faults.tally import Tally

BATCH = 50

_NAMES = (
    *("title", "tags", "type", "id", "status", "project", "confidence", "created_at", "updated_at", "date", "aliases"),
    *(
        "links",
        "related",
        "superseded_by",
        "errors",
        "files",
        "keywords",
        "sources",
        "situation",
        "solution",
        "content",
    ),
    *("x", "weird key", "1", "no", "~", "<<", "? a", "größe", "a.b", "!!x", "'q'", '"', "-", "*a", "&b c", "[a]", ""),
)
_VALUES = (
    *(
        "plain",
        "3",
        "-3",
        "0x80070005",
        "0x" + "f" * 5000,
        "1" * 5000,
        "59:59:59",
        ".5",
        ".inf",
        ".nan",
        "1e400",
        "0o7",
    ),
    *(
        "2026",
        "2026-13-45",
        "2026-02-30T25:61:61",
        "0000-00-00",
        "99999-01-01",
        "yesterday",
        "2026-01-01T00:00:00+99:99",
    ),
    *("null", "~", "true", "no", "on", "[]", "{}", "[a, b]", "[a, [b, [c]]]", "{a: {b: {c: 1}}}", "[", "{", "]", "}"),
    *(
        '"',
        "'",
        '"open',
        "'open",
        '"\\ud83d"',
        '"\\x00"',
        '"\\u202e"',
        "|",
        ">",
        "|2",
        ">-\n  folded\n   more",
        "- a\n- b",
    ),
    *(
        "!!python/object:os.system x",
        "!!binary aGk=",
        "!!timestamp 2026",
        "!!set {a, b}",
        "!x y",
        "&a [1]",
        "*a",
        "*none",
    ),
    *(
        "[&a 1, *a, *a]",
        "&r [*r]",
        "<<: *a",
        "@x",
        "`x`",
        "%x",
        "# c",
        "a: b: c",
        "\ta",
        "a\tb",
        "[\n  a,\n  b",
        "? x\n: y",
    ),
    *(
        "[0" + "7" * 2000 + "]",
        "[" * 60,
        "{a: " * 60,
        "x" * 20_000,
        "é",
        "😀",
        "\ufeff",
        "\x85",
        "\u2028",
        "\x07",
        "\x1b]0;x\x07",
    ),
)
_BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi")
)


def note(chance: random.Random, number: int) -> bytes:
    """One note."""
    fence = chance.choice(("---", "---", "---", "---", "+++", "{"))
    lines = [_line(chance, fence) for _ in range(chance.randrange(1, 9))]
    if chance.random() < 0.02:
        lines.append(_BOMB + chance.choice(("tags: *i", "confidence: *f", "title: *h", "x: *i", "links: *g")))
    if fence == "{":
        head = "{" + ",".join(lines) + chance.choice(("}", "", "}}")) + "\n"
    else:
        head = f"{fence}\n" + "\n".join(lines) + chance.choice((f"\n{fence}\n", f"\n{fence}\n", "\n...\n", "\n"))
    text = f"{head}\n# Note {number}\n\nsays fuzzword{number}\n"
    data = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.2:
        spoilt = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        data = bytes(spoilt)
    return data.replace(b"\n", b"\r\n") if chance.random() < 0.1 else data


def _line(chance: random.Random, fence: str) -> str:
    name, value = chance.choice(_NAMES), chance.choice(_VALUES)
    if chance.random() < 0.2:
        value = f"[{value}, {chance.choice(_VALUES)}]"
    if fence == "+++":
        return f"{name} = {value}"
    if fence == "{":
        return f"{json.dumps(name)}: {json.dumps(value) if chance.random() < 0.7 else value}"
    return f"{name}: {value}"


def try_notes(home: Home, seed: int, count: int) -> Tally:
    """Import so many notes, some at a time, each time into an empty base."""
    tally = Tally("notes with front matter of all kinds")
    chance = random.Random(seed)
    for begin in range(0, count, BATCH):
        notes = [note(chance, number) for number in range(begin, min(count, begin + BATCH))]
        problem = _imported(home, notes)
        tally.count("imported or refused", len(notes))
        if problem and len(notes) > 1:
            alone = [(data, found) for data in notes if (found := _imported(home, [data]))]
            tally.problems += [f"{data[:300]!r}: {found}" for data, found in alone] or [
                f"{BATCH} notes together: {problem}"
            ]
        elif problem:
            tally.problems.append(f"{notes[0][:300]!r}: {problem}")
    return tally


def _imported(home: Home, notes: list[bytes]) -> str:
    """Import notes into an empty base. Returns what is wrong."""
    folder, place = home.folder / "notes", home.folder / "fresh"
    for each in (folder, place):
        shutil.rmtree(each, ignore_errors=True)
        each.mkdir()
    for number, data in enumerate(notes):
        (folder / f"n{number}.md").write_bytes(data)
    environ = {**home.environ(place), "REKALL_ENGINE_MODEL": "tiny"}
    ended = forked(command(["import", str(folder), "--json"]), home.folder, environ)
    if ended.hung:
        return "it hung"
    if ended.code not in (0, 4) or ended.has_traceback:
        return f"it ended with {ended.code}: {ended.err[-900:] or ended.out[-500:]}"
    listed = forked(command(["list", "--all", "--json"]), home.folder, environ)
    if listed.code or listed.has_traceback:
        return f"list ends with {listed.code}: {listed.err[-900:]}"
    if place_is_unsound := _unsound(place):
        return place_is_unsound
    report = json.loads(ended.out)
    refused = len(report.get("refused", ()))
    total = json.loads(listed.out)["total"]
    if total + refused < len(notes):
        return f"of {len(notes)} notes {total} are there and {refused} are named as refused"
    return ""


def _unsound(place: Path) -> str:
    from faults.states import faults_of

    return "; ".join(faults_of(place))
