"""Finds the files that an import reads: folders are walked once, what is no note of anybody's is left out and counted."""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rekall.errors import InvalidInput, NotFound
from rekall.exchange.bounds import read_whole
from rekall.system.homes import home_folder
from rekall.system.spelling import openable

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MACHINE_MADE = frozenset(
    ("node_modules", "bower_components", "jspm_packages", "__pycache__", "site-packages", "dist-packages")
)
"""Folders that tools fill, and in which nobody keeps notes."""

OWN_BASE = "rekall.db"
"""What our own base is called. It is no note; whoever names it is told how its entries get out."""

MARKS = frozenset((".obsidian", "logseq", "dendron.yml", "dendron.code-workspace", ".zk", ".foam", ".trilium"))
"""What lies in a folder of notes and tells whose it is."""

_MOST_RULES_BYTES = 256 * 1024
"""A longer `.gitignore` is none; each of its lines becomes a pattern that every file is held against."""

_IGNORE_FILES = (".git/info/exclude", ".gitignore")
"""Where git reads what it leaves out; what comes later goes before what comes earlier."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to import. Paths are kept as texts: fifty thousand of them are 15 MB, and 60 MB as objects.

    Attributes:
        name: The file, as it was reached.
        below: Its place below the path that was given, with slashes; its name alone when it was given itself.
        root: The path that was given.
        marks: What tells whose notes it lies among.
        repository: The name of the nearest git repository strictly below the root, or empty.
    """

    name: str
    below: str
    root: Path
    marks: frozenset[str] = frozenset()
    repository: str = ""

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.name)

    @property
    def relative(self) -> PurePosixPath:
        """Its place below the path that was given."""
        return PurePosixPath(self.below)


@dataclass(slots=True)
class Walk:
    """What was found under the paths of an import.

    Attributes:
        files: The files to read, in order, each once.
        left_out: How many files of other kinds there are, by suffix.
        ignored: How many files and folders `.gitignore`, `--exclude` and names of machine-made folders left out.
        unreadable: Folders that could not be read, with the reason.
        linked: Folders that symbolic links led to.
    """

    files: list[File] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    ignored: int = 0
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    linked: list[Path] = field(default_factory=list)


def find_files(paths: Iterable[Path], suffixes: Iterable[str], exclude: Sequence[str] = ()) -> Walk:
    """The files that an import of these paths reads.

    Folders are walked, through symbolic links too, each once. Hidden files, machine-made folders, and what `.gitignore`
    or `exclude` name are left out; what is given itself is always read.

    Args:
        paths: Files and folders.
        suffixes: Of files in folders, in lower case, with the dot; an empty one for files without.
        exclude: Patterns as in a `.gitignore`, from each folder that is given.

    Raises:
        NotFound: A path does not exist.
        InvalidInput: A pattern is none.
    """
    walker = _Walker(frozenset(suffixes), exclude)
    for path in paths:
        if os.path.isdir(openable(path)):
            walker.walk(path)
        elif os.path.exists(openable(path)):
            walker.add(File(str(path), path.name, path, _marks_above(path.parent)))
        else:
            raise NotFound(f"{path} does not exist", "check the path; `rekall import` takes files and folders")
    return walker.found


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to walk: its root, the rules that hold in it, and what is known of it."""

    path: Path
    root: Path
    specs: list[tuple[Path, GitIgnoreSpec]]
    marks: frozenset[str]
    repository: str

    @property
    def below(self) -> str:
        """Its place below the root, with slashes."""
        return self.path.relative_to(self.root).as_posix()

    def entered(self, names: set[str]) -> _Folder | None:
        """The same with what lies in it; None where it is a Python environment."""
        is_root = self.path == self.root
        if "pyvenv.cfg" in names and not is_root:
            return None
        spec = _ignore_file(self.path) if names & {".git", ".gitignore"} else None
        return replace(
            self,
            specs=[*self.specs, (self.path, spec)] if spec else self.specs,
            marks=self.marks | (MARKS & names),
            repository=self.path.name if ".git" in names and not is_root else self.repository,
        )


def _kind(entry: os.DirEntry[str]) -> str:
    """What an entry of a folder is: "folder", "file", or empty for what is neither: a link that leads nowhere or round in a circle, a socket."""
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else ""
    except OSError:
        return ""


class _Walker:
    def __init__(self, suffixes: frozenset[str], exclude: Sequence[str]) -> None:
        self.found = Walk()
        self._suffixes = suffixes
        self._exclude = _spec(exclude) if exclude else None
        self._files: set[tuple[int, int] | str] = set()
        self._folders: set[tuple[int, int] | str] = set()

    def add(self, file: File) -> None:
        try:
            known = _identity(file.name)
        except OSError:  # it was taken away, or its path is too long: reading it says so
            known = file.name
        if known not in self._files:
            self._files.add(known)
            self.found.files.append(file)

    def walk(self, root: Path) -> None:
        above = [(folder, spec) for folder in _up_to_repository(root) if (spec := _ignore_file(folder))]
        if any(_is_ignored(spec, root, folder, is_folder=True) for folder, spec in above):
            above = []  # whoever names an ignored folder wants it
        waiting = [_Folder(root, root, above, _marks_above(root), "")]
        while waiting:
            waiting += reversed(self._folders_in(waiting.pop()))

    def _folders_in(self, folder: _Folder) -> list[_Folder]:
        """Take the files of a folder. Returns the folders in it."""
        try:
            known = _identity(str(folder.path))
            if known in self._folders:
                return []
            self._folders.add(known)
            with os.scandir(openable(folder.path)) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:  # also a path that is longer than a path may be
            self.found.unreadable.append((folder.path, error.strerror or str(error)))
            return []
        if folder.path != folder.root and folder.path.is_symlink():
            self.found.linked.append(folder.path)
        here = folder.entered({entry.name for entry in inside})
        if here is None:
            self.found.ignored += 1
            return []
        kinds = [(entry.name, _kind(entry)) for entry in inside if not entry.name.startswith(".")]
        kept = [(name, kind) for name, kind in kinds if kind and not self._is_left_out(name, here, kind == "folder")]
        self.found.ignored += sum(1 for _, kind in kinds if kind) - len(kept)
        self._take([name for name, kind in kept if kind == "file"], here)
        return [replace(here, path=here.path / name) for name, kind in kept if kind == "folder"]

    def _take(self, names: Iterable[str], here: _Folder) -> None:
        """Take files of a folder. Their paths are put together as texts: as objects they would take most of a walk's time."""
        path, below = (str(folder / "x")[:-1] for folder in (here.path, PurePosixPath(here.below)))
        for name in names:
            dot = name.rfind(".")
            suffix = name[dot:].lower() if 0 < dot < len(name) - 1 else ""
            if suffix in self._suffixes and name != OWN_BASE:
                self.add(File(path + name, below + name, here.root, here.marks, here.repository))
            else:
                self.found.left_out[suffix or "no suffix"] += 1

    def _is_left_out(self, name: str, here: _Folder, is_folder: bool) -> bool:
        if is_folder and name in MACHINE_MADE:
            return True
        if not self._exclude and not here.specs:
            return False
        path = here.path / name
        if self._exclude and _is_ignored(self._exclude, path, here.root, is_folder=is_folder):
            return True
        for folder, spec in reversed(here.specs):  # the nearest that says anything decides
            said = spec.check_file(_below(path, folder, is_folder)).include
            if said is not None:
                return bool(said)
        return False


