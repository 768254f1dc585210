"""add, show, edit, delete and list from the shell."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Ran

Rekall = Callable[..., Ran]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither file modes nor pseudo terminals")
TYPES = ("bug", "pattern", "decision", "pitfall", "config", "reference", "snippet", "til")


pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.fixture
def entry_id(rekall: Rekall) -> str:
    """An entry with a title, a text and two tags."""
    ran = rekall(
        "add",
        "bug",
        "CORS fails on Safari",
        "--content",
        "Send the header.",
        "--tag",
        "cors",
        "--tag",
        "safari",
        "--json",
    )
    return str(ran.json["entry"]["id"])


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Sets $VISUAL to a program that runs the given lines with `file` and its `text`, and returns its script."""

    def install(body: str, variable: str = "VISUAL") -> Path:
        script = tmp_path / f"{variable.lower()} editor.py"
        script.write_text(
            f"import os, pathlib, subprocess, sys\nfile = pathlib.Path(sys.argv[-1])\ntext = file.read_text('utf-8')\n{body}\n",
            "utf-8",
        )
        monkeypatch.setenv(variable, f'"{sys.executable}" "{script}"')
        monkeypatch.setattr("rekall.system.editor.AT_ONCE_S", 0.0)  # it is quick because it is a program
        return script

    return install


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits at the terminal."""
    for door in ("add", "asking", "editor"):
        monkeypatch.setattr(f"rekall.cli.{door}.on_terminal", lambda: True)


def shown(rekall: Rekall, entry_id: str) -> dict[str, Any]:
    return dict(rekall("show", entry_id, "--json").json["entry"])


def drafts(home: Path) -> list[Path]:
    return sorted((home / "drafts").glob("*.md"))


# add


def test_add_keeps_what_every_option_says(rekall: Rekall) -> None:
    ran = rekall(
        "add",
        "pitfall",
        "Pool runs dry",
        "--content",
        "Give it back.",
        "--tag",
        "Postgres",
        "--tag",
        "pool",
        "--project",
        "shop",
        "--confidence",
        "4",
        "--situation",
        "under load",
        "--solution",
        "context manager",
        "--what-failed",
        "a larger pool",
        "--error",
        "QueuePool limit",
        "--error",
        "timeout",
        "--file",
        "db.py",
        "--keyword",
        "sqlalchemy",
        "--source",
        "https://example.org",
        "--json",
    )
    assert ran.code == 0
    entry = shown(rekall, ran.json["entry"]["id"])
    assert {name: entry[name] for name in entry if name not in ("id", "created_at", "updated_at")} == {
        "title": "Pool runs dry",
        "type": "pitfall",
        "tags": ["postgres", "pool"],
        "project": "shop",
        "status": "active",
        "superseded_by": None,
        "confidence": 4,
        "situation": "under load",
        "solution": "context manager",
        "what_failed": "a larger pool",
        "error_messages": ["QueuePool limit", "timeout"],
        "files": ["db.py"],
        "keywords": ["sqlalchemy"],
        "sources": ["https://example.org"],
        "other_fields": {},
        "origin": None,
        "links": [],
        "content": "Give it back.",
    }


@pytest.mark.parametrize("kind", TYPES)
def test_add_takes_every_type_in_either_case(rekall: Rekall, kind: str) -> None:
    assert rekall("add", kind.upper(), "a title", "--json").json["entry"]["type"] == kind


def test_add_tells_the_new_id_on_stdout_and_nothing_on_stderr(rekall: Rekall) -> None:
    ran = rekall("add", "til", "Tabs are wide")
    verb, entry_id, kind, title = ran.out.rstrip("\n").split(None, 3)
    assert (ran.code, verb, kind, title, ran.err) == (0, "added", "til", "Tabs are wide", "")
    assert shown(rekall, entry_id)["title"] == "Tabs are wide"


@pytest.mark.parametrize("arguments", [("-",), ("--content", "-"), ("-c", "-")])
def test_add_reads_the_content_from_stdin(rekall: Rekall, arguments: tuple[str, ...]) -> None:
    ran = rekall("add", "til", "from a pipe", *arguments, "--json", stdin="\ufeffline one\r\n\r\nline zwei ü\n")
    assert ran.json["entry"]["content"] == "line one\n\nline zwei ü"


def test_stdin_and_content_together_make_no_sense(rekall: Rekall, home: Path) -> None:
    assert rekall("add", "til", "title", "-", "--content", "text", stdin="more").code == 2
    assert not home.exists()


def test_add_without_text_and_terminal_stores_the_title_alone(rekall: Rekall, editor: Callable[[str], Path]) -> None:
    editor("file.write_text('---\\ntitle: from the editor\\n---\\n')")
    ran = rekall("add", "til", "a title is enough", "--json")
    assert (ran.json["entry"]["title"], ran.json["entry"]["content"]) == ("a title is enough", "")


def test_add_without_an_engine_stores_and_says_so(rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    ran = rekall("add", "til", "stored all the same")
    assert ran.code == 0
    assert "missing" in ran.err
    assert "hint: installed: all-MiniLM-L6-v2" in ran.err
    assert "missing" in rekall("add", "til", "another", "--json").json["warning"]


def test_a_refused_entry_leaves_no_database(rekall: Rekall, home: Path) -> None:
    assert rekall("add", "til", " \t ").code == 4
    assert rekall("add", "bgu", "a title").code == 4
    assert rekall("add", "x", "--tag", "y" * 101).code == 4
    assert not home.exists()


@posix
def test_what_rekall_owns_is_private_whatever_the_umask(rekall: Rekall, home: Path) -> None:
    old = os.umask(0)
    try:
        rekall("add", "til", "secret")
        rekall("config", "set", "search.limit", "5")
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [home, *home.rglob("*")]}
    assert {"home", "rekall.db", "config.toml"} <= set(modes)
    assert {mode for name, mode in modes.items() if (home / name).is_file()} == {0o600}
    assert modes["home"] == 0o700


# show, ids


def test_show_prints_every_part(rekall: Rekall) -> None:
    rekall(
        "add",
        "bug",
        "A title",
        "-c",
        "The content",
        "--situation",
        "The situation",
        "--solution",
        "The solution",
        "--what-failed",
        "The attempt",
        "--error",
        "The error",
        "--file",
        "the_file.py",
        "--keyword",
        "the_keyword",
        "--source",
        "The source",
        "--tag",
        "thetag",
        "-p",
        "theproject",
    )
    ran = rekall("show", rekall("list", "--ids").out.strip())
    for part in (
        "A title",
        "The content",
        "The situation",
        "The solution",
        "The attempt",
        "The error",
        "the_file.py",
        "the_keyword",
        "The source",
        "thetag",
        "theproject",
        "bug",
    ):
        assert part in ran.out
    assert (ran.code, ran.err) == (0, "")


def test_show_has_its_entry_in_the_envelope(rekall: Rekall, entry_id: str) -> None:
    answer = rekall("show", entry_id, "--json").json
    assert answer["schema_version"] == 2
    assert answer["entry"]["id"] == entry_id
    assert answer["entry"]["tags"] == ["cors", "safari"]


def test_an_id_may_be_shortened_and_in_either_case(rekall: Rekall, entry_id: str) -> None:
    rekall("add", "til", "another")
    for prefix in (
        entry_id,
        entry_id.lower(),
        entry_id[:20],
        rekall("list", "-t", "bug", "-f", "plain").out.split()[0].lower(),
    ):
        assert shown(rekall, prefix)["id"] == entry_id


@pytest.fixture
def twins(rekall: Rekall, tmp_path: Path) -> tuple[str, str]:
    ids = ("01J9P7AAAAAAAAAAAAAAAAAAAA", "01J9P7AAAAAAAAAAAAAAAAAAAB")
    file = tmp_path / "twins.jsonl"
    file.write_text("".join(json.dumps({"id": entry_id, "title": f"twin {entry_id[-1]}"}) + "\n" for entry_id in ids))
    assert rekall("import", str(file)).code == 0
    return ids


@pytest.mark.parametrize("command", [("show",), ("edit", "--title", "x"), ("delete", "--yes"), ("similar",)])
def test_an_ambiguous_prefix_lists_the_candidates_and_fails(
    rekall: Rekall, twins: tuple[str, str], command: tuple[str, ...]
) -> None:
    ran = rekall(*command, "01J9P7AA")
    assert (ran.code, ran.out) == (3, "")
    for entry_id in twins:
        assert f"{entry_id[-4:]}  twin {entry_id[-1]}" in ran.err
    error = rekall(*command, "01J9P7AA", "--json").json["error"]
    assert (error["kind"], len(error["candidates"])) == ("ambiguous", 2)
    assert rekall("list", "--json").json["total"] == 2


def test_the_short_id_tells_twins_apart(rekall: Rekall, twins: tuple[str, str]) -> None:
    for line in rekall("list", "--format", "plain").out.splitlines():
        assert shown(rekall, line.split()[0])["title"] in line


@pytest.mark.parametrize("command", [("show",), ("edit", "--title", "x"), ("delete", "--yes")])
@pytest.mark.parametrize("name", ["ZZZZ", "", "%", "../x", "'; --", "日本"])
def test_an_unknown_id_is_named_and_helped(rekall: Rekall, entry_id: str, command: tuple[str, ...], name: str) -> None:
    ran = rekall(*command, "--", name)
    assert (ran.code, ran.out) == (3, "")
    assert "rekall list" in ran.err
    assert rekall(*command, "--json", "--", name).json["error"]["kind"] == "not_found"


# edit with options


def test_options_replace_what_they_name_and_nothing_else(rekall: Rekall, entry_id: str) -> None:
    before = shown(rekall, entry_id)
    ran = rekall(
        "edit",
        entry_id[:12],
        "--title",
        "New",
        "--type",
        "pitfall",
        "--project",
        "web",
        "--confidence",
        "0",
        "--solution",
        "wait",
        "--json",
    )
    assert ran.code == 0
    changed = {"title": "New", "type": "pitfall", "project": "web", "confidence": 0, "solution": "wait"}
    assert {**shown(rekall, entry_id), "updated_at": ""} == {**before, **changed, "updated_at": ""}


def test_tags_are_added_and_taken_away_in_either_case(rekall: Rekall, entry_id: str) -> None:
    rekall("edit", entry_id, "--tag", "HTTP", "--untag", "Safari")
    assert shown(rekall, entry_id)["tags"] == ["cors", "http"]


def test_content_can_be_emptied_and_read_from_stdin(rekall: Rekall, entry_id: str) -> None:
    rekall("edit", entry_id, "--content", "")
    assert shown(rekall, entry_id)["content"] == ""
    rekall("edit", entry_id, "--content", "-", stdin="piped")
    assert shown(rekall, entry_id)["content"] == "piped"


def test_a_single_context_field_can_be_emptied(rekall: Rekall, entry_id: str, editor: Callable[[str], Path]) -> None:
    editor("sys.exit('no editor is wanted here')")
    rekall("edit", entry_id, "--solution", "a wrong one", "--project", "web")
    assert rekall("edit", entry_id, "--solution", "").code == 0
    assert rekall("edit", entry_id, "--project", "").code == 0
    entry = shown(rekall, entry_id)
    assert (entry["solution"], entry["project"]) == ("", None)


def test_a_successor_makes_an_entry_obsolete_and_is_shown(rekall: Rekall, entry_id: str) -> None:
    new = rekall("add", "bug", "The better note", "--json").json["entry"]["id"]
    assert rekall("edit", entry_id, "--superseded-by", new).code == 0
    old = shown(rekall, entry_id)
    assert (old["status"], old["superseded_by"]) == ("obsolete", {"id": new, "title": "The better note"})
    assert "The better note" in rekall("show", entry_id).out
    assert "(obsolete)" in rekall("list", "--status", "obsolete").out


def test_an_entry_cannot_supersede_itself_or_name_a_stranger(rekall: Rekall, entry_id: str) -> None:
    before = shown(rekall, entry_id)
    assert rekall("edit", entry_id, "--superseded-by", entry_id).code == 4
    assert rekall("edit", entry_id, "--superseded-by", "ZZZZZZ").code == 3
    assert shown(rekall, entry_id) == before


@pytest.mark.parametrize(
    "options", [("--type", "nonsense"), ("--status", "gone"), ("--title", " "), ("--confidence", "9")]
)
def test_a_refused_edit_changes_nothing(rekall: Rekall, entry_id: str, options: tuple[str, ...]) -> None:
    before = shown(rekall, entry_id)
    assert rekall("edit", entry_id, *options).code in (2, 4)
    assert shown(rekall, entry_id) == before


# edit in an editor


def test_what_the_editor_leaves_is_stored(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path]
) -> None:
    editor(
        "text = text.replace('CORS fails', 'CORS still fails').replace('[cors', '[http')\n"
        "file.write_text(text.replace('Send the header.', 'Send both headers.'), 'utf-8')"
    )
    ran = rekall("edit", entry_id)
    assert (ran.code, ran.err) == (0, "")
    entry = shown(rekall, entry_id)
    assert (entry["title"], entry["content"], entry["tags"]) == (
        "CORS still fails on Safari",
        "Send both headers.",
        ["http", "safari"],
    )
    assert drafts(home) == []


def test_an_unchanged_text_changes_nothing(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path]
) -> None:
    editor("")
    before = shown(rekall, entry_id)
    ran = rekall("edit", entry_id)
    assert (ran.code, ran.out) == (0, "")
    assert "nothing changed" in ran.err
    assert shown(rekall, entry_id) == before
    assert drafts(home) == []


def test_an_unchanged_text_still_answers_json(rekall: Rekall, entry_id: str, editor: Callable[[str], Path]) -> None:
    editor("")
    assert rekall("edit", entry_id, "--json").json["schema_version"] == 2


def test_an_emptied_text_changes_nothing(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path]
) -> None:
    editor("file.write_text('  \\n')")
    before = shown(rekall, entry_id)
    assert rekall("edit", entry_id).code == 0
    assert shown(rekall, entry_id) == before
    assert drafts(home) == []


BREAK = "file.write_text('---\\ntitle: [never closed\\n---\\n\\nprecious text\\n')"


def test_a_mistake_in_the_front_matter_loses_nothing(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path]
) -> None:
    before = shown(rekall, entry_id)
    editor(BREAK)
    ran = rekall("edit", entry_id)
    (draft,) = drafts(home)
    assert ran.code == 4
    assert "YAML" in ran.err
    assert str(draft) in ran.err
    assert "precious text" in draft.read_text("utf-8")
    assert shown(rekall, entry_id) == before

    editor("file.write_text(text.replace('[never closed', 'mended'))")
    ran = rekall("edit", entry_id)
    assert ran.code == 0
    assert str(draft) in ran.err
    entry = shown(rekall, entry_id)
    assert (entry["title"], entry["content"]) == ("mended", "precious text")
    assert drafts(home) == []


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("file.write_text(text.replace('type: bug', 'type: bugg'))", "bug"),
        ("file.write_text(text.replace('project:', 'status: gone'))", "obsolete"),
        ("file.write_text(text.replace('title: CORS fails on Safari', 'title:'))", "title"),
        ("file.write_text(text.replace('project:', 'confidence: much'))", "confidence"),
        ("file.write_bytes(text.encode() + b'\\0')", "NUL"),
        ("file.write_text(text.rpartition('---')[0] + 'Send more.')", "---"),
    ],
)
def test_every_mistake_is_explained_and_kept(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path], body: str, word: str
) -> None:
    before = shown(rekall, entry_id)
    editor(body)
    ran = rekall("edit", entry_id)
    assert ran.code == 4
    assert word in ran.err
    assert len(drafts(home)) == 1
    assert shown(rekall, entry_id) == before


def test_a_person_is_asked_to_edit_again(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path], person: None
) -> None:
    editor(
        "file.write_text(text.replace('[never closed', 'never\\nstatus: opened') if 'never' in text else '---\\ntitle: [never closed\\n---\\nkept\\n')"
    )
    ran = rekall("edit", entry_id, stdin="e\nk\n")
    assert ran.code == 4
    assert ran.err.count("[d]iscard") == 2
    assert "status: opened" in drafts(home)[0].read_text()


def test_a_corrected_text_is_stored_the_second_time(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path], person: None
) -> None:
    editor(
        "file.write_text(text.replace('[never closed', 'closed') if 'never' in text else '---\\ntitle: [never closed\\n---\\nkept\\n')"
    )
    assert rekall("edit", entry_id, stdin="y\n").code == 0
    assert shown(rekall, entry_id)["title"] == "closed"
    assert drafts(home) == []


def test_an_editor_that_fails_changes_nothing(rekall: Rekall, entry_id: str, editor: Callable[[str], Path]) -> None:
    before = shown(rekall, entry_id)
    editor("sys.exit(7)")
    ran = rekall("edit", entry_id)
    assert ran.code == 4
    assert "7" in ran.err
    assert "ui.editor" in ran.err
    assert shown(rekall, entry_id) == before


def test_an_editor_that_wrote_and_failed_loses_nothing(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path]
) -> None:
    editor("file.write_text(text + 'precious'); sys.exit(1)")
    assert rekall("edit", entry_id).code == 4
    assert "precious" in drafts(home)[0].read_text("utf-8")


def test_a_failed_editor_does_not_undo_a_later_change(
    rekall: Rekall, entry_id: str, editor: Callable[[str], Path]
) -> None:
    editor("sys.exit(127)")
    rekall("edit", entry_id)
    rekall("edit", entry_id, "--title", "Changed with an option")
    editor("")
    rekall("edit", entry_id)
    assert shown(rekall, entry_id)["title"] == "Changed with an option"


def test_what_was_changed_meanwhile_elsewhere_is_merged_and_said(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    editor(
        f"command = ['edit', {entry_id!r}, '--title', 'From the other window']\n"
        "subprocess.run([sys.executable, '-m', 'rekall', *command], check=True)\n"
        "file.write_text(text + 'my own line')"
    )
    ran = rekall("edit", entry_id)
    assert ran.code == 0
    assert "note: somebody else changed its title meanwhile; both changes are in it" in ran.err
    now = shown(rekall, entry_id)
    assert now["title"] == "From the other window"
    assert "my own line" in now["content"]
    assert drafts(home) == []


def test_an_entry_changed_meanwhile_in_the_same_place_is_not_overwritten(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    editor(
        f"command = ['edit', {entry_id!r}, '--content', 'From the other window']\n"
        "subprocess.run([sys.executable, '-m', 'rekall', *command], check=True)\n"
        "file.write_text(text + 'my own line')"
    )
    ran = rekall("edit", entry_id, "--json")
    assert ran.code == 4
    assert ran.json["error"]["kind"] == "edit_conflict"
    assert ran.json["error"]["message"].endswith("was changed by somebody else meanwhile, in the same place: content")
    assert str(drafts(home)[0]) in ran.json["error"]["hint"]
    assert "my own line" in drafts(home)[0].read_text("utf-8")
    assert shown(rekall, entry_id)["content"] == "From the other window"


def test_an_entry_deleted_meanwhile_stays_deleted_and_the_text_is_kept(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path]
) -> None:
    editor(
        f"subprocess.run([sys.executable, '-m', 'rekall', 'delete', '--yes', {entry_id!r}], check=True)\n"
        "file.write_text(text + 'my own line')"
    )
    ran = rekall("edit", entry_id)
    assert ran.code in (3, 4)
    assert f"error: entry {entry_id} was just deleted\n" in ran.err
    assert "my own line" in drafts(home)[0].read_text("utf-8")
    assert rekall("show", entry_id).code == 3


def test_the_setting_beats_visual_and_visual_beats_editor(
    rekall: Rekall, entry_id: str, editor: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    editor("file.write_text(text.replace('on Safari', 'by EDITOR'))", "EDITOR")
    editor("file.write_text(text.replace('on Safari', 'by VISUAL'))", "VISUAL")
    rekall("edit", entry_id)
    assert shown(rekall, entry_id)["title"] == "CORS fails by VISUAL"
    rekall("edit", entry_id, "--title", "CORS fails on Safari")
    rekall("config", "set", "ui.editor", os.environ["EDITOR"])
    rekall("edit", entry_id)
    assert shown(rekall, entry_id)["title"] == "CORS fails by EDITOR"


@posix
def test_a_draft_is_private_while_it_is_edited(
    rekall: Rekall, tmp_path: Path, entry_id: str, editor: Callable[[str], Path]
) -> None:
    report = tmp_path / "modes"
    editor(
        f"pathlib.Path({str(report)!r}).write_text(f'{{file.stat().st_mode & 0o777:o}} {{file.parent.stat().st_mode & 0o777:o}}')"
    )
    rekall("edit", entry_id)
    assert report.read_text() == "600 700"


# add in an editor


def test_add_on_a_terminal_opens_the_editor(
    rekall: Rekall, home: Path, editor: Callable[[str], Path], person: None
) -> None:
    editor("file.write_text(text.replace('project:\\n---\\n', 'project:\\n---\\nwritten at leisure'))")
    ran = rekall("add", "decision", "Use SQLite", "--tag", "db", "--json", "-e")
    entry = ran.json["entry"]
    assert (entry["type"], entry["title"], entry["tags"], entry["content"]) == (
        "decision",
        "Use SQLite",
        ["db"],
        "written at leisure",
    )
    assert drafts(home) == []


@pytest.mark.parametrize("body", ["", "file.write_text('')"])
def test_add_with_nothing_written_adds_nothing(
    rekall: Rekall, home: Path, editor: Callable[[str], Path], person: None, body: str
) -> None:
    editor(body)
    ran = rekall("add", "til")
    assert (ran.code, ran.out) == (1, "")
    assert "nothing written, nothing added" in ran.err
    assert rekall("stats", "--json").json["entries"] == 0
    assert drafts(home) == []


def test_add_with_a_mistake_keeps_the_text_for_the_next_add(
    rekall: Rekall, home: Path, editor: Callable[[str], Path], person: None
) -> None:
    editor(BREAK)
    ran = rekall("add", "til", stdin="k\n")
    (draft,) = drafts(home)
    assert ran.code == 4
    assert str(draft) in ran.err
    assert rekall("stats", "--json").json["entries"] == 0
    editor("file.write_text(text.replace('[never closed', 'mended'))")
    assert rekall("add", "til").code == 0
    (entry,) = rekall("list", "--json").json["entries"]
    assert (entry["title"], entry["content"]) == ("mended", "precious text")


@pytest.mark.parametrize(
    "option",
    [
        ("--content", "text"),
        ("--solution", "text"),
        ("--error", "text"),
        ("--what-failed", "text"),
        ("--situation", "text"),
    ],
)
def test_add_with_text_opens_no_editor(
    rekall: Rekall, editor: Callable[[str], Path], person: None, option: tuple[str, str]
) -> None:
    editor("sys.exit('no editor is wanted here')")
    assert rekall("add", "til", "a title", *option).code == 0


# delete


def test_delete_refuses_when_nobody_can_answer(rekall: Rekall, entry_id: str) -> None:
    ran = rekall("delete", entry_id, stdin="y\n")
    assert (ran.code, ran.out) == (2, "")
    assert "--yes" in ran.err
    assert rekall("show", entry_id).code == 0


def test_delete_with_yes_removes_the_entry_from_everything(rekall: Rekall, entry_id: str) -> None:
    ran = rekall("delete", "--yes", entry_id[:15])
    assert (ran.code, ran.out) == (0, "")
    assert "CORS fails on Safari" in ran.err
    assert rekall("show", entry_id).code == 3
    assert rekall("search", "safari", "--json").json["hits"] == []
    status = rekall("index", "status", "--json").json
    assert (status["entries"], status["words"], status["passages"], status["vectors"]) == (0, 0, 0, 0)


def test_delete_answers_json(rekall: Rekall, entry_id: str) -> None:
    assert rekall("delete", "-y", entry_id, "--json").json == {
        "schema_version": 2,
        "deleted": {"id": entry_id, "type": "bug", "title": "CORS fails on Safari"},
    }


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_delete_asks_a_person_and_does_as_told(
    rekall: Rekall, entry_id: str, person: None, answer: str, left: int
) -> None:
    ran = rekall("delete", entry_id, stdin=answer)
    assert "CORS fails on Safari" in ran.err
    assert (ran.code == 0) is (left == 0)
    assert rekall("stats", "--json").json["entries"] == left


def test_what_a_deleted_entry_replaced_has_no_successor_any_more(rekall: Rekall, entry_id: str) -> None:
    new = rekall("add", "bug", "The better note", "--json").json["entry"]["id"]
    rekall("edit", entry_id, "--superseded-by", new)
    assert rekall("delete", "--yes", new).code == 0
    assert shown(rekall, entry_id)["superseded_by"] is None


@posix
def test_delete_asks_on_a_real_terminal(rekall: Rekall, entry_id: str) -> None:
    import pty
    import subprocess

    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "rekall", "delete", entry_id],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        os.close(follower)
        said = b""
        while b"?" not in said:
            said += os.read(leader, 1000)
        os.write(leader, b"y\n")
        assert process.wait(timeout=120) == 0
    os.close(leader)
    assert b"CORS fails on Safari" in said
    assert rekall("show", entry_id).code == 3


# list


@pytest.fixture
def five(rekall: Rekall, tmp_path: Path) -> None:
    """Five entries of different days; the first is the oldest."""
    rows: list[dict[str, Any]] = [
        {"title": "one", "type": "bug", "tags": ["web"], "project": "shop", "updated": "2024-01-01"},
        {"title": "two", "type": "bug", "tags": ["web", "css"], "project": "blog", "updated": "2024-02-01"},
        {"title": "three", "type": "til", "tags": ["css"], "project": "shop", "updated": "2024-03-01"},
        {"title": "four", "type": "decision", "status": "obsolete", "updated": "2024-04-01"},
        {"title": "five", "type": "snippet", "updated": "2024-05-01T12:00:00Z"},
    ]
    file = tmp_path / "five.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert rekall("import", str(file)).code == 0


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("options", "titles"),
    [
        ((), "five four three two one"),
        (("--type", "bug"), "two one"),
        (("-t", "bug", "-t", "til"), "three two one"),
        (("--tag", "css"), "three two"),
        (("--tag", "WEB", "--tag", "css"), "two"),
        (("--project", "shop"), "three one"),
        (("--since", "2024-03-01"), "five four three"),
        (("--since", "2024-05-01T13:00:00+01:00"), "five"),
        (("--since", "2024-05-01T12:00:01Z"), ""),
        (("--until", "feb 2024"), "two one"),
        (("--since", "2024-02", "--until", "2024-03"), "three two"),
        (("--created", "2024-02..2024-03"), "three two"),
        (("--changed", "2024-05-01"), "five"),
        (("--changed", "12h"), ""),
        (("--status", "obsolete"), "four"),
        (("--status", "active", "--type", "decision"), ""),
        (("--limit", "2"), "five four"),
        (("--limit", "2", "--offset", "3"), "two one"),
        (("--all",), "five four three two one"),
    ],
)
def test_list_filters_and_puts_the_latest_change_first(rekall: Rekall, options: tuple[str, ...], titles: str) -> None:
    answer = rekall("list", *options, "--json").json
    assert isinstance(answer["entries"], list)
    assert " ".join(entry["title"] for entry in answer["entries"]) == titles
    rows = rekall("list", *options).out.splitlines()
    assert [row.split()[:2] for row in rows] == [[str(at), title] for at, title in enumerate(titles.split(), 1)]


@pytest.mark.usefixtures("five")
def test_list_tells_how_many_there_are_in_all(rekall: Rekall) -> None:
    assert rekall("list", "-n", "2", "--json").json["total"] == 5
    ran = rekall("list", "-n", "2")
    assert "2 of 5 entries" in ran.err
    assert "of 5" not in ran.out


@pytest.mark.usefixtures("five")
def test_list_says_how_many_there_are_before_the_part_that_is_empty(rekall: Rekall) -> None:
    assert "nothing to list: 5 entries, and --offset skips 9" in rekall("list", "--offset", "9").err


@pytest.mark.usefixtures("five")
def test_list_shows_twenty_unless_told(rekall: Rekall) -> None:
    for number in range(20):
        rekall("add", "til", f"more {number}")
    assert len(rekall("list").out.splitlines()) == 20
    assert len(rekall("list", "--all").out.splitlines()) == 25
    assert len(rekall("list", "--all", "--json").json["entries"]) == 25


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize("options", [("--limit", "0"), ("--limit", "many"), ("--offset", "-1"), ("--all", "-n", "2")])
def test_a_limit_that_makes_no_sense_is_a_usage_error(rekall: Rekall, options: tuple[str, ...]) -> None:
    assert rekall("list", *options).code == 2


@pytest.mark.parametrize(
    "options",
    [
        *(("--type", "bogus"), ("--since", "tomorrow"), ("--since", "2024-13-01"), ("--status", "gone")),
        *(("--since", "2024-02", "--until", "2024-01"), ("--created", "2024-02..2024-01")),
    ],
)
def test_a_filter_that_cannot_be_read_is_explained(rekall: Rekall, options: tuple[str, ...]) -> None:
    ran = rekall("list", *options)
    assert (ran.code, ran.out) == (4, "")
    assert "hint: " in ran.err
    assert rekall("list", *options, "--json").json["error"]["kind"] == "invalid_input"


def test_an_empty_base_says_how_to_begin(rekall: Rekall) -> None:
    ran = rekall("list")
    assert (ran.code, ran.out) == (0, "")
    assert "rekall add" in ran.err
    assert rekall("list", "--json").json == {"schema_version": 2, "total": 0, "entries": []}


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize("width", [40, 80])
def test_a_list_fits_the_terminal(rekall: Rekall, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", str(width))
    rekall(
        "add",
        "reference",
        "A rather long title about a rather small matter, 日本語のタイトル, and an emoji 🦊 at the end",
        "--project",
        "a-long-project",
    )
    lines = rekall("list").out.splitlines()
    assert len(lines) == 6
    assert [line for line in lines if cell_len(line) > width] == []


# restore


@pytest.fixture
def deleted(rekall: Rekall, entry_id: str) -> str:
    """An entry that was deleted."""
    assert rekall("delete", "--yes", entry_id).code == 0
    return entry_id


def test_delete_says_how_to_restore_and_that_works(rekall: Rekall, entry_id: str) -> None:
    before = shown(rekall, entry_id)
    ran = rekall("delete", "--yes", entry_id)
    assert f"hint: `rekall restore {entry_id[-4:]}`" in ran.err
    ran = rekall("restore", entry_id[-4:])
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("restored ")
    assert "CORS fails on Safari" in ran.out
    assert shown(rekall, entry_id) == before
    assert rekall("search", "safari", "--json").json["hits"][0]["id"] == entry_id


def test_restore_lists_what_was_deleted(rekall: Rekall, deleted: str) -> None:
    ran = rekall("restore")
    assert (ran.code, ran.err) == (0, "")
    (line,) = ran.out.splitlines()
    assert (line.split()[0], line.split()[-1]) == ("1", deleted[-4:])
    assert "CORS fails on Safari  bug  " in line
    assert rekall("restore").out == ran.out


def test_restore_lists_no_more_than_wanted(rekall: Rekall, deleted: str) -> None:
    other = rekall("add", "til", "Another", "--json").json["entry"]["id"]
    rekall("delete", "--yes", other)
    assert len(rekall("restore").out.splitlines()) == 2
    assert len(rekall("restore", "--limit", "1").out.splitlines()) == 1
    assert len(rekall("restore", "-n", "1", "--json").json["tombstones"]) == 1
    assert rekall("restore", "--limit", "0").code == 2


def test_restore_lists_json(rekall: Rekall, deleted: str) -> None:
    answer = rekall("restore", "--json").json
    assert answer["schema_version"] == 2
    (stone,) = answer["tombstones"]
    assert stone.pop("deleted_at").endswith("Z")
    assert stone == {"id": deleted, "type": "bug", "title": "CORS fails on Safari"}


def test_nothing_to_restore_is_said_on_stderr(rekall: Rekall, home: Path) -> None:
    ran = rekall("restore")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "no deleted entries to restore\n"
    assert rekall("restore", "--json").json == {"schema_version": 2, "tombstones": []}
    assert not (home / "rekall.db").exists()


def test_restore_takes_a_prefix_in_either_case_and_answers_json(rekall: Rekall, deleted: str) -> None:
    answer = rekall("restore", deleted[:15].lower(), "--json").json
    assert answer["entry"]["id"] == deleted
    assert answer["warning"] is None
    assert rekall("restore", "--json").json["tombstones"] == []


def test_an_ambiguous_prefix_to_restore_lists_the_candidates(rekall: Rekall, twins: tuple[str, str]) -> None:
    for entry_id in twins:
        rekall("delete", "--yes", entry_id)
    prefix = "01J9P7AA"
    ran = rekall("restore", prefix)
    assert (ran.code, ran.out) == (3, "")
    assert all(entry_id in ran.err for entry_id in twins)
    error = rekall("restore", prefix, "--json").json["error"]
    assert error["kind"] == "ambiguous"
    assert [line.split()[0] for line in error["candidates"]] == sorted(twins)
    assert rekall("delete", "--forever", "--yes", prefix).code == 3
    assert len(rekall("restore").out.splitlines()) == 2


@pytest.mark.parametrize("name", ["ZZZZ", "", "%", "../x", "'; --", "日本"])
def test_what_was_never_deleted_cannot_be_restored(rekall: Rekall, deleted: str, name: str) -> None:
    ran = rekall("restore", name)
    assert (ran.code, ran.out) == (3, "")
    assert "hint: " in ran.err
    ran = rekall("restore", name, "--json")
    assert (ran.code, ran.json["error"]["kind"]) == (3, "not_found")


def test_an_entry_that_is_there_is_not_restored(rekall: Rekall, entry_id: str) -> None:
    assert rekall("restore", entry_id).code == 3
    assert rekall("stats", "--json").json["entries"] == 1


def test_restore_without_an_engine_says_so(rekall: Rekall, deleted: str, missing_model: None) -> None:
    ran = rekall("restore", deleted)
    assert ran.code == 0
    assert "restored" in ran.out
    assert "warning: " in ran.err
    assert "hint: " in ran.err
    assert shown(rekall, deleted)["title"] == "CORS fails on Safari"


def test_a_title_cannot_move_the_cursor_when_it_was_deleted(rekall: Rekall) -> None:
    entry_id = rekall("add", "til", "red \x1b[31m title", "--json").json["entry"]["id"]
    outputs = [rekall("delete", "--yes", entry_id).err, rekall("restore").out]
    outputs += [rekall("restore", "--json").out, rekall("restore", entry_id).out]
    assert not any("\x1b" in output for output in outputs)


# delete --forever


def test_forever_leaves_nothing_to_restore(rekall: Rekall, entry_id: str) -> None:
    ran = rekall("delete", "--forever", "--yes", entry_id[:15].lower())
    assert (ran.code, ran.out) == (0, "")
    assert "for ever" in ran.err
    assert "hint" not in ran.err
    assert rekall("restore", entry_id).code == 3
    assert rekall("restore", "--json").json["tombstones"] == []


def test_forever_takes_what_was_deleted_before(rekall: Rekall, deleted: str) -> None:
    ran = rekall("delete", "--forever", "--yes", deleted[:15])
    assert ran.code == 0
    assert "CORS fails on Safari for ever" in ran.err
    assert rekall("restore", deleted).code == 3
    assert rekall("delete", "--forever", "--yes", deleted).code == 3


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_forever_asks_a_person_whether_it_is_for_ever(
    rekall: Rekall, entry_id: str, person: None, before: bool, answer: str, left: int
) -> None:
    if before:
        rekall("delete", "--yes", entry_id)
    ran = rekall("delete", "--forever", entry_id, stdin=answer)
    assert "for ever?" in ran.err
    assert ran.code == (130 if left else 0)
    there = rekall("stats", "--json").json["entries"] + len(rekall("restore", "--json").json["tombstones"])
    assert there == left


def test_forever_refuses_when_nobody_can_answer(rekall: Rekall, deleted: str) -> None:
    ran = rekall("delete", "--forever", deleted, "--json")
    assert (ran.code, ran.json["error"]["kind"]) == (2, "usage")
    assert "--yes" in ran.json["error"]["hint"]
    assert rekall("restore", deleted).code == 0


def test_forever_answers_json(rekall: Rekall, deleted: str) -> None:
    ran = rekall("delete", "--forever", "-y", deleted, "--json")
    gone = {"id": deleted, "type": "bug", "title": "CORS fails on Safari"}
    assert (ran.json, ran.err) == (
        {"schema_version": 2, "deleted": gone, "traces": False, "why_traces": None, "backups": []},
        "",
    )


@pytest.mark.parametrize("name", ["ZZZZ", "", "%"])
def test_forever_of_what_never_was_is_not_found(rekall: Rekall, entry_id: str, name: str) -> None:
    ran = rekall("delete", "--forever", "--yes", name, "--json")
    assert (ran.code, ran.json["error"]["kind"]) == (3, "not_found")


def test_forever_asks_for_more_of_an_id_that_an_entry_and_a_deleted_one_share(
    rekall: Rekall, twins: tuple[str, str]
) -> None:
    rekall("delete", "--yes", twins[1])
    ran = rekall("delete", "--forever", "--yes", "01J9P7AA", "--json")
    assert (ran.code, ran.json["error"]["kind"]) == (3, "ambiguous")
    assert [line.split()[0] for line in ran.json["error"]["candidates"]] == list(twins)
    assert rekall("delete", "--forever", "--yes", twins[1]).code == 0
    assert rekall("show", twins[0]).code == 0


def test_deleting_again_points_to_restore(rekall: Rekall, deleted: str) -> None:
    ran = rekall("delete", "--yes", deleted)
    assert ran.code == 3
    assert "hint: " in ran.err


# link


@pytest.fixture
def other_id(rekall: Rekall, entry_id: str) -> str:
    """Another entry beside `entry_id`."""
    return str(rekall("add", "decision", "Use a proxy", "--json").json["entry"]["id"])


def test_link_says_what_it_did_and_show_shows_it_at_both_ends(rekall: Rekall, entry_id: str, other_id: str) -> None:
    ran = rekall("link", entry_id, other_id, "--as", "derived-from", "--reason", "seen there")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "CORS fails on Safari  derived_from →  Use a proxy\n"
    assert f"derived from → {other_id[-4:]}  Use a proxy  (seen there)" in rekall("show", entry_id).out
    assert f"source of ← {entry_id[-4:]}  CORS fails on Safari  (seen there)" in rekall("show", other_id).out


def test_link_is_related_unless_told_and_takes_prefixes(rekall: Rekall, entry_id: str, other_id: str) -> None:
    first, second = (rekall("list", "--json").json["entries"][place]["id"] for place in (1, 0))
    shorts = [line.split()[0] for line in rekall("list", "--format", "plain").out.splitlines()]
    assert {first, second} == {entry_id, other_id}
    link = rekall("link", shorts[1].lower(), shorts[0], "--json").json["link"]
    assert (link["type"], link["source"], link["target"]) == ("related", first, second)


def test_link_answers_json(rekall: Rekall, entry_id: str, other_id: str) -> None:
    ran = rekall("link", entry_id, other_id, "--as", "CONTRADICTS", "--reason", "no", "--json")
    link = {"source": entry_id, "target": other_id, "type": "contradicts", "reason": "no"}
    assert ran.json == {"schema_version": 2, "link": link}


def test_superseded_becomes_obsolete(rekall: Rekall, entry_id: str, other_id: str) -> None:
    assert rekall("link", other_id, entry_id, "--as", "supersedes", "--reason", "faster").code == 0
    old = shown(rekall, entry_id)
    assert (old["status"], old["superseded_by"]) == ("obsolete", {"id": other_id, "title": "Use a proxy"})
    text = rekall("show", entry_id).out
    assert f"superseded by {other_id[-4:]}  Use a proxy" in text
    assert f"superseded by ← {other_id[-4:]}  Use a proxy  (faster)" in text


def test_remove_takes_links_away(rekall: Rekall, entry_id: str, other_id: str) -> None:
    for kind in ("related", "contradicts", "derived_from"):
        rekall("link", entry_id, other_id, "--as", kind)
    ran = rekall("link", entry_id, other_id, "--remove", "--as", "contradicts")
    assert (ran.code, ran.out) == (0, "")
    assert "removed 1 link\n" in ran.err
    assert rekall("link", entry_id, other_id, "--remove", "--json").json == {"schema_version": 2, "removed_links": 2}
    assert "Links" not in rekall("show", entry_id).out
    ran = rekall("link", entry_id, other_id, "--remove", "--json")
    assert (ran.code, ran.json["error"]["kind"]) == (3, "not_found")


def test_an_unknown_kind_of_link_is_explained(rekall: Rekall, entry_id: str, other_id: str) -> None:
    ran = rekall("link", entry_id, other_id, "--as", "likes")
    assert (ran.code, ran.out) == (4, "")
    assert "derived_from" in ran.err
    error = rekall("link", entry_id, other_id, "--as", "likes", "--json").json["error"]
    assert error["kind"] == "invalid_input"
    assert "Links" not in rekall("show", entry_id).out


def test_a_link_to_itself_is_refused(rekall: Rekall, entry_id: str) -> None:
    ran = rekall("link", entry_id, entry_id[:15], "--json")
    assert (ran.code, ran.json["error"]["kind"]) == (4, "invalid_input")


@pytest.mark.parametrize("name", ["ZZZZ", "", "%"])
@pytest.mark.parametrize("options", [(), ("--remove",), ("--as", "supersedes")])
def test_a_link_to_a_stranger_is_refused(rekall: Rekall, entry_id: str, options: tuple[str, ...], name: str) -> None:
    for ends in ((entry_id, name), (name, entry_id)):
        ran = rekall("link", *ends, *options, "--json")
        assert (ran.code, ran.json["error"]["kind"]) == (3, "not_found")
    assert shown(rekall, entry_id)["status"] == "active"


@pytest.mark.parametrize("arguments", [("link",), ("link", "01ABC"), ("link", "a", "b", "--as")])
def test_a_link_without_two_ends_is_a_usage_error(rekall: Rekall, arguments: tuple[str, ...]) -> None:
    assert rekall(*arguments).code == 2


@pytest.mark.parametrize("command", ["restore", "link", "delete"])
def test_the_help_tells_what_these_commands_do(rekall: Rekall, command: str) -> None:
    ran = rekall(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    words = {"restore": "--limit", "link": "derived_from", "delete": "--forever"}
    assert words[command] in ran.out
    assert f"\n  {command} " in rekall("--help").out


def test_links_come_back_with_their_entry(rekall: Rekall, entry_id: str, other_id: str) -> None:
    rekall("link", other_id, entry_id, "--as", "supersedes", "--reason", "faster")
    before = [rekall("show", name, "--json").json for name in (entry_id, other_id)]
    for name in (other_id, entry_id):
        rekall("delete", "--yes", name)
    for name in (other_id, entry_id):
        assert rekall("restore", name).code == 0
    assert [rekall("show", name, "--json").json for name in (entry_id, other_id)] == before


# one fact, one truth: what supersedes what


def facts(rekall: Rekall, entry_id: str) -> tuple[str, str, list[str]]:
    """An entry's status, the id of its successor, and the sources of the links that supersede it."""
    entry = shown(rekall, entry_id)
    sources = [link["source"] for link in entry["links"] if link["type"] == "supersedes"]
    successor = entry["superseded_by"] or {"id": ""}
    text = rekall("show", entry_id).out
    assert all(f"superseded by ← {source[-4:]}  " in text for source in sources)
    assert ("superseded by" in text) == bool(successor["id"])
    assert text.count("superseded by ←") == len(sources)
    return entry["status"], successor["id"], sources


