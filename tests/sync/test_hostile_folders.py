"""Folders as nobody wants them: what cannot be synced is left alone and said, and the rest goes on."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from support.synced import Side, file_of, settle, sides
from support.systems import WINDOWS, not_under_wine

from rekall.errors import RekallError
from rekall.system import spelling
from rekall.system.files import write_atomically


@pytest.fixture
def both(tmp_path: Path) -> list[Side]:
    return sides(tmp_path / "notes")


def openable(path: Path) -> Path:
    return Path(spelling.openable(path))


def shared(both: list[Side], title: str = "One") -> tuple[str, Path]:
    entry_id = both[0].add(title, "first\nsecond")
    settle(*both)
    return entry_id, file_of(both[0].folder, entry_id)


BROKEN = {
    "front matter that is none": b"---\ntitle: [a\n---\ntext\n",
    "front matter without an end": b"---\ntitle: a\ntags: b\n\ntext\n",
    "Latin-1": "# Käse\n".encode("latin-1"),
    "UTF-16": "# Text\n".encode("utf-16"),
    "NUL": b"# a\n\0\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "JSON front matter": b'{\n"title": "a"\n}\n\ntext\n',
    "too long": b"# a\n" + b"word " * 3_300_000,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_cannot_be_read_is_left_alone_and_said(both, kind):
    shared(both)
    path = both[0].folder / "broken.md"
    path.write_bytes(BROKEN[kind])
    report = both[0].sync()
    assert [(each.path, bool(each.why and each.hint)) for each in report.left_alone] == [("broken.md", True)]
    assert not report.refused
    assert path.read_bytes() == BROKEN[kind]
    assert len(both[0].says()) == 1


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_cannot_be_read_any_more_deletes_nothing_and_is_not_written(both, kind):
    entry_id, path = shared(both)
    path.write_bytes(BROKEN[kind])
    both[0].change(entry_id, solution="here")
    for _ in range(2):
        assert [each.path for each in both[0].sync().refused] == [path.name]
    assert path.read_bytes() == BROKEN[kind]
    assert both[0].entry(entry_id).solution == "here"


def test_an_emptied_file_deletes_nothing(both):
    entry_id, path = shared(both)
    path.write_bytes(b"")
    assert [each.path for each in both[0].sync().refused] == [path.name]
    assert both[0].has(entry_id)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_deletes_nothing(both):
    entry_id, path = shared(both)
    path.chmod(0)
    assert [each.path for each in both[0].sync().refused] == [path.name]
    assert both[0].has(entry_id)


def test_a_folder_in_the_place_of_a_file(both):
    entry_id, path = shared(both)
    path.unlink()
    path.mkdir()
    both[0].change(entry_id, solution="here")
    both[0].sync()
    settle(*both)
    assert both[1].entry(entry_id).solution == "here"
    assert path.is_dir()


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_links_out_of_the_folder_are_not_followed(both, tmp_path):
    shared(both)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("# Secret\n")
    (both[0].folder / "linked").symlink_to(outside)
    (both[0].folder / "one.md").symlink_to(outside / "secret.md")
    (both[0].folder / "loop").symlink_to(both[0].folder)
    report = both[0].sync()
    assert [each.path for each in report.left_alone] == ["one.md"]
    assert not report.refused
    assert len(both[0].says()) == 1
    assert (outside / "secret.md").read_text() == "# Secret\n"


@not_under_wine("makes no junctions")
@pytest.mark.skipif(not WINDOWS, reason="Windows alone has junctions")
def test_a_junction_that_leads_back_is_not_followed(both):
    import _winapi

    shared(both)
    folder = both[0].folder
    _winapi.CreateJunction(str(folder), str(folder / "back"))  # anybody may make one, and it is no symbolic link
    assert os.listdir(folder / "back")
    report = both[0].sync()
    assert not report.changes
    assert not report.refused
    assert len(both[0].says()) == 1


def test_a_note_deep_in_folders_is_written_and_removed(both):
    deep = both[0].folder / ("a" * 120) / ("b" * 120)
    openable(deep).mkdir(parents=True)
    path = openable(deep / "one.md")
    path.write_text("# One\n\ntext\n", "utf-8")
    settle(*both)
    (entry_id,) = both[0].says()
    both[1].change(entry_id, solution="restart it")
    settle(*both)
    assert "restart it" in path.read_text("utf-8")
    assert both[0].entry(entry_id).solution == "restart it"
    both[0].bench.base.delete(entry_id)
    settle(*both)
    assert not path.exists()
    assert not both[1].has(entry_id)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_in_the_place_of_a_file_is_not_written_through(both, tmp_path):
    entry_id, path = shared(both)
    outside = tmp_path / "outside.md"
    path.rename(outside)
    path.symlink_to(outside)
    before = outside.read_bytes()
    both[0].change(entry_id, solution="here")
    both[0].sync()
    assert outside.read_bytes() == before
    assert both[0].has(entry_id)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("linked", ["folder", "note"])
def test_what_was_moved_out_behind_a_link_is_not_deleted(both, tmp_path, linked):
    (both[0].folder / "sub").mkdir()
    path = both[0].folder / "sub" / "one.md"
    path.write_text("# One\n\ntext\n")
    shared(both)
    settle(*both)
    moved = path if linked == "note" else path.parent
    moved.rename(tmp_path / "away")
    moved.symlink_to(tmp_path / "away")
    for side in both:
        report = side.sync()
        assert not report.changes
        assert [(each.path.rstrip("/"), each.why) for each in report.refused] == [
            (moved.relative_to(side.folder).as_posix(), "it is a symbolic link")
        ]
        assert len(side.says()) == 2
    moved.unlink()
    (tmp_path / "away").rename(moved)
    settle(*both)
    assert len(both[0].says()) == 2


def test_repositories_and_environments_within_are_not_gone_through(both):
    """Nobody who syncs a folder wants ids in the notes of whatever was cloned into it."""
    shared(both)
    for name, mark in (("clone", ".git/HEAD"), ("env", "pyvenv.cfg"), ("node_modules/x", "a"), (".hidden", "a")):
        (both[0].folder / name / mark).parent.mkdir(parents=True)
        (both[0].folder / name / mark).write_text("")
        (both[0].folder / name / "README.md").write_text("# Read me\n\ntext\n")
    report = both[0].sync()
    assert not report.changes
    assert not report.refused
    assert [each.path for each in report.left_alone] == ["clone/"]
    assert (both[0].folder / "clone" / "README.md").read_text() == "# Read me\n\ntext\n"


@pytest.mark.parametrize("name", ["{}~", "#{}#", ".{}.swp", "{}.bak", "{}.~1~", "{}.orig"])
def test_what_an_editor_leaves_beside_a_note_is_none(both, name):
    _, path = shared(both)
    other = path.with_name(name.format(path.name))
    other.write_bytes(path.read_bytes())
    for side in both:
        report = side.sync()
        assert (report.changes, report.refused) == ((), ())
    assert other.exists()


def test_names_that_differ_by_case_or_by_accents_are_two_notes(both):
    folder = both[0].folder
    names = ["Cafe.md", "cafe.md", unicodedata.normalize("NFC", "Café.md"), unicodedata.normalize("NFD", "Café.md")]
    for name in names:
        (folder / name).write_text(f"# {name}\n\ntext of {name!a}\n", "utf-8")
    there = len(list(folder.glob("*.md")))
    both[0].sync()
    settle(*both)
    assert len(both[1].says()) == there
    assert len(list(folder.glob("*.md"))) == there


@pytest.mark.parametrize("title", ["CON", "a/b\\c:d*e?f", "..", "x" * 500, "ÄÖÜ 中文 🙂", "  .hidden", "NUL.md", "-"])
@pytest.mark.parametrize("is_vault", [False, True])
def test_any_title_gets_a_name_that_every_system_can_have(both, title, is_vault):
    if is_vault:
        (both[0].folder / ".obsidian").mkdir()
    entry_id = both[0].add(title, "text")
    settle(*both)
    path = file_of(both[0].folder, entry_id)
    assert path.parent == both[0].folder
    assert both[1].entry(entry_id).title == both[0].entry(entry_id).title


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_no_text_is_said(both):
    try:
        (both[0].folder / os.fsdecode(b"caf\xe9.md")).write_text("# Coffee\n")
    except OSError:
        pytest.skip("this file system has no such names")
    assert [each.path for each in both[0].sync().left_alone] == ["caf\\udce9.md"]


def test_what_icloud_took_from_this_machine_is_not_deleted(both):
    entry_id, path = shared(both)
    path.rename(path.with_name(f".{path.name}.icloud"))
    assert not both[0].sync().changes
    assert both[0].has(entry_id)


def test_a_file_that_an_editor_saves_while_we_merge_is_left_for_the_next_round(both, monkeypatch):
    entry_id, path = shared(both)
    both[0].change(entry_id, solution="here")

    def saved(target: Path, data: bytes, **options: bool) -> None:
        monkeypatch.undo()
        write_atomically(target, data, **options)

    original = type(path).read_bytes
    calls: list[Path] = []

    def read_bytes(target: Path) -> bytes:
        if target == path and not calls:
            calls.append(target)
            path.write_text(path.read_text().replace("second", "2nd"))
        return original(target)

    monkeypatch.setattr(type(path), "read_bytes", read_bytes)
    both[0].sync()
    assert calls
    assert "2nd" in path.read_text()
    settle(*both)
    entry = both[1].entry(entry_id)
    assert (entry.content, entry.solution) == ("first\n2nd", "here")


def test_a_folder_that_cannot_be_written_changes_nothing(both, monkeypatch):
    entry_id, path = shared(both)
    before = path.read_bytes()
    both[0].change(entry_id, solution="here")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("rekall.sync.running.put_file", refuse)
        report = both[0].sync()
    assert [(each.path, "cannot be written" in each.why) for each in report.refused] == [(path.name, True)]
    assert not report.changes  # nobody is told that something went out
    assert path.read_bytes() == before
    settle(*both)
    assert both[1].entry(entry_id).solution == "here"


def test_an_entry_that_changes_while_we_plan_is_left_for_the_next_round(both, monkeypatch):
    entry_id, path = shared(both)
    path.write_text(path.read_text().replace("second", "2nd"))
    planned = type(both[0].bench.base.sync).run
    from rekall.sync.applying import Applier

    original = Applier.apply
    calls: list[int] = []

    def apply(self: Applier, items: list[object]) -> object:
        if not calls:
            calls.append(1)
            both[0].bench.base.change(entry_id, solution="here")
        return original(self, items)  # type: ignore[arg-type]

    monkeypatch.setattr(Applier, "apply", apply)
    both[0].sync()
    assert planned
    settle(*both)
    entry = both[1].entry(entry_id)
    assert (entry.content, entry.solution) == ("first\n2nd", "here")


def test_a_damaged_memory_of_what_was_agreed_loses_nothing(both):
    entry_id, path = shared(both)
    both[0].bench.store.db.run("UPDATE agreed SET state = x'7b7d', seen = ''")
    both[0].change(entry_id, add_tags=["here"])
    path.write_text(path.read_text().replace("second", "second\nthird"))
    both[0].sync()
    settle(*both)
    entry = both[1].entry(entry_id)
    assert (entry.content, entry.tags) == ("first\nsecond\nthird", ("here",))


@pytest.mark.parametrize(
    "name", ["x", "01HF7YAZVGRQZ1773AHQ3RYWZY.sync-conflict-20261127-091500-ABCDEFG", "01HF7YAZVGRQZ1773AHQ3RYWZY"]
)
@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"x" * 100_000])
def test_anything_may_lie_among_the_tombstones(both, name, data):
    shared(both)
    place = both[0].folder / ".rekall" / "deleted"
    place.mkdir(exist_ok=True)
    (place / name).write_bytes(data)
    settle(*both)
    assert len(both[0].says()) == 1


def test_the_reports_of_a_hostile_folder_are_short(both):
    for number, data in enumerate(BROKEN.values()):
        (both[0].folder / f"{number}.md").write_bytes(data)
    left = both[0].sync().left_alone
    assert len(left) == len(BROKEN)
    assert all(len(each.why) < 300 for each in left)


def test_nothing_but_our_errors_comes_out(both, tmp_path):
    for wrong in (tmp_path / "no", tmp_path / ("x" * 300), Path("/dev/null")):
        with pytest.raises(RekallError):
            both[0].bench.base.sync.run(wrong)
