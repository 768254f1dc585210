"""Homes to do harm to: a base of some entries, tiny models, notes to import; each is made once and copied for every case."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from support import CHECKOUT, DATA

from faults.forking import Ended, command, forked

MODELS = (("tiny", "model2vec"), ("second", "static"), ("third", "static-normalize"))
TITLES = (
    "Safari blocks third-party cookies",
    "nginx answers 502 while the upstream restarts",
    "Docker images grow with every layer",
    "git rebase drops a merge commit",
    "Redis keeps a list in memory",
    "Postgres plans a sequential scan",
    "Python caches small integers",
    "A cron job runs in another time zone",
)
VAULT_NOTES = 10
SECRET = "quokka-traces-9417"
_BRACED = re.compile(r"\{([^{}]*)\}")
GONE = "Deleted and kept in the bin"


@dataclass(frozen=True, slots=True)
class Home:
    """A home and what lies beside it.

    Attributes:
        folder: Holds all of it.
        ids: The id of each entry, also of a deleted one, by title.
    """

    folder: Path
    ids: dict[str, str]

    @property
    def home(self) -> Path:
        """What REKALL_HOME names."""
        return self.folder / "home"

    @property
    def database(self) -> Path:
        return self.home / "rekall.db"

    @property
    def vault(self) -> Path:
        """Notes to import; shared by all copies, since an import changes none."""
        return self.folder / "vault"

    def environ(self, home: Path | None = None) -> dict[str, str]:
        """What a command sees in its environment, over this home or a copy of it."""
        place = home or self.home
        return {
            "REKALL_HOME": str(place),
            "HOME": str(self.folder / "user"),
            "NO_COLOR": "1",
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tests")]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, *arguments: str, code: int = 0) -> Ended:
        """Run a command over this home, which must end so."""
        step = _steps[self.folder] = _steps.get(self.folder, 0) + 1

        def work() -> None:
            steady_clock(step)
            command(arguments)()

        ended = forked(work, self.folder, self.environ())
        assert ended.code == code, f"{arguments}: {ended}"
        return ended

    def copied(self, to: Path) -> Home:
        """A home of its own with the same content; notes are copied too."""
        shutil.copytree(self.folder, to)
        return Home(to, self.ids)

    def with_ids(self) -> Home:
        """The same home, with the ids its base knows now."""
        import apsw

        connection = apsw.Connection(str(self.database))
        try:
            found = dict(connection.execute("SELECT title, id FROM entry").fetchall())
            found |= dict(connection.execute("SELECT title, id FROM tombstone").fetchall())
        finally:
            connection.close()
        return Home(self.folder, {str(title): str(entry_id) for title, entry_id in found.items()})


_steps: dict[Path, int] = {}
"""How many commands have made each home."""


def steady_clock(step: int) -> None:
    """Let this process give the times and ids it gave last time, so that a seed means the same damage again."""
    import random
    from datetime import datetime, timedelta, timezone

    from ulid import ULID

    from rekall.system.clock import Clock

    chance = random.Random(step)
    begin = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=step)

    def new_id(self: Clock, created_at: datetime | None) -> str:
        milliseconds = int((created_at or begin).timestamp() * 1000)
        return str(ULID.from_bytes(milliseconds.to_bytes(6, "big") + chance.randbytes(10)))

    Clock.now = lambda self: begin  # type: ignore[method-assign]
    Clock.new_id = new_id  # type: ignore[method-assign]


def make_models(folder: Path) -> Path:
    """Export the tiny models, once; returns their folder."""
    from rekall.models.export.exporter import export_model
    from rekall.models.export.options import ExportOptions

    for name, checkpoint in MODELS:
        if not (folder / name).exists():
            export_model(DATA / "checkpoints" / checkpoint, folder / name, ExportOptions(min_cosine=0.9))
    return folder


def empty_home(folder: Path, models: Path) -> Home:
    """A home with models and without a base."""
    home = Home(folder, {})
    home.home.mkdir(parents=True, mode=0o700)
    shutil.copytree(models, home.home / "models")
    (home.home / "config.toml").write_text('[engine]\nmodel = "tiny"\n', "utf-8")
    write_vault(home.vault)
    return home


def write_vault(folder: Path, *, later: bool = False) -> None:
    """Notes that link to one another; later some have changed, moved, come and gone, and one says what it said."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(VAULT_NOTES):
        said = f"Changed word{number}." if later and number in (1, 4) else f"About word{number}."
        head = f"---\ntags: [vault, t{number % 3}]\n---\n# Note {number}\n\n"
        _write(folder / f"note{number}.md", f"{head}{said} [[note{(number + 3) % VAULT_NOTES}]]\n")
    if later:
        for number in (2, 7):
            (folder / f"note{number}.md").unlink()
        (folder / "moved").mkdir(exist_ok=True)
        (folder / "note5.md").rename(folder / "moved" / "note5.md")
        for number in (20, 21, 22):
            _write(folder / f"note{number}.md", f"# Note {number}\n\nNew word{number}. [[note1]]\n")


