"""What dead processes left lying is swept, and never what a living one writes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.systems import WINDOWS, program, shell_line

from rekall.system.drafts import DraftFile, traces_of
from rekall.system.files import ScratchName, file_written_whole, folder_written_whole, name_to_remove
from rekall.system.leftovers import find_leftovers, sweep, sweep_beside, sweep_folders

DAY_S = 86_400

WRITE = """
import sys
from pathlib import Path
from rekall.system.files import file_written_whole, folder_written_whole
path = Path(sys.argv[2])
with (file_written_whole if sys.argv[1] == "file" else folder_written_whole)(path) as into:
    if sys.argv[1] == "file":
        into.write(b"half")
        into.flush()
    else:
        (into / "part").write_bytes(b"half")
    print("begun", flush=True)
    sys.stdin.read()
"""


def begun(kind: str, path: Path) -> subprocess.Popen[str]:
    """A process that has begun to write something, and waits."""
    command = [sys.executable, "-c", WRITE, kind, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def aged(path: Path, seconds: float) -> Path:
    """The path, last written some time ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_living_process_keeps_what_it_writes_and_a_dead_one_does_not(tmp_path: Path, kind: str) -> None:
    process = begun(kind, tmp_path / "notes")
    try:
        [scratch] = tmp_path.iterdir()
        aged(scratch, -1)  # as if written just now, on a clock that is a little ahead
        assert sweep_folders([tmp_path]) == []
        assert scratch.exists()
    finally:
        process.kill()
        process.communicate()
    [left] = find_leftovers([tmp_path, tmp_path])
    assert (left.path, left.what, left.size) == (scratch, "scratch", 4)
    assert sweep([left]) == [left]
    assert list(tmp_path.iterdir()) == []
    assert sweep([left]) == []  # somebody was quicker


def test_an_old_process_of_the_same_number_does_not_keep_what_a_dead_one_left(tmp_path: Path) -> None:
    with file_written_whole(tmp_path / "notes") as file:
        file.write(b"x")
        file.flush()
        [scratch] = tmp_path.iterdir()
    said = ScratchName.read(scratch.name)
    assert said is not None
    assert said.pid == os.getpid()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        theirs = tmp_path / scratch.name.replace(f".{os.getpid()}-", f".{other.pid}-")
        theirs.write_bytes(b"x")
        assert find_leftovers([tmp_path]) == []  # it runs
        aged(theirs, 10 * 365 * DAY_S)  # written before it began
        assert [left.path for left in find_leftovers([tmp_path])] == [theirs]
        other.communicate(b"\n")


@pytest.mark.parametrize("name", [".config.toml.ab12cd_9.part", ".config.toml.77-00000000.ab12cd_9.part"])
def test_what_nobody_can_be_asked_about_goes_after_a_day(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    assert find_leftovers([tmp_path]) == []
    aged(path, 2 * DAY_S)
    assert [left.path for left in sweep_folders([tmp_path])] == [path]


@pytest.mark.parametrize(
    "name",
    [
        "rekall.db",
        "notes.part",
        ".notes.part",
        ".hidden",
        "model.safetensors.part",
        ".bert.old",
        "-00000000.md",
        ".x.md",
    ],
)
def test_other_files_are_nobodys_leftovers(tmp_path: Path, name: str) -> None:
    aged_path = tmp_path / name
    aged_path.write_bytes(b"x")
    aged(aged_path, 100 * DAY_S)
    assert find_leftovers([tmp_path]) == []


def test_what_was_put_aside_comes_back_where_nothing_took_its_place(tmp_path: Path) -> None:
    aside = tmp_path / ".bert.1-00000000.ab12cd_9.old"
    aside.mkdir()
    (aside / "model.json").write_text("{}")
    aged(aside / "model.json", 2 * DAY_S)
    aged(aside, 2 * DAY_S)
    [left] = sweep_folders([tmp_path])
    assert left.what == "aside"
    assert (tmp_path / "bert" / "model.json").read_text() == "{}"

    (tmp_path / "bert").rename(aside)
    (tmp_path / "bert").mkdir()
    aged(aside, 2 * DAY_S)
    sweep_folders([tmp_path])
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]
    assert list((tmp_path / "bert").iterdir()) == []


