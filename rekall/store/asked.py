"""What a query is looked for by: its words, names and units, and the beginnings of words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import Protocol

from rekall.store.folding import Folded, fold_in_place, is_lone
from rekall.store.units import Name, Unit, is_version, names, units
from rekall.store.values import Term, Terms

_MOST_UNITS = 16
_MOST_PARTS = 12
"""A unit of more words, a long address for instance, is looked for by the units inside it."""
_MOST_ASKED = 24
"""Units that are counted for one query."""

_LEAST_BEGINNING = 3
"""Shorter ones begin too many words; looking through all of them is what a large base would spend its time on."""
_LEAST_STEM = 4
_MOST_BEGINNINGS = 4
_ENDINGS = (
    "e", "s", "es", "ed", "er", "ers", "ing", "ion", "ions", "on", "or", "able", "al", "ly", "y", "ity", "ive", "ment", "ness", "ate",
)  # fmt: skip
"""How English goes on after the beginning of a word; the longer word's stem may be shorter than what was typed."""

Place = tuple[int, int, str]
"""Where a word begins and ends, and its stem."""


class Tokens(Protocol):
    """What makes words of a text; the same in every store, so that all find the same."""

    def stem_places(self, text: str, *, stems: bool = True) -> list[Place]:
        """The words that an index makes of a folded text, with their endings where `stems` is false."""
        ...


class Counting(Tokens, Protocol):
    """What is to be known of a words index; every store has one."""

    def of(self, stems: Iterable[str]) -> tuple[dict[str, int], int]:
        """How many entries hold each of these stems, one that none holds left out; and how many entries there are."""
        ...

    def holding(self, terms: Sequence[Term]) -> dict[Term, int]:
        """How many entries hold each of these beginnings, names or words side by side."""
        ...


