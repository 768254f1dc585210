"""Scores every entry that holds a term, for bases in which FTS5 would take too long: its lists are read once, and added up by numpy.

A term adds idf × (k1 + 1) × found / (found + norm) to the score of an entry. What stands behind idf, its impact, depends on the
term and the entry alone, so it is kept for as long as no entry's words change: the few words that are in every tenth note are in
most queries. A list is read at 0.05 µs an entry and added at 0.01, where FTS5 takes 0.45 to score one (docs/adr/0038).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from rekall.db import Database
from rekall.store.folding import fold
from rekall.store.postings import AVERAGES, STRUCTURE, Postings, UnknownFormat, totals
from rekall.store.scoring import BM25, K1, WEIGHTS, B, idf, scores_of
from rekall.store.selection import expression, filtered, has_index, phrase
from rekall.store.sign_blocks import has_numpy
from rekall.store.units import is_ended, names
from rekall.store.values import Selection, Term, Terms
from rekall.store.word_counts import WordCounts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Keys = npt.NDArray[np.int32]
    Figures = npt.NDArray[np.float32]

Read = TypeVar("Read")

NUMPY_FROM = 400_000
"""From this many entries on, added up over the terms, numpy is imported for this at once, 15 MB and 50 ms; see `SqliteWords.search`."""

MOST_KEPT_BYTES = 24_000_000
"""Of lists and impacts: those of the fifteen commonest words of a million notes."""

_READ_FROM, _READ_BESIDE = 10_000, 2_000
"""Shorter lists FTS5 scores itself, also beside longer ones, as it does those of beginnings and of words side by side."""

_AT_ONCE = 400_000
"""Entries of lists that are read side by side; of more, the numbers do not stay in the processor's cache."""

_FIRST, _ENOUGH, _MOST = 1000, 1.3, 16_000
"""So many of the best are looked at whether they pass a filter, then as many more as should do; where these are too many, what
passes is listed."""


_NARROW = 40_000
"""Fewer entries that a filter with an index of its own lets pass are listed."""

_KEYS_OF = "\0"
"""Before an expression, it stands for the entries that hold it without their impacts."""

_SIZES_AT_ONCE = 20_000
_SIZES = "SELECT count(*), CAST(group_concat(sz, '') AS BLOB) FROM words_docsize WHERE id >= ? AND id < ?"
"""How many words entries have, a number a column, some entries at a time."""


@dataclass(frozen=True, slots=True)
class Impacts:
    """The entries that hold a term.

    Attributes:
        keys: (n,) int32, in their order.
        impacts: (n,) float32, what the term adds to the score of each, but for its idf.
    """

    keys: Keys
    impacts: Figures

    @property
    def size_bytes(self) -> int:
        """What keeping them takes."""
        return int(self.keys.nbytes + self.impacts.nbytes)


