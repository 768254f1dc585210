"""The second look at the best candidates: their texts beside the query, and where their vectors lie among one another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.errors import EngineError
from rekall.search.fusion import Fusion
from rekall.search.legs import AskedWords
from rekall.search.meaning import AskedMeaning
from rekall.search.pieces import Shares, Spelling
from rekall.search.query import ParsedQuery
from rekall.search.rerank import Candidates, Reranked

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

MOST = 50
"""Candidates looked at. With 100 nDCG@10 is the same within 0.002 and the stage takes twice the time."""

MOST_CHARACTERS = 8_000
"""Of each text; what lies further back is found by the words index."""

_READ = 200
"""Characters by which it is judged whether the model knows a text's words."""

_FOREIGN = 0.5
"""Share of characters outside ASCII from which that is asked at all."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each part adds to a score.

    score = similarity + lexical, where lexical = coverage × words + pieces × pieces + pairs × pairs, and similarity = (1 - feedback) ×
    similarity + feedback × similarity to the query moved towards the best three - crowding × crowding.

    Chosen on eight sets of developer questions, where each a fifth larger or smaller changes the mean by 0.002 at most (docs/adr/0017).
    """

    words: float
    pieces: float
    pairs: float
    feedback: float = 0.0
    crowding: float = 0.0


BESIDE_MEANING = Weights(words=0.18, pieces=0.42, pairs=0.3, feedback=0.6, crowding=0.2)
ALONE = Weights(words=0.6, pieces=0.3, pairs=0.3)

USUAL_SHARE = 0.6
"""The weight of words that `BESIDE_MEANING` was chosen for (docs/adr/0005)."""

_FIRST_CROWDING = 0.3
"""What crowding takes off where the three are chosen that feedback is taken from."""

LACKS_NUMBER = 0.15
"""What an entry loses that lacks a number which was typed and which another candidate holds: to the model `1.2.3` and `3.2.1`
are nearly the same (benchmarks/quality.py --state versions)."""

KEYWORDS, _KEYWORDS = 0.2, 3
"""What an entry gains that holds all of up to three words that were typed: so few are words to look for, not a question."""

WHOLE = 0.25
"""What an entry gains that holds a whole line of code as it was typed (benchmarks/lines.py)."""

_BEST = 3
"""Candidates that the query moves towards."""

_FIRST = 10
_SURE, _LOST, _DOUBTED = 0.015, 0.03, 0.5
"""Where the best passages of the first ten are nearer than their heads by more than twice 0.015 on average, the heads do
not say what the entries are about, and in full from twice 0.03 on: then the best passage counts alone, meaning counts half, and
heads say nothing of neighbours. Notes have 0.000 to 0.016 on eight sets, the long chats of LoCoMo 0.064 (benchmarks/locomo.py).
"""


