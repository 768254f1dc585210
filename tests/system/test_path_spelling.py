r"""One spelling for a path: on a file system that folds case, on one that folds normal forms, on Windows with its `\\?\`."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from support.systems import not_on_windows

from rekall.system.spelling import Spelling, Volume, fitting, openable, plain, sameness

asked_of_the_disk = not_on_windows("Windows itself says how a path is spelled")

NFC, NFD = "Café", unicodedata.normalize("NFD", "Café")


class Folding(Volume):
    """A file system in memory that takes names for the same which a function makes equal; it counts what it is asked."""

    def __init__(self, fold: Callable[[str], str], *paths: str) -> None:
        self._fold = fold
        self._files = {fold(path): path for path in paths}
        for path in paths:
            for above in Path(path).parents:
                self._files.setdefault(fold(str(above)), str(above))
        self.looks = self.lists = 0

    def is_there(self, path: str) -> bool:
        self.looks += 1
        return self._fold(path) in self._files

    def names(self, folder: str) -> frozenset[str]:
        self.lists += 1
        inside = (Path(path) for path in self._files.values())
        return frozenset(path.name for path in inside if self._fold(str(path.parent)) == self._fold(folder))


def cased(path: str) -> str:
    return unicodedata.normalize("NFD", path).lower()


def formed(path: str) -> str:
    return unicodedata.normalize("NFD", path)


def spelled(volume: Volume, path: str) -> str:
    return Spelling(volume).of_folder(path)


@asked_of_the_disk
@pytest.mark.parametrize(
    "asked", ["/home/me/Notes/ÜBUNG.md", "/HOME/Me/nOTES/übung.MD", "/home/me/notes/U\u0308bung.md"]
)
def test_where_case_does_not_matter_a_path_is_spelled_as_on_the_disk(asked):
    volume = Folding(cased, "/home/me/Notes/Übung.md", "/home/me/Notes/b.md")
    assert spelled(volume, asked) == "/home/me/Notes/Übung.md"


@asked_of_the_disk
@pytest.mark.parametrize(("held", "asked"), [(NFC, NFD), (NFD, NFC)])
def test_a_file_system_that_keeps_one_normal_form_is_asked_which(held, asked):
    assert spelled(Folding(formed, f"/notes/{held}.md"), f"/notes/{asked}.md") == f"/notes/{held}.md"
    assert spelled(Folding(formed, f"/notes/{held}.md"), f"/Notes/{asked}.md") == f"/Notes/{asked}.md"


@asked_of_the_disk
@pytest.mark.parametrize(
    "path", [f"/notes/{NFC}.md", f"/notes/{NFD}.md", "/notes/B.md", "/notes/b.md", "/notes/12.34", "/"]
)
def test_a_file_system_that_tells_names_apart_is_believed(path):
    volume = Folding(str, f"/notes/{NFC}.md", f"/notes/{NFD}.md", "/notes/B.md", "/notes/b.md", "/notes/12.34")
    assert spelled(volume, path) == path
    assert volume.lists <= 1


@asked_of_the_disk
def test_a_volume_that_folds_below_one_that_does_not():
    volume = Folding(lambda path: path[:8] + path[8:].lower(), "/mnt/Mac/Notes/A.md")
    assert spelled(volume, "/mnt/Mac/NOTES/a.md") == "/mnt/Mac/Notes/A.md"
    assert spelled(volume, "/MNT/Mac/NOTES/a.md") == "/MNT/Mac/NOTES/a.md"  # there is no such folder
    assert Spelling(volume).is_loose_at("/mnt/Mac/Notes/A.md")
    assert not Spelling(Folding(str, "/mnt/Mac/Notes/A.md")).is_loose_at("/mnt/Mac/Notes/A.md")


@asked_of_the_disk
def test_many_files_of_a_folder_cost_one_look_where_names_differ_and_one_list_where_they_do_not():
    names = [f"/notes/Note {number}.md" for number in range(500)]
    for fold, looks, lists in ((str, 2, 0), (cased, 2, 1)):
        volume = Folding(fold, *names)
        spelling = Spelling(volume)
        assert [spelling.of("/notes", os.path.basename(name)) for name in names] == [
            os.path.basename(name) for name in names
        ]
        assert (volume.looks, volume.lists) == (looks, lists)


@asked_of_the_disk
def test_what_is_not_there_keeps_its_spelling_and_says_nothing_of_its_folder():
    volume = Folding(cased, "/notes/A.md")
    spelling = Spelling(volume)
    assert spelling.of("/notes", "gone.md") == "gone.md"
    assert spelling.of("/notes", "a.md") == "A.md"
    assert spelling.of("/notes", "GONE.md") == "GONE.md"


@asked_of_the_disk
def test_the_disk_of_these_tests_is_asked_for_real(tmp_path):
    (tmp_path / "Notes").mkdir()
    (tmp_path / "Notes" / "A.md").write_text("x")
    other = tmp_path / "notes" / "a.MD"
    real = os.path.realpath(tmp_path)
    wanted = os.path.join(real, "Notes", "A.md") if other.exists() else os.path.join(real, "notes", "a.MD")
    assert Spelling().of_folder(os.path.join(real, "notes", "a.MD")) == wanted
    with contextlib.suppress(OSError):  # not on every file system
        os.link(tmp_path / "Notes" / "A.md", tmp_path / "Notes" / "a.md")
        assert {"A.md", "a.md"} == {Spelling().of(os.path.join(real, "Notes"), name) for name in ("A.md", "a.md")}
    assert Spelling().of(os.path.join(real, "Notes"), "second.md") == "second.md"


@pytest.mark.parametrize(
    ("path", "short"),
    [
        (r"\\?\C:\notes\a.md", r"C:\notes\a.md"),
        (r"\\?\UNC\server\share\a.md", r"\\server\share\a.md"),
        (r"\\?\unc\server\share\a.md", r"\\server\share\a.md"),
        (r"//?/C:/notes", r"C:\notes"),
        (r"\\.\C:\notes", r"C:\notes"),
        (r"\\server\share\a.md", r"\\server\share\a.md"),
        (r"\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\a", r"\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\a"),
        (r"\\.\pipe\notes", r"\\.\pipe\notes"),
        (r"C:\notes", r"C:\notes"),
        ("notes/a.md", "notes/a.md"),
    ],
)
def test_windows_paths_have_one_name_with_and_without_what_stands_in_front(path, short):
    assert plain(path, is_windows=True) == short
    assert plain(path, is_windows=False) == path


def test_a_long_path_of_windows_is_opened_as_it_is():
    long = "x" * 250
    assert openable(rf"C:\notes\{long}.md", is_windows=True) == rf"\\?\C:\notes\{long}.md"
    assert openable(rf"C:/notes/../notes/{long}.md", is_windows=True) == rf"\\?\C:\notes\{long}.md"
    assert openable(rf"\\server\share\{long}.md", is_windows=True) == rf"\\?\UNC\server\share\{long}.md"
    for path in (rf"\\?\C:\notes\{long}.md", rf"\\.\C:\{long}", r"C:\notes\a.md", r"notes\a.md"):
        assert openable(path, is_windows=True) == path
    assert openable(f"/notes/{long}.md", is_windows=False) == f"/notes/{long}.md"
    for path in (rf"C:\notes\{long}.md", rf"\\server\share\{long}.md"):
        assert plain(openable(path, is_windows=True), is_windows=True) == path


def test_paths_that_some_file_system_takes_for_one():
    for one, other in ((NFC, NFD), (NFC, NFC.upper()), ("Straße", "STRASSE"), ("a.MD", "A.md")):
        assert sameness(one) == sameness(other)
    assert sameness("cafe") != sameness(NFC)


def test_a_pattern_that_no_shell_of_windows_reads_names_the_files_that_it_fits(tmp_path: Path) -> None:
    folder = tmp_path / "notes [old]"
    folder.mkdir()
    for name in ("b.md", "a.md", "c.txt"):
        (folder / name).touch()
    assert fitting(str(folder / "*.md"), is_windows=True) == [str(folder / "a.md"), str(folder / "b.md")]
    assert fitting(str(folder / "?.txt"), is_windows=True) == [str(folder / "c.txt")]
    assert fitting(str(folder / "*.org"), is_windows=True) == [str(folder / "*.org")]
    assert fitting(str(folder / "*.md"), is_windows=False) == [str(folder / "*.md")]
    assert fitting("\\\\?\\C:\\notes", is_windows=True) == ["\\\\?\\C:\\notes"]
