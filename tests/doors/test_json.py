"""Every JSON answer against its shape: what docs/json.md promises is what commands and tools say."""

from __future__ import annotations

import asyncio
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import click
import pytest
from mcp.client.client import Client
from support import DATA, Ran

import rekall as rekall_package
from rekall.app import App
from rekall.cli import shapes as commands
from rekall.cli.main import cli
from rekall.cli.render import SCHEMA_VERSION
from rekall.entry.fields import FIELDS, Draft
from rekall.entry.types import EntryType, LinkType
from rekall.knowledge import shapes as things
from rekall.knowledge.shapes import PLAIN_TYPES, Answer, Shape
from rekall.mcp import shapes as tools
from rekall.mcp.server import RekallServer
from rekall.mcp.tools import TOOLS
from rekall.models.library import FolderLoader

Rekall = Callable[..., Ran]

SHAPES = {shape.name: shape for shape in (*things.SHAPES, *commands.SHAPES, *tools.SHAPES)}

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

_PLAIN: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "time": lambda value: isinstance(value, str) and bool(_TIME.fullmatch(value)),
    "whole": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value),
    "flag": lambda value: isinstance(value, bool),
    "any": lambda value: True,
    "null": lambda value: value is None,
}


def problems(value: Any, type_: str, where: str = "answer", *, brief: bool = False) -> list[str]:
    """What is wrong with a value of a type: members that are unknown or missing, and values of other types."""
    if " or " in type_:
        found = [problems(value, each, where, brief=brief) for each in type_.split(" or ")]
        return min(found, key=len) if [] in found or value is None else found[0]
    word, _, rest = type_.partition(" ")
    if word == "brief":
        return problems(value, rest, where, brief=True)
    if word in ("list", "map"):
        if not isinstance(value, list if word == "list" else dict):
            return [f"{where} is {value!r}, no {word}"]
        inside = enumerate(value) if word == "list" else value.items()
        rest = rest.removeprefix("of ")
        return [each for key, item in inside for each in problems(item, rest, f"{where}.{key}", brief=brief)]
    if type_ in _PLAIN:
        return [] if _PLAIN[type_](value) else [f"{where} is {value!r}, expected {type_}"]
    return _problems_of_object(value, SHAPES[type_], where, brief=brief)


def _problems_of_object(value: Any, shape: Shape, where: str, *, brief: bool) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is {value!r}, no {shape.name}"]
    found = [f"{where}.{name} is not in {shape.name}" for name in value.keys() - shape.members.keys()]
    for name, member in shape.members.items():
        if name in value:
            if brief and value[name] in (None, "", [], {}):
                found.append(f"{where}.{name} is empty, and was to be left out")
            found += problems(value[name], member.type, f"{where}.{name}", brief=brief)
        elif not member.only and not (brief and can_be_empty(member.type)):
            found.append(f"{where}.{name} is missing")
    return found


def can_be_empty(type_: str) -> bool:
    """Whether a value of a type may be one that a brief shape leaves out."""
    return type_.startswith(("list ", "map ", "text")) or type_.endswith(" or null")


def test_the_checker_finds_what_is_wrong():
    link = {"source": "A", "target": "B", "type": "related", "reason": ""}
    assert problems(link, "Link") == []
    assert problems({**link, "kind": "x"}, "Link") == ["answer.kind is not in Link"]
    assert problems({"source": "A", "target": "B", "type": "related"}, "Link") == ["answer.reason is missing"]
    assert problems([{**link, "type": None}], "list of Link") == ["answer.0.type is None, expected text"]
    assert problems(link, "brief Link") == ["answer.reason is empty, and was to be left out"]
    assert problems({"source": "A", "target": "B", "type": "related"}, "brief Link") == []
    assert problems({"source": "A"}, "Reference or null") == [
        "answer.source is not in Reference",
        "answer.id is missing",
        "answer.title is missing",
    ]
    for value, type_ in (
        (None, "text"),
        (True, "whole"),
        (1.0, "whole"),
        (True, "number"),
        (math.nan, "number"),
        (0, "flag"),
        ("2026-01-31", "time"),
        ("2026-01-31T09:00:00+00:00", "time"),
        ("x", "list of text"),
        ([1], "list of text"),
        ({"a": "1"}, "map of whole"),
        (None, "text or number"),
        ("", "Link or null"),
    ):
        assert len(problems(value, type_)) == 1, (value, type_)
    for value, type_ in ((None, "text or null"), (1, "text or number"), (None, "Link or null"), (0, "number")):
        assert problems(value, type_) == []


# the shapes themselves


