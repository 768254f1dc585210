"""One sync of a folder: through git where that has a part in it, else alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.errors import InvalidInput, NotFound
from rekall.sync.git import GitReport, GitSync, prepared
from rekall.sync.git_files import HAND
from rekall.sync.reports import SyncReport

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


def synced(sync: Sync, folder: Path, wanted: Wanted) -> Done:
    """Make the base and a folder the same; a folder that is not there is made.

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
        )

    if wanted.is_dry:
        return Done(run(None))
    is_first = all(not is_same_place(Path(each.place), folder) for each in sync.folders())
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


def is_same_place(one: Path, other: Path) -> bool:
    """Whether two paths name one folder."""
    return os.path.realpath(one) == os.path.realpath(other)


def _look_at(sync: Sync, folder: Path, wanted: Wanted) -> None:
    """See that the folder can be synced, and make it where it is not there."""
    if folder.is_dir():
        return
    if os.path.lexists(folder):
        raise InvalidInput(f"{folder} is no folder", "name a folder; `rekall import` takes a file in")
    if any(is_same_place(Path(each.place), folder) for each in sync.folders()):
        raise NotFound(
            f"{folder} is gone, which was synced before",
            "attach the disk that it is on; where it is gone for good, `rekall sync --forget` drops it",
        )
    if not folder.absolute().parent.is_dir():
        raise NotFound(f"{folder.absolute().parent} does not exist", "name a folder in one that is there")
    if not wanted.is_dry:
        folder.mkdir()
