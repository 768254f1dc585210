"""How a stored entry is told: what it is called now, what it resembles, and what there is to know of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rekall.cli.render import out, out_json, talk
from rekall.errors import RekallError
from rekall.knowledge import answers
from rekall.knowledge.capturing import about_secrets
from rekall.wording import in_a_row, printable

if TYPE_CHECKING:
    from rekall.entry.fields import Draft
    from rekall.knowledge.reports import Saved
    from rekall.knowledge.resembling import Resembling
    from rekall.knowledge_base import KnowledgeBase


def print_saved(base: KnowledgeBase, saved: Saved, verb: str, *, as_json: bool) -> None:
    """Tell what was stored. That it cannot be read again just now is no reason to fail: it is stored.

    Args:
        base: The base it is in.
        saved: What was stored.
        verb: What was done.
        as_json: Whether a program reads it.
    """
    if as_json:
        out_json(_fields(base, saved))
        return
    out(f"{verb} {_short(base, saved.entry.id)}  {printable(saved.entry.title)}")
    _warn(saved)


def print_changed(base: KnowledgeBase, changed: Sequence[Saved], *, as_json: bool) -> None:
    """Tell what was changed in several entries at once."""
    if as_json:
        out_json({"changed": [_fields(base, saved) for saved in changed]})
        return
    short = base.short_ids([saved.entry.id for saved in changed])
    for saved in changed:
        out(f"changed {short[saved.entry.id]}  {printable(saved.entry.title)}")
        _warn(saved)


def print_added(base: KnowledgeBase, added: Sequence[Saved], *, as_json: bool, one: bool = True) -> None:
    """Tell what was added: its type and project too, for they may have been chosen for the person, and what it resembles.

    Args:
        base: The base it is in.
        added: What was stored.
        as_json: Whether a program reads it.
        one: Whether it is asked for as one entry, not as a list.
    """
    if as_json:
        told = [_fields(base, saved) | _likeness(_alike(base, saved)) for saved in added]
        out_json(told[0] if one else {"added": told})
        return
    for saved in added:
        name = _short(base, saved.entry.id)
        out(f"added {name}  {kind_and_project(saved.entry)}  {printable(saved.entry.title)}")
        _warn(saved)
        alike = _alike(base, saved)
        if alike:
            against = any(each.what for each in alike)
            talk(f"\nnote: it {'may contradict' if against else 'resembles'}")
            for each in alike:
                entry = each.hit.entry
                short = _short(base, entry.id)
                talk(f"  {short}  {kind_and_project(entry)}  {in_a_row(entry.title)}")
                if each.what:
                    talk(f"  {' ' * len(short)}  {in_a_row(each.told)}")
            other = _short(base, alike[0].hit.entry.id)
            talk(
                f"\nhint: `rekall supersede {other} {name}` lets the new one replace it, `rekall merge {other} {name}` makes "
                f"one of both, `rekall delete {name}` takes this one back"
            )


def kind_and_project(entry: Draft) -> str:
    """The type of an entry and its project, as one says it: til in webapp."""
    return f"{entry.type.value} in {printable(entry.project)}" if entry.project else entry.type.value


def _likeness(alike: Sequence[Resembling]) -> dict[str, Any]:
    """What an entry resembles and may contradict, for programs."""
    return {
        "alike": [answers.summary(each.hit.entry, each.hit.successor) for each in alike],
        "conflicts": [each.fields() for each in alike if each.what],
    }


def _alike(base: KnowledgeBase, saved: Saved) -> tuple[Resembling, ...]:
    """What it resembles; an entry without a vector is not compared. That this fails is no reason to: it is stored."""
    if saved.warning:
        return ()
    with contextlib.suppress(RekallError):
        return base.resembling(saved.entry.id)
    return ()


def _fields(base: KnowledgeBase, saved: Saved) -> dict[str, Any]:
    try:
        entry = answers.view(base.get(saved.entry.id))
    except RekallError:
        entry = {**answers.entry(saved.entry, None, ()), "origin": None}
    return {"entry": entry, "warning": saved.warning or None, "secrets": answers.secrets(saved.secrets)}


def _short(base: KnowledgeBase, entry_id: str) -> str:
    with contextlib.suppress(RekallError):
        return base.short_ids([entry_id])[entry_id]
    return entry_id


def _warn(saved: Saved) -> None:
    if saved.secrets:
        talk(f"\nwarning: {about_secrets(saved.secrets)}")
    if saved.warning:
        talk(f"\nwarning: stored, but it can be found by words only: {saved.warning}\n\nhint: {saved.hint}")
