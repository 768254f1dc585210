"""The state `unanswerable`: whether a search knows that it has no answer.

Two ways of asking what a base cannot answer: queries of another family of sets, and the set's own queries over a base without
their answers. For the second, the queries are dealt into folds that share no answer; each fold is asked over a copy of
the base from which the product has deleted what answers it.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from intervals import auroc
from judging import SEED, Bed, Opened, copied, opened, queries_of, sampled

from rekall.app import App
from rekall.knowledge.judged import Judged
from rekall.search.results import Mode

FOLDS = 5
LABELS = ("strong", "likely", "weak")
HEAD = (
    "| set | AUROC, other queries | AUROC, answers gone | answerable: strong / likely / weak "
    "| other queries | answers gone | strong is right | with answers gone |"
)


@dataclass(frozen=True, slots=True)
class Top:
    """The first hit of a query: its score, its label (empty where there is none), and whether it is right."""

    score: float
    label: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """First hits of answerable queries, of queries of another set, and of queries whose answers are gone."""

    answerable: Sequence[Top]
    other: Sequence[Top]
    gone: Sequence[Top]

    def row(self, name: str) -> str:
        """A line of the table."""
        cells = [separation(self.answerable, each) for each in (self.other, self.gone)]
        cells += [shares(each) for each in (self.answerable, self.other, self.gone)]
        cells += [precision(self.answerable), precision([*self.answerable, *self.gone])]
        return f"| {name} | {' | '.join(cells)} |"


def separation(answerable: Sequence[Top], unanswerable: Sequence[Top]) -> str:
    """How well the score of the first hit tells the two apart."""
    if not unanswerable:
        return "–"
    return f"{auroc([top.score for top in answerable], [top.score for top in unanswerable]):.3f}"


def shares(tops: Sequence[Top]) -> str:
    """The shares of the labels."""
    counts = Counter(top.label for top in tops)
    if not any(counts[label] for label in LABELS):
        return "–"
    return " / ".join(f"{counts[label] / len(tops):.2f}" for label in LABELS)


def precision(tops: Sequence[Top]) -> str:
    """How often a first hit that is called strong is right."""
    strong = [top.is_right for top in tops if top.label == LABELS[0]]
    return f"{sum(strong) / len(strong):.3f}" if strong else "–"


def measure(bed: Bed, beds: Sequence[Bed], most: int) -> Unanswerable:
    """One set against the queries of the others and its own."""
    queries = queries_of(bed, most)
    foreign = [query for other in beds if family(other) != family(bed) for query in queries_of(other, most)]
    with opened(bed) as each:
        answerable = [top(each, query) for query in queries]
        other = [top(each, query) for query in sampled(foreign, most)]
    gone: list[Top] = []
    for fold in folds(queries):
        with copied(bed.home) as home:
            delete(home, bed, {name for query in fold for name in query.grades})
            with without(home, bed) as less:
                gone += [top(less, query) for query in fold]
    return Unanswerable(answerable, other, gone)


def family(bed: Bed) -> str:
    """The beginning of a set's name: of two of one family, one may answer the queries of the other."""
    return bed.name.partition("-")[0]


def top(each: Opened, query: Judged) -> Top:
    """The first hit of a query that is not the document it was taken from."""
    for hit in each.ask(query.text, Mode.HYBRID, 2):
        if (name := each.names[hit.entry.id]) != query.itself:
            match = getattr(hit, "match", None)
            return Top(hit.score, match.value if match else "", name in query.grades)
    return Top(0.0, LABELS[-1], is_right=False)


def folds(queries: Sequence[Judged]) -> list[list[Judged]]:
    """The queries in a few parts; those that share an answer are in the same one."""
    groups: list[tuple[set[str], list[Judged]]] = []
    for query in queries:
        answers, together = set(query.grades), [query]
        apart = []
        for known, others in groups:
            if known & answers:
                answers |= known
                together = others + together
            else:
                apart.append((known, others))
        groups = [*apart, (answers, together)]
    random.Random(SEED).shuffle(groups)  # noqa: S311
    dealt: list[list[Judged]] = [[] for _ in range(FOLDS)]
    for _, together in groups:
        min(dealt, key=len).extend(together)
    return [fold for fold in dealt if fold]


def delete(home: Path, bed: Bed, documents: set[str]) -> None:
    """Delete documents from a base for ever."""
    with opened(bed, home) as each:
        ids = [entry_id for entry_id, name in each.names.items() if name in documents]
    with contextlib.closing(App({"REKALL_HOME": str(home)})) as app:
        base = app.open_base(to_write=True)
        for entry_id in ids:
            base.delete(entry_id, forever=True)


@contextlib.contextmanager
def without(home: Path, bed: Bed) -> Iterator[Opened]:
    """A base from which something was deleted, with the names of the whole one."""
    with opened(bed) as whole:
        names = whole.names
    with contextlib.closing(App({"REKALL_HOME": str(home)})) as app:
        yield Opened(app.open_base(), names)
