"""Bases that somebody made to do harm: what acts by itself in the file is refused, and nothing is done or lost."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import apsw

from faults.forking import forked
from faults.homes import Home
from faults.judging import in_this_process
from faults.tally import Tally

_TABLES = ("entry", "item", "link", "origin", "passage", "space", "tombstone", "lease")
_ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
_ACTIONS = (
    "DELETE FROM entry",
    "DELETE FROM tombstone",
    "UPDATE entry SET content = 'changed by a trigger'",
    "SELECT RAISE(ABORT, 'no')",
    f"INSERT INTO item SELECT 1, 'x', x, 'y' FROM ({_ENDLESS})",
)


def schemas() -> list[str]:
    """What a crafted base holds beside its tables, a script each."""
    found = [
        f"CREATE TRIGGER harm {when} {event} ON {table} BEGIN {action}; END"
        for table in _TABLES
        for when, event in (("AFTER", "INSERT"), ("BEFORE", "UPDATE"), ("AFTER", "DELETE"))
        for action in _ACTIONS[:: 2 if table in ("entry", "item") else 4]
    ]
    for table in _TABLES:
        shape = f"ALTER TABLE {table} RENAME TO was_{table}; CREATE VIEW {table} AS "
        found += [f"{shape} SELECT * FROM was_{table}", f"{shape} {_ENDLESS}"]
        found.append(f"DROP TABLE {table}")
        found.append(f"CREATE INDEX harm_{table} ON {table} (abs(-9223372036854775808))")
    found += [
        f"CREATE VIEW harm AS {_ENDLESS}",
        "CREATE VIRTUAL TABLE harm USING fts5 (a)",
        "CREATE VIRTUAL TABLE harm USING fts5vocab (words, row)",
        "CREATE VIRTUAL TABLE harm USING rtree (a, b, c)",
        "DROP TABLE words; CREATE TABLE words (title, labels, errors, content, context)",
        f"DROP TABLE words; CREATE VIEW words AS {_ENDLESS}",
        "DROP TABLE words; CREATE VIRTUAL TABLE words USING fts5 (title, labels, errors, content, context)",
        "CREATE TABLE harm (a CHECK (a > 0), b AS (a + 1))",
        "CREATE TABLE vectors_99 (passage_id, vector)",
        "CREATE TEMP TABLE entry (a)",
        "ALTER TABLE entry ADD COLUMN harm TEXT DEFAULT (hex(randomblob(10)))",
        "ALTER TABLE entry DROP COLUMN project",
        "PRAGMA user_version = -1",
        "PRAGMA user_version = 2147483647",
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 7",
        "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = 'CREATE TABLE entry (x)' WHERE name = 'entry'",
        "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'item'",
        "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'entry'",
        "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET rootpage = 99999 WHERE name = 'link'",
        "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'sqlite_autoindex_entry_1'",
        "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET type = 'view' WHERE name = 'tombstone'",
        "UPDATE words_config SET v = 99",
        "DELETE FROM words_data",
        "UPDATE words_data SET block = randomblob(50)",
        "UPDATE space SET dim = 1000000000",
        "UPDATE space SET dim = -1, model = '../../etc/passwd'",
        "UPDATE space SET model = char(27) || ']0;x' || char(7)",
        "UPDATE lease SET pid = -1",
        "INSERT INTO lease VALUES ('embedding', 'x', 1, 'host', 'yesterday', 5, 1)",
    ]
    return found


def values(seed: int, count: int) -> list[str]:
    """Rows that no Rekall wrote: values of the wrong kind in any column."""
    chance = random.Random(seed)
    columns = {
        "entry": ("id", "type", "title", "content", "project", "status", "confidence", "created_at", "updated_at"),
        "item": ("kind", "value"),
        "link": ("type", "reason", "created_at", "turn"),
        "origin": ("path", "source_hash", "entry_hash", "said", "record_id", "successor"),
        "passage": ("text_hash", "position"),
        "space": ("fingerprint", "model", "dim", "active", "created_at", "spread"),
        "tombstone": ("type", "title", "deleted_at", "record"),
    }
    odd = (
        *(
            "'weird'",
            "''",
            "'gotcha'",
            "'yesterday'",
            "'9999-99-99T99:99:99Z'",
            "-1",
            "99",
            "9223372036854775807",
            "NULL",
        ),
        *(
            "x'ff'",
            "x''",
            "CAST(x'c3' AS TEXT)",
            "CAST(x'eda0bd' AS TEXT)",
            "char(0)",
            "char(27) || '[2J'",
            "'{'",
            "'[]'",
        ),
        *("'{\"entry\": 1}'", "printf('%.*c', 100000, 'x')", "1e999", "'[[[['"),
    )
    found = []
    for _ in range(count):
        table = chance.choice(list(columns))
        column = chance.choice(columns[table])
        first = {"item": "entry_key", "link": "source_key", "origin": "path", "tombstone": "id"}.get(table, "rowid")
        where = "" if chance.random() < 0.3 else f" WHERE {first} IN (SELECT {first} FROM {table} LIMIT 1)"
        found.append(f"UPDATE OR IGNORE {table} SET {column} = {chance.choice(odd)}{where}")
    return found


def try_crafted(home: Home, scripts: list[str], kind: str) -> Tally:
    """Open crafted bases with every kind of command."""
    tally = Tally(kind)
    place = home.folder / "crafted"
    for script in scripts:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(home.home, place)
        connection = apsw.Connection(str(place / "rekall.db"))
        try:
            connection.execute(script)
        except apsw.Error:
            tally.note("not made by SQLite itself")
            continue
        finally:
            connection.close()
        outcome, problems = _tried(home, place)
        tally.count(outcome)
        tally.problems += [f"{script:.300}: {problem}" for problem in problems]
    return tally


def _tried(home: Home, place: Path) -> tuple[str, list[str]]:
    before = _contents(place)
    asked = (
        ("list", "--all", "--json"),
        ("search", "sequential scan", "--json"),
        ("search", "sequential scan", "--mode", "words", "--json"),
        ("stats", "--json"),
        ("restore", "--json"),
        ("export", str(home.folder / "crafted.jsonl"), "--json"),
        ("check", "--json"),
        ("add", "til", "Added to a crafted base", "-c", "says afterword", "--json"),
        ("check", "--repair", "--json"),
        ("list", "--all", "--json"),
    )

    def ask() -> None:
        for number, arguments in enumerate(asked):
            os.write(1, json.dumps([number, *in_this_process(arguments)]).encode() + b"\n")
            if arguments[0] == "add":
                os.write(1, json.dumps([-1, len(before.items() - _contents(place).items()), "", ""]).encode() + b"\n")

    ended = forked(ask, home.folder, home.environ(place))
    lines = [json.loads(line) for line in ended.out.splitlines()]
    problems = []
    if len(lines) <= len(asked):
        said = "hung" if ended.hung else f"ended the process with {ended.code}: {ended.err[-800:]}"
        problems.append(f"{' '.join(asked[min(len(asked) - 1, sum(line[0] >= 0 for line in lines))])} {said}")
    codes = {}
    for number, code, out, err in lines:
        if number < 0:
            if code:
                problems.append(f"reading and one add changed {code} entries")
            continue
        codes[number] = code
        if code not in (0, 2, 3, 4, 5, 6) or "Traceback" in out + err:
            problems.append(f"{' '.join(asked[number])} ends with {code}: {err[-700:] or out[-500:]}")
    return ("refused" if codes.get(0) else "used without harm"), problems


def _contents(place: Path) -> dict[object, object]:
    """What the entries of a base say, read without Rekall and by no view."""
    connection = apsw.Connection(str(place / "rekall.db"))
    try:
        kinds = dict(connection.execute("SELECT name, type FROM sqlite_schema").fetchall())
        table = "entry" if kinds.get("entry") == "table" else "was_entry"
        return {
            key: repr(said)
            for key, *said in connection.execute(f"SELECT key, CAST(title AS BLOB), CAST(content AS BLOB) FROM {table}")
        }
    except apsw.Error:
        return {}
    finally:
        connection.close()
