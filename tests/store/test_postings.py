"""Lists of entries as they are read from the pages of the index: of any history, made anew, damaged, cut at any place."""

from __future__ import annotations

import contextlib
import itertools
import random
from dataclasses import replace

import pytest
from support.depth import tries
from test_impacts import COMMON, ENTRIES, RARE, SELECTIONS, agrees, filled, made, small_bounds

from rekall.entry.fields import Entry
from rekall.errors import StorageError
from rekall.store import impacts
from rekall.store.postings import AVERAGES, STRUCTURE
from rekall.store.sqlite import SqliteStore
from rekall.store.values import EVERYTHING, Selection

__all__ = ["small_bounds"]


def test_lists_that_begin_where_a_page_ends_are_read(monkeypatch):
    """A term of some length fills its page, and what holds it stands on the next one."""
    monkeypatch.setattr(impacts, "_READ_FROM", 1)
    monkeypatch.setattr(impacts, "_READ_BESIDE", 1)
    for length in range(70, 110):
        store, random_ = SqliteStore(None), random.Random(length)
        store.db.run("INSERT INTO words (words, rank) VALUES ('pgsz', 100)")
        word = "q" * length
        with store.transaction():
            for number in range(40):
                entry = replace(made(number, random_), title=f"{COMMON[0]} {word}" if number % 3 else COMMON[0])
                store.words.put(store.entries.insert(entry), entry)
        store.words.forget_deleted()
        agrees(store, f"{COMMON[0]} {word}")
        agrees(store, COMMON[0], Selection(phrases=(word,)))
        agrees(store, COMMON[0], Selection(excluded=(word,)))
        store.close()


def test_an_index_that_is_made_anew_is_read_anew_though_it_is_as_long_as_before(tmp_path):
    """Two words change places while another process looks on: the rows that tell of changes are what they were."""
    writer = SqliteStore(tmp_path / "rekall.db")

    def store_all(swapped: bool) -> None:
        with writer.transaction():
            writer.words.clear()
            entries = []
            for number in range(300):
                word = COMMON[0] if (number % 2 == 0) != swapped else COMMON[1]
                entry = replace(made(number, random.Random(number)), content=f"{word} {number}", title=word)
                entries.append((number + 1 if swapped else writer.entries.insert(entry), entry))
            writer.words.put_many(entries)

    store_all(swapped=False)
    reader = SqliteStore(tmp_path / "rekall.db")
    for word in COMMON[:2]:
        agrees(reader, word, limit=ENTRIES)
    said = "SELECT block FROM words_data WHERE id IN (?, ?)"
    before = reader.db.rows(said, (AVERAGES, STRUCTURE))
    store_all(swapped=True)
    assert reader.db.rows(said, (AVERAGES, STRUCTURE)) == before
    for word in COMMON[:2]:
        agrees(reader, word, limit=ENTRIES)
    reader.close()
    writer.close()


def spoiled(block: bytes, random_: random.Random) -> bytes:
    """A page on which something is not as it was."""
    kind = random_.randrange(5)
    if kind == 0:
        return block[: random_.randrange(len(block))]
    if kind == 1:
        return bytes(len(block))
    if kind == 2:
        return random_.randbytes(len(block))
    made_ = bytearray(block)
    at = random_.randrange(len(block))
    made_[at : at + 12] = (
        b"\xff" * len(made_[at : at + 12]) if kind == 3 else random_.randbytes(len(made_[at : at + 1]))
    )
    return bytes(made_)


