"""Makes tests/data/tokenizers/ids.json: what transformers makes of tokenizers whose files contradict each other.

Needs transformers, which Rekall itself never does. cases.json, kept by hand, lists the folders: the tokenizer.json of a
checkpoint of tests/data/checkpoints with some changes, and what stands beside it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import transformers  # noqa: TID251 - this is the reference

sys.path.insert(0, str(Path(__file__).parent.parent / "tests/support"))  # alone: the package needs Rekall
from tokenizer_cases import CASES, IDS_FILE, TEXTS, write_case


def main() -> None:
    """Ask transformers for the ids of every text, and write them."""
    found = {}
    for case in CASES:
        with tempfile.TemporaryDirectory() as place:
            root = write_case(case, Path(place))
            tokenizer = transformers.AutoTokenizer.from_pretrained(root)
            found[case.name] = [tokenizer(text)["input_ids"] for text in TEXTS]
    lines = [f"{json.dumps(name)}: {json.dumps(ids, separators=(',', ':'))}" for name, ids in found.items()]
    IDS_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
