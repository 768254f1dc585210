"""In which base an entry lives that an assistant names, where there are several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekall.bases import OWN
from rekall.errors import Ambiguous, InvalidInput, NotFound, StorageError
from rekall.knowledge_base import KnowledgeBase
from rekall.mcp import inputs

if TYPE_CHECKING:  # a process with one base needs none of it
    from rekall.side_by_side import SideBySide


def base_for(base: KnowledgeBase, beside: SideBySide | None, given: inputs.Input) -> KnowledgeBase:
    """The base that a call is about: the one that it names, or that has the entry it names; else the first.

    Raises:
        InvalidInput: It names a base that is none.
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
    name = next((getattr(given, field) for field in ("id", "source", "to") if getattr(given, field, None)), None)
    return base_of(base, beside, name) if name else base


def base_of(base: KnowledgeBase, beside: SideBySide | None, name: str) -> KnowledgeBase:
    """The base in which the entry lives whose id ends or begins so; the first where none has it, or where that is away."""
    if beside is None or _has(base, name):
        return base
    for other in beside.names:
        try:
            there = beside.opened(other)
            if _has(there, name):
                return there
        except (
            StorageError,
            NotFound,
        ):  # what it would have said is not known; the first base says that it has no such entry
            continue
    return base


def _has(base: KnowledgeBase, name: str) -> bool:
    try:
        base.get(name)
    except Ambiguous:
        return True  # which one is meant is for the tool to ask
    except NotFound:
        return False
    return True
