"""Names of bases beside one's own: what is kept of them, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import in_threads

from rekall.bases import Bases, KnownBase, checked_location, checked_name, is_server
from rekall.errors import InvalidInput, NotFound


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://ann:hunter2@db.example.com/notes",
        "POSTGRES://ann:hunter2@db.example.com/notes",
        "postgresql://ann:@db.example.com/notes",
        "postgresql://ann:hunter2@a:1,b:2/notes",
        "postgresql://db.example.com/notes?user=ann&password=hunter2",
        "postgresql://db.example.com/notes?pass%77ord=hunter2",
        "postgresql://db.example.com/notes?sslpassword=hunter2",
        "host=db password=hunter2",
        "host=db password = 'hunter2'",
        "password=hunter2 host=db",
        "service=team sslpassword=hunter2",
        "connect_timeout=3 password=hunter2",
        "host='db'password=hunter2",
        "postgresql://ann:p?hunter2@db/notes",
        "postgresql://ann:p#hunter2@db/notes",
        "postgresql://db/notes#?password=hunter2",
        "postgresql://db/notes;password=hunter2",
        "host=db scram_client_key=hunter2",
    ],
)
def test_a_password_is_refused_and_never_repeated(location: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_location(location)
    assert "hunter2" not in f"{refused.value.message} {refused.value.hint}"
    assert ".pgpass" in refused.value.hint


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://ann@db.example.com:5433/notes?sslmode=verify-full",
        "postgresql:///notes?host=/run/postgresql",
        "postgres://a:1,b:2/notes",
        "service=team",
        "host=db dbname=notes user=ann passfile=/home/ann/.pgpass",
    ],
)
def test_a_server_is_kept_as_it_was_named(location: str) -> None:
    assert is_server(location)
    assert checked_location(f" {location} ") == location


@pytest.mark.parametrize("location", ["mysql://ann:hunter2@db/notes", "postgresql:ann:hunter2@db/notes"])
def test_a_url_of_something_else_is_no_path_and_never_repeated(location: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_location(location)
    assert "hunter2" not in f"{refused.value.message} {refused.value.hint}"


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked_location("notes") == str(tmp_path / "notes")
    assert KnownBase("a", str(tmp_path / "notes")).file == tmp_path / "notes" / "rekall.db"
    assert KnownBase("a", str(tmp_path / "copy.db")).file == tmp_path / "copy.db"
    assert KnownBase("a", "service=team").file is None
    assert checked_location(r"C:\notes") == str(tmp_path / r"C:\notes")


@pytest.mark.parametrize("location", ["", "  ", "a\nb", "a\x7fb", "a\udc80b"])
def test_what_is_no_place_is_refused(location: str) -> None:
    with pytest.raises(InvalidInput):
        checked_location(location)


@pytest.mark.parametrize("name", ["", "own", "mine", "all", "none", "Team", "7up", "a b", "a.b", "-b", "x" * 33])
def test_a_name_is_a_word_in_small_letters(name: str) -> None:
    with pytest.raises(InvalidInput):
        checked_name(name)


def test_names_are_kept_and_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "config" / "bases.toml"
    assert not Bases(file)
    team = KnownBase("team", "postgresql://ann@db.example.com/notes")
    odd = KnownBase("odd", os.path.abspath('/tmp/a "b" \\ c 🐙 ü'), read_only=True)
    assert Bases(file).add(team) is False
    assert Bases(file).add(odd) is False
    assert list(Bases(file)) == [odd, team]
    assert Bases(file).of("odd") == odd
    assert Bases(file).add(KnownBase("team", "service=team")) is True
    assert Bases(file).remove("team").location == "service=team"
    assert list(Bases(file)) == [odd]
    with pytest.raises(NotFound, match="no base 'team'"):
        Bases(file).remove("team")


@pytest.mark.parametrize(
    "text",
    [
        "[team",
        "team = 3",
        "[team]\nlocation = 3",
        "[team]\nlocation = 'service=x'\nread_only = 'yes'",
        "[Team]\nlocation = 'service=x'",
        "[team]\nlocation = 'host=db password=hunter2'",
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bases.toml"
    file.write_text(text)
    with pytest.raises(InvalidInput) as refused:
        Bases(file)
    assert "bases.toml" in refused.value.message
    assert "hunter2" not in refused.value.message
    assert file.read_text() == text


def test_names_that_are_given_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "bases.toml"
    opened = [Bases(path) for _ in range(8)]
    assert not in_threads(8, lambda number: opened[number].add(KnownBase(f"b{number}", f"/{number}")))
    assert [each.name for each in Bases(path)] == [f"b{number}" for number in range(8)]
    assert not in_threads(7, lambda number: opened[number].remove(f"b{number}"))
    assert [each.name for each in Bases(path)] == ["b7"]
