"""A file that another program has open: waited for, told of by its own name, and nothing left behind.

The system is one that refuses as Windows does: `Holding` stands between and says which paths are open elsewhere.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rekall.errors import FileHeld, StorageError, in_our_words
from rekall.system import files, replacing
from rekall.system.files import (
    file_written_whole,
    folder_written_whole,
    remove_folder,
    scratch_folder,
    write_atomically,
)
from rekall.system.leftovers import find_leftovers, set_aside, sweep_folders
from rekall.system.processes import Processes
from rekall.system.replacing import discard, is_held, read_patiently, remove_file, take_place


class Holding:
    """Refuses to replace, rename or remove what a program has open, so many times, as Windows does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held: dict[Path, int] = {}
        self.code: int | None = 32
        self.errno = errno.EACCES
        self.waits: list[float] = []
        self._replace, self._unlink = os.replace, os.unlink
        monkeypatch.setattr(os, "replace", self.replace)
        monkeypatch.setattr(os, "unlink", self.unlink)
        monkeypatch.setattr(replacing.time, "sleep", self.waits.append)

    def hold(self, path: Path, times: int = 10**6) -> None:
        self.held[path] = times

    def replace(self, source: str | Path, target: str | Path) -> None:
        self._check(Path(source), Path(target), Path(source))
        self._replace(source, target)

    def unlink(self, path: str | Path, **where: object) -> None:
        self._check(Path(path), Path(path), Path(path))
        self._unlink(path, **where)  # type: ignore[arg-type]

    def _check(self, one: Path, other: Path, told: Path) -> None:
        for path, times in self.held.items():
            if times and (path in (one, other) or (one.is_dir() and one in path.parents)):
                self.held[path] -= 1
                error = OSError(self.errno, "refused", str(told))
                if self.code is not None:
                    error.winerror = self.code  # type: ignore[attr-defined]
                raise error


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> Holding:
    return Holding(monkeypatch)


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (5, errno.EACCES),
        (32, errno.EACCES),
        (33, errno.EACCES),
        (1224, errno.EINVAL),
        (None, errno.EBUSY),
        (None, errno.ETXTBSY),
    ],
)
def test_a_file_that_is_open_for_a_moment_is_replaced_when_it_is_let_go(tmp_path, holding, code, number):
    path = tmp_path / "config.toml"
    path.write_bytes(b"before")
    holding.code, holding.errno = code, number
    holding.hold(path, 4)
    write_atomically(path, b"after")
    assert path.read_bytes() == b"after"
    assert os.listdir(tmp_path) == ["config.toml"]
    assert holding.waits == sorted(holding.waits)
    assert len(holding.waits) == 4


@pytest.mark.parametrize("written", ["file", "named", "folder"])
def test_one_that_stays_open_is_named_and_leaves_no_scratch_file(tmp_path, holding, written):
    path = tmp_path / "out.jsonl"
    if written == "folder":
        path.mkdir()
        (path / "weights").write_bytes(b"before")
        holding.hold(path / "weights")
    else:
        path.write_bytes(b"before")
        holding.hold(path)

    def write() -> None:
        if written == "folder":
            with folder_written_whole(path) as folder:
                (folder / "weights").write_bytes(b"after")
        else:
            write_atomically(path, b"after", is_named=written == "named")

    with pytest.raises(FileHeld) as raised:
        write()
    told = in_our_words(raised.value)
    assert isinstance(told, StorageError)
    assert told.message == f"{path}: another program has it open"
    assert "try again" in told.hint
    assert (path / "weights" if written == "folder" else path).read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["out.jsonl"]


def test_about_a_second_is_waited_before_giving_up(tmp_path, holding):
    (tmp_path / "new").write_bytes(b"new")
    holding.hold(tmp_path / "old")
    with pytest.raises(FileHeld):
        take_place(tmp_path / "new", tmp_path / "old")
    assert 0.9 <= sum(holding.waits) <= 1.1


@pytest.mark.parametrize(
    ("code", "number"), [(None, errno.EACCES), (None, errno.ENOSPC), (112, errno.ENOSPC), (3, errno.ENOENT)]
)
def test_what_is_refused_for_another_reason_is_not_tried_again(tmp_path, holding, code, number):
    holding.code, holding.errno = code, number
    path = tmp_path / "notes.json"
    holding.hold(path)
    with pytest.raises(OSError, match="refused") as raised:
        write_atomically(path, b"new")
    assert not isinstance(raised.value, FileHeld)
    assert (raised.value.errno, raised.value.filename) == (number, str(path))
    assert holding.waits == []
    assert os.listdir(tmp_path) == []


def test_a_file_that_may_only_be_read_is_not_waited_for(tmp_path, monkeypatch):
    path = tmp_path / "notes.json"
    path.write_bytes(b"")
    refused = PermissionError(errno.EACCES, "denied")
    refused.winerror = 5
    assert is_held(refused, path)
    monkeypatch.setattr(os, "access", lambda file, mode: (Path(file), mode) != (path, os.W_OK))
    assert not is_held(refused, path)


@pytest.mark.skipif(os.name == "nt", reason="a folder that nobody may write to is one of POSIX")
def test_a_folder_that_cannot_be_written_is_told_of_the_file_that_was_asked_for(tmp_path):
    path = tmp_path / "nowhere" / "out.jsonl"
    for write in (file_written_whole, folder_written_whole, scratch_folder):
        with pytest.raises(FileNotFoundError) as raised, write(path):
            pass
        assert raised.value.filename == str(path)


