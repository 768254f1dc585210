"""The project of a folder: the git repository it lies in, found by reading git's files; no program is started.

A worktree belongs to the repository it was made from, a submodule is a project of its own. docs/adr/0026 says how the name is
chosen.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.entry import rules
from rekall.errors import InvalidInput
from rekall.system.git_config import Setting, read_settings, small_file, users_files

OWN_FILE = ".rekall.toml"
"""A file of this name says what the project of its folder is, and of everything below."""

_NAMED = ("rekall", "", "project")
_MOST_CHARS = 100
_MOST_FOLDERS = 200
_MOST_OWN_BYTES = 8_000
"""Of our own file: TOML's reader takes minutes for some that are longer, and one line is all it needs."""
_HELPER = re.compile(r"\A[A-Za-z0-9-]+::")
"""What hands an address to another program: `codecommit::eu-west-1://webapp`."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Project:
    """What somebody works on.

    Attributes:
        name: Its name, as entries have it.
        source: Where the name comes from, as one says it: ".rekall.toml", "git config", "the remote origin", "the folder".
    """

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class _Repository:
    """A repository as it lies on the disk.

    Attributes:
        top: The folder in which its files are checked out.
        own: The folder of git's files of this checkout.
        common: The same of the repository; another one where this is a worktree.
    """

    top: str
    own: str
    common: str

    @property
    def folder_name(self) -> str:
        """What the folder calls it: of a worktree and a bare one, the repository's own."""
        if self.common == self.own and self.top != self.own:
            return os.path.basename(self.top)
        name = os.path.basename(self.common).removesuffix(".git")
        return os.path.basename(os.path.dirname(self.common)) if not name or name.startswith(".") else name


def project_of(
    folder: Path, environ: Mapping[str, str] = os.environ, tell: Callable[[str], None] = lambda _: None
) -> Project | None:
    """The project that a folder belongs to; None where it is in none, or one that says it has no name.

    Args:
        folder: Any folder; it need not be there.
        environ: The environment.
        tell: Takes what somebody should know of a name that could not be used.
    """
    start = os.path.realpath(folder)
    above = _folders_upward(start, environ)
    for each in above:
        path = os.path.join(each, OWN_FILE)
        said = _own_name(path, tell)
        if said is not None:
            return _project(said, OWN_FILE, path, tell)
    found = _named_by_environment(start, environ) or _nearest(above)
    return None if found is None else _project_of(found, environ, tell)


def project_here(environ: Mapping[str, str], tell: Callable[[str], None]) -> Project | None:
    """The project of the folder that this process stands in; None also where that folder is gone."""
    try:
        folder = os.getcwd()
    except OSError:
        return None
    return project_of(Path(folder), environ, tell)


def _folders_upward(start: str, environ: Mapping[str, str]) -> list[str]:
    """A folder and those above it, up to where git would stop looking."""
    ceilings, as_they_are = set(), False
    for each in environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep):
        if not each:
            as_they_are = True  # those behind an empty one hold no links
        elif os.path.isabs(each):
            ceilings.add(os.path.normpath(each) if as_they_are else os.path.realpath(each))
    found = [start]
    while len(found) < _MOST_FOLDERS:
        parent = os.path.dirname(found[-1])
        if parent == found[-1] or parent in ceilings:
            break
        found.append(parent)
    return found


def _nearest(above: list[str]) -> _Repository | None:
    """The repository whose checkout, or whose own folder, is the first of these."""
    for top in above:
        beside = os.path.join(top, ".git")
        if os.path.isdir(beside):
            if _is_git_folder(beside):
                return _Repository(top, beside, _common(beside))
        elif (pointer := small_file(beside)) and pointer.startswith("gitdir:"):
            own = os.path.normpath(os.path.join(top, pointer.removeprefix("gitdir:").strip("\r\n \t")))
            return _Repository(top, own, _common(own))
        if _is_git_folder(top):
            is_beside = os.path.basename(top) == ".git"
            return _Repository(os.path.dirname(top) if is_beside else top, top, _common(top))
    return None


def _named_by_environment(start: str, environ: Mapping[str, str]) -> _Repository | None:
    """The repository that $GIT_DIR names, as in a hook of git; it says nothing about folders elsewhere."""
    named = environ.get("GIT_DIR")
    try:
        is_here = bool(named) and os.path.samefile(start, os.getcwd())
    except OSError:
        is_here = False
    own = os.path.normpath(os.path.join(start, named or ""))
    if not is_here or not _is_git_folder(own):
        return None
    tree = environ.get("GIT_WORK_TREE")
    is_beside = os.path.basename(own) == ".git"
    top = os.path.join(start, tree) if tree else os.path.dirname(own) if is_beside else own
    return _Repository(os.path.normpath(top), own, _common(own))


