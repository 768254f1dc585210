"""Kills at moments nobody chose: of a writer that says what it has done, of imports, of a change of models, of the server."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

from faults.conversation import Conversation
from faults.forking import HANG_S, Child, command, forked
from faults.homes import Home, large_jsonl
from faults.judging import in_this_process
from faults.states import State, faults_of, read_state
from faults.tally import Tally

Done = dict[str, str | None]
"""What each entry must say, by title; None is one that was deleted."""


def write_for_ever(seed: int, *, is_honest: bool = True, is_alone: bool = True) -> None:
    """Change a base until somebody ends it, and say on stdout what is about to be done, and what is done.

    Args:
        seed: Chooses what is done.
        is_alone: Otherwise there are other writers, whose entries it leaves to them.
        is_honest: Otherwise it says that it has done what it is about to do: the tests of the harness catch that.
    """
    from rekall.app import App
    from rekall.entry.filters import Filters

    chance = random.Random(seed)
    base = App().open_base(to_write=True)
    mine = "Mixed " if is_alone else f"Mixed {seed} "
    titles = {e.title: e.id for e in base.list_entries(Filters(), None).entries if e.title.startswith(mine)}
    bin_: list[tuple[str, str]] = []
    number = 0

    def say(word: str, title: str, said: str | None) -> None:
        os.write(1, json.dumps([word, title, said]).encode() + b"\n")

    while True:
        number += 1
        kind = chance.random()
        title, said = f"Mixed {seed} {number}", f"says mixedword{number}"
        if kind < 0.5 or len(titles) < 3:
            say("begin", title, said)
            if not is_honest:
                say("done", title, said)
            titles[title] = base.add("til", title, content=said).entry.id
        elif kind < 0.75:
            title = chance.choice(sorted(titles))
            say("begin", title, said)
            if not is_honest:
                say("done", title, said)
            base.change(titles[title], content=said)
        elif kind < 0.9 or not bin_:
            title = chance.choice(sorted(titles))
            said = None
            say("begin", title, said)
            bin_.append((title, titles.pop(title)))
            base.delete(bin_[-1][1])
        else:
            title, id_ = bin_.pop()
            saved = base.restore(id_)
            said = saved.entry.content  # said after it is done: a kill in between leaves it open
            titles[title] = id_
            say("restored", title, said)
            continue
        say("done", title, said)


def try_writer(home: Home, seed: int, rounds: int, *, is_honest: bool = True) -> Tally:
    """Kill a writer again and again; all it said is done must be there, and what it was about to do whole or not at all."""
    tally = Tally("kills of a writer that adds, edits, deletes and restores")
    chance = random.Random(seed)
    place = home.folder / "mixed"
    shutil.copytree(home.home, place)
    unhit = {name: fact for name, fact in read_state(place).facts.items() if name.startswith("entry:")}
    done: Done = {}
    for round_ in range(rounds):
        child = Child(lambda n=round_: write_for_ever(seed + n, is_honest=is_honest), home.folder, home.environ(place))
        _wait_for_lines(child.out, chance.randrange(1, 60))
        time.sleep(chance.random() * 0.004)
        ended = child.kill()
        last: tuple[str, str | None] | None = None
        for line in ended.out.splitlines():
            word, title, said = json.loads(line)
            if word == "begin":
                last = (title, said)
            else:
                done[title] = said
                tally.note("changes that were acknowledged")
                last = None
        tally.count("sound")
        tally.problems += [f"round {round_}: {each}" for each in _compare(place, done, last, unhit)]
        if ended.has_traceback:
            tally.problems.append(f"round {round_}: {ended.err[-800:]}")
    tally.problems += _of_rekall(home, place)
    return tally


def _wait_for_lines(file: Path, count: int) -> None:
    end = time.monotonic() + HANG_S
    while time.monotonic() < end and (not file.exists() or file.read_bytes().count(b"\n") < count):
        time.sleep(0.001)


def _compare(place: Path, done: Done, last: tuple[str, str | None] | None, unhit: dict[str, Any]) -> list[str]:
    """What is wrong with a base; what was being done may be seen either way, and is settled in `done`."""
    problems = faults_of(place)
    state = read_state(place)
    found = {
        name.removeprefix("entry:"): fact[0][1] for name, fact in state.facts.items() if name.startswith("entry:Mixed")
    }
    for title, said in done.items():
        if found.get(title) == said:
            continue
        if last is None and said is None and title in found:  # a restore that was done and not said
            done[title] = found[title]
        elif last and title == last[0] and found.get(title) == last[1]:
            done[title] = last[1]
        else:
            problems.append(f"{title} says {found.get(title)!r}, and {said!r} was acknowledged")
    for title in found.keys() - done.keys():
        if last and title == last[0] and found[title] == last[1]:
            done[title] = last[1]
        else:
            problems.append(f"{title} is there, and nobody said so: {found[title]!r}")
    problems += [f"{name} has changed" for name, fact in unhit.items() if state.facts.get(name) != fact]
    return problems


def _of_rekall(home: Home, place: Path) -> list[str]:
    """What Rekall itself says of a base in the end."""

    def look() -> int:
        return max(in_this_process(words)[0] for words in (["list"], ["search", "mixedword1"], ["check"]))

    ended = forked(look, home.folder, home.environ(place))
    return [] if ended.code == 0 else [f"list, search or check end with {ended.code}: {ended.text[-600:]}"]


def try_imports(home: Home, seed: int, rounds: int) -> Tally:
    """Kill imports; the next one completes what was begun, and nothing is there twice."""
    tally = Tally("kills of an import of 300 records")
    chance = random.Random(seed)
    file = large_jsonl(home.folder / "facts.jsonl", 300)
    began = time.monotonic()
    whole = _import_and_count(home, file, home.home)
    took = time.monotonic() - began
    before = read_state(home.home)
    if whole != 300:
        tally.problems.append(f"undisturbed, {whole} of 300 records are there")
    for round_ in range(rounds):
        place = home.folder / "importing"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(home.folder / "start", place)
        for _ in range(chance.randrange(1, 4)):
            child = Child(command(["import", str(file)]), home.folder, home.environ(place))
            time.sleep(chance.random() * took * 0.7)
            tally.count("killed" if child.kill().was_killed else "was done")
        problems = faults_of(place)
        count = _import_and_count(home, file, place)
        if count != 300:
            problems.append(f"the next import leaves {count} of 300 records")
        if _said(read_state(place)) != _said(before):
            problems.append("the next import leaves other entries than an undisturbed one")
        tally.problems += [f"round {round_}: {each}" for each in problems]
    return tally


def _said(state: State) -> dict[str, Any]:
    return {name: fact[0] for name, fact in state.facts.items() if not name.startswith("file:")}


def _import_and_count(home: Home, file: Path, place: Path) -> int:
    if place == home.home:
        shutil.copytree(place, home.folder / "start")
    ended = forked(command(["import", str(file)]), home.folder, home.environ(place))
    if ended.code or ended.has_traceback:
        return -1
    return sum(name.startswith("entry:Fact ") for name in read_state(place).facts)


def try_switches(home: Home, seed: int, rounds: int) -> Tally:
    """Kill changes of the model; searches answer, and the next change completes it."""
    tally = Tally("kills of a change of models")
    chance = random.Random(seed)
    place = home.folder / "switching"
    shutil.copytree(home.home, place)
    began = time.monotonic()
    first = forked(command(["model", "use", "third"]), home.folder, home.environ(place))
    took = time.monotonic() - began
    if first.code:
        tally.problems.append(f"undisturbed, it ends with {first.code}: {first.err[-900:]}")
    for round_ in range(rounds):
        name = ("second", "tiny", "third")[round_ % 3]
        child = Child(command(["model", "use", name]), home.folder, home.environ(place))
        time.sleep(chance.random() * took)
        tally.count("killed" if child.kill().was_killed else "was done")

        def look(name: str = name) -> None:
            codes = [in_this_process(words) for words in (["search", "cookies", "--json"], ["model", "use", name])]
            code, out, err = in_this_process(["search", "cookies", "--json"])
            if any(each[0] for each in codes) or code or json.loads(out)["mode"]["used"] != "hybrid":
                raise SystemExit(f"{codes} {code} {out[:500]} {err[-500:]}")

        ended = forked(look, home.folder, home.environ(place))
        problems = faults_of(place) + ([ended.err[-900:]] if ended.code else [])
        tally.problems += [f"round {round_}: {each}" for each in problems]
    return tally


def try_server(home: Home, seed: int, rounds: int) -> Tally:
    """Kill the server in the middle of a request; what it had answered is there, the rest is whole or not there."""
    tally = Tally("kills of the MCP server in a request")
    chance = random.Random(seed)
    place, scratch = home.folder / "serving", home.folder / "server"
    shutil.copytree(home.home, place)
    scratch.mkdir()
    done: Done = {}
    for round_ in range(rounds):
        talk = Conversation(home, place, scratch)
        sent: dict[int, tuple[str, str]] = {}
        for number in range(1, chance.randrange(2, 9)):
            sent[number] = (f"Mixed {round_} {number}", f"says serverword{number}")
            talk.call(number, "add", {"type": "til", "title": sent[number][0], "content": sent[number][1]})
            if chance.random() < 0.7:
                talk.await_answer(number)
        time.sleep(chance.random() * 0.02)
        talk.kill()
        for number, (title, said) in sent.items():
            if number in talk.answers and not talk.answers[number].get("result", {}).get("isError", True):
                done[title] = said
                tally.note("changes that were acknowledged")
        found = {n[6:]: f[0][1] for n, f in read_state(place).facts.items() if n.startswith("entry:Mixed")}
        problems = faults_of(place)
        problems += [
            f"{t} is {found.get(t)!r}, and {s!r} was acknowledged" for t, s in done.items() if found.get(t) != s
        ]
        for title, said in sent.values():
            if found.get(title) not in (None, said):
                problems.append(f"{title} is half there: {found[title]!r}")
            elif title in found:
                done[title] = said
        tally.count("sound")
        tally.problems += [f"round {round_}: {each}" for each in problems]
    tally.problems += _of_rekall(home, place)
    return tally
