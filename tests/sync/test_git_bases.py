"""Bases that meet over a git remote on the disk: at once, one after the other, and killed in between; all end the same."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import CHECKOUT, Bench, all_links, make_bench
from support.depth import IS_DEEP, tries
from support.git_folders import bare, committed, git, needs_git, settle_git
from support.systems import WINDOWS

from rekall.errors import InvalidInput
from rekall.sync.doing import Done, Wanted, synced
from rekall.sync.git_program import Git, Ran

pytestmark = needs_git

WORKER = """
import json, sys
from pathlib import Path
from support import make_bench
from support.syncing import no_waiting_for_the_disk
from rekall.errors import RekallError
from rekall.sync.doing import Wanted, synced

with no_waiting_for_the_disk():
    bench = make_bench(Path(sys.argv[1]))
    for line in sys.stdin:
        what, *rest = json.loads(line)
        if what == "sync":
            done = synced(bench.base.sync, Path(sys.argv[2]), Wanted())
            answer = done.git.problem.message if done.git.problem else ""
        elif what == "add":
            answer = bench.base.add("til", *rest).entry.id
        else:
            answer = bench.base.change(rest[0], **rest[1]).entry.id
        print(json.dumps(answer), flush=True)
"""


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle_git(tmp_path / "settings", monkeypatch)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A place with a remote, and clones `a` and `b` of it."""
    bare(tmp_path / "remote.git")
    for name in ("a", "b"):
        git(tmp_path, "clone", "-q", "remote.git", name)
        git(tmp_path / name, "remote", "set-url", "origin", "../remote.git")
        git(tmp_path / name, "config", "user.name", name.upper())
    return tmp_path


def said(bench: Bench) -> dict[str, tuple[Any, ...]]:
    """What every entry says, but for the time of its change."""
    links: dict[str, list[tuple[str, str]]] = {}
    for link in all_links(bench.store):
        links.setdefault(link.source, []).append((link.type.value, link.target))
    return {
        each.id: (each.title, each.content, each.solution, sorted(each.tags), sorted(links.get(each.id, [])))
        for each in bench.base.list_entries().entries
    }


def sync(bench: Bench, folder: Path) -> Done:
    done = synced(bench.base.sync, folder, Wanted())
    assert done.git is not None
    assert done.git.problem is None
    return done


