"""What a row of each table must hold, and what stands in the place of a value that it must not: for `check` and its repair."""

from __future__ import annotations

import json
import math
import re
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from rekall.entry.fields import BY_NAME
from rekall.entry.other import OtherField
from rekall.entry.rules import is_ulid
from rekall.entry.times import exact, parsed, written
from rekall.entry.types import EntryType, LinkType, Status
from rekall.store.past import Was
from rekall.store.values import HASH_BYTES, MOST_KEY, SpaceState

MOST_DIMENSIONS = 65_536
UNTITLED = "(title lost)"

_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_EPOCH = "1970-01-01T00:00:00Z"


class _Gone:
    """Stands for "this row cannot be kept"."""


GONE = _Gone()

Row = Mapping[str, object]
"""A row by the names of its columns; a text that is not UTF-8 as its bytes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that a row must not hold.

    Attributes:
        column: Where it stands.
        why: What is wrong with it, said of the column: "is no type of entry".
        better: What to put in its place; `GONE` where the row cannot be kept.
    """

    column: str
    why: str
    better: object


def faults_of(table: str, row: Row) -> list[Fault]:
    """Everything that is wrong with a row in itself; nothing for a table that holds no rows of Rekall's."""
    rule = _RULES.get(table)
    if rule is None:
        return []
    readable: dict[str, Any] = {}
    found: list[Fault] = []
    for column, value in row.items():
        if isinstance(value, bytes) and column not in _BLOBS:
            value = value.decode("utf-8", "replace")
            found.append(Fault(column, "is not UTF-8", value))
        readable[column] = value
    later = list(rule(readable))
    worse = {fault.column for fault in later}
    return [fault for fault in found if fault.column not in worse] + later


def new_id(moment: str) -> str:
    """An id for an entry that lost its own."""
    from ulid import ULID

    try:
        return str(ULID.from_datetime(parsed(moment)))
    except (ValueError, OverflowError):
        return str(ULID())


def is_time(text: object) -> bool:
    """Whether a text is a time as the base writes it."""
    if not isinstance(text, str):
        return False
    try:
        return exact(text) is not None and parsed(text).tzinfo is not None
    except (ValueError, OverflowError):
        return False


def time_of(entry_id: object) -> str:
    """The time that an id says, or the beginning of 1970."""
    from ulid import ULID

    try:
        return written(ULID.from_str(str(entry_id).upper()).datetime.replace(microsecond=0))
    except (ValueError, OverflowError):
        return _EPOCH


def _entry(row: dict[str, Any]) -> Iterator[Fault]:
    created = row.get("created_at") if is_time(row.get("created_at")) else None
    updated = row.get("updated_at") if is_time(row.get("updated_at")) else None
    known = isinstance(row.get("id"), str) and is_ulid(row["id"])
    if not 0 < row.get("key", 1) < MOST_KEY:
        yield Fault("key", "is out of range", row["key"])
    made = created or (time_of(row["id"]) if known else updated or _EPOCH)
    if not known:
        yield Fault("id", "is no ULID", new_id(made))
    yield from _one_of(row, "type", EntryType, EntryType.TIL)
    yield from _one_of(row, "status", Status, Status.ACTIVE)
    for column in ("title", "content"):
        if not isinstance(row.get(column), str):
            yield Fault(column, "is lost", UNTITLED if column == "title" else "")
        elif column == "title" and not row["title"].strip():
            first = next((line.strip() for line in str(row.get("content") or "").splitlines() if line.strip()), "")
            yield Fault(column, "is empty", first[: BY_NAME["title"].most] or UNTITLED)
    if not isinstance(row.get("project"), (str, type(None))):
        yield Fault("project", "is no text", None)
    sure = BY_NAME["confidence"]
    if not isinstance(row.get("confidence"), int) or not 0 <= row["confidence"] <= sure.most:
        yield Fault("confidence", f"is not from 0 to {sure.most}", sure.default)
    if created is None:
        yield Fault("created_at", "is no time", made)
    if updated is None:
        yield Fault("updated_at", "is no time", made)


def _item(row: dict[str, Any]) -> Iterator[Fault]:
    kind, value = row.get("kind"), row.get("value")
    if not isinstance(value, str):
        yield Fault("value", "is lost", GONE)
    elif not isinstance(kind, str) or not _FIELD_NAME.fullmatch(kind):
        yield Fault("kind", "is no name of a field", "other_fields")
        yield Fault("value", "belongs to no field", OtherField.of(f"recovered {_number(row)}", value).stored)
    elif kind == "other_fields" and not _is_other_field(value):
        yield Fault("value", "is no field with its name", OtherField.of(f"recovered {_number(row)}", value).stored)
    for column in ("entry_key", "position"):
        if not isinstance(row.get(column), int):
            yield Fault(column, "is no number", GONE)


