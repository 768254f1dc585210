"""How common words are: counted once for as long as nothing is written, for in a large base it takes long."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rekall.db import Database

_MOST_KEPT = 4096
_ENTRIES = "SELECT count(*) FROM words_docsize"


class WordCounts:
    """Counts what the words index holds.

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

    def documents(self, stems: Iterable[str]) -> dict[str, int]:
        """How many entries hold each of these stems; one that none holds is left out."""
        return self.of(stems)[0]

    def of(self, stems: Iterable[str]) -> tuple[dict[str, int], int]:
        """Both."""
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
