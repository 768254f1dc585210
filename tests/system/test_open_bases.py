"""What a process has open follows the names of bases, and nothing is closed under work that may use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekall.bases import Bases, KnownBase
from rekall.errors import InvalidInput, NotFound
from rekall.open_bases import OpenBases


class Thing:
    def __init__(self, known: KnownBase) -> None:
        self.known = known
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "bases.toml"
    for name in ("ops", "team"):
        Bases(path).add(KnownBase(name, f"/{name}"))
    return path


@pytest.fixture
def opened(path: Path) -> OpenBases[Thing]:
    return OpenBases(lambda: path, Thing)


def test_one_is_opened_once_and_names_are_read_again_where_they_changed(opened: OpenBases[Thing], path: Path):
    assert opened.of("team") is opened.of("team")
    known = opened.known
    assert opened.known is known
    Bases(path).add(KnownBase("other", "/other"))
    assert opened.of("other").known.location == str(Path("/other").absolute())  # Windows adds a drive
    with pytest.raises(NotFound):
        opened.of("nobody")


def test_what_went_or_is_another_by_now_is_closed(opened: OpenBases[Thing], path: Path):
    team, ops = opened.of("team"), opened.of("ops")
    assert opened.follow("own") == []
    Bases(path).add(KnownBase("team", "/team", read_only=True))
    assert opened.follow("own") == ["team"]
    assert (team.is_closed, ops.is_closed) == (True, False)
    again = opened.of("team")
    assert again.known.read_only
    path.unlink()
    assert opened.follow("team") == ["ops"]  # the base in use stays
    assert (ops.is_closed, again.is_closed) == (True, False)


def test_names_that_cannot_be_read_take_nothing_away(opened: OpenBases[Thing], path: Path):
    team = opened.of("team")
    path.write_text("[team")
    with pytest.raises(InvalidInput):
        _ = opened.known
    assert opened.follow("own") == []
    assert opened.of("team") is team
    assert not team.is_closed


def test_what_went_is_closed_when_the_work_that_may_use_it_is_over(opened: OpenBases[Thing], path: Path):
    team = opened.of("team")
    with opened.work("ops"):
        with opened.work():
            Bases(path).remove("team")
            assert opened.follow("own") == ["team"]
            with opened.work():  # begun later: it cannot have it
                pass
            assert not team.is_closed
        assert not team.is_closed
    assert team.is_closed


def test_at_the_end_only_what_a_thread_is_at_stays_until_that_ends(opened: OpenBases[Thing]):
    team, ops = opened.of("team"), opened.of("ops")
    with opened.work("team"):
        opened.close()
        assert (team.is_closed, ops.is_closed) == (False, True)
    assert team.is_closed
