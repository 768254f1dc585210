"""What the history takes: bytes an edit of real notes, and the time of an edit with and without it, in bases of many entries.

    .venv/bin/python benchmarks/history.py --notes FOLDER [--entries 10000 100000]

FOLDER holds corpus.jsonl with `title` and `text`. Times are CPU seconds of this process, the modes in turns within one run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rekall.app import App
from rekall.entry.fields import Draft, Entry
from rekall.entry.types import EntryType
from rekall.knowledge.files import ImportOptions
from rekall.knowledge.recorded import Recorded
from rekall.knowledge_base import KnowledgeBase

EDITS = 500
ROUNDS = 5
EDITS_A_ROUND = 60


def a_word(text: str, chance: random.Random) -> dict[str, Any]:
    """One word is another."""
    words = text.split(" ")
    words[chance.randrange(len(words))] = "corrected"
    return {"content": " ".join(words)}


def a_line(text: str, chance: random.Random) -> dict[str, Any]:
    """One line is another."""
    lines = text.split("\n")
    lines[chance.randrange(len(lines))] = "an entirely new line says how it is done since the last release"
    return {"content": "\n".join(lines)}


def a_paragraph(text: str, chance: random.Random) -> dict[str, Any]:
    """A paragraph comes to the end."""
    return {"content": f"{text}\n\nIt happened again in November, and this time the cache was not to blame.\n"}


def two_places(text: str, chance: random.Random) -> dict[str, Any]:
    """Something changes at the beginning and at the end, so that all between is kept."""
    return {"content": f"Updated: {text.rstrip()} Done.\n"}


def a_tag(text: str, chance: random.Random) -> dict[str, Any]:
    """A tag is added."""
    return {"add_tags": ["revisited"]}


def anew(text: str, chance: random.Random) -> dict[str, Any]:
    """The text is written anew."""
    return {"content": "Written anew: the old way is gone, and nobody should look for it."}


EDITS_OF: tuple[tuple[str, Callable[[str, random.Random], dict[str, Any]]], ...] = (
    ("a word", a_word),
    ("a line", a_line),
    ("a paragraph at the end", a_paragraph),
    ("a tag", a_tag),
    ("both ends of the text", two_places),
    ("all of the text", anew),
)


def notes_in(folder: Path) -> list[Draft]:
    """The notes of a set."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    return [Draft(EntryType.REFERENCE, (each["title"] or "untitled")[:400], each["text"]) for each in read]


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[KnowledgeBase]:
    """A base on the disk, without a model."""
    app = App({**os.environ, "REKALL_HOME": str(folder), "REKALL_ENGINE_MODEL": "none-for-this-benchmark"})
    with contextlib.closing(app):
        yield app.open_base(to_write=True)


def bytes_an_edit(notes: list[Draft]) -> None:
    """Edit real notes in the ways people do, and weigh what is kept."""
    chance = random.Random(1)  # noqa: S311 - the same in every run
    with tempfile.TemporaryDirectory() as place, opened(Path(place)) as base:
        _weigh(base, [base.add(note).entry for note in chance.sample(notes, EDITS)], chance)


def _weigh(base: KnowledgeBase, entries: list[Entry], chance: random.Random) -> None:
    print(f"\n{EDITS} real notes, median {statistics.median(len(each.content) for each in entries):,.0f} characters")
    print("\n| what is edited | median bytes kept | 95 % | most |\n|---|---|---|---|")
    for number, (name, change) in enumerate(EDITS_OF):
        sizes = []
        for entry in entries[number :: len(EDITS_OF)]:
            base.change(entry.id, **change(entry.content, chance))
            sizes.append(len(base._store.history.of(entry.id)[0].state))
        sizes.sort()
        print(f"| {name} | {statistics.median(sizes):,.0f} | {sizes[int(len(sizes) * 0.95)]:,} | {sizes[-1]:,} |")


@contextlib.contextmanager
def filled(notes: list[Draft], count: int, folder: Path) -> Iterator[KnowledgeBase]:
    """A base with so many entries."""
    source = folder / "notes.jsonl"
    with source.open("w", encoding="utf-8") as lines:
        for number in range(count):
            note = notes[number % len(notes)]
            record = {"title": f"{note.title} {number}", "content": note.content, "type": "reference"}
            lines.write(f"{json.dumps(record)}\n")
    with opened(folder) as base:
        base.files.store_texts([source], ImportOptions())
        yield base


def keep_versions(base: KnowledgeBase, most: int) -> None:
    """Let a base keep so many versions from now on."""
    recorded = base._writer.store
    assert isinstance(recorded, Recorded)
    recorded.recorder._most = most


def edit_all(base: KnowledgeBase, entries: list[Entry], said: str) -> float:
    """CPU milliseconds of an edit."""
    begun = time.process_time()
    for entry in entries:
        base.change(entry.id, content=f"{entry.content}\n{said}\n")
    return (time.process_time() - begun) / len(entries) * 1000


def time_an_edit(notes: list[Draft], count: int) -> None:
    """Edit entries with and without history, in turns."""
    with tempfile.TemporaryDirectory() as place, filled(notes, count, Path(place)) as base:
        chance = random.Random(2)  # noqa: S311 - the same in every run
        listed = list(base.list_entries(limit=1_000).entries)
        took: dict[int, list[float]] = {0: [], 100: []}
        for turn in range(ROUNDS + 1):
            for most in (0, 100):
                keep_versions(base, most)
                figure = edit_all(base, chance.sample(listed, EDITS_A_ROUND), f"turn {turn}")
                if turn:  # the first is a warm-up
                    took[most].append(figure)
        before, after = (statistics.median(took[most]) for most in (0, 100))
        begun = time.process_time()
        base.past.undo()
        undo = (time.process_time() - begun) * 1000
        begun = time.process_time()
        base.past.done(20)
        last = (time.process_time() - begun) * 1000
        print(f"| {count:,} | {before:.2f} | {after:.2f} | {after / before - 1:+.0%} | {undo:.1f} | {last:.1f} |")


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=Path, required=True, help="A folder with corpus.jsonl.")
    parser.add_argument("--entries", type=int, nargs="*", default=[10_000, 100_000])
    chosen = parser.parse_args()
    notes = notes_in(chosen.notes)
    bytes_an_edit(notes)
    print(
        "\n| entries | ms an edit without history | with it | difference | an undo | `history` |\n|---|---|---|---|---|---|"
    )
    for count in chosen.entries:
        time_an_edit(notes, count)


if __name__ == "__main__":
    main()
