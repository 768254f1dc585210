"""The words for an assistant: notes in a frame, within a budget of tokens, in the form its host reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rekall.entry.fields import Entry
from rekall.hooks.hosts import Host, Moment
from rekall.mcp.answers import tokens_of
from rekall.mcp.frames import Frame, flat
from rekall.search.results import Hit
from rekall.wording import count_text

SESSION_TOKENS, SESSION_NOTES = 800, 12
"""The most that a session begins with."""

ANSWER_TOKENS, ANSWER_NOTES = 400, 3
"""The most that a prompt, or a command that failed, is answered with."""

_GIST_CHARS = {True: 120, False: 280}
"""How much of a note is told at the start, and in an answer."""

_TITLE_CHARS = 160
_READ_MORE = "`rekall show ID` or the tool get reads one whole."
_HEADS = {
    Moment.PROMPT: "Rekall, this machine's notes, holds what this is about:",
    Moment.FAILURE: "Rekall, this machine's notes, knows this error:",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is said, and the ids of the notes in it."""

    text: str
    ids: tuple[str, ...]


def session_text(project: str, entries: Iterable[Entry], total: int, short: Mapping[str, str]) -> Told | None:
    """The notes that a session begins with; None where there are none.

    Args:
        project: The project.
        entries: Its notes, those that matter most first.
        total: How many it has.
        short: Their short ids.
    """
    head = f"Rekall, this machine's notes, has {count_text(total, 'note')} of the project {flat(project)}."
    items = ((entry.id, _item(entry, short, _gist(entry, at_start=True))) for entry in entries)
    return _told(head, items, SESSION_TOKENS, SESSION_NOTES)


def answer_text(moment: Moment, hits: Iterable[Hit], short: Mapping[str, str]) -> Told | None:
    """What was found for a prompt or an error; None where it is nothing."""
    items = ((hit.entry.id, _item(hit.entry, short, _answer_gist(hit))) for hit in hits)
    return _told(_HEADS[moment], items, ANSWER_TOKENS, ANSWER_NOTES)


def as_host_reads(host: Host, moment: Moment, text: str) -> str:
    """What is printed for a host so that its assistant reads a text."""
    if host.answers != "hookSpecificOutput":
        return json.dumps({host.answers: text}, ensure_ascii=True)
    said = {"hookEventName": host.wirings[moment].event, "additionalContext": text}
    return json.dumps({"hookSpecificOutput": said}, ensure_ascii=True)


def _told(head: str, items: Iterable[tuple[str, str]], budget: int, most: int) -> Told | None:
    frame = Frame()
    left = budget - tokens_of(f"{head}\n") - tokens_of(f"\n{_READ_MORE}") - tokens_of(frame.around(""))
    taken: list[tuple[str, str]] = []
    for id_, text in items:
        cost = tokens_of(f"\n{text}")
        if len(taken) == most:
            break
        if cost <= left:  # a longer one does not keep out what comes after it
            left -= cost
            taken.append((id_, text))
    if not taken:
        return None
    framed = frame.around("\n".join(text for _, text in taken))
    return Told(f"{head}\n{framed}\n{_READ_MORE}", tuple(id_ for id_, _ in taken))


def _item(entry: Entry, short: Mapping[str, str], gist: str) -> str:
    line = f"{short.get(entry.id, entry.id)}  {_cut(flat(entry.title), _TITLE_CHARS)}  [{entry.type.value}]"
    return f"{line}\n  {gist}" if gist else line


def _gist(entry: Entry, *, at_start: bool) -> str:
    text = entry.solution or entry.content or entry.situation
    return _cut(flat(" ".join(text[:2_000].split())), _GIST_CHARS[at_start])


def _answer_gist(hit: Hit) -> str:
    """What helps: the solution, and what was tried in vain; else the stretch that was found."""
    entry = hit.entry
    if not entry.solution:
        return _cut(flat(hit.snippet), _GIST_CHARS[False]) or _gist(entry, at_start=False)
    failed = f" Did not work: {' '.join(entry.what_failed[:500].split())}" if entry.what_failed else ""
    return _gist(entry, at_start=False) + _cut(flat(failed), _GIST_CHARS[True])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
