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
from faults.parts import PARTS, only_with  # noqa: E402
from faults.tally import Tally, between, put_between, rows, table  # noqa: E402

DOCUMENT = CHECKOUT / "docs" / "reliability.md"


def main() -> int:
    """Run the parts that are named, or all; returns 1 when something failed."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--bounded", action="store_true", help="A short form, whose figures go nowhere.")
    parser.add_argument(
        "--only", metavar="WORDS", help="Of the commands only those with one of these words in their name."
    )
    chosen = parser.parse_args()
    if chosen.only:
        only_with(chosen.only.split())
    faults.warm_up()
    failed, found = 0, []
    for name in chosen.part or PARTS:
        tallies, took_s = _run(name, is_bounded=chosen.bounded)
        failed += sum(len(tally.problems) for tally in tallies)
        for tally in tallies:
            print(f"{name}: {tally.kind}: {tally.cases:,} cases, {len(tally.problems)} failures; {tally.said()}")
            for problem in tally.problems[:20]:
                print(f"  FAILED {problem}")
        print(f"{name}: {took_s:.0f} s", flush=True)
        found += rows(name, tallies, took_s)
    if not chosen.bounded:
        text = DOCUMENT.read_text("utf-8")
        DOCUMENT.write_text(put_between(text, "faults", table(between(text, "faults"), found, list(PARTS))), "utf-8")
    return int(failed > 0)


def _run(name: str, *, is_bounded: bool) -> tuple[list[Tally], float]:
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="rekall-faults-", dir=memory if memory.is_dir() else None))
    began = time.monotonic()
    try:
        return PARTS[name](folder, is_bounded), time.monotonic() - began
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main())
