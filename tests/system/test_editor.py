"""The person's own editor: one that leaves its window behind, one whose path has blanks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support.systems import program, shell_line

from rekall.errors import InvalidInput
from rekall.system import editor as editors
from rekall.system.drafts import DraftFile
from rekall.system.editor import find_editor, has_window, open_editor

FOR_EVER_S = 1e9


def pen(folder: Path, name: str, body: str) -> Path:
    """An editor of a name that runs lines of Python with `file`."""
    folder.mkdir(parents=True, exist_ok=True)
    return program(folder / name, f"import pathlib, sys\nfile = pathlib.Path(sys.argv[-1])\n{body}\n")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, an editor that does not wait ends at once."""
    monkeypatch.setattr(editors, "AT_ONCE_S", FOR_EVER_S)
    monkeypatch.setattr(editors, "AT_ONCE_STARTING_S", FOR_EVER_S)


@pytest.mark.usefixtures("soon")
def test_a_draft_stays_for_a_window_that_is_still_open(tmp_path: Path) -> None:
    window = shell_line(pen(tmp_path / "bin", "pen", ""))
    draft = DraftFile.begin(tmp_path / "drafts", "new", "begun")
    edited = draft.edited(window)
    assert edited.text == ""
    assert str(draft.path) in edited.note
    assert "code --wait" in edited.advice
    assert draft.path.read_text() == "begun"

    again = DraftFile.begin(tmp_path / "drafts", "new", "begun")
    assert (again.path, again.is_taken_up) == (draft.path, False)  # there is nothing to go on with yet
    again.path.write_text("saved in the window")
    assert DraftFile.begin(tmp_path / "drafts", "new", "begun").is_taken_up


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("body", ["file.write_text('written')", "file.write_text('')", "file.unlink()"])
def test_what_was_changed_at_once_is_taken(tmp_path: Path, body: str) -> None:
    draft = DraftFile.begin(tmp_path / "drafts", "new", "begun")
    edited = draft.edited(shell_line(pen(tmp_path / "bin", "pen", body)))
    assert (edited.text, edited.note) == ("written" if "written" in body else "", "")


@pytest.mark.parametrize(
    ("name", "options", "waits", "advice"),
    [
        ("vim", "", True, ""),
        ("nano", "-w", True, ""),
        ("code", "", False, " --wait"),
        ("code", "-n", False, " -n --wait"),
        ("subl", "", False, " --wait"),
        ("gvim", "", False, " --nofork"),
        ("code", "--wait", True, ""),
        ("subl", "-w", True, ""),
    ],
)
def test_editors_that_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: str, waits: bool, advice: str
) -> None:
    monkeypatch.setattr(editors, "AT_ONCE_S", 0.0)
    monkeypatch.setattr(editors, "AT_ONCE_STARTING_S", FOR_EVER_S)
    closed = open_editor(tmp_path / "note.md", f"{pen(tmp_path / 'bin', name, '')} {options}".strip())
    assert (closed.code, closed.is_soon) == (0, not waits)
    assert advice in closed.advice


@pytest.mark.usefixtures("soon")
def test_an_editor_that_is_told_to_wait_is_not_told_again(tmp_path: Path) -> None:
    draft = DraftFile.begin(tmp_path / "drafts", "new", "begun")
    edited = draft.edited(f"{pen(tmp_path / 'bin', 'code', '')} --wait")
    assert "config set" not in edited.advice
    assert "save the file there" in edited.advice
    assert draft.path.read_text() == "begun"


@pytest.mark.parametrize(
    ("words", "is_cut"),
    [
        (("No Such Folder", "ed"), True),
        (('"No Such Folder', 'ed"'), False),
        (("no-such-folder", "ed --wait"), False),
        (("no-such-folder", "ed"), False),
    ],
)
def test_a_path_that_the_shell_cut_at_a_blank_is_to_be_quoted(
    tmp_path: Path, words: tuple[str, str], is_cut: bool
) -> None:
    place = f"{tmp_path}{os.sep}{os.sep.join(words)}"
    editor = f'"{place.replace(chr(34), "")}"' if '"' in place else place
    with pytest.raises(InvalidInput) as raised:
        DraftFile.begin(tmp_path / "drafts", "new", "begun").edited(editor)
    assert ("goes in quotes" in raised.value.hint) == is_cut
    assert "`rekall config set ui.editor NAME`" in raised.value.hint


@pytest.mark.parametrize("options", ["", " --new-window -x 3"])
def test_a_path_with_blanks_needs_no_quotes(tmp_path: Path, options: str) -> None:
    path = pen(tmp_path / "Program Files" / "An Editor", "pen", "file.write_text(repr(sys.argv[1:-1]))")
    file = tmp_path / "a 100% %PATH% $HOME 'note'.md" if sys.platform != "win32" else tmp_path / "a 100% %PATH% note.md"
    assert open_editor(file, f"{path}{options}").code == 0
    assert file.read_text() == repr(options.split())


@pytest.mark.parametrize(
    ("editor", "expected"),
    [
        ("code --wait", True),
        ("notepad", True),
        ("notepad.exe", True),
        ("vim", False),
        ("nano -w", False),
        ("mine", False),
    ],
)
def test_editors_that_need_no_terminal(editor: str, expected: bool) -> None:
    assert has_window(editor) == expected


def test_an_editor_of_blanks_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", " ")
    monkeypatch.setenv("EDITOR", "ed")
    assert find_editor(" ") == "ed"


BACKUPS = ["{}~", "#{}#", "{}.~3~", "{}.bak", "{}.BAK", "{}.orig", "{}.old", "{}.save", "{}.save.2", "{}.backup"]
NOBODYS_BACKUPS = [".{}.swp", ".#{}", "{}.notes", "my {}", "my {}~"]


def test_what_editors_leave_beside_a_draft_goes_with_it(tmp_path: Path) -> None:
    draft = DraftFile.begin(tmp_path, "new", "a text")
    other = DraftFile.begin(tmp_path, "new", "another text")
    for form in (*BACKUPS, *NOBODYS_BACKUPS):
        (tmp_path / form.format(draft.path.name)).write_text("a text")
    (tmp_path / f"{other.path.name}~").write_text("another text")
    draft.drop()
    left = {form.format(draft.path.name) for form in NOBODYS_BACKUPS}
    assert {path.name for path in tmp_path.iterdir()} == left | {other.path.name, f"{other.path.name}~"}
