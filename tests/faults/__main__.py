"""`python -m faults [PART ...]`: runs parts of the harness and writes what they found into docs/reliability.md."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")  # before numpy
sys.dont_write_bytecode = True

from support import CHECKOUT  # noqa: E402

import faults  # noqa: E402
from faults.parts import PARTS  # noqa: E402
from faults.tally import Tally, keep, kept, put_between, table  # noqa: E402

FOUND = CHECKOUT / "build" / "faults"
DOCUMENT = CHECKOUT / "docs" / "reliability.md"


def main() -> int:
    """Run the parts that are named, or all; returns 1 when something failed."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--bounded", action="store_true", help="A short form, whose figures go nowhere.")
    parser.add_argument("--write", action="store_true", help="Only write what was found last into the document.")
    chosen = parser.parse_args()
    if chosen.write:
        return _write()
    faults.warm_up()
    failed = 0
    for name in chosen.part or PARTS:
        tallies, took_s = _run(name, is_bounded=chosen.bounded)
        failed += sum(len(tally.problems) for tally in tallies)
        for tally in tallies:
            print(f"{name}: {tally.kind}: {tally.cases:,} cases, {len(tally.problems)} failures; {tally.said()}")
            for problem in tally.problems[:20]:
                print(f"  FAILED {problem}")
        print(f"{name}: {took_s:.0f} s", flush=True)
        if not chosen.bounded:
            keep(FOUND / f"{name}.json", tallies, took_s)
    if not chosen.bounded:
        _write()
    return int(failed > 0)


def _run(name: str, *, is_bounded: bool) -> tuple[list[Tally], float]:
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="rekall-faults-", dir=memory if memory.is_dir() else None))
    began = time.monotonic()
    try:
        return PARTS[name](folder, is_bounded), time.monotonic() - began
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write() -> int:
    """Write the table of everything that was found, and the sums."""
    found = {name: kept(FOUND / f"{name}.json") for name in PARTS if (FOUND / f"{name}.json").exists()}
    text = put_between(DOCUMENT.read_text("utf-8"), "faults", table(found))
    DOCUMENT.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
