"""In which base an entry lives that a person named, where there are several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rekall.app import OWN, App
from rekall.cli.naming import Named, base_in_list, named, spread
from rekall.errors import Ambiguous, NotFound, StorageError, UsageError

if TYPE_CHECKING:
    from rekall.knowledge_base import KnowledgeBase
    from rekall.search.results import Hit


def location(app: App) -> str:
    """Where the base that commands work with lies: its file, or how its server is reached."""
    if app.in_use == OWN:
        return str(app.places.database)
    known = app.bases.of(app.in_use)
    return str(known.file or known.location)


def base_of(app: App, names: Sequence[str]) -> KnowledgeBase:
    """The base in which entries live that a person named: the one in use, else the only other one that has them.

    Raises:
        NotFound, Ambiguous: None has them, or several have.
        UsageError: They live in different bases.
    """
    if "-" in names or not app.others():
        return app.open_base()
    bases = {id(base): base for base, _ in (located(app, name) for name in spread(names))}
    if len(bases) > 1:
        raise UsageError("these entries live in different bases", "name those of one base at a time")
    return next(iter(bases.values()), None) or app.open_base()


def all_located(app: App, names: Sequence[str]) -> Iterator[tuple[KnowledgeBase, Named]]:
    """Each entry that a person named, once, with its base."""
    known: set[tuple[int, str]] = set()
    for name in spread(names):
        base, entry = located(app, name)
        if (id(base), entry.entry_id) not in known:
            known.add((id(base), entry.entry_id))
            yield base, entry


def located(app: App, name: str) -> tuple[KnowledgeBase, Named]:
    """The entry that a person named, with its base; raises as `naming.named` does."""
    others = app.others()
    listed = base_in_list(app, name) if others else ""
    base = app.open_base(listed)
    try:
        return base, named(app, base, name)
    except NotFound as error:
        if listed or not others or isinstance(error, Ambiguous):
            raise
        missing = error
    found, away = [], []
    for other in others:
        try:
            there = app.open_base(other)
            found.append((other, there, named(app, there, name)))
        except StorageError:
            away.append(other)
        except NotFound as error:
            if isinstance(error, Ambiguous):
                raise
    if len(found) > 1:
        named_so = [f"{other}  {there.get(entry.entry_id).entry.title}" for other, there, entry in found]
        raise Ambiguous(f"{name!r} is in several bases", f"say in which: `rekall -b {found[0][0]} …`", named_so)
    if found:
        return found[0][1], found[0][2]
    if away:
        raise NotFound(f"{missing.message}; {' and '.join(away)} could not be asked", missing.hint)
    raise missing


def short_ids(app: App, hits: Sequence[Hit]) -> dict[str, str]:
    """The ids by which hits of several bases are shown: one of another base that names an entry here, too, is shown whole."""
    short: dict[str, str] = {}
    here = app.open_base()
    for name in sorted({hit.base for hit in hits}, reverse=True):  # the one in use last: its ids are the shortest
        base = app.open_base(name)
        ids = [each.id for hit in hits if hit.base == name for each in (hit.entry, hit.successor) if each]
        shown = base.short_ids(ids)
        if name:
            shown = {entry_id: entry_id if _names_one(here, end, entry_id) else end for entry_id, end in shown.items()}
        short |= shown
    return short


def _names_one(base: KnowledgeBase, end: str, entry_id: str) -> bool:
    """Whether an id's end names another entry of a base."""
    try:
        return base.get(end).entry.id != entry_id
    except Ambiguous:
        return True
    except NotFound:
        return False
