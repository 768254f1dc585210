"""What seems stale, and why: files, dates, versions, links and time, each only where it is known."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Bench

from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType, LinkType, Status
from rekall.knowledge.old_versions import Versions
from rekall.knowledge.past_dates import passed
from rekall.knowledge.review import Answer
from rekall.knowledge.stale import Around, Sign

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git here")


def add(bench: Bench, title: str = "a note", days: float = 0, kind: str = "til", **parts: Any) -> Entry:
    made = bench.clock.now() - timedelta(days=days)
    return bench.base.add(Draft(EntryType(kind), title, created_at=made, **parts)).entry


def reasons(
    bench: Bench, around: Around | None = None, filters: Filters | None = None
) -> dict[str, list[tuple[Sign, str]]]:
    found = bench.base.review.stale(around or Around(), filters or Filters(), None)
    assert found.total == len(found.entries)
    return {each.entry.title: [(reason.sign, reason.text) for reason in each.reasons] for each in found.entries}


def signs(bench: Bench, around: Around | None = None) -> dict[str, list[Sign]]:
    return {title: [sign for sign, _ in said] for title, said in reasons(bench, around).items()}


def test_nothing_is_stale_of_what_was_just_written(bench):
    add(bench, "Rails 4.2", confidence=0, content="valid until 2025-06", files=("a.py", "/no/such/folder/a.py"))
    assert reasons(bench) == {}


@pytest.mark.parametrize(("kind", "days", "is_old"), [("bug", 470, False), ("bug", 490, True), ("snippet", 490, False)])
def test_an_entry_is_old_by_its_type(bench, kind, days, is_old):
    add(bench, "a note", days, kind)
    assert signs(bench) == ({"a note": [Sign.OLD]} if is_old else {})


def test_the_worst_comes_first_and_no_more_than_asked_for(bench):
    add(bench, "old", 2000)
    add(bench, "older", 2100)
    add(bench, "unsure and old", 2000, confidence=1)
    found = bench.base.review.stale(Around(), Filters(), 2)
    assert ([each.entry.title for each in found.entries], found.total) == (["unsure and old", "older"], 3)
    assert found.entries[0].weight > found.entries[1].weight


def test_only_what_passes_the_filters_and_is_active_is_looked_at(bench):
    add(bench, "mine", 2000, project="mine")
    add(bench, "yours", 2000, project="yours")
    add(bench, "gone", 2000, project="mine", status=Status.OBSOLETE)
    assert list(reasons(bench, filters=Filters(project="mine"))) == ["mine"]
    assert reasons(bench, filters=Filters(status=Status.OBSOLETE)) == {}


def test_reasons_are_chosen(bench):
    add(bench, "both", 2000, confidence=0)
    assert signs(bench, Around(signs=frozenset({Sign.UNSURE}))) == {"both": [Sign.UNSURE]}
    assert signs(bench, Around(signs=frozenset({Sign.OLD_VERSION}))) == {}


def test_a_review_settles_what_a_person_can_know_until_it_is_due_again(bench):
    entry = add(bench, "old", 2000, confidence=1, content="valid until 2021-06")
    assert signs(bench) == {"old": [Sign.DATE_PASSED, Sign.UNSURE, Sign.OLD]}
    due_at = bench.base.review.answer(entry.id, Answer.HOLDS).due_at
    assert signs(bench) == {}
    bench.clock.elapsed_s = (due_at - NOW).total_seconds()
    assert signs(bench) == {"old": [Sign.UNSURE, Sign.OLD]}  # whoever said it holds has read the date
    bench.base.review.answer(entry.id, Answer.NEVER)
    bench.clock.elapsed_s *= 20
    assert signs(bench) == {}


# files


def git(folder: Path, *words: str) -> None:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    names = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True, env={**os.environ, **own})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "src" / "api").mkdir(parents=True)
    (folder / "docs").mkdir()
    for name in ("src/api/login.py", "src/pay.py", "docs/guide.md"):
        (folder / name).write_text(f"the text of {name}\n" * 20)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@needs_git
def test_files_that_are_gone_or_renamed_are_named(bench, checkout):
    add(
        bench,
        "a note",
        project="shop",
        files=("src/pay.py", "src/api/login.py:12", "docs/guide.md", "api/login.py", "guide.md"),
    )
    around = Around(checkout / "src", "shop")
    assert reasons(bench, around) == {}
    git(checkout, "mv", "src/pay.py", "src/payment.py")
    git(checkout, "commit", "-q", "-m", "rename")
    git(checkout, "mv", "src/payment.py", "src/api/paying.py")
    git(checkout, "rm", "-q", "docs/guide.md")
    git(checkout, "commit", "-q", "-m", "rename again")
    assert reasons(bench, around) == {
        "a note": [
            (Sign.FILE_GONE, "docs/guide.md is gone"),
            (Sign.FILE_GONE, "guide.md is gone"),
            (Sign.FILE_MOVED, "src/pay.py is now src/api/paying.py"),
        ]
    }


@needs_git
@pytest.mark.parametrize(
    "path",
    [
        "src/*.py",
        "https://example.org/a.py",
        "src",
        "api",
        "login.py",
        "./src/pay.py",
        "../other/a.py",
        "make test",
        "-v",
        "",
        "src/pay.py#L4-L9",
        "src/api/login.py(3)",
    ],
)
def test_what_is_there_or_no_path_of_a_file_is_not_gone(bench, checkout, path):
    add(bench, "a note", project="SHOP", files=(path or "x*",))
    found = reasons(bench, Around(checkout, "shop"))
    assert found == {}


@needs_git
def test_files_of_another_project_are_not_looked_for_here(bench, checkout):
    add(bench, "elsewhere", project="blog", files=("src/nothing.py",))
    add(bench, "nowhere", files=("src/nothing.py",))
    assert reasons(bench, Around(checkout, "shop")) == {}
    assert reasons(bench, Around(checkout, None)) == {}


def test_a_whole_path_is_looked_at_where_its_folder_is_there(bench, tmp_path):
    there = tmp_path / "there.txt"
    there.write_text("x")
    add(bench, "a note", files=(str(there), str(tmp_path / "gone.txt"), str(tmp_path / "no folder" / "gone.txt")))
    assert reasons(bench) == {"a note": [(Sign.FILE_GONE, f"{tmp_path / 'gone.txt'} is gone")]}


@needs_git
def test_a_note_that_was_imported_has_its_files_beside_it(bench, checkout):
    note = checkout / "docs" / "note.md"
    note.write_text("---\ntitle: imported\nfiles: [guide.md, src/pay.py, src/gone.py]\n---\ntext\n")
    bench.base.files.import_paths(note)
    assert reasons(bench) == {"imported": [(Sign.FILE_GONE, "src/gone.py is gone")]}
    note.unlink()
    assert signs(bench) == {"imported": [Sign.SOURCE_GONE]}
    shutil.rmtree(checkout)
    assert signs(bench) == {}


def test_no_git_and_no_repository_are_no_error(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    add(bench, "a note", project="shop", files=("src/a.py", "a.py"))
    (tmp_path / ".git" / "objects").mkdir(parents=True)
    (tmp_path / ".git" / "refs").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    assert signs(bench, Around(tmp_path, "shop")) == {"a note": [Sign.FILE_GONE]}
    assert signs(bench, Around(tmp_path / "nowhere", "shop")) == {"a note": [Sign.FILE_GONE]}


# dates


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The flag is valid until 2025-06.", "valid until 2025-06"),
        ("TODO: drop the shim after March 2025", "TODO: drop the shim after March 2025"),
        ("the certificate expires on 1 May 2025, so", "expires on 1 May 2025"),
        ("EOL: 2024", "EOL: 2024"),
        ("End of life is Q3 2025", "End of life is Q3 2025"),
        ("frozen until May 12th, 2025", "until May 12th, 2025"),
        ("deadline 2025-02-28", "deadline 2025-02-28"),
        ("revisit in the end of 2024", "revisit in the end of 2024"),
        ("supported until at least October 2024", "until at least October 2024"),
        ("valid until 2023-12", None),  # before it was written
        ("valid until 2026-03", None),  # still to come
        ("until January 2026", None),
        ("since 2025-06 it works", None),
        ("`git log --until 2025-06-01` lists", None),
        ("```\nexpires 2025-06\n```", None),
        ("retry until 2024.5 MB are there", None),
        ("due by 2025-02-30", None),
        ("wait until 20250101120000", None),
        ("until", None),
    ],
)
def test_a_day_that_a_note_waits_for_has_passed(text, said):
    assert passed(text, datetime(2024, 6, 1, tzinfo=timezone.utc), NOW) == said


@given(st.text() | st.from_regex(r"(until|expires on|TODO after|EOL:) [0-9 a-zQ.:/-]{0,20}"))
def test_dates_of_any_text_are_read_or_not(text):
    found = passed(text, datetime(2000, 1, 1, tzinfo=timezone.utc), NOW)
    assert found is None or found.split()[0].lower() in text.lower()


# versions


def versioned(title: str, days: float, **parts: Any) -> Entry:
    moment = NOW - timedelta(days=days)
    return Entry(type=EntryType.TIL, title=title, id=f"{title:<26.26}", created_at=moment, updated_at=moment, **parts)


@pytest.mark.parametrize(
    ("title", "other", "later"),
    [
        ("Deploy with Python 3.8", "Python 3.12 in CI", "3.12"),
        ("Deploy with python3.8", "uses Python 3.12", "3.12"),
        ("Rails 4.2 and Delayed Job", "Rails 7", "7"),
        ("Install Node 12 on the runner", "nodejs 20.1", "20.1"),
        ("PostgreSQL 9.6 backups", "postgres:16 in docker", "16"),
        ("Ubuntu 18.04 image", "ubuntu 22.04", "22.04"),
        ("A cluster of Kubernetes 1.19", "k8s v1.27", "1.27"),
        ("Deploy with Python 3.11", "Python 3.12", None),  # the next one
        ("Walrus since Python 3.8", "Python 3.12", None),
        ("Needs Python 3.8+", "Python 3.12", None),
        ("Python >= 3.8 is needed", "Python 3.12", None),
        ("Upgrading from Python 3.8", "Python 3.12", None),
        ("Python 3.8 vs Python 3.9", "Python 3.12", None),
        ("New in Python 3.8: walrus", "Python 3.12", None),
        ("Listens on port 80", "port 8080", None),
        ("Chapter 2 of the book", "chapter 7", None),
        ("Step 1.2", "Step 3.4", None),
        ("RFC 2616 says", "RFC 7231", None),
        ("It took 1.5 seconds", "It took 9.5 seconds", None),
        ("A ratio of 1.2", "a ratio of 3.4", None),
        ("Notes of May 2019", "May 2024", None),
        ("Address 10.0.0.1", "address 10.9.9.9", None),
        ("Python 3.8 is 20.5 % slower", "Python 2.7", None),
        ("HTTP 404 on login", "HTTP 500", None),
    ],
)
def test_a_version_is_old_where_a_later_note_names_a_later_one(title, other, later):
    versions = Versions()
    one, two = versioned(title, 100), versioned(other, 10)
    versions.add(one)
    versions.add(two)
    found = versions.later_than(one)
    assert (found.later if found else None) == later
    assert versions.later_than(two) is None


def test_a_note_that_was_changed_after_the_other_is_not_old():
    versions = Versions()
    one, two = versioned("Python 3.8 here", 1), versioned("Python 3.12 there", 10)
    versions.add(one)
    versions.add(two)
    assert versions.later_than(one) is None


def test_tags_and_what_a_note_calls_the_present_count_and_the_rest_does_not():
    versions = Versions()
    versions.add(versioned("Python 3.13", 1))
    assert versions.later_than(versioned("by tag", 50, tags=("python3.8",)))
    assert versions.later_than(versioned("by text", 50, content="The server currently runs Python 3.8."))
    assert not versions.later_than(versioned("aside", 50, content="A friend used Python 3.8."))
    assert not versions.later_than(versioned("code", 50, content="```\ncurrently Python 3.8\n```"))


def test_the_files_of_a_project_name_versions(bench, tmp_path):
    (tmp_path / ".tool-versions").write_text("python 3.12.1\nnodejs 20.11.0\n")
    (tmp_path / "go.mod").write_text("module a\n\ngo 1.22\n")
    (tmp_path / "Dockerfile").write_text("FROM docker.io/postgres:16-alpine\n")
    (tmp_path / ".ruby-version").write_text("ruby-3.3.0\n")
    (tmp_path / ".git" / "objects").mkdir(parents=True)
    (tmp_path / ".git" / "refs").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    for title in ("Python 3.8 here", "Node 12 here", "Go 1.18 here", "Postgres 12 here", "Ruby 2.7 here"):
        add(bench, title, project="shop")
        add(bench, f"{title} as well", project="blog")
    found = reasons(bench, Around(tmp_path, "shop"))
    assert {title: text for title, [(_, text)] in found.items()} == {
        "Python 3.8 here": "it is about Python 3.8, and .tool-versions names 3.12.1",
        "Node 12 here": "it is about Node 12, and .tool-versions names 20.11.0",
        "Go 1.18 here": "it is about Go 1.18, and go.mod names 1.22",
        "Postgres 12 here": "it is about Postgres 12, and Dockerfile names 16",
        "Ruby 2.7 here": "it is about Ruby 2.7, and .ruby-version names 3.3.0",
    }


@given(st.text() | st.from_regex(r"(python|node|a|c\+\+)[ -v]?[0-9.+]{0,12}"), st.text())
def test_versions_of_any_text_are_read_or_not(one, other):
    versions = Versions()
    versions.add(versioned("x", 1, content=other))
    versions.add(versioned("y", 1, content=one))
    versions.later_than(versioned(one or "x", 10, content=other))


# links and searches


def test_what_builds_on_something_superseded_is_named(bench):
    note, old, new = add(bench, "note"), add(bench, "old way"), add(bench, "new way")
    bench.base.link(note.id, old.id, LinkType.DERIVED_FROM)
    assert reasons(bench) == {}
    bench.base.link(new.id, old.id, LinkType.SUPERSEDES)
    assert reasons(bench) == {"note": [(Sign.SUPERSEDED, "it builds on 'old way', which 'new way' supersedes")]}
    bench.base.link(note.id, new.id)
    assert reasons(bench) == {}


def test_a_link_to_what_is_obsolete_without_a_successor_is_no_reason(bench):
    note, old = add(bench, "note"), add(bench, "old way")
    bench.base.link(note.id, old.id)
    bench.base.deprecate(old.id)
    assert reasons(bench) == {}


@dataclass
class Log:
    """What was searched for."""

    begins: datetime | None
    seen: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def since(self) -> datetime | None:
        return self.begins

    def found(self, ids: Collection[str]) -> Mapping[str, object]:
        return {each: 1 for each in self.seen if each in ids}

    def opened(self, ids: Collection[str]) -> Mapping[str, object]:
        return {each: 1 for each in self.read if each in ids}


def test_what_no_search_has_found_is_named_once_enough_was_searched_for(bench):
    one, two, _ = add(bench, "found", 100), add(bench, "read", 100), add(bench, "neither", 100)
    add(bench, "too new", 80)
    log = Log(NOW - timedelta(days=200), [one.id], [two.id])
    assert signs(bench, Around(log=log)) == {"neither": [Sign.NEVER_FOUND]}
    log.begins = NOW - timedelta(days=80)
    assert signs(bench, Around(log=log)) == {}
    log.begins = None
    assert signs(bench, Around(log=log)) == {}
