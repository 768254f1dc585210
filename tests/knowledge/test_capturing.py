"""Secrets on their way into a base: said, masked, refused or let through, and never told themselves."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Bench, Ran
from support.secret_samples import KINDS

import rekall as face
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.knowledge.capturing import Capture, OnSecrets, about_secrets

Rekall = Callable[..., Ran]
TOKEN = KINDS["github classic"][1](random.Random(5))
OTHER = KINDS["npm"][1](random.Random(5))
DRAFT = Draft(EntryType.TIL, "deploy", content=f"use\n{TOKEN}")


def policy(bench: Bench, on_secrets: OnSecrets) -> None:
    bench.base._writer.capture = Capture(on_secrets)


def test_a_secret_is_stored_and_said(bench: Bench) -> None:
    saved = bench.base.add(DRAFT)
    assert TOKEN in bench.base.get(saved.entry.id).entry.content
    [secret] = saved.secrets
    assert (secret.kind, secret.field, secret.line, secret.begins) == ("GitHub token", "content", 2, TOKEN[:4])
    said = about_secrets(saved.secrets)
    assert TOKEN[:5] not in said
    assert said.startswith("stored")


def test_a_masked_secret_is_nowhere(bench: Bench, tmp_path: Path) -> None:
    policy(bench, OnSecrets.MASK)
    saved = bench.base.add(DRAFT)
    assert saved.entry.content == "use\n[masked: GitHub token]"
    assert saved.secrets[0].is_masked
    bench.base.change(saved.entry.id, solution=f"or {OTHER}")
    bench.base.add("til", "another")
    (tmp_path / "note.md").write_text(f"# imported\n\n{TOKEN}\n")
    report = bench.base.files.import_paths(tmp_path / "note.md")
    assert [secret.is_masked for _, secret in report.secrets] == [True]
    first, second = (entry.id for entry in bench.base.list_entries().entries[:2])
    bench.base.link(first, second, reason=f"see {TOKEN}")
    assert bench.base.files.import_paths(tmp_path / "note.md").unchanged == 1
    dump = "\n".join(repr(row) for table in tables(bench) for row in bench.store.db.rows(f'select * from "{table}"'))
    assert "masked: GitHub token" in dump
    assert TOKEN[4:] not in dump
    assert OTHER[4:] not in dump
    assert not bench.base.search(f'"{TOKEN}"', mode="words").hits


def tables(bench: Bench) -> list[str]:
    found = bench.store.db.rows("select name from sqlite_master where type = 'table'")
    return [name for (name,) in found if not name.startswith("words_")]


def test_a_refused_secret_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    kept = bench.base.add("til", "kept").entry
    policy(bench, OnSecrets.REFUSE)
    for change in (
        lambda: bench.base.add(DRAFT),
        lambda: bench.base.change(kept.id, content=TOKEN),
        lambda: bench.base.change(kept.id, sources=[f"https://host.dev/?t={TOKEN}"]),
        lambda: bench.base.link(kept.id, kept.id[:-1], reason=TOKEN),
    ):
        with pytest.raises(InvalidInput) as refused:
            change()
        assert TOKEN[:5] not in refused.value.message + refused.value.hint
    (tmp_path / "a.md").write_text(f"# a\n\n{TOKEN}\n")
    (tmp_path / "b.md").write_text("# b\n\nplain\n")
    report = bench.base.files.import_paths(tmp_path)
    assert (report.added, len(report.refused)) == (1, 1)
    assert {entry.title for entry in bench.base.list_entries().entries} == {"kept", "b"}


def test_what_was_there_before_is_not_told_again(bench: Bench) -> None:
    saved = bench.base.add(DRAFT)
    assert bench.base.change(saved.entry.id, title="renamed").secrets == ()
    new = bench.base.change(saved.entry.id, solution=f"or {OTHER}").secrets
    assert [each.field for each in new] == ["solution"]
    policy(bench, OnSecrets.REFUSE)
    assert bench.base.change(saved.entry.id, title="again").entry.title == "again"
    bench.base.delete(saved.entry.id)
    assert bench.base.restore(saved.entry.id).secrets == ()


def test_nobody_looks_when_told_not_to(bench: Bench, tmp_path: Path) -> None:
    policy(bench, OnSecrets.OFF)
    assert bench.base.add(DRAFT).secrets == ()
    assert bench.base.files.export(tmp_path / "x.jsonl").secrets == ()


@pytest.mark.parametrize("target", ["x.jsonl", "x.json", "x.html", "folder", "vault"])
def test_an_export_names_the_entries_that_hold_one(bench: Bench, tmp_path: Path, target: str) -> None:
    bench.base.add("til", "plain")
    saved = bench.base.add(DRAFT)
    form = "obsidian" if target == "vault" else ""
    assert bench.base.files.export(tmp_path / target, form=form).secrets == (saved.entry.id,)


@pytest.mark.usefixtures("quick_model")
def test_commands_say_it_in_both_forms(rekall: Rekall, tmp_path: Path) -> None:
    ran = rekall("add", "til", "a", "-c", TOKEN)
    assert ran.code == 0
    assert "GitHub token (ghp_…) in content, line 1" in ran.err
    answer = rekall("add", "til", "b", "-c", TOKEN, "--json").json
    fields = {"looks_like": "GitHub token", "field": "content", "line": 1, "begins": "ghp_", "masked": False}
    assert answer["secrets"] == [fields]
    refused = rekall("--set", "capture.secrets=refuse", "add", "til", "c", "-c", TOKEN)
    assert refused.code == 4
    assert TOKEN[4:] not in ran.err + refused.err
    (tmp_path / "note.md").write_text(f"# d\n\n{TOKEN}\n")
    imported = rekall("import", str(tmp_path / "note.md"), "--json").json
    assert imported["secrets"] == [{"where": str(tmp_path / "note.md"), **fields}]
    exported = rekall("export", str(tmp_path / "x.html"))
    assert "3 entries hold what looks like a key or token" in exported.err
    assert len(rekall("export", str(tmp_path / "x.jsonl"), "--json").json["secrets"]) == 3


def test_python_sees_what_was_noticed(home: Path) -> None:
    with face.open(home, {"capture.secrets": "mask"}) as base:
        saved = base.add("til", "deploy", content=TOKEN)
    assert saved.entry.content == "[masked: GitHub token]"
    assert json.dumps([str(secret) for secret in saved.secrets]).count("GitHub token") == 1


def test_assistants_are_told_for_the_person(bench: Bench) -> None:
    from rekall.mcp import inputs, tools
    from rekall.mcp.caller import Caller

    caller = Caller(bench.clock.now(), lambda: True, str)
    added = tools.add(bench.base, inputs.AddInput(type="til", title="deploy", content=TOKEN), caller)
    assert "Warning, for the person: stored, and it holds what looks like a secret: GitHub token (ghp_…)" in added.text
    (entry,) = bench.base.list_entries().entries
    updated = tools.update(bench.base, inputs.UpdateInput(id=entry.id, solution=f"or {OTHER}"), caller)
    assert "npm token (npm_…) in solution, line 1" in updated.text
    assert not [text for text in (added.text, updated.text) if TOKEN[4:] in text or OTHER[4:] in text]
