"""The state `scripts`: notes and queries in scripts that the shipped model hardly knows, among English notes."""

from __future__ import annotations

import contextlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from judging import MODES, fill

from rekall.app import App
from rekall.knowledge.judged import sample_folder

NOTES = Path(__file__).with_name("scripts.json")
HEAD = "| script | queries | words | meaning | hybrid |"


@dataclass(frozen=True, slots=True)
class Script:
    """How many queries of a script found their note first, by each mode."""

    name: str
    queries: int
    first: tuple[int, ...]

    def row(self) -> str:
        """A line of the table."""
        return f"| {self.name} | {self.queries} | {' | '.join(map(str, self.first))} |"


def measure() -> list[Script]:
    """Every script, all in one base with the sample notes."""
    scripts = json.loads(NOTES.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "scripts"
        notes = home / "notes"
        notes.mkdir(parents=True)
        lines = [
            json.dumps({"title": note["title"], "text": note["text"]}) for each in scripts.values() for note in each
        ]
        (notes / "notes.jsonl").write_text("\n".join(lines), "utf-8")
        fill(home, notes)
        fill(home, sample_folder() / "notes")
        with contextlib.closing(App({"REKALL_HOME": str(home)})) as app:
            base = app.open_base()

            def found(name: str, mode: str) -> int:
                asked = [(query, note["title"]) for note in scripts[name] for query in note["queries"]]
                best = [(base.search(query, mode=mode, limit=1, literal=True).hits, title) for query, title in asked]
                return sum(bool(hits) and hits[0].entry.title == title for hits, title in best)

            return [
                Script(
                    name,
                    sum(len(note["queries"]) for note in notes_of),
                    tuple(found(name, mode.value) for mode in MODES),
                )
                for name, notes_of in scripts.items()
            ]
