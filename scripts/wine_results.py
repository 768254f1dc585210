"""Counts what the tests came to, out of pytest's own lines: also of a file whose run was ended before it was done.

python scripts/wine_results.py LOG ...                 a line a file; a log may be of several, run one after another in one process
python scripts/wine_results.py --out FILE LOG ...      written as JSON too: counts a file, which tests failed, why some were skipped
python scripts/wine_results.py --page FILE [FILE ...]  such results into docs/wine.json, a later one over an earlier one, and its tables into docs/platforms.md
python scripts/wine_results.py --page                  the tables again
python scripts/wine_results.py --again LOG ...         what failed, run again test by test: what passes now counts so, in the same two files
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
KEPT, PAGE = DOCS / "wine.json", DOCS / "platforms.md"
OVERDUE = (124, 137)  # how `timeout` ends

_VERDICT = re.compile(
    r"^(tests/\S+?\.py)(::.*) (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)(?: \(.*\))? +\[ *\d+%\]$", re.MULTILINE
)
_DUMP = re.compile(r"(?<= )Timeout \([\d:]+\)!\n(?:(?!tests/).*\n)*?(?=(?:PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS) )")
"""Where a test stands that takes minutes, which is printed between its name and its verdict."""
_BEGUN = re.compile(r"^(tests/\S+?\.py)::", re.MULTILINE)
_FAILED = ("FAILED", "ERROR", "XPASS")
_ENDED = re.compile(r"^ended with (\d+)$", re.MULTILINE)
_REASON = re.compile(r"^SKIPPED \[(\d+)\] ([^:\n]+\.py)(?::\d+)?: (.*)$", re.MULTILINE)
_IS_TEST = re.compile(r"(?:^|/)test_\w+\.py$")
_SUMMARY = re.compile(r"^=+ .* in [\d.]+s(?: \([\d:]+\))? =+$", re.MULTILINE)
"""pytest's last line; it is lacking where a test ended the process."""
_BLOCK = re.compile(r"(?<=<!-- wine -->\n).*?(?=<!-- end of wine -->)", re.DOTALL)


@dataclass(slots=True)
class Outcome:
    """What the tests of one file, or of some, came to."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    unfinished: int = 0  # files that were ended, or ended on their own, before their last test
    failures: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    """Why tests were skipped, and how many."""

    def add(self, other: Outcome) -> None:
        """Count another one in."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.unfinished += other.unfinished
        self.failures += other.failures
        self.reasons = dict(Counter(self.reasons) + Counter(other.reasons))

    @property
    def cells(self) -> str:
        """The figures as a cell of a table."""
        return f"{self.passed} / {self.failed} / {self.skipped}" + (
            f", {self.unfinished} unfinished" if self.unfinished else ""
        )


Run = dict[str, Outcome]
"""What the files came to, by their paths."""


