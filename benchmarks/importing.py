"""A large import while others use the base: how fast, how much memory, how long a writer waits, when words are found.

    python benchmarks/importing.py [--notes 50000] [--data FOLDER] [--embed SECONDS] [--json]

Notes are the records of FOLDER/corpus.jsonl over and over, each with a head of its own and a link, or made up. The import runs
in a process of its own, without a model unless --embed says for how many seconds it may embed; beside it a writer adds an
entry every half second and a reader looks for the notes by a word. Rates are per second of the importing process's own CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

IMPORT = """
import json, os, sys, time
from rekall.app import App
import rekall.knowledge.files as files
from rekall.errors import Interrupted
from rekall.system.resident import peak_bytes
longest, whole = [0.0], files.Files._in_transaction
def timed(self, do, batch, *, dry_run=False):
    began = time.perf_counter()
    whole(self, do, batch, dry_run=dry_run)
    longest[0] = max(longest[0], time.perf_counter() - began)
files.Files._in_transaction = timed
base = App().open_base(to_write=True)
stored = {}
def told(report):
    stored.update(cpu_s=time.process_time(), wall_s=time.perf_counter() - began, added=report.added,
                  unchanged=report.unchanged, peak_mb=peak_bytes() / 1e6)
    print("stored", flush=True)
began = time.perf_counter()
try:
    base.files.import_paths(sys.argv[1], stored=told)
except Interrupted as error:
    stored["interrupted"] = error.message
base.close()
print(json.dumps({**stored, "longest_transaction_s": longest[0],
                  "peak_with_embedding_mb": peak_bytes() / 1e6}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=50_000)
    parser.add_argument("--data", type=Path, help="a folder with corpus.jsonl")
    parser.add_argument("--embed", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "notes"
        write_notes(folder, options.notes, options.data)
        first = measured(folder, Path(scratch) / "home", options.embed)
        again = measured(folder, Path(scratch) / "home", 0.0)
    if options.json:
        print(json.dumps({"first": first, "again": again}))
        return
    for name, figures in (("first import", first), ("again, unchanged", again)):
        print(name)
        for key, value in figures.items():
            print(f"  {key:26} {value:,.2f}" if isinstance(value, float) else f"  {key:26} {value}")


def write_notes(folder: Path, count: int, data: Path | None) -> None:
    """Markdown files in fifty folders, each with a head and a link to another."""
    texts = list(_texts(data))
    for number in range(count):
        title, text = texts[number % len(texts)]
        place = folder / f"{number % 50:02}" / f"note-{number:05}.md"
        place.parent.mkdir(parents=True, exist_ok=True)
        head = f"title: {json.dumps(f'{title} {number}')}\ntags: [t{number % 7}, bench]\ncreated: 2024-01-{1 + number % 28:02}"
        place.write_text(
            f"---\n{head}\nrating: {number % 5}\n---\n\n{text}\n\nSee [[note-{number * 7 % count:05}]].\n", "utf-8"
        )


def _texts(data: Path | None) -> Iterator[tuple[str, str]]:
    if data is not None:
        for line in (data / "corpus.jsonl").open("rb"):
            record = json.loads(line)
            yield record["title"], record["text"]
        return
    chance = random.Random(1)
    words = [f"word{number}" for number in range(4000)]
    for number in range(2000):
        yield f"Made-up note {number}", "\n\n".join(" ".join(chance.choices(words, k=60)) for _ in range(3))


def measured(folder: Path, home: Path, embed_s: float) -> dict[str, float | str]:
    """One import with a writer and a reader beside it."""
    env = {**os.environ, "REKALL_HOME": str(home), "ORT_DISABLE_TELEMETRY": "1"}
    if not embed_s:
        env["REKALL_ENGINE_MODEL"] = "none-for-this-benchmark"
    os.environ.update({name: env[name] for name in ("REKALL_HOME", "ORT_DISABLE_TELEMETRY")})
    from rekall.app import App
    from rekall.entry.fields import Draft
    from rekall.entry.types import EntryType

    os.environ["REKALL_ENGINE_MODEL"] = "none-for-this-benchmark"  # the writer's entries are words only
    began = time.perf_counter()
    told = home.parent / "told"
    with told.open("wb") as stdout:
        importer = subprocess.Popen([sys.executable, "-c", IMPORT, str(folder)], env=env, stdout=stdout)
    found_s = longest_wait_s = stored_s = 0.0
    writes = 0
    base = App().open_base(to_write=True)
    while importer.poll() is None:
        if not found_s and base.search("note", mode="words", limit=1).hits:
            found_s = time.perf_counter() - began
        waited = time.perf_counter()
        base.add(Draft(EntryType.TIL, f"written beside {writes}"))
        longest_wait_s = max(longest_wait_s, time.perf_counter() - waited)
        writes += 1
        time.sleep(0.5)
        if not stored_s and b"stored" in told.read_bytes():
            stored_s = time.perf_counter() - began
        if stored_s and time.perf_counter() - began > stored_s + embed_s:
            importer.send_signal(signal.SIGINT)
    base.close()
    figures = json.loads(told.read_text().splitlines()[-1])
    return {
        **figures,
        "notes_per_cpu_s": (figures["added"] + figures["unchanged"]) / figures["cpu_s"],
        "words_found_after_s": found_s,
        "longest_wait_of_a_writer_s": longest_wait_s,
        "written_beside": writes,
    }


if __name__ == "__main__":
    main()
