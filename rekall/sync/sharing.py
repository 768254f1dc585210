"""Copies of entries in another base: made, and brought up to date by what changed on either side since (docs/adr/0054).

A copy has the id of its original. What the giving side said last is remembered in one's own base, as what was agreed with a folder
is; from there the next copy merges by field. Only the side that is given something changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from rekall.entry import secrets
from rekall.errors import NotFound
from rekall.knowledge.recorded import Recorded
from rekall.knowledge.writing import EntryService
from rekall.store.agreements import Agreed, Folder
from rekall.sync.fields import kept_id, kept_state, merge
from rekall.sync.items import Item, Mine
from rekall.sync.reports import Refused
from rekall.sync.states import LINKS, SUCCESSOR, Pair, State, different, draft_of, pack, state_of, target_of, unpack
from rekall.sync.telling import Telling

if TYPE_CHECKING:
    from rekall.store.contract import Store

BESIDE = "base:"
"""Begins the id under which is remembered what was agreed with a base; a folder's has no colon."""


class Copying(str, Enum):
    """What became of an entry in the base that was given it."""

    ADDED = "added"
    CHANGED = "changed"
    SAME = "same"
    """It says all of it already."""


@dataclass(frozen=True, slots=True)
class Copied:
    """An entry that was copied, or brought up to date.

    Attributes:
        entry_id: The entry, the same in both bases.
        title: Its title.
        what: What became of it.
        fields: The fields that changed.
        ahead: Fields in which the base that was given it has changes of its own, which can be copied back.
        left_links: Links that were left out since their other ends are not there.
        kept_as: The entry that keeps what the other side said in a conflict; empty without one.
        conflicts: The fields that both changed in the same place.
        was_deleted: Whether it had been copied before, and was deleted since where it is now again.
    """

    entry_id: str
    title: str
    what: Copying
    fields: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    left_links: int = 0
    kept_as: str = ""
    conflicts: tuple[str, ...] = ()
    was_deleted: bool = False


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What copying did.

    Attributes:
        copied: One for each entry, in the order they were named.
        refused: What was left alone, and why.
        is_dry: Whether nothing was done, and this is what would be.
    """

    copied: tuple[Copied, ...] = ()
    refused: tuple[Refused, ...] = ()
    is_dry: bool = False


@dataclass(slots=True)
class _Plan:
    """What is to be told to a base, and what is agreed then."""

    items: list[Item] = field(default_factory=list)
    copied: dict[str, Copied] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    given: dict[str, State] = field(default_factory=dict)


class Sharing:
    """Copies between one's own base and another."""

    def __init__(self, own: EntryService, other: EntryService, name: str, place: str, person: str) -> None:
        """Copy nothing yet.

        Args:
            own: Changes entries of one's own base, which remembers what was agreed.
            other: Changes those of the other.
            name: What the other is called here.
            place: Where it lies: what was agreed with another one of that name counts for nothing.
            person: Who gives, for the history of the other.
        """
        self._own = own
        self._other = other
        self._name = name
        self._place = place
        self._person = person
        self._store: Store = own.store

    def share(self, ids: Sequence[str], *, is_dry: bool = False, with_secrets: bool = False) -> CopyReport:
        """Copy entries of one's own base to the other, or what changed in them here since.

        What the other side changed since stays, and is named. Where both changed the same place nothing is copied: `take` keeps both.

        Args:
            ids: Full ids.
            is_dry: Only say what would be done.
            with_secrets: Copy entries that hold what looks like a secret, too.

        Raises:
            NotFound: One of them is not in one's own base.
            StorageError: One of the bases cannot be used.
        """
        return self._copy(ids, self._own, self._other, is_shared=True, is_dry=is_dry, with_secrets=with_secrets)

    def take(self, ids: Sequence[str], *, is_dry: bool = False) -> CopyReport:
        """Copy entries of the other base to one's own, or what changed in them there since.

        What was changed here since stays, and is named. Where both changed the same place, one's own stays as it is, and an entry that
        contradicts it keeps what the other said. Raises as `share` does.
        """
        return self._copy(ids, self._other, self._own, is_shared=False, is_dry=is_dry, with_secrets=True)

    def _copy(
        self,
        ids: Sequence[str],
        giver: EntryService,
        taker: EntryService,
        *,
        is_shared: bool,
        is_dry: bool,
        with_secrets: bool,
    ) -> CopyReport:
        ids = list(dict.fromkeys(ids))
        given = _said(giver.store, ids)
        for entry_id in ids:
            if entry_id not in given:
                raise NotFound(f"no entry {entry_id!r}", "`rekall search` says of each hit in which base it lives")
        folder = self._folder()
        agreed = self._agreed(folder, ids)

        def planned() -> _Plan:
            planner = _Planner(
                taker.store, given, agreed, other=self._name, is_shared=is_shared, with_secrets=with_secrets
            )
            return planner.plan(ids)

        if is_dry:
            plan = planned()
            return CopyReport(tuple(plan.copied.values()), tuple(plan.refused), is_dry=True)
        recorded = cast("Recorded", taker.store)
        telling = Telling(taker, recorded.recorder.now)
        acting = recorded.acting(recorded.actor.door, self._person) if is_shared else nullcontext()
        verb, source = ("share", "") if is_shared else ("take", self._name)
        with acting, recorded.recorder.operation(verb, source), taker.store.transaction():
            plan = planned()
            told = {item.entry_id for item in telling.tell(plan.items)}
        failed = {item.entry_id for item in plan.items} - told
        for entry_id in failed:
            plan.copied.pop(entry_id)
            plan.given.pop(entry_id)
        self._agree(folder, plan.given)
        kept = {entry_id: names[0] for entry_id, names in telling.kept.items()}
        copied = [replace(each, kept_as=kept.get(each.entry_id, "")) for each in plan.copied.values()]
        return CopyReport(tuple(copied), (*plan.refused, *telling.refused))

    def _folder(self) -> Folder:
        """Under what one's own base remembers the other; its number is 0 before it does."""
        known = f"{BESIDE}{self._name}"
        found = (each for each in self._store.agreements.folders() if each.id == known)
        return next(found, Folder(0, known, self._place))

    def _agreed(self, folder: Folder, ids: Iterable[str]) -> dict[str, State]:
        """What was agreed of entries, as far as that is known."""
        if not folder.number or folder.place != self._place:
            return {}
        pairs = {each: unpack(data) for each, data in self._store.agreements.states(folder.number, ids).items()}
        return {each: pair.here for each, pair in pairs.items() if pair.here is not None}

    def _agree(self, folder: Folder, given: Mapping[str, State]) -> None:
        """Remember what was given."""
        if not given:
            return
        agreements = self._store.agreements
        now = cast("Recorded", self._store).recorder.now()
        with self._store.transaction():
            if folder.number and folder.place != self._place:
                agreements.drop_folder(folder.number)
                folder = replace(folder, number=0)
            folder = agreements.put_folder(replace(folder, place=self._place, synced_at=now))
            agreements.put(
                folder.number,
                [Agreed(each, each, "", "", pack(Pair(state, state))) for each, state in given.items()],
            )


