"""Re-stage the reports of `docs/engine-cases.md` one by one on made-up checkpoints, and say what happens today.

    python scripts/engine_cases.py [--only NUMBER ...] [--write]

Each case makes what the report had, does what its author did, and holds the outcome against what Rekall promises: a case
that fails ends the run with code 1. `--write` puts the verdicts into the document. The vectors and ids to compare with
are those of sentence-transformers 6.2 and transformers 5.24 in tests/data. Needs a checkout with the extra `export`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "engine-cases.md"
BEGIN, END = "<!-- cases -->", "<!-- end of cases -->"
HEAD = "| | situation | reported in | what happens |\n|---|---|---|---|"


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="some cases")
    parser.add_argument("--write", action="store_true", help="put the table into the document")
    options = parser.parse_args()
    sys.path += [str(ROOT / "tests"), str(ROOT / "benchmarks")]
    field: Any = import_module("support.field_stage")

    rows, failed = [HEAD], []
    for number, case in enumerate(field.every_case(), 1):
        if options.only and number not in options.only:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            try:
                said = case.run(field.Stage(Path(scratch)))
            except Exception as error:  # whatever a case ends in is its verdict
                failed.append(number)
                said = f"**fails**: {type(error).__name__}: {error}"
        said = " ".join(said.replace(scratch, "").split()).replace("|", "\\|")
        rows.append(f"| {number} | {case.situation} | {case.reported} | {said} |")
        print(rows[-1], flush=True)
    if options.write and not failed and not options.only:
        text = DOCUMENT.read_text("utf-8")
        before, rest = text.split(BEGIN)
        table = "\n".join(rows)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", "utf-8")
    sys.exit(f"failed: {failed}" if failed else 0)


if __name__ == "__main__":
    main()