def test_every_shape_has_a_name_of_its_own_and_is_made_of_known_types():
    every = (*things.SHAPES, *commands.SHAPES, *tools.SHAPES)
    names = [shape.name for shape in every]
    assert sorted(names) == sorted(SHAPES)
    words = {*names, *PLAIN_TYPES, "null", "list", "map", "of", "or", "brief"}
    named = {answer.shape for answer in (*commands.COMMANDS, *tools.TOOLS)} | {"Failed", "RefusedCall"}
    for shape in every:
        assert shape.meaning.endswith("."), shape.name
        for name, member in shape.members.items():
            assert set(member.type.split()) <= words, (shape.name, name)
            assert member.meaning.endswith((".", "`.")), (shape.name, name)
            named |= set(member.type.split())
    assert set(names) - named == set()
    assert set(PLAIN_TYPES) | {"null"} == set(_PLAIN)


def test_every_field_of_an_entry_is_in_its_shape_and_every_name_means_one_thing():
    members = SHAPES["Entry"].members
    assert set(members) == {field.name for field in FIELDS} | {"links", "origin"}
    for name in ("Summary", "Hit", "Tombstone", "Deleted", "Reference"):
        shared = members.keys() & SHAPES[name].members.keys()
        assert all(SHAPES[name].members[each] == members[each] for each in shared), name
    for shape in SHAPES.values():
        if "superseded_by" in shape.members:
            assert shape.members["superseded_by"].type == "Reference or null"
        assert not {"trigger_keywords", "errors", "kind"} & shape.members.keys() or shape.name in ("Error", "Refusal")