SUPERSEDING: dict[str, Callable[[str, str], tuple[str, ...]]] = {
    "link": lambda old, new: ("link", new, old, "--as", "supersedes", "--reason", "faster"),
    "edit": lambda old, new: ("edit", old, "--superseded-by", new),
}

TAKING_BACK: dict[str, Callable[[str, str], tuple[str, ...]]] = {
    "link --remove": lambda old, new: ("link", new, old, "--remove"),
    "link --remove --as": lambda old, new: ("link", new, old, "--remove", "--as", "supersedes"),
    "edit --status": lambda old, new: ("edit", old, "--status", "active"),
    "delete": lambda old, new: ("delete", new, "--yes"),
}


@pytest.mark.parametrize("way", SUPERSEDING)
@pytest.mark.parametrize("back", TAKING_BACK)
def test_a_successor_and_its_link_come_and_go_together(
    rekall: Rekall, entry_id: str, other_id: str, way: str, back: str
) -> None:
    assert rekall(*SUPERSEDING[way](entry_id, other_id)).code == 0
    assert facts(rekall, entry_id) == ("obsolete", other_id, [other_id])
    assert f"supersedes → {entry_id[-4:]}  CORS fails on Safari" in rekall("show", other_id).out
    assert shown(rekall, other_id)["links"] == shown(rekall, entry_id)["links"]
    assert rekall(*TAKING_BACK[back](entry_id, other_id)).code == 0
    assert facts(rekall, entry_id)[1:] == ("", [])
    if back != "delete":  # what a deleted entry said was not taken back
        assert facts(rekall, entry_id)[0] == "active"
        assert shown(rekall, other_id)["links"] == []
        assert "obsolete" not in rekall("list").out


