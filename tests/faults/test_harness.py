"""The harness finds what it looks for: each of these breaks something on purpose, and must be caught."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import CHECKOUT

from faults.tally import Tally, rows, table
from faults.team import Said

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills, forks and replaces the calls of Linux"),
]


@pytest.fixture
def found(tmp_path: Path) -> Callable[[str], object]:
    """Runs a text in a process of its own with a home at hand, and gives what it writes to `say`."""

    def run(text: str) -> object:
        pytest.importorskip("safetensors")
        program = "\n".join([PROLOGUE.format(folder=str(tmp_path)), text])
        ran = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tests")]),
                "OPENBLAS_NUM_THREADS": "1",
            },
            check=False,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout.splitlines()[-1])

    return run


PROLOGUE = """
import json, os, sys
from pathlib import Path
import faults
faults.warm_up()
from faults import crowd, flips, points, random_kills
from faults.forking import Child, forked
from faults.homes import TITLES, filled_home, make_models
from faults.injecting import Fault, install
from faults.operations import operations
folder = Path({folder!r})
models = make_models(folder / "models")

def say(said):
    print(json.dumps(said))

def operation(name):
    return next(each for each in operations(models) if each.name == name)
"""


def test_a_writer_that_acknowledges_before_it_commits_is_caught(found):
    problems = found('say(random_kills.try_writer(filled_home(folder / "w", models), 7, 40, is_honest=False).problems)')
    assert any("was acknowledged" in problem for problem in problems)


def test_a_writer_that_keeps_its_word_is_not(found):
    tally = found(
        """
tally = random_kills.try_writer(filled_home(folder / "w", models), 7, 10)
say([tally.problems, tally.notes])
"""
    )
    assert tally[0] == []
    assert tally[1]["changes that were acknowledged"] > 50


def test_a_command_that_says_added_before_it_has_added_is_caught(found):
    problems = found(
        """
from rekall.knowledge_base import KnowledgeBase
add = KnowledgeBase.add
def hasty(self, *given, **more):
    print("added it already", flush=True)
    return add(self, *given, **more)
shop = points.Workshop(operation("add"), folder / "add")
KnowledgeBase.add = hasty
say(points.try_points(shop, list(points.kill_faults(shop.reference.calls, 6)), "").problems)
"""
    )
    assert any("said that it was done" in problem for problem in problems)


def test_a_command_that_does_half_of_it_is_caught(found):
    problems = found(
        """
from rekall.knowledge_base import KnowledgeBase
import apsw
from rekall.app import App
delete_all = KnowledgeBase.delete_all
def halves(self, ids, **more):
    connection = apsw.Connection(str(App().places.database))
    connection.executemany("UPDATE entry SET content = 'half way' WHERE id = ?", [(each,) for each in ids])
    connection.close()
    return delete_all(self, ids, **more)
shop = points.Workshop(operation("delete"), folder / "delete")
KnowledgeBase.delete_all = halves
say(points.try_points(shop, list(points.kill_faults(shop.reference.calls, 6)), "").problems)
"""
    )
    assert any("half way" in problem for problem in problems)


def test_another_entry_that_a_command_touches_is_caught(found):
    problems = found(
        """
from rekall.knowledge_base import KnowledgeBase
import apsw
from rekall.app import App
add = KnowledgeBase.add
def reckless(self, *given, **more):
    connection = apsw.Connection(str(App().places.database))
    connection.execute("UPDATE entry SET project = 'Other' WHERE title = ?", (TITLES[3],))
    connection.close()
    return add(self, *given, **more)
shop = points.Workshop(operation("add"), folder / "add")
KnowledgeBase.add = reckless
say(points.try_points(shop, [Fault("kill", 20)], "").problems)
"""
    )
    assert any("was not touched by the command" in problem for problem in problems)


def test_an_error_that_nobody_translates_is_caught(found):
    problems = found(
        """
import rekall.cli.main
def untranslated(error, *_):
    raise error
shop = points.Workshop(operation("add"), folder / "add")
rekall.cli.main._in_our_words = untranslated
say(points.try_points(shop, [Fault("EIO", 1)], "").problems)
"""
    )
    assert any("a traceback" in problem for problem in problems)


def test_a_command_that_hangs_is_ended_and_caught(found):
    ended = found(
        """
import time
ended = forked(lambda: time.sleep(600), folder, wait_s=0.3)
say([ended.hung, ended.was_killed])
"""
    )
    assert ended == [True, False]


def test_a_seed_means_the_same_home_and_the_same_damage(found):
    first, second = found(
        """
