"""What a person may call an entry: a place in the list that was shown last, an id or a part of it, a title."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rekall.app import OWN, App
from rekall.entry.times import local_day
from rekall.errors import Ambiguous, NotFound, RekallError
from rekall.system.last_lists import TERMINAL, LastList, LastLists
from rekall.wording import count_text, in_a_row, printable

if TYPE_CHECKING:
    from rekall.entry.types import Tombstone
    from rekall.knowledge_base import KnowledgeBase

METAVAR = "ENTRY"
"""What help calls an argument that takes any of these."""

_PLACE = re.compile(r"@?([0-9]{1,3})")
_PLACES = re.compile(r"@?([0-9]{1,3})(?:-|\.\.)@?([0-9]{1,3})")
_WHOLE_ID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
_VERSION = re.compile(r"[0-9A-Za-z]@[0-9]{1,18}$")
_BELOW = "    "
"""How far in the text of a hit stands in a table, where no number does."""

_MOST_SHOWN = 8
_MOST_DELETED = 1_000
_MOST_CHARS = 1_000
"""No title is longer."""


class WasDeleted(NotFound):
    """The entry was there, and can come back."""


@dataclass(frozen=True, slots=True)
class Named:
    """An entry that a person named; two are one where the entry and its version are.

    Attributes:
        entry_id: Its whole id.
        line: The query whose answer it was taken from by its number; empty where there was none.
        at: The character of its content at which what was found begins.
        version: The number of a version of it; None for what it says now.
    """

    entry_id: str
    line: str = field(default="", compare=False)
    at: int = field(default=0, compare=False)
    version: int | None = None


def entry_id(app: App, base: KnowledgeBase, text: str) -> str:
    """The whole id of the entry that a person named; raises as `named` does."""
    return named(app, base, text).entry_id


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
    ways = [_by_id] if _WHOLE_ID.fullmatch(text.upper()) else [_by_id, _by_title]
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
    gone = _deleted(base, text)
    if len(gone) == 1:
        raise _was_deleted(base, f"{_shown(gone[0].title)} was deleted", gone[0].id)
    if _VERSION.search(text):
        raise NotFound(
            f"no entry {_shown(text)}",
            f"a version is shown by `rekall show {printable(text)}` and brought back by `rekall restore {printable(text)}`; this takes an entry",
        )
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
        chosen = _deleted_by_title(base, text)
        if not chosen:
            raise
        if len(chosen) > 1:
            candidates = [f"{each.id}  {in_a_row(each.title)}" for each in chosen[:_MOST_SHOWN]]
            message = f"{_shown(text)} fits the titles of {len(chosen)} deleted entries"
            raise Ambiguous(message, "give more words of the title, or the id", candidates) from error
        return chosen[0].id


def _deleted(base: KnowledgeBase, text: str) -> list[Tombstone]:
    """The deleted entries that a name means: the one of that id, else those of exactly that title."""
    try:
        return [base.find_deleted(text)] if text else []
    except NotFound:
        words = text.casefold().split()
        return [each for each in base.deleted(_MOST_DELETED) if each.title.casefold().split() == words]


def _deleted_by_title(base: KnowledgeBase, text: str) -> list[Tombstone]:
    """The deleted entries of exactly this title, else those whose titles hold its words."""
    words = text.casefold().split()
    found = [
        each for each in base.deleted(_MOST_DELETED) if words and all(word in each.title.casefold() for word in words)
    ]
    return [each for each in found if each.title.casefold().split() == words] or found


def base_in_list(app: App, text: str) -> str:
    """The name of the base in which the entry lives at a place of the last list; empty for any other name of an entry."""
    place = _PLACE.fullmatch(text.strip())
    last = LastLists(app.places.lists).last() if place else None
    if place is None or last is None or not 0 < int(place[1]) <= len(last.ids):
        return ""
    return last.bases[int(place[1]) - 1] if int(place[1]) <= len(last.bases) else OWN


def remember(app: App, ids: Sequence[str], line: str = "", at: Sequence[int] = (), bases: Sequence[str] = ()) -> None:
    """Keep the list that this terminal has just been shown, so that its places name its entries.

    Args:
        app: Knows where lists are kept.
        ids: The whole ids, in the order shown; an empty list leaves the one before.
        line: The query that it answers, or empty.
        at: For each the character of its content at which what was found begins.
        bases: For each the base in which it lives; empty for the one in use.
    """
    if ids:
        used = app.in_use
        live = [each or used for each in bases or [""] * len(ids)]
        LastLists(app.places.lists).keep(
            LastList(tuple(ids), line, tuple(at), tuple(live) if set(live) != {OWN} else ())
        )


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
        title = base.find_deleted(entry).title
    except RekallError:
        return NotFound(f"entry {place} of the last list was deleted since", "`rekall list` shows what is there now")
    return _was_deleted(base, f"entry {place} of the last list, {_shown(title)}, was deleted since", entry)


def _was_deleted(base: KnowledgeBase, message: str, entry: str) -> WasDeleted:
    """The error for a deleted entry that can come back."""
    return WasDeleted(message, f"`rekall restore {base.short_ids([entry])[entry]}` brings it back")


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
    alike = len(set(titles.values())) < len(titles)
    return Ambiguous(
        message,
        hint,
        [f"{short[each]}  {_apart(base, each) if alike else ''}{in_a_row(titles.get(each, ''))}" for each in chosen],
    )


def _apart(base: KnowledgeBase, entry_id: str) -> str:
    """What tells an entry from another of the same title."""
    entry = base.get(entry_id).entry
    said = [entry.type.value, in_a_row(entry.project or ""), local_day(entry.updated_at)]
    return f"{' '.join(filter(None, said))}  "


def spread(texts: Sequence[str]) -> Iterator[str]:
    """Names one by one: each place of a range, each of several between commas, and those on stdin for `-`.

    On stdin one stands on a line, as `rekall search --ids` and `--format plain` print them; there may be none. `2-4` are
    places 2 to 4, `1,3` are places 1 and 3.
    """
    for text in texts:
        if text == "-":
            yield from _from_stdin()
            continue
        parts = [part.strip() for part in text.split(",")]
        if not all(map(_is_place, parts)):
            yield text
            continue
        for part in parts:
            places = _PLACES.fullmatch(part)
            yield from map(str, range(int(places[1]), int(places[2]) + 1)) if places else [part]


def _is_place(text: str) -> bool:
    places = _PLACES.fullmatch(text)
    return int(places[1]) <= int(places[2]) if places else bool(_PLACE.fullmatch(text))


def _from_stdin() -> Iterator[str]:
    """What another command wrote: the first column of each line, but no lines of text below a hit."""
    from rekall.cli.options import read_stdin

    for line in read_stdin().splitlines():
        if line.strip() and not line.startswith(_BELOW):
            column = re.split("\t|  ", line.strip(), maxsplit=1)[0]
            word = column.split()[0]
            yield word if _WHOLE_ID.fullmatch(word) else column


def _shown(text: str) -> str:
    """A name in quotes, and not longer than a line."""
    return repr(printable(text if len(text) <= 60 else f"{text[:59]}…"))
