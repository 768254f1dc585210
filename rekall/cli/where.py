"""In which base an entry lives that a person named, where there are several: every command that takes entries asks here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import click

from rekall.app import OWN, App
from rekall.cli.naming import WasDeleted, base_in_list, entry_id, spread
from rekall.errors import Ambiguous, NotFound, StorageError, UsageError
from rekall.wording import in_a_row, printable, shell_word

if TYPE_CHECKING:
    from rekall.knowledge_base import KnowledgeBase
    from rekall.search.results import Hit

Thing = TypeVar("Thing")
LookUp = Callable[[App, "KnowledgeBase", str], Thing]
"""Finds in a base what a person named, or raises NotFound."""

_MOST_REPEATED = 8
"""Names that are repeated for the person to type."""


@dataclass(frozen=True, slots=True)
class Home:
    """A base in which entries live.

    Attributes:
        base: The base.
        name: What it is called; empty for the one that commands work with.
    """

    base: KnowledgeBase
    name: str = ""

    def of(self, ids: Sequence[str]) -> list[str]:
        """For each entry where it lives, as `remember` takes it."""
        return [self.name] * len(ids)

    @property
    def option(self) -> str:
        """What stands before a command that is meant for this base: nothing for the one in use."""
        return f"-b {self.name} " if self.name else ""


def location(app: App) -> str:
    """Where the base that commands work with lies: its file, or how its server is reached."""
    if app.in_use == OWN:
        return str(app.places.database)
    known = app.bases.of(app.in_use)
    return str(known.file or known.location)


def located(app: App, name: str, look_up: LookUp[Thing]) -> tuple[Home, Thing]:
    """What a person named, with its home: the base of the list that a number is of, else the one in use, else the only other one that has it.

    Raises:
        NotFound, Ambiguous: No base has it, or several have.
        StorageError: The base in use, or that of the list, cannot be used.
    """
    others = app.others()
    listed = base_in_list(app, name)
    within_reach = listed in ("", app.in_use, *others)
    home = (
        Home(app.open_base(), "") if listed == app.in_use or not within_reach else Home(app.open_base(listed), listed)
    )
    try:
        return home, look_up(app, home.base, name)
    except NotFound as error:
        if not within_reach:  # and no copy of it is in the base that was named
            raise _out_of_reach(app, name, listed) from None
        if listed or not others or isinstance(error, Ambiguous):
            raise
        return _elsewhere(app, others, name, look_up, error)


def _elsewhere(
    app: App, others: Sequence[str], name: str, look_up: LookUp[Thing], missing: NotFound
) -> tuple[Home, Thing]:
    """What a person named, where the base in use has it not; raises as `located` does."""
    found, away = [], []
    for other in others:
        try:
            there = Home(app.open_base(other), other)
            found.append((there, look_up(app, there.base, name)))
        except StorageError:
            away.append(other)
        except NotFound as error:
            if isinstance(error, Ambiguous):
                raise
            missing = error if isinstance(error, WasDeleted) else missing
    if len(found) > 1:
        hint = f"say in which: `rekall -b {found[0][0].name} …`"
        raise Ambiguous(f"{_shown(name)} is in several bases", hint, [there.name for there, _ in found])
    if found:
        return found[0]
    if away:
        raise NotFound(f"{missing.message}; {' and '.join(away)} could not be asked", missing.hint)
    raise missing


def all_located(app: App, names: Sequence[str], look_up: LookUp[Thing]) -> list[tuple[Home, Thing]]:
    """All that a person named, each once, with its home; raises as `located` does."""
    return list(dict.fromkeys(located(app, name, look_up) for name in spread(names)))


def together(app: App, names: Sequence[str], look_up: LookUp[Thing]) -> tuple[Home, list[Thing]]:
    """All that a person named, each once, in the one base that all of it lives in.

    Raises:
        NotFound, Ambiguous, StorageError: As `located` does.
        UsageError: It lives in different bases.
    """
    typed: dict[Home, list[str]] = {}
    things: dict[Thing, None] = {}
    for name in spread(names):
        home, thing = located(app, name, look_up)
        typed.setdefault(home, []).append(name)
        things[thing] = None
    if len(typed) > 1:
        command = click.get_current_context().info_name
        said = [" ".join(map(shell_word, each)) for each in typed.values() if len(each) <= _MOST_REPEATED]
        commands = ", then ".join(f"`rekall {command} {each} …`" for each in said)
        every = commands if len(said) == len(typed) else "`rekall -b NAME search …` finds those of one"
        raise UsageError(_live_apart(app, typed), f"name those of one base at a time: {every}")
    return next(iter(typed), None) or Home(app.open_base()), list(things)


def joined(app: App, names: Sequence[str]) -> tuple[Home, list[str]]:
    """The ids of entries that are to hang together, as many as names, in the base that all of them live in.

    Raises:
        NotFound, Ambiguous, StorageError: As `located` does.
        UsageError: They live in different bases, where nothing can hang together.
    """
    places = [located(app, name, entry_id) for name in names]
    _check_one_home(app, names, places)
    return places[0][0] if places else Home(app.open_base()), [found for _, found in places]


def beside(app: App, home: Home, entry: str, name: str) -> str:
    """The id of an entry that a person named and that is to hang together with one that was found; raises as `joined` does."""
    there, other = located(app, name, entry_id)
    _check_one_home(app, (_short(app, home, [entry])[entry], name), ((home, entry), (there, other)))
    return other


def in_base(app: App, where: str, names: Sequence[str]) -> list[str]:
    """The ids of entries that a person named of one base, each once.

    Raises:
        NotFound, Ambiguous, StorageError: As `located` does.
        UsageError: One lives in another base.
    """
    base = app.open_base(where)
    found: dict[str, None] = {}
    for name in spread(names):
        missing: NotFound | None = None
        if base_in_list(app, name) in ("", where):
            try:
                found[entry_id(app, base, name)] = None
                continue
            except NotFound as error:
                missing = error
        try:
            home, _ = located(app, name, entry_id)
        except NotFound as error:
            raise missing or error from None
        lives = home.name or app.in_use
        end = f"--from {lives}" if lives != OWN else "--to NAME"
        copies = f"`rekall {'take' if lives != OWN else 'share'} {shell_word(name)} {end}` copies from there"
        raise UsageError(f"{_shown(name)} lives in {called(lives)}, not in {called(where)}", copies)
    return list(found)


def short_ids(app: App, hits: Sequence[Hit]) -> dict[str, str]:
    """The ids by which hits of several bases are shown: one of another base that names an entry here, too, is shown whole."""
    short: dict[str, str] = {}
    for name in sorted({hit.base for hit in hits}, reverse=True):  # the one in use last: its ids are the shortest
        ids = [each.id for hit in hits if hit.base == name for each in (hit.entry, hit.successor) if each]
        short |= _short(app, Home(app.open_base(name), name), ids)
    return short


def _short(app: App, home: Home, ids: Sequence[str]) -> dict[str, str]:
    """The ids by which entries of a base are shown beside those of the one in use."""
    shown = home.base.short_ids(ids)
    if not home.name:
        return shown
    here = app.open_base()
    return {found: found if _names_one(here, end, found) else end for found, end in shown.items()}


def _names_one(base: KnowledgeBase, end: str, entry_id: str) -> bool:
    """Whether an id's end names another entry of a base."""
    try:
        return base.get(end).entry.id != entry_id
    except Ambiguous:
        return True
    except NotFound:
        return False


