"""Which files of a folder an import reads, and what it leaves out and counts."""

import os
from pathlib import Path

import pytest
from support.systems import links

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.errors import InvalidInput
from rekall.exchange.folders import Walk, find_files
from rekall.knowledge.import_report import ImportReport

SUFFIXES = [".md", ".txt", ".json"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    made.mkdir()
    return made


def write(path: Path, text: str = "text\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="")
    return path


def notes(folder: Path, *names: str) -> None:
    for name in names:
        write(folder / name, f"# {name}\n")


def walked(folder: Path, *exclude: str) -> Walk:
    return find_files([folder], SUFFIXES, exclude)


def found(folder: Path, *exclude: str) -> list[str]:
    return sorted(file.relative.as_posix() for file in walked(folder, *exclude).files)


def entries(bench) -> list[Entry]:
    return list(bench.base.list_entries(Filters(), None).entries)


def titles(bench) -> list[str]:
    return sorted(entry.title for entry in entries(bench))


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        pytest.skip("symbolic links cannot be made here")


# links


@links
def test_a_folder_that_is_a_symbolic_link_is_walked(folder, tmp_path):
    notes(tmp_path / "elsewhere", "a.md", "deep/b.md")
    link(folder / "linked", tmp_path / "elsewhere")
    assert found(folder) == ["linked/a.md", "linked/deep/b.md"]


@links
def test_a_root_that_is_a_symbolic_link_is_walked(folder, tmp_path):
    notes(folder, "a.md")
    link(tmp_path / "shortcut", folder)
    assert found(tmp_path / "shortcut") == ["a.md"]


@links
def test_a_folder_that_two_links_lead_to_is_walked_once(folder, tmp_path):
    notes(tmp_path / "elsewhere", "a.md")
    notes(folder, "own/b.md")
    for name in ("one", "two"):
        link(folder / name, tmp_path / "elsewhere")
    link(folder / "zzz", folder / "own")
    assert len(found(folder)) == 2


def test_links_in_a_circle_end(folder):
    notes(folder, "a.md", "deep/b.md")
    link(folder / "deep" / "up", folder)
    link(folder / "deep" / "itself", folder / "deep")
    link(folder / "self", folder / "self")
    assert found(folder) == ["a.md", "deep/b.md"]


def test_links_that_lead_nowhere_are_passed_over(folder):
    notes(folder, "a.md")
    link(folder / "gone.md", folder / "nothing.md")
    link(folder / "gone", folder / "nothing")
    assert found(folder) == ["a.md"]


def test_a_file_and_links_to_it_are_one_file(folder):
    notes(folder, "a.md")
    link(folder / "b.md", folder / "a.md")
    assert len(found(folder)) == 1


@links
def test_what_a_link_leads_to_is_one_entry_however_it_is_reached(bench, folder, tmp_path):
    notes(tmp_path / "elsewhere", "a.md")
    link(folder / "linked", tmp_path / "elsewhere")
    assert bench.base.files.import_paths([folder]).added == 1
    assert bench.base.files.import_paths([tmp_path / "elsewhere"]).unchanged == 1
    assert bench.base.files.import_paths([folder, tmp_path / "elsewhere"]).unchanged == 1


# what is hidden, ignored, made by tools


def test_hidden_files_and_folders_are_left_out(folder):
    notes(folder, "a.md", ".hidden.md", ".trash/b.md", ".obsidian/c.md", ".git/d.md", "deep/.e.md")
    assert found(folder) == ["a.md"]


@pytest.mark.parametrize(
    "name", ["node_modules", "bower_components", "__pycache__", "web/node_modules", "lib/python3.11/site-packages"]
)
def test_folders_that_tools_fill_are_left_out_and_counted(folder, name):
    notes(folder, "a.md", f"{name}/left-pad/README.md")
    assert found(folder) == ["a.md"]
    assert walked(folder).ignored == 1


@pytest.mark.parametrize("name", ["venv", "env", "my python", "deep/.venv"])
def test_python_environments_are_left_out_whatever_their_name(folder, name):
    notes(folder, "a.md", f"{name}/share/man/README.md")
    write(folder / name / "pyvenv.cfg")
    assert found(folder) == ["a.md"]


def test_a_folder_with_a_name_of_a_tool_is_read_when_it_is_named(folder):
    notes(folder / "node_modules", "a.md")
    assert found(folder / "node_modules") == ["a.md"]


IGNORED = [
    ("*.tmp.md", ["a.tmp.md", "deep/b.tmp.md"], ["a.md"]),
    ("build/", ["build/a.md", "deep/build/b.md"], ["a.md", "deep/build.md"]),
    ("/build", ["build/a.md"], ["deep/build/b.md"]),
    ("deep/*.md", ["deep/a.md"], ["a.md", "deep/er/a.md"]),
    ("**/old/**", ["old/a.md", "deep/old/er/b.md"], ["a.md"]),
    ("*.md\n!keep.md", ["a.md", "deep/b.md"], ["keep.md", "deep/keep.md"]),
    ("# a comment\n\n   \nb.md\r", ["b.md"], ["a.md"]),
    ("[\n\\\nb.md", ["b.md"], ["a.md"]),
    ("secret\\ plans.md", ["secret plans.md"], ["a.md"]),
    ("größe.md", ["größe.md"], ["a.md"]),
]


@pytest.mark.parametrize(("rules", "out", "kept"), IGNORED, ids=[rules.split("\n")[0] for rules, _, _ in IGNORED])
def test_gitignore_is_respected(folder, rules, out, kept):
    notes(folder, *out, *kept)
    write(folder / ".gitignore", rules + "\n")
    assert found(folder) == sorted(kept)


def test_a_gitignore_of_a_folder_below_holds_there_and_goes_first(folder):
    notes(folder, "a.log.md", "deep/a.log.md", "deep/b.md", "other/b.md")
    write(folder / ".gitignore", "*.log.md\n")
    write(folder / "deep" / ".gitignore", "!*.log.md\nb.md\n")
    assert found(folder) == ["deep/a.log.md", "other/b.md"]


def test_a_folder_below_an_ignored_one_cannot_be_taken_back(folder):
    notes(folder, "drafts/a.md", "drafts/b.md")
    write(folder / ".gitignore", "drafts/\n!drafts/b.md\n")
    assert found(folder) == []


def test_the_gitignore_of_the_repository_above_holds(folder):
    notes(folder, "docs/a.md", "docs/build/b.md", "docs/deep/c.md")
    (folder / ".git").mkdir()
    write(folder / ".gitignore", "build/\n/docs/deep\n")
    assert found(folder / "docs") == ["a.md"]


def test_a_gitignore_above_without_a_repository_holds_nothing(folder):
    notes(folder, "docs/a.md", "docs/b.md")
    write(folder / ".gitignore", "b.md\n")
    assert found(folder / "docs") == ["a.md", "b.md"]


@pytest.mark.parametrize("rules", ["notes/", "/notes", "notes", "*", "*.md\nnotes/"])
def test_an_ignored_folder_that_is_named_is_read(folder, rules):
    notes(folder / "notes", "a.md", "deep/b.md")
    (folder / ".git").mkdir()
    write(folder / ".gitignore", f"{rules}\n")
    assert found(folder / "notes") == ["a.md", "deep/b.md"]


def test_a_folder_below_an_ignored_folder_that_is_named_is_read(folder):
    notes(folder / "private" / "journal", "a.md")
    (folder / ".git").mkdir()
    write(folder / ".gitignore", "private/\n")
    assert found(folder / "private" / "journal") == ["a.md"]


def test_what_git_excludes_without_a_gitignore_is_left_out(folder):
    notes(folder, "a.md", "scratch.md", "deep/scratch.md")
    write(folder / ".git" / "info" / "exclude", "# git ls-files\nscratch.md\n")
    assert found(folder) == ["a.md"]
    assert found(folder / "deep") == []


def test_a_gitignore_that_is_a_folder_or_no_text_stops_nothing(folder):
    notes(folder, "a.md", "deep/b.md")
    (folder / ".gitignore").mkdir()
    (folder / "deep" / ".gitignore").write_bytes(b"\xff\xfe\x00b\n")
    assert found(folder) == ["a.md", "deep/b.md"]


# --exclude


EXCLUDED = [
    (["archive/"], ["archive/a.md", "deep/archive/b.md"], ["a.md"]),
    (["archive"], ["archive/a.md", "archive/deep/b.md"], ["a.md"]),
    (["*.draft.md"], ["a.draft.md", "deep/b.draft.md"], ["a.md"]),
    (["/a.md"], ["a.md"], ["deep/a.md"]),
    (["deep/a.md"], ["deep/a.md"], ["a.md", "other/deep/a.md"]),
    (["**/a.md"], ["a.md", "deep/a.md"], ["b.md"]),
    (["*.md", "!keep.md"], ["a.md"], ["keep.md"]),
    (["b.md", "c.md"], ["b.md", "deep/c.md"], ["a.md"]),
    (["**"], ["a.md", "deep/a.md"], []),
    ([""], [], ["a.md"]),
]


@pytest.mark.parametrize(("patterns", "out", "kept"), EXCLUDED, ids=[" ".join(case[0]) for case in EXCLUDED])
def test_patterns_are_left_out_and_counted(folder, patterns, out, kept):
    notes(folder, *out, *kept)
    assert found(folder, *patterns) == sorted(kept)
    assert bool(walked(folder, *patterns).ignored) == bool(out)


def test_a_pattern_counts_from_each_folder_that_is_given(folder):
    notes(folder, "one/a.md", "one/b.md", "two/a.md")
    walk = find_files([folder / "one", folder / "two"], SUFFIXES, ["/a.md"])
    assert [file.relative.as_posix() for file in walk.files] == ["b.md"]


def test_a_pattern_goes_before_what_gitignore_takes_back(folder):
    notes(folder, "a.md", "b.md")
    write(folder / ".gitignore", "!a.md\n")
    assert found(folder, "a.md") == ["b.md"]


def test_a_file_that_is_named_is_read_whatever_is_excluded(folder):
    notes(folder, "a.md")
    assert len(find_files([folder / "a.md"], SUFFIXES, ["*.md"]).files) == 1


def test_a_pattern_that_is_none_is_said(folder):
    with pytest.raises(InvalidInput) as raised:
        find_files([folder], SUFFIXES, ["!"])
    assert raised.value.hint


# kinds of files


TEMPLATE = "---\ntitle: {{title}}\ndate: {{date}}\n---\n# {{title}}\n\n<% tp.file.cursor() %>\n"


def imported(bench, folder: Path, **options) -> ImportReport:
    return bench.base.files.import_paths([folder], **options)


@pytest.mark.parametrize("place", ["templates/daily.md", "Templates/deep/a.md", "_templates/a.md", "meta/template.md"])
def test_templates_are_left_out_and_counted(bench, folder, place):
    write(folder / place, TEMPLATE)
    notes(folder, "a.md")
    report = imported(bench, folder)
    assert (report.added, dict(report.left_out), report.refused) == (1, {"template": 1}, [])


@pytest.mark.parametrize("place", ["a.md", "deep/a.md", "contemplate/a.md"])
def test_a_note_that_looks_like_a_template_goes_in_elsewhere(bench, folder, place):
    write(folder / place, TEMPLATE)
    report = imported(bench, folder)
    assert (report.added, report.refused, dict(report.left_out)) == (1, [], {})
    (entry,) = entries(bench)
    assert entry.title.strip()


def test_a_real_note_about_templates_goes_in(bench, folder):
    write(folder / "templates" / "jinja.md", "# Jinja templates\n\nA loop over hosts needs a filter.\n")
    assert imported(bench, folder).added == 1


NO_NOTES = {
    "package.json": '{"name": "web", "title": "A package", "version": "1.0.0", "description": "It does.", "scripts": {}}',
    "package-lock.json": '{"name": "web", "lockfileVersion": 3, "packages": {"": {"name": "web"}}}',
    "tsconfig.json": '{"compilerOptions": {"target": "es2022", "module": "esnext"}, "include": ["src"]}',
    "composer.json": '{"name": "a/b", "description": "It does.", "require": {"php": ">=8"}}',
    ".eslintrc.json": '{"rules": {"semi": "off"}}',
    "workspace.json": '{"main": {"id": "0c0c", "type": "split", "children": []}, "active": "0c0c"}',
    "manifest.json": '{"manifest_version": 3, "name": "An extension", "version": "1"}',
    "yarn.lock": "# yarn lockfile v1\n",
    "photo.png": "\x89PNG",
    "main.py": "print('no note')\n",
}


@pytest.mark.parametrize("name", NO_NOTES)
def test_files_of_tools_are_no_notes_and_cost_nothing(bench, folder, name):
    write(folder / name, NO_NOTES[name])
    notes(folder, "a.md")
    report = imported(bench, folder)
    assert (titles(bench), report.refused) == (["a.md"], [])
    assert report.left_out.total() == (0 if name.startswith(".") else 1)


def test_other_kinds_are_counted_by_their_suffix(folder):
    for name in ("a.png", "b.PNG", "c.pdf", "Makefile", "d.md"):
        write(folder / name)
    assert dict(walked(folder).left_out) == {".png": 2, ".pdf": 1, "no suffix": 1}


# whose notes they are


def test_the_mark_of_a_vault_holds_in_it_and_below(folder):
    notes(folder, "plain/a.md", "vault/b.md", "vault/deep/c.md")
    (folder / "vault" / ".obsidian").mkdir()
    marks = {file.relative.as_posix(): file.marks for file in walked(folder).files}
    assert marks == {
        "plain/a.md": frozenset(),
        "vault/b.md": {".obsidian"},
        "vault/deep/c.md": {".obsidian"},
    }


def test_the_mark_of_a_vault_above_holds_for_a_folder_and_for_a_file(folder):
    notes(folder, "deep/er/a.md")
    (folder / ".obsidian").mkdir()
    (by_folder,) = walked(folder / "deep").files
    (by_file,) = find_files([folder / "deep" / "er" / "a.md"], SUFFIXES).files
    assert by_folder.marks == by_file.marks == {".obsidian"}


def test_the_mark_of_a_vault_above_a_repository_says_nothing_of_it(folder):
    notes(folder, "repo/docs/a.md")
    (folder / ".obsidian").mkdir()
    (folder / "repo" / ".git").mkdir()
    (file,) = walked(folder / "repo" / "docs").files
    assert not file.marks


def test_the_project_is_the_top_folder_the_repository_or_the_root(bench, folder):
    notes(folder, "a.md", "work/b.md", "work/deep/c.md", "src/tool/d.md", "src/tool/docs/e.md")
    (folder / "src" / "tool" / ".git").mkdir()
    imported(bench, folder, project="auto")
    assert {entry.title: entry.project for entry in entries(bench)} == {
        "a.md": "notes",
        "work/b.md": "work",
        "work/deep/c.md": "work",
        "src/tool/d.md": "tool",
        "src/tool/docs/e.md": "tool",
    }


def test_the_project_of_a_file_that_is_named_is_its_folder(bench, folder, monkeypatch):
    notes(folder, "a.md")
    monkeypatch.chdir(folder)
    bench.base.files.import_paths(["a.md"], project="auto")
    assert entries(bench)[0].project == "notes"


def test_a_project_of_its_own_goes_before_the_one_that_is_given(bench, folder):
    write(folder / "a.md", "---\nproject: mine\n---\n# A\n")
    write(folder / "b.md", "# B\n")
    imported(bench, folder, project="theirs")
    assert {entry.title: entry.project for entry in entries(bench)} == {"A": "mine", "B": "theirs"}


# odd folders


def test_very_deep_folders_are_walked(folder):
    here, depth = folder, 0
    try:
        while depth < 400:
            here = here / "d"
            here.mkdir()
            depth += 1
    except OSError:
        assert depth > 20
    write(here.parent / "a.md")
    assert [file.path.name for file in walked(folder).files] == ["a.md"]


def test_a_folder_that_may_not_be_read_is_said_and_the_rest_goes_in(bench, folder, monkeypatch):
    notes(folder, "a.md", "closed/b.md", "z/c.md")
    real = os.scandir

    def guarded(path):
        if Path(path).name == "closed":  # root may read everything, so its mode would not do
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", guarded)
    report = imported(bench, folder)
    assert report.added == 2
    (refused,) = report.refused
    assert "closed" in refused.where
    assert "Permission denied" in refused.error.message


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_names_that_are_no_utf8_and_odd_names_are_read(bench, folder):
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.md")).write_text("# Latin name\n")
    except OSError:
        pytest.skip("the file system takes no such name")
    notes(folder, "line\nbreak.md", "- dash.md", "a#b.md", "~a.md", "$(echo).md", "🚀.md")
    report = imported(bench, folder)
    assert (report.added, report.refused) == (7, [])
    again = imported(bench, folder)
    assert (again.unchanged, again.added, again.gone) == (7, 0, [])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_does_not_hang_the_walk(folder):
    notes(folder, "a.md")
    os.mkfifo(folder / "pipe.md")
    assert found(folder) == ["a.md"]


def test_an_empty_folder_has_nothing(bench, folder):
    report = imported(bench, folder)
    assert (report.added, report.refused, report.gone) == (0, [], [])


def test_the_order_is_the_same_every_time(folder):
    notes(folder, "b.md", "a.md", "z/a.md", "m/a.md")
    assert [file.relative.as_posix() for file in walked(folder).files] == ["a.md", "b.md", "m/a.md", "z/a.md"]
