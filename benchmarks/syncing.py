"""A first sync of many notes, into a base and out of it, and one over notes of which none changed: processor time and memory.

    python benchmarks/syncing.py [--notes 10000] [--data FOLDER]

Notes are those of `importing.py`. Each sync is a process of its own, without a model: vectors come after a sync. Memory is the most that
was resident, in MB of 10^6 bytes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from importing import write_notes

SYNC = """
import resource, sys, time
from pathlib import Path
from rekall.app import App
base = App().open_base(to_write=True)
report = base.sync.run(Path(sys.argv[1]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(f"{len(report.changes):,} changed, {report.unchanged:,} unchanged: {time.process_time():.1f} s, {peak / 1e6:.0f} MB at the peak")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=10_000)
    parser.add_argument("--data", type=Path, help="a folder with corpus.jsonl")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        vault, out = Path(scratch) / "vault", Path(scratch) / "out"
        write_notes(vault, options.notes, options.data)
        out.mkdir()
        for name, folder in (("in", vault), ("again", vault), ("out", out), ("again", out)):
            environ = {**os.environ, "REKALL_HOME": f"{scratch}/home"}
            ran = subprocess.run(
                [sys.executable, "-c", SYNC, str(folder)], env=environ, check=True, capture_output=True, text=True
            )
            print(f"{name:6} {ran.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
