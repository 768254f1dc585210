"""What the history says, in the words that every door uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rekall.entry.times import local_time, written
from rekall.system.homes import from_home

if TYPE_CHECKING:
    from rekall.knowledge.undoing import Change, Plan
    from rekall.knowledge.versions import Done, State
    from rekall.store.past import Operation

_MOST_SOURCES = 2


def who_text(operation: Operation) -> str:
    """Who did it: the role in a team's base, the door, and the program or the person behind it."""
    door = f"{operation.door} ({operation.client})" if operation.client else operation.door
    return f"{operation.author}, {door}" if operation.author else door


def when_text(operation: Operation | None) -> str:
    """When it was done, as a reader's clock said."""
    return "" if operation is None else local_time(operation.done_at)


def verb_text(operation: Operation) -> str:
    """What was done, and whether it still holds."""
    text = operation.verb if operation.undoes is None else f"{operation.verb} {operation.undoes}"
    return text if operation.undone_by is None else f"{text} (undone)"


def done_text(done: Done) -> str:
    """What was done, with what, and to what."""
    touched, operation = done.touched, done.operation
    parts = [_sources(operation.source)]
    if touched.entries > 1:
        parts.append(f"{touched.entries:,} entries")
    elif done.title:
        parts.append(done.title)
    elif not touched.entries and touched.links:
        parts.append(f"{touched.links:,} {'link' if touched.links == 1 else 'links'}")
    said = ", ".join(filter(None, parts))
    return f"{verb_text(operation)}: {said}" if said else verb_text(operation)


def state_text(state: State) -> str:
    """What made a version: what was done, with what, and which fields it changed."""
    if state.operation is None:
        return "what was there before anything was remembered"
    fields = [*(name.replace("_", " ") for name in state.changed), *(["links"] if state.changes_links else [])]
    head = verb_text(state.operation)
    source = _sources(state.operation.source)
    head = f"{head} {source}" if source else head
    return f"{head}: {', '.join(fields)}" if fields else head


def version_text(state: State, present: int | None = None) -> str:
    """What a version is called: "version 12, 2026-11-27 14:05, shell"; the present one "now"."""
    if state.number == present:
        return "now"
    if state.operation is None:
        return f"version {state.number}"
    return f"version {state.number}, {when_text(state.operation)}, {who_text(state.operation)}"


def plan_text(plan: Plan) -> str:
    """What is undone: "edit of 2026-11-27 14:05 by shell"."""
    operation = plan.operation
    source = _sources(operation.source)
    what = f"{verb_text(operation)} {source}".rstrip()
    return f"{what}, {when_text(operation)}, {who_text(operation)}"


def change_text(change: Change) -> str:
    """What becomes of an entry: "changes back", with its title and the fields."""
    fields = f": {', '.join(name.replace('_', ' ') for name in change.fields)}" if change.fields else ""
    return f"{change.does} {change.title}{fields}"


def _sources(source: str) -> str:
    """What something was done with: paths, one a line, from the reader's home on."""
    named = [from_home(each) for each in source.splitlines()]
    if len(named) > _MOST_SOURCES:
        return f"{named[0]} and {len(named) - 1} more"
    return " and ".join(named)


def operation_fields(operation: Operation) -> dict[str, Any]:
    """An operation as JSON."""
    return {
        "number": operation.number,
        "done_at": written(operation.done_at),
        "verb": operation.verb,
        "author": operation.author or None,
        "door": operation.door,
        "client": operation.client or None,
        "source": operation.source or None,
        "undoes": operation.undoes,
        "undone_by": operation.undone_by,
        "can_be_undone": operation.is_whole and operation.undone_by is None,
    }


def done_fields(done: Done) -> dict[str, Any]:
    """The same with what it was done to."""
    touched = done.touched
    return {
        **operation_fields(done.operation),
        "entries": touched.entries,
        "links": touched.links,
        "id": touched.entry_id if touched.entries == 1 else None,
        "title": done.title or None,
    }


def state_fields(state: State) -> dict[str, Any]:
    """A version as JSON."""
    return {
        "number": state.number,
        "operation": None if state.operation is None else operation_fields(state.operation),
        "is_there": state.said is not None,
        "title": None if state.said is None else state.said.get("title"),
        "changed": [*state.changed, *(["links"] if state.changes_links else [])],
    }


def plan_fields(plan: Plan) -> dict[str, Any]:
    """What is undone, as JSON."""
    changes: Sequence[Change] = plan.changes
    return {
        "operation": operation_fields(plan.operation),
        "changes": [
            {"id": each.entry_id, "title": each.title, "does": each.does, "fields": list(each.fields)}
            for each in changes
        ],
        "links": plan.links,
        "undone_by": plan.undone_by,
    }
