"""What speaks for the first hits of a set: of its own queries, of other sets' queries, and of its own over a base without answers.

For the last the answers are deleted by the product from a copy of the base, one fold of the queries after the other. To filter them
from a longer list is not the same: the second stage moves a query towards its best three, the answers among them.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from judging import SEED, Bed, Opened, beds, copied, opened, queries_of, sampled
from unanswerable import delete, folds, without

from rekall.knowledge.judged import Judged, read_judged
from rekall.search.labels import evidence
from rekall.search.results import Match, Mode

KINDS = ("own", "other", "gone", "everyday")
MODES = (Mode.HYBRID, Mode.WORDS)
SHOWN = 10
KEPT = 3
ASKED_OF_SMALL = 10
"""Queries of a small base, whose other notes answer none of them."""

SISTERS = {"conala": "programming", "pyfaq": "programming", "til": "programming", "tldr": "programming"}
"""Families of which one may answer another: `til` holds notes on Python and on commands."""

EVERYDAY = Path(__file__).with_name("everyday.txt")


@dataclass(frozen=True, slots=True)
class Seen:
    """The first hit of a query.

    Attributes:
        figure: What speaks for it; 0 where nothing was found.
        match: The word it was given.
        is_right: Whether it answers the query.
        is_exact: Whether its title is the query, which makes it strong whatever the figure.
        nothing_close: Whether all hits are weak, so that the search says that nothing is about this.
        lacks: Whether it lacks a number of the query, so that it is not strong.
        hits: What the figures of the first hits were made of, for a look at others.
    """

    figure: float
    match: Match
    is_right: bool
    is_exact: bool
    nothing_close: bool
    lacks: bool = False
    hits: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The first hits of a set by one mode: own queries, other sets' queries, own ones without their answers, and everyday questions."""

    own: Sequence[Seen]
    other: Sequence[Seen]
    gone: Sequence[Seen]
    everyday: Sequence[Seen]

    @property
    def top1(self) -> float:
        """How often the first hit of an own query is right."""
        return sum(seen.is_right for seen in self.own) / len(self.own)


def measure(bed: Bed, foreign: Sequence[Judged], most: int) -> dict[Mode, Evidence]:
    """One set in every mode, asked its own queries and foreign ones."""
    queries = queries_of(bed, most)
    with opened(bed) as each:
        own = {mode: [see(each, query, mode) for query in queries] for mode in MODES}
        other = {mode: [see(each, query, mode) for query in foreign] for mode in MODES}
        everyday = {mode: [see(each, query, mode) for query in everyday_questions()] for mode in MODES}
    gone: dict[Mode, list[Seen]] = {mode: [] for mode in MODES}
    for fold in folds(queries):
        with copied(bed.home) as home:
            delete(home, bed, {name for query in fold for name in query.grades})
            with without(home, bed) as less:
                for mode in MODES:
                    gone[mode] += [see(less, query, mode) for query in fold]
    return {mode: Evidence(own[mode], other[mode], gone[mode], everyday[mode]) for mode in MODES}


def measure_small(bed: Bed, foreign: Sequence[Judged], size: int, draws: int) -> dict[Mode, Evidence]:
    """Bases of a few notes of a set, each imported anew, and what was seen in all of them."""
    found: dict[Mode, list[Evidence]] = {mode: [] for mode in MODES}
    for small, others in small_sets(bed, foreign, size, draws):
        for mode, seen in measure(small, others, ASKED_OF_SMALL).items():
            found[mode].append(seen)
    return {
        mode: Evidence(*([seen for each in several for seen in getattr(each, kind)] for kind in KINDS))
        for mode, several in found.items()
    }


def small_sets(bed: Bed, foreign: Sequence[Judged], size: int, draws: int) -> Iterator[tuple[Bed, Sequence[Judged]]]:
    """Sets of a few documents, with their bases and a share of the foreign queries: one answer each of ten queries, and others."""
    records = {}
    for line in (bed.folder / "corpus.jsonl").read_text("utf-8").splitlines():
        records[str(json.loads(line)["_id"])] = line
    for draw in range(draws):
        chance = random.Random(SEED + draw)  # noqa: S311
        queries = chance.sample(queries_of(bed), ASKED_OF_SMALL)
        answers = [chance.choice(sorted(query.grades)) for query in queries]
        taken = {name for query in queries for name in (*query.grades, query.itself)}
        fillers = chance.sample(sorted(records.keys() - taken), size - len(set(answers)))
        kept = {*answers, *fillers}
        folder = bed.home.parent / f"{bed.name}-of-{size}" / str(draw) / bed.name
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        write_set(folder, [line for name, line in records.items() if name in kept], queries, kept)
        with beds([folder], folder.parent / "home") as (small,):
            yield small, foreign[draw::draws][:ASKED_OF_SMALL]
        shutil.rmtree(folder.parent)


def write_set(folder: Path, documents: Sequence[str], queries: Sequence[Judged], kept: set[str]) -> None:
    """A BEIR folder."""
    asked = [json.dumps({"_id": query.name, "text": query.text}) for query in queries]
    judged = [
        f"{query.name}\t{name}\t{grade}" for query in queries for name, grade in query.grades.items() if name in kept
    ]
    (folder / "corpus.jsonl").write_text("\n".join(documents), "utf-8")
    (folder / "queries.jsonl").write_text("\n".join(asked), "utf-8")
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query\tdocument\tgrade", *judged]), "utf-8")


def foreign_queries(folder: Path, every: Sequence[Path], most: int) -> list[Judged]:
    """Queries of the sets of other subjects, as many of each as of the next."""
    others = [other for other in every if subject(other) != subject(folder)]
    each = -(-most // max(1, len(others)))
    return sampled([query for other in others for query in sampled(read_judged(other), each)], most)


def everyday_questions() -> list[Judged]:
    """Questions that no developer's notes answer."""
    return [Judged(question, question, {}) for question in EVERYDAY.read_text("utf-8").splitlines()]


def subject(folder: Path) -> str:
    """What a set is about, as far as its name says: the beginning, which sets of one family share."""
    family = folder.resolve().name.partition("-")[0]
    return SISTERS.get(family, family)


def see(each: Opened, query: Judged, mode: Mode) -> Seen:
    """The first hit of a query that is not the document it was taken from."""
    hits = [hit for hit in each.ask(query.text, mode, SHOWN + 1) if each.names[hit.entry.id] != query.itself][:SHOWN]
    if not hits:
        return Seen(0.0, Match.WEAK, is_right=False, is_exact=False, nothing_close=True)
    why = hits[0].why
    right = [each.names[hit.entry.id] in query.grades for hit in hits]
    parts = [
        {"right": is_right, "score": hit.score, "match": hit.match, **asdict(hit.why)}
        for hit, is_right in zip(hits[:KEPT], right)
    ]
    return Seen(
        evidence(why),
        hits[0].match or Match.WEAK,
        right[0],
        why.exact_title,
        all(hit.is_weak for hit in hits),
        bool(why.lacks),
        parts,
    )
