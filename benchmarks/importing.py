"""A large import while others use the base: how fast, how much memory, how long a writer waits, when words are found.

    python benchmarks/importing.py [--notes 50000] [--data FOLDER] [--lines] [--embed SECONDS] [--json]

Notes are the records of FOLDER/corpus.jsonl over and over, or made up: files of Markdown, each with a head of its own and a link, or with
--lines records of one file of JSON lines. `rekall import` runs
as a person runs it, until its texts are stored, and --embed seconds more; beside it a writer adds an entry every half second and
a reader looks for the notes by a word. Rates are per second of the import's own CPU. Memory is resident, of the import with all
its processes together, looked at every 50 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=50_000)
    parser.add_argument("--data", type=Path, help="a folder with corpus.jsonl")
    parser.add_argument("--lines", action="store_true", help="one file of JSON lines instead of a folder")
    parser.add_argument("--embed", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "notes"
        (write_lines if options.lines else write_notes)(folder, options.notes, options.data)
        first = measured(folder, Path(scratch) / "home", options.notes, options.embed)
        again = measured(folder, Path(scratch) / "home", options.notes, 0.0)
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


def write_lines(folder: Path, count: int, data: Path | None) -> None:
    """One file of JSON lines, a note a line, each with an id."""
    texts = list(_texts(data))
    folder.mkdir()
    with (folder / "notes.jsonl").open("w", encoding="utf-8") as file:
        for number in range(count):
            title, text = texts[number % len(texts)]
            record = {"id": f"note-{number}", "title": f"{title} {number}", "tags": [f"t{number % 7}"], "text": text}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _texts(data: Path | None) -> Iterator[tuple[str, str]]:
    if data is not None:
        for line in (data / "corpus.jsonl").open("rb"):
            record = json.loads(line)
            yield record["title"], record["text"]
        return
    words = [f"word{number}" for number in range(4000)]
    for number in range(2000):
        chosen = [words[(number * 7_919 + place * place * 31) % len(words)] for place in range(180)]
        yield f"Made-up note {number}", "\n\n".join(" ".join(chosen[at : at + 60]) for at in (0, 60, 120))


def measured(folder: Path, home: Path, notes: int, embed_s: float) -> dict[str, float | str]:
    """One import with a writer and a reader beside it."""
    from rekall.app import App
    from rekall.entry.fields import Draft
    from rekall.entry.types import EntryType

    os.environ.update({"REKALL_HOME": str(home), "ORT_DISABLE_TELEMETRY": "1"})
    told = home.parent / "told"
    began = time.perf_counter()
    with told.open("wb") as stdout:
        importer = psutil.Popen([sys.executable, "-m", "rekall", "import", str(folder)], stdout=stdout, stderr=stdout)
    watch = Watch(importer)
    found_s = longest_wait_s = stored_s = 0.0
    writes = 0
    base = App({**os.environ, "REKALL_ENGINE_MODEL": "none-for-this-benchmark"}).open_base(to_write=True)
    while importer.poll() is None:
        if not found_s and base.search("note", mode="words", limit=1).hits:
            found_s = time.perf_counter() - began
        waited = time.perf_counter()
        base.add(Draft(EntryType.TIL, f"written beside {writes}"))
        longest_wait_s = max(longest_wait_s, time.perf_counter() - waited)
        writes += 1
        time.sleep(0.5)
        if not stored_s and told.read_bytes():
            stored_s, cpu_s = time.perf_counter() - began, watch.cpu_s
        if stored_s and time.perf_counter() - began > stored_s + embed_s:
            importer.send_signal(signal.SIGINT)
            stored_s, embed_s = stored_s or 1.0, 1e9
    base.close()
    watch.join()
    return {
        "said": told.read_text("utf-8").split("\n")[0],
        "ended": next((line for line in told.read_text("utf-8").splitlines() if "interrupted" in line), ""),
        "stored_after_s": stored_s,
        "notes_per_cpu_s": notes / cpu_s,
        "peak_mb": watch.peak_bytes / 1e6,
        "words_found_after_s": found_s,
        "longest_wait_of_a_writer_s": longest_wait_s,
        "written_beside": writes,
    }


class Watch(threading.Thread):
    """Looks at a process and those it has started until it ends."""

    def __init__(self, process: psutil.Popen) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._spent: dict[int, float] = {}
        self.peak_bytes = 0
        self.start()

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU that all of them took so far."""
        return sum(self._spent.values())

    def run(self) -> None:
        """Look until it ends."""
        while self._process.poll() is None:
            resident = 0
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in (self._process, *self._process.children(recursive=True)):
                    resident += process.memory_info().rss
                    times = process.cpu_times()
                    self._spent[process.pid] = times.user + times.system
            self.peak_bytes = max(self.peak_bytes, resident)
            time.sleep(0.05)


if __name__ == "__main__":
    main()
