"""Other versions of a file: conflict copies of every tool, and the marks of git. None of them is ever taken for a note."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.synced import Side, file_of, settle, sides

from rekall.sync import copies

NAMES = (
    "{stem}.sync-conflict-20261127-091500-ABCDEFG.md",
    "{stem} (Ada's conflicted copy 2026-11-27).md",
    "{stem} (conflicted copy 2026-11-27 091500).md",
    "{stem} (Konfliktkopie von Ada 2026-11-27).md",
    "{stem} (Copie en conflit de Ada 2026-11-27).md",
    "{stem}_conflict-20261127-091500.md",
    "{stem}-LAPTOP.md",
    "{stem}-DESKTOP-7QK2-2.md",
    "{stem} 2.md",
    "{stem} (1).md",
    "{stem}.md~HEAD",
    "{stem}.md~main",
    "{stem}.md~feature_x",
    "{stem} (SFConflict ada@example.org 2026-11-27-09-15-00).md",
    "{stem}_LAPTOP_Nov-27-091500-2026_Conflict.md",
    "{stem} [conflicted].md",
)


@pytest.fixture
def both(tmp_path: Path) -> list[Side]:
    return sides(tmp_path / "notes")


def shared(both: list[Side], title: str = "Cache") -> tuple[str, Path]:
    entry_id = both[0].add(title, "first\nsecond\nthird", tags=["a"])
    settle(*both)
    return entry_id, file_of(both[0].folder, entry_id)


@pytest.mark.parametrize("name", NAMES)
def test_a_conflict_copy_is_merged_and_goes(both, name):
    entry_id, path = shared(both)
    copy = path.with_name(name.format(stem=path.stem))
    copy.write_text(path.read_text().replace("- a\n", "- a\n- b\n").replace("third", "third\nfourth"))
    path.write_text(path.read_text().replace("- a\n", "- a\n- c\n"))
    report = both[0].sync()
    assert not report.refused
    assert not report.conflicts
    assert not copy.exists()
    assert path.exists()
    settle(*both)
    entry = both[1].entry(entry_id)
    assert (set(entry.tags), entry.content) == ({"a", "b", "c"}, "first\nsecond\nthird\nfourth")
    assert len(both[1].says()) == 1


@pytest.mark.parametrize("name", NAMES[:3])
def test_what_does_not_fit_in_a_copy_is_kept_before_it_goes(both, name):
    entry_id, path = shared(both)
    copy = path.with_name(name.format(stem=path.stem))
    copy.write_text(path.read_text().replace("second", "2nd"))
    (conflict,) = both[0].sync().conflicts
    assert (conflict.entry_id, conflict.fields) == (entry_id, ("content",))
    assert not copy.exists()
    assert both[0].entry(entry_id).content == "first\nsecond\nthird"
    assert both[0].entry(conflict.kept_as).content == "first\n2nd\nthird"
    settle(*both)


def test_a_copy_of_a_note_that_has_no_id_yet_is_left_alone(both):
    folder = both[0].folder
    (folder / "Plan.md").write_text("# Plan\n\none\n")
    copy = folder / "Plan.sync-conflict-20261127-091500-ABCDEFG.md"
    copy.write_text("# Plan\n\ntwo\n")
    report = both[0].sync()
    assert [refused.path for refused in report.refused] == [copy.name]
    assert len(both[0].says()) == 1
    assert copy.read_text() == "# Plan\n\ntwo\n"


def test_a_copy_whose_first_version_is_gone_is_the_note(both):
    entry_id, path = shared(both)
    path.rename(path.with_name(NAMES[0].format(stem=path.stem)))
    assert both[0].did() == [("moved", "Cache")]
    settle(*both)
    assert both[1].has(entry_id)


def test_two_replicas_of_a_folder_end_with_the_same_files(both, tmp_path):
    """As Syncthing does it: the first version wins, the other one becomes a copy beside it, on both machines."""
    left, right = both
    entry_id, path = shared(both)
    replica = tmp_path / "replica"
    shutil.copytree(left.folder, replica)
    right.folder = replica
    right.bench.base.sync.forget(left.folder)
    right.sync()
    left.change(entry_id, title="One")
    right.change(entry_id, title="Two", add_tags=["b"])
    left.sync()
    right.sync()
    name = NAMES[0].format(stem=path.stem)
    for folder in (left.folder, replica):
        texts = [(each / path.name).read_bytes() for each in (left.folder, replica)]
        (folder / name).write_bytes(texts[1])
    (replica / path.name).write_bytes((left.folder / path.name).read_bytes())
    first, second = left.sync(), right.sync()
    assert [each.kept_as for each in first.conflicts] == [each.kept_as for each in second.conflicts] != []
    assert left.says() == right.says()
    files = [{each.name: each.read_bytes() for each in folder.glob("*.md")} for folder in (left.folder, replica)]
    assert files[0] == files[1]
    assert left.entry(entry_id).title == "One"
    assert left.entry(entry_id).tags == ("a", "b")
    assert left.entry(first.conflicts[0].kept_as).title == "Two"


MERGE = """<<<<<<< HEAD
{mine}=======
{theirs}>>>>>>> origin/main
"""
DIFF3 = """<<<<<<< HEAD
{mine}||||||| 4f2a1c
{base}=======
{theirs}>>>>>>> origin/main
"""


def test_the_marks_of_a_merge_are_two_versions(both):
    entry_id, path = shared(both)
    path.write_text(path.read_text().replace("- a\n", MERGE.format(mine="- a\n- b\n", theirs="- a\n- c\n")))
    report = both[0].sync()
    assert not report.refused
    assert set(both[0].entry(entry_id).tags) == {"a", "b", "c"}
    assert "<<<" not in path.read_text()
    settle(*both)


def test_marks_with_what_both_began_with_are_a_merge_of_three(both):
    """Without that nobody could tell that one of them took a tag away."""
    entry_id, path = shared(both)
    marks = DIFF3.format(mine="- a\n- b\n", base="- a\n", theirs="- c\n")
    path.write_text(path.read_text().replace("- a\n", marks))
    assert not both[0].sync().conflicts
    assert set(both[0].entry(entry_id).tags) == {"b", "c"}
    settle(*both)


def test_marks_around_a_line_that_has_two_versions_keep_both(both):
    entry_id, path = shared(both)
    path.write_text(path.read_text().replace("second\n", DIFF3.format(mine="2nd\n", base="second\n", theirs="II\n")))
    (conflict,) = both[0].sync().conflicts
    assert both[0].entry(entry_id).content == "first\n2nd\nthird"
    assert both[0].entry(conflict.kept_as).content == "first\nII\nthird"
    settle(*both)
    assert "<<<" not in "".join(each.read_text() for each in both[0].folder.glob("*.md"))


def test_a_note_about_marks_shows_them_in_a_block_of_code(both):
    text = "How it looks:\n\n```\n" + MERGE.format(mine="a\n", theirs="b\n") + "```\n"
    (both[0].folder / "Git.md").write_text("# Git\n\n" + text)
    assert not both[0].sync().refused
    settle(*both)
    (entry,) = both[1].says().values()
    assert entry["content"] == text.rstrip()


def test_a_note_of_the_base_may_hold_marks(both):
    entry_id = both[0].add("Marks", MERGE.format(mine="a\n", theirs="b\n"))
    assert not both[0].sync().refused
    settle(*both)
    assert both[1].entry(entry_id).content == both[0].entry(entry_id).content


@pytest.mark.parametrize(
    "text", ["<<<<<<< a\n=======\n", "=======\n>>>>>>> a\n", "<<<<<<<x\n=======\n>>>>>>>\n", "a\n======="]
)
def test_half_of_the_marks_are_no_marks(text):
    assert copies.sides(text) is None


@pytest.mark.parametrize(
    "name", ["Q3 2.md", "notes-2026.md", "My (1) idea.md", "conflict.md", "On conflict resolution.md", "a-b.md"]
)
def test_a_note_with_such_a_name_and_an_id_of_its_own_is_a_note(both, name):
    shared(both, "Q3")
    (both[0].folder / name).write_text("# Mine\n\ntext\n")
    assert not both[0].sync().refused
    settle(*both)
    assert len(both[1].says()) == 2
