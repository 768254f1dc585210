"""Fetches the files of one model from a hub: exactly those an export reads, at one commit, every one checked."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rekall.errors import PullFailed, UsageError
from rekall.export.hub_client import (
    COMMIT,
    cache_of,
    conversation,
    download,
    is_offline,
    list_repository,
    locked,
    no_room,
    workshop,
)
from rekall.export.hub_files import (
    LONE_TRANSFORMER,
    MODULES_FILE,
    Listing,
    RemoteFile,
    is_weights,
    is_whole,
    needed_files,
    read_modules,
)

Progress = Callable[[str, int, int], None]
"""Told the file that is being fetched, the bytes that are there and the bytes there will be, over all files."""

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"  # the hub's own rule
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,200}")
_KEPT_S = 7 * 86_400  # how long the files of a pull that failed wait for the next attempt


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model's files.

    Attributes:
        folder: Laid out as in the repository; whole, and there only as long as the context lasts.
        repository: As ORGANISATION/NAME.
        commit: 40 hex digits.
    """

    folder: Path
    repository: str
    commit: str


def parse_repository(text: str) -> tuple[str, str | None]:
    """Split REPO[@REVISION], or the address of a model's page, into repository and revision.

    Raises:
        UsageError: It is neither.
    """
    repository, at, revision = _page(text) if "://" in text else text.partition("@")
    if not _REPOSITORY.fullmatch(repository) or re.search(r"--|\.\.|\.git(/|$)", repository):
        raise UsageError(
            f"{text[:200]!r} does not name a repository",
            "give OWNER/NAME or OWNER/NAME@REVISION, as in `rekall model pull sentence-transformers/all-MiniLM-L6-v2`",
        )
    if at and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise UsageError(
            f"{revision[:200]!r} cannot be a revision", f"give a branch, a tag or a commit: {repository}@main"
        )
    return repository, revision if at else None


@contextlib.contextmanager
def fetch(
    repository: str,
    revision: str | None = None,
    *,
    progress: Progress = lambda name, done, total: None,
    inspect: Callable[[Path], None] = lambda folder: None,
) -> Iterator[Fetched]:
    """Fetch a model for as long as the context lasts.

    What the hub client's cache already holds of that commit is copied, not downloaded, and stays as it is; the rest
    goes to a folder of Rekall's own under HF_HOME. When the block ends well, that folder is removed. When the
    download is cut or the block raises, it is kept a week for the next attempt, which goes on where this one stopped:
    a file has its name only once its hash was right. A model that is refused before its weights leaves nothing.
    A second fetch of the same repository waits until the first one's context ends.

    HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE (use the cache alone) are honoured.

    Args:
        repository: As `parse_repository` gives it.
        revision: A branch, a tag or a commit; None for the latest.
        progress: See `Progress`.
        inspect: Called with the folder once all but the weights are there; what it raises saves the large download.

    Raises:
        PullFailed: There is no such model, it may not be read, it cannot be reached, it is damaged, or it is of a
            kind that cannot be exported.
    """
    with conversation(repository, revision):
        offline = is_offline()
        listing = _list_cache(repository, revision) if offline else list_repository(repository, revision)
        name = repository.replace("/", "--")
        folder = workshop() / f"{name}@{listing.commit}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        _drop_forgotten(folder.parent)
    with contextlib.ExitStack() as stack:
        with conversation(repository, revision):
            stack.enter_context(locked(folder.parent / f"{name}.lock"))
        kept = False
        try:
            bring = _Carrier(repository, listing, folder, progress, offline)
            with conversation(repository, revision):
                files = bring.plan()
                for file in files:
                    if not is_weights(file):
                        bring.file(file)
            inspect(folder)
            kept = True
            with conversation(repository, revision):
                for file in files:
                    if is_weights(file):
                        bring.file(file)
            yield Fetched(folder, repository, listing.commit)
            kept = False
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)
