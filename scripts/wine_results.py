"""Counts what the tests came to, out of pytest's own lines: also of a file whose run was ended before it was done.

python scripts/wine_results.py LOG ...                 a line a file
python scripts/wine_results.py --out FILE LOG ...      written as JSON too: counts a file, and which tests failed
python scripts/wine_results.py --compare BEFORE AFTER  two such files as a table of folders, in Markdown
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

_VERDICT = re.compile(r"^(tests/\S+?\.py)(::.*?)? (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)(?: |$)", re.MULTILINE)
_ENDED = re.compile(r"^ended with (\d+)$", re.MULTILINE)
OVERDUE = (124, 137)  # how `timeout` ends


@dataclass(slots=True)
class Outcome:
    """What the tests of one file, or of some, came to."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    unfinished: int = 0  # files that were ended, or ended on their own, before their last test
    failures: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Count another one in."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.unfinished += other.unfinished
        self.failures += other.failures

    @property
    def cells(self) -> str:
        """The figures as a cell of a table."""
        return f"{self.passed} / {self.failed} / {self.skipped}" + (
            f", {self.unfinished} unfinished" if self.unfinished else ""
        )


def main() -> None:
    """Count, print, and write or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("paths", nargs="+", type=Path)
    given = parser.parse_args()
    if given.compare:
        print("\n".join(compared(*(read(path) for path in given.paths))))
        return
    outcomes = {}
    for path in given.paths:
        name, outcome = outcome_of(path)
        outcomes[name] = outcome
        print(
            f"{name:<48}{outcome.passed:>5} passed {outcome.failed:>4} failed {outcome.skipped:>4} skipped{'  unfinished' * outcome.unfinished}",
            flush=True,
        )
    if given.out:
        given.out.write_text(
            json.dumps({name: asdict(o) for name, o in sorted(outcomes.items())}, indent=1) + "\n", "utf-8"
        )
        total = total_of(outcomes.values())
        print(
            f"{len(outcomes)} files: {total.passed} passed, {total.failed} failed, {total.skipped} skipped, {total.unfinished} files unfinished"
        )


def outcome_of(log: Path) -> tuple[str, Outcome]:
    """The file whose log it is, and what its tests came to. A test that failed at its end too counts once."""
    text = log.read_text("utf-8", "replace").replace("\r", "")
    verdicts: dict[str, str] = {}
    for file, test, verdict in _VERDICT.findall(text):
        if verdicts.get(file + test) not in ("FAILED", "ERROR"):
            verdicts[file + test] = verdict
    count = Counter(verdicts.values())
    ended = _ENDED.findall(text)
    code = int(ended[-1]) if ended else OVERDUE[0]
    failures = [test for test, verdict in verdicts.items() if verdict in ("FAILED", "ERROR", "XPASS")]
    return log.stem.replace(".", "/") + ".py", Outcome(
        count["PASSED"] + count["XFAIL"],
        len(failures),
        count["SKIPPED"],
        int(code not in (0, 1, 5) or not verdicts),
        failures,
    )


def total_of(outcomes: Iterable[Outcome]) -> Outcome:
    """All of them together."""
    total = Outcome()
    for outcome in outcomes:
        total.add(outcome)
    return total


def read(path: Path) -> dict[str, Outcome]:
    """What `--out` wrote."""
    return {name: Outcome(**fields) for name, fields in json.loads(path.read_text("utf-8")).items()}


def cell(outcomes: Iterable[Outcome]) -> str:
    """What some files came to, as a cell of a table."""
    found = list(outcomes)
    return total_of(found).cells if found else "not run"


def compared(before: dict[str, Outcome], after: dict[str, Outcome]) -> list[str]:
    """Lines of a table: folders, what they came to before and after."""
    lines = ["| folder | before | after |", "|---|---|---|"]
    folders = sorted({PurePosixPath(name).parent for name in (*before, *after)})
    for folder in folders:
        cells = (cell(o for name, o in run.items() if PurePosixPath(name).parent == folder) for run in (before, after))
        lines.append(f"| `{folder}` | " + " | ".join(cells) + " |")
    lines.append("| all | " + " | ".join(total_of(run.values()).cells for run in (before, after)) + " |")
    return lines


if __name__ == "__main__":
    main()