import hashlib, shutil
def made():
    home = filled_home(folder / "home", models)
    damages = flips.flips(home.home, "rekall.db", 5)
    said = [home.ids, hashlib.sha256(home.database.read_bytes()).hexdigest(), [repr(next(damages)) for _ in range(9)]]
    shutil.rmtree(home.folder)
    faults.homes._steps.clear()
    return said
say([made(), made()])
"""
    )
    assert first == second


def test_what_a_killed_child_said_is_all_there(found):
    """The harness of before read lines through a buffer, and lost those that came together."""
    lines = found(
        """
import signal
def work():
    for number in range(20_000):
        os.write(1, b"%d\\n" % number)
    os.kill(os.getpid(), signal.SIGKILL)
ended = Child(work, folder).wait()
say([ended.was_killed, ended.out.splitlines() == [str(n) for n in range(20_000)]])
"""
    )
    assert lines == [True, True]


def test_faults_reach_sqlite_and_python(found):
    met = found(
        """
import apsw
from rekall.system.files import write_atomically
def work(fault):
    install(fault)
    connection = apsw.Connection(str(folder / f"{fault.what}.db"))
    try:
        connection.execute("PRAGMA journal_mode = wal; CREATE TABLE a (b); INSERT INTO a VALUES (1)")
    except apsw.Error as error:
        os.write(1, type(error).__name__.encode() + b" ")
    connection.close()
    try:
        write_atomically(folder / "file", b"said")
    except OSError as error:
        os.write(1, str(error.errno).encode() + b" ")
    os.write(1, " ".join(fault.met).encode())
say([forked(lambda f=f: work(f), folder).out.split() for f in (Fault(), Fault("EIO", 1), Fault("ENOSPC", 1))])
"""
    )
    undisturbed, broken, full = met
    assert {"write", "sync", "make", "rename"} <= set(undisturbed)
    assert broken[:2] == ["IOError", "5"]
    assert full[1] == "28"


def test_a_change_that_is_acknowledged_before_it_is_synced_is_caught(found):
    problems = found(
        """
import re, sys
import rekall.db
source = Path(rekall.db.__file__).read_text("utf-8")
careless = source.replace('"FULL")', '"OFF")')
assert careless != source
exec(compile(careless, rekall.db.__file__, "exec"), rekall.db.__dict__)
import rekall.store.sqlite
rekall.store.sqlite.Database = rekall.db.Database
shop = points.Workshop(operation("add"), folder / "add")
say(points.try_points(shop, list(points.power_faults(shop.reference.calls, 40)), "").problems)
"""
    )
    assert any("said that it was done" in problem for problem in problems), problems


def test_what_is_tried_again_is_written_in_its_place_and_all_else_stays() -> None:
    order = ["kills", "moments"]
    first = table(
        "",
        [
            *rows("kills", [Tally("by calls", 1_200, {"after": 1_200})], 60),
            *rows("moments", [Tally("a", 1), Tally("b", 2)], 9),
        ],
        order,
    )
    assert table(first, [], order) == first
    assert first.splitlines()[-1] == "| all | | 1,203 | 0 | 69 | |"
    again = rows("kills", [Tally("by calls", 5, problems=["lost"]), Tally("by calls: undo", 3, {"before": 3})], 2)
    lines = table(first, again, order).splitlines()
    assert lines[2:4] == ["| kills | by calls | 5 | 1 | 2 | |", "| kills | by calls: undo | 3 | 0 | | 3 before |"]
    assert lines[4:-1] == first.splitlines()[3:-1]
    assert lines[-1] == "| all | | 11 | 1 | 11 | |"


def test_a_team_that_loses_or_invents_a_change_is_caught():
    lines = (
        ("begin", "one", "a"), ("done", "one", "a"),
        ("begin", "two", "b"), ("refused", "two", "b"),
        ("begin", "three", "c"), ("unknown", "three", "c"),
        ("begin", "one", "d"),
    )  # fmt: skip
    said = Said()
    said.take("\n".join(map(json.dumps, lines)))
    assert list(said.problems({"one": "a"})) == []
    assert list(said.problems({"one": "d", "three": "c"})) == []
    assert len(list(said.problems({"one": "a", "two": "b"}))) == 2
    assert len(list(said.problems({}))) == 1
    assert len(list(said.problems({"one": "old"}))) == 1
    assert len(list(said.problems({"one": "a", "four": "e"}))) == 1
