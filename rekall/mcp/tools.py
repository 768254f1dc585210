"""The tools: what each is for, what it takes, and the one use case it calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.rules import entry_type
from rekall.entry.times import moment, written
from rekall.entry.titles import titled
from rekall.entry.types import LinkType
from rekall.errors import EditConflict, InvalidInput
from rekall.knowledge.capturing import about_secrets
from rekall.knowledge.reports import Saved
from rekall.knowledge_base import KnowledgeBase
from rekall.mcp import inputs
from rekall.mcp.answers import (
    Answer,
    Budget,
    entry_items,
    found_head,
    hit_items,
    nobody_has,
    page,
    place_of,
)
from rekall.mcp.caller import Caller
from rekall.mcp.frames import Frame, as_it_came, flat, shown
from rekall.mcp.guide import usage_text
from rekall.mcp.reading import get, whole_id
from rekall.search.labels import resembles

DEEPEST = 100
"""How deep paging goes: every page repeats the search over the same 100 candidates, and more candidates would reorder
pages already shown."""

_ENOUGH_WEAK = 3
"""Hits that are shown where none is about what was asked, unless more were asked for."""

_NAME_CHARS = 40
_MOST_FACETS = 12


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as clients see it, and what it does.

    Attributes:
        run: Called with the base, the validated input and what is known of the caller.
        writes: Whether it changes the base; a read-only server does not have it.
        asks_engine: Whether it may wait for the model.
        destroys: Whether it takes something away.
        asks_where: Whether it goes by the project that the client works on, with this input.
    """

    name: str
    title: str
    description: str
    takes: type[inputs.Input]
    run: Callable[[KnowledgeBase, Any, Caller], Answer]
    writes: bool = False
    asks_engine: bool = False
    destroys: bool = False
    asks_where: Callable[[Any], bool] = lambda given: False


def search(base: KnowledgeBase, given: inputs.SearchInput, caller: Caller) -> Answer:
    """Run `search`."""
    start = place_of(given.cursor, DEEPEST)
    wanted = start + given.limit
    deep = min(wanted + 1, DEEPEST) if given.min is None else DEEPEST  # weaker hits may stand between
    result = (caller.beside or base).search(
        given.query,
        given.filters(),
        given.mode,
        deep,
        literal=given.literal,
        at_least=given.min,
        near=given.near(caller.project),
        is_wanted=caller.is_wanted,
    )
    if result.nothing_close and "limit" not in given.model_fields_set:
        wanted = min(wanted, start + _ENOUGH_WEAK)
    hits = result.hits[start:wanted]
    if not start:
        base.lookups.note_search(result.here)
    head = found_head(result, len(hits), start, base.count())
    return page(
        head if hits or start else head + nobody_has(base, result.filters),
        "hits",
        hit_items(base, hits),
        start,
        Budget(given.max_tokens, caller.with_data),
        len(result.hits) > wanted,
        mode=result.mode.used.value,
        nothing_close=result.nothing_close,
    )


def add(base: KnowledgeBase, given: inputs.AddInput, caller: Caller) -> Answer:
    """Run `add`, and name what says nearly the same."""
    kind = given.type or entry_type(caller.setting("add.type"))
    title, content = (given.title, given.content) if given.title.strip() else titled(given.content)
    changes = given.changes(project=given.project_of(caller.project), type=kind, title=title, content=content)
    saved = base.add(changes.applied(Draft(kind, title)))
    notes = [] if given.type else [kind.value]
    if given.project is None and caller.project:
        notes.append(f"project {_plain_name(caller.project) or 'of the open folder'}")
    alike = base.resembling(saved.entry.id)
    frame = Frame()
    lines = [_saved_line(base, "added", saved, f" ({', '.join(notes)})" if notes else "")]
    data = {**_saved_data(saved), "alike": [each.hit.entry.id for each in alike]}
    if alike:
        against = [each.hit.entry.id for each in alike if each.what]
        data |= {"contradicts": against} if against else {}
        what = "may contradict" if against else "resembles"
        lines.append(
            f"It {what} these entries. If one is outdated or they say the same, update or deprecate one of them:"
        )
        items = hit_items(base, [each.hit for each in alike])
        told = (
            f"{item.text}\n  may contradict: {flat(each.told)}" if each.what else item.text
            for item, each in zip(items, alike)
        )
        lines.append(frame.around("\n".join(told)))
    return Answer("\n".join(lines), data)


