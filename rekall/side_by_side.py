"""Several bases asked at once: one's own answer is never kept waiting longer than was allowed, nor lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any

from rekall.entry.filters import Filters
from rekall.errors import NotFound, RekallError, StorageError, in_our_words
from rekall.knowledge_base import ALL, KnowledgeBase
from rekall.search.across import Answered, merged
from rekall.search.results import AskedBase, Mode, SearchResult

Question = Callable[[KnowledgeBase, Callable[[], bool]], SearchResult]
"""Asks a base, and may ask whether the answer is still wanted."""

AtWork = Callable[[str], AbstractContextManager[None]]
"""Keeps the base of a name open in a block."""


class Neighbour:
    """A base beside the one that is asked first."""

    def __init__(self, name: str, open_base: Callable[[str], KnowledgeBase], at_work: AtWork) -> None:
        """Open nothing yet.

        Args:
            name: What it is called.
            open_base: Opens the base of a name; called again, it gives the same.
            at_work: Keeps the base of a name open.
        """
        self.name = name
        self._open = open_base
        self._keep_open = at_work
        self._opening = threading.Lock()
        self._counting = threading.Lock()
        self._at_work: list[Asked] = []

    def ask(self, question: Question) -> Asked:
        """Begin to ask it, in a thread of its own."""
        asked = Asked(self, question)
        if self.is_stuck():
            asked.give_up("it has not answered an earlier search yet")
        else:
            with self._counting:
                self._at_work.append(asked)
            asked.held.enter_context(self._keep_open(self.name))  # before anybody can close it
            asked.start()
        return asked

    def opened(self) -> KnowledgeBase:
        """The base."""
        with self._opening:
            return self._open(self.name)

    def is_stuck(self) -> bool:
        """Whether a thread that did not answer in time is still at work."""
        with self._counting:
            return any(each.is_late for each in self._at_work)

    def ended(self, asked: Asked) -> None:
        """A thread is at it no more."""
        with self._counting:
            self._at_work.remove(asked)


class Asked(threading.Thread):
    """One question to one base."""

    def __init__(self, neighbour: Neighbour, question: Question) -> None:
        """Ask nothing yet."""
        super().__init__(name=f"rekall-{neighbour.name}", daemon=True)  # a server that is away must not keep a process
        self._neighbour = neighbour
        self._question = question
        self.held = ExitStack()
        """What is held until it has ended."""
        self._done = threading.Event()
        self._is_wanted = True
        self.is_late = False
        """Whether it did not answer in time."""
        self._answer: SearchResult | None = None
        self._error: BaseException | None = None
        self._reason = ""

    def run(self) -> None:
        """Ask."""
        with self.held:
            try:
                self._answer = self._question(self._neighbour.opened(), lambda: self._is_wanted)
            except BaseException as error:  # raised again by who waits, or said by it
                self._error = error
            finally:
                self._neighbour.ended(self)
                self._done.set()

    def drop(self) -> None:
        """Let it end early: nobody wants the answer any more."""
        self._is_wanted = False

    def give_up(self, reason: str) -> None:
        """Answer with why there is no answer."""
        self._reason = reason
        self._done.set()

    def answer(self, wait_s: float) -> Answered | AskedBase:
        """What it answered, or why it did not; what is wrong with the program itself is raised."""
        name = self._neighbour.name
        if not self._done.wait(max(wait_s, 0.0)):
            self.is_late = True
            self.drop()
            return AskedBase(name, None, "it did not answer in time")
        if self._answer is not None:
            return Answered(name, self._answer)
        if isinstance(self._error, (RekallError, OSError)):
            return AskedBase(name, None, in_our_words(self._error).message)
        if self._error is not None:
            raise self._error
        return AskedBase(name, None, self._reason)


class SideBySide:
    """The base that is asked first, and others beside it."""

    def __init__(
        self,
        open_base: Callable[[str], KnowledgeBase],
        wait_s: float,
        share: float,
        at_work: AtWork,
    ) -> None:
        """Begin with nobody beside the first.

        Args:
            open_base: Opens the base of a name; that of no name is asked first.
            wait_s: Seconds that the others are waited for once the first has answered.
            share: Weight of words beside meaning.
            at_work: Keeps the base of a name open in a block.
        """
        self._open = open_base
        self._others: list[Neighbour] = []
        self._wait_s = wait_s
        self._share = share
        self._at_work = at_work

    def meet(self, names: Sequence[str], left: Sequence[str] = ()) -> None:
        """Ask these from now on; what is under way goes on.

        Args:
            names: The others.
            left: Those whose name is another base's by now.
        """
        if left or list(names) != self.names:
            there = {each.name: each for each in self._others if each.name not in left}
            self._others = [there.get(name) or Neighbour(name, self._open, self._at_work) for name in names]

    @property
    def names(self) -> list[str]:
        """What the others are called."""
        return [each.name for each in self._others]

    def opened(self, name: str) -> KnowledgeBase:
        """The base of a name, opened where it was not; the first for no name.

        Raises:
            NotFound: None of them has that name.
            StorageError: It cannot be opened, or a thread still tries to.
        """
        if not name:
            return self._open("")
        other = next((each for each in self._others if each.name == name), None)
        if other is None:
            raise NotFound(f"no base {name!r}", f"there are: {', '.join(self.names)}")
        if other.is_stuck():
            raise StorageError(f"{name} has not answered an earlier search yet", "try again in a moment")
        return other.opened()

    def search(
        self, line: str, filters: Filters = ALL, mode: Mode | str = Mode.HYBRID, limit: int = 10, **how: Any
    ) -> SearchResult:
        """The best entries of all bases for a line, in one ranking; see `KnowledgeBase.search`, whose arguments it takes.

        Every base embeds with the model of the first, or is asked for words alone, which is said.

        Raises:
            Superseded: `is_wanted` said no.
        """
        first = self._open("")
        wanted = how.pop("is_wanted", lambda: True)
        told = {name: how.pop(name) for name in ("notice", "words_first") if name in how}
        fingerprint = first.index.fingerprint()

        def ask(base: KnowledgeBase, is_wanted: Callable[[], bool]) -> SearchResult:
            theirs = base.index.space()
            is_other = theirs is not None and theirs.fingerprint != fingerprint
            answer = base.search(
                line,
                filters,
                Mode.WORDS if is_other else mode,
                limit,
                is_wanted=lambda: is_wanted() and wanted(),
                **how,
            )
            if is_other and theirs is not None:
                said = f"its vectors are of another model ({theirs.model}), so words alone were asked"
                answer = replace(answer, mode=replace(answer.mode, reason=said))
            return answer

        asked = [each.ask(ask) for each in self._others]
        try:
            answer = first.search(line, filters, mode, limit, is_wanted=wanted, **told, **how)
        except BaseException:
            for each in asked:
                each.drop()
            raise
        until = time.monotonic() + self._wait_s
        answers = [each.answer(until - time.monotonic()) for each in asked]
        return merged(
            answer,
            [each for each in answers if isinstance(each, Answered)],
            [each for each in answers if isinstance(each, AskedBase)],
            limit,
            self._share,
        )
