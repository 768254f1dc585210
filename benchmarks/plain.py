"""What a search is measured against: BM25 without any trick, and what grep would find."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping

_WORD = re.compile(r"\w+")
_K1, _B = 1.2, 0.75
_LEAST_LETTERS = 4


class Bm25:
    """Okapi BM25 over lower-cased words, without stems, stop words or fields."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Count the words of every text, by name."""
        self._counts = {name: Counter(_WORD.findall(text.lower())) for name, text in texts.items()}
        self._lengths = {name: sum(counts.values()) for name, counts in self._counts.items()}
        self._mean = sum(self._lengths.values()) / max(len(texts), 1) or 1.0
        self._holders = Counter(word for counts in self._counts.values() for word in counts)

    def search(self, query: str, most: int) -> list[str]:
        """The names of the best texts, best first; what holds no word of the query is left out."""
        words = set(_WORD.findall(query.lower()))
        scores = {name: self._score(name, words) for name in self._counts}
        return sorted((name for name, score in scores.items() if score > 0), key=lambda name: -scores[name])[:most]

    def _score(self, name: str, words: set[str]) -> float:
        counts = self._counts[name]
        norm = _K1 * (1 - _B + _B * self._lengths[name] / self._mean)
        return sum(
            self._rarity(word) * counts[word] * (_K1 + 1) / (counts[word] + norm) for word in words if word in counts
        )

    def _rarity(self, word: str) -> float:
        held = self._holders[word]
        return math.log(1 + (len(self._counts) - held + 0.5) / (held + 0.5))


class Grep:
    """Texts by how many words of the query, of four letters or more, they hold anywhere; ties as they lie."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Keep the texts, lower-cased."""
        self._texts = {name: text.lower() for name, text in texts.items()}

    def search(self, query: str, most: int) -> list[str]:
        """The names of the best texts."""
        words = {word for word in _WORD.findall(query.lower()) if len(word) >= _LEAST_LETTERS}
        held = {name: sum(word in text for word in words) for name, text in self._texts.items()}
        return sorted((name for name, count in held.items() if count), key=lambda name: -held[name])[:most]
