"""index, stats and version from the shell, and what every command has in common."""

from __future__ import annotations

import errno
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import click
import pytest
from support import FakeEncoder, Ran

from rekall.cli.commands import COMMANDS, EXIT_CODES
from rekall.errors import ModelNotFound
from rekall.model_manager import ModelIdentity
from rekall.models.library import FolderLoader

Rekall = Callable[..., Ran]


pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.fixture
def stocked(rekall: Rekall, tmp_path: Path, quick_model: FakeEncoder) -> list[str]:
    """Thirty entries, one of them long. Returns their ids."""
    file = tmp_path / "notes.jsonl"
    records: list[dict[str, Any]] = [
        {"title": f"note {number}", "content": f"word{number} common", "type": "til", "tags": ["t"], "project": "p"}
        for number in range(29)
    ]
    records.append({"title": "long", "content": "many words in a row. " * 300, "type": "bug", "status": "obsolete"})
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert rekall("import", str(file)).code == 0
    quick_model.encoded.clear()
    return [entry["id"] for entry in rekall("list", "--all", "--json").json["entries"]]


def status(rekall: Rekall) -> dict[str, Any]:
    return dict(rekall("index", "status", "--json").json)


def found(rekall: Rekall, query: str) -> list[Any]:
    return [(hit["id"], hit["score"]) for hit in rekall("search", query, "--json", "-n", "50").json["hits"]]


# index status


def test_status_counts_what_the_indexes_hold(rekall: Rekall, stocked: list[str]) -> None:
    answer = status(rekall)
    assert (
        answer["entries"],
        answer["words"],
        answer["pending_passages"],
        answer["pending_entries"],
        answer["problem"],
    ) == (
        30,
        30,
        0,
        0,
        None,
    )
    assert answer["passages"] == answer["vectors"] > 30
    assert answer["space"]["model"] == answer["model"] == "all-MiniLM-L6-v2"
    assert answer["space"]["fingerprint"] == answer["fingerprint"]
    ran = rekall("index", "status")
    assert (ran.code, ran.err) == (0, "")
    assert "30 entries indexed" in ran.out


def test_status_of_nothing_makes_nothing(rekall: Rekall, home: Path) -> None:
    answer = status(rekall)
    assert (answer["entries"], answer["vectors"], answer["space"]) == (0, 0, None)
    assert not home.exists()


def not_installed(self: FolderLoader, *_: str) -> ModelIdentity:
    raise ModelNotFound("no model 'missing' is installed")


def test_status_says_what_is_pending_and_what_to_do(
    rekall: Rekall, stocked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FolderLoader, "find", not_installed)
        rekall("add", "til", "without a vector")
        assert "missing" in status(rekall)["problem"]
        assert "missing" in rekall("index", "status").err
    answer = status(rekall)
    assert (answer["pending_entries"], answer["pending_passages"]) == (1, 1)
    assert "rekall index rebuild --vectors" in rekall("index", "status").err
    assert rekall("search", "note").err.count("rekall index rebuild --vectors") == 1


def test_status_says_why_numpy_serves(rekall: Rekall, stocked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with_extension = found(rekall, "note common")
    monkeypatch.setitem(sys.modules, "sqlite_vec", None)  # as where there is no wheel
    backend = status(rekall)["backend"]
    assert backend["name"] == "numpy"
    assert "sqlite-vec" in backend["reason"]
    assert "sqlite-vec" in rekall("index", "status").out
    assert sorted(found(rekall, "note common")) == sorted(with_extension)


def test_a_backend_that_was_asked_for_by_name_and_is_missing_is_an_error(
    rekall: Rekall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sqlite_vec", None)
    ran = rekall("--set", "performance.vector_index_backend=sqlite-vec", "list")
    assert ran.code == 5
    assert "auto" in ran.err


# index rebuild


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ((), {"words", "vectors"}),
        (("--words",), {"words"}),
        (("--vectors",), {"vectors"}),
        (("--words", "--vectors"), {"words", "vectors"}),
        (("--from-scratch",), {"words", "vectors"}),
    ],
)
def test_a_rebuild_changes_no_answer(
    rekall: Rekall, stocked: list[str], options: tuple[str, ...], parts: set[str]
) -> None:
    before = found(rekall, "word7 common row")
    state = status(rekall)
    answer = rekall("index", "rebuild", *options, "--json").json
    assert (answer["schema_version"], set(answer["rebuilt"])) == (2, parts)
    assert status(rekall) == state
    assert found(rekall, "word7 common row") == before


