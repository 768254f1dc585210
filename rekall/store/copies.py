"""Copies of a base in files of one piece: made beside running writers, verified, listed, and the oldest removed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from rekall.entry.times import parsed, written
from rekall.errors import REPAIR, DatabaseCorrupt, NotFound, RekallError, StorageError
from rekall.store import opening
from rekall.store.as_is import AsItIs, opened
from rekall.store.findings import BaseCopy
from rekall.store.soundness import is_time, now
from rekall.system.files import PRIVATE_FILE, make_private_folder, scratch_folder, sync, sync_folder, write_atomically
from rekall.system.replacing import discard, remove_file, take_place

BACKUP, BEFORE_RESTORE, BEFORE_MIGRATION, BEFORE_REPAIR = (
    "backup",
    "before-restore",
    "before-migration",
    "before-repair",
)

_NAME = re.compile(
    r"(rekall|before-restore|before-migration|before-repair)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(?:-(\d{1,4}))?\.db"
)
_ELSEWHERE = "elsewhere.json"
"""Remembers the copies that were made into files of a person's choice."""
_MOST_ELSEWHERE = 200
_PIECE = 1 << 20

_CHANGES_ALONE = (slice(92, 100), slice(24, 28), slice(18, 20))
"""What differs in the heads of copies of the same content: counts of changes, and the mode of writing."""


def folder_of(base: Path) -> Path:
    """Where the copies of a base lie."""
    return base.parent / "backups"


