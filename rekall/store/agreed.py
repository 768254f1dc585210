"""What folders and the base last said alike, as rows; see `agreements.Agreements`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from rekall.db import Database
from rekall.entry.times import exact, written
from rekall.store.agreements import Agreed, Folder
from rekall.store.typed import BLOB, NUMBER, TEXT, TEXT_OR_NONE, typed

_SAID = "e.key, e.id, e.type, e.title, e.content, e.project, e.status, e.confidence, e.created_at"
_AMONG = "SELECT value FROM json_each(?)"


class SqliteAgreements:
    """Reads and writes what was agreed; see `agreements.Agreements`."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def folders(self) -> list[Folder]:
        """Every folder, in the order in which they came."""
        rows = self._db.readable_rows("SELECT number, id, place, options, synced_at FROM folder ORDER BY number")
        return [
            Folder(number, folder_id, place, options, exact(at) if at else None)
            for number, folder_id, place, options, at in typed(rows, NUMBER, TEXT, TEXT, TEXT, TEXT_OR_NONE)
        ]

    def put_folder(self, folder: Folder) -> Folder:
        """Store a folder, a new one where its number is 0. Returns it with its number."""
        values = (folder.id, folder.place, folder.options, written(folder.synced_at) if folder.synced_at else None)
        if folder.number:
            self._db.run(
                "UPDATE folder SET id = ?, place = ?, options = ?, synced_at = ? WHERE number = ?",
                (*values, folder.number),
            )
            return folder
        sql = "INSERT INTO folder (id, place, options, synced_at) VALUES (?, ?, ?, ?) RETURNING number"
        return Folder(int(self._db.value(sql, values)), folder.id, folder.place, folder.options, folder.synced_at)

    def drop_folder(self, number: int) -> None:
        """Forget a folder and everything that was agreed with it."""
        self._db.run("DELETE FROM agreed WHERE folder = ?", (number,))
        self._db.run("DELETE FROM folder WHERE number = ?", (number,))

    def count(self, number: int) -> int:
        """How many entries a folder and the base both have."""
        return int(self._db.value("SELECT count(*) FROM agreed WHERE folder = ? AND path <> ''", (number,)))

    def of(self, number: int) -> list[Agreed]:
        """Everything that was agreed with a folder, without what was said."""
        rows = self._db.readable_rows(
            "SELECT entry_id, path, seen, file_hash FROM agreed WHERE folder = ? ORDER BY entry_id", (number,)
        )
        return [Agreed(*row) for row in typed(rows, TEXT, TEXT, TEXT, TEXT)]

    def states(self, number: int, ids: Iterable[str]) -> dict[str, bytes]:
        """What was said of some entries, by id."""
        rows = self._db.readable_rows(
            f"SELECT entry_id, state FROM agreed WHERE folder = ? AND entry_id IN ({_AMONG})",
            (number, json.dumps(list(ids))),
        )
        return dict(typed(rows, TEXT, BLOB))

    def put(self, number: int, agreed: Sequence[Agreed]) -> None:
        """Remember what was agreed, in the place of what was before."""
        self._db.run_many(
            "INSERT INTO agreed (folder, entry_id, path, seen, file_hash, state) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO "
            "UPDATE SET path = excluded.path, seen = excluded.seen, file_hash = excluded.file_hash, state = excluded.state",
            ((number, each.entry_id, each.path, each.seen, each.file_hash, each.state) for each in agreed),
        )

    def see(self, number: int, seen: Mapping[str, str]) -> None:
        """Remember what tells that nothing changed, by id; all else stays."""
        self._db.run_many(
            "UPDATE agreed SET seen = ? WHERE folder = ? AND entry_id = ?",
            ((text, number, entry_id) for entry_id, text in seen.items()),
        )

    def drop(self, number: int, ids: Iterable[str]) -> None:
        """Forget what was agreed of some entries."""
        self._db.run(f"DELETE FROM agreed WHERE folder = ? AND entry_id IN ({_AMONG})", (number, json.dumps(list(ids))))

    def forget(self, entry_id: str) -> None:
        """Forget what any folder said of an entry, and keep that it was agreed."""
        self._db.run("UPDATE agreed SET state = x'', seen = '' WHERE entry_id = ?", (entry_id,))

    def stamps(self, ids: Iterable[str] | None = None) -> dict[str, str]:
        """A short text an entry, which differs when anything that the entry says differs, its links from it included."""
        wanted = () if ids is None else (json.dumps(list(ids)),)
        among = "" if ids is None else f" WHERE e.id IN ({_AMONG})"
        hashes, id_of = {}, {}
        for row in self._db.readable_rows(f"SELECT {_SAID} FROM entry e{among}", wanted):
            if isinstance(row[0], int) and isinstance(row[1], str):
                hashes[row[0]] = hashlib.blake2b(repr(row[1:]).encode("utf-8", "replace"), digest_size=12)
                id_of[row[0]] = row[1]
        owners = "" if ids is None else f" WHERE {{}} IN (SELECT e.key FROM entry e{among})"
        for sql in (
            f"SELECT entry_key, kind, value FROM item{owners.format('entry_key')} ORDER BY entry_key, kind, position",
            "SELECT l.source_key, l.type || ' ' || t.id, l.reason FROM link l JOIN entry t ON t.key = l.target_key"
            f"{owners.format('l.source_key')} ORDER BY 1, 2",
            "SELECT key, 'successor', id FROM (SELECT l.target_key AS key, s.id, max(l.turn) FROM link l JOIN entry s ON "
            f"s.key = l.source_key{owners.format('l.target_key') or ' WHERE true'} AND l.type = 'supersedes' GROUP BY 1)",
        ):
            for key, *said in self._db.readable_rows(sql, wanted):
                if key in hashes:
                    hashes[key].update(repr(said).encode("utf-8", "replace"))
        return {id_of[key]: each.hexdigest() for key, each in hashes.items()}
