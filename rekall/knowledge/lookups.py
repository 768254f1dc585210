"""What was looked for, found and read, kept beside the base and on this machine alone (docs/living.md).

A search adds a line when its answer was given: the query, how it was answered, and the first of its hits. Reading an entry in full,
copying it or opening it in the editor adds one, too. Nothing else is kept, and nothing of it is in the base.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from rekall.system.clock import Clock

if TYPE_CHECKING:  # what it writes with is made by the builder
    from rekall.search.results import SearchResult
    from rekall.system.lookup_log import LookupLog

SHOWN = 3
"""Hits of a search that are kept: whoever reads a list reads these."""

_MOST_CHARS = 400
"""Characters of a query that are kept; what is longer was pasted."""

_SHORT = 16
"""Shorter words are no tokens."""

_MAY_BE_SECRET = ("pass", "pwd", "secret", "token", "key", "auth", "psk", "://", "sig=", "mysql", "7z", "login", " -")
"""Where none of these stands, and no long word and no foreign letter, there is no password: so 9 ms are spared."""


@dataclass(frozen=True, slots=True)
class Use:
    """How an entry was used.

    Attributes:
        times: How often.
        last: When last.
    """

    times: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """A search as it was kept.

    Attributes:
        at: When.
        session: The terminal, server or screen that it came from.
        query: What was typed; empty where that was left out.
        mode: How it was answered: hybrid, words or meaning.
        hits: How many entries were shown.
        best: How sure the first one was: strong, likely or weak; empty where there was none.
        ids: The first entries that were shown, those left out that are probably about something else.
    """

    at: datetime
    session: str
    query: str
    mode: str
    hits: int
    best: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """Entries that were read in full or copied.

    Attributes:
        at: When.
        session: As of a search.
        how: What was done: show, copy, edit.
        ids: The entries.
        after: The query whose answer they were taken from, where that is known.
    """

    at: datetime
    session: str
    how: str
    ids: tuple[str, ...]
    after: str = ""


class Lookups:
    """Notes what is looked for and read, and says what was."""

    def __init__(
        self,
        log: LookupLog | None = None,
        clock: Clock | None = None,
        door: str = "python",
        *,
        is_kept: bool = True,
    ) -> None:
        """Read nothing yet.

        Args:
            log: Where it is kept; None where there is no such place.
            clock: The time.
            door: By which door people come, which tells sessions apart.
            is_kept: Whether anything is noted and told; else it can only be forgotten.
        """
        self._log = log
        self._clock = clock or Clock()
        self._door = door
        self.is_kept = is_kept and log is not None

    def note_search(self, found: SearchResult) -> None:
        """Note a search, once its answer was given. Nothing fails by it."""
        if not self.is_kept or not found.query.strip():
            return
        best = found.hits[0].match if found.hits else None
        self._add(
            {
                "query": without_secrets(found.query.strip()[:_MOST_CHARS]),
                "mode": found.mode.used.value,
                "hits": len(found.hits),
                "best": best.value if best else "",
                "ids": [hit.entry.id for hit in found.hits[:SHOWN] if not hit.is_weak],
            }
        )

    def note_opened(self, ids: Sequence[str], how: str = "show", after: str = "") -> None:
        """Note that entries were read in full, copied or edited, `after` a query where that is known. Nothing fails by it."""
        if self.is_kept and ids:
            said = {"after": without_secrets(after.strip()[:_MOST_CHARS])} if after.strip() else {}
            self._add({how: list(dict.fromkeys(ids))[:_MOST_OPENED], **said})

    def since(self) -> datetime | None:
        """When the oldest line was written, so that who asks for less than that knows; None where nothing is kept."""
        return next((each.at for each in self.all()), None)

    def found(self, ids: Collection[str]) -> dict[str, Use]:
        """How often and when last entries were among the first hits of a search; one that never was is left out."""
        return _uses((each for each in self.all() if isinstance(each, Search)), ids)

    def opened(self, ids: Collection[str]) -> dict[str, Use]:
        """How often and when last entries were read in full, copied or edited; one that never was is left out."""
        return _uses((each for each in self.all() if isinstance(each, Opened)), ids)

    def all(self) -> Iterator[Search | Opened]:
        """Everything that is kept, the oldest first; a line that cannot be read is passed over."""
        for line in self._log.lines() if self._log is not None and self.is_kept else ():
            read = _read(line)
            if read is not None:
                yield read

    def forget(self, entry_id: str, title: str = "") -> None:
        """Leave out every search that found an entry or says its title, and every reading of it.

        Raises:
            OSError: The files cannot be written.
        """
        if self._log is None:
            return
        wanted, words = entry_id.encode(), title.casefold().split()

        def kept(line: bytes) -> bytes | None:
            read = _read(line) if wanted in line or words else None
            query = read.query if isinstance(read, Search) else read.after if read is not None else ""
            if read is not None and words and _holds(query.casefold().split(), words):
                return None
            if isinstance(read, Opened) and entry_id in read.ids:
                others = [each for each in read.ids if each != entry_id]
                return self._line(read.at, read.session, {read.how: others}) if others else None
            return None if wanted in line else line

        self._log.keep(kept)

    def forget_all(self) -> int:
        """Forget everything that was kept. Returns how many bytes it was. Raises OSError: It cannot be removed."""
        if self._log is None:
            return 0
        size = self._log.size_bytes()
        self._log.wipe()
        return size

    def _add(self, said: dict[str, Any]) -> None:
        assert self._log is not None
        self._log.add(self._line(self._clock.now(), session(self._door), said))

    @staticmethod
    def _line(at: datetime, place: str, said: dict[str, Any]) -> bytes:
        whole = {"at": int(at.timestamp()), "from": place, **said}
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


_MOST_OPENED = 20
"""Entries of one line; whoever shows more of them at once reads none."""

_HOW = ("show", "copy", "edit")


def session(door: str) -> str:
    """A name for where people look from: the shell that runs the commands, or the process that stays."""
    if door != "shell":
        return f"{door}-{os.getpid()}"
    return f"{door}-{os.getsid(0) if hasattr(os, 'getsid') else os.getppid()}"


def without_secrets(query: str) -> str:
    """A query as it may be kept: with what each key or token is in its place."""
    lower = query.lower()
    if (
        query.isascii()
        and not any(mark in lower for mark in _MAY_BE_SECRET)
        and all(len(word) < _SHORT for word in query.split())
    ):
        return query
    from rekall.entry.secrets import masked

    return masked(query)


def _uses(noted: Iterable[Search | Opened], ids: Collection[str]) -> dict[str, Use]:
    wanted = set(ids)
    found: dict[str, Use] = {}
    for each in noted:
        for entry_id in wanted.intersection(each.ids):
            before = found.get(entry_id)
            found[entry_id] = Use(before.times + 1 if before else 1, max(before.last, each.at) if before else each.at)
    return found


def _read(line: bytes) -> Search | Opened | None:
    """What a line says; None where it is cut off, or another Rekall's."""
    try:
        said = json.loads(line)
        at, place = datetime.fromtimestamp(said["at"], timezone.utc), str(said["from"])
        if "query" in said:
            ids, best = _texts(said["ids"]), said["best"]
            return Search(at, place, str(said["query"]), str(said["mode"]), int(said["hits"]), str(best), ids)
        how = next(how for how in _HOW if how in said)
        return Opened(at, place, how, _texts(said[how]), str(said.get("after", "")))
    except (ValueError, KeyError, TypeError, OverflowError, OSError, StopIteration, RecursionError):
        return None


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether some words stand among others, one after the other."""
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))


def _texts(said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        raise TypeError
    return tuple(said)
