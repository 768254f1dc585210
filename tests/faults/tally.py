"""What came of many cases of a kind, and the table of all of them in a document, which keeps what was found before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

SLOWEST = "slowest, ms"


@dataclass
class Tally:
    """What came of many cases of a kind.

    Attributes:
        kind: What was done.
        cases: How often.
        stages: How it came out, by how often.
        notes: What is worth a figure and no failure.
        problems: What was wrong, a line each.
    """

    kind: str
    cases: int = 0
    stages: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def count(self, stage: str, times: int = 1) -> None:
        """So many cases more that came out so."""
        self.cases += times
        self.stages[stage] = self.stages.get(stage, 0) + times

    def note(self, what: str, times: int = 1) -> None:
        """Something worth a figure."""
        self.notes[what] = self.notes.get(what, 0) + times

    def add(self, other: Tally) -> None:
        """Take in what another one counted."""
        self.cases += other.cases
        for mine, theirs in ((self.stages, other.stages), (self.notes, other.notes)):
            for name, times in theirs.items():
                mine[name] = max(mine.get(name, 0), times) if name == SLOWEST else mine.get(name, 0) + times
        self.problems += other.problems

    def said(self) -> str:
        """How the cases came out, in words; what is no case of its own in brackets."""
        cases = ", ".join(f"{times:,} {name}" for name, times in sorted(self.stages.items()))
        notes = ", ".join(
            f"slowest {times:,} ms" if name == SLOWEST else f"{times:,} {name}"
            for name, times in sorted(self.notes.items())
        )
        return f"{cases} ({notes})" if notes else cases


Row = tuple[str, str, str, str, str, str]
"""A line of the table: the part, what was done, cases, failures, seconds, and how it came out."""

_HEAD = ("| part | what was done | cases | failures | seconds | how it came out |", "|---|---|---|---|---|---|")
_ALL = "all"


def rows(part: str, tallies: Iterable[Tally], took_s: float) -> list[Row]:
    """The lines of a part; the seconds stand in the first."""
    took = f"{took_s:,.0f}"
    found = []
    for tally in tallies:
        found.append((part, tally.kind, f"{tally.cases:,}", f"{len(tally.problems):,}", took, tally.said()))
        took = ""
    return found


def table(text: str, new: Sequence[Row], order: Sequence[str]) -> str:
    """The table of a document, in Markdown, with lines in the place of those that say what came of the same, and their sum.

    Args:
        text: The document.
        new: The lines that were found now.
        order: The parts, as they follow each other.
    """
    old = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in text.splitlines() if line.startswith("| ")]
    known = {(row[0], row[1]): row for row in old if len(row) == len(_HEAD[0].split("|")) - 2 and row[0] in order}
    known |= {(row[0], row[1]): row for row in new}
    lines = sorted(known.values(), key=lambda row: order.index(row[0]))
    sums = [f"{sum(int(row[place].replace(',', '') or 0) for row in lines):,}" for place in (2, 3, 4)]
    return "\n".join([*_HEAD, *(f"| {' | '.join(row)} |" for row in [*lines, (_ALL, "", *sums, "")])]).replace(
        "|  |", "| |"
    )


def between(text: str, name: str) -> str:
    """What stands in a document between its two marks of a name."""
    return text.partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0]


def put_between(text: str, name: str, inner: str) -> str:
    """A document with another text between its two marks of a name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    assert begin in text, f"the document has no mark {begin}"
    assert end in rest, f"the document has no mark {end}"
    return f"{before}{begin}\n\n{inner}\n\n{end}{after}"
