"""Every error Rekall raises on purpose, and the exit code each one ends a command with.

RekallError                      1
├── UsageError                   2   the command line or the query makes no sense
├── NotFound                     3   no entry (or model, or key) answers to that name
│   └── Ambiguous                3   several do
├── InvalidInput                 4   text, file or setting that cannot be accepted
│   ├── EditConflict             4   the entry changed while it was being edited
│   ├── PartialImport            4   some files went in, some did not
│   └── PartialSync              4   some files of a synced folder were left alone
├── StorageError                 5   the database cannot be used
│   ├── DatabaseLocked           5   … now; another process is writing
│   ├── DatabaseAway             5   … now; the server of a team's base cannot be reached
│   ├── DatabaseReadOnly         5
│   ├── DatabaseCorrupt          5
│   │   └── EntryDamaged         5   … in one entry; the others can be read
│   ├── DatabaseForeign          5   … it is not a Rekall database
│   ├── DatabaseTooNew           5   … a later Rekall wrote it
│   └── DiskFull                 5
├── EngineError                  6   the model cannot be loaded, run or exported
│   ├── EngineLost               6   … the process that ran it died, or hung and was ended
│   │   └── EngineClosed         6   … it was closed while somebody asked
│   ├── OutOfMemory              6   … there is not enough memory for it now
│   ├── ModelNotFound            6
│   ├── ModelDamaged             6
│   └── ExportFailed             6
│       └── PullFailed           6
├── OutputLost                   5   the answer cannot be written to stdout
├── BothChanged                  7   an import found changes on both sides; both versions are kept
├── SyncConflicted               8   a sync found them; both versions are kept
├── GitError                     9   git cannot do its part of a sync
│   └── RemoteError              9   … because of the other end; a later run goes on
└── Interrupted                130   Ctrl-C
    └── Superseded             130   … by a later request of the same person
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

REPAIR = "`rekall check` says what is damaged, `rekall check --repair` saves everything that can be read"
"""What to do about a damaged base."""

REBUILD = "run `rekall index rebuild --words`, which makes it anew from the entries"
"""What to do about a damaged words index."""


class RekallError(Exception):
    """Something went wrong that the person at the keyboard can understand.

    Attributes:
        message: What happened, one sentence without a full stop.
        hint: What to do about it, usually a command; empty when there is nothing to do.
        candidates: What may have been meant, a line each.
    """

    kind = "error"
    exit_code = 1
    retryable = False
    candidates: tuple[str, ...] = ()

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RekallError):
    """The request itself makes no sense."""

    kind = "usage"
    exit_code = 2


class NotFound(RekallError):
    """Nothing answers to the given name."""

    kind = "not_found"
    exit_code = 3


class Ambiguous(NotFound):
    """An id prefix that several entries share; `candidates` lists them as "id  title"."""

    kind = "ambiguous"

    def __init__(self, message: str, hint: str, candidates: Sequence[str]) -> None:
        super().__init__(message, hint)
        self.candidates = tuple(candidates)


class InvalidInput(RekallError):
    """Text, a file or a setting that cannot be accepted as it is."""

    kind = "invalid_input"
    exit_code = 4


class EditConflict(InvalidInput):
    """Someone else changed the entry while it was being edited."""

    kind = "edit_conflict"


class PartialImport(InvalidInput):
    """An import in which some files were refused; the rest is stored."""

    kind = "partial_import"


class BothChanged(RekallError):
    """An import in which entry and file both changed the same field; everything is stored, both versions are kept."""

    kind = "both_changed"
    exit_code = 7


class PartialSync(InvalidInput):
    """A sync that left some files alone; everything else is as it should be on both sides."""

    kind = "partial_sync"


class SyncConflicted(RekallError):
    """A sync in which both sides had changed the same field; everything is stored, both versions are kept."""

    kind = "sync_conflicted"
    exit_code = 8


class GitError(RekallError):
    """Git is missing, or refuses something; what was done in the folder stays."""

    kind = "git"
    exit_code = 9


class RemoteError(GitError):
    """Git's remote cannot be reached, or takes nothing; everything is committed here, and a later run goes on."""

    kind = "git_remote"
    retryable = True


