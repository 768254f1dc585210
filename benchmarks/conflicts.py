"""How many of the pairs that `rekall conflicts` tells are right: lists the first ones to be judged, and finds planted ones.

    python benchmarks/conflicts.py --base FOLDER [--first 50]
    python benchmarks/conflicts.py --base FOLDER --planted

FOLDER is a REKALL_HOME with notes. The first form lists the pairs of the base itself, surest first, with both places and the beginnings of both
texts, so that a person can judge each; what was judged is kept in conflicts_judged.txt, and counted. The second plants the pairs of benchmarks/conflicting.py among the notes of a copy, and
says how many of each kind are found, and how many of those that are fine are told all the same.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from itertools import combinations
from pathlib import Path

from conflicting import PLANTED

from rekall.app import App
from rekall.entry.fields import Entry
from rekall.knowledge.conflicts import Conflict

_TEXT_CHARS = 300
_JUDGED = Path(__file__).with_name("conflicts_judged.txt")
_SAID = {"y": "right", "n": "wrong"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="a REKALL_HOME with entries")
    parser.add_argument("--first", type=int, default=50, help="pairs to list (50)")
    parser.add_argument("--planted", action="store_true", help="plant pairs among the notes, in a copy")
    options = parser.parse_args()
    if not options.planted:
        list_first(options.base, options.first)
        return
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(options.base / "rekall.db", folder)
        find_planted(Path(folder))


def opened(home: Path) -> App:
    return App({**os.environ, "REKALL_HOME": str(home)})


def list_first(home: Path, most: int) -> None:
    judged = {frozenset(pair): _SAID[said] for *pair, said in map(str.split, _lines(_JUDGED))}
    counted = Counter[str]()
    with contextlib.closing(opened(home)) as app:
        found = app.open_base().conflicts.find(limit=most)
        print(f"{found.total} pairs among {found.entries} entries")
        for place, pair in enumerate(found.pairs, 1):
            names = [name_of(entry) for entry in pair.entries]
            said = next(filter(None, map(judged.get, map(frozenset, combinations(names, 2)))), "not judged")
            counted[said] += 1
            print(f"\n{place}. {described(pair)}: {said} ({' '.join(names[:2])})")
            for entry in pair.entries:
                print(f"   {entry.title}\n      {' '.join(entry.content.split())[:_TEXT_CHARS]}")
    print(
        f"\nof the first {len(found.pairs)}: {', '.join(f'{number} {said}' for said, number in counted.most_common())}"
    )


def name_of(entry: Entry) -> str:
    """What an entry says, as a checksum."""
    return hashlib.sha256(f"{entry.title}\n{entry.content}".encode()).hexdigest()[:10]


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def described(pair: Conflict) -> str:
    near = f", cosine {pair.similarity:.2f}" if pair.similarity is not None else ""
    return f"{pair.what.clash.value} {pair.score:.2f}{near}: {pair.what.here!r} / {pair.what.there!r}"


def find_planted(home: Path) -> None:
    with contextlib.closing(opened(home)) as app:
        base = app.open_base(to_write=True)
        before = {frozenset((each.one.id, each.other.id)) for each in base.conflicts.find(limit=None).pairs}
        planted = {}
        for each in PLANTED:
            added = [base.add("til", title, content=text).entry.id for title, text in (each.one, each.other)]
            planted[frozenset(added)] = each
        told = {frozenset((each.one.id, each.other.id)): each for each in base.conflicts.find(limit=None).pairs}
        found, right = Counter[str](), Counter[str]()
        for ids, each in planted.items():
            pair = told.get(ids)
            found[each.kind] += pair is not None
            right[each.kind] += pair is not None and pair.what.clash.value == each.kind
            if (pair is None) == (each.kind != "fine"):
                print(
                    f"{each.kind}, {'told: ' + described(pair) if pair else 'missed'}\n   {each.one}\n   {each.other}"
                )
        others = {ids: pair for ids, pair in told.items() if ids not in planted and ids not in before}
        for pair in others.values():
            print(f"between others: {described(pair)}\n   {pair.one.title}\n   {pair.other.title}")
        print("\n| planted | pairs | told | as that |\n|---|---|---|---|")
        for kind, number in Counter(each.kind for each in PLANTED).items():
            print(f"| {kind} | {number} | {found[kind]} | {right[kind]} |")
        print(f"\n{len(others)} further pairs told of planted notes, {len(before)} of the base before")


if __name__ == "__main__":
    main()
