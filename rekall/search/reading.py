"""The last stage: reads the entries that were found, says why each is there, and picks what to show of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rekall.entry.fields import FIELDS, Entry, Place
from rekall.entry.passages import passage_texts
from rekall.entry.view import successor_of
from rekall.search.legs import Asking, Found, Highlight
from rekall.search.results import Hit, LegReason, Why
from rekall.search.snippet import Snippet, make_snippet

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

_TELLING_CHARS = 80
"""So much of a passage says where it stands in the content."""


def read_hits(
    store: Store,
    ordered: Sequence[tuple[int, float]],
    asking: Mapping[str, Asking],
    found: Mapping[str, Found],
    said: Mapping[int, Mapping[str, Any]] | None = None,
) -> tuple[Hit, ...]:
    """Hits for reading, in the order given; what was deleted since is left out.

    Args:
        store: The base; one snapshot for all of it.
        ordered: Keys and scores, best first.
        asking: The legs that answered, by name.
        found: What each of them found.
        said: What the stages between say of each, as fields of `Why`.
    """
    keys = [key for key, _ in ordered]
    entries = store.entries.by_keys(keys)
    titles = store.entries.titles({entry.superseded_by for entry in entries.values() if entry.superseded_by})
    highlights = [each.highlights(keys) for each in asking.values()]
    reasons = _reasons(keys, asking, found)
    hits = []
    for key, score in ordered:
        if key in entries:
            entry = entries[key]
            shown = _snippet(store, entry, [each[key] for each in highlights if key in each])
            why = Why(**reasons[key], **(said or {}).get(key, {}))
            hits.append(Hit(entry, score, shown.text, why, successor_of(entry, titles), at=shown.at))
    return tuple(hits)


def _reasons(
    keys: Sequence[int], asking: Mapping[str, Asking], found: Mapping[str, Found]
) -> dict[int, dict[str, Any]]:
    """What the legs say of each hit, as fields of `Why`."""
    reasons: dict[int, dict[str, Any]] = {key: {} for key in keys}
    for name, each in asking.items():
        ranks = {key: place for place, key in enumerate(found[name].order, 1)}
        known = [key for key in keys if key in found[name].score or key in ranks]
        said = each.reasons(known)
        for key in known:
            reason, score = reasons[key], found[name].score.get(key, 0.0)
            reason |= said.get(key, {})
            if name == "words":
                reason |= {"coverage": score, "words_rank": ranks.get(key)}
            elif name == "meaning":
                reason |= {"meaning_rank": ranks.get(key)}
            else:
                reason["others"] = (*reason.get("others", ()), LegReason(name, score, ranks.get(key)))
    return reasons


def _snippet(store: Store, entry: Entry, highlights: Sequence[Highlight]) -> Snippet:
    """Around the query's words; without any, the beginning of the passage that came nearest in meaning.

    It counts in the content; what stands outside of it is at 0.
    """
    terms = {term.stem: term.word for shown in highlights for term in shown.terms}
    passage = max((shown.passage for shown in highlights), default=0)
    if not terms and passage > 0:
        texts = passage_texts(entry)
        if passage < len(texts):
            stretch = make_snippet(texts[passage], terms, store.words.places).text
            return Snippet(stretch, max(entry.content.find(texts[passage][:_TELLING_CHARS]), 0))
    text = "\n".join(part for part in (entry.content, *_context(entry)) if part)
    beginnings = tuple(term.stem for shown in highlights for term in shown.terms if term.prefix)
    snippet = make_snippet(text, terms, store.words.places, beginnings)
    return snippet if snippet.at < len(entry.content) else Snippet(snippet.text)


def _context(entry: Entry) -> list[str]:
    """The parts of the context that are read before the content."""
    return [text for field in FIELDS if field.shown is Place.BEFORE for text in field.texts(entry)]