def all_commands(group: click.Command = cli, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(group, click.Group):
        context = click.Context(group)
        for child in group.list_commands(context):
            command = group.get_command(context, child)
            assert command is not None
            yield from all_commands(command, f"{name} {child}".strip())
    yield name, group


def test_every_command_that_speaks_json_is_described_and_run_here():
    speaking = {
        name
        for name, command in all_commands()
        if any(option.name == "as_json" or "jsonl" in getattr(option.type, "choices", ()) for option in command.params)
    }
    described = {
        name for name, _ in all_commands() if any(f"{a.call} ".startswith(f"{name} ") for a in commands.COMMANDS)
    }
    assert speaking <= described - {""}
    assert set(CALLS) == {answer.call for answer in commands.COMMANDS}


def test_nothing_that_answers_imports_the_shapes():
    modules = [
        path for path in Path(rekall_package.__file__).parent.rglob("*.py") if not path.name.endswith("shapes.py")
    ]
    assert len(modules) > 100
    assert [
        path for path in modules if re.search(r"import.*\bshapes\b|[.]shapes import", path.read_text("utf-8"))
    ] == []


# a base with links in both directions, an obsolete entry with a successor, and tombstones


@dataclass(frozen=True)
class World:
    """The ids of what is there, and a folder for files."""

    old: str
    new: str
    other: str
    gone: str
    folder: Path


@pytest.fixture
def world(quick_model, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("rekall.cli.pick.can_pick", lambda: True)
    monkeypatch.setenv("REKALL_UI_PICKER", "list")
    monkeypatch.setenv("EDITOR", f'"{sys.executable}"')  # without any the doctor ends with 5
    app = App()
    base = app.open_base(to_write=True)
    every = Draft(
        EntryType.BUG,
        "nginx answers 502 after a reload",
        "the upstream is gone",
        ("nginx", "http"),
        "shop",
        confidence=4,
        situation="under load",
        error_messages=("502 Bad Gateway, upstream",),
        solution="keep it alive",
        what_failed="a longer timeout",
        files=("nginx.conf",),
        keywords=("keepalive",),
        sources=("https://nginx.org",),
    )
    new = base.add(every).entry.id
    old, other, gone = (
        base.add(Draft(EntryType.TIL, f"nginx {word} reload", tags=("nginx",))).entry.id
        for word in ("restart before", "notes on", "mistake about")
    )
    base.deprecate(old, new, "keeps connections")
    base.link(other, new, LinkType.DERIVED_FROM, "")
    base.link(new, other, LinkType.CONTRADICTS, "of another version")
    base.delete(gone)
    app.close()
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "two.jsonl").write_text('{"title": "one"}\n{"title": "two", "error_messages": ["nginx 502"]}\n')
    (folder / "notes.jsonl").write_text('{"title": "imported", "type": "nonsense"}\n{"title": broken\n')
    return World(old, new, other, gone, folder)


def synced(world: World) -> str:
    """The folder for files, when the base has been synced with it; of a world that is only looked at, nothing is."""
    if not world.folder.is_absolute():
        return str(world.folder)
    app = App()
    app.open_base(to_write=True).sync.run(world.folder)
    app.close()
    return str(world.folder)


Calls = Callable[[World], list[tuple[str, ...]]]


def beside(world: World) -> str:
    """The folder of another base."""
    return str(world.folder / "beside")


def named(world: World) -> list[tuple[str, ...]]:
    """What gives it a name."""
    return [("base", "init", beside(world)), ("base", "add", "team", beside(world))]


CALLS: dict[str, Calls] = {
    "add": lambda w: [
        ("add", "til", "nginx again", "--content", "x", "--project", "shop", "--keyword", "k", "--error", "e"),
        ("add", "bug", "a title alone"),
        ("add", "just", "a", "thought"),
    ],
    "today": lambda w: [("add", "2025-11-24"), ("today", "--date", "2025-11-24")],
    "related": lambda w: [("related", w.new, "--depth", "2"), ("related", w.other, "--near", "0")],
    "graph": lambda w: [("graph", w.new), ("graph", w.old, "--depth", "3", "--as", "supersedes")],
    "graph --html": lambda w: [("graph", "--html", str(w.folder / "map.html"))],
    "suggest": lambda w: [("suggest",), ("suggest", "--type", "config")],
    "suggest --accept": lambda w: [("suggest", "--accept", f"{w.new}:{w.other}")],
    "suggest --dismiss": lambda w: [("suggest", "--dismiss", f"{w.new}:{w.other}")],
    "suggest --reopen": lambda w: [("suggest", "--reopen", f"{w.new}:{w.other}")],
    "suggest --dismissed": lambda w: [("suggest", "--dismissed")],
    "generalize": lambda w: [("generalize",)],
    "generalize ID": lambda w: [("generalize", w.old, w.new, "--yes")],
    "generalize --dry-run": lambda w: [("generalize", w.old, w.new, "--dry-run")],
    "today --page": lambda w: [("today", "--page"), ("today", "--page", "last", "week")],
    "today TEXT": lambda w: [("today", "a", "line"), ("today", "another line", "--yesterday")],
    "search": lambda w: [
        ("search", "nginx reload"),
        ("search", "nginx", "502", "type:bug", "type:bgu", "--explain"),
        ("search", "nginx", "--mode", "words", "--full"),
        ("search", "nginx", "--mode", "meaning"),
        ("search", "nothing", "like", "it", "type:config"),
    ],
    "search --format jsonl": lambda w: [("search", "nginx reload")],
    "search --save": lambda w: [("search", "--save", "slow", "nginx", "type:bug")] * 2,
    "search --forget": lambda w: [("search", "--save", "slow", "x"), ("search", "--forget", "slow")],
    "search --saved": lambda w: [("search", "--saved"), ("find", "--save", "a", "x"), ("search", "--saved")],
    "show": lambda w: [("show", w.old), ("show", w.new), ("show", w.other)],
    "show --json, several": lambda w: [("show", w.old, w.new)],
    "pick": lambda w: [("pick",)],
    "delete --yes, several": lambda w: [
        ("delete", w.old, w.other, "--yes"),
        ("delete", w.old, w.gone, "--forever", "--yes"),
    ],
    "restore --json, several": lambda w: [("delete", w.other, "--yes"), ("restore", w.gone, w.other)],
    "edit": lambda w: [
        ("edit", w.new, "--title", "nginx: 502", "--tag", "reload", "--untag", "http"),
        ("edit", w.old, "--status", "active"),
    ],
    "delete": lambda w: [("delete", w.other, "--yes"), ("delete", w.gone, "--forever", "--yes")],
    "add --from-json, several": lambda w: [("add", "--from-json", str(w.folder / "two.jsonl"))],
    "edit --tag, several": lambda w: [("edit", w.new, w.old, "--tag", "both"), ("edit", w.new, w.old, "--tag", "both")],
    "restore ID": lambda w: [("restore", w.gone)],
    "restore": lambda w: [("restore",)],
    "list --format jsonl": lambda w: [("list",)],
    "restore ID@VERSION": lambda w: [("edit", w.old, "--title", "x"), ("restore", f"{w.old}@2")],
    "undo": lambda w: [("undo", "--dry-run"), ("undo", "--yes"), ("edit", w.old, "--title", "y"), ("undo", "--yes")],
    "review": lambda w: [("review",), ("review", "--all"), ("review", w.new, w.old), ("review", "-p", "nothing")],
    "review ID --holds": lambda w: [
        ("review", w.new, "--again"),
        ("review", w.new, "--holds"),
        ("review", w.new, "--never"),
        ("review", w.new, w.other, "--holds"),
    ],
    "stale": lambda w: [("stale",), ("stale", "--all"), ("stale", "--because", "old", "-n", "1")],
    "history": lambda w: [("history",)],
    "history ID": lambda w: [("history", w.old), ("history", w.new, "-n", "1"), ("history", w.gone)],
    "history ID --forget": lambda w: [("history", w.old, "--forget", "--yes")],
    "diff": lambda w: [
        ("edit", w.old, "--title", "x"),
        ("diff", w.old),
        ("link", w.old, w.other),
        ("diff", w.old, "2"),
    ],
    "list": lambda w: [("list",), ("list", "--status", "obsolete", "--all"), ("list", "--type", "config")],
    "link": lambda w: [
        ("link", w.old, w.other),
        ("link", w.other, w.old, "--type", "supersedes", "--reason", "newer"),
    ],
    "conflicts": lambda w: [
        ("add", "til", "Deploys need Node 18"),
        ("add", "til", "Deploys need Node 20"),
        ("conflicts",),
        ("conflicts", "--all", "--kind", "version", "--type", "til"),
        ("conflicts", w.new, "-n", "1"),
    ],
    "conflicts --dismiss": lambda w: [
        ("conflicts", "--dismiss", w.new, w.other),
        ("conflicts", "--reopen", w.other, w.new),
    ],
    "conflicts --dismissed": lambda w: [("conflicts", "--dismissed")],
    "stats --searches": lambda w: [
        ("search", "nginx", "reload"),
        ("search", "nothing", "of", "the", "kind", "--mode", "words"),
        ("show", w.new),
        ("stats", "--searches"),
        ("stats", "--searches", "-n", "1"),
    ],
    "stats --forget": lambda w: [("search", "nginx"), ("stats", "--forget"), ("stats", "--forget")],
    "merge": lambda w: [("merge", w.new, w.other, "--dry-run"), ("merge", w.new, w.other)],
    "supersede": lambda w: [("supersede", w.other, w.new, "--reason", "since the upgrade")],
    "link --remove": lambda w: [("link", w.new, w.other, "--remove"), ("link", w.new, w.old, "--remove")],
    "similar": lambda w: [("similar", w.new), ("similar", "nginx", "reload", "--explain")],
    "similar --format jsonl": lambda w: [("similar", w.new)],
    "import": lambda w: [
        ("import", str(w.folder / "notes.jsonl"), "--dry-run"),
        ("import", str(w.folder / "notes.jsonl")),
        ("import", str(w.folder / "notes.jsonl")),
    ],
    "export": lambda w: [("export", str(w.folder / "all.jsonl")), ("export", str(w.folder / "notes"), "--type", "bug")],
    "sync": lambda w: [
        ("sync", str(w.folder), "--dry-run"),
        ("sync", str(w.folder)),
        ("edit", w.old, "--title", "x"),
        ("sync",),
    ],
    "sync --status": lambda w: [("sync", "--status"), ("sync", "status", synced(w))],
    "sync --forget": lambda w: [("sync", synced(w), "--forget")],
    "stats": lambda w: [("stats",), ("stats", "--memory")],
    "check": lambda w: [("check",), ("check", "--repair")],
    "doctor": lambda w: [("doctor",)],
    "tags": lambda w: [("tags",), ("tags", "--type", "bug", "--sort", "name")],
    "tags list": lambda w: [("tags", "list")],
    "tags rename": lambda w: [("tags", "rename", "http", "web", "--dry-run"), ("tags", "rename", "http", "web")],
    "tags merge": lambda w: [("tags", "merge", "http", "nginx", "--yes")],
    "tags remove": lambda w: [("tags", "remove", "http")],
    "projects": lambda w: [("projects",)],
    "projects list": lambda w: [("projects", "list")],
    "projects rename": lambda w: [("projects", "rename", "shop", "store"), ("projects", "rename", "store", "-")],
    "config unset": lambda w: [
        ("config", "unset", "search.limit"),
        ("config", "set", "search.limit", "7"),
        ("config", "unset", "search.limit"),
    ],
    "backup": lambda w: [("backup",), ("backup", str(w.folder / "copy.db")), ("backup", "--keep", "1")],
    "backup --list": lambda w: [("backup", "--list")],
    "base add": lambda w: [("base", "init", beside(w)), ("base", "add", "team", beside(w))],
    "base list": lambda w: [*named(w), ("base", "list")],
    "base use": lambda w: [*named(w), ("base", "use", "team"), ("base", "use", "own")],
    "base check": lambda w: [*named(w), ("base", "check"), ("base", "check", "team")],
    "base remove": lambda w: [*named(w), ("base", "remove", "team")],
    "base init": lambda w: [("base", "init", beside(w)), ("base", "init", beside(w))],
    "share": lambda w: [
        *named(w),
        ("share", w.new, w.old, "--to", "team"),
        ("share", w.new, "--to", "team", "--dry-run"),
    ],
    "take": lambda w: [
        *named(w),
        ("-b", "team", "add", "til", "a note of the team"),
        ("take", "a note of the team", "--from", "team"),
    ],
    "restore-base": lambda w: [
        ("backup", str(w.folder / "copy.db")),
        ("restore-base", str(w.folder / "copy.db"), "--yes"),
    ],
    "index status": lambda w: [("index", "status"), ("model", "use", "tiny"), ("index", "status")],
    "index prune": lambda w: [("index", "prune"), ("model", "use", "tiny"), ("index", "prune")],
    "index rebuild": lambda w: [
        ("index", "rebuild"),
        ("index", "rebuild", "--words"),
        ("index", "rebuild", "--vectors", "--from-scratch"),
    ],
    "model list": lambda w: [("model", "list")],
    "model info": lambda w: [("model", "info"), ("model", "info", "tiny")],
    "model verify": lambda w: [("model", "verify", "tiny")],
    "model use": lambda w: [("model", "use", "tiny", "--budget", "0s"), ("model", "use", "tiny")],
    "model remove": lambda w: [("model", "remove", "tiny")],
    "model bench": lambda w: [("model", "bench", "tiny")],
    "bench": lambda w: [("bench", "--own")],
    "bench --model": lambda w: [("bench", "--model", "tiny")],
    "model export": lambda w: [("model", "export", str(DATA / "checkpoints" / "bert"), "--min-cosine", "0.9")],
    "model pull": lambda w: [
        ("model", "pull", "some/e5-small", "--from-dir", str(DATA / "checkpoints" / "bert"), "--min-cosine", "0.9")
    ],
    "model pack": lambda w: [("model", "pack", "tiny", "--out", str(w.folder / "tiny.tar"))],
    "model import": lambda w: [
        ("model", "pack", "tiny", "--out", str(w.folder / "tiny.tar")),
        ("model", "import", str(w.folder / "tiny.tar"), "--name", "other"),
    ],
    "embed": lambda w: [("embed", "one text", "another"), ("embed", "a question", "--query", "--model", "tiny")],
    "mcp install": lambda w: [("mcp", "install")],
    "mcp status": lambda w: [("mcp", "status")],
    "mcp install CLIENT": lambda w: [("mcp", "install", name) for name in ("cursor", "codex", "opencode")],
    "mcp install CLIENT --write": lambda w: (
        [("mcp", "install", "cursor", "--write")] * 2 + [("mcp", "install", "cursor", "--write", "--read-only")]
    ),
    "mcp install --all": lambda w: [("mcp", "install", "--all"), ("mcp", "install", "--all", "--write")],
    "mcp uninstall CLIENT": lambda w: [("mcp", "uninstall", "cursor")],
    "mcp uninstall --all": lambda w: [("mcp", "uninstall", "--all")],
    "hook install": lambda w: [("hook", "install")],
    "hook install CLIENT": lambda w: [
        ("hook", "install", "cursor", "--dry-run", "--skill"),
        ("hook", "install", "cursor"),
        ("hook", "install", "cursor"),
    ],
    "hook uninstall": lambda w: [("hook", "uninstall", "cursor", "--dry-run"), ("hook", "uninstall", "cursor")],
    "hook status": lambda w: [("hook", "status"), ("hook", "status", "gemini")],
    "hook line": lambda w: [("hook", "line")],
    "hook line --write-to": lambda w: [("hook", "line", "--write-to", str(w.folder / "AGENTS.md"))] * 2,
    "hook skill": lambda w: [("hook", "skill")],
    "hook skill --write-to": lambda w: [("hook", "skill", "--write-to", str(w.folder), "--dry-run")],
    "config list": lambda w: [("config", "list")],
    "config get": lambda w: [("config", "get", key) for key in ("search.limit", "search.lexical_share", "ui.editor")],
    "config set": lambda w: [("config", "set", "search.limit", "7"), ("config", "set", "ui.theme", "dark")],
    "config path": lambda w: [("config", "path")],
    "version": lambda w: [("version",)],
}
"""Calls of each command; those of another one only prepare the next."""

LINES = ("search --format jsonl", "list --format jsonl", "similar --format jsonl", "embed")
"""What gives lines, not one object."""


REAL_LOAD = FolderLoader.load


@pytest.fixture
def tiny(rekall: Rekall, quick_model, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A further model, a table of a few words, for the calls that name it."""
    quick_load = FolderLoader.load
    monkeypatch.setattr(
        FolderLoader, "load", lambda self, name: (REAL_LOAD if name == "tiny" else quick_load)(self, name)
    )
    if "tiny" in str(CALLS[request.node.callspec.params["answer"].call](World(*"abcd", Path()))):
        pytest.importorskip("safetensors")
        checkpoint = DATA / "checkpoints" / "model2vec"
        ran = rekall("model", "export", str(checkpoint), "--name", "tiny", "--min-cosine", "0.9")
        assert ran.code == 0, ran.err


def answered(rekall: Rekall, answer: Answer, arguments: tuple[str, ...]) -> list[Any]:
    """The answers of a call, each without its envelope, after they were held against their shape."""
    if answer.call in LINES:
        ran = rekall(*arguments, *(() if arguments[0] == "embed" else ("--format", "jsonl")))
        values = [json.loads(line) for line in ran.out.splitlines()]
    else:
        ran = rekall(*arguments, "--json", stdin="1\n" if arguments == ("pick",) else "")
        values = [ran.json]
        assert next(iter(values[0])) == "schema_version"
        assert values[0].pop("schema_version") == SCHEMA_VERSION == 2
    assert ran.code == 0 or "refused" in values[0], (arguments, ran)
    assert [problem for value in values for problem in problems(value, answer.shape)] == [], arguments
    return values


@pytest.mark.parametrize("answer", commands.COMMANDS, ids=lambda answer: answer.call)
def test_a_command_answers_what_is_promised(rekall: Rekall, world: World, tiny: None, answer: Answer):
    name = answer.call.split(" --")[0].split(" ID")[0].removesuffix(" CLIENT").removesuffix(" TEXT")
    run = 0
    for arguments in CALLS[answer.call](world):
        if f"{' '.join(arguments)} ".startswith(f"{name} "):
            assert answered(rekall, answer, arguments), arguments
            run += 1
        else:
            assert rekall(*arguments).code == 0, arguments
    assert run


def said(rekall: Rekall, call: str, *arguments: str) -> Any:
    """The one answer of a call, held against its shape."""
    (answer,) = (each for each in commands.COMMANDS if each.call == call)
    (value,) = answered(rekall, answer, arguments)
    return value


# what depends on the state of things


def test_what_was_found_and_mended_is_as_promised(rekall, world, home):
    (answer,) = (each for each in commands.COMMANDS if each.call == "check")
    connection = apsw.Connection(str(home / "rekall.db"))
    connection.execute("UPDATE entry SET status = 'weird'; DELETE FROM words")
    connection.close()
    found = rekall("check", "--json")
    assert found.code == 5
    assert problems({name: value for name, value in found.json.items() if name != "schema_version"}, answer.shape) == []
    mended = said(rekall, "check", "check", "--repair")
    assert mended["ok"] is True
    assert mended["repaired"]["changed_count"] == 3
    assert mended["repaired"]["lost"] == []
    (copy,) = said(rekall, "backup --list", "backup", "--list")["backups"]
    assert copy["reason"] == "before-repair"


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("search", ("search", "a")),
        ("restore", ("restore",)),
        ("list", ("list",)),
        ("stats", ("stats",)),
        ("index status", ("index", "status")),
        ("index prune", ("index", "prune")),
        ("index rebuild", ("index", "rebuild")),
    ],
)
def test_an_empty_base_answers_in_the_same_shape(rekall: Rekall, quick_model, call: str, arguments: tuple[str, ...]):
    said(rekall, call, *arguments)


def test_without_a_model_the_shapes_stay(rekall: Rekall, world: World, missing_model: None):
    assert said(rekall, "add", "add", "til", "a", "--content", "b")["warning"]
    assert said(rekall, "search", "search", "nginx")["mode"]["reason"]
    status = said(rekall, "index status", "index", "status")
    assert (status["model"], status["pending_entries"]) == (None, 1)
    assert status["problem"]
    (world.folder / "more.jsonl").write_text('{"title": "one more"}')
    assert said(rekall, "import", "import", str(world.folder / "more.jsonl"))["warning"]
    assert said(rekall, "stats", "stats", "--memory")["memory"]["problem"]


def test_a_link_is_shown_from_both_ends_and_a_successor_with_its_title(rekall: Rekall, world: World):
    new, old = (said(rekall, "show", "show", each)["entry"] for each in (world.new, world.old))
    supersedes = {"source": world.new, "target": world.old, "type": "supersedes", "reason": "keeps connections"}
    derived = {"source": world.other, "target": world.new, "type": "derived_from", "reason": ""}
    contradicts = {"source": world.new, "target": world.other, "type": "contradicts", "reason": "of another version"}
    assert sorted(new["links"], key=str) == sorted([supersedes, derived, contradicts], key=str)
    assert old["links"] == [supersedes]
    successor = {"id": world.new, "title": "nginx answers 502 after a reload"}
    assert (new["superseded_by"], old["superseded_by"]) == (None, successor)
    listed = {entry["id"]: entry for entry in said(rekall, "list", "list")["entries"]}
    assert listed[world.old] == {name: value for name, value in old.items() if name not in ("links", "origin")}
    hits = {hit["id"]: hit for hit in said(rekall, "search", "search", "nginx reload")["hits"]}
    assert hits[world.old]["superseded_by"] == successor
    assert {name: hits[world.new][name] for name in SHAPES["Summary"].members} == {
        name: new[name] for name in SHAPES["Summary"].members
    }
    edited = said(rekall, "edit", "edit", world.old, "--content", "more")["entry"]
    assert (edited["superseded_by"], edited["links"]) == (successor, [supersedes])


def test_stages_are_there_when_they_are_asked_for(rekall: Rekall, world: World):
    assert "stages" not in said(rekall, "search", "search", "nginx")
    answer = said(rekall, "search", "search", "nginx", "type:bug", "type:bgu", "--explain")
    assert [stage["name"] for stage in answer["stages"]]
    assert (answer["query"], answer["filters"]) == ("nginx type:bug type:bgu", "type:bug")
    assert any("bgu" in note for note in answer["notes"])


def test_memory_is_told_of_a_command_and_of_a_server(rekall: Rekall, world: World):
    assert "memory" not in said(rekall, "stats", "stats")
    memory = said(rekall, "stats", "stats", "--memory")["memory"]
    assert "served" in memory
    assert "served" not in memory["served"]


def test_a_damaged_model_says_what_is_wrong(rekall: Rekall, home: Path):
    (home / "models" / "broken").mkdir(parents=True)
    (home / "models" / "broken" / "model.json").write_text("{")
    models = {model["name"]: model for model in said(rekall, "model list", "model", "list")["models"]}
    assert models["broken"].keys() == {"name", "in_use", "problem"}
    whole = {name for name, member in SHAPES["InstalledModel"].members.items() if member.only != "damaged"}
    assert models["all-MiniLM-L6-v2"].keys() == whole


def test_an_editor_that_is_left_without_text_adds_nothing(rekall: Rekall, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rekall.cli.add.on_terminal", lambda: True)
    monkeypatch.setattr("rekall.cli.add._add_in_editor", lambda *_: None)
    ran = rekall("add", "til", "--json")
    assert ran.code == 1
    assert ran.json == {
        "schema_version": SCHEMA_VERSION,
        "entry": None,
        "warning": None,
        "secrets": [],
        "alike": [],
        "conflicts": [],
    }


def test_an_import_tells_what_it_kept_and_refused(rekall: Rekall, world: World):
    answer = said(rekall, "import", "import", str(world.folder / "notes.jsonl"))
    assert (answer["added"], answer["unknown_types"], len(answer["refused"])) == (1, {"nonsense": 1}, 1)
    note = world.folder / "note.md"
    note.write_text("---\ntype: config\n---\n# kept\n\ntheirs\n")
    assert said(rekall, "import", "import", str(note))["kept"] == []
    (entry,) = said(rekall, "list", "list", "--type", "config")["entries"]
    said(rekall, "edit", "edit", entry["id"], "--content", "mine")
    note.write_text("---\ntype: config\n---\n# kept\n\ntheirs again\n")
    assert said(rekall, "import", "import", str(note))["conflicts"] == [f"{note} (content)"]


# errors


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (("show", "7ZZZ"), "not_found", 3),
        (("show", ""), "not_found", 3),
        (("show", "01M"), "ambiguous", 3),
        (("show",), "usage", 2),
        (("nonsense",), "usage", 2),
        (("add", "bgu", "a title"), "invalid_input", 4),
        (("model", "info", "none"), "model_not_found", 6),
        (("config", "get", "none"), "not_found", 3),
        (("delete", "01M"), "ambiguous", 3),
    ],
)
def test_an_error_is_answered_in_its_shape(
    rekall: Rekall, world: World, arguments: tuple[str, ...], kind: str, code: int
):
    ran = rekall(*arguments, "--json")
    value = ran.json
    assert (ran.code, value.pop("schema_version"), problems(value, "Failed")) == (code, SCHEMA_VERSION, [])
    assert value["error"]["kind"] == kind
    assert ("candidates" in value["error"]) == (kind == "ambiguous")


def test_lines_end_with_an_error_on_a_line(rekall: Rekall, world: World):
    ran = rekall("similar", "01", "--format", "jsonl")
    (line,) = ran.out.splitlines()
    assert (ran.code, problems(json.loads(line), "Failed")) == (3, [])
    assert json.loads(line)["error"]["candidates"]


# files


def test_an_exported_record_has_the_names_of_an_entry(rekall: Rekall, world: World):
    file = world.folder / "all.jsonl"
    assert rekall("export", str(file)).code == 0
    records = {record["id"]: record for record in map(json.loads, file.read_text("utf-8").splitlines())}
    deleted = [record for record in records.values() if "deleted_at" in record]
    assert [record["id"] for record in deleted] == [world.gone]
    assert {"title", "type", "created_at", "updated_at", "content"} <= records.pop(world.gone).keys()
    assert records.keys() == {world.old, world.new, world.other}
    shown = {each: said(rekall, "show", "show", each)["entry"] for each in records}
    for entry_id, record in records.items():
        full = shown[entry_id]
        said_otherwise = {
            "superseded_by": full["superseded_by"] and full["superseded_by"]["id"],
            "links": [link for link in full["links"] if link["source"] == entry_id],
        }
        said_otherwise["origin"] = None
        expected = {name: value for name, value in (full | said_otherwise).items() if value not in (None, "", [], {})}
        assert record == {**expected, "content": full["content"]}


@pytest.mark.parametrize("source", ["list", "show"])
def test_what_a_command_answered_can_be_imported(
    rekall: Rekall, world: World, monkeypatch: pytest.MonkeyPatch, source: str
):
    ids = (world.new, world.old, world.other)
    before = {each: said(rekall, "show", "show", each)["entry"] for each in ids}
    entries = said(rekall, "list", "list")["entries"] if source == "list" else list(before.values())
    (world.folder / "answer.json").write_text(json.dumps({"schema_version": 2, "entries": entries}))
    monkeypatch.setenv("REKALL_HOME", str(world.folder / "elsewhere"))
    assert said(rekall, "import", "import", str(world.folder / "answer.json"))["added"] == 3
    after = {each: said(rekall, "show", "show", each)["entry"] for each in ids}
    if source == "list":  # it has no links, but for those that a successor makes
        without = {name: value for name, value in before[world.new].items() if name not in ("links", "origin")}
        assert {name: after[world.new][name] for name in without} == without
        assert after[world.old]["superseded_by"] == before[world.old]["superseded_by"]
    else:
        for each in ids:
            assert str(after[each].pop("origin")).endswith(f"answer.json#{each}")
            assert before[each].pop("origin") is None
            assert sorted(after[each].pop("links"), key=str) == sorted(before[each].pop("links"), key=str)
        assert after == before


# tools

TOOL_CALLS: dict[str, Callable[[World], list[dict[str, Any]]]] = {
    "search": lambda w: [
        {"query": "nginx reload"},
        {"query": "nginx type:bgu", "mode": "words", "limit": 1},
        {"query": "nothing", "types": ["config"]},
    ],
    "get": lambda w: [{"ids": [w.old, w.new, w.other]}, {"ids": [w.new], "max_tokens": 100}],
    "add": lambda w: [
        {"type": "bug", "title": "nginx answers 502 after a reload", "content": "the upstream is gone"},
        {"type": "til", "title": "zebra", "project": "zoo", "tags": ["animal"], "keywords": ["stripes"]},
    ],
    "update": lambda w: [{"id": w.new, "title": "another"}, {"id": w.old, "add_tags": ["t"]}],
    "link": lambda w: [
        {"source": w.old, "target": w.other},
        {"source": w.other, "target": w.new, "type": "supersedes", "reason": "why"},
        {"source": w.other, "target": w.old, "kind": "contradicts"},
    ],
    "similar": lambda w: [{"to": w.new}, {"to": "nginx reload", "limit": 1}, {"to": "x", "types": ["config"]}],
    "recent": lambda w: [{}, {"limit": 1}, {"status": "obsolete"}, {"types": ["config"]}],
    "history": lambda w: [
        {},
        {"id": w.old},
        {"id": w.gone, "max_tokens": 100},
        {"id": w.old, "version": 2},
        {"id": w.old, "diff": True},
    ],
    "deprecate": lambda w: [{"id": w.other, "superseded_by": w.new}, {"id": w.new, "reason": "caddy"}],
    "delete": lambda w: [{"id": w.other, "confirm": True}],
    "usage": lambda w: [{}],
}


@pytest.fixture
def call(quick_model) -> Iterator[Callable[..., tuple[Any, bool]]]:
    """Calls a tool as a client does: its structured content, and whether it is an error."""
    app = App()

    async def asked(name: str, arguments: dict[str, Any]) -> tuple[Any, bool]:
        async with Client(RekallServer(app, with_data=True).protocol_server()) as client:
            result = await client.call_tool(name, arguments)
            return result.structured_content, bool(result.is_error)

    yield lambda name, arguments: asyncio.run(asked(name, arguments))
    app.close()


def test_every_tool_is_described_and_run_here():
    names = [tool.name for tool in TOOLS]
    assert [answer.call for answer in tools.TOOLS] == names == list(TOOL_CALLS)


@pytest.mark.parametrize("answer", tools.TOOLS, ids=lambda answer: answer.call)
def test_a_tool_answers_what_is_promised(world: World, call, answer: Answer):
    for arguments in TOOL_CALLS[answer.call](world):
        value, is_error = call(answer.call, arguments)
        assert not is_error, value
        assert problems(value, answer.shape) == [], arguments


def test_a_tool_says_the_same_of_an_entry_as_the_command(rekall: Rekall, world: World, call):
    old = said(rekall, "show", "show", world.old)["entry"]
    recent, _ = call("recent", {"status": "obsolete"})
    assert recent["entries"] == [{"id": old["id"]}]
    read, _ = call("get", {"ids": [world.old]})
    assert read["entries"] == [{"id": old["id"], "updated_at": old["updated_at"]}]
    found, _ = call("search", {"query": "nginx reload"})
    hits = said(rekall, "search", "search", "nginx reload")
    assert (found["mode"], found["nothing_close"]) == (hits["mode"]["used"], hits["nothing_close"])
    assert found["hits"] == [{"id": hit["id"], "match": hit["match"]} for hit in hits["hits"]]


@pytest.mark.parametrize("name", [name for name in TOOL_CALLS if name != "usage"])
def test_an_error_of_a_tool_has_the_shape_of_a_commands(world: World, call, name: str):
    for arguments in ({"nonsense": 1}, {"id": "01"}, {"ids": ["01"]}, {"source": "01", "target": "7ZZZ"}):
        value, is_error = call(name, arguments)
        assert is_error
        assert problems(value, "RefusedCall") == []
