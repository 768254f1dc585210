"""What a person may call an entry: a place in the list that was shown last, an id or a part of it, a title."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.app import App
from rekall.errors import Ambiguous, NotFound, RekallError
from rekall.system.last_lists import TERMINAL, LastList, LastLists
from rekall.wording import count_text, in_a_row, printable

if TYPE_CHECKING:
    from rekall.knowledge_base import KnowledgeBase

METAVAR = "ENTRY"
"""What help calls an argument that takes any of these."""

_PLACE = re.compile(r"@?([0-9]{1,3})")
_PLACES = re.compile(r"@?([0-9]{1,3})(?:-|\.\.)@?([0-9]{1,3})")
_WHOLE_ID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
_MOST_SHOWN = 8
_MOST_DELETED = 1_000
_MOST_CHARS = 1_000
"""No title is longer."""


@dataclass(frozen=True, slots=True)
class Named:
    """An entry that a person named.

    Attributes:
        entry_id: Its whole id.
        line: The query whose answer it was taken from by its number; empty where there was none.
        at: The character of its content at which what was found begins.
    """

    entry_id: str
    line: str = ""
    at: int = 0


def entry_id(app: App, base: KnowledgeBase, text: str) -> str:
    """The whole id of the entry that a person named; raises as `named` does."""
    return named(app, base, text).entry_id


def entry_ids(app: App, base: KnowledgeBase, texts: Sequence[str]) -> list[str]:
    """The whole ids of the entries that a person named, each once.

    `-` reads them from stdin, one a line, as `rekall search --ids` and `--format plain` print them, and may be none;
    `2-4` are places 2 to 4.
    """
    return [each.entry_id for each in all_named(app, base, texts)]


def all_named(app: App, base: KnowledgeBase, texts: Sequence[str]) -> list[Named]:
    """The same, each with the query that it was found by."""
    found: dict[str, Named] = {}
    for text in spread(texts):
        each = named(app, base, text)
        found.setdefault(each.entry_id, each)
    return list(found.values())


def named(app: App, base: KnowledgeBase, text: str) -> Named:
    """The entry that a person named.

    `3` and `@3` are a place in the list that this terminal showed last; anything else is the end or the beginning of an
    id, else a title: typed in full, or by words that no other title holds.

    Raises:
        NotFound: There is none, or it was deleted since the list was shown.
        Ambiguous: There are several; they are listed.
    """
    text = text.strip()
    place = _PLACE.fullmatch(text)
    if place:
        return _at(app, base, int(place[1]), text)
    if _WHOLE_ID.fullmatch(text.upper()):
        return Named(base.get(text).entry.id)
    ways = [_by_id, _by_title]
    if text.isalpha() and text.islower():  # ids are shown in capitals
        ways.reverse()
    problem: NotFound | None = None
    for way in ways:
        try:
            return Named(way(base, text))
        except NotFound as error:
            problem = error if problem is None or isinstance(error, Ambiguous) else problem
    assert problem is not None
    if isinstance(problem, Ambiguous):
        raise problem
    raise NotFound(
        f"no entry {_shown(text)}",
        "`rekall list` numbers the entries and shows their ids, `rekall search` finds them; a title does as well",
    )


def deleted_id(app: App, base: KnowledgeBase, text: str) -> str:
    """The whole id of the deleted entry that a person named: a place in the last list, a part of its id, or its title.

    Raises:
        NotFound, Ambiguous: There is none, or there are several.
    """
    text = text.strip()
    place = _PLACE.fullmatch(text)
    if place:
        lists = LastLists(app.places.lists)
        last = lists.last()
        if last is None or not 1 <= int(place[1]) <= len(last.ids):
            raise _no_place(lists, last, int(place[1]), text)
        return last.ids[int(place[1]) - 1]
    try:
        return base.find_deleted(text).id
    except NotFound as error:
        if isinstance(error, Ambiguous):
            raise
        words = text.casefold().split()
        found = [
            each
            for each in base.deleted(_MOST_DELETED)
            if words and all(word in each.title.casefold() for word in words)
        ]
        exact = [each for each in found if each.title.casefold().split() == words]
        chosen = exact or found
        if not chosen:
            raise
        if len(chosen) > 1:
            candidates = [f"{each.id}  {in_a_row(each.title)}" for each in chosen[:_MOST_SHOWN]]
            message = f"{_shown(text)} fits the titles of {len(chosen)} deleted entries"
            raise Ambiguous(message, "give more words of the title, or the id", candidates) from error
        return chosen[0].id


def remember(app: App, ids: Sequence[str], line: str = "", at: Sequence[int] = ()) -> None:
    """Keep the list that this terminal has just been shown, so that its places name its entries.

    Args:
        app: Knows where lists are kept.
        ids: The whole ids, in the order shown; an empty list leaves the one before.
        line: The query that it answers, or empty.
        at: For each the character of its content at which what was found begins.
    """
    if ids:
        LastLists(app.places.lists).keep(LastList(tuple(ids), line, tuple(at)))


def _at(app: App, base: KnowledgeBase, place: int, text: str) -> Named:
    """The entry at a place of the last list."""
    lists = LastLists(app.places.lists)
    last = lists.last()
    if last is None or not 1 <= place <= len(last.ids):
        titled = [] if text.startswith("@") else base.titled(text)
        if len(titled) == 1 and titled[0].title.strip() == text:
            return Named(titled[0].id)
        raise _no_place(lists, last, place, text)
    entry = last.ids[place - 1]
    title = base.titles([entry]).get(entry)
    if title is None:
        raise _gone(base, entry, place)
    if not text.startswith("@"):
        _say_what_was_taken(base, text, entry, title)
    return Named(entry, last.line, last.at[place - 1] if place <= len(last.at) else 0)


def _no_place(lists: LastLists, last: LastList | None, place: int, text: str) -> NotFound:
    """The error for a number that is no place of a list."""
    ids = "ids are shown behind each title"
    if last is not None:
        held = count_text(len(last.ids), "entry", "entries")
        return NotFound(f"no entry {text!r}: the last list here had {held}", f"`rekall list` shows a new one; {ids}")
    if not lists.can_remember:
        return NotFound(
            f"no entry {text!r}: a number is a place in the list that this terminal showed last, and this is no terminal",
            f"name the entry by its id or its title; or set {TERMINAL} to any name for both commands",
        )
    return NotFound(
        f"no entry {text!r}: this terminal has shown no list yet",
        f"`rekall search` and `rekall list` number what they show; {ids}",
    )


def _gone(base: KnowledgeBase, entry: str, place: int) -> NotFound:
    """The error for an entry of the list that is no more."""
    try:
        title = f", {_shown(base.find_deleted(entry).title)},"
        hint = f"`rekall restore {base.short_ids([entry])[entry]}` brings it back"
    except RekallError:
        title, hint = "", "`rekall list` shows what is there now"
    return NotFound(f"entry {place} of the last list{title} was deleted since", hint)


def _say_what_was_taken(base: KnowledgeBase, text: str, entry: str, title: str) -> None:
    """Tell a person that a number was read as a place where it may have been meant otherwise."""
    other = next((each for each in base.titled(text) if each.title.strip() == text), None)
    if other is not None and other.id != entry:
        from rekall.cli.render import talk

        short = base.short_ids([other.id])[other.id]
        talk(
            f"note: {text} is {_shown(title)}, number {int(text)} of the last list; the entry of that title is {short}"
        )


def _by_id(base: KnowledgeBase, text: str) -> str:
    """The id that ends or begins so."""
    try:
        return base.get(text).entry.id
    except Ambiguous as error:
        ids = [candidate.partition("  ")[0] for candidate in error.candidates]
        raise _ambiguous(base, error.message, ids, "give more characters of the id, or the title") from error


def _by_title(base: KnowledgeBase, text: str) -> str:
    """The entry of a title, or the only one whose title holds all the words."""
    found = base.titled(text, _MOST_SHOWN + 1) if 0 < len(text) <= _MOST_CHARS else []
    if not found:
        raise NotFound("no such title")
    if len(found) > 1:
        many = f"more than {_MOST_SHOWN}" if len(found) > _MOST_SHOWN else str(len(found))
        message = f"{_shown(text)} fits the titles of {many} entries"
        raise _ambiguous(base, message, [each.id for each in found], "give more words of the title, or the id")
    return found[0].id


def _ambiguous(base: KnowledgeBase, message: str, ids: Sequence[str], hint: str) -> Ambiguous:
    """The error for several entries, each with the id by which it is shown everywhere."""
    chosen = list(ids[:_MOST_SHOWN])
    short, titles = base.short_ids(chosen), base.titles(chosen)
    return Ambiguous(message, hint, [f"{short[each]}  {in_a_row(titles.get(each, ''))}" for each in chosen])


def spread(texts: Sequence[str]) -> Iterator[str]:
    """Names one by one: those on stdin, and each place of a range."""
    for text in texts:
        places = _PLACES.fullmatch(text.strip())
        if text == "-":
            yield from _from_stdin()
        elif places and int(places[1]) <= int(places[2]):
            yield from map(str, range(int(places[1]), int(places[2]) + 1))
        else:
            yield text


def _from_stdin() -> list[str]:
    """The ids that another command wrote, the first word of each line."""
    from rekall.cli.options import read_stdin

    return [line.split()[0] for line in read_stdin().splitlines() if line.strip()]


def _shown(text: str) -> str:
    """A name in quotes, and not longer than a line."""
    return repr(printable(text if len(text) <= 60 else f"{text[:59]}…"))
