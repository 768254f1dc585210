"""What folders and the base last said alike, as rows; see `agreements.Agreements`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rekall.entry.times import exact, written
from rekall.store.agreements import Agreed, Folder
from rekall.store.postgres.server import Server

_SAID = "e.key, e.id, e.type, e.title, e.content, e.project, e.status, e.confidence, e.created_at"


class PostgresAgreements:
    """Reads and writes what was agreed; see `agreements.Agreements`."""

    def __init__(self, db: Server) -> None:
        """Work on a server."""
        self._db = db

    def folders(self) -> list[Folder]:
        """Every folder, in the order in which they came."""
        rows = self._db.rows("SELECT number, id, place, options, synced_at FROM folder ORDER BY number")
        return [
            Folder(number, folder_id, place, options, exact(at) if at else None)
            for number, folder_id, place, options, at in rows
        ]

    def put_folder(self, folder: Folder) -> Folder:
        """Store a folder, a new one where its number is 0. Returns it with its number."""
        values = (folder.id, folder.place, folder.options, written(folder.synced_at) if folder.synced_at else None)
        if folder.number:
            sql = "UPDATE folder SET id = %s, place = %s, options = %s, synced_at = %s WHERE number = %s"
            self._db.run(sql, (*values, folder.number))
            return folder
        sql = "INSERT INTO folder (id, place, options, synced_at) VALUES (%s, %s, %s, %s) RETURNING number"
        return replace(folder, number=int(self._db.value(sql, values)))

    def drop_folder(self, number: int) -> None:
        """Forget a folder and everything that was agreed with it."""
        self._db.run("DELETE FROM folder WHERE number = %s", (number,))

    def count(self, number: int) -> int:
        """How many entries a folder and the base both have."""
        return int(self._db.value("SELECT count(*) FROM agreed WHERE folder = %s AND path <> ''", (number,)))

    def of(self, number: int) -> list[Agreed]:
        """Everything that was agreed with a folder, without what was said."""
        sql = "SELECT entry_id, path, seen, file_hash FROM agreed WHERE folder = %s ORDER BY entry_id"
        return [Agreed(*row) for row in self._db.rows(sql, (number,))]

    def states(self, number: int, ids: Iterable[str]) -> dict[str, bytes]:
        """What was said of some entries, by id."""
        sql = "SELECT entry_id, state FROM agreed WHERE folder = %s AND entry_id = ANY(%s)"
        return dict(self._db.rows(sql, (number, list(ids))))

    def put(self, number: int, agreed: Sequence[Agreed]) -> None:
        """Remember what was agreed, in the place of what was before."""
        self._db.run_many(
            "INSERT INTO agreed (folder, entry_id, path, seen, file_hash, state) VALUES (%s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (folder, entry_id) DO UPDATE SET path = excluded.path, seen = excluded.seen, "
            "file_hash = excluded.file_hash, state = excluded.state",
            [(number, each.entry_id, each.path, each.seen, each.file_hash, each.state) for each in agreed],
        )

    def see(self, number: int, seen: Mapping[str, str]) -> None:
        """Remember what tells that nothing changed, by id; all else stays."""
        self._db.run_many(
            "UPDATE agreed SET seen = %s WHERE folder = %s AND entry_id = %s",
            [(text, number, entry_id) for entry_id, text in seen.items()],
        )

    def drop(self, number: int, ids: Iterable[str]) -> None:
        """Forget what was agreed of some entries."""
        self._db.run("DELETE FROM agreed WHERE folder = %s AND entry_id = ANY(%s)", (number, list(ids)))

    def forget(self, entry_id: str) -> None:
        """Forget what any folder said of an entry, and keep that it was agreed."""
        self._db.run("UPDATE agreed SET state = '', seen = '' WHERE entry_id = %s", (entry_id,))

    def stamps(self, ids: Iterable[str] | None = None) -> dict[str, str]:
        """A short text an entry, which differs when anything that the entry says differs, its links from it included."""
        wanted = () if ids is None else (list(ids),)
        among = "" if ids is None else " WHERE e.id = ANY(%s)"
        owners = "" if ids is None else f" AND {{}} IN (SELECT e.key FROM entry e{among})"
        hashes, id_of = {}, {}
        with self._db.snapshot():
            for key, *said in self._db.rows(f"SELECT {_SAID} FROM entry e{among}", wanted):
                hashes[key] = hashlib.blake2b(repr(said).encode("utf-8", "replace"), digest_size=12)
                id_of[key] = said[0]
            for sql in (
                "SELECT entry_key, kind, value FROM item "
                f"WHERE true{owners.format('entry_key')} ORDER BY entry_key, kind, position",
                "SELECT l.source_key, l.type || ' ' || t.id, l.reason FROM link l JOIN entry t ON t.key = l.target_key "
                f"WHERE true{owners.format('l.source_key')} ORDER BY 1, 2",
                "SELECT DISTINCT ON (l.target_key) l.target_key, 'successor', s.id FROM link l JOIN entry s ON "
                f"s.key = l.source_key WHERE l.type = 'supersedes'{owners.format('l.target_key')} "
                "ORDER BY l.target_key, l.turn DESC",
            ):
                for key, *said in self._db.rows(sql, wanted):
                    hashes[key].update(repr(said).encode("utf-8", "replace"))
        return {id_of[key]: each.hexdigest() for key, each in hashes.items()}