def test_a_rebuild_embeds_only_what_has_no_vector_unless_told(
    rekall: Rekall, stocked: list[str], quick_model: FakeEncoder
) -> None:
    assert rekall("index", "rebuild", "--json").json["rebuilt"] == {"words": 30, "vectors": 0}
    assert quick_model.encoded == []
    vectors = status(rekall)["vectors"]
    assert rekall("index", "rebuild", "--vectors", "--from-scratch", "--json").json["rebuilt"] == {"vectors": vectors}
    assert len(quick_model.encoded) == vectors


def test_a_rebuild_says_what_it_did_on_stdout(rekall: Rekall, stocked: list[str]) -> None:
    ran = rekall("index", "rebuild")
    assert (ran.code, ran.err) == (0, "")
    assert "words of 30 entries indexed" in ran.out


def test_a_rebuild_mends_damaged_indexes(rekall: Rekall, stocked: list[str], home: Path) -> None:
    before = found(rekall, "word7 common")
    connection = apsw.Connection(str(home / "rekall.db"))
    connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
    connection.execute("DELETE FROM vectors_1 WHERE passage_id % 2")
    connection.execute("DELETE FROM signs_1")
    connection.execute("DELETE FROM signing")
    connection.close()
    state = rekall("index", "status")
    assert "--words" in state.err
    assert "--vectors" in state.err
    assert rekall("index", "rebuild").code == 0
    assert found(rekall, "word7 common") == before
    assert rekall("index", "status").err == ""


