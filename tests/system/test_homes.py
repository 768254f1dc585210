"""Folders that a variable names, and processes that have no home folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran

from rekall.config import find_places
from rekall.errors import NotFound
from rekall.system.files import make_private_folder
from rekall.system.homes import expanded, from_home, home_folder

Rekall = Callable[..., Ran]


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the process run as a user whom the system does not know."""

    def unknown(path: Path) -> Path:
        if str(path).startswith("~"):
            raise RuntimeError("Could not determine home directory.")
        return path

    monkeypatch.setattr(Path, "expanduser", unknown)
    monkeypatch.setattr(Path, "home", classmethod(lambda kind: unknown(kind("~"))))


@pytest.mark.usefixtures("nobody")
def test_what_needs_a_home_folder_says_so_where_there_is_none(rekall: Rekall) -> None:
    for command in (
        ["mcp", "status"],
        ["mcp", "install", "cursor"],
        ["hook", "status"],
        ["import", "--from", "cursor"],
    ):
        answer = rekall(*command)
        assert answer.code == 3
        assert "no home folder is known" in answer.err


@pytest.mark.usefixtures("nobody")
def test_what_needs_no_home_folder_goes_on_without_one(rekall: Rekall, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("# A note\n\ntext\n", "utf-8")
    for command in (["import", str(tmp_path / "notes")], ["history"], ["list"]):
        assert rekall(*command).code == 0
    assert home_folder() is None
    with pytest.raises(NotFound, match="no home folder is known for ~somebody"):
        expanded("~somebody/notes")


def test_a_path_is_told_from_home_only_where_it_lies_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for home, path, told in (
        ("/home/ann", "/home/ann/notes", "~/notes"),
        ("/home/ann", "/home/anna/notes", "/home/anna/notes"),
        ("/", "/etc/notes", "/etc/notes"),  # as in many a container
    ):
        monkeypatch.setattr(Path, "home", classmethod(lambda kind, home=home: kind(home)))
        assert Path(from_home(str(Path(path)))) == Path(told)


@pytest.mark.parametrize("left", ['"{}"', "{} ", '"{}" '])
def test_what_cmd_leaves_around_the_value_of_a_variable_is_no_part_of_a_path(left: str) -> None:
    assert expanded(left.format("C:/my notes"), is_windows=True) == Path("C:/my notes")
    assert expanded(left.format("/my notes"), is_windows=False) == Path(left.format("/my notes"))


def test_a_variable_of_blanks_names_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_places({"REKALL_HOME": " "}) == find_places({})


class _Gone(type(Path())):  # type: ignore[misc]
    """A path on a drive, or a share, that is not there."""

    looks = 0

    def exists(self, **more: bool) -> bool:
        type(self).looks += 1
        assert self.looks < 50, "it is looked for for ever"
        return False


def test_a_folder_on_a_drive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((FileNotFoundError, NotADirectoryError)):
        make_private_folder(_Gone(tmp_path / "file" / "notes"))