def _live_apart(app: App, typed: dict[Home, list[str]]) -> str:
    """What lives where, as it was typed."""
    where = []
    for home, names in typed.items():
        shown = " and ".join(in_a_row(printable(name)) for name in names)
        counted = shown if len(names) <= _MOST_REPEATED else f"{len(names):,} of them"
        where.append(f"{counted} in {called(home.name or app.in_use)}")
    return f"these entries live in different bases: {', '.join(where)}"


def _check_one_home(app: App, names: Sequence[str], places: Sequence[tuple[Home, str]]) -> None:
    homes = dict.fromkeys(home for home, _ in places)
    if len(homes) > 1:
        typed = {each: [name for name, (home, _) in zip(names, places) if home == each] for each in homes}
        raise UsageError(_live_apart(app, typed), _how_to_join(app, names, places))


def _how_to_join(app: App, names: Sequence[str], places: Sequence[tuple[Home, str]]) -> str:
    """What brings entries into the base in use, and what is typed then: ids, as a number stays one of the other base."""
    copies, again = [], []
    for name, (home, found) in zip(names, places):
        short = _short(app, home, [found])[found]
        again.append(short if home.name else shell_word(name))
        if not home.name:
            continue
        copies += [] if home.name == OWN else [f"`rekall take {short} --from {home.name}`"]
        copies += [] if app.in_use == OWN else [f"`rekall share {short} --to {app.in_use}`"]
    if len(names) > _MOST_REPEATED:
        return "`rekall take ENTRY… --from NAME` copies those of another base to your own"
    command = click.get_current_context().info_name
    return f"{', '.join(dict.fromkeys(copies))} first, then `rekall {command} {' '.join(again)} …`"


def _out_of_reach(app: App, name: str, listed: str) -> NotFound:
    """The error for a number of a list of a base that is not asked."""
    said = f"entry {name.strip()} of the last list lives in {called(listed)}"
    if listed != OWN and listed not in [each.name for each in app.bases]:
        return NotFound(f"{said}, and no base has that name any more", "`rekall base list` shows those that have one")
    return NotFound(f"{said}, not in {called(app.in_use)}", f"`rekall -b {listed} …` works with it")


def called(name: str) -> str:
    """What a base is called in a sentence."""
    return "your own base" if name == OWN else name


def _shown(name: str) -> str:
    return repr(printable(name.strip()[:60]))