def test_the_scratch_file_goes_though_it_is_held_at_first_and_the_first_error_is_told(tmp_path, holding, monkeypatch):
    path = tmp_path / "draft.md"
    scratch: list[Path] = []

    def write() -> None:
        with file_written_whole(path) as file:
            scratch.append(Path(file.name) if isinstance(file.name, str) else next(tmp_path.iterdir()))
            holding.hold(scratch[0], 3)
            raise ValueError("what went wrong first")

    with pytest.raises(ValueError, match="first"):
        write()
    assert list(tmp_path.iterdir()) == []
    assert len(holding.waits) == 3

    def write_while_held() -> None:
        with file_written_whole(path):
            holding.hold(next(tmp_path.iterdir()))  # for good
            raise ValueError("what went wrong first")

    with pytest.raises(ValueError, match="first"):
        write_while_held()
    [left] = tmp_path.iterdir()
    holding.held.clear()
    assert find_leftovers([tmp_path]) == []  # this process may need it
    os.utime(left, (0, 0))
    assert [each.path for each in sweep_folders([tmp_path])] == [left]


@pytest.mark.parametrize("times", [0, 3, 10**6])
def test_a_file_is_read_though_it_is_being_replaced_at_the_moment(tmp_path, holding, times):
    path = tmp_path / "config.toml"
    path.write_bytes(b"whole")
    left = [times]

    def read() -> bytes:
        if left[0]:
            left[0] -= 1
            raise PermissionError(errno.EACCES, "denied", str(path))
        return path.read_bytes()

    if times < 10:
        assert read_patiently(read, path, is_windows=True) == b"whole"
        assert len(holding.waits) == times
        return
    with pytest.raises(PermissionError):
        read_patiently(read, path, is_windows=True)
    assert 0.9 <= sum(holding.waits) <= 1.1
    holding.waits.clear()
    with pytest.raises(PermissionError):
        read_patiently(read, path, is_windows=False)
    with pytest.raises(PermissionError):
        read_patiently(read, tmp_path, is_windows=True)  # which is no file
    assert holding.waits == []


def test_what_is_gone_needs_no_removing(tmp_path, holding):
    remove_file(tmp_path / "nothing")
    discard(tmp_path / "nothing")
    held = tmp_path / "held"
    held.write_bytes(b"")
    holding.hold(held)
    discard(held)
    assert held.exists()
    with pytest.raises(FileHeld):
        remove_file(held)


class Mapping(Holding):
    """A file that a program has mapped: its folder cannot be renamed, itself can, and it cannot be removed."""

    def _check(self, one: Path, other: Path, told: Path) -> None:
        is_rename = one != other
        for path in self.held:
            if path.name == one.name and is_rename:
                continue
            if path.name == one.name or (one.is_dir() and (one / path.name).exists()):
                error = OSError(self.errno, "refused", str(told))
                error.winerror = 5  # type: ignore[attr-defined]
                raise error


def model(folder: Path, text: str) -> None:
    for name in ("model.json", "weights"):
        (folder / name).write_text(text)


def test_a_model_that_is_mapped_is_set_aside_and_swept_once_it_is_let_go(tmp_path, monkeypatch):
    mapping = Mapping(monkeypatch)
    path = tmp_path / "mine"
    path.mkdir()
    model(path, "old")
    mapping.hold(path / "weights")
    with folder_written_whole(path) as folder:
        model(folder, "new")
        mapping.held.clear()  # nobody has the new one
        mapping.hold(path / "weights")
        (folder / "weights").rename(folder / "weights.new")  # another name than the one that is mapped
    assert (path / "model.json").read_text() == "new"
    [aside] = set_aside(tmp_path)
    assert aside.name.endswith(".gone")
    assert sweep_folders([tmp_path]) == []  # it is still in use
    assert (aside / "weights").read_text() == "old"
    assert remove_folder(path)
    mapping.held.clear()
    assert [each.path for each in sweep_folders([tmp_path])] == [aside]
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_which_nothing_can_be_renamed_stays_whole(tmp_path, holding):
    path = tmp_path / "mine"
    path.mkdir()
    model(path, "old")
    holding.hold(path / "weights")
    with pytest.raises(FileHeld) as raised:
        remove_folder(path)
    assert raised.value.filename == str(path)
    assert sorted(os.listdir(path)) == ["model.json", "weights"]
    assert os.listdir(tmp_path) == ["mine"]


HOLD = """
import mmap, sys
file = open(sys.argv[1], "rb")
kept = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
file.close()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("said", ["rekall", "other"])
def test_whoever_of_us_has_a_file_mapped_is_named(tmp_path, said):
    (tmp_path / "model").mkdir()
    weights = tmp_path / "model" / "weights"
    weights.write_bytes(b"x" * 10)
    script = tmp_path / said
    script.write_text(HOLD)
    command = [sys.executable, str(script), str(weights), "mcp"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        named = Processes().of_ours_with(weights.parent)
    finally:
        process.communicate()
    assert named == ([f"`rekall mcp` (process {process.pid})"] if said == "rekall" else [])
    assert Processes().of_ours_with(tmp_path / "nothing") == []


@pytest.mark.parametrize("knows", [{51, 85}, {51}, set()])
def test_macos_brings_what_is_written_to_the_disk_itself(tmp_path, monkeypatch, knows):
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such calls")
    asked: list[int | str] = []

    def full_sync(descriptor: int, request: int) -> int:
        if request not in knows:
            raise OSError(errno.ENOTSUP, "not on this volume")
        asked.append(request)
        return 0

    monkeypatch.setattr(files, "_FULL_SYNC", 51)
    monkeypatch.setattr(fcntl, "fcntl", full_sync)
    monkeypatch.setattr(os, "fsync", lambda descriptor: asked.append("fsync"))
    write_atomically(tmp_path / "note", b"all")
    order, end = (85 if 85 in knows else 51, 51) if knows else ("fsync", "fsync")
    assert asked == [order, end]  # the file before it gets its name, then the name
