"""What came of many cases of a kind, kept in a file a part, and the table that is made of all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

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


def keep(file: Path, tallies: Sequence[Tally], took_s: float) -> None:
    """Write what a part found."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"took_s": took_s, "tallies": [asdict(tally) for tally in tallies]}, indent=1), "utf-8")


def kept(file: Path) -> tuple[list[Tally], float]:
    """What a part found when it was last run, and the seconds that took."""
    read = json.loads(file.read_text("utf-8"))
    return [Tally(**tally) for tally in read["tallies"]], float(read["took_s"])


def table(parts: Mapping[str, tuple[Iterable[Tally], float]]) -> str:
    """The table of all parts, in Markdown."""
    lines = ["| part | what was done | cases | failures | seconds | how it came out |", "|---|---|---|---|---|---|"]
    cases = failures = 0
    seconds = 0.0
    for part, (tallies, took_s) in parts.items():
        took = f"{took_s:,.0f}"
        seconds += took_s
        for tally in tallies:
            cases, failures = cases + tally.cases, failures + len(tally.problems)
            said = f"{tally.cases:,} | {len(tally.problems):,} | {took} | {tally.said()}"
            lines.append(f"| {part} | {tally.kind} | {said} |")
            took = ""
    lines.append(f"| all | | {cases:,} | {failures:,} | {seconds:,.0f} | |")
    return "\n".join(lines)


def put_between(text: str, name: str, inner: str) -> str:
    """A document with another text between its two marks of a name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    assert begin in text, f"the document has no mark {begin}"
    assert end in rest, f"the document has no mark {end}"
    return f"{before}{begin}\n\n{inner}\n\n{end}{after}"