class StorageError(RekallError):
    """The database cannot be used."""

    kind = "storage"
    exit_code = 5


class DatabaseLocked(StorageError):
    """Another process held the write lock longer than the busy timeout."""

    kind = "database_locked"
    retryable = True


class DatabaseAway(StorageError):
    """The server of a team's base cannot be reached, lets nobody in, or is gone."""

    kind = "database_away"
    retryable = True


class DatabaseReadOnly(StorageError):
    """The database file or its folder cannot be written."""

    kind = "database_read_only"


class DatabaseCorrupt(StorageError):
    """The file is damaged."""

    kind = "database_corrupt"

    def __init__(self, message: str, hint: str = REPAIR) -> None:
        super().__init__(message, hint)


class EntryDamaged(DatabaseCorrupt):
    """One entry, or what is kept of a deleted one, cannot be read; everything else can."""

    kind = "entry_damaged"


class DatabaseForeign(StorageError):
    """A file that is not a Rekall database."""

    kind = "database_foreign"


class DatabaseTooNew(StorageError):
    """A database whose schema is later than this Rekall knows."""

    kind = "database_too_new"


class DiskFull(StorageError):
    """No room left to write."""

    kind = "disk_full"
    retryable = True


class EngineError(RekallError):
    """The embedding engine cannot do its work."""

    kind = "engine"
    exit_code = 6


class EngineLost(EngineError):
    """The engine's own process died or did not answer in time. The next request starts a new one."""

    kind = "engine_lost"
    retryable = True


class OutOfMemory(EngineError):
    """There is not enough memory for the model, or for so many texts at once."""

    kind = "out_of_memory"
    retryable = True


class EngineClosed(EngineLost):
    """The engine was closed, on purpose, while somebody asked it."""

    kind = "engine_closed"
    retryable = True


class ModelNotFound(EngineError):
    """No model of that name is installed."""

    kind = "model_not_found"


class ModelDamaged(EngineError):
    """A model folder that is incomplete, altered or not ours."""

    kind = "model_damaged"


class ExportFailed(EngineError):
    """A checkpoint that cannot be exported, or an export that is not faithful enough."""

    kind = "export_failed"


class PullFailed(ExportFailed):
    """A model that cannot be fetched from its hub: not found, not allowed, not reachable, or not what it should be."""

    kind = "pull_failed"


class OutputLost(RekallError):
    """The answer cannot be written to where it should go."""

    kind = "output_lost"
    exit_code = 5
    retryable = True


class Interrupted(RekallError):
    """The person pressed Ctrl-C."""

    kind = "interrupted"
    exit_code = 130
    retryable = True


class Superseded(Interrupted):
    """Nobody waits for the answer any more: a later search took its place."""

    kind = "superseded"


_OS_ERRORS = {
    errno.ENOSPC: DiskFull,
    errno.EDQUOT: DiskFull,
    errno.EIO: StorageError,
    errno.EROFS: StorageError,
    errno.EFBIG: StorageError,
    errno.ENOMEM: StorageError,
    errno.EMFILE: StorageError,
    errno.ENFILE: StorageError,
    errno.ENOENT: NotFound,
    errno.EACCES: InvalidInput,
    errno.EPERM: InvalidInput,
    errno.EISDIR: InvalidInput,
    errno.ENOTDIR: InvalidInput,
    errno.EEXIST: InvalidInput,
    errno.ENOTEMPTY: InvalidInput,
}


class FileHeld(OSError):
    """A file that another program has open, so that it can be neither replaced nor removed now; it is as before."""


def in_our_words(error: RekallError | OSError) -> RekallError:
    """An error of ours as it is; what the system refused, as one of ours."""
    if isinstance(error, RekallError):
        return error
    where = f"{error.filename}: " if error.filename else ""
    if isinstance(error, FileHeld):
        return StorageError(f"{where}{error.strerror}", "close it there, then try again; nothing was changed")
    kind = _OS_ERRORS.get(error.errno or 0, RekallError)
    if kind is DiskFull:
        return DiskFull(
            f"{where}no room left on the disk", "free some space and try again; what was stored before is as it was"
        )
    return kind(f"{where}{error.strerror or error}", "check the path and its permissions")
