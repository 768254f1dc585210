"""A synced folder: what it is known by, which files lie in it, and who may sync it now."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rekall.entry.rules import is_ulid
from rekall.errors import InvalidInput, NotFound, StorageError, in_our_words
from rekall.exchange.folders import MACHINE_MADE, MARKS
from rekall.store.agreements import Folder
from rekall.sync.copies import without_mark
from rekall.sync.files import SUFFIXES, Root
from rekall.sync.putting import put_file
from rekall.sync.reports import Refused
from rekall.system.leftovers import sweep_beside
from rekall.system.one_by_one import one_by_one

OWN = ".rekall"
"""The folder in the folder that holds what is Rekall's own."""

IDS, DELETED = "ids", "deleted"
_ABOUT = b"This folder is synced by Rekall; the name of this file is what it is known by.\n"
_WAIT_S = 2.0
_RACY_NS = 2_000_000_000
"""The coarsest clock of a file system."""

IS_LINK = "it is a symbolic link"
"""Why a file or folder is left alone that lies elsewhere: nobody may write there."""

IS_REPOSITORY = "it is a git repository of its own"

_OF_OTHERS = frozenset((".git", "pyvenv.cfg"))
"""What lies in a folder that is no part of the one around it: another repository, an environment of Python."""

_UNFINISHED = ".part"
_PLACEHOLDER = ".icloud"
"""What iCloud puts in the place of a file that it took from this machine."""


@dataclass(slots=True)
class Scan:
    """The files of a folder.

    Attributes:
        files: What tells that a file did not change (size, time, number), by its path below the folder.
        changed_at: When each was changed, in nanoseconds.
        deleted: Ids of which a tombstone lies in the folder, with its path.
        absent: Paths of files that are in the folder, and not on this machine.
        closed: Folders that cannot be read, and repositories of their own, as paths that end in a slash.
        linked: Symbolic links in the place of folders, in the same way.
        refused: What was left alone.
        looked_at: When the look began, in nanoseconds.
        littered: Folders in which lies what a sync that ended did not finish.
    """

    files: dict[str, str] = field(default_factory=dict)
    changed_at: dict[str, int] = field(default_factory=dict)
    deleted: dict[str, Path] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    closed: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    looked_at: int = field(default_factory=time.time_ns)
    littered: set[str] = field(default_factory=set)

    def settled(self, path: str) -> str:
        """What tells later that a file did not change; nothing where it changed so shortly ago that another change looks alike."""
        age = self.looked_at - self.changed_at.get(path, self.looked_at)
        return self.files[path] if age > _RACY_NS else ""

    def is_out_of_reach(self, path: str) -> bool:
        """Whether nobody can tell if a file is there."""
        return path in self.absent or any(path.startswith(folder) for folder in (*self.closed, *self.linked))

    def link_to(self, path: str) -> str:
        """The symbolic link in the place of a folder in which a file lay, or empty."""
        return next((folder for folder in self.linked if path.startswith(folder)), "")


def root_of(folder: Path) -> Root:
    """The folder of that path.

    Raises:
        NotFound: There is none.
        InvalidInput: It is a file.
    """
    try:
        path = Path(os.path.realpath(folder))  # which Windows refuses for some of its devices
        is_there = bool(os.stat(path))
    except FileNotFoundError:
        is_there = False
    except OSError as error:
        raise in_our_words(error) from error
    if not is_there:
        raise NotFound(f"{folder} does not exist", "make the folder first, or mount it; then sync again")
    if not path.is_dir():
        raise InvalidInput(f"{folder} is a file", "`rekall sync` needs a folder; `rekall import` takes a file")
    return Root(path, frozenset(mark for mark in MARKS if (path / mark).exists()))


Tell = Callable[[str, int, int], None]
"""Is told what is being done, and of how much how much is done; 0 where nobody knows how much it will be."""


def nobody(what: str, done: int, total: int) -> None:
    """Is told, and says nothing."""


def scan(root: Root, tell: Tell = nobody) -> Scan:
    """Look at every file of a folder, and read none. Symbolic links are not followed. Raises OSError: It cannot be read."""
    found = Scan()
    waiting = [""]
    while waiting:
        below = waiting.pop()
        tell("looking for notes", len(found.files), 0)
        try:
            entries = sorted(os.scandir(root.at(below)), key=lambda each: each.name)
        except OSError as error:
            if not below:
                raise
            found.closed.append(below)
            found.refused.append(Refused(below, f"cannot be read: {error.strerror}", "check its permissions"))
            continue
        if below and (theirs := _OF_OTHERS & {each.name for each in entries}):
            found.closed.append(below)
            if ".git" in theirs:
                found.refused.append(Refused(below, IS_REPOSITORY, "sync it by itself, where it is one of notes"))
            continue
        for each in entries:
            _look(each, below, found, waiting)
    deleted = root.path / OWN / DELETED
    with contextlib.suppress(OSError):
        found.deleted = {
            path.name.upper(): path for path in sorted(deleted.iterdir()) if is_ulid(path.name) and not path.is_dir()
        }
    return found