def test_a_damaged_page_ends_no_search_in_an_unforeseen_error():
    store, random_ = filled(150), random.Random()
    ids = [number for (number,) in store.db.rows("SELECT id FROM words_data WHERE length(block) > 0")]
    every = [EVERYTHING, *(selection for selection in SELECTIONS if selection.phrases or selection.excluded)]
    for turn in range(tries(1200, 200)):
        number = random_.choice([1, 10, random_.choice(ids), random_.choice(ids)])
        block = store.db.value("SELECT block FROM words_data WHERE id = ?", (number,))
        with store.db.undefended():
            store.db.run("UPDATE words_data SET block = ? WHERE id = ?", (spoiled(block, random_), number))
        store.words._every = None if turn % 2 else store.words._every
        line = " ".join(random_.sample([*COMMON, *RARE], 3))
        with contextlib.suppress(StorageError):  # FTS5 may ask for more memory than there is
            terms = store.words.terms(line, 64)
            store.words.search(terms, random_.choice(every), 10)
            store.words.coverage_of(terms, [1, 2, 7, 99])
            store.words.holders(random_.choice(COMMON), None)
        with store.db.undefended():
            store.db.run("UPDATE words_data SET block = ? WHERE id = ?", (block, number))
    # FTS5 keeps what it read of a damaged page until a change is undone or another program makes one
    with contextlib.suppress(StorageError, ZeroDivisionError), store.transaction():
        store.words.delete(1)
        raise ZeroDivisionError
    store.words._every = None
    agrees(store, COMMON[0])
    store.close()


NUMBERS = itertools.count()
ODD = [
    *(
        [
            "a",
            "b",
            "c",
            "é",
            "日本語",
            "東京都",
            "한국어",
            "Ω",
            "😀",
            "👩\u200d👩\u200d👧",
            "x_y",
            "foo-bar",
            "C++",
            "c#",
            "node.js",
            "1.2.3",
            "don't",
            "naïve",
            "ß",
            "ﬁ",
            "אבג",
            "ก็",
            "I",
            "İ",
            "ı",
        ]
    ),
    *(f"v{number}" for number in range(40)),
    "q" * 200,
]


def odd(random_: random.Random) -> Entry:
    """An entry of odd words, seldom a very long one."""
    words = random_.choices(ODD, k=random_.choice([0, 1, 3, 10, 60, 400, 400 if random_.random() < 0.9 else 20_000]))
    title = " ".join(random_.choices(ODD, k=random_.randrange(1, 8)))
    return replace(made(next(NUMBERS), random_), title=title, content=" ".join(words))


@pytest.mark.parametrize("seed", range(tries(40, 3)))
def test_after_any_history_the_best_are_those_of_scoring_everything(seed):
    """Entries come, change and go, and the index is merged in part or in whole."""
    store, random_ = SqliteStore(None), random.Random()
    live: list[int] = []
    for _ in range(14):
        kind = random_.randrange(5) if live else 0
        with store.transaction():
            for _ in range(random_.choice([1, 10, 60]) if kind < 3 else 0):
                if kind == 0:
                    entry = odd(random_)
                    live.append(store.entries.insert(entry))
                    store.words.put(live[-1], entry)
                elif kind == 1 and live:
                    key = random_.choice(live)
                    entry = odd(random_)
                    store.entries.update(key, entry)
                    store.words.put(key, entry)
                elif live:
                    key = live.pop(random_.randrange(len(live)))
                    store.words.delete(key)
                    store.entries.delete(key)
            if kind == 3:
                store.words.forget_deleted()
            elif kind == 4:
                store.db.run("INSERT INTO words (words, rank) VALUES ('merge', ?)", (random_.choice([-4, 1, 16]),))
        is_dense = bool(live) and max(live) < 4 * len(live)  # where most keys are gone FTS5 is asked
        for _ in range(3 if is_dense else 0):
            line = " ".join(random_.choices(ODD, k=random_.choice([1, 2, 8])))
            phrases = tuple(" ".join(random_.choices(ODD, k=2)) for _ in range(random_.randrange(2)))
            excluded = tuple(random_.choices(ODD, k=random_.randrange(2)))
            if store.words.terms(line, 64).frequencies:
                agrees(store, line, Selection(phrases=phrases, excluded=excluded), random_.choice([1, 10, ENTRIES]))
    store.close()
