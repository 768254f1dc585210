"""Whether a shell line finds the note that holds it, typed as it stands there, flags and all.

    python benchmarks/lines.py PATH... [--sample N] [--keep FOLDER] [--show N] [--json]

PATH is a folder or file of Markdown notes (today-I-learned repositories, cheat sheets). They are imported into a base of
their own; every line behind a `$` and every line of a shell block becomes a query. A line is found where the first hit
holds it. The search by both is slow without the vectors: it takes a sample.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rekall.app import App
from rekall.entry.filters import Filters
from rekall.knowledge.files import ImportOptions
from rekall.knowledge_base import KnowledgeBase
from rekall.search.results import Mode

SHORTEST, LONGEST = 4, 300
"""Lines of other lengths are not typed by anybody."""

_FENCE = re.compile(r"\s*(?:```+|~~~+)\s*(?P<language>[\w-]*)")
_SHELLS = {"sh", "bash", "zsh", "fish", "shell", "powershell", "ps1"}
_WORDS = re.compile(r"\w\W+\w")
"""A line of one word says nothing of the rest."""
_COMMAND = re.compile(r"[a-z./~][\w./~-]*(?: |$)")
_PROMPT = re.compile(r"\s*[$❯]\s+(?P<line>\S.*)")
_TLDR = re.compile(r"`(?P<line>[^`]+)`")


@dataclass
class Outcome:
    """What became of the lines, one after the other."""

    lines: int = 0
    first: int = 0
    among_ten: int = 0
    left_out: int = 0
    hid: int = 0
    filtered: int = 0
    missed: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--sample", type=int, default=300, metavar="N", help="lines searched by both (300; 0: none)")
    parser.add_argument("--most", type=int, default=0, metavar="N", help="lines searched by words (all)")
    parser.add_argument("--keep", type=Path, help="where the base stays for the next run")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="lines that were not found to print")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        app = App({"REKALL_HOME": str(options.keep or scratch)})
        base = app.open_base(to_write=True)
        try:
            report = base.files.store_texts(options.paths, ImportOptions())
            holders = lines_of(base)
            lines = sorted(holders)
            random.Random(7).shuffle(lines)  # noqa: S311
            outcomes = {"words": measure(base, lines[: options.most or None], holders, Mode.WORDS)}
            if options.sample:
                base.files.embed(report, _embedding)
                outcomes["hybrid"] = measure(base, lines[: options.sample], holders, Mode.HYBRID)
            notes = base.count()
        finally:
            app.close()
    if options.json:
        print(json.dumps({"notes": notes, **{mode: asdict(outcome) for mode, outcome in outcomes.items()}}))
        return
    print(f"{notes:,} notes\n\n| by | lines | first | among ten | left something out | hid entries | filtered |")
    print("|---|---|---|---|---|---|---|")
    for mode, each in outcomes.items():
        shares = f"{each.first / max(each.lines, 1):.1%} | {each.among_ten / max(each.lines, 1):.1%}"
        print(f"| {mode} | {each.lines:,} | {shares} | {each.left_out} | {each.hid} | {each.filtered} |")
    for mode, each in outcomes.items():
        for line in each.missed[: options.show]:
            print(f"{mode}: {line}")


def lines_of(base: KnowledgeBase) -> Mapping[str, set[str]]:
    """Every shell line with the ids of the entries that hold it."""
    found: dict[str, set[str]] = {}
    for entry in base.list_entries().entries:
        for line in shell_lines(base.get(entry.id).entry.content):
            found.setdefault(line, set()).add(entry.id)
    return found


def shell_lines(text: str) -> Iterator[str]:
    """The shell lines of a Markdown text: those behind a prompt, and of shell blocks without one the commands."""
    block: list[str] | None = None
    for line in text.splitlines():
        fence = _FENCE.match(line)
        if fence and block is None:
            block = [] if fence["language"].lower() in _SHELLS else None
            is_shell = block is not None
            block = block or []
            continue
        if fence:
            yield from _commands(block or []) if is_shell else ()
            block = None
            continue
        if block is not None:
            block.append(line)
        found = _PROMPT.match(line) or _TLDR.fullmatch(line.strip())
        if found:
            yield from _typed(found["line"])


def _commands(block: Sequence[str]) -> Iterator[str]:
    """The commands of a shell block; not what they print, nor the rest of one of several lines."""
    if any(map(_PROMPT.match, block)) or any("<<" in line for line in block):
        return
    for last, line in zip(("", *block), block):
        if not last.endswith(("\\", "'", '"', "(", "{", "|")) and _COMMAND.match(line):
            yield from _typed(line)


def _typed(line: str) -> Iterator[str]:
    typed = line.strip()
    if (
        SHORTEST <= len(typed) <= LONGEST
        and typed[0] not in "#'\"|&"
        and typed[-1] not in "\\({"
        and _WORDS.search(typed)
    ):
        yield typed


def measure(base: KnowledgeBase, lines: Sequence[str], holders: Mapping[str, set[str]], mode: Mode) -> Outcome:
    """Search for each line as it is typed."""
    outcome = Outcome()
    for number, line in enumerate(lines):
        if sys.stderr.isatty():
            print(f"\r{mode.value}: {number:,} of {len(lines):,}", end="", file=sys.stderr)
        result = base.search(line, Filters(), mode, 10)
        holds = [
            hit.entry.id in holders[line] or line in f"{hit.entry.title}\n{hit.entry.content}" for hit in result.hits
        ]
        outcome.lines += 1
        outcome.first += holds[:1] == [True]
        outcome.among_ten += any(holds)
        outcome.left_out += bool(result.left_out)
        outcome.hid += any(each.entries for each in result.left_out)
        outcome.filtered += not result.filters.is_empty
        if holds[:1] != [True]:
            place = holds.index(True) + 1 if any(holds) else "-"
            outcome.missed.append(f"{line}  [{place}] {'; '.join(result.notes)}")
    return outcome


def _embedding(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\rembedded {done:,} of {total:,}", end="", file=sys.stderr)


if __name__ == "__main__":
    main()
