"""The commands that write, each with the home it works on, and what is promised of one that was stopped."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.homes import (
    GONE,
    SECRET,
    TITLES,
    Home,
    earlier_home,
    empty_home,
    filled_home,
    filled_in,
    prepared,
    write_vault,
)
from rekall.store import schema

FOR_EVER = "Stays until for ever"
BEFORE = "numbat-before-5521"


@dataclass(frozen=True, slots=True)
class Operation:
    """A command that writes.

    Attributes:
        name: What the table calls it.
        words: Its arguments; `{title}` is the id of an entry.
        make: Makes the home it works on in a folder.
        says: What it prints once what it did is stored.
        is_whole: It does all or nothing, one transaction.
        is_repeatable: Run again after it was done, it changes nothing and ends well.
        codes: How it may end when a call fails, beside 0.
        vanishing: A text of which no byte is left in the home when it is done.
        tool: A tool of the MCP server and its arguments, where the server does it.
    """

    name: str
    words: tuple[str, ...]
    make: Callable[[Path], Home]
    says: str
    is_whole: bool = True
    is_repeatable: bool = False
    codes: tuple[int, ...] = (5,)
    vanishing: str = ""
    tool: str = ""

    def work(self, home: Home, place: Path) -> Callable[[], object]:
        """What a child does that runs it over a copy of its home."""
        if self.tool:
            return lambda: serve(place)
        from faults.forking import command

        return command([word.replace("{home}", str(place)) for word in filled_in(home, self.words)])

    def spoken(self, home: Home) -> bytes:
        """What a client says to the server that does it."""
        arguments = {
            name: home.ids.get(value[1:-1], value) if isinstance(value, str) else value
            for name, value in json.loads(self.words[0]).items()
        }
        return b"".join(
            json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
            for message in (
                {
                    "id": 1,
                    "method": "initialize",
                    "params": {
                        "protocolVersion": "2025-06-18",
                        "capabilities": {},
                        "clientInfo": {"name": "faults", "version": "1"},
                    },
                },
                {"method": "notifications/initialized"},
                {"id": 2, "method": "tools/call", "params": {"name": self.tool, "arguments": arguments}},
            )
        )


def serve(place: Path) -> None:
    """Serve the client at stdin from a home; the engine of tests is so small that it lives in this process."""
    from rekall.cli.main import run
    from rekall.models import library

    library.ChildLoader = library.FolderLoader  # type: ignore[misc]
    run(["mcp", "--structured"])


def operations(models: Path) -> list[Operation]:
    """Every command that writes.

    Args:
        models: The folder of the tiny models.
    """
    from rekall.cli.commands import COMMANDS

    def filled(*steps: Sequence[str]) -> Callable[[Path], Home]:
        return lambda folder: prepared(lambda place: _from_template(place, models), folder, steps)

    def empty(folder: Path) -> Home:
        return empty_home(folder, models)

    def changed_vault(folder: Path) -> Home:
        home = filled_home(folder, models)  # where its notes lie is where they were imported from
        write_vault(home.vault, later=True)
        return home

    def imported(folder: Path) -> Home:
        home = empty(folder)
        home.run("import", str(home.vault))
        return home

    def with_archive(folder: Path) -> Home:
        home = filled()(folder)
        home.run("model", "pack", "third", "--out", str(folder / "third.tar"))
        shutil.rmtree(home.home / "models" / "third")
        return home

    def with_backup(folder: Path) -> Home:
        home = filled()(folder)
        home.run("backup", str(folder / "copy.db"))
        home.run("edit", home.ids[TITLES[0]], "-c", "said after the backup")
        return home

    first, second = f"{{{TITLES[0]}}}", f"{{{TITLES[1]}}}"
    use_twice = (("model", "use", "second"), ("model", "use", "tiny"))
    found = [
        Operation("add", ("add", "til", "Added by the test", "-c", "says addedword"), filled(), "added "),
        Operation("create a base", ("add", "til", "First of all", "-c", "says firstword"), empty, "added "),
        Operation("edit", ("edit", first, "-c", "says another thing", "--tag", "new"), filled(), "changed "),
        Operation("delete", ("delete", first, "-y"), filled(), "deleted "),
        Operation(
            "delete for ever",
            ("delete", f"{{{FOR_EVER}}}", "-y", "--forever"),
            filled(
                ("delete", f"{{{GONE}}}", "-y", "--forever"), ("--set", "history.keep=0", "unlink", first, second)
            ),  # else it could be undone
            "deleted ",
            is_repeatable=False,
            vanishing=SECRET,
        ),
        Operation("restore", ("restore", f"{{{GONE}}}"), filled(), "restored "),
        Operation("link", ("link", first, f"{{{TITLES[6]}}}", "--type", "supersedes"), filled(), "supersedes"),
        Operation("unlink", ("unlink", f"{{{TITLES[2]}}}", f"{{{TITLES[3]}}}"), filled(), "removed 1 link"),
        Operation(
            "undo an edit", ("undo", "-y"), filled(("edit", first, "-c", "said by mistake", "--tag", "x")), "undone"
        ),
        Operation("undo a deletion", ("undo", "-y"), filled(("delete", first, second, "-y")), "undone"),
        Operation("undo an import", ("undo", "-y"), imported, "undone"),
        Operation("restore a version", ("restore", f"{first}@1"), filled(("edit", first, "-c", "later")), "restored "),
        Operation(
            "forget what was before",
            ("history", first, "--forget", "-y"),
            filled(("edit", first, "-c", f"says {BEFORE}"), ("edit", first, "-c", "says no more")),
            "forgot ",
            is_repeatable=True,
            vanishing=BEFORE,
        ),
        Operation(
            "import",
            ("import", "{vault}"),
            lambda folder: prepared(empty, folder, [("add", "til", TITLES[0], "-c", "word0")]),
            " added",
            is_whole=False,
            is_repeatable=True,
        ),
        Operation("import again", ("import", "{vault}"), changed_vault, " updated", is_whole=False, is_repeatable=True),
        Operation(
            "import --prune",
            ("import", "{vault}", "--prune"),
            changed_vault,
            " updated",
            is_whole=False,
            is_repeatable=True,
        ),
        Operation(
            "model use",
            ("model", "use", "second"),
            filled(),
            "searches use second now",
            is_whole=False,
            is_repeatable=True,
        ),
        Operation(
            "model import",
            ("model", "import", "{folder}/third.tar"),
            with_archive,
            "imported",
            is_repeatable=False,
            codes=(5, 6),
        ),
        Operation("index rebuild", ("index", "rebuild"), filled(), "words of ", is_whole=False, is_repeatable=True),
        Operation("index rebuild --words", ("index", "rebuild", "--words"), filled(), "words of ", is_repeatable=True),
        Operation(
            "index rebuild --from-scratch",
            ("index", "rebuild", "--from-scratch"),
            filled(),
            "passages embedded",
            is_whole=False,
            is_repeatable=True,
        ),
        Operation("index prune", ("index", "prune"), filled(*use_twice), "dropped ", is_repeatable=True),
        Operation(
            "config set", ("config", "set", "search.limit", "5"), filled(), "search.limit = 5", is_repeatable=True
        ),
        *(
            Operation(
                f"migrate from schema {steps}",
                ("list",),
                lambda folder, steps=steps: earlier_home(folder, models, steps),
                "zebra",
                is_repeatable=True,
            )
            for steps in range(1, len(schema.MIGRATIONS))
        ),
        Operation(
            "sync with an empty folder",
            ("sync", "{home}/notes"),
            lambda folder: _beside_a_folder(filled()(folder)),
            "",
            is_whole=False,
            is_repeatable=True,
            codes=(4, 5),
        ),
        Operation(
            "sync of both sides",
            ("sync", "{home}/notes"),
            lambda folder: _changed_on_both_sides(filled()(folder)),
            "",
            is_whole=False,
            is_repeatable=True,
            codes=(4, 5),
        ),
        Operation("export", ("export", "{home}/all.jsonl"), filled(), "", is_repeatable=True),
        Operation(
            "model pack", ("model", "pack", "tiny", "--out", "{home}/tiny.tar"), filled(), "", is_repeatable=True
        ),
        Operation("model remove", ("model", "remove", "third"), filled(), "removed"),
        Operation(
            "mcp add",
            (json.dumps({"type": "til", "title": "Added by an assistant", "content": "says toolword"}),),
            filled(),
            '"id":2',
            tool="add",
        ),
        Operation(
            "mcp update", (json.dumps({"id": first, "content": "said by a tool"}),), filled(), '"id":2', tool="update"
        ),
        Operation(
            "mcp link",
            (json.dumps({"source": first, "target": second}),),
            filled(("unlink", first, second)),
            '"id":2',
            tool="link",
        ),
        Operation("mcp deprecate", (json.dumps({"id": first}),), filled(), '"id":2', tool="deprecate"),
        Operation("mcp delete", (json.dumps({"id": first, "confirm": True}),), filled(), '"id":2', tool="delete"),
    ]
    if "check" in COMMANDS:
        found.append(Operation("check --repair", ("check", "--repair"), filled(), "", is_repeatable=True))
    if "backup" in COMMANDS:
        found.append(Operation("backup", ("backup", "{home}/copy.db"), filled(), "copy.db", is_repeatable=True))
    if "restore-base" in COMMANDS:
        words = ("restore-base", "{folder}/copy.db", "-y")
        found.append(Operation("restore-base", words, with_backup, "restored", is_repeatable=True))
    return found


def _beside_a_folder(home: Home) -> Home:
    """The home with an empty folder to sync with."""
    (home.home / "notes").mkdir()
    return home


def _changed_on_both_sides(home: Home) -> Home:
    """The home with a folder that it was synced with, after changes there and in the base."""
    notes = _beside_a_folder(home).home / "notes"
    home.run("sync", str(notes))
    home.run("edit", home.ids[TITLES[0]], "--tag", "said-in-the-base")
    home.run("delete", home.ids[TITLES[1]], "-y")
    home.run("restore", home.ids[GONE])
    files = {title: path for title in TITLES for path in notes.glob("*.md") if f"title: {title}" in path.read_text()}
    for title in (TITLES[0], TITLES[2]):  # the first is changed on both sides
        files[title].write_text(files[title].read_text() + "\nsaid in the folder\n")
    files[TITLES[3]].unlink()
    (notes / "By hand.md").write_text("# By hand\n\nsays handword\n")
    return home


_template: dict[Path, Home] = {}


def _from_template(folder: Path, models: Path) -> Home:
    """A copy of the filled home, which is made once in a process; its notes lie where they were imported from."""
    if models not in _template:
        _template[models] = filled_home(models.parent / f"filled-{os.getpid()}", models)
    made = _template[models]
    folder.mkdir(parents=True)
    shutil.copytree(made.home, folder / "home")
    return Home(folder, made.ids)