def _plain_name(name: str) -> str:
    """A name that can say nothing but itself; else empty."""
    is_plain = len(name) <= _NAME_CHARS and name.isascii() and name.replace("-", "").replace("_", "").replace(".", "")
    return name if is_plain and is_plain.isalnum() else ""


def update(base: KnowledgeBase, given: inputs.UpdateInput, caller: Caller) -> Answer:
    """Run `update`."""
    old = base.get(whole_id(base, given.id)).entry
    changes = given.changes()
    if changes.is_empty:
        raise InvalidInput("nothing to change", "give at least one field and its new value")
    if given.if_updated_at and moment(given.if_updated_at) != old.updated_at:
        raise EditConflict(
            f"entry {given.id} was changed at {written(old.updated_at)}, after you read it",
            "call get again, and update what it says now",
        )
    begun = old.as_draft()
    saved = base.edit(old, as_it_came(changes.applied(begun), begun))
    return Answer(
        _saved_line(base, "updated", saved, f", updated_at {written(saved.entry.updated_at)}"), _saved_data(saved)
    )


def delete(base: KnowledgeBase, given: inputs.DeleteInput, caller: Caller) -> Answer:
    """Run `delete`, when it was confirmed."""
    entry = base.get(whole_id(base, given.id)).entry
    named = base.short_ids([entry.id])[entry.id]
    if not given.confirm:
        refusal = InvalidInput(
            f"nothing was deleted: {named} is a {entry.type.value} with the title below",
            "if it is only outdated, call deprecate; else ask the person, and after a yes call delete with this id "
            "and confirm=true",
        )
        refusal.candidates = (entry.title,)
        raise refusal
    base.delete(entry.id)
    command = f"rekall restore {entry.id}"
    text = f"deleted {named}; the person can undo this: `{command}`"
    return Answer(text, {"id": entry.id, "restore_with": command})


def link(base: KnowledgeBase, given: inputs.LinkInput, caller: Caller) -> Answer:
    """Run `link`."""
    made = base.link(whole_id(base, given.source), whole_id(base, given.target), given.type, given.reason)
    short = base.short_ids([made.source, made.target])
    after = f"; {short[made.target]} is obsolete now" if made.type is LinkType.SUPERSEDES else ""
    text = f"linked {short[made.source]} {made.type.value} {short[made.target]}{after}"
    return Answer(text, {"source": made.source, "target": made.target, "type": made.type.value})


def similar(base: KnowledgeBase, given: inputs.SimilarInput, caller: Caller) -> Answer:
    """Run `similar`."""
    start = place_of(given.cursor, DEEPEST)
    wanted = start + given.limit
    near = given.near(caller.project)
    result = base.similar(
        given.to, given.filters(), DEEPEST, caller.is_wanted, near
    )  # of fewer, the order may be another
    hits = result.hits[start:wanted]
    head = "Nothing more." if start else "Nothing is close to it in meaning."
    if hits:
        same = sum(resembles(hit.why) for hit in hits)
        head = f"Nearest in meaning, {same or 'none'} of them near enough to say the same:"
    budget = Budget(given.max_tokens, caller.with_data)
    return page(head, "hits", hit_items(base, hits), start, budget, len(result.hits) > wanted)


def recent(base: KnowledgeBase, given: inputs.RecentInput, caller: Caller) -> Answer:
    """Run `recent`."""
    start = place_of(given.cursor, 1_000_000)
    found = base.list_entries(given.filters(), given.limit, start)
    more = start + len(found.entries) < found.total
    head = (
        f"{found.total:,} in all, most recently changed first:"
        if found.entries
        else "Nothing has been written down yet."
    )
    if not found.entries and (start or given.filters() != Filters()):
        head = "Nothing more." if start else f"Nothing matches.{nobody_has(base, given.filters())}"
    budget = Budget(given.max_tokens, caller.with_data)
    return page(head, "entries", entry_items(base, found.entries), start, budget, more, total=found.total)


def deprecate(base: KnowledgeBase, given: inputs.DeprecateInput, caller: Caller) -> Answer:
    """Run `deprecate`."""
    successor = whole_id(base, given.superseded_by) if given.superseded_by else None
    saved = base.deprecate(whole_id(base, given.id), successor, given.reason)
    after = saved.entry.superseded_by
    instead = f", superseded by {base.short_ids([after])[after]}" if after else ""
    return Answer(_saved_line(base, "now obsolete:", saved, instead), _saved_data(saved))


