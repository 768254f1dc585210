"""Makes tests/data/tokenizers/ids.json: what transformers makes of tokenizers whose files contradict each other.

Needs transformers, which Rekall itself never does. cases.json, kept by hand, lists the folders: the tokenizer.json of a
checkpoint of tests/data/checkpoints with some changes, and what stands beside it.
"""

from __future__ import annotations

import json
import runpy
import tempfile
from pathlib import Path

import transformers  # noqa: TID251 - this is the reference

CASES = runpy.run_path(str(Path(__file__).parent.parent / "tests/support/tokenizer_cases.py"))
"""That module alone: its package needs Rekall."""


def main() -> None:
    """Ask transformers for the ids of every text, and write them."""
    found = {}
    for case in CASES["CASES"]:
        with tempfile.TemporaryDirectory() as place:
            root = CASES["write_case"](case, Path(place))
            tokenizer = transformers.AutoTokenizer.from_pretrained(root)
            found[case.name] = [tokenizer(text)["input_ids"] for text in CASES["TEXTS"]]
    lines = [f"{json.dumps(name)}: {json.dumps(ids, separators=(',', ':'))}" for name, ids in found.items()]
    CASES["IDS_FILE"].write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