def test_one_of_two_successors_may_go_and_the_other_stays(rekall: Rekall, entry_id: str, other_id: str) -> None:
    third = rekall("add", "bug", "A third", "--json").json["entry"]["id"]
    for new in (other_id, third):
        assert rekall("link", new, entry_id, "--as", "supersedes").code == 0
    status, successor, sources = facts(rekall, entry_id)
    assert (status, sorted(sources)) == ("obsolete", sorted([other_id, third]))
    assert rekall("link", successor, entry_id, "--remove").code == 0
    (left,) = {other_id, third} - {successor}
    assert facts(rekall, entry_id) == ("obsolete", left, [left])
    assert rekall("edit", entry_id, "--status", "active").code == 0
    assert facts(rekall, entry_id) == ("active", "", [])


def test_links_of_other_types_stay_when_an_entry_is_active_again(rekall: Rekall, entry_id: str, other_id: str) -> None:
    rekall("link", other_id, entry_id, "--as", "contradicts")
    rekall("edit", entry_id, "--superseded-by", other_id)
    rekall("edit", entry_id, "--status", "active")
    assert [link["type"] for link in shown(rekall, entry_id)["links"]] == ["contradicts"]


def test_another_successor_takes_the_place_of_the_first(rekall: Rekall, entry_id: str, other_id: str) -> None:
    third = rekall("add", "bug", "A third", "--json").json["entry"]["id"]
    rekall("edit", entry_id, "--superseded-by", other_id)
    assert rekall("edit", entry_id, "--superseded-by", third).code == 0
    assert facts(rekall, entry_id)[:2] == ("obsolete", third)