class EveryScore:
    """Scores all entries for some terms. Every method is called inside a snapshot; None says that FTS5 must be asked."""

    def __init__(self, db: Database, counts: WordCounts) -> None:
        """Work on an open database."""
        self._db = db
        self._counts = counts
        self._postings = Postings(db)
        self._state: tuple[object, ...] | None = None
        self._norms: Figures | None = None
        self._kept: dict[str, Impacts] = {}
        self._latest: tuple[Terms, Figures] | None = None
        self._is_known = True

    def best(self, terms: Terms, selection: Selection, limit: int, *, imports: bool = False) -> dict[int, float] | None:
        """The best of the selected entries, best first, with their scores; numpy is imported for it if `imports`."""
        scores = self._scores(terms, imports=imports)
        if scores is None:
            return None
        if not selection.is_everything:
            every = scores
            scores = self._if_known(lambda: self._selected(every, selection))
            if scores is None:
                return None
        if selection.filters != Selection().filters:
            return self._passing(scores, replace(selection, phrases=(), excluded=()), limit)
        keys = _best(scores, limit)
        return dict(zip(keys.tolist(), scores[keys].tolist()))

    def is_ready(self) -> bool:
        """Whether what every list needs is here already."""
        return self._norms is not None and self._state == self._moment()

    def scores_of(self, terms: Terms, keys: Sequence[int]) -> dict[int, float] | None:
        """The scores of given entries; one that holds no term is left out."""
        scores = self._scores(terms)
        if scores is None:
            return None
        return {key: float(scores[key]) for key in keys if 0 <= key < len(scores) and scores[key] > 0}

    def holders(self, text: str, keys: Sequence[int] | None) -> set[int] | None:
        """Which of some entries hold words side by side; of all, where None is given. Call it when `is_ready`."""
        import numpy as np

        held = self._if_known(lambda: self._holding(text))
        if held is None:
            return None
        if keys is None:
            return set(held.tolist())
        chosen = np.array(keys, dtype=np.int64)
        return set(chosen[_is_in(chosen, held)].tolist())

    def matched(self, terms: Iterable[Term], keys: Sequence[int]) -> dict[int, tuple[Term, ...]] | None:
        """Which of the terms each of the given entries holds, where the lists of all are here; one that holds none is left out."""
        if self._state is None or self._state != self._moment():
            return None
        import numpy as np

        chosen = np.array(keys, dtype=np.int64)
        found: dict[int, list[Term]] = {}
        for term in terms:
            held = self._kept.get(expression(term))
            if held is None:
                return None
            for key in chosen[_is_in(chosen, held.keys)].tolist():
                found.setdefault(key, []).append(term)
        return {key: tuple(held) for key, held in found.items()}

    def _scores(self, terms: Terms, *, imports: bool = False) -> Figures | None:
        """The scores of all entries: (keys,) float32, 0 for what holds no term. None where FTS5 must be asked."""
        if not (imports or has_numpy() or sum(terms.frequencies.values()) > NUMPY_FROM):
            return None
        state = self._moment()
        if state != self._state:
            self._state, self._norms, self._latest, self._is_known = state, None, None, True
            self._kept = {}
        if not self._is_known or self._db.is_writing():
            return None
        if self._latest is not None and self._latest[0] == terms:
            return self._latest[1]
        scores = self._if_known(lambda: self._added(terms))
        if scores is not None:
            self._latest = (terms, scores)
        return scores

    def _if_known(self, read: Callable[[], Read]) -> Read | None:
        """What is read; None where the index is not as it is read here, which is not tried again until it changes."""
        try:
            return read()
        except UnknownFormat:
            self._is_known, self._norms = False, None
            return None

    def _moment(self) -> tuple[object, ...]:
        """What changes with every change of an entry's words, and with few other things."""
        rows = self._db.rows("SELECT block FROM words_data WHERE id IN (?, ?) ORDER BY id", (AVERAGES, STRUCTURE))
        # an index that was rebuilt may be as long as before, but its tables are new
        return (*rows, self._db.value("PRAGMA schema_version"))

    def _added(self, terms: Terms) -> Figures:
        import numpy as np

        if self._norms is None:
            self._norms = self._read_norms()
        scores = np.zeros(len(self._norms), dtype=np.float32)
        held = {term: number for term, number in terms.frequencies.items() if number}
        for term, impacts in self._impacts(held, terms.entries):
            weight = np.float32(idf(terms.entries, held[term]) * (K1 + 1))
            scores[impacts.keys] += weight * impacts.impacts
        return scores

    def _impacts(self, held: dict[Term, int], entries: int) -> Iterable[tuple[Term, Impacts]]:
        """The lists of terms, the rarest first, as many as are read at once."""
        waiting: list[Term] = []
        for term in sorted(held, key=lambda each: held[each]):
            waiting.append(term)
            if sum(held[each] for each in waiting) >= _AT_ONCE:
                yield from self._together(waiting, held, entries)
                waiting = []
        yield from self._together(waiting, held, entries)

    def _together(self, terms: Sequence[Term], held: dict[Term, int], entries: int) -> Iterable[tuple[Term, Impacts]]:
        asked = {term: expression(term) for term in terms}
        here = {term: self._kept.pop(text) for term, text in asked.items() if text in self._kept}
        missing = [term for term in terms if term not in here]
        words = [term for term in missing if not term.prefix and not term.parts]
        least = _READ_FROM if max((held[term] for term in words), default=0) < _READ_FROM else _READ_BESIDE
        read = [term for term in words if held[term] >= least]
        here |= zip(read, self._read([term.stem for term in read], [held[term] for term in read]))
        here |= {term: self._by_fts(asked[term], held[term], entries) for term in missing if term not in here}
        for term, impacts in here.items():
            self._keep(asked[term], impacts)
        return here.items()

    def _keep(self, asked: str, impacts: Impacts) -> None:
        """Keep a list; those that were asked for least lately are let go."""
        self._kept[asked] = impacts
        size = sum(each.size_bytes for each in self._kept.values())
        while size > MOST_KEPT_BYTES:
            size -= self._kept.pop(next(iter(self._kept))).size_bytes

    def _read(self, stems: Sequence[str], documents: Sequence[int]) -> list[Impacts]:
        made = []
        norms = self._norms
        assert norms is not None
        for held, number in zip(self._postings.of(stems) if stems else (), documents):
            if len(held.keys) != number or (number and not 0 <= held.keys[0] <= held.keys[-1] < len(norms)):
                raise UnknownFormat
            made.append(Impacts(held.keys, held.found / (held.found + norms[held.keys])))
        return made

    def _by_fts(self, asked: str, documents: int, entries: int) -> Impacts:
        import numpy as np

        share = idf(entries, documents) * (K1 + 1)
        rows = self._db.rows(f"SELECT rowid, -{BM25} FROM words WHERE words MATCH ? ORDER BY rowid", (asked,))
        scores = scores_of(rows)
        if len(scores) != documents:
            raise UnknownFormat
        keys = np.array(list(scores), dtype=np.int32)
        return Impacts(keys, np.array(list(scores.values()), dtype=np.float32) / np.float32(share))

    def _read_norms(self) -> Figures:
        """What the length of each entry comes to in its scores: (keys,) float32."""
        import numpy as np

        rows, words = totals(self._db)
        last = self._db.value("SELECT max(id) FROM words_docsize")
        if not rows or not words or last is None or not 0 < last < 4 * rows + _READ_FROM:
            raise UnknownFormat
        norms = np.full(last + 1, K1, dtype=np.float32)
        seen = total = 0
        for begin in range(0, last + 1, _SIZES_AT_ONCE):
            span = (begin, min(begin + _SIZES_AT_ONCE, last + 1))
            number, sizes = self._db.rows(_SIZES, span)[0]
            if number:
                lengths = _lengths(sizes, number)
                place: slice | list[int] = slice(*span)
                if number < span[1] - begin:
                    ids = self._db.rows("SELECT id FROM words_docsize WHERE id >= ? AND id < ?", span)
                    place = [key for (key,) in ids]
                norms[place] = K1 * (1 - B + B * lengths * (rows / words))
                seen, total = seen + number, total + int(lengths.sum())
        if (seen, total) != (rows, words):
            raise UnknownFormat
        return norms

    def _selected(self, scores: Figures, selection: Selection) -> Figures:
        """The scores of what holds every phrase and none of what is left out; 0 for the rest."""
        import numpy as np

        scores = scores.copy()
        for text in selection.excluded:
            scores[self._holding(text)] = 0
        for text in selection.phrases:
            held = self._holding(text)
            kept = scores[held]
            scores = np.zeros_like(scores)
            scores[held] = kept
        return scores

    def _holding(self, text: str) -> Keys:
        """The entries that hold words side by side."""
        import numpy as np

        folded = fold(text)
        stems = [stem for _, _, stem in self._db.stem_places(folded)]
        if len(stems) == 1 and not any(is_ended(name) for name in names(folded)):
            documents, entries = self._counts.of(stems)
            term = Term(text, stems[0], sought=folded)
            if not documents:
                return np.zeros(0, dtype=np.int32)
            ((_, impacts),) = self._together([term], {term: documents[stems[0]]}, entries)
            return impacts.keys
        asked = phrase(text)
        kept = self._kept.pop(f"{_KEYS_OF}{asked}", None)
        if kept is None:
            rows = self._db.rows("SELECT rowid FROM words WHERE words MATCH ?", (asked,))
            kept = Impacts(np.array([key for (key,) in rows], dtype=np.int32), np.zeros(0, dtype=np.float32))
        self._keep(f"{_KEYS_OF}{asked}", kept)
        return kept.keys

    def _passing(self, scores: Figures, selection: Selection, limit: int) -> dict[int, float]:
        """The best that pass the filters: looked at from the best on; where few pass, all that do are listed."""
        import numpy as np

        found: list[int] = []
        is_listed = has_index(selection) and self._is_narrow(selection)
        done, most = 0, _MOST + 1 if is_listed else max(_FIRST, limit)
        where, bindings = filtered(selection, of_one=True)
        sql = f"SELECT e.key FROM json_each(?) j CROSS JOIN entry e ON e.key = j.value WHERE {where}"
        while most <= _MOST:
            keys = _best(scores, most)[done:]
            passed = {key for (key,) in self._db.rows(sql, (json.dumps(keys.tolist()), *bindings))}
            found += [key for key in keys.tolist() if key in passed]
            done += len(keys)
            if len(found) >= limit or done < most:
                return {key: float(scores[key]) for key in found[:limit]}
            most = _FIRST + int(_ENOUGH * limit * done / max(1, len(found)))
        where, bindings = filtered(selection)
        listed = np.array(
            [key for (key,) in self._db.rows(f"SELECT e.key FROM entry e WHERE {where}", bindings)], dtype=np.int64
        )
        listed = listed[(listed >= 0) & (listed < len(scores))]
        passing = np.zeros_like(scores)
        passing[listed] = scores[listed]
        best = _best(passing, limit)
        return dict(zip(best.tolist(), passing[best].tolist()))

    def _is_narrow(self, selection: Selection) -> bool:
        """Whether so few entries pass that they are listed at once."""
        where, bindings = filtered(selection)
        sql = f"SELECT count(*) FROM (SELECT 1 FROM entry e WHERE {where} LIMIT {_NARROW})"
        return int(self._db.value(sql, bindings)) < _NARROW


