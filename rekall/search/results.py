"""What a search answers: hits, why each is there, and what was done to find them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.types import Reference


class Mode(str, Enum):
    """How a search looks: by words, by meaning, or by both."""

    HYBRID = "hybrid"
    WORDS = "words"
    MEANING = "meaning"


class Match(str, Enum):
    """How sure it is that a hit is about what was asked, the surest first (docs/adr/0017)."""

    STRONG = "strong"
    LIKELY = "likely"
    WEAK = "weak"

    def is_at_least(self, least: Match) -> bool:
        """Whether it is as sure as another, or surer."""
        order = list(Match)
        return order.index(self) <= order.index(least)


@dataclass(frozen=True, slots=True)
class LegReason:
    """What a leg besides words and meaning says of a hit: its score, and its place there from 1 or None."""

    leg: str
    score: float
    rank: int | None


@dataclass(frozen=True, slots=True)
class Why:
    """The reasons a hit stands where it stands.

    Attributes:
        coverage: Share of the query's words that the entry holds, weighted by rarity, 0 to about 1.
        words_rank: Place in the words leg from 1, or None.
        matched: Words of the query that the entry holds, as they were typed; very common ones left out.
        similarity: Mean of head and best passage, cosine; None without meaning.
        head: Cosine of the head.
        best_passage: Cosine of the best passage.
        meaning_rank: Place in the meaning leg from 1, or None.
        clear: The similarity above that of texts that have nothing to do with each other, in units that hold for every model.
        near: The similarity above that of an unrelated entry, as it was added up; an estimate where there is no vector.
        pieces: Share of the pieces of the query's words, 0 to about 1; None where the second stage did not look.
        pairs: Share of the query's neighbouring words that stand side by side.
        whole: 1 where the whole line stands in the entry as it was typed, else 0.
        keywords: 1 where it holds all of a few words that were typed, else 0.
        lacking: Share of the numbers that were typed which it lacks and another candidate holds.
        feedback: What it gained by being near the best.
        crowding: How much closer than others it lies to the rest; this counts against it.
        others: What further legs say.
        exact_title: Whether its title is what was typed, which puts it first.
        near_project: What it gained by belonging to the project that was asked from.
        holds_all: Whether it holds every word that was looked for.
        lacks: Numbers that were typed and that it holds nowhere, which keep it from being strong.
    """

    coverage: float = 0.0
    words_rank: int | None = None
    matched: tuple[str, ...] = ()
    similarity: float | None = None
    head: float | None = None
    best_passage: float | None = None
    meaning_rank: int | None = None
    clear: float | None = None
    near: float | None = None
    pieces: float | None = None
    pairs: float | None = None
    whole: float = 0.0
    keywords: float = 0.0
    lacking: float = 0.0
    feedback: float = 0.0
    crowding: float = 0.0
    near_project: float = 0.0
    others: tuple[LegReason, ...] = ()
    exact_title: bool = False
    holds_all: bool = False
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result.

    Attributes:
        match: How sure it is that the entry is about what was asked; None in a list that answers no text.
        at: The character of the entry's content at which its best stretch begins; 0 where there is none.
        base: The base in which it lives, by its name; empty for the one that was asked, or asked first.
    """

    entry: Entry
    score: float
    snippet: str
    why: Why
    successor: Reference | None = None
    match: Match | None = None
    at: int = 0
    base: str = ""

    @property
    def is_weak(self) -> bool:
        """Whether it is there as the nearest, and probably about something else."""
        return self.match is Match.WEAK


@dataclass(frozen=True, slots=True)
class ModeReport:
    """The mode that was asked for, the mode that answered, and why they differ (empty when they do not)."""

    requested: Mode
    used: Mode
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StageReport:
    """What one stage of a search did, in a few words, and the seconds it took."""

    name: str
    did: str
    took_s: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A text that the line leaves out, and how many entries that pass its filters and phrases hold it."""

    text: str
    entries: int


@dataclass(frozen=True, slots=True)
class Repair:
    """A word of a query that no entry holds, and the word that was searched for instead."""

    typed: str
    searched: str


@dataclass(frozen=True, slots=True)
class AskedBase:
    """A base that was asked beside another one.

    Attributes:
        name: What it is called.
        hits: How many hits it had; None where it did not answer.
        reason: Why it did not, or what to know about its answer; or empty.
    """

    name: str
    hits: int | None
    reason: str = ""

    @property
    def said(self) -> str:
        """What a person should know of it, or empty."""
        if self.hits is None:
            return f"nothing of {self.name} is here: {self.reason}"
        return f"{self.name}: {self.reason}" if self.reason else ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to a query.

    Attributes:
        query: The line as it was typed.
        mode: How it was answered.
        hits: The best entries, best first.
        filters: The conditions that were applied, those of the line among them.
        notes: What a person should know about how the line was read.
        stages: What was done, in order.
        left_out: What the line leaves out.
        weaker: Hits that were set aside as less sure than was asked for, best first.
        repaired: The misspelt words of the line, each with the word that was searched for.
        bases: The other bases that were asked.
    """

    query: str
    mode: ModeReport
    hits: tuple[Hit, ...]
    filters: Filters = field(default_factory=Filters)
    notes: tuple[str, ...] = ()
    stages: tuple[StageReport, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    weaker: tuple[Hit, ...] = ()
    repaired: tuple[Repair, ...] = ()
    bases: tuple[AskedBase, ...] = ()

    @property
    def here(self) -> SearchResult:
        """The same without hits of other bases."""
        return replace(self, hits=tuple(hit for hit in self.hits if not hit.base)) if self.bases else self

    @property
    def nothing_close(self) -> bool:
        """Whether something was found, and none of it is likely to be about what was asked."""
        found = (*self.hits, *self.weaker)
        return bool(found) and all(hit.is_weak for hit in found)

    def only(self, least: Match) -> SearchResult:
        """The same answer with weaker hits set aside; a hit without a label stays."""
        kept: list[Hit] = []
        weaker = list(self.weaker)
        for hit in self.hits:
            (kept if hit.match is None or hit.match.is_at_least(least) else weaker).append(hit)
        return replace(self, hits=tuple(kept), weaker=tuple(weaker))