def test_programs_see_links_from_both_ends(rekall: Rekall, entry_id: str, other_id: str) -> None:
    assert rekall("link", other_id, entry_id, "--as", "derived-from", "--reason", "seen there").code == 0
    link = {"source": other_id, "target": entry_id, "type": "derived_from", "reason": "seen there"}
    assert shown(rekall, entry_id)["links"] == shown(rekall, other_id)["links"] == [link]


# an unknown type


@pytest.mark.parametrize("command", ["add", "edit"])
@pytest.mark.parametrize("written", ["bgu", "Bug report", "TILL"])
def test_an_unknown_type_in_the_editor_is_refused_and_the_text_kept(
    rekall: Rekall, home: Path, entry_id: str, editor: Callable[[str], Path], person: None, command: str, written: str
) -> None:
    before = shown(rekall, entry_id)
    kind = "til" if command == "add" else "bug"
    editor(f"file.write_text(text.replace('type: {kind}', 'type: {written}') + '\\nprecious')")
    arguments = ("add", "til", "Editor test", "-e") if command == "add" else ("edit", entry_id)
    ran = rekall(*arguments, stdin="k\n")
    assert (ran.code, ran.out) == (4, "")
    assert f"unknown type {written!r}" in ran.err
    assert "[e]dit again, [k]eep the draft for later, or [d]iscard it?" in ran.err
    (draft,) = drafts(home)
    assert str(draft) in ran.err
    assert "precious" in draft.read_text("utf-8")
    assert rekall("stats", "--json").json["entries"] == 1
    assert shown(rekall, entry_id) == before


def test_an_unknown_type_can_be_mended_in_the_same_editor(
    rekall: Rekall, home: Path, editor: Callable[[str], Path], person: None
) -> None:
    editor(
        "file.write_text(text.replace('bgu', 'bug') if 'bgu' in text else text.replace('type: til', 'type: bgu') + 'why')"
    )
    ran = rekall("add", "til", "Editor test", "-e", stdin="e\n")
    assert ran.code == 0
    assert "did you mean `bug`?" in ran.err
    (entry,) = rekall("list", "--json").json["entries"]
    assert (entry["type"], entry["title"], entry["content"]) == ("bug", "Editor test", "why")
    assert drafts(home) == []


@pytest.mark.parametrize("command", ["list", "search nginx", "tags", "export -"])
@pytest.mark.parametrize("name", ["tag", "project", "type", "since", "status"])
def test_an_empty_filter_does_not_choose_every_entry(rekall: Rekall, command: str, name: str) -> None:
    for value in ("", "  "):
        ran = rekall(*command.split(), f"--{name}", value)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"error: --{name} is empty\n")