class Worker:
    """A process that has a base and a clone, and does as it is told."""

    def __init__(self, place: Path, name: str) -> None:
        self.file = place / f"{name}.db"
        self.folder = place / name
        environ = {**os.environ, "PYTHONPATH": f"{CHECKOUT}{os.pathsep}{CHECKOUT / 'tests'}"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(self.file), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environ,
        )

    def tell(self, *words: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return str(json.loads(self.process.stdout.readline()))

    def does(self, *words: Any) -> str:
        self.tell(*words)
        return self.hear()


def test_what_is_refused_is_not_committed_either(tmp_path):
    bench, notes = make_bench(None), tmp_path / "notes"
    for number in range(12):
        bench.base.add("til", f"note {number}")
    assert synced(bench.base.sync, notes, Wanted(git=True)).git
    head = git(notes, "rev-parse", "HEAD")
    for path in sorted(notes.glob("*.md"))[:11]:
        path.unlink()
    with pytest.raises(InvalidInput, match="11 of 12"):
        synced(bench.base.sync, notes, Wanted())
    assert git(notes, "rev-parse", "HEAD") == head
    git(notes, "restore", ".")
    assert not synced(bench.base.sync, notes, Wanted()).report.changes
    assert bench.base.count() == 12


@pytest.mark.skipif(WINDOWS, reason="links need a right there")
def test_what_belongs_to_this_machine_alone_is_not_committed(tmp_path):
    bench, notes = make_bench(None), tmp_path / "notes"
    bench.base.add("til", "note")
    bench.base.add("til", "other")
    synced(bench.base.sync, notes, Wanted(git=True))
    head = git(notes, "rev-parse", "HEAD")
    moved = next(notes.glob("note*.md"))
    moved.rename(tmp_path / "away.md")
    moved.symlink_to(tmp_path / "away.md")
    (notes / "new.md").symlink_to(tmp_path / "away.md")
    for name in ("note.md~", "#note.md#"):
        (notes / name).write_text("what an editor leaves\n")
    done = synced(bench.base.sync, notes, Wanted())
    assert {each.why for each in done.report.refused} == {"it is a symbolic link"}
    assert git(notes, "rev-parse", "HEAD") == head


def test_two_processes_that_push_at_once_end_the_same_and_lose_nothing(shared):
    workers = [Worker(shared, name) for name in ("a", "b")]
    try:
        both = workers[0].does("add", "of both")
        for each in workers:
            assert each.does("sync") == ""
        written: set[str] = set()
        last: dict[str, str] = {}
        for number in range(tries(10, least=3)):
            for name, each in zip("ab", workers):
                own = f"{name} {number}"
                each.does("add", f"title {own}")
                each.does("change", both, {"add_tags": [own.replace(" ", "-")]})
                each.does("change", both, {"solution": f"solution {own}"})
                written |= {f"title {own}", own.replace(" ", "-")}
                last[name] = f"solution {own}"  # which each writes over their own one before
            for each in workers:
                each.tell("sync")
            assert [each.hear() for each in workers] == ["", ""]
        for each in (*workers, workers[0]):
            assert each.does("sync") == ""
    finally:
        for each in workers:
            assert each.process.stdin is not None
            assert each.process.stdout is not None
            each.process.stdin.close()
            each.process.wait(60)
            each.process.stdout.close()
    benches = [make_bench(each.file) for each in workers]
    ends = [said(each) for each in benches]
    for bench in benches:
        bench.base.close()
    assert ends[0] == ends[1]
    assert not [text for text in (*written, *last.values()) if text not in str(ends[0])]
    heads = {git(shared / name, "rev-parse", "HEAD") for name in ("a", "b")} | {
        git(shared / "remote.git", "rev-parse", "main")
    }
    assert len(heads) == 1


def test_an_edit_a_deletion_and_a_conflict_go_both_ways_with_their_authors(shared):
    one, two = (make_bench(shared / f"{name}.db") for name in ("a", "b"))
    kept, gone = (one.base.add("til", title, content="first").entry.id for title in ("kept", "gone"))
    sync(one, shared / "a")
    assert {change.title for change in sync(two, shared / "b").report.changes} == {"kept", "gone"}
    assert said(one) == said(two)

    one.base.change(kept, add_tags=["of-one"])
    two.base.change(kept, solution="of two")
    one.base.delete(gone)
    for bench, name in ((one, "a"), (two, "b"), (one, "a")):
        assert not sync(bench, shared / name).report.conflicts
    assert said(one) == said(two)
    assert said(one) == {kept: ("kept", "first", "of two", ["of-one"], [])}
    assert one.base.past.operations(1)[0].client == "B"
    assert {each.client for each in two.base.past.operations(9)} == {"", "A"}

    one.base.change(kept, solution="one says so")
    two.base.change(kept, solution="two says otherwise")
    sync(one, shared / "a")
    report = sync(two, shared / "b").report
    assert [(each.entry_id, each.fields) for each in report.conflicts] == [(kept, ("solution",))]
    assert two.base.get(kept).entry.solution == "two says otherwise"
    assert two.base.get(report.conflicts[0].kept_as).entry.solution == "one says so"
    sync(one, shared / "a")
    assert said(one) == said(two)
    assert [link.type.value for link in all_links(one.store)] == ["contradicts"]
    for bench, name in ((one, "a"), (two, "b")):
        done = sync(bench, shared / name)
        assert (done.report.changes, done.git.commits if done.git else 0) == ((), 0)
        bench.base.close()


def test_a_deletion_and_an_edit_at_once_keep_the_edit(shared):
    one, two = (make_bench(shared / f"{name}.db") for name in ("a", "b"))
    entry = one.base.add("til", "kept").entry.id
    sync(one, shared / "a")
    sync(two, shared / "b")
    one.base.delete(entry)
    two.base.change(entry, solution="still needed")
    for bench, name in ((one, "a"), (two, "b"), (one, "a"), (two, "b")):
        sync(bench, shared / name)
    assert said(one) == said(two)
    assert two.base.get(entry).entry.solution == "still needed"
    for bench in (one, two):
        bench.base.close()


def test_two_notes_of_one_name_are_two_notes(shared):
    one, two = (make_bench(shared / f"{name}.db") for name in ("a", "b"))
    sync(one, shared / "a")
    sync(two, shared / "b")
    for bench, name, text in ((one, "a", "buy milk"), (two, "b", "call mum")):
        (shared / name / "Todo.md").write_text(f"# Todo\n\n- {text}\n", "utf-8")
        assert not sync(bench, shared / name).report.conflicts
    sync(one, shared / "a")
    assert said(one) == said(two)
    assert sorted(each[1].rpartition("\n")[2] for each in said(one).values()) == ["- buy milk", "- call mum"]
    for bench in (one, two):
        bench.base.close()


def test_two_who_began_apart_with_the_same_entries_have_them_once(tmp_path):
    bare(tmp_path / "remote.git")
    first = make_bench(tmp_path / "a.db")
    entries = [first.base.add("til", f"note {number}").entry.id for number in range(3)]
    first.base.close()
    shutil.copy(tmp_path / "a.db", tmp_path / "b.db")
    benches = [make_bench(tmp_path / f"{name}.db") for name in ("a", "b")]
    for bench, name in zip(benches, "ab"):
        (tmp_path / name).mkdir()
        bench.base.change(entries[0], add_tags=[name])
        synced(bench.base.sync, tmp_path / name, Wanted(git=True))
        git(tmp_path / name, "remote", "add", "origin", "../remote.git")
    for bench, name in (*zip(benches, "ab"), (benches[0], "a")):
        sync(bench, tmp_path / name)
    assert said(benches[0]) == said(benches[1])
    assert set(said(benches[0])) == set(entries)
    assert said(benches[0])[entries[0]][3] == ["a", "b"]
    for bench in benches:
        bench.base.close()


@pytest.mark.skipif(WINDOWS, reason="needs a process that is forked and killed")
def test_a_sync_that_is_killed_before_or_after_any_call_of_git_is_made_good_by_the_next(shared, tmp_path):
    one, two = (make_bench(shared / f"{name}.db") for name in ("a", "b"))
    kept, gone, mine = (one.base.add("til", title).entry.id for title in ("kept", "gone", "mine"))
    sync(one, shared / "a")
    sync(two, shared / "b")
    two.base.change(kept, solution="of two")
    two.base.delete(gone)
    sync(two, shared / "b")
    one.base.change(kept, solution="of one")
    one.base.change(mine, add_tags=["tag"])
    for bench in (one, two):
        bench.base.close()
    calls = killed_at(copied(shared, tmp_path / "counted"), 10_000)
    assert calls > 30
    chance = random.Random()
    for call in sorted(chance.sample(range(1, calls + 1), calls if IS_DEEP else 2)):
        place = copied(shared, tmp_path / f"killed-{call}")
        killed_at(place, call)
        ends = []
        for name in ("a", "b", "a"):
            bench = make_bench(place / f"{name}.db")
            sync(bench, place / name)
            ends.append(said(bench))
            bench.base.close()
        assert ends[1] == ends[2], call
        assert {"of one", "of two"} == {each[2] for each in ends[1].values()} - {""}, call
        assert gone not in ends[1], call
        assert set(committed(place / "a")) == set(committed(place / "b")), call
        shutil.rmtree(place)


def copied(shared: Path, place: Path) -> Path:
    """Remote, clones and bases once more."""
    place.mkdir()
    for name in ("remote.git", "a", "b"):
        shutil.copytree(shared / name, place / name, symlinks=True)
    for file in shared.glob("*.db*"):
        shutil.copy(file, place / file.name)
    return place


def killed_at(place: Path, call: int) -> int:
    """Sync in a process that kills itself at so many calls of git, before every odd one and after every even one.

    Returns:
        How many calls it came to.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            count_calls(writing, call)
            bench = make_bench(place / "a.db")
            synced(bench.base.sync, place / "a", Wanted())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as counted:
        came_to = len(counted.read())
    os.waitpid(child, 0)
    return came_to


def count_calls(writing: int, call: int) -> None:
    really = Git.ran
    came_to = 0

    def ran(self: Git, *arguments: str, **options: Any) -> Ran:
        nonlocal came_to
        came_to += 1
        os.write(writing, b".")
        if came_to == call and call % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        found = really(self, *arguments, **options)
        if came_to == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    Git.ran = ran  # type: ignore[method-assign]  # in a process that ends here