def _look(each: os.DirEntry[str], below: str, found: Scan, waiting: list[str]) -> None:
    name = each.name
    path = below + name
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "backslashreplace").decode()
        found.refused.append(Refused(shown, "its name is no text", "give the file another name"))
        return
    if name.startswith("."):
        if name.endswith(_PLACEHOLDER):
            found.absent.add(below + name[1 : -len(_PLACEHOLDER)])
        elif name.endswith(_UNFINISHED):
            found.littered.add(below)
        return
    with contextlib.suppress(OSError):  # it went while we looked
        if each.is_symlink() or _is_junction(each):
            _link(each, path, found)
        elif each.is_dir(follow_symlinks=False):
            waiting.extend(() if name in MACHINE_MADE else (f"{path}/",))
        elif _is_note(name):
            status = os.stat(each.path) if os.name == "nt" else each.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found.files[path] = seen_of(status)
                found.changed_at[path] = status.st_mtime_ns


def _link(each: os.DirEntry[str], path: str, found: Scan) -> None:
    """Note a symbolic link: what it leads to is not ours, and what lay in its place is not gone."""
    if _is_note(each.name):
        found.absent.add(path)
        found.refused.append(Refused(path, IS_LINK, "put the file itself there"))
    elif each.is_dir():
        found.linked.append(f"{path}/")


def _is_junction(each: os.DirEntry[str]) -> bool:
    """Whether Windows takes a folder for another one, which `is_symlink` does not tell: it may lead back to where we are."""
    tag = getattr(each.stat(follow_symlinks=False), "st_reparse_tag", 0) if os.name == "nt" else 0
    return tag != 0 and tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", 0)


def _is_note(name: str) -> bool:
    """Whether a file may hold an entry, or is another version of one that git left."""
    return without_mark(name).lower().endswith(SUFFIXES)


def seen_of(status: os.stat_result) -> str:
    """What tells that a file did not change since."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"


def tidy(root: Root, found: Scan) -> None:
    """Remove what syncs of dead processes did not finish."""
    for folder in (*sorted(found.littered), f"{OWN}/{IDS}", f"{OWN}/{DELETED}"):
        if (root.path / folder).is_dir():
            sweep_beside(root.path / folder)


def ids_of(root: Root) -> list[str]:
    """What the folder is known by, the first name first; two bases that sync it at once give it one each."""
    try:
        return sorted(name.upper() for name in os.listdir(root.path / OWN / IDS) if is_ulid(name))
    except OSError:
        return []


def put_id(root: Root, folder_id: str) -> None:
    """Let the folder be known by an id."""
    place = root.path / OWN / IDS
    place.mkdir(parents=True, exist_ok=True)
    if not (place / folder_id).exists():
        put_file(place / folder_id, _ABOUT)


def known(root: Root, ids: Sequence[str], folders: Sequence[Folder]) -> Folder | None:
    """The folder among those that a base is synced with; one that was moved or mounted elsewhere is the same.

    A copy of a folder, whose first one is still where it was, is another one.
    """
    place = str(root.path)
    here = [each for each in folders if each.place == place]
    for each in here:
        if not ids or id_in(each) in ids:
            return each
    for each in folders:
        if id_in(each) in ids and each not in here and not _is_there(root, each):
            return each
    return None


def new_folder(root: Root, folder_id: str, folders: Sequence[Folder]) -> Folder:
    """A folder that the base was never synced with; a second one of the same id is told by its place."""
    taken = any(each.id == folder_id for each in folders)
    return Folder(0, f"{folder_id} {root.path}" if taken else folder_id, str(root.path))


def id_in(folder: Folder) -> str:
    """What lies in a folder that is known."""
    return folder.id.split(" ", 1)[0]


def _is_there(root: Root, folder: Folder) -> bool:
    """Whether a folder is still where it lay, and is not this one under another name."""
    place = Path(folder.place)
    if id_in(folder) not in ids_of(Root(place)):
        return False
    try:
        return not os.path.samefile(place, root.path)
    except OSError:
        return False


@contextlib.contextmanager
def alone(root: Root) -> Iterator[None]:
    """Let one process at a time sync a folder.

    Raises:
        StorageError: Another one is at it.
    """
    (root.path / OWN).mkdir(exist_ok=True)
    try:
        with one_by_one(root.path / OWN / "sync", _WAIT_S):
            yield
    except TimeoutError as error:
        raise StorageError(
            f"another Rekall is syncing {root.path}", "try again in a moment; `rekall sync --watch` may be running"
        ) from error