def _is_git_folder(path: str) -> bool:
    if not os.path.lexists(os.path.join(path, "HEAD")):
        return False
    if os.path.isfile(os.path.join(path, "commondir")):
        return True
    return os.path.isdir(os.path.join(path, "objects")) and os.path.isdir(os.path.join(path, "refs"))


def _common(own: str) -> str:
    """The folder that all worktrees of a repository share; also of a worktree whose repository is out of sight."""
    said = (small_file(os.path.join(own, "commondir")) or "").strip("\r\n")
    if said:
        return os.path.normpath(os.path.join(own, said))
    parent = os.path.dirname(own)
    is_lost = os.path.basename(parent) == "worktrees" and not os.path.isdir(own)
    return os.path.dirname(parent) if is_lost else own


def _project_of(found: _Repository, environ: Mapping[str, str], tell: Callable[[str], None]) -> Project | None:
    """The project that a repository is; a home folder under git is one only where its own configuration says so."""
    home = environ.get("HOME") or os.path.expanduser("~")
    settings = list(read_settings(os.path.join(found.common, "config"), found.own))
    if any((each.section, each.name) == ("extensions", "worktreeconfig") and each.is_true for each in settings):
        settings += read_settings(os.path.join(found.own, "config.worktree"), found.own)
    is_home = os.path.realpath(found.top) in (os.path.realpath(home), os.path.abspath(os.sep))
    users = [] if is_home else [each for path in users_files(environ, home) for each in read_settings(path, found.own)]
    named = [each.value for each in (*users, *settings) if (each.section, each.subsection, each.name) == _NAMED]
    if named:
        return _project(named[-1] or "", "git config", "rekall.project of git's configuration", tell)
    if is_home:
        return None
    remote, address = _remote(settings)
    name = repository_name(address)
    if name:
        return _project(name, f"the remote {remote}", f"the remote {remote}", tell)
    return _project(found.folder_name, "the folder", found.top, tell)


def _remote(settings: list[Setting]) -> tuple[str, str]:
    """The remote that names a repository, and its address: origin, or the only one."""
    addresses: dict[str, str] = {}
    for each in settings:
        if each.section == "remote" and each.name == "url" and each.value:
            addresses.setdefault(each.subsection, each.value)
    if "origin" in addresses:
        return "origin", addresses["origin"]
    return next(iter(addresses.items())) if len(addresses) == 1 else ("", "")


def repository_name(address: str) -> str:
    """The name of a repository in the address of a remote; empty where it has none.

    Nothing of an address but the last part of its path is looked at: the rest may hold a password.
    """
    is_codecommit = address.startswith("codecommit:")
    path = _HELPER.sub("", address.strip())
    scheme = _SCHEME.match(path)
    if scheme:
        host, _, path = path[scheme.end() :].partition("/")
        if is_codecommit:  # it has no host
            path = path or host.rpartition("@")[2]
        path = re.split(r"[?#]", path)[0]
        if "%" in path:
            from urllib.parse import unquote

            path = unquote(path)
    parts = [part for part in re.split(r"[/\\]", path) if part]
    while parts and parts[-1] == ".git":
        parts.pop()
    name = parts[-1] if parts else ""
    if not scheme and len(parts) == 1:  # host:name, C:name
        name = name.rpartition(":")[2]
    name = name.removesuffix(".bundle").removesuffix(".git")
    return "" if name in (".", "..", "~") else name


def _own_name(path: str, tell: Callable[[str], None]) -> str | None:
    """The project that a file of ours names, empty where it says there is none; None where there is no such file."""
    text = small_file(path, _MOST_OWN_BYTES)
    if text is None:
        if os.path.lexists(path):
            tell(f"{path} is passed over: it cannot be read, or is longer than {_MOST_OWN_BYTES:,} bytes")
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        said: Mapping[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        tell(f'{path} is passed over: {str(error).partition(chr(10))[0]}; it should say: project = "name"')
        return None
    name = said.get("project")
    if not isinstance(name, str) and name is not False:
        tell(f'{path} is passed over: it should say: project = "name"')
        return None
    return name or ""


def _project(name: str, source: str, place: str, tell: Callable[[str], None]) -> Project | None:
    """A project of a name that an entry may have; an empty name is none, and so is a dash, as for `-p`."""
    if name.strip() in ("", "-"):
        return None
    try:
        if len(name) > _MOST_CHARS:
            raise InvalidInput(f"the project has {len(name):,} characters, the limit is {_MOST_CHARS}")
        line = rules.one_line(name, "project")
    except InvalidInput as error:
        tell(f"{place} names no project: {error.message}")
        return None
    if not name.isprintable() or "\ufffd" in name:
        tell(f"{place} names no project: the name holds characters that nobody sees")
        return None
    return Project(line, source)


def top_of(folder: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder in which the repository that a folder lies in is checked out; None where it lies in none."""
    start = os.path.realpath(folder)
    found = _named_by_environment(start, environ) or _nearest(_folders_upward(start, environ))
    return None if found is None or found.top == found.own else Path(found.top)
