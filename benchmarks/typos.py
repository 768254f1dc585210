"""The state `typos`: each query as it is, and with one slip in its longest word."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean

from judging import SEED, Bed, ByQuery, means, opened, queries_of

from rekall.search.results import Mode

LEAST_LETTERS = 5
"""Shorter words are not tampered with: one edit makes another word of them."""

_MODES = (Mode.WORDS, Mode.HYBRID)
HEAD = "| set | queries | " + " | ".join(f"nDCG {mode.value}: clean | typo | lost" for mode in _MODES) + " |"


def measure(bed: Bed, most: int) -> dict[str, ByQuery]:
    """The figures of clean queries and of the same with a slip, typed as a person types them."""
    queries = [query for query in queries_of(bed, most) if slipped(query.text) != query.text]
    typed = [replace(query, text=slipped(query.text)) for query in queries]
    found: dict[str, ByQuery] = {}
    with opened(bed) as each:
        for mode in _MODES:
            found[mode.value] = each.by_query(queries, mode, literal=False)
            found[f"{mode.value}, typo"] = each.by_query(typed, mode, literal=False)
    return found


def row(name: str, *found: Mapping[str, ByQuery]) -> str:
    """A line of the table: a set, or the mean of several."""
    cells = []
    for mode in _MODES:
        clean, typo = (fmean(means(each[way]).ndcg for each in found) for way in (mode.value, f"{mode.value}, typo"))
        cells += [f"{clean:.3f}", f"{typo:.3f}", f"{typo - clean:+.3f}"]
    return f"| {name} | {sum(len(each['words']) for each in found)} | {' | '.join(cells)} |"


def slipped(text: str) -> str:
    """A text with one random slip in its longest word, the same every time: a swap, a drop, a doubled or a wrong letter."""
    words = [word for word in text.split() if word.isalpha() and len(word) >= LEAST_LETTERS]
    if not words:
        return text
    word = max(words, key=len)
    chance = random.Random(f"{SEED} {text}")  # noqa: S311
    place = chance.randrange(1, len(word) - 1)
    slips = (
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        word[:place] + word[place + 1 :],
        word[: place + 1] + word[place] + word[place + 1 :],
        word[:place] + chance.choice(string.ascii_lowercase) + word[place + 1 :],
    )
    return text.replace(word, chance.choice([slip for slip in slips if slip != word]), 1)