def place_for(folder: Path, reason: str, moment: datetime) -> Path:
    """A new name in a folder: what it is, and when it was made."""
    begin = "rekall" if reason == BACKUP else reason
    stamp = moment.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    names = (folder / f"{begin}-{stamp}{further}.db" for further in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(name for name in names if not name.exists())


def copies_in(folder: Path) -> list[BaseCopy]:
    """The copies that Rekall made in a folder, the latest first, and the latest that it made elsewhere."""
    found: list[BaseCopy] = []
    with contextlib.suppress(OSError):
        for file in os.scandir(folder):
            named = _NAME.fullmatch(file.name)
            if named is not None and file.is_file(follow_symlinks=False):
                with contextlib.suppress(ValueError):
                    made_at = datetime(*map(int, named.groups()[1:7]), tzinfo=timezone.utc)  # type: ignore[arg-type,misc]
                    reason = BACKUP if named[1] == "rekall" else named[1]
                    found.append(BaseCopy(Path(file.path), made_at, file.stat().st_size, None, reason))
    other = _elsewhere(folder)
    if other is not None:
        found.append(other)
    return sorted(found, key=_turn, reverse=True)


def _turn(copy: BaseCopy) -> tuple[datetime, int]:
    """When a copy was made, and which of its second it is."""
    named = _NAME.fullmatch(copy.path.name)
    return copy.made_at, int(named[8] or 1) if named else 0


def holding(folder: Path, entry_id: str) -> list[Path]:
    """The files in a folder of copies that hold an entry, deleted or not, and the copies that were made elsewhere.

    Files that are no whole base, and those that were set aside beside them, are looked through byte by byte.
    """
    files = sorted(
        {copy.path for copy in copies_in(folder)} | {*folder.glob("*")} | {*map(Path, _said(folder, "others"))}
    )
    wanted = [entry_id.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be")]
    return [file for file in files if file.is_file() and _mentions(file, wanted)]


def remove_old(folder: Path, reason: str, keep: int) -> list[Path]:
    """Remove the oldest of the copies of one kind; no file of another name is ever touched. Returns what is gone."""
    copies = [copy for copy in copies_in(folder) if copy.reason == reason and copy.path.parent == folder]
    gone = []
    for copy in copies[max(keep, 1) :]:
        with contextlib.suppress(OSError):
            remove_file(copy.path)
            gone.append(copy.path)
    return gone


def copy_base(base: Path, target: Path, reason: str = BACKUP, *, verify: bool = True) -> BaseCopy:
    """Copy a base into a file, whole and verified, or not at all.

    Args:
        base: The base.
        target: The file.
        reason: Why it is copied.
        verify: Whether to look at every page of the copy. Otherwise a damaged base is copied as it is.

    Raises:
        NotFound: There is no base yet.
        DatabaseCorrupt: The base is damaged.
        StorageError: It cannot be read, or the copy cannot be written.
        OSError: The folder cannot be written.
    """
    if not base.exists():
        raise NotFound(f"there is no base yet at {base}", "`rekall add` and `rekall import` make it")
    opening.check_is_file(base)
    moment = now()
    with scratch_folder(target) as scratch:
        made = scratch / "copy.db"
        os.close(os.open(made, os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
        with contextlib.closing(AsItIs(base)) as db, db.snapshot():
            entries = _count(db) if verify else None
            db.copy_to(made)
        if entries is not None:
            _verify(made, base, entries)
        with made.open("rb+") as file:
            sync(file.fileno(), is_all=False)
        size = made.stat().st_size
        take_place(made, target)
    sync_folder(target.parent)
    return BaseCopy(target, moment, size, entries, reason)


def keep_raw(base: Path, target: Path) -> None:
    """Copy a base and its log byte by byte, damaged or not, while nobody writes, as far as SQLite can see to that.

    The log stands in its place first, so that a copy under its name is whole. The file is opened before SQLite opens it and
    closed after: closing it in between would drop SQLite's locks.
    """
    with scratch_folder(target) as scratch, base.open("rb") as file:
        found = opened(base, to_write=True)
        try:
            if isinstance(found, AsItIs):
                with contextlib.suppress(DatabaseCorrupt):
                    found.run("BEGIN IMMEDIATE")
            ends = [end for end in ("-wal", "") if not end or base.with_name(base.name + end).is_file()]
            for end in ends:
                with contextlib.ExitStack() as stack:
                    source = stack.enter_context(base.with_name(base.name + end).open("rb")) if end else file
                    place = os.open(scratch / f"copy{end}", os.O_CREAT | os.O_WRONLY, PRIVATE_FILE)
                    copy = stack.enter_context(os.fdopen(place, "wb"))
                    shutil.copyfileobj(source, copy)
                    copy.flush()
                    sync(copy.fileno(), is_all=False)
        finally:
            if isinstance(found, AsItIs):
                found.close()
        remove_file(target.with_name(target.name + "-wal"))
        for end in ends:
            take_place(scratch / f"copy{end}", target.with_name(target.name + end))
    sync_folder(target.parent)


def remember(folder: Path, copy: BaseCopy) -> None:
    """Keep where a copy went that lies elsewhere."""
    make_private_folder(folder)
    before = [*_said(folder, "others"), *([last.path] if (last := _elsewhere(folder)) else [])]
    others = [*dict.fromkeys(path for path in map(str, before) if path != str(copy.path)), str(copy.path)]
    others = others[-_MOST_ELSEWHERE:]  # also what is not there now: a stick comes back
    said = {"path": str(copy.path), "made_at": written(copy.made_at), "entries": copy.entries, "others": others}
    write_atomically(folder / _ELSEWHERE, json.dumps(said).encode())


def is_copy(file: Path) -> bool:
    """Whether a file is a copy that Rekall made and nobody has used as a base since: that would be in write-ahead mode."""
    if any(file.with_name(file.name + end).exists() for end in ("-wal", "-shm")):
        return False
    try:
        with file.open("rb") as opened:
            head = opened.read(100)
        with contextlib.closing(AsItIs(file)) as db:
            return head[18:20] == b"\x01\x01" and db.is_ours()
    except (StorageError, OSError):
        return False


def copy_before_migration(base: Path, keep: int) -> str:
    """Copy a base before its schema is changed; one copy of the same content is enough.

    Where it cannot be made the base is migrated all the same: each step of that is one transaction, and somebody without
    room for a copy still wants to read what is there.

    Returns:
        What to say once the base is brought up to date.
    """
    folder = folder_of(base)
    try:
        make_private_folder(folder)
        copy = copy_base(base, place_for(folder, BEFORE_MIGRATION, now()), BEFORE_MIGRATION, verify=False)
        copy = _only_one(copy, [each for each in copies_in(folder) if each.reason == BEFORE_MIGRATION])
        remove_old(folder, BEFORE_MIGRATION, keep)
    except (RekallError, OSError) as error:
        why = error.message if isinstance(error, RekallError) else error.strerror
        return f"the base was brought up to date without a copy of what it was: {why}"
    return f"the base was brought up to date; what it was is kept in {copy.path}"


def _only_one(copy: BaseCopy, others: Sequence[BaseCopy]) -> BaseCopy:
    """A copy, or an earlier one of the same content in its place: a migration that fails is tried again and again."""
    for other in others:
        if other.path != copy.path and other.bytes == copy.bytes and _is_same(copy.path, other.path):
            discard(copy.path)
            return other
    return copy


def _is_same(one: Path, other: Path) -> bool:
    """Whether two copies of one size hold the same."""
    with one.open("rb") as first, other.open("rb") as second:
        heads = [bytearray(file.read(100)) for file in (first, second)]
        for head in heads:
            for place in _CHANGES_ALONE:
                del head[place]
        is_same = heads[0] == heads[1]
        while is_same and (piece := first.read(_PIECE)):
            is_same = piece == second.read(_PIECE)
        return is_same


def _verify(made: Path, base: Path, entries: int) -> None:
    """Look at every page of a copy. Raises DatabaseCorrupt."""
    with contextlib.closing(AsItIs(made)) as db:
        wrong = db.check_pages()
        if wrong or _count(db) != entries:
            raise DatabaseCorrupt(f"{base} is damaged, and so is what was copied: {(wrong or ['entries'])[0]}", REPAIR)


def _count(db: AsItIs) -> int:
    """How many entries a file holds; one without the table holds none."""
    is_there = db.value("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'entry'")
    return int(db.value("SELECT count(*) FROM entry")) if is_there else 0


def _mentions(file: Path, wanted: Sequence[bytes]) -> bool:
    """Whether any of some bytes stand in a file; a file that cannot be read may hold them."""
    before, longest = b"", max(map(len, wanted))
    try:
        with file.open("rb") as opened:
            while piece := opened.read(_PIECE):
                held = before + piece
                if any(each in held for each in wanted):
                    return True
                before = held[-longest:]
    except OSError:
        return True
    return False


def _said(folder: Path, name: str) -> list[str]:
    """Texts of a list that is remembered of copies elsewhere."""
    try:
        found = json.loads((folder / _ELSEWHERE).read_bytes())[name]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


def _elsewhere(folder: Path) -> BaseCopy | None:
    """The latest copy that lies elsewhere, if it is still there."""
    try:
        said = json.loads((folder / _ELSEWHERE).read_bytes())
        path, made_at, entries = Path(said["path"]), said["made_at"], said.get("entries")
        if not is_time(made_at):
            return None
        return BaseCopy(
            path, parsed(made_at), path.stat().st_size, entries if isinstance(entries, int) else None, BACKUP
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
