"""How common words are, and what makes words of a text: what the terms of a query are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from rekall.store.asked import Place
from rekall.store.postgres.phrases import Side, holding, side_by_side
from rekall.store.postgres.server import Server
from rekall.store.tokens import Fts5Tokens
from rekall.store.values import Term

_LONGEST = 200
"""Characters of a stem. An index of the server holds no more than 2,700 bytes; of a longer one stand the first and a hash of all."""


_TOTAL = "coalesce((SELECT {} FROM totals), 0)"


class Tokens(Fts5Tokens):
    """FTS5's tokens, none longer than an index of the server holds."""

    def stem_places(self, text: str, *, stems: bool = True) -> list[Place]:
        """The words that the index makes of a folded text."""
        return [(start, end, _bounded(word)) for start, end, word in super().stem_places(text, stems=stems)]

    def stems(self, text: str) -> list[str]:
        """The stems of a folded text in their order."""
        return [_bounded(stem) if len(stem) > _LONGEST else stem for stem in super().stems(text)]


class Counts:
    """Counts what the words index holds; see `asked.Counting`."""

    def __init__(self, db: Server, tokens: Tokens) -> None:
        """Count on a server."""
        self._db = db
        self._tokens = tokens

    def stem_places(self, text: str, *, stems: bool = True) -> list[Place]:
        """The words that the index makes of a folded text."""
        return self._tokens.stem_places(text, stems=stems)

    def entries(self) -> int:
        """How many entries are indexed."""
        return int(self._db.value(f"SELECT {_TOTAL.format('entries')}"))

    def numbers(self, stems: Iterable[str]) -> tuple[dict[str, int], int, int]:
        """The numbers of stems in `term`, one that is not there left out; how many entries are indexed, and all their words."""
        rows = self._db.rows(
            "SELECT word, id, 0 FROM term WHERE word = ANY(%s) "
            f"UNION ALL SELECT NULL, {_TOTAL.format('entries')}, {_TOTAL.format('words')}",
            (list(stems),),
        )
        ((entries, words),) = (totals for word, *totals in rows if word is None)
        return {word: number for word, number, _ in rows if word is not None}, entries, words

    def of(self, stems: Iterable[str]) -> tuple[dict[str, int], int]:
        """How many entries hold each of these stems, one that none holds left out; and how many entries are indexed."""
        rows = self._db.rows(
            "SELECT word, entries FROM term WHERE word = ANY(%s) AND entries > 0 "
            f"UNION ALL SELECT NULL, {_TOTAL.format('entries')}",
            (list(set(stems)),),
        )
        counted: dict[str | None, int] = dict(rows)
        entries = counted.pop(None)
        return {stem: number for stem, number in counted.items() if stem is not None}, entries

    def holding(self, terms: Sequence[Term]) -> dict[Term, int]:
        """How many entries hold each of these beginnings, names or words side by side."""
        if not terms:
            return {}
        parts = [holding(self.side(term)) for term in terms]
        sql = " UNION ALL ".join(f"SELECT {place}, count(*) FROM ({part[0]}) s" for place, part in enumerate(parts))
        counted: dict[int, int] = dict(self._db.rows(sql, [value for _, bindings in parts for value in bindings]))
        return {term: counted[place] for place, term in enumerate(terms)}

    def side(self, term: Term) -> Side:
        """The stems that an entry must hold side by side for a term."""
        return side_by_side(self._tokens, term.sought or term.word, is_beginning=term.prefix)


def _bounded(word: str) -> str:
    if len(word) <= _LONGEST:
        return word
    return word[:_LONGEST] + hashlib.blake2b(word.encode(), digest_size=16).hexdigest()
