"""What a check says of the things around a base: backups, files, leftovers, the model."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from support import make_bench

from rekall.errors import ModelDamaged
from rekall.knowledge.checking import Around, Checker, Report
from rekall.models.contract import ModelIdentity
from rekall.store.base_file import SqliteBaseFile
from rekall.store.findings import Level

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / "rekall.db"


def fill(path: Path, count: int) -> None:
    bench = make_bench(path)
    for number in range(count):
        bench.base.add("bug", f"title {number}")
    bench.base.close()


def sound(name: str | None, fingerprint: str) -> ModelIdentity:
    return ModelIdentity(name or "default", fingerprint, 8)


def checker(
    path: Path,
    now: datetime = NOW,
    days: float = 30,
    model: Callable[[str | None, str], ModelIdentity] = sound,
) -> Checker:
    return Checker(
        SqliteBaseFile(path),
        Around(path, (path.parent, path.parent / "backups"), (path.parent / "secret",), days, model),
        lambda: now,
    )


def said(report: Report, topic: str) -> list[tuple[Level, str]]:
    return [(each.level, each.text) for each in report.findings if each.topic == topic]


def test_a_base_worth_a_backup_and_without_one_is_told_of_it(path):
    fill(path, 30)
    ((level, text),) = said(checker(path).check(), "backup")
    assert (level, text) == (Level.NOTE, "there is no backup of this base yet")


def test_a_new_base_and_a_small_one_are_left_in_peace(path):
    fill(path, 30)
    made = SqliteBaseFile(path).examine().since
    assert made is not None
    assert said(checker(path, made + timedelta(days=29)).check(), "backup") == []
    path.unlink()
    fill(path, 5)
    assert said(checker(path).check(), "backup") == []


def test_nobody_is_reminded_who_does_not_want_to_be(path):
    fill(path, 30)
    assert said(checker(path, days=0).check(), "backup") == []


def test_an_old_backup_is_worth_a_word_when_much_was_changed_since(path):
    fill(path, 3)
    copy, _ = SqliteBaseFile(path).back_up(None, 5, replace=False)
    later = copy.made_at + timedelta(days=40)
    ((level, text),) = said(checker(path, later).check(), "backup")
    assert level is Level.OK
    assert "40 days ago" in text
    old = copy.path.with_name("rekall-20200101T000000Z.db")
    copy.path.rename(old)
    fill(path, 30)
    ((level, text),) = said(checker(path).check(), "backup")
    assert level is Level.NOTE
    assert "since the last backup" in text


@pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX")
def test_files_that_others_may_read_are_named(path):
    fill(path, 1)
    assert said(checker(path).check(), "files")[0][0] is Level.OK
    secret = path.with_name("secret")
    secret.touch(0o600)
    assert said(checker(path).check(), "files")[0][0] is Level.OK
    secret.chmod(0o640)
    path.chmod(0o644)
    report = checker(path).check()
    assert said(report, "files")[0][0] is Level.NOTE
    named = next(each for each in report.findings if each.topic == "files").details
    assert {str(path), str(secret)} <= set(named)
    assert report.problems == 0


def test_what_dead_processes_left_is_named_and_swept_by_a_repair(path):
    fill(path, 1)
    left = path.parent / ".rekall.db.abcdefgh.part"
    left.mkdir()
    (left / "mended.db").write_bytes(b"x" * 100)
    os.utime(left / "mended.db", (1, 1))
    os.utime(left, (1, 1))
    assert said(checker(path).check(), "leftovers")[0][0] is Level.NOTE
    report = checker(path).repair()
    assert [each.path for each in report.swept] == [left]
    assert report.mended is None
    assert not left.exists()
    assert said(report, "leftovers") == []


def test_a_damaged_model_is_a_problem_that_a_repair_leaves(path):
    def damaged(name: str | None, fingerprint: str) -> ModelIdentity:
        assert name is not None
        raise ModelDamaged("a file of it is gone", "export it again")

    fill(path, 1)
    report = checker(path, model=damaged).repair()
    assert said(report, "model") == [(Level.PROBLEM, "a file of it is gone")]
    assert report.problems == 1
    assert report.mended is None


def test_without_a_base_the_rest_is_looked_at(path):
    report = checker(path).repair()
    assert report.problems == 0
    assert said(report, "base")[0][0] is Level.NOTE
    assert said(report, "model")[0][0] is Level.OK
    assert not path.exists()