class _Planner:
    """Decides what a base is to say of what it is given; the caller holds its transaction."""

    def __init__(
        self,
        store: Store,
        given: Mapping[str, State],
        agreed: Mapping[str, State],
        *,
        other: str,
        is_shared: bool,
        with_secrets: bool,
    ) -> None:
        self._store = store
        self._other = other
        self._given = given
        self._agreed = agreed
        self._is_shared = is_shared
        self._with_secrets = with_secrets
        ends = {end for state in given.values() for end in _ends(state)}
        self._there = set(store.entries.keys_of(ends)) | given.keys()

    def plan(self, ids: Sequence[str]) -> _Plan:
        """What is to be done."""
        plan = _Plan()
        have, entries = _said(self._store, ids), self._store.entries.by_ids(ids)
        for entry_id in ids:
            said = self._given[entry_id]
            given = _without_ends(said, self._there)
            title, left = str(given["title"]), len(said[LINKS]) - len(given[LINKS])
            if not self._with_secrets and secrets.found_in(draft_of(given, entry_id)):
                why = "it holds what looks like a secret"
                plan.refused.append(Refused(title, why, "take it out, or `--with-secrets` copies it all the same"))
                continue
            mine = have.get(entry_id)
            if mine is None:
                plan.items.append(Item(entry_id, title, "", None, "", here=given, there=given))
                was_deleted = entry_id in self._agreed
                plan.copied[entry_id] = Copied(entry_id, title, Copying.ADDED, left_links=left, was_deleted=was_deleted)
                plan.given[entry_id] = given
                continue
            agreed = self._agreed.get(entry_id)
            if agreed is not None:
                agreed = _without_ends(agreed, self._there | _ends(mine))
            merged = merge(agreed, agreed, mine, given)
            if merged.conflicts and self._is_shared:
                why = f"both sides changed the same place: {', '.join(merged.conflicts).replace('_', ' ')}"
                take = f"`rekall take {entry_id} --from {self._other}` keeps both; then share it again"
                plan.refused.append(Refused(title, why, take))
                continue
            changed = different(mine, merged.here)
            item = Item(entry_id, title, "", None, "", Mine(entries[entry_id], mine, frozenset()), merged.here)
            if merged.conflicts:
                kept = kept_state(entry_id, given, merged.conflicts)
                item.kept = ((kept_id(entry_id, given), kept, merged.conflicts),)
            if changed or item.kept:
                plan.items.append(item)
            plan.copied[entry_id] = Copied(
                entry_id,
                title,
                Copying.CHANGED if changed or item.kept else Copying.SAME,
                changed,
                different(merged.here, given),
                left,
                conflicts=merged.conflicts,
            )
            plan.given[entry_id] = given
        return plan


def _said(store: Store, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What entries say, with the links that start at them, at one moment."""
    with store.snapshot():
        entries = store.entries.by_ids(ids)
        links = store.links.starting_at(store.entries.keys_of(entries).values())
        return {each: state_of(entry, links.get(each, ())) for each, entry in entries.items()}


def _ends(state: State) -> set[str]:
    """The other entries that an entry names."""
    return {target_of(name) for name in state[LINKS]} | ({str(state[SUCCESSOR])} if state.get(SUCCESSOR) else set())


def _without_ends(state: State, there: set[str]) -> dict[str, Any]:
    """What an entry says without naming entries that are not there."""
    links = {name: reason for name, reason in state[LINKS].items() if target_of(name) in there}
    successor = str(state.get(SUCCESSOR) or "")
    return {**state, LINKS: links, SUCCESSOR: successor if successor in there else ""}
