"""How near the nearest other note of each note is: what `rekall.search.labels.resembles` stands on.

    python benchmarks/alike.py --base FOLDER

Prints the share of entries whose nearest neighbour is at least so similar, and a few pairs around each line.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path

from rekall.app import App
from rekall.entry.filters import Filters

LINES = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="a REKALL_HOME with entries")
    parser.add_argument("--pairs", type=int, default=3, help="pairs to print above each line")
    options = parser.parse_args()
    nearest = []
    with contextlib.closing(App({**os.environ, "REKALL_HOME": str(options.base)})) as app:
        base = app.open_base()
        for entry_id in [entry.id for entry in base.list_entries().entries]:
            for hit in base.similar(entry_id, Filters(), 1).hits:
                nearest.append((hit.why.similarity or 0.0, base.get(entry_id).entry.title, hit.entry.title))
    nearest.sort()
    print("| similarity at least | share of entries | for instance |\n|---|---|---|")
    for line in LINES:
        above = [each for each in nearest if each[0] >= line]
        pairs = "; ".join(f"{left[:40]} ~ {right[:40]}" for _, left, right in above[: options.pairs])
        print(f"| {line:.2f} | {len(above) / max(len(nearest), 1):.3f} | {pairs} |")


if __name__ == "__main__":
    main()