def test_a_folder_takes_the_place_of_another_and_leaves_nothing(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with folder_written_whole(tmp_path / "model") as folder:
            (folder / "card").write_text(text)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "card").read_text() == "two"


def test_long_names_have_scratch_files_too(tmp_path: Path) -> None:
    for name in ("ä" * 120, "x" * 255, "é" * 3 if WINDOWS else "\udcff" * 3):
        with file_written_whole(tmp_path / name) as file:
            file.write(b"all")
        assert (tmp_path / name).read_bytes() == b"all"
        assert name_to_remove(tmp_path / name).name.endswith(".gone")


def test_drafts_in_which_nothing_was_written_are_swept(tmp_path: Path) -> None:
    own = aged(DraftFile.begin(tmp_path, "notes", "a note of the person's own").path, DAY_S)
    assert find_leftovers([tmp_path]) == []
    assert own.exists()
    tmp_path /= "drafts"
    kept = DraftFile.begin(tmp_path, "new", "# title\n")
    kept.write("# title\n\nmine\n")
    untouched = DraftFile.begin(tmp_path, "01ABC", "as it was")
    emptied = DraftFile.begin(tmp_path, "01ABC", "as it was before")
    emptied.write(" \n")
    assert find_leftovers([tmp_path]) == []  # an editor may be about to open them
    for draft in (kept, untouched, emptied):
        aged(draft.path, 3600)
    assert {left.path for left in sweep_folders([tmp_path])} == {untouched.path, emptied.path}
    assert kept.path.read_text() == "# title\n\nmine\n"


def test_a_draft_that_is_open_in_an_editor_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun_with = "as it was"
    draft = DraftFile.begin(tmp_path / "drafts", "01ABC", begun_with)
    aged(draft.path, 100 * DAY_S)
    seen = tmp_path / "seen"
    look = (
        "import sys; from pathlib import Path; from rekall.system.leftovers import sweep_folders; "
        f"Path({str(seen)!r}).write_text(repr(sweep_folders([Path(sys.argv[1]).parent])))"
    )
    assert draft.edited(shell_line(program(tmp_path / "pen", look))).text == ""
    assert seen.read_text() == "[]"
    assert set((tmp_path / "drafts").iterdir()) <= {
        draft.path
    }  # an editor that ends at once may be open; no hand is left


def test_a_draft_that_vanished_in_the_editor_was_not_changed(tmp_path: Path) -> None:
    draft = DraftFile.begin(tmp_path, "new", "text")
    assert draft.edited("del" if WINDOWS else "rm").text == ""


def test_in_a_folder_of_the_person_only_what_is_surely_ours_is_swept(tmp_path: Path) -> None:
    process = begun("file", tmp_path / "notes.jsonl")
    process.kill()
    process.communicate()
    (tmp_path / ".song.ab12cd_9.part").touch()
    aged(tmp_path / ".song.ab12cd_9.part", 100 * DAY_S)
    assert len(sweep_beside(tmp_path / "notes.jsonl")) == 1
    assert [path.name for path in tmp_path.iterdir()] == [".song.ab12cd_9.part"]


def test_all_files_of_an_entry_among_the_drafts(tmp_path: Path) -> None:
    mine = DraftFile.begin(tmp_path, "01ABC", "one").path
    others = [tmp_path / f".{mine.name}.12-00000000.ab12cd_9.part", tmp_path / f"{mine.name}~"]
    for path in others:
        path.write_bytes(b"x")
    DraftFile.begin(tmp_path, "01ABD", "two")
    assert traces_of(tmp_path, "01ABC") == sorted([mine, *others])
    assert traces_of(tmp_path / "nowhere", "01ABC") == []
