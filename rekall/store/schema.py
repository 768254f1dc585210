"""The database's shape, in numbered steps; the only place where tables are defined."""

from __future__ import annotations

from rekall.store.tokens import TOKENIZER

APPLICATION_ID = 0x52454B4C  # "REKL": marks the file as ours
PAGE_BYTES = 8192  # five vectors of 384 dimensions fill a page; 4096 would waste a quarter

_TOKENIZER_SQL = " ".join(f"'{part}'" if " " in part else part for part in TOKENIZER)

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE entry (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        title TEXT NOT NULL,
        content TEXT NOT NULL,
        project TEXT,
        status TEXT NOT NULL,
        superseded_by TEXT REFERENCES entry (id) ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,
        confidence INTEGER NOT NULL,
        situation TEXT NOT NULL,
        solution TEXT NOT NULL,
        what_failed TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX entry_by_update ON entry (updated_at, id);
    CREATE INDEX entry_by_project ON entry (project) WHERE project IS NOT NULL;
    CREATE INDEX entry_by_successor ON entry (superseded_by) WHERE superseded_by IS NOT NULL;

    CREATE TABLE item (
        entry_key INTEGER NOT NULL REFERENCES entry (key) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        position INTEGER NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (entry_key, kind, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX item_by_tag ON item (value, entry_key) WHERE kind = 'tag';

    CREATE TABLE link (
        source_key INTEGER NOT NULL REFERENCES entry (key) ON DELETE CASCADE,
        target_key INTEGER NOT NULL REFERENCES entry (key) ON DELETE CASCADE,
        type TEXT NOT NULL,
        reason TEXT NOT NULL,
        created_at TEXT NOT NULL,
        PRIMARY KEY (source_key, target_key, type),
        CHECK (source_key <> target_key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX link_by_target ON link (target_key);

    -- where an imported entry came from, the hash of that source, and of the entry as it was imported
    CREATE TABLE origin (
        path TEXT PRIMARY KEY,
        entry_key INTEGER NOT NULL UNIQUE REFERENCES entry (key) ON DELETE CASCADE,
        source_hash BLOB NOT NULL,
        entry_hash BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE passage (
        id INTEGER PRIMARY KEY,
        entry_key INTEGER NOT NULL REFERENCES entry (key) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        text_hash BLOB NOT NULL,
        UNIQUE (entry_key, position)
    ) STRICT;

    -- a vector space: one model fingerprint; its vectors lie in tables of its own.
    -- active: 1 serves searches, 0 is being built, -1 served them before
    CREATE TABLE space (
        id INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL UNIQUE,
        model TEXT NOT NULL,
        dim INTEGER NOT NULL,
        active INTEGER NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX one_active_space ON space (active) WHERE active = 1;

    -- contentless: the text lives in entry; contentless_delete lets rows be replaced
    CREATE VIRTUAL TABLE words USING fts5 (
        title, labels, errors, content, context,
        content = '', contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2'
    );
    """,
    """
    -- a deleted entry: what it said, its links, and where it was imported from, as JSON
    CREATE TABLE tombstone (
        id TEXT PRIMARY KEY,
        type TEXT NOT NULL,
        title TEXT NOT NULL,
        deleted_at TEXT NOT NULL,
        record TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tombstone_by_time ON tombstone (deleted_at, id);
    """,
    """
    -- links alone say what supersedes an entry. The column becomes a link. A link to an entry that was made active after
    -- the link goes. What is still superseded is obsolete. Of several links the one with the highest turn holds, which is
    -- the one that the column named
    DELETE FROM link WHERE type = 'supersedes' AND EXISTS (
        SELECT 1 FROM entry e WHERE e.key = link.target_key
        AND e.status = 'active' AND e.superseded_by IS NULL AND e.updated_at > link.created_at);
    INSERT OR IGNORE INTO link
        SELECT s.key, e.key, 'supersedes', '', e.updated_at FROM entry e JOIN entry s ON s.id = e.superseded_by
        WHERE s.key <> e.key;
    ALTER TABLE link ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
    UPDATE link SET turn = made.place FROM (
        SELECT l.source_key, l.target_key, l.type, row_number() OVER (
            ORDER BY l.type = 'supersedes' AND n.id IS e.superseded_by, l.created_at, l.source_key) AS place
        FROM link l JOIN entry n ON n.key = l.source_key JOIN entry e ON e.key = l.target_key) AS made
        WHERE made.source_key = link.source_key AND made.target_key = link.target_key AND made.type = link.type;
    -- the successor that the source of an imported entry named
    ALTER TABLE origin ADD COLUMN successor TEXT;
    UPDATE origin SET successor = (SELECT superseded_by FROM entry WHERE key = entry_key);
    UPDATE entry SET status = 'obsolete' WHERE key IN (SELECT target_key FROM link WHERE type = 'supersedes');

    -- every field that no statement asks for is an item, under its name in entry/fields.py
    UPDATE item SET kind = CASE kind
        WHEN 'tag' THEN 'tags' WHEN 'error' THEN 'error_messages' WHEN 'file' THEN 'files'
        WHEN 'keyword' THEN 'keywords' WHEN 'source' THEN 'sources' ELSE kind END;
    INSERT INTO item SELECT key, 'situation', 0, situation FROM entry WHERE situation <> '';
    INSERT INTO item SELECT key, 'solution', 0, solution FROM entry WHERE solution <> '';
    INSERT INTO item SELECT key, 'what_failed', 0, what_failed FROM entry WHERE what_failed <> '';
    DROP INDEX item_by_tag;
    CREATE INDEX item_by_tag ON item (value, entry_key) WHERE kind = 'tags';

    -- foreign keys are off while a base migrates, so that dropping the old table takes nothing with it
    CREATE TABLE entry_now (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        title TEXT NOT NULL,
        content TEXT NOT NULL,
        project TEXT,
        status TEXT NOT NULL,
        confidence INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    ) STRICT;
    INSERT INTO entry_now
        SELECT key, id, type, title, content, project, status, confidence, created_at, updated_at FROM entry;
    DROP TABLE entry;
    ALTER TABLE entry_now RENAME TO entry;
    CREATE INDEX entry_by_update ON entry (updated_at, id);
    CREATE INDEX entry_by_project ON entry (project) WHERE project IS NOT NULL;
    """,
    """
    -- what a source is known by when it moves: the id its own tool gave it, else its bytes; and what it said when it was
    -- last read, as JSON, a field a name: lists whole, everything else as a hash
    ALTER TABLE origin ADD COLUMN record_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE origin ADD COLUMN said TEXT NOT NULL DEFAULT '';
    CREATE INDEX origin_by_hash ON origin (source_hash);
    CREATE INDEX origin_by_record ON origin (record_id) WHERE record_id <> '';

    -- work that one process at a time does for all of them, and how far it is
    CREATE TABLE lease (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        pid INTEGER NOT NULL,
        host TEXT NOT NULL,
        renewed_at TEXT NOT NULL,
        done INTEGER NOT NULL,
        total INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    f"""
    -- marks belong to the word they stand in; `SqliteStore` makes the index anew
    DROP TABLE words;
    CREATE VIRTUAL TABLE words USING fts5 (
        title, labels, errors, content, context,
        content = '', contentless_delete = 1, tokenize = "porter {_TOKENIZER_SQL}"
    );

    -- how far apart the cosines of a space's passages lie, as a standard deviation; NULL is not known yet
    ALTER TABLE space ADD COLUMN spread REAL;
    """,
    """
    -- entries deleted for ever of which the file may still hold traces; wiped once it has been written again
    CREATE TABLE trace (
        entry_id TEXT PRIMARY KEY,
        deleted_at TEXT NOT NULL,
        is_wiped INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- what `PRAGMA secure_delete` is for the rest. Of a contentless index it wipes nothing yet: merging does (ADR 20)
    INSERT INTO words (words, rank) VALUES ('secure-delete', 1);

    -- passages that the model of a space cannot embed, and why; the others go on without them
    CREATE TABLE unembeddable (
        passage_id INTEGER NOT NULL REFERENCES passage (id) ON DELETE CASCADE,
        space_id INTEGER NOT NULL REFERENCES space (id) ON DELETE CASCADE,
        reason TEXT NOT NULL,
        PRIMARY KEY (passage_id, space_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX unembeddable_by_space ON unembeddable (space_id);
    """,
    """
    -- ids are shown and typed by their end
    CREATE INDEX entry_by_end ON entry (substr(id, -4));
    """,
    """
    -- the middle of a space's vectors, from which its signs are taken; the highest number is the latest, 0 is zero
    CREATE TABLE centre (
        space_id INTEGER NOT NULL REFERENCES space (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        mean BLOB NOT NULL,
        PRIMARY KEY (space_id, number)
    ) STRICT, WITHOUT ROWID;
    -- how many vectors of a space have signs, how many had when its middle was last looked at, and from which block on signs
    -- may still be those of an earlier middle; NULL where all are of the latest. `packing.pack_signs` fills it
    CREATE TABLE signing (
        space_id INTEGER PRIMARY KEY REFERENCES space (id) ON DELETE CASCADE,
        held INTEGER NOT NULL,
        looked INTEGER NOT NULL,
        next_block INTEGER
    ) STRICT;
    """,
    """
    -- lists and counts at any size: each is read from an index alone, whose entries stand in the order that is asked for
    DROP INDEX entry_by_update;
    CREATE INDEX entry_by_update ON entry (updated_at, id, type, status, project);
    DROP INDEX entry_by_project;
    CREATE INDEX entry_by_project ON entry (project COLLATE NOCASE, updated_at, id, type, status) WHERE project IS NOT NULL;
    CREATE INDEX entry_by_facets ON entry (project, type, status);
    CREATE INDEX entry_by_creation ON entry (created_at);
    -- the beginning of titles alone, a third of the bytes: the few that begin alike are sorted when they are read
    CREATE INDEX entry_by_title ON entry (substr(title, 1, 12) COLLATE NOCASE);
    """,
    """
    -- what was done: an edit, an import, an undo; by which door and client, and to what. is_whole: every version of it is there
    CREATE TABLE operation (
        number INTEGER PRIMARY KEY,
        done_at TEXT NOT NULL,
        verb TEXT NOT NULL,
        door TEXT NOT NULL,
        client TEXT NOT NULL,
        source TEXT NOT NULL,
        undoes INTEGER,
        undone_by INTEGER,
        is_whole INTEGER NOT NULL
    ) STRICT;
    -- what an entry was before an operation: `past.Was`, and what it said where something else was said afterwards
    CREATE TABLE version (
        entry_id TEXT NOT NULL,
        operation INTEGER NOT NULL,
        was INTEGER NOT NULL,
        state BLOB NOT NULL,
        PRIMARY KEY (entry_id, operation)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX version_by_operation ON version (operation);
    -- the reason that a link had before an operation; NULL where there was no such link
    CREATE TABLE link_version (
        operation INTEGER NOT NULL,
        source_id TEXT NOT NULL,
        target_id TEXT NOT NULL,
        type TEXT NOT NULL,
        reason TEXT,
        PRIMARY KEY (operation, source_id, target_id, type)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX link_version_by_source ON link_version (source_id);
    CREATE INDEX link_version_by_target ON link_version (target_id);
    """,
    """
    -- a folder that this base is synced with: id stands in the folder itself, so that it is known wherever it lies
    CREATE TABLE folder (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        place TEXT NOT NULL,
        options TEXT NOT NULL,
        synced_at TEXT
    ) STRICT;
    -- what a folder and this base last said alike of an entry, which a merge of both starts from; seen is the size and the
    -- time of its file
    CREATE TABLE agreed (
        folder INTEGER NOT NULL REFERENCES folder (number) ON DELETE CASCADE,
        entry_id TEXT NOT NULL,
        path TEXT NOT NULL,
        seen TEXT NOT NULL,
        file_hash TEXT NOT NULL,
        state BLOB NOT NULL,
        UNIQUE (folder, entry_id)
    ) STRICT;
    CREATE INDEX agreed_by_path ON agreed (folder, path);
    CREATE INDEX agreed_by_entry ON agreed (entry_id);

    -- when an entry is to be looked at again, and the memory of it as FSRS keeps it; due_at is NULL for never. An entry without
    -- a row was not reviewed yet
    CREATE TABLE review (
        entry_key INTEGER PRIMARY KEY REFERENCES entry (key) ON DELETE CASCADE,
        due_at TEXT,
        reviewed_at TEXT,
        times INTEGER NOT NULL,
        card TEXT NOT NULL
    ) STRICT;
    CREATE INDEX review_by_due ON review (due_at) WHERE due_at IS NOT NULL;

    -- two entries of which a person said that they do not contradict or repeat each other, or need no link; first_id < second_id
    CREATE TABLE judged_pair (
        first_id TEXT NOT NULL,
        second_id TEXT NOT NULL,
        verdict TEXT NOT NULL,
        judged_at TEXT NOT NULL,
        PRIMARY KEY (first_id, second_id, verdict)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX judged_pair_by_second ON judged_pair (second_id);
    """,
)

SHAPE = 0x2D5BD837
"""Checksum of the schema that all steps make (`opening.shape_sum`), so that a base is compared with it at no cost."""

VOCABULARY = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab (main, words, row)"
"""Document counts of every stemmed term, straight from the index; lives in the connection, not in the file."""

MERGE_WORDS = "INSERT INTO words (words) VALUES ('optimize')"
EMPTY_WORDS = "INSERT INTO words (words) VALUES ('delete-all')"


PACKED = 8
"""The first schema whose signs lie in blocks; before it each vector's were a row."""

IS_WHOLE_SPACE = (
    "(SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('vectors_' || id, 'signs_' || id)) = 2 "
    "AND typeof(dim) = 'integer' AND dim BETWEEN 1 AND 65536 AND typeof(active) = 'integer' "
    "AND fingerprint IS NOT NULL AND model IS NOT NULL"
)
"""Whether a space can be used: it has its tables, and their vectors a size. Any other is as if it were not there."""


def space_tables(space: int, version: int = len(MIGRATIONS)) -> str:
    """The tables of one vector space in a schema: the vectors (truth) and their signs (derived), many in a row."""
    signs = """
        passage_id INTEGER PRIMARY KEY REFERENCES passage (id) ON DELETE CASCADE,
        bits BLOB NOT NULL
    """
    if version >= PACKED:
        signs = """
        block INTEGER PRIMARY KEY,
        centre INTEGER NOT NULL,
        bits BLOB NOT NULL
    """
    return f"""
    CREATE TABLE IF NOT EXISTS vectors_{space:d} (
        passage_id INTEGER PRIMARY KEY REFERENCES passage (id) ON DELETE CASCADE,
        vector BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS signs_{space:d} ({signs}) STRICT;
    """


def drop_space_tables(space: int) -> str:
    """Undo `space_tables`."""
    return f"DROP TABLE IF EXISTS vectors_{space:d}; DROP TABLE IF EXISTS signs_{space:d};"