def _best(scores: Figures, most: int) -> npt.NDArray[np.int64]:
    """The keys of the best scores above 0, best first; of equal ones the oldest. (k,)."""
    import numpy as np

    border = np.float32(0)
    step = 16
    sample = scores[::step]
    place = 2 * most // step + 32
    if place < len(sample):
        border = max(border, np.partition(sample, len(sample) - place)[len(sample) - place])
    keys = np.flatnonzero(scores >= border) if border > 0 else np.flatnonzero(scores)
    if len(keys) < most and border > 0:
        keys = np.flatnonzero(scores)
    if len(keys) > most:
        kept = scores[keys]
        keys = keys[kept >= np.partition(kept, len(kept) - most)[len(kept) - most]]
    return keys[np.lexsort((keys, -scores[keys]))][:most]


def _is_in(keys: npt.NDArray[np.int64], held: Keys) -> npt.NDArray[np.bool_]:
    """Which keys are in a list in order."""
    import numpy as np

    if not len(held):
        return np.zeros(len(keys), dtype=bool)
    return np.asarray(held[np.minimum(np.searchsorted(held, keys), len(held) - 1)] == keys)


def _lengths(data: bytes, entries: int) -> npt.NDArray[np.int64]:
    """The words of entries: the numbers of their columns one after the other, of seven bits a byte, added up. (n,)."""
    import numpy as np

    read = np.frombuffer(data, dtype=np.uint8)
    is_last = read < 0x80
    ends = np.flatnonzero(is_last)
    if len(ends) != entries * len(WEIGHTS) or not is_last[-1]:
        raise UnknownFormat
    values = (read & 0x7F).astype(np.int64)
    above, places = np.flatnonzero(~is_last), 1
    while len(above):
        values[above] <<= 7
        above = above[~is_last[above + places]]
        places += 1
    return np.diff(np.cumsum(values)[ends[len(WEIGHTS) - 1 :: len(WEIGHTS)]], prepend=0)
