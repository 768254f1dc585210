"""The project of a folder: every layout that git makes, made by git itself, and what names it otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.systems import named_pipes, not_on_windows

from rekall.app import App
from rekall.system.git_config import read_settings
from rekall.system.repository import Project, project_of, repository_name

needs_git = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


@pytest.fixture(autouse=True)
def own_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without a configuration of git, and nothing of this machine's."""
    for name in list(os.environ):
        if name.startswith("GIT_") or name == "XDG_CONFIG_HOME":
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
    user = tmp_path / "user"
    user.mkdir()
    return user


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n\0")


def made(folder: Path, origin: str = "") -> Path:
    """A repository with one commit."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    if origin:
        git(folder, "remote", "add", "origin", origin)
    return folder


def name_of(folder: Path) -> str | None:
    found = project_of(folder)
    return found.name if found else None


@needs_git
def test_a_folder_belongs_to_the_repository_around_it(tmp_path):
    top = made(tmp_path / "webapp")
    deep = top / "src" / "pages"
    deep.mkdir(parents=True)
    assert project_of(top) == Project("webapp", "the folder")
    assert name_of(deep) == "webapp"
    assert name_of(top / ".git" / "hooks") == "webapp"
    assert name_of(top / "not there yet") == "webapp"
    assert project_of(tmp_path) is None


@needs_git
def test_every_clone_of_a_repository_is_one_project(tmp_path):
    made(tmp_path / "webapp")
    git(tmp_path, "clone", "-q", str(tmp_path / "webapp"), "second-copy")
    assert project_of(tmp_path / "second-copy") == Project("webapp", "the remote origin")

    other = made(tmp_path / "elsewhere")
    git(other, "remote", "add", "upstream", "git@example.org:acme/toolbox.git")
    assert project_of(other) == Project("toolbox", "the remote upstream")
    git(other, "remote", "add", "fork", "git@example.org:me/toolbox-fork.git")
    assert name_of(other) == "elsewhere"  # nobody could say which of them


@needs_git
def test_worktrees_belong_to_the_repository_and_submodules_are_their_own(tmp_path):
    part, whole = made(tmp_path / "part"), made(tmp_path / "whole")
    git(whole, "worktree", "add", "-q", "../fix-1", "-b", "fix-1")
    git(whole, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(part), "vendor/renamed")
    inside = whole / "vendor" / "renamed"
    assert name_of(tmp_path / "fix-1") == "whole"
    assert name_of(inside) == "part"
    git(inside, "remote", "remove", "origin")
    assert name_of(inside) == "renamed"
    git(inside, "worktree", "add", "-q", str(tmp_path / "sub-fix"), "-b", "x")
    assert name_of(tmp_path / "sub-fix") == "renamed"

    shutil.rmtree(tmp_path / "fix-1" / ".git", ignore_errors=True)
    shutil.move(str(whole), tmp_path / "moved")  # the worktree's pointer leads nowhere now
    assert name_of(tmp_path / "fix-1") == "whole"


@needs_git
def test_bare_repositories_and_folders_of_git_that_lie_elsewhere(tmp_path):
    made(tmp_path / "webapp")
    git(tmp_path, "clone", "-q", "--bare", "webapp", "mirror.git")
    git(tmp_path / "mirror.git", "remote", "remove", "origin")
    assert name_of(tmp_path / "mirror.git") == "mirror"
    assert name_of(tmp_path / "mirror.git" / "hooks") == "mirror"

    layout = tmp_path / "shop"  # a bare repository that nobody sees, and worktrees beside it
    layout.mkdir()
    git(tmp_path, "clone", "-q", "--bare", "webapp", "shop/.bare")
    git(layout / ".bare", "remote", "remove", "origin")
    (layout / ".git").write_text("gitdir: ./.bare\n")
    git(layout, "worktree", "add", "-q", "feature", "-b", "feature")
    assert name_of(layout) == name_of(layout / "feature") == "shop"

    apart = tmp_path / "apart"
    (tmp_path / "stores").mkdir()
    git(tmp_path, "init", "-q", f"--separate-git-dir={tmp_path / 'stores' / 'x.git'}", str(apart))
    assert name_of(apart) == "apart"


@needs_git
def test_links_and_ceilings(tmp_path, monkeypatch):
    top = made(tmp_path / "webapp")
    inside = top / "src"
    inside.mkdir()
    (tmp_path / "way").symlink_to(inside)
    assert name_of(tmp_path / "way") == "webapp"
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", os.pathsep.join((str(tmp_path / "other"), str(top))))
    assert name_of(inside) is None
    assert name_of(top) == "webapp"  # a ceiling is no bar to where one stands


@needs_git
def test_what_git_sets_for_its_hooks(tmp_path, monkeypatch):
    top, other = made(tmp_path / "webapp"), made(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(top / ".git"))
    monkeypatch.chdir(tmp_path)
    assert name_of(tmp_path) == "webapp"
    assert name_of(other) == "other"  # it speaks of where the process stands
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "gone"))
    assert name_of(tmp_path) is None


@needs_git
def test_a_home_folder_under_git_is_a_project_only_where_it_says_so(tmp_path, own_user):
    git(own_user, "init", "-q")
    documents = own_user / "documents"
    documents.mkdir()
    (own_user / ".gitconfig").write_text("[rekall]\n\tproject = everything\n")
    assert project_of(documents) is None
    assert name_of(made(own_user / "src" / "webapp")) == "everything"
    git(own_user, "config", "rekall.project", "dotfiles")
    assert project_of(documents) == Project("dotfiles", "git config")


@needs_git
def test_the_configuration_of_git_names_the_project(tmp_path, own_user):
    top = made(tmp_path / "job" / "api", "https://example.org/acme/api.git")
    (own_user / ".gitconfig").write_text('[includeIf "gitdir:**/job/"]\n  path = ~/job.inc\n')
    (own_user / "job.inc").write_text("[Rekall]\n  Project = acme api # the old one\n")
    for expected, change in (
        ("acme api", ()),
        ("a #1", ("config", "rekall.project", "a #1")),
        ("b", ("config", "--local", "rekall.project", "b")),
    ):
        if change:
            git(top, *change)
        assert name_of(top) == expected == git(top, "config", "rekall.project")
    git(top, "worktree", "add", "-q", "../api-2", "-b", "two")
    git(top, "config", "extensions.worktreeConfig", "true")
    git(tmp_path / "job" / "api-2", "config", "--worktree", "rekall.project", "only here")
    assert (name_of(tmp_path / "job" / "api-2"), name_of(top)) == ("only here", "b")
    git(top, "config", "rekall.project", "")
    assert project_of(top) is None


@needs_git
@pytest.mark.parametrize(
    "pattern",
    [
        "work/", "work/api/.git", "work/**", "w*k/", "wor?/", "[vw]ork/", "work/*/", "work/*/.git", "api/", "pi/", "*/", "**", "*",
        "**/api/**/.git", "work/**/.git/", "**/.git/**", "WORK/", f"{'**/' * 60}nowhere/", f"**/{'*a' * 60}/", "",
    ],
)  # fmt: skip
def test_a_condition_holds_where_git_says_so(tmp_path, own_user, pattern):
    top = made(tmp_path / "job" / "api")
    (own_user / "other.inc").write_text("[rekall]\nproject = other\n")
    for kind in ("gitdir", "gitdir/i"):
        (own_user / ".gitconfig").write_text(
            f'[rekall]\nproject = own\n[includeIf "{kind}:{pattern}"]\npath = ~/other.inc\n'
        )
        if "nowhere" in pattern or "*a*a" in pattern:  # git itself takes as long as it takes
            assert name_of(top) == "own"
        else:
            assert name_of(top) == git(top, "config", "rekall.project")


@needs_git
def test_our_own_file_goes_before_all(tmp_path):
    top = made(tmp_path / "mono", "https://example.org/acme/mono.git")
    parts = top / "parts" / "billing"
    parts.mkdir(parents=True)
    git(top, "config", "rekall.project", "by git")
    (top / "parts" / ".rekall.toml").write_text('project = "parts"\n')
    assert project_of(parts) == Project("parts", ".rekall.toml")
    assert name_of(top) == "by git"
    (parts / ".rekall.toml").write_text('\ufeffproject = "billing"\r\n', "utf-8")
    assert name_of(parts) == "billing"
    for none in ("false", '""', '"-"'):
        (parts / ".rekall.toml").write_text(f"project = {none}\n")
        assert project_of(parts) is None

    (tmp_path / "notes" / "2026").mkdir(parents=True)  # without git
    (tmp_path / "notes" / ".rekall.toml").write_text("project = 'diary'\n")
    assert name_of(tmp_path / "notes" / "2026") == "diary"


@pytest.mark.parametrize(
    "text",
    [
        "project = [1]\n",
        "project = diary\n",
        "[project]\nname = 'x'\n",
        "name = 'x'\n",
        'project = "a\\u0000b"\n',
        'project = "a\\u202Eb"\n',
        'project = "a\\nb"\n',
        f'project = "{"x" * 101}"\n',
        "a = " + "[" * 5_000,
    ],
)
def test_a_file_of_ours_that_names_no_project_is_told_of(tmp_path, text):
    (tmp_path / ".rekall.toml").write_text(text)
    told: list[str] = []
    assert project_of(tmp_path, tell=told.append) is None
    assert len(told) == 1
    assert str(tmp_path / ".rekall.toml") in told[0]
    assert len(told[0]) < 500


@named_pipes
def test_nothing_is_waited_for_and_nothing_large_is_read(tmp_path):
    (tmp_path / "a" / ".git").mkdir(parents=True)  # git takes that for none
    os.mkfifo(tmp_path / "a" / ".rekall.toml")
    told: list[str] = []
    assert project_of(tmp_path / "a", tell=told.append) is None
    assert "cannot be read" in told[0]
    (tmp_path / "b" / ".git").mkdir(parents=True)
    (tmp_path / "b" / ".rekall.toml").write_text("#" * 2_000_000)
    assert project_of(tmp_path / "b") is None
    (tmp_path / "c").mkdir()
    os.mkfifo(tmp_path / "c" / ".git")
    assert project_of(tmp_path / "c") is None


def test_a_repository_whose_name_cannot_be_one_is_told_of(tmp_path):
    top = tmp_path / "a\u202eb"
    for each in ("objects", "refs"):
        (top / ".git" / each).mkdir(parents=True)
    (top / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    told: list[str] = []
    assert project_of(top, tell=told.append) is None
    assert len(told) == 1
    (top / ".git" / "config").write_text('[remote "origin"]\nurl = https://example.org/acme/fine.git\n')
    assert name_of(top) == "fine"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://example.org/acme/webapp.git", "webapp"),
        ("https://example.org/acme/webapp/", "webapp"),
        ("https://me:secret@example.org/acme/webapp.git?x=1#y", "webapp"),
        ("https://secret@example.org", ""),
        ("https://example.org/acme/my%20app.git", "my app"),
        ("git@example.org:acme/webapp.git", "webapp"),
        ("git@example.org:webapp", "webapp"),
        ("ssh://git@example.org:2222/~/webapp.git", "webapp"),
        ("file:///srv/git/webapp.git/", "webapp"),
        ("/srv/webapp/.git", "webapp"),
        ("../webapp", "webapp"),
        ("C:\\repos\\webapp.git", "webapp"),
        ("/media/stick/webapp.bundle", "webapp"),
        ("codecommit::eu-west-1://me@WebApp", "WebApp"),
        ("codecommit://me@WebApp", "WebApp"),
        ("https://dev.example.org/org/project/_git/webapp", "webapp"),
        (".", ""),
        ("..", ""),
        ("", ""),
        ("/", ""),
        (".git", ""),
    ],
)
def test_the_name_of_a_repository_in_an_address(address, name):
    assert repository_name(address) == name


@needs_git
@pytest.mark.parametrize(
    "text",
    [
        "[rekall]project=a",
        "[rekall] project = a b  # no\n",
        '[rekall]\n\tproject = "a # b" ; c\n',
        '[rekall]\n\tproject = "  a  "  \n',
        "[rekall]\n\tproject = a\\\n  b\n",
        '[rekall]\n\tproject = a\\tb\\\\c\\"d\n',
        "[REKALL]\nPROJECT = a\n[other]\nproject = b\n",
        '[rekall "sub"]\nproject = b\n[rekall]\nproject = a\n[rekall "project"]\nx = y\n',
        "; project\n[rekall] ; here\n# not\nproject = a\nproject = b\n",
        "\ufeff[rekall]\r\nproject = a\r\n",
        '[a "b\\"]c"] x = 1\n[rekall]\nproject = äöü\n',
        "[a]\nx\n[rekall]\nproject = a",
        "[rekall]\nproject =\n",
        '[a][b "c"] [rekall]  project = a\n',
    ],
)
def test_a_configuration_says_what_git_says(tmp_path, text):
    file = tmp_path / "config"
    file.write_bytes(text.encode())
    found = [
        each for each in read_settings(str(file), str(tmp_path)) if each.section == "rekall" and not each.subsection
    ]
    assert found[-1].name == "project"
    assert found[-1].value == git(tmp_path, "config", "-z", "-f", str(file), "rekall.project")


@given(st.text(st.sampled_from('[]"\\#;= \t\nrekalproject.inud:/*'), max_size=80))
def test_any_configuration_can_be_read(text):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config"
        file.write_text(text, "utf-8")
        assert all(each.name for each in read_settings(str(file), folder))


@pytest.mark.parametrize("times", [1, 2_000])
def test_a_configuration_that_includes_itself_ends(tmp_path, times):
    file = tmp_path / "config"
    file.write_text("[rekall]\nproject = a\n" + "[include]\npath = config\n" * times)
    assert {each.value for each in read_settings(str(file), "/x") if each.name == "project"} == {"a"}


def test_a_long_file_of_ours_is_passed_over_and_told_of(tmp_path):
    top = tmp_path / "webapp"
    top.mkdir()
    (top / ".rekall.toml").write_text("a" + ".a" * 40_000 + " = 1\nproject = 'x'\n")
    notes: list[str] = []
    assert project_of(top, tell=notes.append) is None
    assert "longer than 8,000 bytes" in notes[0]


def test_the_application_knows_where_it_stands(tmp_path, monkeypatch):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / ".rekall.toml").write_text("project = 'diary'\n")
    monkeypatch.chdir(tmp_path / "notes")
    assert App().project() is None  # the tests' home says so
    assert App(flags={"add.project": "auto"}).project() == Project("diary", ".rekall.toml")


@not_on_windows("a folder in which somebody stands cannot be removed there")
def test_where_it_stands_is_gone(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert App(flags={"add.project": "auto"}).project() is None
