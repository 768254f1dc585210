"""How well keys and tokens are noticed: alarms on real notes, finds among made-up ones, and what looking costs.

    python benchmarks/key_alarms.py [--alarms] [FOLDER]

FOLDER holds sets of notes, each with a corpus.jsonl (`title`, `text`); by default the evaluation sets beside the checkout.
--alarms prints every alarm with what stands before it, the secret itself cut to four characters, for a person to judge.
The made-up ones are tests/support/secret_samples.py: a hundred kinds in nine texts, from seeds that no test uses.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from rekall.entry.secrets import spans  # noqa: E402

samples = importlib.import_module("support.secret_samples")

A_KIND = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT.parent / "shared" / "eval")
    parser.add_argument("--alarms", action="store_true", help="print every alarm")
    options = parser.parse_args()
    for corpus in sorted(options.folder.glob("*/corpus.jsonl")):
        alarms_of(corpus, is_shown=options.alarms)
    finds()
    mixed = options.folder / "notes-mixed" / "corpus.jsonl"
    if mixed.exists():
        share_of_import(mixed)


def texts_of(corpus: Path) -> list[str]:
    with corpus.open(encoding="utf-8") as lines:
        return [f"{note['title']}\n{note['text']}" for note in map(json.loads, lines)]


def alarms_of(corpus: Path, *, is_shown: bool) -> None:
    texts = texts_of(corpus)
    began = time.process_time()
    found = [(text, span) for text in texts for span in spans(text)]
    took = time.process_time() - began
    kinds = Counter(span.kind for _, span in found)
    print(
        f"{corpus.parent.name}: {len(found)} alarms in {len(texts):,} notes {dict(kinds) or ''}, {took / len(texts) * 1e6:.0f} µs a note"
    )
    for text, span in found if is_shown else ():
        print(f"    {span.kind}: {text[max(span.start - 60, 0) : span.start + 4]!r}…")


def finds() -> None:
    """How many of the made-up ones are found, as what they are."""
    missed: Counter[str] = Counter()
    wrong = total = 0
    for name, (kind, make) in samples.KINDS.items():
        chance = random.Random(f"measured {name}")  # noqa: S311  # no secret is made with it
        for number in range(A_KIND):
            around = samples.AROUND[number % len(samples.AROUND)]
            token = make(chance)
            text = (around if '"' not in token else "{}").format(token)
            found = spans(text)
            total += 1
            if not found:
                missed[name] += 1
            elif [span.kind for span in found] != [kind]:
                wrong += 1
    lost = sum(missed.values())
    print(f"made-up: {total - lost:,} of {total:,} found (recall {1 - lost / total:.4f}), {wrong} under another name")
    print(f"    missed most: {dict(missed.most_common(6))}")


def share_of_import(corpus: Path) -> None:
    """What looking costs of the time in which an import stores the texts; embedding takes many times as long."""
    import rekall

    took: dict[str, float] = {}
    for mode in ("off", "warn", "off", "warn"):
        with tempfile.TemporaryDirectory() as home, rekall.open(home, {"capture.secrets": mode}) as base:
            began = time.process_time()
            from rekall.knowledge.files import ImportOptions

            base.files.store_texts(corpus, ImportOptions())
            took[mode] = min(took.get(mode, 1e9), time.process_time() - began)
    more = took["warn"] - took["off"]
    print(f"import of texts: {took['off']:.2f} s without, {took['warn']:.2f} s with ({more / took['off']:+.1%})")


if __name__ == "__main__":
    main()