class SecondStage:
    """Reorders the best candidates of words, or of words and meaning; see `Weights`.

    A candidate without a vector has the similarity that its coverage lets expect, and neither crowding nor feedback.
    """

    name = "second stage"
    most = MOST

    def __init__(self, store: Store, fusion: Fusion) -> None:
        """Read texts and vectors from a store.

        Args:
            store: The base.
            fusion: What legs count: the share of the words is that of everything lexical here.
        """
        self._store = store
        self._fusion = fusion
        self._lexical = fusion.weight("words") / USUAL_SHARE

    def order(self, query: ParsedQuery, candidates: Candidates) -> Reranked:
        """Score the candidates; see `Weights`."""
        keys = candidates.keys
        texts = self._store.entries.texts(keys, MOST_CHARACTERS)
        spelling = Spelling(query.text, self._store.words.places(query.text))
        shares = dict(zip(texts, spelling.shares(texts.values())))
        coverage = candidates.scores.get("words", {})
        asked = candidates.asking.get("meaning")
        others = [(leg, found) for leg, found in candidates.scores.items() if leg not in ("words", "meaning")]
        words = candidates.asking.get("words")
        lacking = words.lacking(keys) if isinstance(words, AskedWords) else {}
        holders = words.holding_all(keys, _KEYWORDS) if isinstance(words, AskedWords) else set()
        reasons: dict[int, dict[str, float]] = {
            key: {
                "pieces": share.pieces,
                "pairs": share.pairs,
                "whole": share.whole,
                "keywords": float(key in holders),
                "lacking": lacking.get(key, 0.0),
            }
            for key, share in shares.items()
        }
        beside = {key: sum(self._fusion.weight(leg) * found.get(key, 0.0) for leg, found in others) for key in keys}
        if not isinstance(asked, AskedMeaning):
            counts = self._lexical if others else 1.0  # a leg alone counts whole
            alone = _lexical(keys, coverage, shares, holders, lacking, ALONE)
            return Reranked({key: counts * alone[key] + beside[key] for key in keys}, reasons)
        if "words" not in candidates.scores:  # meaning alone is asked for, and stays as it is
            return Reranked(candidates.fused, reasons)
        lexical = _lexical(keys, coverage, shares, holders, lacking, BESIDE_MEANING)
        near = self._trusted(candidates.scores["meaning"], texts, asked)
        buried = asked.buried(keys)
        doubt = _doubt([buried[key] for key in keys if key in buried][:_FIRST])
        near = {key: (1 - _DOUBTED * doubt) * (value + doubt * buried.get(key, 0.0)) for key, value in near.items()}
        crowd = {key: (1 - doubt) * value for key, value in asked.crowding(keys).items()}
        first = {key: near[key] + self._lexical * lexical[key] - _FIRST_CROWDING * crowd.get(key, 0.0) for key in keys}
        best = sorted((key for key in keys if key in crowd), key=lambda key: (-first[key], -key))[:_BEST]
        towards = asked.feedback(best, keys)
        middle = sum(near[key] for key in towards) / max(1, len(towards))
        scores = {}
        for key in keys:
            gained = (1 - doubt) * (middle + towards[key] - near[key]) if key in towards else 0.0
            similarity = near[key] + BESIDE_MEANING.feedback * gained
            similarity -= BESIDE_MEANING.crowding * crowd.get(key, 0.0)
            scores[key] = similarity + self._lexical * lexical[key] + beside[key]
            reasons.setdefault(key, {}).update(near=near[key], feedback=gained, crowding=crowd.get(key, 0.0))
        return Reranked(scores, reasons)

    @staticmethod
    def _trusted(
        near: Mapping[int, float], texts: Mapping[int, tuple[str, str]], asked: AskedMeaning
    ) -> Mapping[int, float]:
        """The similarities, each as far as the model knows the entry's words."""
        beginnings = {key: f"{title}\n{body}"[:_READ] for key, (title, body) in texts.items()}
        foreign = [key for key, text in beginnings.items() if _is_foreign(text)]
        if not foreign:
            return near
        try:
            known = asked.known([beginnings[key] for key in foreign])
        except EngineError:  # the engine is gone since the question; what was found stands without this
            return near
        return {**near, **{key: near[key] * share for key, share in zip(foreign, known)}}


def _lexical(
    keys: Sequence[int],
    coverage: Mapping[int, float],
    shares: Mapping[int, Shares],
    holders: Collection[int],
    lacking: Mapping[int, float],
    weights: Weights,
) -> dict[int, float]:
    nothing = Shares()
    scores = {}
    for key in keys:
        share = shares.get(key, nothing)
        scores[key] = (
            weights.words * coverage.get(key, 0.0)
            + weights.pieces * share.pieces
            + weights.pairs * share.pairs
            + WHOLE * share.whole
            + KEYWORDS * (key in holders)
            - LACKS_NUMBER * lacking.get(key, 0.0)
        )
    return scores


def _doubt(buried: Sequence[float]) -> float:
    """How little the heads of the first candidates say, from 0 to 1."""
    mean = sum(buried) / max(1, len(buried))
    return min(1.0, max(0.0, (mean - _SURE) / (_LOST - _SURE)))


def _is_foreign(text: str) -> bool:
    return not text.isascii() and sum(sign > "\x7f" for sign in text) > _FOREIGN * len(text)