def _link(row: dict[str, Any]) -> Iterator[Fault]:
    yield from _one_of(row, "type", LinkType, LinkType.RELATED)
    if not isinstance(row.get("reason"), str):
        yield Fault("reason", "is lost", "")
    if not is_time(row.get("created_at")):
        yield Fault("created_at", "is no time", _EPOCH)
    if not isinstance(row.get("turn", 0), int):
        yield Fault("turn", "is no number", 0)
    for column in ("source_key", "target_key"):
        if not isinstance(row.get(column), int):
            yield Fault(column, "is no number", GONE)


def _origin(row: dict[str, Any]) -> Iterator[Fault]:
    if not isinstance(row.get("path"), str) or not isinstance(row.get("entry_key"), int):
        yield Fault("path", "is lost", GONE)
    for column in ("source_hash", "entry_hash"):
        value = row.get(column)
        if not isinstance(value, bytes) or len(value) != HASH_BYTES:
            yield Fault(column, f"is no hash of {HASH_BYTES} bytes", bytes(HASH_BYTES))
    if not isinstance(row.get("successor"), (str, type(None))):
        yield Fault("successor", "is no id", None)
    if not isinstance(row.get("record_id", ""), str):
        yield Fault("record_id", "is no text", "")
    said = row.get("said", "")
    if said and not _is_said(said):
        yield Fault("said", "is not the JSON that it should be", "")


def _tombstone(row: dict[str, Any]) -> Iterator[Fault]:
    record = _json(row.get("record"))
    if not isinstance(record, dict) or not isinstance(record.get("entry") or {}, dict):
        yield Fault("record", "is not the JSON that it should be", GONE)
        return
    if not isinstance(row.get("id"), str) or not is_ulid(row["id"]):
        yield Fault("id", "is no ULID", new_id(str(row.get("deleted_at"))))
    yield from _one_of(row, "type", EntryType, EntryType.TIL)
    if not isinstance(row.get("title"), str) or not row["title"]:
        yield Fault("title", "is empty", UNTITLED)
    if not is_time(row.get("deleted_at")):
        yield Fault("deleted_at", "is no time", time_of(row.get("id")))


def _trace(row: dict[str, Any]) -> Iterator[Fault]:
    if not isinstance(row.get("entry_id"), str):
        yield Fault("entry_id", "is lost", GONE)
    if not is_time(row.get("deleted_at")):
        yield Fault("deleted_at", "is no time", _EPOCH)
    if not isinstance(row.get("is_wiped", 0), int):
        yield Fault("is_wiped", "is no number", 0)


def _operation(row: dict[str, Any]) -> Iterator[Fault]:
    for column in ("verb", "door", "client", "source"):
        if not isinstance(row.get(column), str):
            yield Fault(column, "is lost", "")
    if not is_time(row.get("done_at")):
        yield Fault("done_at", "is no time", _EPOCH)
    for column in ("undoes", "undone_by"):
        if not isinstance(row.get(column), (int, type(None))):
            yield Fault(column, "is no number", None)
    if not isinstance(row.get("is_whole"), int):
        yield Fault("is_whole", "is no number", 0)


def _version(row: dict[str, Any]) -> Iterator[Fault]:
    if not isinstance(row.get("entry_id"), str) or not is_ulid(row["entry_id"]):
        yield Fault("entry_id", "is no ULID", GONE)
    elif not isinstance(row.get("operation"), int) or row.get("was") not in {int(each) for each in Was}:
        yield Fault("was", "is none that there is", GONE)
    elif not isinstance(row.get("state"), bytes):
        yield Fault("state", "cannot be read", GONE)


def _link_version(row: dict[str, Any]) -> Iterator[Fault]:
    if not isinstance(row.get("operation"), int):
        yield Fault("operation", "is no number", GONE)
    elif not all(isinstance(row.get(column), str) for column in ("source_id", "target_id", "type")):
        yield Fault("source_id", "is lost", GONE)
    elif row["type"] not in {kind.value for kind in LinkType}:
        yield Fault("type", "is none that there is", GONE)
    elif not isinstance(row.get("reason"), (str, type(None))):
        yield Fault("reason", "is no text", GONE)


def _folder(row: dict[str, Any]) -> Iterator[Fault]:
    if not isinstance(row.get("id"), str) or not isinstance(row.get("place"), str):
        yield Fault("id", "is lost", GONE)
    if not isinstance(row.get("options"), str):
        yield Fault("options", "is lost", "{}")
    if row.get("synced_at") is not None and not is_time(row["synced_at"]):
        yield Fault("synced_at", "is no time", None)


def _agreed(row: dict[str, Any]) -> Iterator[Fault]:
    if not isinstance(row.get("entry_id"), str) or not is_ulid(row["entry_id"]):
        yield Fault("entry_id", "is no ULID", GONE)
    elif not all(isinstance(row.get(column), str) for column in ("path", "seen", "file_hash")):
        yield Fault("path", "is lost", GONE)
    elif not isinstance(row.get("folder"), int) or not isinstance(row.get("state"), bytes):
        yield Fault("state", "cannot be read", GONE)


