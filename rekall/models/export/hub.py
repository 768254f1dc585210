"""Fetches the files of one model from a hub: only those an export reads, all of one commit, each one checked."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from rekall.errors import PullFailed, UsageError
from rekall.models.export.hub_client import (
    COMMIT,
    WITHOUT_A_NETWORK,
    cache_of,
    conversation,
    download,
    hub_hosts,
    is_offline,
    list_repository,
    locked,
    no_room,
    workshop,
)
from rekall.models.export.hub_files import (
    LONE_TRANSFORMER,
    MODULES_FILE,
    Listing,
    Module,
    RemoteFile,
    check_size,
    indexes,
    is_weights,
    is_whole,
    needed_files,
    read_modules,
)
from rekall.models.export.shards import parts_of
from rekall.system.replacing import discard, take_place

Progress = Callable[[str, int, int], None]
"""Called with the file being fetched, the bytes fetched so far and the bytes in all, over all files."""

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"  # the hub's own rule
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,200}")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_KEPT_S = 7 * 86_400  # how long the files of a failed pull are kept for the next attempt


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model's files.

    Attributes:
        folder: Laid out as in the repository, complete; it exists only as long as the context.
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

    What the hub client's cache already holds of that commit is copied, not downloaded; the cache is not changed. The
    rest goes to a folder of Rekall's own under HF_HOME. When the block succeeds, that folder is removed. When the
    download is cut or the block raises, it is kept for a week, and the next attempt goes on where this one stopped:
    a file gets its name only after its hash was checked. A model that is refused before its weights leaves nothing.
    A second fetch of the same repository waits for the end of the first one's context.

    HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE (use the cache alone) are honoured.

    Args:
        repository: As `parse_repository` gives it.
        revision: A branch, a tag or a commit; None for the latest.
        progress: See `Progress`.
        inspect: Called with the folder when only the weights are missing; if it raises, they are not downloaded.

    Raises:
        PullFailed: The model does not exist, may not be read, cannot be reached, is damaged, or is of a kind that
            cannot be exported.
    """
    with conversation(repository, revision):
        offline = is_offline()
        listing = _list_cache(repository, revision) if offline else list_repository(repository, revision)
        pull = _Pull(repository, listing, progress, offline=offline)
        pull.folder.parent.mkdir(parents=True, exist_ok=True)
        _drop_forgotten(pull.folder.parent)
    with contextlib.ExitStack() as stack:
        with conversation(repository, revision):
            stack.enter_context(locked(_lock_of(pull.folder)))
        kept = pull.folder.exists()
        try:
            with conversation(repository, revision):
                files = pull.plan()
                pull.bring([file for file in files if not is_weights(file)])
            inspect(pull.folder)
            kept = True
            with conversation(repository, revision):
                pull.bring([file for file in files if is_weights(file)])
            yield Fetched(pull.folder, repository, listing.commit)
            kept = False
        finally:
            if not kept:
                shutil.rmtree(pull.folder, ignore_errors=True)


