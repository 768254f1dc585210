"""A field or a filter that is added to its table is everywhere: tried on a copy of the package, over a base made before."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import CHECKOUT

import rekall.store.sqlite
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType

FIELD = """    impact: Annotated[
        str,
        Field(
            Kind.TEXT, "What it cost us.", "Impact", aliases=("damage",), words=Column.CONTEXT,
            embedded=Place.AFTER, shown=Place.BEFORE,
        ),
    ] = ""
    people: Annotated[
        tuple[str, ...],
        Field(Kind.LIST, "Who knows more.", "People", item_help="Somebody who knows more.", option="person",
              words=Column.LABELS, shown=Place.AFTER),
    ] = ()
"""
FILTER = """    title: Annotated[
        str | None, Filter("title", "Only entries with this very title.", "the whole title", metavar="TITLE")
    ] = None
"""
CONDITION = """    "title": lambda value: ("e.title = ?", (value,)),
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that can be changed."""
    copy = tmp_path / "copy" / "rekall"
    shutil.copytree(CHECKOUT / "rekall", copy, ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    return copy


def insert(file: Path, before: str, text: str) -> None:
    source = file.read_text("utf-8")
    assert source.count(before) == 1
    file.write_text(source.replace(before, text + before), "utf-8")


@pytest.fixture
def run(package: Path) -> Callable[..., str]:
    """Runs a program against the copy."""

    def run(*arguments: str, stdin: str = "") -> str:
        environ = {**os.environ, "PYTHONPATH": str(package.parent), "COLUMNS": "200"}
        ran = subprocess.run(
            [sys.executable, *arguments],
            env=environ,
            cwd=package.parent,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


@pytest.fixture
def before(home: Path) -> str:
    """The id of an entry in a base that was made without the new field."""
    store = rekall.store.sqlite.SqliteStore(home / "rekall.db")
    from support import FakeLoader

    from rekall.system.clock import Clock
    from rekall.wiring import Tuning, build

    base = build(store, FakeLoader(), Tuning(0.5), Clock()).base
    saved = base.add(Draft(EntryType.BUG, "made before", "the text", solution="it helped"))
    base.close()
    return saved.entry.id


def test_a_field_of_the_table_is_in_every_door_in_files_and_in_search(package, run, before, tmp_path):
    insert(package / "entry" / "fields.py", "    id: Annotated[", FIELD)

    # the shell: options, show, JSON, edit
    added = json.loads(
        run("-m", "rekall", "add", "bug", "with impact", "--impact", "three zebras lost", "--person", "Ada", "--json")
    )["entry"]
    assert (added["impact"], added["people"]) == ("three zebras lost", ["Ada"])
    run("-m", "rekall", "edit", before, "--impact", "two yaks shaved", "--person", "Bob")
    shown = run("-m", "rekall", "show", before)
    assert "Impact\ntwo yaks shaved" in shown
    assert "People\n  Bob" in shown
    assert "it helped" in shown
    assert "--impact" in run("-m", "rekall", "add", "--help")
    assert json.loads(run("-m", "rekall", "show", before, "--json"))["entry"]["impact"] == "two yaks shaved"

    # found by words: what was there before and what came, by text and by label
    for word, entry_id in (("yaks", before), ("zebras", added["id"]), ("Ada", added["id"])):
        found = json.loads(run("-m", "rekall", "search", word, "--mode", "words", "--json"))["hits"]
        assert [hit["id"] for hit in found] == [entry_id]

    # files: out and in again, under its own name and under another
    for name in ("out.jsonl", "folder"):
        run("-m", "rekall", "export", str(tmp_path / name))
        environ = f"import os; os.environ['REKALL_HOME'] = {str(tmp_path / f'home of {name}')!r}; "
        run("-c", f"{environ}from rekall.cli.main import run; run(['import', {str(tmp_path / name)!r}])")
        again = run("-c", f"{environ}from rekall.cli.main import run; run(['show', {before!r}, '--json'])")
        entry = json.loads(again)["entry"]
        assert (entry["impact"], entry["people"], entry["solution"]) == ("two yaks shaved", ["Bob"], "it helped")
    (tmp_path / "note.md").write_text("---\ntitle: Another name\ndamage: a lot of geese\n---\ntext\n")
    run("-m", "rekall", "import", str(tmp_path / "note.md"))
    assert "Impact\na lot of geese" in run("-m", "rekall", "show", hit_of(run, "geese"))

    # the editor, the form of the terminal UI, and what it shows
    program = f"""
