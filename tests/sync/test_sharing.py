"""Copies of entries in another base: what is copied, what is merged later, and what is never forced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import Bench, make_bench
from support.bases import all_links

from rekall.entry.types import Status
from rekall.errors import NotFound
from rekall.sync.sharing import Copying, Sharing


@pytest.fixture
def own() -> Iterator[Bench]:
    made = make_bench()
    yield made
    made.base.close()


@pytest.fixture
def team() -> Iterator[Bench]:
    made = make_bench()
    yield made
    made.base.close()


@pytest.fixture
def copies(own: Bench, team: Bench) -> Sharing:
    return own.base.sync.beside(team.base.sync, "team", "/srv/team", "ann")


def says(bench: Bench, entry_id: str) -> tuple[str, str, tuple[str, ...]]:
    entry = bench.base.get(entry_id).entry
    return entry.title, entry.content, tuple(entry.tags)


def test_a_copy_has_the_id_and_says_the_same(own: Bench, team: Bench, copies: Sharing):
    entry = own.base.add("bug", "a pool", content="never closed", tags=["db"], solution="close it").entry
    (copied,) = copies.share([entry.id]).copied
    assert copied.what is Copying.ADDED
    theirs = team.base.get(entry.id).entry
    assert (theirs.title, theirs.content, theirs.tags, theirs.solution) == (
        entry.title,
        entry.content,
        entry.tags,
        entry.solution,
    )
    assert theirs.created_at == entry.created_at
    assert own.base.get(entry.id).entry == entry
    (again,) = copies.share([entry.id]).copied
    assert (again.what, again.fields, again.ahead) == (Copying.SAME, (), ())


def test_the_history_says_who_and_from_where(own: Bench, team: Bench, copies: Sharing):
    mine = own.base.add("bug", "mine").entry
    copies.share([mine.id])
    (operation, *_) = team.base.past.operations(1)
    assert (operation.verb, operation.client) == ("share", "ann")
    theirs = team.base.add("bug", "theirs").entry
    copies.take([theirs.id])
    (operation, *_) = own.base.past.operations(1)
    assert (operation.verb, operation.source, operation.client) == ("take", "team", "")


def test_what_one_side_changes_the_other_gets_when_it_is_copied_again(own: Bench, team: Bench, copies: Sharing):
    entry = own.base.add("bug", "a pool", content="one\ntwo\nthree", tags=["db"]).entry
    copies.share([entry.id])
    own.base.change(entry.id, title="a pool leaks")
    team.base.change(entry.id, add_tags=["java"], content="one\ntwo\nTHREE")
    (shared,) = copies.share([entry.id]).copied
    assert (shared.what, shared.fields) == (Copying.CHANGED, ("title",))
    assert sorted(shared.ahead) == ["content", "tags"]  # offered
    assert says(team, entry.id) == ("a pool leaks", "one\ntwo\nTHREE", ("db", "java"))
    assert says(own, entry.id) == ("a pool leaks", "one\ntwo\nthree", ("db",))  # and not forced
    (taken,) = copies.take([entry.id]).copied
    assert (sorted(taken.fields), taken.ahead) == (["content", "tags"], ())
    assert says(own, entry.id) == says(team, entry.id)
    team.base.change(entry.id, remove_tags=["db"])
    copies.take([entry.id])
    assert says(own, entry.id)[2] == ("java",)
    assert copies.share([entry.id]).copied[0].what is Copying.SAME


def test_taking_keeps_what_was_changed_here_and_offers_it(own: Bench, team: Bench, copies: Sharing):
    entry = team.base.add("bug", "a pool", content="one\ntwo\nthree").entry
    copies.take([entry.id])
    own.base.change(entry.id, content="ONE\ntwo\nthree")
    team.base.change(entry.id, content="one\ntwo\nTHREE")
    (taken,) = copies.take([entry.id]).copied
    assert taken.ahead == ("content",)
    assert says(own, entry.id)[1] == "ONE\ntwo\nTHREE"
    assert says(team, entry.id)[1] == "one\ntwo\nTHREE"
    copies.share([entry.id])
    assert says(team, entry.id)[1] == "ONE\ntwo\nTHREE"


def test_one_place_changed_by_both_is_not_shared_and_taken_beside(own: Bench, team: Bench, copies: Sharing):
    entry = own.base.add("bug", "a pool", content="the limit is 10").entry
    copies.share([entry.id])
    own.base.change(entry.id, content="the limit is 20")
    team.base.change(entry.id, content="the limit is 30")
    report = copies.share([entry.id])
    assert (report.copied, [each.path for each in report.refused]) == ((), ["a pool"])
    assert "content" in report.refused[0].why
    assert f"`rekall take {entry.id} --from team`" in report.refused[0].hint
    assert says(team, entry.id)[1] == "the limit is 30"
    (taken,) = copies.take([entry.id]).copied
    assert taken.conflicts == ("content",)
    assert says(own, entry.id)[1] == "the limit is 20"
    assert says(own, taken.kept_as)[1] == "the limit is 30"
    assert [link.type.value for link in all_links(own.store)] == ["contradicts"]
    (again,) = copies.take([entry.id]).copied
    assert (again.what, again.conflicts) == (Copying.SAME, ())
    copies.share([entry.id])
    assert says(team, entry.id)[1] == "the limit is 20"


def test_what_was_deleted_since_is_known_where_it_comes_back(own: Bench, team: Bench, copies: Sharing):
    entry = own.base.add("bug", "a pool").entry
    (first,) = copies.share([entry.id]).copied
    team.base.delete(entry.id)
    (again,) = copies.share([entry.id]).copied
    own.base.delete(entry.id)
    (taken,) = copies.take([entry.id]).copied
    assert [(each.what, each.was_deleted) for each in (first, again, taken)] == [
        (Copying.ADDED, False),
        (Copying.ADDED, True),
        (Copying.ADDED, True),
    ]


def test_links_come_along_where_their_ends_are_there(own: Bench, team: Bench, copies: Sharing):
    one, two, three = (own.base.add("til", title).entry.id for title in ("one", "two", "three"))
    own.base.link(one, two, "related", "why")
    own.base.link(one, three, "derived_from")
    report = copies.share([one, two])
    assert [each.left_links for each in report.copied] == [1, 0]
    assert [(link.source, link.target, link.reason) for link in all_links(team.store)] == [(one, two, "why")]
    (later,) = [each for each in copies.share([three, one]).copied if each.entry_id == one]
    assert later.left_links == 0
    assert {link.target for link in all_links(team.store)} == {two, three}
    assert {link.target for link in all_links(own.store)} == {two, three}


def test_what_supersedes_it_is_known_where_it_is_there(own: Bench, team: Bench, copies: Sharing):
    old, new = (own.base.add("til", title).entry.id for title in ("old", "new"))
    own.base.deprecate(old, new)
    copies.share([old])
    assert team.base.get(old).entry.status is Status.OBSOLETE
    assert team.base.get(old).entry.superseded_by is None
    copies.share([new, old])
    assert team.base.get(old).entry.superseded_by == new
    assert own.base.get(old).entry.superseded_by == new


def test_a_secret_stays_unless_it_is_wanted(own: Bench, team: Bench, copies: Sharing):
    entry = own.base.add("config", "a key", content="aws_access_key_id = AKIAQ3EGRK5V7LMN2XYZ").entry
    report = copies.share([entry.id])
    assert (report.copied, len(report.refused)) == ((), 1)
    assert team.base.count() == 0
    assert copies.share([entry.id], with_secrets=True).copied[0].what is Copying.ADDED


def test_nothing_is_done_dry(own: Bench, team: Bench, copies: Sharing):
    entry = own.base.add("til", "one").entry
    report = copies.share([entry.id], is_dry=True)
    assert (report.is_dry, [each.what for each in report.copied]) == (True, [Copying.ADDED])
    assert (team.base.count(), own.store.agreements.folders()) == (0, [])


def test_a_base_is_no_folder_that_is_synced(own: Bench, copies: Sharing):
    copies.share([own.base.add("til", "one").entry.id])
    assert own.base.sync.folders() == []


def test_what_was_agreed_with_another_base_of_the_name_counts_for_nothing(own: Bench, team: Bench, copies: Sharing):
    entry = own.base.add("til", "one", content="a").entry
    copies.share([entry.id])
    other = make_bench()
    moved = own.base.sync.beside(other.base.sync, "team", "/elsewhere", "ann")
    assert moved.share([entry.id]).copied[0].what is Copying.ADDED
    assert [folder.place for folder in own.store.agreements.folders()] == ["/elsewhere"]
    assert moved.share([entry.id]).copied[0].what is Copying.SAME
    other.base.close()


def test_an_entry_that_is_not_there_is_said(copies: Sharing):
    with pytest.raises(NotFound):
        copies.share(["01J9P7AAAAAAAAAAAAAAAAAAAZ"])


def test_many_are_one_operation(own: Bench, team: Bench, copies: Sharing):
    ids = [own.base.add("til", f"note {number}").entry.id for number in range(5)]
    copies.share(ids)
    assert [each.entry_id for each in copies.share(ids).copied] == ids
    team.base.past.undo()
    assert team.base.count() == 0
