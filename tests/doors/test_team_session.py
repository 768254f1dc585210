"""The session of docs/team.md, played on a real server: two people say and hear what stands there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import CHECKOUT, Ran
from support.servers import server

pytest.importorskip("psycopg")
sys.path.insert(0, str(CHECKOUT / "scripts"))

from team_session import DOCUMENT, environ_of, masked, played, service_file


def test_two_people_hear_what_the_document_says(
    rekall: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    running, name = server(), f"session_{os.getpid()}"
    running.run(
        "DROP ROLE IF EXISTS ada, bob",
        "CREATE ROLE ada SUPERUSER LOGIN",
        "CREATE ROLE bob LOGIN",
        f"CREATE DATABASE {name}",
    )
    conninfo = running.conninfo(name, options=f"-csearch_path={name}")
    monkeypatch.setenv("PGSERVICEFILE", str(service_file(tmp_path, conninfo)))

    def run(who: str, arguments: list[str]) -> str:
        for key, value in environ_of(tmp_path, who).items():
            monkeypatch.setenv(key, value)
        if who == "bob":
            running.run(f"GRANT {name}_writer TO bob", database=name)
        ran = rekall(*arguments)
        assert ran.code == 0, (arguments, ran)
        said = ran.out + ran.err.replace("\n\n", "\n")
        return said.replace(name, "rekall")

    text = DOCUMENT.read_text("utf-8")
    assert masked(played(text, run)) == masked(text)
    running.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_another_day_is_no_other_session():
    there, here = (
        f" 1  a title  bug  {when}  {entry}  likely" for when, entry in (("2026-11-27", "BJA0"), ("2031-01-02", "Q7TT"))
    )
    assert masked(there) == masked(here)
