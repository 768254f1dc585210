"""The tools: what each is for, what it takes, and the one use case it calls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.times import moment, written
from rekall.errors import EditConflict, EngineError, InvalidInput
from rekall.knowledge import answers
from rekall.knowledge.capturing import about_secrets
from rekall.knowledge.reports import Saved
from rekall.knowledge_base import KnowledgeBase
from rekall.mcp import inputs
from rekall.mcp.answers import (
    MORE_TOKENS,
    Answer,
    Item,
    entry_item,
    entry_text,
    found_head,
    hit_item,
    joined,
    page,
    place_of,
    stretch,
    tokens_of,
)
from rekall.mcp.frames import Frame, as_it_came, flat, shown
from rekall.mcp.guide import usage_text
from rekall.search.labels import resembles
from rekall.wording import printable

DEEPEST = 100
"""How deep paging goes: every page repeats the search over the same 100 candidates, and more candidates would reorder
pages already shown."""

SLIVER_TOKENS = 40
"""Start an entry only if this many tokens of it fit."""

IsWanted = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as clients see it, and what it does.

    Attributes:
        run: Called with the base, the validated input and whether the answer is still wanted.
        writes: Whether it changes the base; a read-only server does not have it.
        asks_engine: Whether it may wait for the model.
        destroys: Whether it takes something away.
    """

    name: str
    title: str
    description: str
    takes: type[inputs.Input]
    run: Callable[[KnowledgeBase, Any, IsWanted], Answer]
    writes: bool = False
    asks_engine: bool = False
    destroys: bool = False


def search(base: KnowledgeBase, given: inputs.SearchInput, is_wanted: IsWanted) -> Answer:
    """Run `search`."""
    start = place_of(given.cursor, DEEPEST)
    wanted = start + given.limit
    deep = min(wanted + 1, DEEPEST) if given.min is None else DEEPEST  # weaker hits may stand between
    result = base.search(
        given.query, given.filters(), given.mode, deep, literal=given.literal, at_least=given.min, is_wanted=is_wanted
    )
    hits = result.hits[start:wanted]
    head = found_head(result, len(hits), start, base.count())
    more = len(result.hits) > wanted
    return page(
        head,
        "hits",
        map(hit_item, hits),
        start,
        given.max_tokens,
        more,
        mode=answers.mode(result.mode),
        nothing_close=result.nothing_close,
        notes=list(result.notes),
        **({"left_out": answers.left_out(result)} if result.left_out else {}),
    )


def get(base: KnowledgeBase, given: inputs.GetInput, is_wanted: IsWanted) -> Answer:
    """Run `get`: entries in full, the last one cut where the budget ends."""
    views = list({view.entry.id: view for view in map(base.get, given.ids)}.values())
    texts = [entry_text(view) for view in views]
    start = place_of(given.cursor, sum(map(len, texts)))
    left, at, cursor, frame = given.max_tokens - MORE_TOKENS, 0, None, Frame()
    parts: list[dict[str, Any]] = []
    for view, text in zip(views, texts):
        begin = max(start - at, 0)
        if begin < len(text):
            room = left - tokens_of(_in_frame(frame, view.entry.id, ""))
            part = stretch(text, begin, room) if room >= SLIVER_TOKENS else ""
            if part:
                updated = written(view.entry.updated_at)
                title = printable(view.entry.title)
                parts.append({"id": view.entry.id, "title": title, "updated_at": updated, "text": part})
            left -= tokens_of(_in_frame(frame, view.entry.id, part))
            if begin + len(part) < len(text):
                cursor = str(at + begin + len(part))
                break
        at += len(text)
    rest = f"There is more: call again with the same ids and cursor {cursor!r}." if cursor else ""
    text = joined([*(_in_frame(frame, part["id"], part["text"]) for part in parts), rest]) or "Nothing more."
    return Answer(text, {"entries": parts, "next_cursor": cursor}, is_shown=True)


def _in_frame(frame: Frame, entry_id: str, text: str) -> str:
    """An entry's text in its frame, and the blank line before the next."""
    return frame.around(text, f"entry {entry_id}") + "\n\n"


def add(base: KnowledgeBase, given: inputs.AddInput, is_wanted: IsWanted) -> Answer:
    """Run `add`, and name what says nearly the same."""
    saved = base.add(given.changes().applied(Draft(given.type, given.title)))
    alike: list[Item] = []
    with contextlib.suppress(EngineError):  # it is stored, and has no vector yet
        found = base.similar(saved.entry.id, Filters(), 3).hits
        alike = [hit_item(hit) for hit in found if resembles(hit.why)]
    frame = Frame()
    lines = [_saved_line("added", saved, frame)]
    if alike:
        lines.append("It resembles these entries. If they say the same, update or deprecate one of them:")
        lines.append(frame.around("\n".join(item.text for item in alike)))
    data = {**_saved_data(base, saved), "alike": [item.data for item in alike]}
    return Answer("\n".join(lines), data)


def update(base: KnowledgeBase, given: inputs.UpdateInput, is_wanted: IsWanted) -> Answer:
    """Run `update`."""
    old = base.get(given.id).entry
    changes = given.changes()
    if changes.is_empty:
        raise InvalidInput("nothing to change", "give at least one field and its new value")
    if given.if_updated_at and moment(given.if_updated_at) != old.updated_at:
        raise EditConflict(
            f"entry {old.id} was changed at {written(old.updated_at)}, after you read it",
            "call get again, and update what it says now",
        )
    begun = old.as_draft()
    saved = base.edit(old, as_it_came(changes.applied(begun), begun))
    return Answer(_saved_line("updated", saved, Frame()), _saved_data(base, saved))


