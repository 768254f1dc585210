"""Large vocabularies from a mapped file beside the same ones by the library: ids, memory, time.

    python benchmarks/vocabularies.py TOKENIZER.json... [--notes CORPUS.jsonl] [--texts 100000]

For each `tokenizer.json` it says what loading it and one question add to a process, what all notes add to one in which
another tokenizer has read them, and what a token takes in bulk; then how many texts, generated from its own pieces, the notes and letters of many scripts, have
other ids by the file than by the library. Without --notes the sample notes are read. Seconds are of the processor,
of one process; megabytes are 10^6 bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rekall.models.engine.card import PIECES_FILE, TOKENIZER_FILE
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.export.pieces import write_tokenizer
from rekall.system.resident import resident_bytes

SAMPLES = Path(__file__).parent.parent / "examples" / "notes"
SMALL = Path(__file__).parent.parent / "models" / "all-MiniLM-L6-v2" / TOKENIZER_FILE
QUESTION = "why does safari block my api call"
MAX_TOKENS, BATCH, AT_ONCE = 512, 32, 500
NO_LIMIT = 1 << 20
SCRIPTS = (
    0x20,
    0x41,
    0x61,
    0xC0,
    0x300,
    0x3B1,
    0x430,
    0x5D0,
    0x627,
    0x905,
    0xE01,
    0x1100,
    0x2010,
    0x3041,
    0x4E00,
    0xAC00,
    0x12000,
    0x1F600,
)
BLANKS = (" ", "  ", "\n", "\n\n", "\t", "    ", "\r\n", "\u2581", "\u00a0")
HEAD = "| tokenizer | by | load ms | question MB | notes MB | a token µs |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizers", nargs="+", type=Path, metavar="TOKENIZER.json")
    parser.add_argument("--notes", type=Path, metavar="CORPUS.jsonl", help="lines with a title and a text")
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--measure", choices=["cold", "warm"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    notes = notes_of(options.notes)
    if options.measure:
        print(json.dumps(measured(options.tokenizers[0], notes, options.measure == "warm")))
        return
    print(HEAD, "|---|---|---|---|---|---|", sep="\n")
    for source in options.tokenizers:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            if not write_tokenizer(source, folder):
                print(f"| {source} | stays with the library |")
                continue
            for kind, path in (("library", source), ("file", folder / TOKENIZER_FILE)):
                load, question, _, _ = figures_of(path, "cold", options.notes)
                _, _, kept, token = figures_of(path, "warm", options.notes)
                print(f"| {source} | {kind} | {load:.1f} | {question:.1f} | {kept:.1f} | {token:.1f} |", flush=True)
            different = count_different(source, folder / TOKENIZER_FILE, notes, options.texts)
            size = (folder / PIECES_FILE).stat().st_size
        print(
            f"\n{different:,} of {options.texts:,} texts have other ids; the file has {size / 1e6:.1f} MB\n", flush=True
        )


def figures_of(path: Path, state: str, notes: Path | None) -> tuple[float, float, float, float]:
    """What `measured` says in a process of its own."""
    command = [sys.executable, __file__, "--measure", state, str(path), *(["--notes", str(notes)] if notes else [])]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    load, question, kept, token = json.loads(ran.stdout)
    return load, question, kept, token


def notes_of(corpus: Path | None) -> list[str]:
    if corpus is None:
        return [path.read_text("utf-8") for path in sorted(SAMPLES.rglob("*.md"))]
    lines = (json.loads(line) for line in corpus.read_text("utf-8").splitlines())
    return [f"{line['title']}\n{line['text']}" for line in lines]


def measured(path: Path, notes: Sequence[str], warm: bool) -> tuple[float, float, float, float]:
    """Milliseconds of loading, megabytes after a question and after all notes, microseconds a token.

    Args:
        path: A tokenizer.
        notes: What is read in bulk.
        warm: Whether another tokenizer has read it all before, so that what any needs for that is not counted.
    """
    Tokenizer(SMALL, MAX_TOKENS).encode(notes if warm else [QUESTION])
    before = resident_bytes()
    started = time.process_time()
    tokenizer = Tokenizer(path, MAX_TOKENS)
    load = time.process_time() - started
    tokenizer.encode([QUESTION])
    question = resident_bytes() - before
    started, tokens = time.process_time(), 0
    for start in range(0, len(notes), BATCH):
        tokens += sum(map(len, tokenizer.encode(notes[start : start + BATCH])))
    took = time.process_time() - started
    return load * 1e3, question / 1e6, (resident_bytes() - before) / 1e6, took / tokens * 1e6


def count_different(source: Path, packed: Path, notes: Sequence[str], count: int) -> int:
    """How many generated texts have other ids, whole or cut to a few tokens."""
    described = json.loads(source.read_text("utf-8"))
    vocab = described["model"]["vocab"]
    pieces = [row[0] for row in vocab] if isinstance(vocab, list) else [*vocab]
    made = random.Random(20261127)  # noqa: S311 - texts, no secrets
    part = parts_of(made, pieces, [token["content"] for token in described["added_tokens"]] or [" "], notes)
    pairs = [(Tokenizer(source, limit, trim=False), Tokenizer(packed, limit, trim=False)) for limit in (NO_LIMIT, 40)]
    different = 0
    for start in range(0, count, AT_ONCE):
        texts = ["".join(part() for _ in range(made.randint(0, 6))) for _ in range(min(AT_ONCE, count - start))]
        wrong = {
            place
            for library, ours in pairs
            for place, (one, other) in enumerate(zip(library.encode(texts), ours.encode(texts)))
            if one != other
        }
        different += len(wrong)
    return different


def parts_of(
    made: random.Random, pieces: Sequence[str], added: Sequence[str], notes: Sequence[str]
) -> Callable[[], str]:
    """What texts are put together from, one part a call."""

    def note() -> str:
        text = made.choice(notes)
        start = made.randrange(max(1, len(text)))
        return text[start : start + made.randint(1, 80)]

    def letters() -> str:
        first = made.choice(SCRIPTS)
        return "".join(chr(first + made.randrange(80)) for _ in range(made.randint(1, 12)))

    kinds: tuple[tuple[Callable[[], str], int], ...] = (
        (lambda: made.choice(pieces).replace("\u2581", " ").replace("\u0120", " "), 30),
        (lambda: made.choice(pieces), 6),
        (note, 35),
        (letters, 12),
        (lambda: made.choice("a0=\n\u2581é漢🙂") * made.randint(1, 60), 4),
        (lambda: "".join(made.choices("abcdefghijklmnopqrstuvwxyzABC0123456789+/=_", k=made.randint(1, 90))), 4),
        (lambda: made.choice(added), 4),
        (lambda: made.choice(BLANKS), 5),
    )
    makers, weights = [maker for maker, _ in kinds], [weight for _, weight in kinds]
    return lambda: made.choices(makers, weights)[0]()


if __name__ == "__main__":
    main()
