"""Keeps what whole runs of the tests came to on one Python or processor each, out of pytest's own lines, and writes the table of them.

python scripts/linux_runs.py --run NAME --command COMMAND --of COMMIT LOG ...    logs of one run (pytest -vv), later ones over earlier ones
python scripts/linux_runs.py --run NAME ... --drop NAME LOG ...                 runs that this one covers are left out from now on
python scripts/linux_runs.py                                                     the tables of docs/platforms.md again

A run that broke off is gone on with, and a test that was mended is run again: its latest verdict counts, and the failures that were
mended are kept beside. What was collected and has no verdict was not run.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import try_wheel

DOCS = Path(__file__).parent.parent / "docs"
KEPT, WHEEL, PAGE = DOCS / "linux_runs.json", DOCS / "wheel.json", DOCS / "platforms.md"

_OF_A_WORKER = re.compile(r"^\[gw\d+\] \[ *\d+%\] (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS) (tests/.*?) *$")
_OF_A_FILE = re.compile(
    r"^(tests/\S+?\.py(?:::.*)?) (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)(?: \(.*\))? +\[ *\d+%\]$"
)
_BEGUN = re.compile(r"^(tests/\S+?\.py::.*?) (?!PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)")
_ALONE = re.compile(r"^(PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS) +\[ *\d+%\]$")
"""The verdict of a test that wrote lines of its own in between."""
_COLLECTED = re.compile(r"^\d+ workers? \[(\d+) items\]$|^collected (\d+) items")
_BLOCK = re.compile(r"(?<=<!-- linux -->\n).*?(?=<!-- end of linux -->)", re.DOTALL)
_BAD = ("FAILED", "ERROR", "XPASS")


@dataclass(frozen=True, slots=True)
class Run:
    """What came of the tests somewhere.

    Attributes:
        command: How they are run there.
        commit: What was tried.
        day: When the last of them ran.
        collected: How many there are, 0 where the logs do not say.
        passed: How many passed.
        skipped: How many were left out, for a reason that they give.
        failed: Those that failed when they ran last.
        mended: Those that failed, and passed when they ran again.
        folders: Passed, failed and skipped in each folder.
    """

    command: str
    commit: str
    day: str
    collected: int
    passed: int
    skipped: int
    failed: tuple[str, ...]
    mended: tuple[str, ...]
    folders: dict[str, tuple[int, int, int]]

    @property
    def left(self) -> int:
        """How many were not run."""
        return max(0, self.collected - self.passed - self.skipped - len(self.failed))


def run_of(logs: list[Path], command: str, commit: str, collected: int) -> Run:
    """What some logs say together; a test of which several say something came to what the last of them says."""
    latest: dict[str, str] = {}
    ever_bad: set[str] = set()
    in_logs = 0
    for log in logs:
        verdicts: dict[str, str] = {}
        begun = ""
        for line in log.read_text("utf-8", "replace").splitlines():
            found = _COLLECTED.match(line)
            if found:
                in_logs = max(in_logs, int(found[1] or found[2]))
            by_worker, by_file = _OF_A_WORKER.match(line), _OF_A_FILE.match(line)
            alone, began = _ALONE.match(line), _BEGUN.match(line)
            begun = began[1] if began else begun
            if alone and begun:
                verdicts.setdefault(begun, alone[1])
            test, verdict = by_worker.group(2, 1) if by_worker else by_file.group(1, 2) if by_file else ("", "")
            if test and verdicts.get(test) not in _BAD:  # a test may pass, and fail at its end
                verdicts[test] = verdict
        latest |= verdicts
        ever_bad |= {test for test, verdict in verdicts.items() if verdict in _BAD}
    count = Counter("FAILED" if verdict in _BAD else verdict for verdict in latest.values())
    folders: dict[str, list[int]] = {}
    for test, verdict in latest.items():
        place = 1 if verdict in _BAD else 2 if verdict == "SKIPPED" else 0
        folders.setdefault(str(PurePosixPath(test.partition("::")[0]).parent), [0, 0, 0])[place] += 1
    failed = {test for test, verdict in latest.items() if verdict in _BAD}
    day = datetime.fromtimestamp(max(log.stat().st_mtime for log in logs), timezone.utc).date().isoformat()
    return Run(
        command,
        commit,
        day,
        collected or (in_logs if len(logs) < len(latest) / 50 else 0),
        count["PASSED"] + count["XFAIL"],
        count["SKIPPED"],
        tuple(sorted(failed)),
        tuple(sorted(test for test in ever_bad if latest[test] in ("PASSED", "XFAIL"))),
        {name: (each[0], each[1], each[2]) for name, each in sorted(folders.items())},
    )


def read() -> dict[str, Run]:
    """The runs that are kept."""
    kept: dict[str, Any] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    return {name: Run(**each) for name, each in kept.items()}


def tables() -> str:
    """The tables of docs/platforms.md: what the tests came to, in which folders, what failed, and the wheel."""
    runs = read()
    lines = ["| where | how | commit, day | passed | failed | skipped | not run |", "|---|---|---|---|---|---|---|"]
    for name, run in runs.items():
        left = f"{run.left:,}" if run.collected else "see below"
        lines.append(
            f"| {name} | `{run.command}` | {run.commit}, {run.day} | {run.passed:,} | {len(run.failed)} | {run.skipped} | {left} |"
        )
    lines += ["", "By folder, passed / failed / skipped:", ""]
    lines += ["| folder | " + " | ".join(runs) + " |", "|---" * (len(runs) + 1) + "|"]
    for folder in sorted({folder for run in runs.values() for folder in run.folders}):
        cells = (
            " / ".join(map(str, run.folders[folder])) if folder in run.folders else "not run" for run in runs.values()
        )
        lines.append(f"| `{folder}` | " + " | ".join(cells) + " |")
    for title, which in (("Failed when they ran last", "failed"), ("Failed first, and pass since", "mended")):
        found = [f"- {name}: `{test}`" for name, run in runs.items() for test in getattr(run, which)]
        lines += ["", f"{title}:", "", *found] if found else []
    kept = json.loads(WHEEL.read_text("utf-8"))
    lines += ["", "The wheel, `python scripts/try_wheel.py PYTHON ...`:", "", *try_wheel.rows(kept)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Keep a run where logs are named, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="where it was")
    parser.add_argument("--command", default="")
    parser.add_argument("--of", default="", help="the commit")
    parser.add_argument("--collected", type=int, default=0, help="how many tests there are, where a log is of one file")
    parser.add_argument("--drop", action="append", default=[], help="an earlier run that this one covers")
    parser.add_argument("logs", nargs="*", type=Path)
    given = parser.parse_args()
    if given.run:
        earlier = {name: run for name, run in read().items() if name not in given.drop}
        runs = earlier | {given.run: run_of(given.logs, given.command, given.of, given.collected)}
        text = json.dumps({name: asdict(run) for name, run in runs.items()}, indent=1, ensure_ascii=False)
        KEPT.write_text(f"{text}\n", "utf-8")
    PAGE.write_text(_BLOCK.sub(lambda _: tables(), PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
