"""Three bases and one folder, changed in any order by any of them and by hand: all end equal, and no text is lost."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from support import all_links, make_bench
from support.depth import IS_DEEP

from rekall.entry.fields import Entry
from rekall.entry.types import LinkType
from rekall.errors import RekallError
from rekall.knowledge.deltas import saying
from rekall.knowledge_base import KnowledgeBase

WORD = re.compile(r"\bw\d+w\b")
"""A word that one change brings, and no other: what must not be lost is known by it."""
NAMES = ("ann", "ben", "cat")
wheres = st.integers(0, 2)
ats = st.integers(0, 30)


def said(entry: Entry) -> dict[str, object]:
    """What an entry says, without the time of its last change, which is each base's own."""
    return {name: value for name, value in saying(entry).items() if name != "updated_at"}


def everything(base: KnowledgeBase) -> tuple[dict[str, object], list[tuple[str, ...]]]:
    """The entries of a base and their links."""
    entries = {entry.id: said(entry) for entry in base.list_entries().entries}
    links = sorted((one.source, one.target, one.type.value, one.reason) for one in all_links(base._store))
    return entries, links


Words = dict[str, set[str]]
"""The words of each entry, or of each file."""


def words_of(base: KnowledgeBase) -> Words:
    """The words that the entries of a base hold. A link goes with either of its ends, and so does its reason."""
    return {entry_id: set(WORD.findall(repr(what))) for entry_id, what in everything(base)[0].items()}


