"""What is watched is noticed: files however they come and go, another process's writes, a folder that is another one now."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.systems import WINE
from support.waiting import until

from rekall.sync import watching
from rekall.sync.watching import Watch, Why, is_on_network
from rekall.system.replacing import discard_folder


class Turns:
    """The turns of a watch, taken by a thread of their own, so that a test can wait for them."""

    def __init__(self, folder: Path, version: Callable[[], int] = lambda: 0, every_s: float = 3600.0) -> None:
        self.watch = Watch(folder, lambda path: path.endswith(".md"), version, every_s=every_s, quiet_s=0.05)
        self.taken: list[Why] = []
        self.is_over = False
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()
        until(lambda: self.taken)

    def _take(self) -> None:
        for why in self.watch.turns():
            self.taken.append(why)
            if self.is_over:
                return

    def after(self, change: Callable[[], object]) -> Why:
        """Why the next turn came, after something was done."""
        number = len(self.taken)
        change()
        until(lambda: len(self.taken) > number)
        return self.taken[number]

    def end(self, folder: Path) -> None:
        self.is_over = True
        folder.mkdir(exist_ok=True)
        numbers = itertools.count()
        while self.thread.is_alive():  # whatever it waits for, something changes
            (folder / "last.md").write_text(str(next(numbers)), "utf-8")
            self.thread.join(0.2)
        self.watch.close()


@pytest.fixture(params=["events", "looks"])
def watched(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, Turns]]:
    monkeypatch.setattr(watching, "_TICK_S", 0.05)
    monkeypatch.setattr(watching, "_LOOKS_S", 0.05)
    monkeypatch.setattr(watching, "_STEP_MS", 20)
    monkeypatch.setattr(watching, "_ROUND_MS", 50)
    if request.param == "looks":
        monkeypatch.setattr(watching, "can_hear", lambda: False)
    elif WINE:
        pytest.skip("Wine: tells of nothing that changes below a folder")
    elif not watching.can_hear():
        pytest.skip("the extra `watch` is not installed")
    folder = tmp_path / "notes"
    (folder / "below").mkdir(parents=True)
    turns = Turns(folder)
    assert turns.taken == [Why.START]
    assert turns.watch.has_events == (request.param == "events")
    yield folder, turns
    turns.end(folder)


def test_files_that_come_change_move_and_go_are_noticed(watched):
    folder, turns = watched
    note = folder / "below" / "a.md"
    assert turns.after(lambda: note.write_text("one", "utf-8")) is Why.FOLDER
    assert turns.after(lambda: note.write_text("two!", "utf-8")) is Why.FOLDER
    assert turns.after(lambda: os.replace(note, folder / "b.md")) is Why.FOLDER
    assert turns.after((folder / "b.md").unlink) is Why.FOLDER


def test_what_is_no_part_of_it_is_not_looked_at(tmp_path):
    for name in ("a.md", "below/b.md", "picture.png", ".git/notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    ears = watching._Ears(tmp_path, lambda path: path.endswith(".md"), threading.Event(), looks=True)
    ears.close()
    assert [Path(path).relative_to(tmp_path).as_posix() for path, _, _ in ears._first] == ["a.md", "below/b.md"]


def test_a_file_that_moves_while_it_is_looked_for_and_then_goes_is_noticed_twice():
    """The look finds it in neither of its places; a sync that begins then finds it."""
    rounds = iter([["", "behind"], ["", ""], ["", ""]])
    to_see: list[str] = []
    told: list[str] = []

    def pause(_seconds: float) -> bool:
        to_see[:] = next(rounds, [])
        return not to_see

    ears = SimpleNamespace(
        _first="before",
        _stop=SimpleNamespace(wait=pause),
        _look=lambda: to_see.pop(0),
        _changed=SimpleNamespace(set=lambda: told.append("changed")),
    )
    watching._Ears._look_often(ears)
    assert len(told) == 2


def test_a_folder_that_comes_back_is_another_one_and_is_watched_again(watched):
    folder, turns = watched
    until(lambda: discard_folder(folder))  # on Windows not at the moment at which it is looked at
    until(lambda: turns.watch._seen is None)
    assert turns.after(folder.mkdir) is Why.FOLDER
    assert turns.after(lambda: (folder / "a.md").write_text("one", "utf-8")) is Why.FOLDER


def test_another_process_that_writes_to_the_base_is_noticed_and_time_passes(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "_TICK_S", 0.02)
    version = [1]
    turns = Turns(tmp_path, lambda: version[0])
    assert turns.after(lambda: version.__setitem__(0, 2)) is Why.BASE
    turns.end(tmp_path)
    turns = Turns(tmp_path, every_s=0.05)
    assert turns.after(lambda: None) is Why.TIME
    turns.end(tmp_path)


def test_no_watches_left_is_made_good_by_looking(tmp_path, monkeypatch):
    """As where a system has only so many watches to give, and others have them all."""
    watchfiles = pytest.importorskip("watchfiles")
    monkeypatch.setattr(watching, "_TICK_S", 0.02)
    monkeypatch.setattr(watching, "_LOOKS_S", 0.05)

    def none_left(*arguments: object, **options: object) -> Iterator[set[object]]:
        raise OSError("OS file watch limit reached")
        yield set()

    monkeypatch.setattr(watchfiles, "watch", none_left)
    turns = Turns(tmp_path)
    until(lambda: not turns.watch.has_events)
    turns.after(lambda: (tmp_path / "a.md").write_text("one", "utf-8"))
    turns.end(tmp_path)


def test_a_file_system_of_the_network_is_known(monkeypatch, tmp_path):
    import psutil

    parts = [
        SimpleNamespace(mountpoint=os.sep, fstype="ext4", opts="rw"),
        SimpleNamespace(mountpoint=str(tmp_path / "nas"), fstype="nfs4", opts="rw"),
        SimpleNamespace(mountpoint=str(tmp_path / "nas-of-mine"), fstype="ext4", opts="rw"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **options: parts)
    assert is_on_network(tmp_path / "nas" / "below")
    assert not is_on_network(tmp_path / "nas-of-mine")
    assert not is_on_network(tmp_path)