class AskedTerms:
    """Makes the terms of a query; see `contract.Words.terms`."""

    def __init__(self, counts: Counting) -> None:
        """Ask an index."""
        self._counts = counts

    def terms(self, text: str, most: int, *, unfinished: bool = False) -> Terms:
        """The terms of a text, each with the number of entries that hold it."""
        folded = fold_in_place(text)
        places = self._counts.stem_places(folded.text)
        named = self._named(folded.text)
        documents, entries = self._documents([*_words(folded, text, places), *named])
        documents = {term: number for term, number in documents.items() if number or term not in named}
        documents = self._with_beginnings(documents, last=_last(folded, places) if unfinished else None)
        if len(documents) > most:
            kept = set(sorted(documents, key=lambda term: (documents[term] == 0, documents[term]))[:most])
            documents = {term: number for term, number in documents.items() if term in kept}
        versions = [term for term in documents if term in named and is_version(term.word)]
        held = self._held_units(folded, text, places, {term.stem for term, number in documents.items() if number})
        whole = {term.word for term in versions}  # side by side, their numbers stand in longer versions too
        held = {term: number for term, number in held.items() if term.word not in whole}
        documents = self._without_numbers(folded.text, documents, versions) | held
        if any(0 < 2 * number <= entries for number in documents.values()):
            documents = {term: number for term, number in documents.items() if 2 * number <= entries}
        return Terms(documents, entries)

    def begun(self, words: Sequence[Term]) -> dict[Term, tuple[Term, int]]:
        """For each word the term that finds it as a beginning, and how many entries hold one; others are left out."""
        found: dict[Term, tuple[Term, int]] = {}
        asked = {}
        for word in words:
            said = (word.sought or word.word).lower()
            if (
                len(said) >= _LEAST_BEGINNING
                and said.isalpha()
                and (word.stem in (said, _without_accents(said)) or len(word.stem) >= _LEAST_STEM)
            ):
                asked[Term(word.word, word.stem, prefix=True, sought=word.sought)] = word
        counted = self._counts.holding(list(asked))
        for term, word in asked.items():
            if counted[term]:
                found[word] = term, counted[term]
            elif longer := self._longer(word):
                found[word] = longer
        return found

    def _longer(self, word: Term) -> tuple[Term, int] | None:
        """The commonest word that goes on from a beginning, where the beginning is longer than its stem."""
        said = (word.sought or word.word).lower()
        if len(said) <= _LEAST_STEM:
            return None
        longer = [said + ending for ending in _ENDINGS]
        stems = [stem for _, _, stem in self._counts.stem_places(" ".join(longer))]
        terms = [
            Term(word.word, stem, sought=sought)
            for sought, stem in zip(longer, stems)
            if len(stem) < len(said) and said.startswith(stem[:-1]) and len(stem) >= _LEAST_STEM
        ]
        counted = self._documents(terms)[0]
        best = max(counted, key=lambda term: counted[term], default=None)
        return (best, counted[best]) if best and counted[best] else None

    def _with_beginnings(self, documents: dict[Term, int], last: str | None) -> dict[Term, int]:
        """The same, where words that no entry holds are beginnings, and the last one is both if it is unfinished."""
        words = [term for term in documents if not term.prefix and not term.parts]
        open_ended = [term for term in words if not documents[term]][:_MOST_BEGINNINGS]
        open_ended += [term for term in words if term.stem == last and documents[term]]
        begun = self.begun(open_ended)
        made: dict[Term, int] = {}
        for term, number in documents.items():
            beginning, more = begun.get(term, (term, number))
            if number or not more:
                made[term] = number
            if more > number:
                made[beginning] = more
        return made

    def _named(self, text: str) -> list[Term]:
        """The names in a folded text."""
        found = list(dict.fromkeys(names(text)))[:_MOST_UNITS]
        if not found:
            return []
        stems = [stem for _, _, stem in self._counts.stem_places(" ".join(name.sought for name in found))]
        return [self._name(name, stem) for name, stem in zip(found, stems)]

    def _without_numbers(self, text: str, documents: Mapping[Term, int], versions: Sequence[Term]) -> dict[Term, int]:
        """Without the numbers of versions that some entry holds: they would find every other version."""
        inside = {part for term in versions for part in term.parts}
        if inside:
            for term in versions:
                text = text.replace(term.word, " ")
            inside.difference_update(stem for _, _, stem in self._counts.stem_places(text))
        return {term: number for term, number in documents.items() if term.stem not in inside}

    def _name(self, name: Name, stem: str) -> Term:
        parts = tuple(part for _, _, part in self._counts.stem_places(name.typed))
        return Term(name.typed, stem, sought=name.sought, parts=parts)

    def _held_units(self, folded: Folded, text: str, places: Sequence[Place], known: Set[str]) -> dict[Term, int]:
        """Units that some entry holds, as phrases; of one that none holds, the units inside it that one does.

        Args:
            folded: The query as the index spells it.
            text: The query as it was typed.
            places: Its words, of `folded`.
            known: The stems that some entry holds.
        """
        asked: dict[tuple[int, int], Term] = {}
        first: dict[str, Term] = {}  # of several spellings of the same stems, as in "A-b a-b"

        def ask(unit: Unit) -> None:
            within = [place for place in places if unit.start <= place[0] and place[1] <= unit.end]
            parts = tuple(stem for _, _, stem in within)
            if len(asked) < _MOST_ASKED and 1 < len(parts) <= _MOST_PARTS and known >= set(parts):
                start, end = folded.place(within[0][0], within[-1][1])
                sought = folded.text[within[0][0] : within[-1][1]]
                term = Term(text[start:end], " ".join(parts), sought=sought, parts=parts)
                asked[unit.start, unit.end] = first.setdefault(term.stem, term)
            for each in unit.inner:
                ask(each)

        def held(unit: Unit) -> Iterator[Term]:
            term = asked.get((unit.start, unit.end))
            if term and counted[term]:
                yield term
            else:
                for each in unit.inner:
                    yield from held(each)

        typed = list(islice(units(folded.text), _MOST_UNITS))
        for unit in typed:
            ask(unit)
        counted = self._counts.holding(list(first.values()))
        return {term: counted[term] for unit in typed for term in held(unit)}

    def _documents(self, terms: Sequence[Term]) -> tuple[dict[Term, int], int]:
        """How many entries hold each term, and how many there are."""
        if not terms:
            return {}, 1
        counted, entries = self._counts.of(term.stem for term in terms if not term.prefix)
        begun = self._counts.holding([term for term in terms if term.prefix])
        documents = {term: begun[term] if term.prefix else counted.get(term.stem, 0) for term in terms}
        return documents, max(entries, 1)


def _without_accents(word: str) -> str:
    """A word as FTS5 reads it; what folding leaves alone are Latin accents."""
    if word.isascii():
        return word
    import unicodedata  # most queries never need it

    return "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))


def _last(folded: Folded, places: Sequence[Place]) -> str | None:
    """The stem of the word that a text ends with, None where something follows it."""
    return places[-1][2] if places and places[-1][1] == len(folded.text) else None


def _words(folded: Folded, text: str, places: Sequence[Place]) -> list[Term]:
    """The words of a text, each stem once."""
    found: dict[str, Term] = {}
    for start, end, stem in places:
        if stem not in found:
            sought, (first, last) = folded.text[start:end], folded.place(start, end)
            word = text[first:last]
            found[stem] = Term(word, stem, prefix=is_lone(sought), sought="" if sought == word else sought)
    return list(found.values())