def delete(base: KnowledgeBase, given: inputs.DeleteInput, is_wanted: IsWanted) -> Answer:
    """Run `delete`, when it was confirmed."""
    entry = base.get(given.id).entry
    if not given.confirm or given.id.upper() != entry.id:
        refusal = InvalidInput(
            f"nothing was deleted: {entry.id} is a {entry.type.value} with the title below",
            "if it is only outdated, call deprecate; else ask the person, and after a yes call delete with this id "
            "and confirm=true",
        )
        refusal.candidates = (entry.title,)
        raise refusal
    base.delete(entry.id)
    text = f"deleted {entry.id}; the person can undo this: `rekall restore {entry.id}`"
    deleted = {"id": entry.id, "type": entry.type.value, "title": entry.title}
    return Answer(
        f"{text}\n{Frame().around(flat(entry.title))}",
        {"deleted": shown(deleted), "restore_with": f"rekall restore {entry.id}"},
    )


def link(base: KnowledgeBase, given: inputs.LinkInput, is_wanted: IsWanted) -> Answer:
    """Run `link`."""
    made = base.link(given.source, given.target, given.type, given.reason)
    titles = base.titles([made.source, made.target])
    named = "\n".join(f"{each}  {flat(titles[each])}" for each in (made.source, made.target))
    text = f"linked {made.source} {made.type.value} {made.target}\n{Frame().around(named)}"
    return Answer(text, {"link": shown(answers.link(made))})


def similar(base: KnowledgeBase, given: inputs.SimilarInput, is_wanted: IsWanted) -> Answer:
    """Run `similar`."""
    start = place_of(given.cursor, DEEPEST)
    wanted = start + given.limit
    result = base.similar(given.to, given.filters(), DEEPEST, is_wanted)  # of fewer, the order may be another
    hits = result.hits[start:wanted]
    head = "Nearest in meaning:" if hits else "Nothing more." if start else "Nothing is close to it in meaning."
    return page(head, "hits", map(hit_item, hits), start, given.max_tokens, len(result.hits) > wanted)


def recent(base: KnowledgeBase, given: inputs.RecentInput, is_wanted: IsWanted) -> Answer:
    """Run `recent`."""
    start = place_of(given.cursor, 1_000_000)
    found = base.list_entries(given.filters(), given.limit, start)
    more = start + len(found.entries) < found.total
    items = [entry_item(entry, found.successors.get(entry.id)) for entry in found.entries]
    head = (
        f"{found.total:,} in all, most recently changed first:"
        if found.entries
        else "Nothing has been written down yet."
    )
    if not found.entries and (start or given.filters() != Filters()):
        head = "Nothing more." if start else "Nothing matches."
    return page(head, "entries", items, start, given.max_tokens, more, total=found.total)


def deprecate(base: KnowledgeBase, given: inputs.DeprecateInput, is_wanted: IsWanted) -> Answer:
    """Run `deprecate`."""
    saved = base.deprecate(given.id, given.superseded_by or None, given.reason)
    instead = f", superseded by {saved.entry.superseded_by}" if saved.entry.superseded_by else ""
    return Answer(_saved_line("now obsolete", saved, Frame(), instead), _saved_data(base, saved))


def usage(base: KnowledgeBase, given: inputs.UsageInput, is_wanted: IsWanted) -> Answer:
    """Run `usage`."""
    counts = base.stats().counts
    data = {"entries": counts.entries, "by_type": counts.by_type, "by_project": counts.by_project}
    return Answer(usage_text(counts), shown(data))


def _saved_line(verb: str, saved: Saved, frame: Frame, more: str = "") -> str:
    warning = f"\nNote: found by words only for now: {flat(saved.warning)}" if saved.warning else ""
    secrets = f"\nWarning, for the person: {about_secrets(saved.secrets)}" if saved.secrets else ""
    return f"{verb} {saved.entry.id}{more}{warning}{secrets}\n{frame.around(flat(saved.entry.title))}"


def _saved_data(base: KnowledgeBase, saved: Saved) -> dict[str, Any]:
    successor = base.get(saved.entry.id).successor
    item, found = entry_item(saved.entry, successor).data, answers.secrets(saved.secrets)
    return {"entry": item, "warning": saved.warning or None, "secrets": found}


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
    ),
    Tool(
        "get",
        "Read entries in full",
        "The full text of entries, with structured context and links. Use ids from search or recent.",
        inputs.GetInput,
        get,
    ),
    Tool(
        "add",
        "Write down what was learned",
        "Store one thing worth knowing next time: the point in the title; situation, error messages word for word, what "
        "failed and what helped in their own fields. Search first, and update what is there rather than say it twice. "
        "The answer names entries that it resembles.",
        inputs.AddInput,
        add,
        writes=True,
        asks_engine=True,
    ),
    Tool(
        "update",
        "Change an entry",
        "Change parts of an entry; what you leave out stays. content and lists replace the old ones, so read them first, "
        "and pass updated_at as if_updated_at.",
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
    ),
    Tool(
        "recent",
        "List recent entries",
        "Entries, most recently changed first; all of them or those that pass the filters.",
        inputs.RecentInput,
        recent,
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
        "How Rekall is meant to be used, and what is in it: counts, types, projects. Call it once when you start.",
        inputs.UsageInput,
        usage,
    ),
)
"""In the order in which clients show them."""