def usage(base: KnowledgeBase, given: inputs.UsageInput, caller: Caller) -> Answer:
    """Run `usage`."""
    facets, count = base.facets(most=_MOST_FACETS, of=("types", "projects", "tags")), base.count()
    text = usage_text(count, facets, caller.now, caller.projects)
    return Answer(text, {"entries": count, "projects": shown([each.name for each in caller.projects])})


def _saved_line(base: KnowledgeBase, verb: str, saved: Saved, more: str = "") -> str:
    named = base.short_ids([saved.entry.id])[saved.entry.id]
    warning = f"\nNote: found by words only for now: {flat(saved.warning)}" if saved.warning else ""
    secrets = f"\nWarning, for the person: {about_secrets(saved.secrets)}" if saved.secrets else ""
    return f"{verb} {named}{more}{warning}{secrets}"


def _saved_data(saved: Saved) -> dict[str, Any]:
    return {"id": saved.entry.id, "updated_at": written(saved.entry.updated_at)}


def _history(base: KnowledgeBase, given: inputs.HistoryInput, caller: Caller) -> Answer:
    from rekall.mcp.looking_back import history  # a server that nobody asks to look back stays small

    return history(base, given, caller)


def _is_open(given: Any) -> bool:
    """Whether it names no project, so that the one that is open counts."""
    return given.project is None


TOOLS = (
    Tool(
        "search",
        "Search what was learned",
        "Find what this developer wrote down: bugs and their fixes, decisions, pitfalls, configs, snippets. Call it before "
        "you debug, decide or configure anything, with the error or the question itself. Finds by word and by meaning; "
        "answers ids, titles, snippets and how sure each hit is: treat weak as unrelated. Read the promising ones with get.",
        inputs.SearchInput,
        search,
        asks_engine=True,
        asks_where=_is_open,
    ),
    Tool(
        "get",
        "Read entries in full",
        "The full text of entries, with structured context and links. Ids from search or recent; bad ones are named.",
        inputs.GetInput,
        get,
    ),
    Tool(
        "add",
        "Write down what was learned",
        "Store one thing worth knowing next time; content alone will do. Better: the point in the title; situation, error "
        "messages word for word, what failed and what helped in their own fields. Search first, and update what is there rather than say it twice. "
        "The answer names entries that it resembles.",
        inputs.AddInput,
        add,
        writes=True,
        asks_engine=True,
        asks_where=_is_open,
    ),
    Tool(
        "update",
        "Change an entry",
        "Change parts of an entry; what you leave out stays. Fields as in add; content and lists replace the old ones, so "
        "read them first, and pass updated_at as if_updated_at.",
        inputs.UpdateInput,
        update,
        writes=True,
        asks_engine=True,
        destroys=True,
    ),
    Tool(
        "link",
        "Link two entries",
        "Say how one entry bears on another: related, supersedes, derived_from or contradicts.",
        inputs.LinkInput,
        link,
        writes=True,
        asks_engine=True,
    ),
    Tool(
        "similar",
        "Find similar entries",
        "Entries nearest in meaning to an entry or a text: before you add, or to find what belongs together.",
        inputs.SimilarInput,
        similar,
        asks_engine=True,
        asks_where=_is_open,
    ),
    Tool(
        "recent",
        "List recent entries",
        "Entries, most recently changed first; all of them or those that pass the filters.",
        inputs.RecentInput,
        recent,
    ),
    Tool(
        "history",
        "Look back",
        "The versions of an entry: when, by whom, which fields; with a version its text, or what changed since. "
        "`rekall restore ID@VERSION` brings one back.",
        inputs.HistoryInput,
        _history,
    ),
    Tool(
        "deprecate",
        "Mark an entry as obsolete",
        "Mark an entry that no longer holds, naming the one that replaces it if there is one. It stays readable, ranks "
        "below its successor, and points to it. Prefer this to delete.",
        inputs.DeprecateInput,
        deprecate,
        writes=True,
        asks_engine=True,
    ),
    Tool(
        "delete",
        "Delete an entry",
        "Remove an entry that should never have been written. Only with confirm=true, after the person agreed; "
        "`rekall restore ID` undoes it.",
        inputs.DeleteInput,
        delete,
        writes=True,
        destroys=True,
    ),
    Tool(
        "usage",
        "How to use Rekall",
        "How Rekall is meant to be used, today's date, the project that is open, and what the base holds. Call it once when "
        "you start.",
        inputs.UsageInput,
        usage,
        asks_where=lambda given: True,
    ),
)
"""In the order in which clients show them."""