def _write(file: Path, text: str) -> None:
    """Write a note that is as old each time, since that is when its entry was made."""
    file.write_text(text, "utf-8")
    os.utime(file, (1_750_000_000, 1_750_000_000))


def filled_home(folder: Path, models: Path) -> Home:
    """A home with entries, links, a tombstone, imported notes, and vectors of `tiny`."""
    home = empty_home(folder, models)
    for number, title in enumerate(TITLES):
        home.run("add", "bug", title, "-c", f"word{number} and more of it", "--tag", f"t{number % 3}", "-p", "Demo")
    home.run("add", "til", GONE, "-c", f"nobody sees {SECRET}", "--what-failed", f"hiding {SECRET}")
    home.run("add", "til", "Stays until for ever", "-c", f"still says {SECRET}")
    home.run("import", str(home.vault))
    home = home.with_ids()
    home.run("link", home.ids[TITLES[0]], home.ids[TITLES[1]], "--reason", f"both know {SECRET}")
    home.run("link", home.ids[TITLES[2]], home.ids[TITLES[3]], "--type", "supersedes")
    home.run("link", home.ids[TITLES[4]], home.ids[GONE], "--reason", "goes with it")
    home.run("delete", home.ids[GONE], "-y")
    return home


def earlier_home(folder: Path, models: Path, steps: int) -> Home:
    """A home whose base has an earlier schema, as `tests/store/test_migration.py` fills one."""
    place = str(CHECKOUT / "tests" / "store")
    if place not in sys.path:
        sys.path.append(place)
    from test_migration import filled_before

    home = empty_home(folder, models)

    def fill() -> None:
        filled_before(home.database, steps)

    ended = forked(fill, home.folder)
    assert ended.code == 0, ended
    return home


def large_jsonl(file: Path, count: int) -> Path:
    """Records to import that take a while."""
    lines = (json.dumps({"title": f"Fact {n}", "content": f"about fact{n} " * 20}) for n in range(count))
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def prepared(make: Callable[[Path], Home], folder: Path, steps: Sequence[Sequence[str]] = ()) -> Home:
    """A home that was made so and then changed by commands; `{title}` stands for the id of an entry."""
    home = make(folder)
    for step in steps:
        if home.database.exists():
            home = home.with_ids()
        home.run(*filled_in(home, step))
    return home.with_ids() if home.database.exists() else home


def filled_in(home: Home, arguments: Sequence[str]) -> list[str]:
    """A command's words, with `{title}` replaced by the entry's id, `{vault}` and `{folder}` by what lies beside the home."""
    places = {"vault": str(home.vault), "folder": str(home.folder), **home.ids}
    return [_BRACED.sub(lambda found: places.get(found[1], found[0]), word) for word in arguments]