def _spec(lines: Iterable[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        return GitIgnoreSpec.from_lines(lines)
    except (GitIgnorePatternError, ValueError) as error:
        raise InvalidInput(
            f"a pattern is not valid: {error}", "write it as in a .gitignore: `*.bak`, `drafts/`"
        ) from error


def _ignore_file(folder: Path) -> GitIgnoreSpec | None:
    """The rules of a folder's own `.gitignore`, and of a repository's own; what makes no sense counts for nothing, as with git."""
    lines = []
    for file in _IGNORE_FILES:
        with contextlib.suppress(OSError, InvalidInput):
            lines += read_whole(folder / file, _MOST_RULES_BYTES).decode("utf-8", "replace").splitlines()
    sound = []
    for line in lines:
        try:
            _spec([line])
        except InvalidInput:
            continue
        sound.append(line)
    return _spec(sound) if sound else None


def _is_ignored(spec: GitIgnoreSpec, path: Path, folder: Path, *, is_folder: bool) -> bool:
    return bool(spec.check_file(_below(path, folder, is_folder)).include)


def _below(path: Path, folder: Path, is_folder: bool) -> str:
    return path.absolute().relative_to(folder.absolute()).as_posix() + ("/" if is_folder else "")


def _up_to_repository(root: Path) -> Iterator[Path]:
    """The folders above a root, as far as the git repository that holds it; none where none does."""
    above = list(root.absolute().parents)
    top = next((place for place, folder in enumerate(above) if (folder / ".git").exists()), None)
    is_top = (root / ".git").exists()
    return iter(() if top is None or is_top else reversed(above[: top + 1]))


def _marks_above(folder: Path) -> frozenset[str]:
    """What tells whose notes a folder lies among, from the folders above it."""
    home = home_folder()
    for above in (folder.absolute(), *folder.absolute().parents):
        found = frozenset(mark for mark in MARKS if (above / mark).exists())
        if found:
            return found
        if (above / ".git").exists() or above == home:
            break
    return frozenset()


def _identity(name: str) -> tuple[int, int] | str:
    """What tells a file from all others, whichever way it was reached."""
    status = os.stat(openable(name))
    if status.st_ino and (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
        return status.st_dev, status.st_ino
    return os.path.normcase(Path(name).resolve())
