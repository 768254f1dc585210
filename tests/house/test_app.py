"""Which base an application that stays has open."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.systems import not_on_windows

from rekall.app import App
from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType

pytestmark = pytest.mark.usefixtures("quick_model")


def titles(app: App) -> list[str]:
    return [entry.title for entry in app.open_base().list_entries(Filters(), None).entries]


def test_reading_before_anything_was_stored_makes_no_file(app, home):
    assert titles(app) == []
    assert not home.exists()


def test_what_another_process_stores_first_is_seen(app):
    assert titles(app) == []
    other = App()
    other.open_base(to_write=True).add(Draft(EntryType.TIL, "from elsewhere"))
    other.close()
    assert titles(app) == ["from elsewhere"]


@not_on_windows("a file that is open cannot be moved there")
def test_a_base_that_was_moved_away_is_not_written_to(app, home: Path):
    app.open_base(to_write=True).add(Draft(EntryType.TIL, "old"))
    for file in home.glob("rekall.db*"):
        file.rename(file.with_name(f"moved.{file.name}"))
    assert titles(app) == []
    app.open_base(to_write=True).add(Draft(EntryType.TIL, "new"))
    assert titles(app) == ["new"]
    other = App()
    assert titles(other) == ["new"]
    other.close()


def test_the_same_file_is_opened_once(app):
    base = app.open_base(to_write=True)
    base.add(Draft(EntryType.TIL, "one"))
    assert app.open_base() is base is app.open_base(to_write=True)
