"""One sync of a folder: through git where that has a part in it, else alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.errors import InvalidInput, NotFound
from rekall.exchange.folders import OWN_BASE
from rekall.sync.folder import Tell, ids_of, nobody, root_of, scan
from rekall.sync.git import GitReport, GitSync, prepared
from rekall.sync.git_files import HAND
from rekall.sync.reports import SyncReport
from rekall.system.homes import home_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from rekall.sync.running import Sync


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a folder is to be synced.

    Attributes:
        git: Whether through git; None goes by what the folder is.
        with_secrets: Whether what looks like a secret leaves the base too.
        many_deletions: Whether much may be deleted at once.
        is_dry: Whether it is only said what would happen.
        asks_remote: Whether git's remote is asked although there is nothing to send.
    """

    git: bool | None = None
    with_secrets: bool = False
    many_deletions: bool = False
    is_dry: bool = False
    asks_remote: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """What a sync did.

    Attributes:
        report: What became of entries.
        git: What git did; None where it has no part.
        remark: What somebody should know who syncs the folder for the first time.
    """

    report: SyncReport
    git: GitReport | None = None
    remark: str = ""


def synced(sync: Sync, folder: Path, wanted: Wanted, tell: Tell = nobody) -> Done:
    """Make the base and a folder the same; a folder that is not there is made.

    Args:
        sync: Syncs the base.
        folder: The folder.
        wanted: How.
        tell: Is told how far it is.

    Raises:
        NotFound: The folder was synced before and is gone, or there is no place for it.
        GitError: Git is wanted and cannot begin; nothing was done.
        RekallError: As `Sync.run` does.
    """
    _look_at(sync, folder, wanted)

    def run(author_of: Callable[[Path], str | None] | None, is_dry: bool = wanted.is_dry) -> SyncReport:
        return sync.run(
            folder,
            is_dry=is_dry,
            with_secrets=wanted.with_secrets,
            author_of=author_of,
            allow_many_deletions=wanted.many_deletions,
            tell=tell,
        )

    if wanted.is_dry:
        return Done(run(None))
    is_first = not _is_known(sync, folder)
    repository, remark = prepared(folder, wanted=wanted.git)
    if repository is None:
        return Done(run(None), remark=remark if is_first else "")
    through = GitSync(
        repository,
        HAND,
        run,
        check=lambda: run(None, is_dry=True),
        with_secrets=wanted.with_secrets,
        asks_remote=wanted.asks_remote,
    )
    done = through.sync()
    return Done(done.synced, done)


def strangers(sync: Sync, folder: Path, tell: Tell = nobody) -> int:
    """How many notes a first sync would take in, and write an id into, that nobody has synced before.

    Raises:
        InvalidInput: It is a folder that nobody can mean.
    """
    if not folder.is_dir() or _is_known(sync, folder):
        return 0
    _refuse_what_nobody_means(folder)
    root = root_of(folder)
    return 0 if ids_of(root) else len(scan(root, tell).files)


def _is_known(sync: Sync, folder: Path) -> bool:
    return any(is_same_place(Path(each.place), folder) for each in sync.folders())


def _refuse_what_nobody_means(folder: Path) -> None:
    """Refuse to begin with a folder of which every Markdown file would be taken in and changed, whatever it is."""
    here = Path(os.path.realpath(folder))
    hint = "name the folder that holds your notes, for example `rekall sync ~/notes`"
    if (named := home_folder()) is not None:
        home = Path(os.path.realpath(named))
        if here == home:
            raise InvalidInput(f"{folder} is your home folder: every Markdown file in it would become a note", hint)
        if here in home.parents:
            raise InvalidInput(f"{folder} holds home folders: every Markdown file in it would become a note", hint)
    if (here / OWN_BASE).exists():
        raise InvalidInput(f"{folder} holds a base of Rekall, and no notes", hint)


def is_same_place(one: Path, other: Path) -> bool:
    """Whether two paths name one folder."""
    return os.path.realpath(one) == os.path.realpath(other)


def _look_at(sync: Sync, folder: Path, wanted: Wanted) -> None:
    """See that the folder can be synced, and make it where it is not there."""
    if folder.is_dir():
        if not _is_known(sync, folder):
            _refuse_what_nobody_means(folder)
        return
    if os.path.lexists(folder):
        raise InvalidInput(f"{folder} is no folder", "name a folder; `rekall import` takes a file in")
    if _is_known(sync, folder):
        raise NotFound(
            f"{folder} is gone, which was synced before",
            "attach the disk that it is on; where it is gone for good, `rekall sync --forget` drops it",
        )
    if not folder.absolute().parent.is_dir():
        raise NotFound(f"{folder.absolute().parent} does not exist", "name a folder in one that is there")
    if not wanted.is_dry:
        folder.mkdir()
