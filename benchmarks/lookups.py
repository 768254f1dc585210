"""What a cold `rekall search` costs beside a log of 100,000 searches, and without one.

    python benchmarks/lookups.py --base FOLDER [--runs 15]

Both homes have a copy of the same base; runs alternate. Processor seconds and the peak of resident memory are those of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rekall.system.lookup_log import LookupLog

SEARCHES = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="a REKALL_HOME with entries")
    parser.add_argument("--runs", type=int, default=15, help="searches beside each log (15)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        homes = {name: Path(scratch) / name for name in ("no log", "log off", "100,000 searches")}
        for home in homes.values():
            home.mkdir()
            shutil.copy(options.base / "rekall.db", home)
        fill(homes["100,000 searches"] / "lookups.jsonl")
        costs: dict[str, list[tuple[float, int]]] = {name: [] for name in homes}
        for run in range(options.runs + 1):
            for name, home in homes.items():
                if name == "no log":
                    (home / "lookups.jsonl").unlink(missing_ok=True)
                cost = searched(home, *(("--set", "lookups.keep=off") if name == "log off" else ()))
                costs[name] += [cost] if run else []  # the first reads files into the system's memory
    print("| beside | CPU, s (median) | CPU, s (least) | peak, MB |\n|---|---|---|---|")
    for name, each in costs.items():
        seconds, peaks = zip(*each)
        print(
            f"| {name} | {statistics.median(seconds):.3f} | {min(seconds):.3f} | {statistics.median(peaks) / 1e6:.1f} |"
        )


def fill(path: Path) -> None:
    """Write a log of so many searches; files that are full give way, as in daily use."""
    log = LookupLog(path)
    ids = [f"01K2KT{number:020d}" for number in range(3)]
    for number in range(SEARCHES):
        said = {
            "query": f"safari blocks my api call {number}",
            "mode": "hybrid",
            "hits": 10,
            "best": "strong",
            "ids": ids,
        }
        log.add(json.dumps({"at": 1_790_000_000 + number, "from": "shell-1", **said}).encode())


def searched(home: Path, *options: str) -> tuple[float, int]:
    """Processor seconds and peak bytes of a cold search."""
    environ = {**os.environ, "REKALL_HOME": str(home)}
    command = [sys.executable, "-m", "rekall", *options, "search", "safari blocks my api call"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, code, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        sys.exit(f"error: the search ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


if __name__ == "__main__":
    main()
