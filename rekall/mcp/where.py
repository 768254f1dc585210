"""In which base an entry lives that an assistant names, where there are several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekall.bases import OWN
from rekall.errors import Ambiguous, InvalidInput, NotFound, StorageError
from rekall.knowledge_base import KnowledgeBase
from rekall.mcp import inputs

if TYPE_CHECKING:  # a process with one base needs none of it
    from rekall.side_by_side import SideBySide

_MOST_TITLE = 1_000
"""Characters; no title is longer."""


def base_for(base: KnowledgeBase, beside: SideBySide | None, given: inputs.Input) -> KnowledgeBase:
    """The base that a call is about: the one that it names, or that has the entry it names; else the first.

    Raises:
        InvalidInput: It names a base that is none, or two entries of different bases.
        StorageError: That base cannot be used.
    """
    named = given.base or "" if isinstance(given, inputs.AddInput) else ""
    if beside is None:
        if named not in ("", OWN):
            raise InvalidInput(f"no base {named!r}: there is one base only", "leave base out")
        return base
    if named and named not in (OWN, *beside.names):
        there = ", ".join(sorted({OWN, *beside.names}))
        raise InvalidInput(f"no base {named!r}", f"there are: {there}; left out, it is the one in use")
    if named:
        return beside.opened("" if named == OWN and OWN not in beside.names else named)
    name, other = (
        next((getattr(given, field) for field in fields if getattr(given, field, None)), None)
        for fields in (("id", "source", "to"), ("target", "superseded_by"))
    )
    if not name:
        return base
    where, home = _located(base, beside, name)
    if other and not _has(home, other):
        elsewhere, other_home = _located(base, beside, other)
        if other_home is not home and _has(other_home, other):
            raise _live_apart((name, where), (other, elsewhere))
    return home


def base_of(base: KnowledgeBase, beside: SideBySide | None, name: str) -> KnowledgeBase:
    """The base in which the entry lives whose id ends or begins so, or of exactly that title; the first where none has it, or where that is away."""
    return base if beside is None else _located(base, beside, name)[1]


def _located(base: KnowledgeBase, beside: SideBySide, name: str) -> tuple[str, KnowledgeBase]:
    """The same, with the name of the base; empty for the first."""
    if _has(base, name):
        return "", base
    for other in beside.names:
        try:
            there = beside.opened(other)
            if _has(there, name):
                return other, there
        except (StorageError, NotFound):  # it is away, or its name went; the first base says that it has no such entry
            continue
    return "", base


def _live_apart(*places: tuple[str, str]) -> InvalidInput:
    """That entries of two bases cannot be linked; each is told with the name of its base."""
    said = ", ".join(f"{name!r} in {where or 'the base in use'}" for name, where in places)
    name, where = next(place for place in places if place[1])
    copies = f"`rekall share {name} --to NAME`" if where == OWN else f"`rekall take {name} --from {where}`"
    return InvalidInput(f"these entries live in different bases: {said}", f"the person can copy one: {copies}")


def _has(base: KnowledgeBase, name: str) -> bool:
    try:
        base.get(name)
    except Ambiguous:
        return True  # which one is meant is for the tool to ask
    except NotFound:
        is_title = len(name) <= _MOST_TITLE
        return is_title and sum(each.title == name for each in base.titled(name, 2)) == 1
    return True
