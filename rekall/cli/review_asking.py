"""Asks on the terminal of one entry after the other whether it still holds; every answer is a key, and is kept at once."""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.keys import Keys
from rekall.cli.naming import entry_id
from rekall.cli.pager import show_lines
from rekall.cli.render import error_text, out, styled, talk, terminal_lines, terminal_width
from rekall.cli.review_words import said, seen_text
from rekall.entry.types import Status
from rekall.errors import NotFound, RekallError
from rekall.knowledge.review import Answer, Answered
from rekall.wording import count_text, printable

if TYPE_CHECKING:
    from rekall.knowledge_base import KnowledgeBase

_KEYS = "h holds  w needs work  o outdated  n never again  s skip  z back  q quit"
_BELOW = 6
"""Lines of the screen for the question, and for what was said before."""


class _Wish(enum.Enum):
    """What a key asks for."""

    HOLDS = enum.auto()
    WORK = enum.auto()
    OUTDATED = enum.auto()
    NEVER = enum.auto()
    SKIP = enum.auto()
    BACK = enum.auto()
    MORE = enum.auto()
    QUIT = enum.auto()


_WISHES: Mapping[str, _Wish] = {
    "h": _Wish.HOLDS,
    "y": _Wish.HOLDS,
    "w": _Wish.WORK,
    "e": _Wish.WORK,
    "o": _Wish.OUTDATED,
    "n": _Wish.NEVER,
    "s": _Wish.SKIP,
    "z": _Wish.BACK,
    "u": _Wish.BACK,
    "m": _Wish.MORE,
    "q": _Wish.QUIT,
    "\x1b": _Wish.QUIT,
    "\x04": _Wish.QUIT,
    "\0": _Wish.QUIT,  # a Ctrl-D that was typed before anybody asked
}


def ask(app: App, base: KnowledgeBase, ids: Sequence[str]) -> None:
    """Ask about entries of a base, until the last one or until the person leaves."""
    asking = _Asking(app, base, ids)
    try:
        asking.run()
    finally:
        asking.tell()


class _Asking:
    """One round of questions."""

    def __init__(self, app: App, base: KnowledgeBase, ids: Sequence[str]) -> None:
        self._app = app
        self._base = base
        self._ids = list(ids)
        self._place = 0
        self._keys = Keys()
        self._done: list[Answered | None] = []
        """What was answered, None for what was passed over: one for each entry before the present one."""

    def run(self) -> None:
        """Ask."""
        while self._place < len(self._ids):
            if not self._show():
                self._go_on(None)
                continue
            while True:
                wish = self._key()
                if wish is _Wish.QUIT:
                    return
                try:
                    if self._does(wish):
                        break
                except RekallError as error:
                    talk(error_text(error))
                    if not self._is_to_be_asked():
                        self._go_on(None)
                        break

    def tell(self) -> None:
        """Say how far it went."""
        answered = sum(each is not None for each in self._done)
        left = len(self._ids) - len(self._done)
        talk(f"\n{count_text(answered, 'entry', 'entries')} answered" + (f", {left:,} left" if left else ""))

    def _does(self, wish: _Wish) -> bool:
        """Do what a key asks for. Returns whether another entry is to be shown."""
        current = self._ids[self._place]
        if wish in (_Wish.OUTDATED, _Wish.WORK):
            self._keys.forget()  # what was typed ahead was meant for what is asked now
        if wish is _Wish.HOLDS:
            self._take(self._base.review.answer(current, Answer.HOLDS))
        elif wish is _Wish.NEVER:
            self._take(self._base.review.answer(current, Answer.NEVER))
        elif wish is _Wish.OUTDATED:
            self._take(self._base.review.answer(current, Answer.OUTDATED, self._successor()))
        elif wish is _Wish.WORK:
            return self._edit(current)
        elif wish is _Wish.SKIP:
            self._go_on(None)
        elif wish is _Wish.BACK:
            return self._back()
        else:
            show_lines(self._lines())
            self._ask()
            return False
        return True

    def _show(self) -> bool:
        """Show the entry that is asked about. Returns whether there is still something to ask about it."""
        try:
            standing = self._base.review.standing(self._ids[self._place])
        except NotFound:
            return False
        if standing.entry.status is Status.OBSOLETE:
            return False
        lines = self._lines()
        place = f"{self._place + 1} of {len(self._ids)}  {seen_text(standing)}"
        out(f"\n{styled(place, dim=True)}\n")
        room = max(terminal_lines() - _BELOW, 6)
        out("\n".join(lines[:room]))
        if len(lines) > room:
            out(styled(f"{len(lines) - room} more lines: m shows all", dim=True))
        self._ask()
        return True

    def _lines(self) -> Sequence[str]:
        """The entry as `show` sets it."""
        from rekall.cli.page import set_for

        view = self._base.get(self._ids[self._place])
        beside = [line.other.id for line in view.links] + ([view.successor.id] if view.successor else [])
        short = self._base.short_ids([view.entry.id, *beside])
        return set_for(view, short, terminal_width(), lambda text: (), 0, is_rendered=True).lines

    def _ask(self) -> None:
        out(f"\n{styled('Does it still hold?', bold=True)}\n{_KEYS}")

    def _key(self) -> _Wish:
        """What the person wants; the end of the input is to leave."""
        while True:
            sys.stdout.flush()
            try:
                key = self._keys.next()
            except EOFError:
                return _Wish.QUIT
            wish = _WISHES.get(key.lower())
            if wish is not None:
                return wish
            out(_KEYS)

    def _successor(self) -> str | None:
        """The entry that is to be read instead; asked until it can be found, or there is none."""
        while True:
            try:
                text = click.prompt(
                    "What is to be read instead? Its id or title; enter for nothing",
                    default="",
                    show_default=False,
                    prompt_suffix=": ",
                )
            except click.Abort as error:
                raise KeyboardInterrupt from error
            if not text.strip():
                return None
            try:
                return entry_id(self._app, self._base, text)
            except RekallError as error:
                talk(error_text(error))

    def _edit(self, current: str) -> bool:
        """Let the person mend it; it counts as looked at where something was changed."""
        from rekall.cli.edit import edited_in_editor

        old = self._base.get(current).entry
        saved = edited_in_editor(self._app, self._base, old)
        if saved is None:
            talk("nothing changed")
            self._ask()
            return False
        if saved.warning:
            talk(f"warning: stored, but it can be found by words only: {saved.warning}\n\nhint: {saved.hint}")
        self._take(self._base.review.answer(current, Answer.CHANGED))
        return True

    def _back(self) -> bool:
        """Take the last answer back, and ask about that entry again."""
        if not self._done:
            out("this is the first one")
            return False
        last = self._done[-1]
        if last is not None:
            self._base.review.take_back(last)
            kept = "; what you changed stays" if last.answer is Answer.CHANGED else ""
            out(f"taken back: {printable(last.entry.title)}{kept}")
        self._done.pop()
        self._place -= 1
        return True

    def _take(self, answered: Answered) -> None:
        out(said(answered))
        self._go_on(answered)

    def _go_on(self, answered: Answered | None) -> None:
        self._done.append(answered)
        self._place += 1

    def _is_to_be_asked(self) -> bool:
        """Whether the entry is still there and holds: another window may have deleted it, or found it outdated."""
        try:
            return self._base.review.standing(self._ids[self._place]).entry.status is not Status.OBSOLETE
        except NotFound:
            return False