class _Pull:
    """One fetch: from where, to where, and how far it has got."""

    def __init__(self, repository: str, listing: Listing, progress: Progress, *, offline: bool) -> None:
        self._listing = listing
        self.folder = workshop() / f"{repository.replace('/', '--')}@{listing.commit}"
        self._repository = repository
        self._offline = offline
        self._progress = progress
        self._done_bytes = self._total_bytes = 0

    def plan(self) -> list[RemoteFile]:
        """Every file that is needed; `modules.json` says which, so it is fetched first."""
        modules: Sequence[Module] = LONE_TRANSFORMER
        if MODULES_FILE in self._listing.files:
            self._bring(self._listing.files[MODULES_FILE], lambda there: None)
            modules = read_modules((self.folder / MODULES_FILE).read_bytes(), self._listing.owner)
        files = needed_files(self._listing, modules, self._parts(modules))
        self._total_bytes = sum(file.size for file in files)
        self.folder.mkdir(exist_ok=True)
        there = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        if shutil.disk_usage(self.folder).free < self._total_bytes - there:
            raise no_room(self._repository, self.folder.parent, self._total_bytes - there)
        check_size(self._repository, files)
        return files

    def _parts(self, modules: Sequence[Module]) -> dict[PurePosixPath, list[str]]:
        """By folder, the files that an index of weights names; each index is fetched for that."""
        parts = {}
        for folder, index in indexes(self._listing, modules).items():
            self._bring(index, lambda there: None)
            try:
                parts[folder] = parts_of((self.folder / index.name).read_bytes())
            except ValueError as error:
                raise PullFailed(
                    f"{index.name} of {self._repository} does not say which files hold the weights: {error}",
                    "only its author can fix this; an earlier revision may work: `rekall model pull OWNER/NAME@REVISION`",
                ) from error
        return parts

    def bring(self, files: Sequence[RemoteFile]) -> None:
        """Put files into the folder, each under its name once it is complete."""
        for file in files:
            self._bring(file, partial(self._tell, file.name))
            self._done_bytes += file.size
            self._tell(file.name, 0)

    def _tell(self, name: str, there_bytes: int) -> None:
        self._progress(name, self._done_bytes + there_bytes, self._total_bytes)

    def _bring(self, file: RemoteFile, tell: Callable[[int], None]) -> None:
        target = self.folder / file.name
        if is_whole(target, file):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        cached = cache_of(self._repository) / "snapshots" / self._listing.commit / file.name
        if is_whole(cached, file):
            shutil.copyfile(cached, part)
        elif self._offline:
            raise PullFailed(
                f"{file.name} in {self._listing.owner} is damaged", "unset HF_HUB_OFFLINE so that it can be fetched"
            )
        else:
            download(self._repository, self._listing.commit, file, part, tell)
            if not is_whole(part, file):
                discard(part)
                raise PullFailed(
                    f"{file.name} of {self._repository} arrived damaged: its size or hash is not the one that the hub lists",
                    "run the command again; if that does not help, a proxy or the mirror in HF_ENDPOINT alters files",
                )
        take_place(part, target)


def _page(address: str) -> tuple[str, str, str]:
    """Repository, "@" or nothing, and revision from the address of a model's page on the usual hub or HF_ENDPOINT's."""
    try:
        page = urlsplit(address)
    except ValueError:  # brackets that hold no IPv6 address
        return "", "", ""
    parts = page.path.strip("/").split("/")
    if page.netloc not in hub_hosts() or len(parts) not in (2, 4) or parts[2:3] not in ([], ["tree"]):
        return "", "", ""
    return "/".join(parts[:2]), "@" if parts[2:] else "", unquote("".join(parts[3:]))


def _list_cache(repository: str, revision: str | None) -> Listing:
    """What the client's cache holds of a revision; where it uses links, the names of its blobs are their hashes."""
    cache, commit = cache_of(repository), revision or "main"
    if not COMMIT.fullmatch(commit):
        ref = cache / "refs" / commit
        commit = ref.read_text("utf-8").strip() if ref.is_file() else ""
    snapshot = cache / "snapshots" / commit
    asked = f"{repository}@{revision}" if revision else repository
    hint = f"unset HF_HUB_OFFLINE so that it can be fetched; {WITHOUT_A_NETWORK}"
    if not COMMIT.fullmatch(commit) or not snapshot.is_dir():
        raise PullFailed(f"HF_HUB_OFFLINE is set, and {asked} is not in {cache.parent}", hint)
    files = {}
    for path in snapshot.rglob("*"):
        if path.is_file():
            name = path.relative_to(snapshot).as_posix()
            blob = Path(os.readlink(path)).name if path.is_symlink() else ""
            files[name] = RemoteFile(name, path.stat().st_size, blob if _DIGEST.fullmatch(blob) else "")
    if MODULES_FILE not in files and not (cache / ".no_exist" / commit / MODULES_FILE).is_file():
        # another tool fetched only a part; without this file the pooling would be a guess
        raise PullFailed(f"HF_HUB_OFFLINE is set, and {cache.parent} holds only a part of {asked}", hint)
    return Listing(f"the cached copy of {repository}", commit, files)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name.partition('@')[0]}.lock")


def _drop_forgotten(workshop: Path) -> None:
    """Remove what failed pulls left more than a week ago."""
    for folder in workshop.glob("*@*"):
        with contextlib.suppress(OSError):  # in use, or already gone
            if time.time() - folder.stat().st_mtime > _KEPT_S:
                with locked(_lock_of(folder), timeout_s=0.01):
                    shutil.rmtree(folder)
