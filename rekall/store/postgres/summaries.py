"""How many entries are of each type, project, status and tag."""

from __future__ import annotations

from collections.abc import Collection

from rekall.store.postgres.selection import Condition
from rekall.store.postgres.server import Server
from rekall.store.values import FACETS, Counts, Facets

_COLUMNS = {"types": "type", "projects": "project", "statuses": "status"}
"""The facets that are a column of an entry."""

_ALL: Condition = ("true", ())


def counts(db: Server) -> Counts:
    """Figures for `rekall stats`."""
    with db.snapshot():
        columns = _by_column(db, _ALL, tuple(_COLUMNS), -1)
        entries, tags, links = db.rows(
            "SELECT (SELECT count(*) FROM entry), (SELECT count(DISTINCT value) FROM item WHERE kind = 'tags'), "
            "(SELECT count(*) FROM link)"
        )[0]
    return Counts(entries, columns["statuses"], columns["types"], columns["projects"], tags, links)


def facets(db: Server, selected: Condition, most: int, of: Collection[str] = FACETS) -> Facets:
    """How many of the selected entries have each value of some facets; those that are not asked for stay empty.

    Args:
        db: The server.
        selected: The condition that selected entries meet.
        most: So many values of each, -1 for all.
        of: Which facets.
    """
    with db.snapshot():
        found = _by_column(db, selected, [each for each in _COLUMNS if each in of], most)
        if "tags" in of:
            found["tags"] = _by_tag(db, selected, most)
    return Facets(**{each: found.get(each, {}) for each in FACETS})


def _by_column(db: Server, selected: Condition, of: Collection[str], most: int) -> dict[str, dict[str, int]]:
    """Counts by some columns, from one way through the entries: the groups of it are few, and are counted again."""
    where, bindings = selected
    limit = "ALL" if most < 0 else f"{most:d}"
    parts = [
        f"(SELECT '{each}', {column}, sum(many)::bigint FROM each WHERE {column} IS NOT NULL "
        f'GROUP BY 2 ORDER BY 3 DESC, {column} COLLATE "C" LIMIT {limit})'
        for each, column in _COLUMNS.items()
        if each in of
    ]
    found: dict[str, dict[str, int]] = {each: {} for each in of}
    if not parts:
        return found
    rows = db.rows(
        "WITH each AS MATERIALIZED (SELECT e.project AS project, e.type AS type, e.status AS status, count(*) AS many "
        f"FROM entry e WHERE {where} GROUP BY 1, 2, 3) {' UNION ALL '.join(parts)}",
        bindings,
    )
    for facet, value, many in rows:
        found[facet][value] = many
    return found


def _by_tag(db: Server, selected: Condition, most: int) -> dict[str, int]:
    """Counts by tag."""
    where, bindings = selected
    among = "true" if selected == _ALL else f"i.entry_key IN (SELECT e.key FROM entry e WHERE {where})"
    limit = "ALL" if most < 0 else f"{most:d}"
    sql = f"SELECT i.value, count(*) FROM item i WHERE i.kind = 'tags' AND {among} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {limit}"
    return dict(db.rows(sql, bindings))