def main() -> None:
    """Count and print; write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("paths", nargs="*", type=Path)
    given = parser.parse_args()
    if given.page or given.again:
        for path in given.paths:
            keep(mended(path) if given.again else read(path))
        PAGE.write_text(_BLOCK.sub(lambda _: tables(), PAGE.read_text("utf-8")), "utf-8")
        return
    run: Run = {}
    for path in sorted(given.paths, key=lambda each: each.stat().st_mtime):
        run |= outcomes_of(path)
    for name, outcome in sorted(run.items()):
        print(
            f"{name:<48}{outcome.passed:>5} passed {outcome.failed:>4} failed {outcome.skipped:>4} skipped{'  unfinished' * outcome.unfinished}",
            flush=True,
        )
    if given.out:
        given.out.write_text(as_text(run) + "\n", "utf-8")
        print(f"{len(run)} files: {total_of(run.values()).cells}")


def outcomes_of(log: Path) -> Run:
    """The files whose log it is, and what their tests came to."""
    text = _text_of(log)
    verdicts = verdicts_of(text)
    if not verdicts:  # a log of several files has no name of a file
        return {log.stem.replace(".", "/") + ".py": Outcome(unfinished=1)}
    *_, last = verdicts
    reasons: dict[str, Counter[str]] = {file: Counter() for file in verdicts}
    for number, place, reason in _REASON.findall(text):
        file = place.replace("\\", "/")
        if file not in verdicts and _IS_TEST.search(file):  # skipped as a whole, before its tests were known
            verdicts[file], reasons[file] = {file: "SKIPPED"}, Counter()
        reasons[file if file in verdicts else last][reason.strip()] += int(number)  # else: skipped by what tests share
    run = {file: _outcome(file, found, reasons[file]) for file, found in verdicts.items()}
    ended = _ENDED.findall(text)
    code = int(ended[-1]) if ended else OVERDUE[0]
    run[last].unfinished = int(code not in (0, 1, 5) or not _SUMMARY.search(text))  # those before it are over
    return run


def verdicts_of(text: str) -> dict[str, dict[str, str]]:
    """What each test of each file that was begun came to. One that failed at its end too counts once."""
    verdicts: dict[str, dict[str, str]] = {file: {} for file in _BEGUN.findall(text)}
    for file, test, verdict in _VERDICT.findall(text):
        of_file = verdicts[file]
        if of_file.get(test) not in _FAILED:
            of_file[test] = verdict
    return verdicts


def mended(log: Path) -> Run:
    """The files as they are kept, with those tests passed or skipped that failed before and, by a log, no longer do."""
    latest = as_run(json.loads(KEPT.read_text("utf-8"))["latest"])
    for file, verdicts in verdicts_of(_text_of(log)).items():
        of_file = latest[file]
        for test, verdict in verdicts.items():
            if file + test in of_file.failures and verdict not in _FAILED:
                of_file.failures.remove(file + test)
                of_file.failed -= 1
                of_file.skipped += verdict == "SKIPPED"
                of_file.passed += verdict != "SKIPPED"
    return latest


def _text_of(log: Path) -> str:
    return _DUMP.sub("", log.read_text("utf-8", "replace").replace("\r", ""))


def _outcome(file: str, verdicts: dict[str, str], reasons: Counter[str]) -> Outcome:
    count = Counter(verdicts.values())
    failures = [file + test for test, verdict in verdicts.items() if verdict in _FAILED]
    return Outcome(count["PASSED"] + count["XFAIL"], len(failures), count["SKIPPED"], 0, failures, dict(reasons))


def total_of(outcomes: Iterable[Outcome]) -> Outcome:
    """All of them together."""
    total = Outcome()
    for outcome in outcomes:
        total.add(outcome)
    return total


def read(path: Path) -> Run:
    """What `--out` wrote."""
    return as_run(json.loads(path.read_text("utf-8")))


def as_run(found: dict[str, dict[str, Any]]) -> Run:
    """Outcomes as they were written."""
    return {name: Outcome(**fields) for name, fields in found.items()}


def as_text(run: Run) -> str:
    """Outcomes to be written, by their files' names."""
    return json.dumps({name: asdict(outcome) for name, outcome in sorted(run.items())}, indent=1, ensure_ascii=False)


def keep(run: Run) -> None:
    """Lay results over those that are kept. What a file came to at its first run stays beside its latest."""
    kept: dict[str, Any] = {"day": "", "never": [], "first": {}, "latest": {}}
    if KEPT.exists():
        kept = json.loads(KEPT.read_text("utf-8"))
    first, latest = as_run(kept["first"]), as_run(kept["latest"])
    latest |= run
    first = run | first
    first = {name: replace(outcome, failures=[], reasons={}) for name, outcome in first.items()}
    day = datetime.now(timezone.utc).date().isoformat()
    root = DOCS.parent
    there = sorted(path.relative_to(root).as_posix() for path in (root / "tests").glob("*/test_*.py"))
    never = json.dumps([name for name in there if name not in latest])
    text = f'{{\n"day": "{day}",\n"never": {never},\n"first": {as_text(first)},\n"latest": {as_text(latest)}\n}}\n'
    KEPT.write_text(text, "utf-8")


def tables() -> str:
    """The tables of docs/platforms.md: folders at their first run and their latest, what fails, and why tests were skipped."""
    kept = json.loads(KEPT.read_text("utf-8"))
    first, latest = as_run(kept["first"]), as_run(kept["latest"])
    lines = ["| folder | first run | latest run |", "|---|---|---|"]
    for folder in sorted({PurePosixPath(name).parent for name in latest}):
        cells = (
            total_of(outcome for name, outcome in run.items() if PurePosixPath(name).parent == folder).cells
            for run in (first, latest)
        )
        lines.append(f"| `{folder}` | " + " | ".join(cells) + " |")
    whole = total_of(latest.values())
    lines.append(f"| all | {total_of(first.values()).cells} | {whole.cells} |")
    lines += ["", f"Latest run: {kept['day']}, passed / failed / skipped."]
    if whole.failures:
        lines += ["", "What failed in it:", "", *(f"- `{test}`" for test in sorted(whole.failures))]
    left = [name for name, outcome in latest.items() if outcome.unfinished]
    if left:
        lines += ["", "What did not come to its end: " + ", ".join(f"`{name}`" for name in left) + "."]
    if kept["never"]:
        lines += ["", "Not run yet: " + ", ".join(f"`{name}`" for name in kept["never"]) + "."]
    lines += ["", "Why tests were skipped in it:", "", "| reason | tests |", "|---|---|"]
    reasons = sorted(whole.reasons.items(), key=lambda each: (-each[1], each[0]))
    lines += [f"| {reason.replace('|', chr(92) + '|')} | {number} |" for reason, number in reasons]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
