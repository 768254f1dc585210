"""The state `versions`: three hundred titles of which many differ by a version only."""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from judging import MODES, SEED, fill

from rekall.app import App
from rekall.search.results import Mode

PROJECTS = (
    *("payments-api", "shop-web", "libquartz", "harbor", "mailroom", "ledger", "nightjar", "gridfs-tools", "openparse"),
    *("node", "python", "postgres", "nginx", "redis", "terraform", "kubernetes", "openssl", "django", "react", "zlib"),
)
VERSIONS = (
    *("1.2.3", "1.2.4", "1.2.30", "1.20.3", "1.3.2", "2.1.3", "3.2.1", "10.2.3", "1.2.3-rc1"),
    *("1.2.3.1", "2.0", "2.0.0", "2.0.1", "v3", "0.1.2"),
)
_LINES = (
    "Upgraded on staging first, then on one host in production.",
    "Nothing broke, the migration took four minutes.",
    "Rolled back once: the config had a key that is no longer read.",
    "The changelog names two removals; we use neither.",
    "Pinned in the lock file, with a note why.",
    "Build time went down by a tenth.",
)
HEAD = "| query | notes | words | meaning | hybrid |"
SHAPES = ("{project} {version}: upgrade notes", "{project} {version}", "upgrade {project} to {version}")
"""The title itself, and two ways of asking for it."""


@dataclass(frozen=True, slots=True)
class Share:
    """How often a shape of query found its note first, by each mode."""

    shape: str
    notes: int
    first: tuple[float, ...]

    def row(self) -> str:
        """A line of the table."""
        named = self.shape.format(project="name", version="1.2.3")
        return f"| `{named}` | {self.notes} | {' | '.join(f'{share:.3f}' for share in self.first)} |"


def measure() -> list[Share]:
    """Every title and two shorter lines, each of which one note answers."""
    wanted = [(project, version) for project in PROJECTS for version in VERSIONS]
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "versions"
        home.mkdir()
        write_notes(home / "notes.jsonl", wanted)
        fill(home, home / "notes.jsonl")
        with contextlib.closing(App({"REKALL_HOME": str(home)})) as app:
            base = app.open_base()

            def is_first(shape: str, project: str, version: str, mode: Mode) -> bool:
                hits = base.search(shape.format(project=project, version=version), mode=mode, limit=1).hits
                title = SHAPES[0].format(project=project, version=version)
                return bool(hits) and hits[0].entry.title == title

            return [
                Share(
                    shape,
                    len(wanted),
                    tuple(sum(is_first(shape, *pair, mode) for pair in wanted) / len(wanted) for mode in MODES),
                )
                for shape in SHAPES
            ]


def write_notes(path: Path, wanted: list[tuple[str, str]]) -> None:
    """A note for each version, with text that says nothing of it."""
    chance = random.Random(SEED)  # noqa: S311
    lines = []
    for project, version in wanted:
        text = " ".join(chance.sample(_LINES, 2))
        lines.append(json.dumps({"title": SHAPES[0].format(project=project, version=version), "text": text}))
    path.write_text("\n".join(lines), "utf-8")
