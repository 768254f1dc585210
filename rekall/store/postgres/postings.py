"""How the words of entries are written down: postings, counts, and the stems of each entry in their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rekall.entry.fields import Column, Entry
from rekall.store.indexed import columns_of
from rekall.store.postgres.counts import Tokens
from rekall.store.postgres.server import Server

_WEIGHTS = tuple(column.weight for column in Column)

_KNOW = """
    INSERT INTO term AS t (word, entries) SELECT * FROM unnest(%s::text[], %s::integer[])
    ON CONFLICT (word) DO UPDATE SET entries = t.entries + excluded.entries RETURNING word, id
"""
_COUNT = """
    INSERT INTO totals (entries, words) VALUES (%s, %s)
    ON CONFLICT (is_one) DO UPDATE SET entries = totals.entries + excluded.entries, words = totals.words + excluded.words
"""
_FORGET = """
    WITH gone AS (DELETE FROM indexed WHERE key = ANY(%s::bigint[]) RETURNING key, size, stems),
    held AS (
        SELECT DISTINCT g.key, t.id FROM gone g CROSS JOIN unnest(string_to_array(translate(g.stems, E'\\n', ' '), ' ')) w
        JOIN term t ON t.word = w COLLATE "C"),
    dropped AS (DELETE FROM posting p USING held h WHERE p.term = h.id AND p.key = h.key),
    counted AS (
        UPDATE term t SET entries = t.entries - c.entries
        FROM (SELECT id, count(*)::integer AS entries FROM held GROUP BY id) c WHERE t.id = c.id)
    UPDATE totals SET entries = totals.entries - s.entries, words = totals.words - s.words
    FROM (SELECT count(*) AS entries, coalesce(sum(size), 0) AS words FROM gone) s
"""


@dataclass(frozen=True, slots=True)
class _Held:
    """What an entry holds.

    Attributes:
        found: Each stem, with how often it stands there by the weight of its column.
        size: How many words there are.
        stems: As they stand in `indexed.stems`.
    """

    key: int
    found: dict[str, float]
    size: int
    stems: str


class Postings:
    """Writes the words of entries down, and forgets them. Everything here belongs inside a transaction: one writes at a time."""

    def __init__(self, db: Server, tokens: Tokens) -> None:
        """Write on a server."""
        self._db = db
        self._tokens = tokens

    def put(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Index entries by their keys, each in place of what was indexed under it."""
        held = [self._held(key, entry) for key, entry in dict(entries).items()]
        if not held:
            return
        self.forget([each.key for each in held])
        counted = Counter(stem for each in held for stem in each.found)
        words = sorted(counted)  # in the order of the index
        known: dict[str, int] = dict(self._db.rows(_KNOW, (words, [counted[word] for word in words])))
        self._db.copy("indexed (key, size, stems)", ((each.key, each.size, each.stems) for each in held))
        types = ("int4", "int4", "float4", "int4")
        self._db.copy("posting (term, key, found, size)", sorted(_rows(held, known)), types)
        sizes = sum(each.size for each in held)
        self._db.run(_COUNT, (len(held), sizes))

    def forget(self, keys: Sequence[int]) -> None:
        """Remove entries from the index."""
        if self._db.value("SELECT 1 FROM indexed WHERE key = ANY(%s::bigint[]) LIMIT 1", (list(keys),)):
            self._db.run(_FORGET, (list(keys),))

    def forget_unheld(self) -> None:
        """Remove the words that no entry holds any more."""
        self._db.run("DELETE FROM term WHERE entries = 0")

    def clear(self) -> None:
        """Empty the index; row by row, for who reads it now goes on with what it held."""
        for table in ("posting", "indexed", "term", "totals"):
            self._db.run(f"DELETE FROM {table}")

    def _held(self, key: int, entry: Entry) -> _Held:
        columns = [self._tokens.stems(text) for text in columns_of(entry, self._tokens)]
        found: dict[str, float] = {}
        for weight, stems in zip(_WEIGHTS, columns, strict=True):
            for stem, times in Counter(stems).items():
                found[stem] = found.get(stem, 0.0) + weight * times
        lines = "\n".join(f" {' '.join(stems)} " for stems in columns)
        return _Held(key, found, sum(map(len, columns)), lines)


def _rows(held: Sequence[_Held], known: dict[str, int]) -> Iterator[tuple[int, int, float, int]]:
    """Postings: the number of a word, the key, how often it stands there, and how many words the entry has."""
    return ((known[stem], each.key, times, each.size) for each in held for stem, times in each.found.items())
