"""The tool that looks back: what was done to the base, what an entry said after each change, and what differs since."""

from __future__ import annotations

from dataclasses import replace

from rekall.errors import Ambiguous, NotFound
from rekall.knowledge.past_words import done_text, state_text, when_text, who_text
from rekall.knowledge.versions import State
from rekall.knowledge_base import KnowledgeBase
from rekall.mcp import inputs
from rekall.mcp.answers import (
    FRAME_TOKENS,
    LONG_CURSOR,
    MORE_TOKENS,
    TITLE_CHARS,
    Answer,
    Budget,
    Item,
    cut,
    entry_text,
    named_in,
    page,
    place_of,
    stretch,
    tokens_of,
)
from rekall.mcp.caller import Caller
from rekall.mcp.frames import Frame, flat
from rekall.mcp.reading import whole_id
from rekall.store.past import Operation

_MOST_LISTED = 200
"""Operations that are looked at; nobody pages through more."""

_LINE_CHARS = 300


def history(base: KnowledgeBase, given: inputs.HistoryInput, caller: Caller) -> Answer:
    """Run `history`."""
    budget = Budget(given.max_tokens, caller.with_data)
    if given.id is None:
        return _operations(base, place_of(given.cursor, _MOST_LISTED), budget)
    entry_id = _known_id(base, given.id)
    states = base.past.states(entry_id)
    if given.version is None and not given.diff:
        return _versions(base, entry_id, states, place_of(given.cursor, len(states)), budget)
    number = _before_the_last(states) if given.version is None else given.version
    version = base.past.state(entry_id, number)
    short = base.short_ids([entry_id])[entry_id]
    head = f"{short}, {_named(version)}"
    if given.diff:
        present = next(state for state in states if state.said is not None)
        text = _difference(base, version, present) or "Nothing differs."
        head += f" → {'now' if present is states[0] else _named(present)}: - went, + came"
    else:
        view = base.past.view(entry_id, number)
        text = entry_text(view, base.short_ids(named_in([view])))
    return _part(head, text, given.cursor, budget, {"id": entry_id, "version": number})


def _known_id(base: KnowledgeBase, name: str) -> str:
    """The id of an entry, or of a deleted one."""
    try:
        return whole_id(base, name)
    except NotFound as error:
        if isinstance(error, Ambiguous):
            raise
        try:
            return base.find_deleted(name).id
        except NotFound:
            raise error from None


def _before_the_last(states: list[State]) -> int:
    """The number of the version before the present one that said something else."""
    there = [state for state in states if state.said is not None]
    found = [state.number for state in there[1:] if (state.said, state.links) != (there[0].said, there[0].links)]
    if not found:
        raise NotFound("no earlier version of that entry is kept")
    return found[0]


def _operations(base: KnowledgeBase, start: int, budget: Budget) -> Answer:
    found = base.past.done(_MOST_LISTED)
    items = [
        Item(f"{_line(each.operation)}  {cut(done_text(each), _LINE_CHARS)}", {"number": each.operation.number})
        for each in found[start:]
    ]
    head = "What was done to the base, the last first:" if items else "Nothing that was done is remembered."
    return page(head, "operations", items, start, budget, more=False)


def _versions(base: KnowledgeBase, entry_id: str, states: list[State], start: int, budget: Budget) -> Answer:
    title = next((str(state.said["title"]) for state in states if state.said is not None), "")
    items = [
        Item(f"{_line(each.operation)}  {cut(state_text(each), _LINE_CHARS)}", {"version": each.number})
        for each in states[start:]
    ]
    if items and not start:
        items[0] = replace(items[0], text=f"{cut(title, TITLE_CHARS)}\n{items[0].text}")
    short = base.short_ids([entry_id])[entry_id]
    gone = ", which is deleted" if states and states[0].said is None else ""
    head = f"The versions of {short}{gone}, the present one first:"
    return page(head, "versions", items, start, budget, more=False, id=entry_id)


def _named(state: State) -> str:
    """What a version is called outside the frame: who made it says its own name, which is data as well."""
    when = when_text(state.operation)
    return f"version {state.number}, {when}" if when else f"version {state.number}"


def _line(operation: Operation | None) -> str:
    if operation is None:
        return "0"
    return f"{operation.number}  {when_text(operation)}  {cut(who_text(operation), TITLE_CHARS)}"


def _difference(base: KnowledgeBase, before: State, after: State) -> str:
    from rekall.knowledge.differences import differences, excerpt

    ends = {end for state in (before, after) for link in state.links for end in (link.source, link.target)}
    lines: list[str] = []
    for each in differences(before, after, base.past.titles(ends)):
        lines += [f"{each.noun}:", *(flat(excerpt(line).marked) for line in each.lines)]
    return "\n".join(lines)


def _part(head: str, text: str, cursor: str | None, budget: Budget, facts: dict[str, object]) -> Answer:
    """As much of a text as the budget takes, from where the last answer ended."""
    start = place_of(cursor, max(len(text), 1))
    room = budget.tokens - tokens_of(head) - FRAME_TOKENS - MORE_TOKENS
    part = stretch(text, start, room - budget.of_data({**facts, "next_cursor": LONG_CURSOR}))
    after = str(start + len(part)) if start + len(part) < len(text) else None
    lines = [head, Frame().around(part)] if part else ["Nothing more."]
    if after:
        lines.append(f"There is more: call again with cursor {after!r}.")
    return Answer("\n".join(lines), {**facts, "next_cursor": after}, is_shown=True)
