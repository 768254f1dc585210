"""Opens and makes the bases beside one's own: a file of another Rekall, or a schema on a PostgreSQL server."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rekall.bases import OWN
from rekall.errors import RekallError, StorageError
from rekall.wording import count_text, shell_word

if TYPE_CHECKING:
    from rekall.bases import Bases, KnownBase
    from rekall.knowledge_base import KnowledgeBase
    from rekall.store.contract import Store
    from rekall.sync.sharing import Sharing


class Opens(Protocol):
    """Opens bases by name, as the app does."""

    @property
    def bases(self) -> Bases:
        """The names."""
        ...

    def open_base(self, name: str = "", *, to_write: bool = False) -> KnowledgeBase:
        """The base of a name."""
        ...


def open_known(known: KnownBase, vectors: str, migrating: Callable[[Path], None], tell: Callable[[str], None]) -> Store:
    """The store of a base beside one's own; none is ever made here.

    Args:
        known: The base.
        vectors: What searches vectors in a file: "auto", "sqlite-vec" or "numpy".
        migrating: Told of a file of an earlier schema before anything in it is changed.
        tell: Told for whom a change waits.

    Raises:
        StorageError: It is not there, is away, or cannot be used.
    """
    from rekall.store.sqlite import SqliteStore

    file = known.file
    if file is None:
        from rekall.store.postgres import open_store

        team = open_store(known.location, read_only=known.read_only)
        team.db.waiting = tell
        return team
    if not file.is_file():
        raise StorageError(
            f"{known.name} is not there: {file}",
            f"is its disk mounted? `rekall base remove {known.name}` forgets it, `rekall base init` makes one",
        )
    if _is_empty(file):  # SQLite would make one of it
        raise StorageError(
            f"{file} is no base: it is empty", f"`rekall base init {shell_word(known.location)}` makes one of it"
        )
    store = SqliteStore(file, vectors, migrating=migrating, read_only=known.read_only)
    store.db.waiting = tell
    return store


def _is_empty(file: Path) -> bool:
    """Whether there is nothing in a file."""
    return file.stat().st_size == 0


def visit(known: KnownBase) -> int:
    """Look into a base that has no name yet, which is brought to today's schema by whoever works with it.

    Returns:
        How many entries it has.

    Raises:
        StorageError: It is not there, is away, or cannot be used.
    """

    def refuse(file: Path) -> None:
        raise StorageError(
            f"{file} is of an earlier Rekall", "whoever works with it brings it up to date by any command"
        )

    store = open_known(known, "auto", refuse, lambda _: None)
    try:
        return store.entries.count()
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at a base found.

    Attributes:
        name: What it is called here.
        entries: How many it has; None where it does not answer.
        model: The model that its searches use; empty before it has vectors.
        is_same_model: Whether one's own base has vectors of that very model, so that meanings compare.
        wants_rebuild: Whether its searches by meaning would be faster if its vectors were rebuilt.
        problem: Why it does not answer, or empty.
        hint: What to do about that.
        took_s: Seconds until it answered.
    """

    name: str
    entries: int | None = None
    model: str = ""
    is_same_model: bool = False
    wants_rebuild: bool = False
    problem: str = ""
    hint: str = ""
    took_s: float = 0.0

    @property
    def said(self) -> str:
        """All of it on a line."""
        if self.problem:
            return self.problem
        model = self.model or "no vectors yet"
        differs = (
            "" if self.is_same_model or not self.model else ", another model than your own base: words alone compare"
        )
        return f"{count_text(self.entries or 0, 'entry', 'entries')}, {model}{differs}, {self.took_s * 1000:.0f} ms"


def look(name: str, open_base: Callable[[str], KnowledgeBase]) -> Looked:
    """Look at a base, and at one's own beside it.

    Args:
        name: The base.
        open_base: Opens the base of a name.
    """
    own = open_base(OWN).index.space()
    began = time.perf_counter()
    try:
        base = open_base(name)
        count, theirs = base.count(), base.index.space()
        took_s = time.perf_counter() - began
        if theirs is None:
            return Looked(name, count, took_s=took_s)
        is_same = own is None or own.fingerprint == theirs.fingerprint
        return Looked(name, count, theirs.model, is_same, base.index.wants_rebuild(), took_s=took_s)
    except RekallError as error:
        return Looked(name, problem=error.message, hint=error.hint, took_s=time.perf_counter() - began)


def sharing(app: Opens, name: str) -> Sharing:
    """What copies entries between one's own base and the one of a name.

    Raises:
        StorageError: One of them cannot be used.
        NotFound: No base has that name.
    """
    known = app.bases.of(name)
    own, other = app.open_base(OWN, to_write=True), app.open_base(name, to_write=True)
    return own.sync.beside(other.sync, name, known.location, _person())


def _person() -> str:
    """Who works here, as the system knows them; empty where it does not."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


@dataclass(frozen=True, slots=True)
class Made:
    """A base that was made.

    Attributes:
        location: Where.
        made: What was done, a line each.
        to_do: Statements that somebody with more rights has to run.
    """

    location: str
    made: tuple[str, ...]
    to_do: tuple[str, ...] = ()


def make(location: str) -> Made:
    """Make a base where there is none, at a location that was checked.

    Raises:
        StorageError: It cannot be made.
    """
    from rekall.bases import file_at, is_server
    from rekall.store.sqlite import SqliteStore

    if is_server(location):
        from rekall.store.postgres.roles import prepare

        done = prepare(location)
        return Made(location, done.made, done.to_do)
    file = file_at(Path(location))
    was_there = file.exists() and not _is_empty(file)
    SqliteStore(file).close()
    return Made(location, (f"there is a base already: {file}" if was_there else f"made a base: {file}",))
