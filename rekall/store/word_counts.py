"""How common words are: counted once for as long as nothing is written, for in a large base it takes long."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from rekall.db import Database
from rekall.store.asked import Place
from rekall.store.selection import expression
from rekall.store.values import Term

_TERMS_A_STATEMENT = 64
"""Terms asked for in one statement; SQLite allows 500 parts of a compound SELECT."""

_MOST_KEPT = 4096
_ENTRIES = "SELECT count(*) FROM words_docsize"


class WordCounts:
    """Counts what the words index holds; see `asked.Counting`.

    FTS5 goes by every entry that holds a word to count it, 60 ms for the words of a question in a million entries.
    """

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db
        self._moment: object = None
        self._entries: int | None = None
        self._documents: dict[str, int] = {}

    def entries(self) -> int:
        """How many entries are indexed."""
        return self.of(())[1]

    def of(self, stems: Iterable[str]) -> tuple[dict[str, int], int]:
        """How many entries hold each of these stems, one that none holds left out; and how many entries are indexed."""
        moment = self._db.data_version(), self._db.total_changes(), self._db.changes
        if moment != self._moment:
            self._moment, self._entries, self._documents = moment, None, {}
        wanted = set(stems)
        missing = wanted - self._documents.keys()
        if missing:
            if len(self._documents) > _MOST_KEPT:
                self._documents = {stem: self._documents[stem] for stem in wanted - missing}
            counted: dict[str | None, int] = dict(
                self._db.readable_rows(
                    "SELECT j.value, v.doc FROM json_each(?1) j CROSS JOIN temp.vocabulary v ON v.term = j.value "
                    f"UNION ALL SELECT NULL, coalesce(?2, ({_ENTRIES}))",
                    (json.dumps(sorted(missing)), self._entries),
                )
            )
            self._entries = counted[None]
            self._documents |= {stem: counted.get(stem, 0) for stem in missing}
        elif self._entries is None:  # also before there is a vocabulary
            self._entries = int(self._db.value(_ENTRIES))
        return {stem: number for stem in wanted if (number := self._documents[stem])}, self._entries

    def holding(self, terms: Sequence[Term]) -> dict[Term, int]:
        """How many entries hold each of these, each looked up in the index by itself."""
        counted: dict[Term, int] = {}
        for part in in_parts(terms):
            sql = " UNION ALL ".join(["SELECT ?, count(*) FROM words WHERE words MATCH ?"] * len(part))
            rows = self._db.rows(sql, [value for place, term in enumerate(part) for value in (place, expression(term))])
            counted |= {part[place]: number for place, number in rows}
        return counted

    def stem_places(self, text: str, *, stems: bool = True) -> list[Place]:
        """The words that the index makes of a folded text; see `Database.stem_places`."""
        return self._db.stem_places(text, stems=stems)


def in_parts(terms: Sequence[Term]) -> Iterator[Sequence[Term]]:
    """Terms in parts that one statement takes."""
    return (terms[start : start + _TERMS_A_STATEMENT] for start in range(0, len(terms), _TERMS_A_STATEMENT))