class Synced(RuleBasedStateMachine):
    """What people do with three bases and their folder."""

    @initialize()
    def begin(self):
        self.place = Path(tempfile.mkdtemp(prefix="sync-machine-"))
        self.folder = self.place / "notes"
        self.folder.mkdir()
        self.benches = [make_bench(self.place / name / "rekall.db") for name in NAMES]
        self.bases = [each.base for each in self.benches]
        self.number = 0
        self.owed: set[str] = set()
        self.known_words: set[str] = set()

    def teardown(self):
        try:
            if hasattr(self, "bases"):
                self.settle()
        finally:
            for each in getattr(self, "benches", ()):
                each.store.close()
            if hasattr(self, "place"):
                shutil.rmtree(self.place)

    # what people do, and what they mean to lose by it

    def word(self) -> str:
        self.number += 1
        return f"w{self.number}w"

    def does(self, where: int, change) -> None:
        """A person changes a base: what was there before and is not after is meant to be gone."""
        before = words_of(self.bases[where])
        try:
            change(self.bases[where])
        except RekallError:
            assert words_of(self.bases[where]) == before
            return
        self.meant(before, words_of(self.bases[where]))

    def meant(self, before: Words, after: Words) -> None:
        """What a person took out of an entry is meant to be gone; what is new must stay. What comes back may be what another deletes."""
        gone = {word for each, words in before.items() for word in words - after.get(each, set())}
        there = set().union(*after.values()) if after else set()
        self.owed = (self.owed - gone) | (there - self.known_words)
        self.known_words |= there

    def written(self) -> Words:
        return {str(path): set(WORD.findall(path.read_text("utf-8"))) for path in self.notes()}

    def notes(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*.md") if ".rekall" not in path.parts)

    def by_hand(self, change) -> None:
        """A person changes a file."""
        before = self.written()
        change()
        self.meant(before, self.written())

    def known(self, where: int, at: int) -> Entry:
        entries = sorted(self.bases[where].list_entries().entries, key=lambda entry: entry.id)
        return entries[at % len(entries)]

    def has_entries(self, where: int) -> bool:
        return self.bases[where].count() > 0

    @rule(where=wheres, lines=st.integers(0, 4))
    def add(self, where, lines):
        text = "\n".join(f"line {self.word()}" for _ in range(lines))
        self.does(where, lambda base: base.add("til", f"About {self.word()}", content=text, tags=["all"]))

    @rule(where=wheres, at=ats, line=st.integers(0, 5), how=st.sampled_from(["change", "insert", "remove"]))
    def edit_text(self, where, at, line, how):
        if not self.has_entries(where):
            return
        entry = self.known(where, at)
        lines = entry.content.split("\n")
        place = line % len(lines)
        lines[place : place + (how != "insert")] = [] if how == "remove" else [f"line {self.word()}"]
        self.does(where, lambda base: base.change(entry.id, content="\n".join(lines)))

    @rule(where=wheres, at=ats, field=st.sampled_from(["title", "project", "solution", "situation"]))
    def edit_field(self, where, at, field):
        if self.has_entries(where):
            self.does(where, lambda base: base.change(self.known(where, at).id, **{field: f"some {self.word()}"}))

    @rule(where=wheres, at=ats, value=st.integers(0, 5))
    def edit_number(self, where, at, value):
        if self.has_entries(where):
            self.does(where, lambda base: base.change(self.known(where, at).id, confidence=value))

    @rule(where=wheres, at=ats, add=st.booleans())
    def edit_tags(self, where, at, add):
        if not self.has_entries(where):
            return
        entry = self.known(where, at)
        if add or not entry.tags:
            self.does(where, lambda base: base.change(entry.id, add_tags=[self.word()]))
        else:
            self.does(where, lambda base: base.change(entry.id, remove_tags=[entry.tags[at % len(entry.tags)]]))

    @rule(where=wheres, one=ats, other=ats, kind=st.sampled_from(LinkType), away=st.booleans())
    def link(self, where, one, other, kind, away):
        if not self.has_entries(where):
            return
        ends = self.known(where, one).id, self.known(where, other).id
        if away:
            self.does(where, lambda base: base.unlink(*ends))
        else:
            self.does(where, lambda base: base.link(*ends, kind, f"reason {self.number}"))

    @rule(where=wheres, at=ats)
    def delete(self, where, at):
        if self.has_entries(where):
            self.does(where, lambda base: base.delete(self.known(where, at).id))

    @rule(where=wheres, at=ats)
    def restore(self, where, at):
        gone = sorted(each.id for each in self.bases[where].deleted(99))
        if gone:
            self.does(where, lambda base: base.restore(gone[at % len(gone)]))

    @rule(where=wheres)
    def undo(self, where):
        self.does(where, lambda base: base.past.undo())

    @rule(at=ats)
    def move_file(self, at):
        found = self.notes()
        if found:
            path = found[at % len(found)]
            target = self.folder / f"moved{at % 3}" / f"renamed-{self.word()}.md"
            target.parent.mkdir(exist_ok=True)
            path.rename(target)

    @rule(at=ats)
    def edit_file(self, at):
        found = self.notes()
        if found:
            path = found[at % len(found)]
            self.by_hand(lambda: path.write_text(path.read_text("utf-8") + f"\nby hand {self.word()}\n", "utf-8"))

    @rule()
    def add_file(self):
        path = self.folder / f"hand-{self.word()}.md"
        self.by_hand(lambda: path.write_text(f"# By hand {self.word()}\n\nsays {self.word()}\n", "utf-8"))

    @rule(at=ats)
    def remove_file(self, at):
        found = self.notes()
        if found:
            self.by_hand(found[at % len(found)].unlink)

    @rule(at=ats)
    def copy_in_conflict(self, at):
        """What Syncthing leaves of a file that two machines changed."""
        found = [
            path for path in self.notes() if "sync-conflict" not in path.name and "\nid: " in path.read_text("utf-8")
        ]
        if found:
            path = found[at % len(found)]
            copy = path.with_name(f"{path.stem}.sync-conflict-20261127-{self.number:06}-ABCDEFG.md")
            text = path.read_text("utf-8") + f"\nelsewhere {self.word()}\n"
            self.by_hand(lambda: copy.write_text(text, "utf-8"))

    @rule(where=wheres)
    def sync(self, where):
        self.run(where)

    def run(self, where):
        report = self.bases[where].sync.run(self.folder, allow_many_deletions=True)
        assert not report.refused
        return report

    def settle(self):
        """Everybody syncs until nothing changes, which takes two rounds; then all is equal, and all that is owed is there."""
        for _ in range(2):
            for where in range(3):
                self.run(where)
        before = [everything(base) for base in self.bases], self.bytes()
        for where in range(3):
            report = self.run(where)
            assert not report.changes, (where, report.changes)
            assert not report.conflicts
        assert ([everything(base) for base in self.bases], self.bytes()) == before
        (first, second, third), _ = before
        assert first == second
        assert first == third
        lost = self.owed - set().union(*words_of(self.bases[0]).values(), set())
        assert not lost

    def bytes(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}

    @precondition(lambda self: self.number > 6)
    @rule()
    def all_sync(self):
        self.settle()


TestSynced = Synced.TestCase
TestSynced.settings = settings(
    max_examples=400 if IS_DEEP else 50, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