import rekall
from rekall.exchange.editing import text_to_edit
from rekall.entry.passages import passage_texts
from rekall.tui.document import make_document
from rekall.tui.fields import draft_of, texts_of
from rekall.tui.form import _area
with rekall.open() as base:
    view = base.get({before!r})
    assert "impact: two yaks shaved" in text_to_edit(view.entry)
    texts = texts_of(view.entry.as_draft())
    assert (texts["impact"], texts["people"]) == ("two yaks shaved", "Bob")
    changed = draft_of(view.entry.as_draft(), texts | {{"impact": "one gnu", "people": "Bob\\nEve"}})
    assert (changed.impact, changed.people) == ("one gnu", ("Bob", "Eve"))
    document = make_document(view, "")
    assert "Impact\\ntwo yaks shaved" in document.head.content.plain
    assert "People" in document.tail.content.plain
    assert any("two yaks shaved" in text for text in passage_texts(view.entry))
    assert base.change({before!r}, impact="from Python").entry.impact == "from Python"
"""
    run("-c", program)

    # assistants: what add and update take, what get says
    program = f"""
from rekall.app import App
from rekall.mcp.caller import Caller
from rekall.mcp.inputs import AddInput, UpdateInput, GetInput, schema_of, validated
from rekall.mcp.tools import TOOLS
for kind in (AddInput, UpdateInput):
    properties = schema_of(kind)["properties"]
    assert properties["impact"].get("description") == ("What it cost us." if kind is AddInput else None), properties
    assert properties["people"]["type"] == "array", properties
tools = {{tool.name: tool for tool in TOOLS}}
base = App().open_base(to_write=True)
def call(name, **arguments):
    tool = tools[name]
    return tool.run(base, validated(tool.takes, arguments), Caller(None, lambda: True, str))
call("update", id={before!r}, impact="an okapi", people="Ada, Eve")
said = call("get", ids=[{before!r}]).text
assert "## Impact\\nan okapi" in said and "## People\\n- Ada\\n- Eve" in said, said
made = call("add", type="til", title="by an assistant", impact="a quagga")
assert base.get(made.data["id"]).entry.impact == "a quagga"
"""
    run("-c", program)


def hit_of(run: Callable[..., str], word: str) -> str:
    (hit,) = json.loads(run("-m", "rekall", "search", word, "--mode", "words", "--json"))["hits"]
    return str(hit["id"])


def test_a_filter_of_the_table_works_in_the_line_as_an_option_in_the_terminal_ui_and_for_assistants(
    package, run, before
):
    insert(package / "entry" / "filters.py", "    status: Annotated[", FILTER)
    insert(package / "store" / "selection.py", '    "status": lambda', CONDITION)
    run("-m", "rekall", "add", "til", "another", "--content", "the text")

    def titles(*arguments: str) -> list[str]:
        answer = json.loads(run("-m", "rekall", *arguments, "--json"))
        return sorted(item["title"] for item in answer.get("hits", answer.get("entries")))

    assert titles("search", "text", "--mode", "words") == ["another", "made before"]
    assert titles("search", "text", "title:another", "--mode", "words") == ["another"]
    assert titles("search", 'text title:"made before"', "--mode", "words") == ["made before"]
    assert titles("search", "text", "--title", "another", "--mode", "words") == ["another"]
    assert titles("list", "--title", "made before") == ["made before"]
    program = """
from rekall.app import App
from rekall.mcp.caller import Caller
from rekall.mcp.inputs import RecentInput, SearchInput, schema_of, validated
from rekall.mcp.tools import TOOLS
assert "title" in schema_of(SearchInput)["properties"]
tool = next(tool for tool in TOOLS if tool.name == "recent")
said = tool.run(App().open_base(), validated(tool.takes, {"title": "another"}), Caller(None, lambda: True, str))
assert len(said.data["entries"]) == 1 and "  another  [til]" in said.text, said

import asyncio
from textual.app import App as TextualApp
from textual.widgets import Input
from rekall.entry.filters import Filters
from rekall.tui.facets import FacetDialog

class Host(TextualApp):
    pass

async def main():
    async with Host().run_test() as pilot:
        found = []
        pilot.app.push_screen(FacetDialog(App().open_base(), Filters(), found.append))
        await pilot.pause()
        pilot.app.screen.query_one("#title", Input).value = "made before"
        await pilot.pause()
        assert str(found[0]) == 'title:"made before"', found
asyncio.run(main())
"""
    run("-c", program)
