"""A sync that ends anywhere, run again: both sides are what they would have been."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.bases import make_bench
from support.depth import IS_DEEP
from support.synced import Side, settle

from rekall.db import Database


class Killed(BaseException):
    """What a process that is gone does: nothing more."""


class Points:
    """Ends a run before or after one of its steps: a file that takes its place, one that goes, a transaction."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.at, self.count, self.is_dead = at, 0, False
        for name in ("replace", "unlink"):
            monkeypatch.setattr(os, name, self._stepped(getattr(os, name)))
        transaction = Database.transaction

        @contextlib.contextmanager
        def stepped(db: Database, *given: Any, **named: Any) -> Iterator[None]:
            if db._in_transaction():
                yield
                return
            self.step()
            with transaction(db, *given, **named):
                yield
                self.step()
            self.step()

        monkeypatch.setattr(Database, "transaction", stepped)

    def step(self) -> None:
        """Go on, or end."""
        if self.is_dead:
            raise Killed
        self.count += 1
        if self.count == self.at:
            self.is_dead = True
            raise Killed

    def _stepped(self, act: Any) -> Any:
        def stepped(*given: Any, **named: Any) -> Any:
            if str(given[0]).endswith(".opening"):  # the lock goes with its process
                return act(*given, **named)
            self.step()
            done = act(*given, **named)
            self.step()
            return done

        return stepped


def world(root: Path) -> list[Side]:
    """Two bases and a folder with something of everything still to do for the first."""
    folder = root / "notes"
    folder.mkdir(parents=True)
    both = [Side(make_bench(root / f"{name}.db"), folder) for name in "ab"]
    ids = {}
    for name in ("merged", "clash", "mine", "theirs", "gone here", "gone there", "back", "moved"):
        ids[name] = both[0].add(name, "first\nsecond\nthird", tags=["a"])
    both[0].bench.base.link(ids["mine"], ids["merged"], "supersedes", "newer")
    settle(*both)
    left, right = both
    right.bench.base.delete(ids["back"])
    right.bench.base.delete(ids["gone there"])
    settle(*both)
    left.bench.base.restore(ids["back"])
    left.change(ids["merged"], content="zero\nfirst\nsecond\nthird")
    right.change(ids["merged"], content="first\nsecond\n3rd", add_tags=["b"])
    left.change(ids["clash"], title="mine wins", solution="left")
    right.change(ids["clash"], title="theirs stays", solution="right")
    left.change(ids["mine"], add_tags=["left"])
    right.change(ids["theirs"], add_tags=["right"])
    left.bench.base.delete(ids["gone here"])
    left.add("new here", "text")
    right.add("new there", "text")
    right.bench.base.link(ids["theirs"], ids["mine"], "related", "see")
    right.sync()
    (folder / "sub").mkdir()
    moved = next(path for path in folder.glob("*.md") if ids["moved"] in path.read_text())
    moved.rename(folder / "sub" / "elsewhere.md")
    (folder / "by hand.md").write_text("# By hand\n\ntext\n")
    clash = next(path for path in folder.glob("*.md") if ids["theirs"] in path.read_text())
    copy = folder / f"{clash.stem}.sync-conflict-20261127-091500-ABCDEFG.md"
    copy.write_text(clash.read_text().replace("second", "2nd"))
    for side in both:
        side.bench.base.close()
    return both


def again(root: Path, made: int) -> list[Side]:
    """The bases of a copy of that world, opened, with clocks that go on."""
    both = [Side(make_bench(root / f"{name}.db"), root / "notes") for name in "ab"]
    for side in both:
        side.bench.clock.elapsed_s = 100.0
        side.bench.clock.made = made
    return both


def ended(root: Path, both: list[Side]) -> tuple[Any, Any]:
    settle(*both)
    says = both[0].says()
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted((root / "notes").rglob("*"))
        if path.is_file() and path.parent.name != "ids" and path.suffix != ".part"  # its process is alive
    }
    for side in both:
        side.bench.base.close()
    return says, files


def test_a_run_that_ends_at_any_step_is_made_up_for(tmp_path, monkeypatch):
    world(tmp_path / "first")
    template = tmp_path / "template"
    (tmp_path / "first").rename(template)  # else its copies would be folders of their own
    shutil.copytree(template, tmp_path / "whole")
    whole = ended(tmp_path / "whole", again(tmp_path / "whole", 50))
    step, is_over = 0, False
    while not is_over:
        step += 1 if IS_DEEP or step < 12 else 7
        root = tmp_path / f"killed-{step}"
        shutil.copytree(template, root)
        both = again(root, 50)
        with monkeypatch.context() as patch:
            points = Points(patch, step)
            with contextlib.suppress(Killed):
                both[0].sync()
            is_over = not points.is_dead
        for each in both:
            each.bench.base.close()
        both = again(root, 50)
        says, files = ended(root, both)
        assert says == whole[0], f"ended at step {step}"
        other = {*files.items()} ^ {*whole[1].items()}
        assert not other, f"ended at step {step}"
        shutil.rmtree(root)
    assert step > 40


def test_a_first_meeting_with_what_is_deleted_here_is_made_up_for_too(tmp_path, monkeypatch):
    folder = tmp_path / "first" / "notes"
    folder.mkdir(parents=True)
    side = Side(make_bench(tmp_path / "first" / "a.db"), folder)
    gone, _ = side.add("gone", "text"), side.add("stays", "text")
    side.bench.base.close()
    shutil.copy(tmp_path / "first" / "a.db", tmp_path / "first" / "b.db")
    both = again(tmp_path / "first", 50)
    both[0].sync()
    both[1].bench.base.delete(gone)
    for each in both:
        each.bench.base.close()
    template = tmp_path / "template"
    (tmp_path / "first").rename(template)
    step, is_over = 0, False
    while not is_over:
        step += 1
        root = tmp_path / f"killed-{step}"
        shutil.copytree(template, root)
        both = again(root, 50)
        with monkeypatch.context() as patch:
            points = Points(patch, step)
            with contextlib.suppress(Killed):
                both[1].sync()
            is_over = not points.is_dead
        for each in both:
            each.bench.base.close()
        both = again(root, 50)
        both[1].sync()
        assert [path.name[:5] for path in (root / "notes").glob("*.md")] == ["stays"], f"ended at step {step}"
        says, _ = ended(root, both)
        assert [state["title"] for state in says.values()] == ["stays"]
    assert step > 8
