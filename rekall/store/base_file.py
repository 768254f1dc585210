"""A base as a file: looked at, mended, copied and put in the place of another, also where it cannot be opened."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace as replace_in
from pathlib import Path

from rekall.errors import (
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseLocked,
    DiskFull,
    InvalidInput,
    NotFound,
    StorageError,
    UsageError,
)
from rekall.store import copies, opening
from rekall.store.as_is import AsItIs, opened, seen_through_sqlite
from rekall.store.examination import examine
from rekall.store.findings import BaseCopy, Examined, Level, Mended
from rekall.store.mending import Aside, make_whole
from rekall.store.pages import Pages
from rekall.store.soundness import now
from rekall.store.sqlite import SqliteStore
from rekall.store.watch import Watch
from rekall.system.files import PRIVATE_FILE, file_written_whole, make_private_folder, scratch_folder, sync, sync_folder
from rekall.system.processes import Processes
from rekall.system.replacing import discard, remove_file, take_place
from rekall.wording import shell_word

_TRIES = 5
_SHOWN = 20
_BESIDE = ("-wal", "-shm", "-journal")
_SHARED_BYTES = (0x40000002, 510)
"""Where SQLite locks a file that is open, and how many bytes (sqlite.org/src/file/src/os.h)."""


class SqliteBaseFile:
    """See `findings.BaseFile`. No connection to the file may be open in this process."""

    def __init__(self, path: Path, processes: Processes | None = None) -> None:
        """Touch nothing yet."""
        self._path = Path(os.path.realpath(path))  # where SQLite keeps the log, too, if the name is a link
        self._folder = copies.folder_of(path)
        self._processes = processes or Processes()

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def examine(self) -> Examined:
        """Look at everything in it; nothing is changed."""
        return examine(self._path)

    def copies(self) -> Sequence[BaseCopy]:
        """The copies that Rekall made, the latest first."""
        return copies.copies_in(self._folder)

    def copies_with(self, entry_id: str) -> Sequence[Path]:
        """The copies that hold an entry, and what belongs to them; one that cannot be read may hold it."""
        return copies.holding(self._folder, entry_id)

    def mend(self) -> Mended:
        """Make it whole again from everything that can be read of it.

        The file as it is is kept first. The new content takes its place in one step; whoever has the base open sees the
        old or the new. What another process writes meanwhile is not lost: then it begins again.

        Raises:
            NotFound: There is no base.
            DatabaseLocked: Another process is writing, or has a file open that cannot be written through SQLite.
            DatabaseForeign, DatabaseTooNew: It is no base of this Rekall.
            StorageError: There is no room, or the folder cannot be written; the base is as before.
        """
        if not self._path.exists():
            raise NotFound(f"there is no base yet at {self._path}", "`rekall add` and `rekall import` make it")
        opening.check_is_file(self._path)
        make_private_folder(self._folder)
        kept = copies.place_for(self._folder, copies.BEFORE_REPAIR, now())
        for _ in range(_TRIES):
            with scratch_folder(self._path) as scratch, contextlib.closing(Watch(self._path)) as watch:
                copies.keep_raw(self._path, kept)
                mended = self._mended(kept, scratch, watch)
            if mended is not None:
                return mended
        raise self._busy()

    def back_up(self, target: Path | None, keep: int, *, replace: bool) -> tuple[BaseCopy, Sequence[Path]]:
        """Copy it beside running writers.

        Args:
            target: The file, or a folder for it; None takes the folder of copies, of which the oldest are removed.
            keep: How many copies stay there.
            replace: Whether any file may be replaced; otherwise only an earlier copy is.

        Returns:
            The copy, and the older ones that were removed.

        Raises:
            NotFound: There is no base yet, or no such folder.
            InvalidInput, UsageError: The target is something else.
            StorageError: The base cannot be copied.
        """
        if target is None:
            make_private_folder(self._folder)
            copy = copies.copy_base(self._path, copies.place_for(self._folder, copies.BACKUP, now()))
            return copy, copies.remove_old(self._folder, copies.BACKUP, keep)
        target = Path(os.path.realpath(target)) if target.is_symlink() else target
        if target.is_dir():
            target = copies.place_for(target, copies.BACKUP, now())
        if not target.parent.is_dir():
            raise NotFound(f"there is no folder {target.parent}", "make it first, or name another place")
        if self._is_own(target):
            raise UsageError(f"{target} is the base itself, or belongs to it", "name another file")
        if target.exists() and not target.is_file():  # a device would be replaced
            raise InvalidInput(f"{target} is no file", "name a file or a folder")
        if target.exists() and not replace and not copies.is_copy(target):
            raise InvalidInput(
                f"{target} is there already, and is no copy of a base", "name another file, or use --force"
            )
        copy = copies.copy_base(self._path, target)
        if target.parent.resolve() != self._folder.resolve():
            with contextlib.suppress(OSError):  # only a reminder hangs on it
                copies.remember(self._folder, replace_in(copy, path=target.absolute()))
        return copy, ()

    def restore(
        self, source: Path, keep: int, agreed: Callable[[BaseCopy], bool]
    ) -> tuple[BaseCopy, BaseCopy | None] | None:
        """Put another file in its place, after a look at every row of that.

        Args:
            source: A copy, or any base; an older one is brought up to date.
            keep: How many copies of what was there before stay.
            agreed: Asked with what would be restored before anything is changed.

        Returns:
            What was restored, and the copy of what was there before; None when `agreed` said no.

        Raises:
            NotFound: There is no such file.
            DatabaseForeign, DatabaseCorrupt, DatabaseTooNew: It is no whole base of this Rekall.
            DatabaseLocked: The base has a writer, or is open in a way that nothing can take its place.
        """
        if not source.is_file():
            raise NotFound(f"there is no file {source}", "`rekall backup --list` shows the copies that Rekall made")
        if self._is_own(source):
            raise UsageError(f"{source} is the base itself", "name a copy; `rekall backup --list` shows them")
        opening.check_is_file(self._path)
        make_private_folder(self._path.parent)
        with scratch_folder(self._path) as scratch:
            new = scratch / "restored.db"
            found = self._read_copy(source, new)
            if not agreed(found):
                return None
            for _ in range(_TRIES):
                with contextlib.closing(Watch(self._path)) as watch:
                    kept = self._keep_before_restore()
                    try:
                        is_done = self._put_in_place(new, watch)
                    except (StorageError, OSError):  # the base is as before
                        _forget(kept)
                        raise
                if not is_done:
                    _forget(kept)
                else:
                    copies.remove_old(self._folder, copies.BEFORE_RESTORE, keep)
                    return found, kept
            raise self._busy()

    def _read_copy(self, source: Path, new: Path) -> BaseCopy:
        """Copy a file that is to be restored, look at all of it, and bring it up to date."""
        os.close(os.open(new, os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
        try:
            with contextlib.closing(AsItIs(source)) as db:
                if not db.is_ours():
                    raise DatabaseForeign(f"{source} is not a Rekall database", "name a copy that `rekall backup` made")
                db.copy_to(new)
        except DatabaseCorrupt as error:
            raise _no_whole_base(source, error.message) from error
        except DatabaseForeign as error:
            hint = "name a copy that `rekall backup` made; `rekall backup --list` shows them"
            raise DatabaseForeign(error.message, hint) from error
        wrong = next((each for each in examine(new).findings if each.level is Level.PROBLEM), None)
        if wrong is not None and "newer Rekall" in wrong.text:
            with contextlib.closing(AsItIs(source)) as db:
                db.check_schema()  # raises it with the right name
        if wrong is not None:
            raise _no_whole_base(source, "; ".join((wrong.text, *wrong.details[:1])))
        with contextlib.closing(SqliteStore(new, "numpy")) as store:
            entries = store.entries.count()
        state = source.stat()
        known = next((copy for copy in self.copies() if copy.path.resolve() == source.resolve()), None)
        made_at = known.made_at if known else now().fromtimestamp(state.st_mtime, now().tzinfo).replace(microsecond=0)
        return BaseCopy(source, made_at, state.st_size, entries, known.reason if known else copies.BACKUP)

    def _keep_before_restore(self) -> BaseCopy | None:
        """A copy of what is there, byte by byte where it is damaged; None where nothing is."""
        if not self._path.exists() or not self._path.stat().st_size:
            return None
        make_private_folder(self._folder)
        place = copies.place_for(self._folder, copies.BEFORE_RESTORE, now())
        try:
            return copies.copy_base(self._path, place, copies.BEFORE_RESTORE)
        except (DatabaseLocked, DiskFull):
            raise
        except StorageError:
            copies.keep_raw(self._path, place)
            return BaseCopy(place, now(), place.stat().st_size, None, copies.BEFORE_RESTORE)

    def _mended(self, kept: Path, scratch: Path, watch: Watch) -> Mended | None:
        """Make a whole base of the copy that was kept and put it in place; None when the base changed meanwhile."""
        new, set_aside = scratch / "mended.db", scratch / "set-aside.jsonl"
        try:
            with (
                Pages(kept, kept.with_name(kept.name + "-wal")) as pages,
                set_aside.open("w", encoding="utf-8") as file,
                seen_through_sqlite(kept, scratch) as old,
            ):
                aside = Aside(file)
                made = make_whole(pages, new, aside, old)
        except (
            StorageError,
            OSError,
        ):  # no room, or no base of this Rekall: nothing was changed, the copy is for nothing
            for end in ("", "-wal"):
                discard(kept.with_name(kept.name + end))
            raise
        wrong = next((each for each in examine(new).findings if each.level is Level.PROBLEM), None)
        if wrong is not None:
            raise StorageError(
                f"what was made anew is not whole: {wrong.text}", f"please report this; {kept} is a copy"
            )
        if made.missing:
            raise StorageError(
                f"the repair would lose what can still be read ({len(made.missing)}): {'; '.join(made.missing[:3])}; "
                f"nothing was changed, and {kept} is a copy",
                "`rekall export` saves what can be read, `rekall restore-base` takes a backup; please report this",
            )
        place = kept.with_suffix(".set-aside.jsonl") if aside.lines else None
        if place is not None:
            with file_written_whole(place) as kept_aside, set_aside.open("rb") as lines:
                shutil.copyfileobj(lines, kept_aside)  # first: what goes from the base must be somewhere
        if not self._put_in_place(new, watch):
            return None
        changed, lost = tuple(sorted(made.changed.values())), tuple(sorted(made.lost))
        return Mended(kept, made.entries, place, aside.lines, changed[:_SHOWN], len(changed), lost[:_SHOWN], len(lost))

    def _put_in_place(self, new: Path, watch: Watch) -> bool:
        """Let new content take the place of the old: in one transaction where SQLite can write the file, as a file else."""
        is_something = self._path.exists() and self._path.stat().st_size
        found = opened(self._path, to_write=True) if is_something else None
        if isinstance(found, AsItIs):
            try:
                with contextlib.closing(found):
                    if not watch.is_unchanged():
                        return False
                    found.begin_log()
                    if not found.write_over(new, watch.is_unchanged):
                        return False
                    found.write_log_back()
            except (DatabaseLocked, DiskFull):
                raise
            except StorageError:  # too damaged to be written; the file itself is replaced below
                pass
            else:
                if self._is_readable():
                    return True
            watch.begin()  # that was written by ourselves
        return self._replace(new, watch)

    def _is_readable(self) -> bool:
        """Whether SQLite finds no fault in the file, as a look at what was written into a damaged one."""
        found = opened(self._path)
        if not isinstance(found, AsItIs):
            return False
        with contextlib.closing(found):
            try:
                return not found.check_pages()
            except StorageError:
                return False

    def _replace(self, new: Path, watch: Watch) -> bool:
        """Rename a new file over the old one, which nobody may have open, unless that changed meanwhile.

        The old log never lies over the new file.
        """
        watch.let_go()
        with self._alone():
            if not watch.is_unchanged():
                return False
            log = self._path.with_name(self._path.name + "-wal")
            if log.is_file() and self._path.exists():
                self._write_log_back(new.with_name("image.db"), log)
            for end in _BESIDE:
                remove_file(self._path.with_name(self._path.name + end))
            with new.open("rb+") as file:
                sync(file.fileno(), is_all=False)
            take_place(new, self._path)
            sync_folder(self._path.parent)
        return True

    def _write_log_back(self, image: Path, log: Path) -> None:
        """Let the old file hold what its log says, so that it is the same with the log and without."""
        with (
            Pages(self._path, log) as pages,
            os.fdopen(os.open(image, os.O_CREAT | os.O_WRONLY, PRIVATE_FILE), "wb") as file,
        ):
            for page in pages.image():
                file.write(page)
            file.flush()
            sync(file.fileno(), is_all=False)
        take_place(image, self._path)
        sync_folder(self._path.parent)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else has the file open, or opens it, in this block.

        Raises:
            DatabaseLocked: Somebody has.
        """
        holders = self._processes.holding(self._path) if self._path.exists() else []
        if holders:
            raise self._busy(holders)
        if os.name == "nt" or not self._path.exists():  # Windows replaces no file that is open
            yield
            return
        import fcntl

        with self._path.open("rb+") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_BYTES[1], _SHARED_BYTES[0])
            except OSError:
                raise self._busy() from None
            yield

    def _is_own(self, path: Path) -> bool:
        """Whether a path is the base, or one of the files beside it."""
        own = [self._path, *(self._path.with_name(self._path.name + end) for end in _BESIDE)]
        return any(path.exists() and file.exists() and os.path.samefile(path, file) for file in own) or any(
            path.absolute() == file.absolute() for file in own
        )

    def _busy(self, holders: Sequence[int] = ()) -> DatabaseLocked:
        who = f" by the process {', '.join(map(str, holders))}" if holders else " by another process"
        return DatabaseLocked(
            f"{self._path} is in use{who}, and cannot be replaced meanwhile",
            "close what has the base open (the terminal UI, assistants, an import), and try again; nothing was changed",
        )


def _forget(kept: BaseCopy | None) -> None:
    """Remove a copy of something that was not changed after all."""
    if kept is None:
        return
    for end in ("", "-wal"):
        discard(kept.path.with_name(kept.path.name + end))


def _no_whole_base(source: Path, why: str) -> DatabaseCorrupt:
    return DatabaseCorrupt(
        f"{source} is damaged: {why}",
        f"take another copy (`rekall backup --list`), or mend this one first: `rekall check --repair {shell_word(source)}`",
    )
