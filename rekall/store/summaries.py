"""How many entries are of each type, project, status and tag, read from indexes alone."""

from __future__ import annotations

from collections.abc import Collection

from rekall.db import Database
from rekall.store.selection import condition
from rekall.store.typed import NUMBER, TEXT, typed
from rekall.store.values import EVERYTHING, FACETS, Counts, Facets, Selection

_COLUMNS = {"types": "type", "projects": "project", "statuses": "status"}
"""The facets that are a column of an entry."""

_FEW_TAGS = 5_000
"""So many tags are found one by one in 7 ms."""


def counts(db: Database) -> Counts:
    """Figures for `rekall stats`."""
    with db.snapshot():
        columns = _by_column(db, EVERYTHING, tuple(_COLUMNS), -1)
        entries = int(db.value("SELECT count(*) FROM entry"))
        tags = _tags(db)
        links = db.value("SELECT count(*) FROM link")
    return Counts(entries, columns["statuses"], columns["types"], columns["projects"], tags, links)


def _tags(db: Database) -> int:
    """How many tags there are: few are found from one to the next, where many entries have each."""
    few = db.value(
        "WITH RECURSIVE tag (name) AS (SELECT min(value) FROM item WHERE kind = 'tags' UNION ALL SELECT ("
        "SELECT value FROM item WHERE kind = 'tags' AND value > tag.name ORDER BY value LIMIT 1) FROM tag "
        "WHERE tag.name IS NOT NULL LIMIT ?) SELECT count(name) FROM tag",
        (_FEW_TAGS,),
    )
    if few < _FEW_TAGS - 1:
        return int(few)
    return int(db.value("SELECT count(DISTINCT value) FROM item WHERE kind = 'tags'"))


def facets(db: Database, selection: Selection, most: int, of: Collection[str] = FACETS) -> Facets:
    """How many of the selected entries have each value of some facets; those that are not asked for stay empty."""
    with db.snapshot():
        found = _by_column(db, selection, [each for each in _COLUMNS if each in of], most)
        if "tags" in of:
            found["tags"] = _by_tag(db, selection, most)
    return Facets(**{each: found.get(each, {}) for each in FACETS})


def _by_column(db: Database, selection: Selection, of: Collection[str], most: int) -> dict[str, dict[str, int]]:
    """Counts by some columns, from one way through the index: the groups of it are few, and are counted again."""
    where, bindings = condition(selection)
    parts = [
        f"SELECT * FROM (SELECT '{each}', {column}, sum(many) FROM each WHERE {column} IS NOT NULL "
        f"GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT {most:d})"
        for each, column in _COLUMNS.items()
        if each in of
    ]
    found: dict[str, dict[str, int]] = {each: {} for each in of}
    if not parts:
        return found
    rows = db.readable_rows(
        "WITH each AS MATERIALIZED (SELECT e.project AS project, e.type AS type, e.status AS status, count(*) AS many "
        f"FROM entry e WHERE {where} GROUP BY 1, 2, 3) {' UNION ALL '.join(parts)}",
        bindings,
    )
    for facet, value, many in typed(rows, TEXT, TEXT, NUMBER):
        found[facet][value] = many
    return found


def _by_tag(db: Database, selection: Selection, most: int) -> dict[str, int]:
    """Counts by tag; where every entry counts, their index tells without a look at which entry has one."""
    where, bindings = condition(selection)
    among = "1" if selection.is_everything else f"i.entry_key IN (SELECT e.key FROM entry e WHERE {where})"
    rows = db.readable_rows(
        f"SELECT i.value, count(*) FROM item i WHERE i.kind = 'tags' AND {among} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",
        (*bindings, most),
    )
    return dict(typed(rows, TEXT, NUMBER))
