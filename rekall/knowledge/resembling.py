"""What an entry that was just written down resembles, and what it may contradict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.errors import EngineError
from rekall.knowledge import answers
from rekall.search.labels import COMPARED, alike
from rekall.search.results import Hit, Mode
from rekall.search.searcher import Searcher
from rekall.search.titles import is_titled_twice

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.knowledge.disagreement import Disagreement
    from rekall.store.contract import Store

_MOST_LOOKED_AT = 6
_MOST = 3


@dataclass(frozen=True, slots=True)
class Resembling:
    """An entry that another one resembles.

    Attributes:
        hit: The entry, and how near it is.
        what: What the new entry says otherwise; None where they seem to agree.
    """

    hit: Hit
    what: Disagreement | None = None

    @property
    def told(self) -> str:
        """What each says in the place where they differ; empty where they seem to agree."""
        return f"{self.what.here} here, {self.what.there} there" if self.what else ""

    def fields(self) -> dict[str, Any]:
        """What it may contradict, for programs."""
        assert self.what is not None
        said = {"conflict": self.what.clash.value, "here": self.what.here, "there": self.what.there}
        return {**said, **answers.summary(self.hit.entry, self.hit.successor)}


def resembling(store: Store, searcher: Searcher, entry: Entry) -> tuple[Resembling, ...]:
    """The few entries that one may contradict, then those of the same title, and those that say nearly the same.

    All but the same title needs its vector.
    """
    is_another = is_titled_twice(store, entry.title)
    titled = searcher.search(entry.title, Filters(), Mode.WORDS, 4, literal=True).hits if is_another else ()
    try:
        near = searcher.similar(entry.id, Filters(), _MOST_LOOKED_AT).hits
    except EngineError:  # it is found by words only, which whoever stored it was told
        near = ()
    found = list(_contradicted(entry, near))
    known = {each.hit.entry.id for each in found}
    found += [Resembling(hit) for hit in alike(entry, titled, near[:_MOST]) if hit.entry.id not in known]
    return tuple(found[:_MOST])


def _contradicted(entry: Entry, near: Sequence[Hit]) -> list[Resembling]:
    """The active entries near one that it may contradict, the surest first."""
    hits = [hit for hit in near if (hit.why.clear or 0.0) >= COMPARED and hit.successor is None]
    if not hits:
        return []
    from rekall.knowledge.disagreement import LEAST, Clash, between, scored  # 15 ms with their patterns
    from rekall.knowledge.statements import taken_apart

    apart = taken_apart(entry)
    found = []
    for hit in hits:
        clear = hit.why.clear or 0.0
        what = between(apart, taken_apart(hit.entry), clear) if hit.entry.status is entry.status else None
        if what is not None and what.clash is not Clash.REPEAT and scored(what, clear) >= LEAST:
            found.append((scored(what, clear), Resembling(hit, what)))
    return [each for _, each in sorted(found, key=lambda pair: -pair[0])]
