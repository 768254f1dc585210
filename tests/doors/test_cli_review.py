"""`rekall review`: a key an entry on a terminal, lists and options everywhere else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran
from support.tui_driver import Terminal

Rekall = Callable[..., Ran]

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo terminals")
ASKED = b"q quit"


@pytest.fixture
def old(rekall: Rekall, quick_model: None, tmp_path: Path) -> list[str]:
    """Three entries that were written long ago, the first one longest ago."""
    rows = [
        {"title": f"old {name}", "type": "bug", "content": f"text of {name}", "project": project, "updated": day}
        for name, project, day in (
            ("one", "shop", "2023-01-01"),
            ("two", "blog", "2023-02-01"),
            ("three", "shop", "2023-03-01"),
        )
    ]
    file = tmp_path / "old.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert rekall("import", str(file)).code == 0
    found = rekall("list", "--sort", "changed", "--reverse", "--json").json["entries"]
    return [each["id"] for each in found]


def standing(rekall: Rekall, entry_id: str) -> dict[str, object]:
    (found,) = rekall("review", entry_id, "--json").json["entries"]
    return dict(found)


def test_what_is_due_is_listed_in_a_pipe(rekall: Rekall, old: list[str]) -> None:
    ran = rekall("review")
    assert ran.code == 0
    assert [line.split()[1:3] for line in ran.out.splitlines()] == [["old", "one"], ["old", "two"], ["old", "three"]]
    assert all(entry_id[-4:] in line for entry_id, line in zip(old, ran.out.splitlines()))
    assert "3 entries to review" in ran.err
    assert [each["id"] for each in rekall("review", "-p", "shop", "--json").json["entries"]] == [old[0], old[2]]


def test_no_more_are_asked_about_in_a_day_than_the_setting_says(rekall: Rekall, old: list[str]) -> None:
    rekall("config", "set", "review.per_day", "2")
    assert "1 more" in rekall("review").err
    answer = rekall("review", "--json").json
    assert (answer["due"], answer["answered_today"], len(answer["entries"])) == (3, 0, 2)
    assert rekall("review", old[0], old[1], "--holds").code == 0
    ran = rekall("review")
    assert ran.out == ""
    assert "that is all for today" in ran.err
    assert [each["id"] for each in rekall("review", "--limit", "5", "--json").json["entries"]] == [old[2]]
    assert [each["id"] for each in rekall("review", "--all", "--json").json["entries"]] == [old[2]]


def test_scripts_answer_with_options(rekall: Rekall, old: list[str]) -> None:
    ran = rekall("review", old[0], "--holds", "--json")
    (reviewed,) = ran.json["reviewed"]
    assert (reviewed["answer"], reviewed["entry"]["times"]) == ("holds", 1)
    assert reviewed["entry"]["due_at"] > "2026"
    rekall("review", old[1], "--outdated", "--by", old[0], "--reason", "the API is new")
    gone = rekall("show", old[1], "--json").json["entry"]
    assert (gone["status"], gone["superseded_by"]["id"]) == ("obsolete", old[0])
    assert gone["links"][0]["reason"] == "the API is new"
    rekall("review", old[2], "--never")
    assert standing(rekall, old[2])["due_at"] is None
    assert rekall("review", "--all").out == ""
    rekall("review", old[2], "--again")
    assert "old three" in rekall("review", "--all").out
    assert "obsolete, never due" in rekall("review", old[1]).out


def test_several_are_answered_from_stdin(rekall: Rekall, old: list[str]) -> None:
    ran = rekall("review", "-", "--holds", stdin="\n".join(old))
    assert ran.out.count("holds; asked about again in ") == 3
    assert "no ids on stdin" in rekall("review", "-", "--holds", stdin="").err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--holds",), 2, "of which entry"),
        (("{}", "--holds", "--never"), 2, "two answers"),
        (("{}", "--by", "{}"), 2, "go with --outdated"),
        (("{}", "--all"), 2, "named already"),
        (("{}", "-p", "shop"), 2, "named already"),
        (("--all", "-n", "3"), 2, "different things"),
        (("nothing like it", "--holds"), 3, "no entry"),
        (("{}", "--outdated", "--by", "nothing like it"), 3, "no entry"),
        (("{}", "--outdated", "--by", "{}"), 4, "supersede itself"),
    ],
)
def test_a_wrong_call_changes_nothing(rekall: Rekall, old: list[str], words, code, said) -> None:
    ran = rekall("review", *(word.format(old[0]) for word in words))
    assert (ran.code, said in ran.err) == (code, True), ran.err
    assert standing(rekall, old[0])["times"] == 0


def test_an_empty_base_has_nothing_to_review(rekall: Rekall) -> None:
    ran = rekall("review")
    assert (ran.code, ran.out) == (0, "")
    assert "nothing to review" in ran.err
    assert rekall("review", "--json").json == {
        "schema_version": 2,
        "due": 0,
        "answered_today": 0,
        "per_day": 10,
        "entries": [],
    }


def test_the_schedule_of_the_original_is_taken_over(rekall: Rekall, quick_model: None, tmp_path: Path) -> None:
    record = {
        "id": "01JGBTESTHERE0000000000001",
        "title": "from the original",
        "type": "bug",
        "content": "a text",
        "memory_type": "episodic",
        "access_count": 0,
        "consolidation_score": 0.0,
        "next_review": "2025-06-25T08:00:00",
        "review_interval": 27,
        "ease_factor": 2.5,
        "created_at": "2025-01-01T08:00:00",
        "updated_at": "2025-01-01T08:00:00",
    }
    record["id"] = "01JGB0000000000000000000A1"
    file = tmp_path / "original.json"
    file.write_text(json.dumps([record, {**record, "id": "01JGB0000000000000000000A2", "next_review": "2099-01-01"}]))
    assert rekall("import", str(file)).code == 0
    (due,) = rekall("review", "--json").json["entries"]
    assert due["id"] == record["id"]
    assert due["due_at"][:10] in ("2025-06-24", "2025-06-25")


# on a terminal


class Asked:
    """A review on a terminal, which is answered a key at a time."""

    def __init__(self, *words: str) -> None:
        self.terminal = Terminal("review", *words)
        self._seen = 0

    def wait(self, said: bytes = ASKED) -> str:
        """What was shown until something was said."""
        self.terminal.read_until(lambda shown: said in shown[self._seen :])
        shown = self.terminal.shown[self._seen :].decode("utf-8", "replace")
        self._seen = len(self.terminal.shown)
        return shown

    def type(self, keys: str, said: bytes = ASKED) -> str:
        self.terminal.type(keys)
        return self.wait(said)


@posix
def test_a_key_answers_and_the_last_answer_can_be_taken_back(rekall: Rekall, old: list[str]) -> None:
    asked = Asked()
    assert "text of one" in asked.wait()
    assert "text of two" in asked.type("h")
    assert standing(rekall, old[0])["times"] == 1  # while the next one is asked
    shown = asked.type("z")
    assert "taken back: old one" in shown
    assert "text of one" in shown
    assert standing(rekall, old[0])["times"] == 0
    assert "text of two" in asked.type("s")
    assert "instead" in asked.type("o", b"nothing")
    shown = asked.type("no such entry\r", b"nothing")
    assert "no entry" in shown
    assert "text of three" in asked.type(f"{old[0]}\r")
    assert rekall("show", old[1], "--json").json["entry"]["superseded_by"]["id"] == old[0]
    assert "text of two" in asked.type("z")
    assert rekall("show", old[1], "--json").json["entry"]["status"] == "active"
    assert "text of three" in asked.type("n")
    assert "2 entries answered" in asked.type("h", b"answered")
    assert asked.terminal.exit_code() == 0
    assert [standing(rekall, each)["times"] for each in old] == [0, 1, 1]


@posix
def test_what_needs_work_opens_the_editor_and_counts_once_it_was_changed(
    rekall: Rekall, old: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys, pathlib\nfile = pathlib.Path(sys.argv[1])\nonce = pathlib.Path(sys.argv[0] + '.once')\n"
        "if once.exists():\n    file.write_text(file.read_text() + '\\nand more')\nonce.touch()\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    asked = Asked("-n", "1")
    asked.wait()
    assert "nothing changed" in asked.type("w")
    assert standing(rekall, old[0])["times"] == 0
    assert "1 entry answered" in asked.type("w", b"answered")
    assert asked.terminal.exit_code() == 0
    assert "and more" in rekall("show", old[0], "--json").json["entry"]["content"]
    assert standing(rekall, old[0])["times"] == 1


@posix
@pytest.mark.parametrize(("keys", "code"), [("q", 0), ("\x04", 0), ("\x03", 130)])
def test_whoever_leaves_has_kept_every_answer(rekall: Rekall, old: list[str], keys: str, code: int) -> None:
    asked = Asked()
    asked.wait()
    asked.type("h")
    asked.terminal.type(keys)
    assert asked.terminal.exit_code() == code
    assert [standing(rekall, each)["times"] for each in old] == [1, 0, 0]


@posix
def test_a_ctrl_d_that_was_typed_before_anybody_asked_leaves(rekall: Rekall, old: list[str]) -> None:
    asked = Asked()
    asked.terminal.type("\x04")
    assert asked.terminal.exit_code() == 0


@posix
def test_a_killed_review_has_kept_every_answer(rekall: Rekall, old: list[str]) -> None:
    import signal

    asked = Asked()
    asked.wait()
    asked.type("h")
    asked.type("n")
    os.kill(asked.terminal.pid, signal.SIGKILL)
    asked.terminal.exit_code()
    assert [standing(rekall, each)["times"] for each in old] == [1, 1, 0]


@posix
def test_one_entry_is_asked_about_though_it_is_not_due(rekall: Rekall, old: list[str]) -> None:
    rekall("review", old[1], "--holds")
    asked = Asked("old two")
    assert "text of two" in asked.wait()
    assert "answered" in asked.type("h", b"answered")
    assert standing(rekall, old[1])["times"] == 2


@posix
def test_what_was_deleted_meanwhile_is_passed_over(rekall: Rekall, old: list[str]) -> None:
    asked = Asked()
    asked.wait()
    rekall("delete", "--yes", old[0])
    rekall("edit", old[1], "--status", "obsolete")
    shown = asked.type("h")
    assert "no entry" in shown
    assert "text of three" in shown
    assert "text of two" not in shown
    asked.terminal.type("q")
    assert asked.terminal.exit_code() == 0


@posix
def test_what_another_window_found_outdated_while_it_was_asked_about_is_passed_over(
    rekall: Rekall, old: list[str]
) -> None:
    asked = Asked()
    asked.wait()
    rekall("review", old[0], "--outdated")
    shown = asked.type("h")
    assert "is obsolete" in shown
    assert "text of two" in shown
    asked.terminal.type("q")
    assert asked.terminal.exit_code() == 0


def test_how_many_are_due_is_said_where_one_looks_and_never_as_a_warning(rekall: Rekall, old: list[str]) -> None:
    assert rekall("stats", "--json").json["to_review"] == 3
    assert "3 today" in rekall("stats").out
    (line,) = [each for each in rekall("doctor", "--json").json["lines"] if each["topic"] == "review"]
    assert (line["level"], line["text"]) == ("good", "3 entries to review today: `rekall review`")
    rekall("review", *old, "--never")
    assert rekall("stats", "--json").json["to_review"] == 0
    for words in (("list",), ("search", "old"), ("show", old[0])):
        assert "review" not in rekall(*words).err
