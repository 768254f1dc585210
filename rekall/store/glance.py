"""A base at a glance, for `rekall doctor`: read as it is, in a moment, with nothing changed."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from rekall.errors import DatabaseCorrupt
from rekall.store import schema
from rekall.store.as_is import AsItIs
from rekall.store.findings import REMEMBERED, Glance

_WAIT_S = 0.5


def glance(path: Path) -> Glance:
    """What can be seen of a base that is there.

    Raises:
        StorageError: It is locked, damaged, not Rekall's, or of a later Rekall.
    """
    log = path.with_name(f"{path.name}-wal")
    with contextlib.ExitStack() as stack:
        db = stack.enter_context(contextlib.closing(AsItIs(path, busy_timeout_s=_WAIT_S)))
        version = db.check_schema()
        stack.enter_context(db.snapshot())
        is_older = version < len(schema.MIGRATIONS)
        entries = int(db.value("SELECT count(*) FROM entry")) if version else 0
        pending, aside, model = 0, 0, None
        synced: tuple[str, ...] = ()
        if version and not is_older:
            synced = tuple(str(place) for (place,) in db.readable_rows("SELECT place FROM folder ORDER BY number"))
            pending = int(db.value("SELECT count(*) FROM passage"))
            for space, name in db.rows("SELECT id, model FROM space WHERE active = 1"):
                model = str(name)
                aside = int(db.value("SELECT count(*) FROM unembeddable WHERE space_id = ?", (space,)))
                pending -= aside + int(db.value("SELECT held FROM signing WHERE space_id = ?", (space,)) or 0)
        return Glance(
            entries=entries,
            deleted=int(db.value("SELECT count(*) FROM tombstone")) if version > 1 else 0,
            indexed=int(db.value("SELECT count(*) FROM words_docsize")) if version else 0,
            pending=max(pending, 0),
            aside=aside,
            model=model,
            is_older=is_older,
            bytes=path.stat().st_size,
            log_bytes=log.stat().st_size if log.exists() else 0,
            changed_at=_changed_at(db) if version else (),
            synced=synced,
        )


def _changed_at(db: AsItIs) -> tuple[datetime, ...]:
    """When entries were changed, the latest first."""
    rows = db.readable_rows("SELECT updated_at FROM entry ORDER BY updated_at DESC LIMIT ?", (REMEMBERED,))
    try:
        return tuple(datetime.fromisoformat(str(row[0]).replace("Z", "+00:00")) for row in rows)
    except ValueError as error:
        raise DatabaseCorrupt("an entry has a date that is none") from error
