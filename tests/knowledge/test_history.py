"""Every change keeps what was before, undoing goes back as a whole, and what is deleted for ever leaves no history."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from support import make_bench
from support.depth import IS_DEEP, tries

from rekall.entry.fields import Entry
from rekall.entry.types import LinkType
from rekall.errors import InvalidInput, NotFound, RekallError
from rekall.knowledge import versions
from rekall.knowledge.deltas import packed, saying, unpacked
from rekall.knowledge_base import KnowledgeBase
from rekall.store.past import Was
from rekall.system.long_work import under_way


def everything(base: KnowledgeBase) -> tuple[dict[str, Entry], frozenset[tuple[str, str, str, str]], frozenset[str]]:
    """What a base says: its entries, their links, and what can be restored."""
    entries = {entry.id: entry for entry in base.list_entries().entries}
    keys = base._store.entries.keys_of(entries).values()
    starting = base._store.links.starting_at(keys).values()
    links = {(one.source, one.target, one.type.value, one.reason) for of_one in starting for one in of_one}
    return entries, frozenset(links), frozenset(each.id for each in base.deleted(10_000))


def test_an_edit_keeps_what_was_before(bench):
    entry = bench.base.add("bug", "first", content="one\ntwo\nthree", tags=["a"]).entry
    bench.base.act_as("mcp", "a client")
    bench.base.change(entry.id, content="one\n2\nthree", tags=["b"])
    now, before = bench.base.past.states(entry.id)
    assert (now.said["content"], before.said["content"]) == ("one\n2\nthree", "one\ntwo\nthree")
    assert (now.operation.verb, now.operation.door, now.operation.client) == ("edit", "mcp", "a client")
    assert set(now.changed) == {"content", "tags"}
    assert before.operation.door == "python"


def test_an_edit_of_a_long_note_takes_a_hundred_bytes(bench):
    text = "\n".join(f"line {number} of a note, {number * 7919 % 1000}" for number in range(2000))
    entry = bench.base.add("til", "long", content=text).entry
    bench.base.change(entry.id, content=text.replace("line 1000 of", "line one thousand of"))
    (last, _) = bench.store.history.of(entry.id)
    assert last.was is Was.OTHER
    assert len(last.state) < 200


def test_an_earlier_version_comes_back_as_another_edit(bench):
    entry = bench.base.add("bug", "first", content="then").entry
    number = bench.base.past.operations(1)[0].number
    bench.base.change(entry.id, title="second", content="now")
    assert bench.base.past.put_version(entry.id, number).entry.content == "then"
    assert len(bench.base.past.states(entry.id)) == 3
    bench.base.past.undo()
    assert bench.base.get(entry.id).entry.title == "second"
    with pytest.raises(NotFound):
        bench.base.past.put_version(entry.id, 99)


def test_an_import_is_undone_as_a_whole_and_can_be_imported_again(bench, tmp_path: Path):
    mine = bench.base.add("til", "mine", content="stays").entry
    for number in range(450):  # several transactions
        (tmp_path / f"n{number}.md").write_text(f"# note {number}\n\nsee [[n{(number + 1) % 450}]]\n", "utf-8")
    assert bench.base.files.import_paths([tmp_path]).added == 450
    assert [each.verb for each in bench.base.past.operations(9)] == ["import", "add"]
    full = everything(bench.base)
    assert len(bench.base.past.undo().changes) == 450
    assert everything(bench.base) == ({mine.id: mine}, frozenset(), frozenset())
    bench.base.past.undo(bench.base.past.operations(1)[0].number)
    assert everything(bench.base) == full
    bench.base.past.undo()
    assert bench.base.files.import_paths([tmp_path]).added == 450


def test_an_import_that_changes_nothing_is_no_operation(bench, tmp_path: Path):
    (tmp_path / "a.md").write_text("# a\n\n[[b]]\n", "utf-8")
    (tmp_path / "b.md").write_text("# b\n", "utf-8")
    bench.base.files.import_paths([tmp_path])
    bench.base.files.import_paths([tmp_path])
    bench.base.files.import_paths([tmp_path], dry_run=True, overwrite=True)
    assert len(bench.base.past.operations(9)) == 1


def test_what_is_undone_done_again_and_undone_once_more_is_undone(bench):
    entry = bench.base.add("bug", "first").entry
    bench.base.change(entry.id, title="second")
    past = bench.base.past
    for number, title in enumerate(["first", "second", "first", "second", "first"], 2):
        past.undo(number)
        assert bench.base.get(entry.id).entry.title == title
        held = {each.number for each in past.operations(9) if each.undone_by is None}
        assert (2 in held) == (title == "second")
    assert past.undo().operation.number == 1
    assert past.plan(past.operations(1)[0].number).changes


def test_a_later_change_is_never_overwritten(bench):
    entry = bench.base.add("bug", "first").entry
    bench.base.change(entry.id, title="second")
    bench.base.change(entry.id, title="third")
    numbers = [each.number for each in bench.base.past.operations(9)]
    with pytest.raises(InvalidInput, match="changed since"):
        bench.base.past.undo(numbers[1])
    bench.base.past.undo()
    bench.base.past.undo()
    with pytest.raises(InvalidInput, match="changed since"):  # the edit before it is undone too
        bench.base.past.undo(bench.base.past.operations(9)[1].number)
    assert bench.base.get(entry.id).entry.title == "first"


def test_a_large_undo_says_how_far_it_is_and_stopped_it_leaves_all_as_it_was(bench, monkeypatch):
    monkeypatch.setattr(versions, "_READ_AT_ONCE", 20)
    with bench.base.past.as_one("import"):
        made = [bench.base.add("til", f"note {number}").entry.id for number in range(60)]
        for one, other in itertools.pairwise(made):
            bench.base.link(one, other)
    was, operations = everything(bench.base), bench.base.past.operations(9)
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if done == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.base.past.undo(tell=stop)
    assert (everything(bench.base), bench.base.past.operations(9)) == (was, operations)
    told.clear()
    bench.base.past.undo(tell=lambda done, total: told.append((done, total)))
    assert told == [(0, 60), (20, 60), (40, 60), (60, 60)]
    assert everything(bench.base) == ({}, frozenset(), frozenset())
    bench.base.past.undo(bench.base.past.last_undo())
    assert everything(bench.base) == was


def test_who_writes_waits_for_a_large_undo(tmp_path: Path):
    path = tmp_path / "rekall.db"
    base = make_bench(path).base
    said: list[str] = []

    def undo() -> None:
        base.past.undo(tell=lambda done, total: said.append(under_way(path)))

    with base.past.as_one("import"):
        for number in range(60):
            base.add("til", f"note {number}")
    undo()
    assert set(said) == {"undoing what was done to 60 entries"}
    base.add("til", "one more")
    said.clear()
    undo()
    assert set(said) == {""}
    base.close()


def test_what_an_import_adds_after_it_was_undone_is_an_operation_of_its_own(tmp_path: Path):
    here, there = (make_bench(tmp_path / "rekall.db").base for _ in range(2))
    with here.past.as_one("import", "notes"):
        here.add("til", "first")
        undone = there.past.undo()
        assert [change.title for change in undone.changes] == ["first"]
        here.add("til", "second")
        here.add("til", "third")
    done = [(each.verb, each.source, each.undone_by) for each in here.past.operations(9)]
    assert done == [("import", "notes", None), ("undo", "", None), ("import", "notes", undone.undone_by)]
    there.past.undo()
    assert everything(here)[0] == {}
    there.past.undo(undone.undone_by)
    assert [entry.title for entry in here.list_entries().entries] == ["first"]
    here.close()
    there.close()


def test_what_is_deleted_for_ever_has_no_history(bench):
    first = bench.base.add("bug", "zebracrossing", content="secretword").entry
    second = bench.base.add("til", "other").entry
    bench.base.link(first.id, second.id, "supersedes", "zebrareason")
    bench.base.change(first.id, content="else")
    bench.base.delete(first.id)
    bench.base.delete(first.id, forever=True)
    db = bench.store.db
    assert db.value("SELECT count(*) FROM version WHERE entry_id = ?", (first.id,)) == 0
    assert db.value("SELECT count(*) FROM link_version") == 0
    with pytest.raises(NotFound):
        bench.base.past.states(first.id)
    while bench.base.past.operations(1):
        try:
            bench.base.past.undo()
        except NotFound:
            break
    assert first.id not in everything(bench.base)[0]


def test_so_many_versions_stay_and_what_lost_one_cannot_be_undone(bench):
    entry = bench.base.add("bug", "0").entry
    for number in range(130):
        bench.base.change(entry.id, title=f"title {number}")
    assert len(bench.store.history.of(entry.id)) == 100
    oldest = bench.base.past.operations(500)[-2]
    assert not oldest.is_whole
    with pytest.raises(InvalidInput, match="still kept"):
        bench.base.past.undo(oldest.number)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
sayings = st.dictionaries(st.sampled_from("abcd"), st.one_of(texts, st.integers(), st.lists(texts, max_size=3)))


@settings(max_examples=tries(150))
@given(sayings, sayings)
def test_what_differs_leads_back(before, after):
    assert unpacked(packed(before, after), after) == before
    assert unpacked(packed(before, None), None) == before


def test_what_an_entry_says_is_read_as_it_was_said(bench):
    from rekall.knowledge.deltas import draft_of

    entry = bench.base.add(
        "bug", "t", content="c\n", tags=["x"], error_messages=["a, b"], files=["f"], project="P"
    ).entry
    assert bench.base.past._writer.new_entry(draft_of(saying(entry))) == entry


AT_ONCE = versions._READ_AT_ONCE
DEEP = 800
"""Histories of up to 15 steps that `make test-deep` tries."""


class Undone(RuleBasedStateMachine):
    """Any changes, and as many undoings: a base is each time what it was."""

    @initialize(at_once=st.sampled_from([1, 2, AT_ONCE]))
    def begin(self, at_once):
        versions._READ_AT_ONCE = at_once
        self.base = make_bench().base
        self.before: list[object] = []
        self.after: dict[int, dict[str, Entry]] = {}

    def teardown(self):
        versions._READ_AT_ONCE = AT_ONCE

    def known(self, at: int) -> str:
        ids = sorted(everything(self.base)[0])
        return ids[at % len(ids)]

    def does(self, change):
        was = everything(self.base)
        try:
            change()
        except RekallError:
            assert everything(self.base) == was
            return
        if everything(self.base) != was:
            self.before.append(was)
            self.note()

    def note(self):
        """What everything says after the last operation."""
        self.after[self.base.past.operations(1)[0].number] = everything(self.base)[0]

    @rule(text=st.text("ab \n", min_size=1, max_size=9))
    def add(self, text):
        self.does(lambda: self.base.add("til", f"t{text.strip()}", content=text))

    @precondition(lambda self: self.base.count())
    @rule(at=st.integers(0, 9), text=st.text("xy \n", max_size=9))
    def edit(self, at, text):
        self.does(lambda: self.base.change(self.known(at), content=f"{text}."))

    @precondition(lambda self: self.base.count() > 1)
    @rule(one=st.integers(0, 9), other=st.integers(0, 9), kind=st.sampled_from(LinkType))
    def link(self, one, other, kind):
        self.does(lambda: self.base.link(self.known(one), self.known(other), kind))

    @precondition(lambda self: self.base.count() > 1)
    @rule(ats=st.sets(st.integers(0, 9), max_size=2))
    def delete(self, ats):
        self.does(lambda: self.base.delete_all(sorted({self.known(at) for at in ats})))

    @rule()
    def restore(self):
        gone = sorted(each.id for each in self.base.deleted(99))
        if gone:
            self.does(lambda: self.base.restore(gone[0]))

    @precondition(lambda self: self.after and self.base.count())
    @rule(at=st.integers(0, 9), number=st.integers(0, 99))
    def bring_back(self, at, number):
        entry_id = self.known(at)
        there = [each for each in self.base.past.states(entry_id) if each.said is not None]
        version = there[number % len(there)]
        self.does(lambda: self.base.past.put_version(entry_id, version.number))
        now = self.base.past.states(entry_id)[0].said
        same = {name: value for name, value in version.said.items() if name not in ("updated_at", "status")}
        assert {name: now[name] for name in same} == same

    @precondition(lambda self: self.after)
    @rule(at=st.integers(0, 9))
    def look_back(self, at):
        """Every version of an entry says what the entry said after that operation."""
        ids = sorted({entry_id for entries in self.after.values() for entry_id in entries})
        entry_id = ids[at % len(ids)]
        for state in self.base.past.states(entry_id):
            if state.number in self.after:
                was = self.after[state.number].get(entry_id)
                assert (None if was is None else saying(was)) == state.said

    @precondition(lambda self: self.after)
    @rule(back=st.integers(1, 4))
    def undo_something(self, back):
        """What was done earlier is undone as a whole, or is refused and nothing changes."""
        operations = self.base.past.operations(back)
        was = everything(self.base)
        try:
            self.base.past.undo(operations[-1].number)
        except InvalidInput:
            assert everything(self.base) == was
            return
        self.note()
        self.before.clear()  # what undoing in order leads to is another past now
        self.base.past.undo(self.base.past.operations(1)[0].number)
        self.note()
        assert everything(self.base)[:2] == was[:2]

    @precondition(lambda self: self.before)
    @rule(again=st.booleans())
    def undo(self, again):
        now = everything(self.base)
        self.base.past.undo()
        was = self.before.pop()
        assert everything(self.base) == was
        self.note()
        if again:
            self.base.past.undo(self.base.past.operations(1)[0].number)
            assert everything(self.base)[0] == now[0]
            assert everything(self.base)[1] == now[1]
            self.before.append(was)
            self.note()


TestUndone = Undone.TestCase
TestUndone.settings = settings(
    max_examples=DEEP if IS_DEEP else 12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