def _review(row: dict[str, Any]) -> Iterator[Fault]:
    if not isinstance(row.get("times"), int) or not isinstance(row.get("card"), str):
        yield Fault("card", "is lost", GONE)
    if row.get("due_at") is not None and not is_time(row["due_at"]):
        yield Fault("due_at", "is no time", GONE)  # as nothing it would say never
    if row.get("reviewed_at") is not None and not is_time(row["reviewed_at"]):
        yield Fault("reviewed_at", "is no time", None)


def _judged_pair(row: dict[str, Any]) -> Iterator[Fault]:
    if not all(isinstance(row.get(column), str) for column in ("first_id", "second_id", "verdict")):
        yield Fault("verdict", "is lost", GONE)
    if not is_time(row.get("judged_at")):
        yield Fault("judged_at", "is no time", _EPOCH)


def _lease(row: dict[str, Any]) -> Iterator[Fault]:
    numbers = (row.get(name) for name in ("pid", "done", "total"))
    texts = (row.get(name) for name in ("name", "holder", "host"))
    if not (all(isinstance(each, int) for each in numbers) and all(isinstance(each, str) for each in texts)):
        yield Fault("holder", "cannot be read", GONE)
    elif not is_time(row.get("renewed_at")):
        yield Fault("renewed_at", "is no time", GONE)


def _passage(row: dict[str, Any]) -> Iterator[Fault]:
    value = row.get("text_hash")
    if not isinstance(value, bytes) or len(value) != HASH_BYTES:
        yield Fault("text_hash", f"is no hash of {HASH_BYTES} bytes", GONE)
    if not isinstance(row.get("position"), int) or row["position"] < 0:
        yield Fault("position", "is no place", GONE)
    if not isinstance(row.get("entry_key"), int):
        yield Fault("entry_key", "is no number", GONE)


def _space(row: dict[str, Any]) -> Iterator[Fault]:
    for column in ("fingerprint", "model"):
        if not isinstance(row.get(column), str) or not row[column]:
            yield Fault(column, "is lost", GONE)
    if not isinstance(row.get("dim"), int) or not 0 < row["dim"] <= MOST_DIMENSIONS:
        yield Fault("dim", "is no number of dimensions", GONE)
    if row.get("active") not in {int(state) for state in SpaceState}:
        yield Fault("active", "is no state", int(SpaceState.RETIRED))
    if not is_time(row.get("created_at")):
        yield Fault("created_at", "is no time", _EPOCH)
    spread = row.get("spread")
    if spread is not None and not (isinstance(spread, (int, float)) and math.isfinite(spread) and spread >= 0):
        yield Fault("spread", "is no deviation", None)


def _centre(row: dict[str, Any]) -> Iterator[Fault]:
    value, numbers = row.get("mean"), (row.get("space_id"), row.get("number"))
    if (
        not isinstance(value, bytes)
        or not value
        or len(value) % 4
        or not all(math.isfinite(n) for n in array("f", value))
    ):
        yield Fault("mean", "is no vector", GONE)
    elif not all(isinstance(each, int) and 0 < each <= MOST_KEY for each in numbers):
        yield Fault("number", "is out of range", GONE)


def _signing(row: dict[str, Any]) -> Iterator[Fault]:
    for column in ("space_id", "held", "looked"):
        if not isinstance(row.get(column), int) or row[column] < 0:
            yield Fault(column, "is no number", GONE)
    if not isinstance(row.get("next_block"), (int, type(None))):
        yield Fault("next_block", "is no number", GONE)


_RULES: dict[str, Callable[[dict[str, Any]], Iterator[Fault]]] = {
    "entry": _entry,
    "item": _item,
    "link": _link,
    "origin": _origin,
    "tombstone": _tombstone,
    "trace": _trace,
    "operation": _operation,
    "version": _version,
    "link_version": _link_version,
    "folder": _folder,
    "agreed": _agreed,
    "review": _review,
    "judged_pair": _judged_pair,
    "lease": _lease,
    "passage": _passage,
    "space": _space,
    "centre": _centre,
    "signing": _signing,
}

_BLOBS = {"source_hash", "entry_hash", "text_hash", "vector", "bits", "mean", "state"}


def _one_of(
    row: dict[str, Any], column: str, choices: type[EntryType] | type[Status] | type[LinkType], default: object
) -> Iterator[Fault]:
    value = row.get(column)
    try:
        choices(value)
    except ValueError:
        shown = f" ({value[:40]!r})" if isinstance(value, str) else ""
        yield Fault(column, f"is none that there is{shown}", getattr(default, "value", default))


def _number(row: dict[str, Any]) -> str:
    return f"{row.get('position')}"


def _json(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _is_other_field(text: str) -> bool:
    found = _json(text)
    return isinstance(found, list) and len(found) == 2 and isinstance(found[0], str)


def _is_said(text: object) -> bool:
    """Whether a text is what an import remembers of a source."""
    found = _json(text)
    if not isinstance(found, dict) or not isinstance(found.get("fields"), (dict, type(None))):
        return False
    links = found.get("links")
    return isinstance(links, list) and all(isinstance(link, list) and len(link) == 3 for link in links)


def now() -> datetime:
    """This moment, whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)
