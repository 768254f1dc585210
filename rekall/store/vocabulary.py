"""The words that a base knows: which of a query's words it holds, and how its entries write one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rekall.store.asked import AskedTerms, Counting
from rekall.store.folding import fold, fold_in_place
from rekall.store.values import Term

MOST_READ = 3
"""Entries that hold a word are looked at for its form, so many of the newest."""

_SCANNED_CHARS = 50_000


class Vocabulary:
    """Asks the words index about words; see `contract.Words`."""

    def __init__(self, counts: Counting) -> None:
        """Ask an index."""
        self._counts = counts
        self._asked = AskedTerms(counts)

    def unknown(self, words: Sequence[str]) -> list[str]:
        """Those of the words that no entry holds in any form, and that begin no word of one."""
        held = self.held(words)
        missing = [Term(word, stem) for word, stem in self._stems(words).items() if word not in held]
        begun = self._asked.begun(missing)
        return [term.word for term in missing if term not in begun]

    def held(self, words: Sequence[str]) -> dict[str, int]:
        """How many entries hold each of the words in any form; one that none holds is left out."""
        stems = self._stems(words)
        counted = self._counts.of(stems.values())[0]
        return {word: counted[stem] for word, stem in stems.items() if stem in counted}

    def form(self, word: str, texts: Iterable[str]) -> str | None:
        """A word as entries write it: itself where one does, else the form that stands there most often.

        Args:
            word: The word.
            texts: What entries say that hold it.
        """
        stem = self._stems([word]).get(word)
        forms: Counter[str] = Counter()
        for text in texts:
            folded = fold_in_place(text[:_SCANNED_CHARS])
            for start, end, found in self._counts.stem_places(folded.text):
                if found == stem:
                    first, last = folded.place(start, end)
                    forms[text[first:last]] += 1
        same = [form for form in forms if form.casefold() == word.casefold()]
        chosen = same or [form for form, _ in forms.most_common(1)]
        return max(chosen, key=lambda form: forms[form], default=None)

    def _stems(self, words: Sequence[str]) -> dict[str, str]:
        """The stem of each word; what is several words to the index is left out."""
        ends: dict[str, list[str]] = {}
        lines = [fold(word) for word in words]
        places = self._counts.stem_places("\n".join(lines))
        at = place = 0
        for word, line in zip(words, lines):
            end = at + len(line)
            while place < len(places) and places[place][0] < end:
                ends.setdefault(word, []).append(places[place][2])
                place += 1
            at = end + 1
        return {word: stems[0] for word, stems in ends.items() if len(stems) == 1}
