"""Two people edit one entry: the second is told, and both changes are in it where they fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import Bench

from rekall.errors import EditConflict, NotFound


def test_different_fields_and_different_lines_are_merged(bench: Bench):
    old = bench.base.add("bug", "a pool", content="one\ntwo\nthree", tags=["db"]).entry
    bench.base.change(old.id, content="ONE\ntwo\nthree", add_tags=["java"])
    draft = replace(old.as_draft(), title="a pool leaks", content="one\ntwo\nTHREE", tags=("db", "pool"))
    done = bench.base.sync.edit(old, draft)
    assert sorted(done.theirs) == ["content", "tags"]
    now = bench.base.get(old.id).entry
    assert done.saved.entry == now
    assert (now.title, now.content, sorted(now.tags)) == ("a pool leaks", "ONE\ntwo\nTHREE", ["db", "java", "pool"])
    assert now.created_at == old.created_at


def test_one_place_changed_by_both_is_refused_and_named(bench: Bench):
    old = bench.base.add("bug", "a pool", content="the limit is 10").entry
    bench.base.change(old.id, content="the limit is 20")
    with pytest.raises(EditConflict, match="in the same place: content"):
        bench.base.sync.edit(old, replace(old.as_draft(), title="other", content="the limit is 30"))
    now = bench.base.get(old.id).entry
    assert (now.title, now.content) == ("a pool", "the limit is 20")


def test_what_supersedes_it_stays(bench: Bench):
    old, new = (bench.base.add("til", title).entry for title in ("old", "new"))
    bench.base.deprecate(old.id, new.id)
    bench.base.sync.edit(old, replace(old.as_draft(), title="older"))
    now = bench.base.get(old.id).entry
    assert (now.title, now.status.value, now.superseded_by) == ("older", "obsolete", new.id)


def test_an_entry_that_is_gone_is_said(bench: Bench):
    old = bench.base.add("til", "old").entry
    bench.base.delete(old.id)
    with pytest.raises(NotFound):
        bench.base.sync.edit(old, replace(old.as_draft(), title="older"))


def test_without_anybody_else_it_is_an_edit(bench: Bench):
    old = bench.base.add("til", "old").entry
    assert bench.base.sync.edit(old, replace(old.as_draft(), title="older")).theirs == ()