def test_a_rebuild_without_an_engine_forgets_nothing(
    rekall: Rekall, stocked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = status(rekall)["vectors"]
    with monkeypatch.context() as patch:
        patch.setattr(FolderLoader, "find", not_installed)
        ran = rekall("index", "rebuild", "--vectors", "--from-scratch")
        assert ran.code == 6
        assert "missing" in ran.err
        assert rekall("index", "rebuild", "--words").code == 0
    assert status(rekall)["vectors"] == before


# stats and version


def test_stats_count_and_weigh(rekall: Rekall, stocked: list[str], home: Path) -> None:
    answer = rekall("stats", "--json").json
    assert (answer["schema_version"], answer["entries"]) == (2, 30)
    assert isinstance(answer["entries"], int)
    assert (answer["by_type"], answer["by_status"], answer["by_project"]) == (
        {"til": 29, "bug": 1},
        {"active": 29, "obsolete": 1},
        {"p": 29},
    )
    assert answer["database"]["path"] == str(home / "rekall.db")
    assert answer["database"]["bytes"] >= (home / "rekall.db").stat().st_size > 0
    assert "memory" not in answer
    ran = rekall("stats")
    assert (ran.code, ran.err) == (0, "")
    assert "30  (1 obsolete)" in ran.out


def test_stats_of_nothing_are_zeros(rekall: Rekall, home: Path) -> None:
    assert rekall("stats", "--json").json["entries"] == 0
    assert not home.exists()


def test_memory_is_what_the_process_really_uses(rekall_process: Callable[..., Any]) -> None:
    memory = json.loads(rekall_process("stats", "--memory", "--json").stdout)["memory"]
    assert memory["problem"] is None
    assert 5e6 < memory["before_bytes"] < memory["loaded_bytes"] <= memory["peak_bytes"] < 300e6
    assert memory["dropped_bytes"] < memory["loaded_bytes"]


def test_memory_without_an_engine_says_so(rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    ran = rekall("stats", "--memory")
    assert ran.code == 0
    assert "missing" in ran.err
    assert "missing" in rekall("stats", "--memory", "--json").json["memory"]["problem"]


def test_version_names_rekall_and_what_it_stands_on(rekall: Rekall) -> None:
    versions = rekall("version", "--json").json["versions"]
    assert {"rekall", "python", "onnxruntime", "tokenizers", "numpy", "apsw", "sqlite-vec"} <= set(versions)
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", versions["rekall"])
    assert versions["rekall"] in rekall("version").out


# every command


def leaves() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, place in COMMANDS.items():
        module, _, attribute = place.partition(":")
        command = getattr(importlib.import_module(f"rekall.cli.{module}"), attribute)
        if isinstance(command, click.Group):
            yield from (((name, sub), leaf) for sub, leaf in command.commands.items())
        else:
            yield (name,), command


LEAVES = dict(leaves())
NO_ENVELOPE = {"embed", "tui", "init", "help"}
"""Vectors have forms of their own, and the rest is for people and shells."""
NO_ENVELOPE_BELOW = {("config", "edit"), ("hook", "run")}
"""An editor, and what clients read."""


@pytest.mark.parametrize(
    "words", [words for words in LEAVES if words[0] not in NO_ENVELOPE and words not in NO_ENVELOPE_BELOW], ids=" ".join
)
def test_every_command_answers_json(words: tuple[str, ...]) -> None:
    assert any("--json" in parameter.opts for parameter in LEAVES[words].params)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_and_option_is_described(rekall: Rekall, words: tuple[str, ...]) -> None:
    ran = rekall(*words, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"Usage: rekall {' '.join(words)}" in ran.out
    command = LEAVES[words]
    assert command.help
    assert [
        parameter.name for parameter in command.params if isinstance(parameter, click.Option) and not parameter.help
    ] == []


def test_the_answers_are_in_the_envelope_with_nothing_beside(
    rekall: Rekall, stocked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", f'"{sys.executable}"')  # without any the doctor ends with 5
    entry_id = stocked[0]
    commands = [
        ("add", "til", "new"),
        ("today", "a line"),
        ("show", entry_id),
        ("edit", entry_id, "--title", "other"),
        ("list",),
        ("search", "note"),
        ("similar", entry_id),
        ("conflicts",),
        ("merge", stocked[1], stocked[2]),
        ("supersede", stocked[2], stocked[1]),
        ("stats",),
        ("index", "status"),
        ("index", "rebuild"),
        ("model", "list"),
        ("model", "info"),
        ("config", "list"),
        ("config", "get", "search.limit"),
        ("config", "path"),
        ("config", "set", "search.limit", "4"),
        ("export", str(tmp_path / "all.jsonl")),
        ("import", str(tmp_path / "all.jsonl")),
        ("sync", str(tmp_path / "synced")),
        ("link", entry_id, stocked[1]),
        ("delete", "--yes", entry_id),
        ("restore",),
        ("restore", entry_id),
        ("undo", "--dry-run"),
        ("history",),
        ("history", entry_id),
        ("review",),
        ("stale",),
        ("diff", entry_id),
        ("related", entry_id),
        ("graph", entry_id),
        ("graph", "--html", str(tmp_path / "map.html")),
        ("suggest",),
        ("generalize",),
        ("today", "--page"),
        ("check",),
        ("base", "init", str(tmp_path / "beside")),
        ("base", "add", "team", str(tmp_path / "beside")),
        ("base", "list"),
        ("base", "check"),
        ("base", "use", "own"),
        ("share", stocked[1], "--to", "team"),
        ("take", stocked[1], "--from", "team"),
        ("base", "remove", "team"),
        ("backup", str(tmp_path / "copy.db")),
        ("restore-base", "--yes", str(tmp_path / "copy.db")),
        ("mcp", "install"),
        ("mcp", "install", "cursor"),
        ("version",),
        ("doctor",),
        ("tags",),
        ("projects", "list"),
        ("config", "unset", "search.limit"),
        ("hook", "status"),
    ]
    for command in commands:
        ran = rekall(*command, "--json")
        assert (ran.code, ran.err) == (0, ""), command
        assert next(iter(ran.json)) == "schema_version", command
        assert ran.json["schema_version"] == 2, command
    assert {command[0] for command in commands} == set(COMMANDS) - NO_ENVELOPE - {
        "bench",
        "pick",
    }  # see test_cli_bench.py, test_json.py


@pytest.mark.parametrize(
    ("command", "code", "kind"),
    [
        (("show", "ZZZZ"), 3, "not_found"),
        (("config", "set", "search.limit", "0"), 4, "invalid_input"),
        (("add", "til"), 2, "usage"),
        (("nonsense",), 2, "usage"),
        (("list", "--nonsense"), 2, "usage"),
        (("model", "info", "missing"), 6, "model_not_found"),
        (("config", "get", "nonsense"), 3, "not_found"),
        (("delete", "ZZZZ"), 3, "not_found"),
        (("index", "nonsense"), 2, "usage"),
        (("import", "nowhere"), 3, "not_found"),
    ],
)
def test_an_error_is_the_same_to_people_and_to_programs(
    rekall: Rekall, command: tuple[str, ...], code: int, kind: str
) -> None:
    ran = rekall(*command, "--json")
    assert (ran.code, ran.err) == (code, "")
    assert set(ran.json) == {"schema_version", "error"}
    error = ran.json["error"]
    assert (error["kind"], error["retryable"]) == (kind, False)
    assert error["hint"]
    people = rekall(*command)
    assert (people.code, people.out) == (code, "")
    assert people.err == f"error: {error['message']}\n\nhint: {error['hint']}\n"


@pytest.mark.parametrize(
    ("typed", "meant"), [("serach", "search"), ("ad", "add"), ("lst", "list"), ("exprot", "export")]
)
def test_an_unknown_command_suggests_the_nearest(rekall: Rekall, typed: str, meant: str) -> None:
    ran = rekall(typed, "something")
    assert (ran.code, ran.out) == (2, "")
    assert f"did you mean `rekall {meant}`?" in ran.err


def test_an_unknown_command_like_no_other_points_to_the_help(rekall: Rekall) -> None:
    assert "rekall --help" in rekall("xyzzy").err


def test_an_unknown_command_of_a_group_is_a_usage_error(rekall: Rekall) -> None:
    ran = rekall("index", "rebiuld")
    assert ran.code == 2
    assert "rebuild" in ran.err


@pytest.mark.parametrize(("option", "meant"), [("--limti", "--limit"), ("--projct", "--project")])
def test_an_unknown_option_suggests_the_nearest(rekall: Rekall, option: str, meant: str) -> None:
    ran = rekall("list", option, "3")
    assert (ran.code, ran.out) == (2, "")
    assert f"did you mean {meant}?" in ran.err
    assert "`rekall list`" in ran.err


def test_the_bare_command_shows_what_there_is(rekall: Rekall) -> None:
    ran = rekall("--help")
    assert (ran.code, ran.err) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", ran.out, re.MULTILINE), name
    bare = rekall()
    assert bare.code in (0, 2)
    assert (bare.out + bare.err).startswith("Usage: rekall")


def test_json_may_be_asked_for_anywhere_but_behind_two_dashes(rekall: Rekall) -> None:
    assert rekall("show", "--json", "ZZZZ").json["error"]["kind"] == "not_found"
    assert rekall("search", "-f", "json", "x", "--type", "bogus").json["error"]["kind"] == "invalid_input"
    assert rekall("search", "-fjson", "x", "--type", "bogus").json["error"]["kind"] == "invalid_input"
    assert rekall("show", "--", "--json").out == ""


def test_an_error_nobody_foresaw_has_code_one_and_a_message(rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(errno.EPROTO, "Protocol error", "config.toml")

    monkeypatch.setattr("rekall.app.App.open_base", fail)
    ran = rekall("list")
    assert (ran.code, ran.out) == (1, "")
    assert "config.toml: Protocol error" in ran.err
    assert rekall("list", "--json").json["error"]["kind"] == "error"


def test_the_table_of_exit_codes_is_the_tree_of_errors() -> None:
    from rekall import errors

    def codes(kind: type[errors.RekallError]) -> set[int]:
        return {kind.exit_code}.union(*map(codes, kind.__subclasses__()))

    assert codes(errors.RekallError) | {0, 129, 130, 143} == {code for code, _ in EXIT_CODES}
