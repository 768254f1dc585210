"""The tool that reads entries in full, and says of ids that name none what may have been meant."""

from __future__ import annotations

from rekall.entry.times import written
from rekall.entry.view import EntryView
from rekall.errors import Ambiguous, EntryDamaged, NotFound, RekallError
from rekall.knowledge_base import KnowledgeBase
from rekall.mcp import inputs
from rekall.mcp.answers import (
    LONG_CURSOR,
    MORE_TOKENS,
    TITLE_CHARS,
    Answer,
    Budget,
    cut,
    entry_text,
    joined,
    named_in,
    place_of,
    stretch,
    tokens_of,
)
from rekall.mcp.caller import Caller
from rekall.mcp.frames import Frame, shown
from rekall.mcp.where import base_of

SLIVER_TOKENS = 40
"""Start an entry only if this many tokens of it fit."""

_MOST_NEAR = 3
"""Entries named for an id that names none."""

_MOST_CANDIDATES = 8
_NAME_CHARS = 40


def get(base: KnowledgeBase, given: inputs.GetInput, caller: Caller) -> Answer:
    """Run `get`: entries in full, the last one cut where the budget ends, and a word on ids that name none."""
    views: dict[str, EntryView] = {}
    missing: dict[str, RekallError] = {}
    short: dict[str, str] = {}
    for name in dict.fromkeys(given.ids):
        try:
            there = base_of(base, caller.beside, name)
            view = _read(there, name)
            views[view.entry.id] = view
            short |= there.short_ids(named_in([view]))
        except (NotFound, EntryDamaged) as error:
            missing[name] = error
    if not views:
        raise _all_missing(base, missing)
    texts = [entry_text(view, short) for view in views.values()]
    start = place_of(given.cursor, sum(map(len, texts)))
    frame = Frame()
    lacks = stretch(_lacking(base, missing, frame), 0, given.max_tokens // 3) if missing and not start else ""
    facts = {"missing": shown([cut(name, _NAME_CHARS) for name in missing])} if missing else {}
    budget = Budget(given.max_tokens, caller.with_data)
    left = (
        budget.tokens
        - MORE_TOKENS
        - tokens_of(lacks)
        - budget.of_data({"entries": [], "next_cursor": LONG_CURSOR, **facts})
    )
    at, cursor = 0, None
    parts: list[str] = []
    said: list[dict[str, str]] = []
    for view, text in zip(views.values(), texts):
        begin = max(start - at, 0)
        if begin < len(text):
            entry_id = view.entry.id
            fact = {"id": entry_id, "updated_at": written(view.entry.updated_at)}
            room = left - tokens_of(_in_frame(frame, short[entry_id], "")) - budget.of_data(fact)
            part = stretch(text, begin, room) if room >= SLIVER_TOKENS or not parts else ""
            if part:
                parts.append(_in_frame(frame, short[entry_id], part))
                said.append(fact)
                left -= tokens_of(parts[-1]) + budget.of_data(fact)
            if begin + len(part) < len(text):
                cursor = str(at + begin + len(part))
                break
        at += len(text)
    if not start:
        base.lookups.note_opened([fact["id"] for fact in said])
    rest = f"There is more: call again with the same ids and cursor {cursor!r}." if cursor else ""
    return Answer(
        joined([*parts, lacks, rest]) or "Nothing more.",
        {"entries": said, "next_cursor": cursor, **facts},
        is_shown=True,
    )


def whole_id(base: KnowledgeBase, name: str) -> str:
    """The id of the entry that a name means: an end or a beginning of its id, or exactly its title.

    Raises:
        NotFound: It names none; entries that may be meant are told, and whether it was deleted.
        Ambiguous: Several ids fit.
    """
    try:
        return _read(base, name).entry.id
    except Ambiguous:
        raise
    except NotFound as error:
        raise _all_missing(base, {name: error}) from None


def _read(base: KnowledgeBase, name: str) -> EntryView:
    try:
        return base.get(name)
    except NotFound as error:
        if isinstance(error, Ambiguous):
            raise
        titled = [each.id for each in base.titled(name, 2) if each.title == name]
        if len(titled) != 1:
            raise
        return base.get(titled[0])


def _in_frame(frame: Frame, entry_id: str, text: str) -> str:
    """An entry's text in its frame, and the blank line before the next."""
    return frame.around(text, f"entry {entry_id}") + "\n\n"


def _lacking(base: KnowledgeBase, missing: dict[str, RekallError], frame: Frame) -> str:
    """Which ids name no entry, and what may have been meant."""
    lines, near = [], []
    for name, error in missing.items():
        called = cut(name, _NAME_CHARS)
        if isinstance(error, Ambiguous):
            lines.append(f"{called!r} fits several entries.")
        elif isinstance(error, EntryDamaged):
            lines.append(f"{called!r} is damaged; for the person: {error.hint}")
        else:
            lines.append(f"{called!r} names no entry{_whether_deleted(base, name)}.")
        near += [f"{called}: {each}" for each in _candidates(base, name, error)]
    lines += [frame.around("\n".join(near), "what may be meant")] if near else []
    return "\n".join(lines)


def _candidates(base: KnowledgeBase, name: str, error: RekallError) -> list[str]:
    """Entries that may be meant by what names none or several, a line each."""
    if error.candidates:
        found = {line.split()[0]: " ".join(line.split()[1:]) for line in error.candidates[:_MOST_NEAR] if line.split()}
    else:
        found = {each.id: each.title for each in base.titled(name, _MOST_NEAR)}
    short = base.short_ids(list(found))
    return [f"{short[each]}  {cut(title, TITLE_CHARS)}" for each, title in found.items()]


def _whether_deleted(base: KnowledgeBase, name: str) -> str:
    try:
        left = base.find_deleted(name)
    except NotFound:
        return ""
    return f", it was deleted; the person can undo that: `rekall restore {left.id}`"


def _all_missing(base: KnowledgeBase, missing: dict[str, RekallError]) -> RekallError:
    """The error where no id names an entry."""
    (name, error), *others = missing.items()
    if not others:
        if not error.candidates and isinstance(error, NotFound):
            deleted = _whether_deleted(base, name)
            error = NotFound(f"{error.message}{deleted}", "" if deleted else error.hint)
            error.candidates = tuple(_candidates(base, name, error))
        return error
    named = ", ".join(repr(cut(each, _NAME_CHARS)) for each in missing)
    refusal = NotFound(f"none of these is an entry: {named}")
    refusal.candidates = tuple(
        f"{cut(each, _NAME_CHARS)}: {line}" for each, why in missing.items() for line in _candidates(base, each, why)
    )[:_MOST_CANDIDATES]
    return refusal
