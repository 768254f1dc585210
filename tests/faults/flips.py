"""Changes bits of the base, its log and of a model, and asks every command what it makes of it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faults.forking import forked
from faults.homes import TITLES, Home, steady_clock
from faults.judging import in_this_process
from faults.states import faults_of
from faults.tally import Tally

DOCUMENTED = (0, 2, 3, 4, 5, 6, 7)
"""How a command may end; 1 is an error that nobody expected."""

LOGGED = 4
"""Entries whose transactions stand in the log alone."""

KINDS = ("bit", "byte", "zeros", "noise", "cut")


@dataclass(frozen=True, slots=True)
class Flip:
    """One damage.

    Attributes:
        file: Which file of the home.
        kind: One of `KINDS`.
        at: Where it begins.
        size: How many bytes are hit; 0 for a single bit or a cut.
        seed: Chooses the bits.
    """

    file: str
    kind: str
    at: int
    size: int
    seed: int

    def apply(self, home: Path) -> None:
        """Do the damage."""
        chance = random.Random(self.seed)
        place = home / self.file
        data = bytearray(place.read_bytes())
        if self.kind == "bit":
            data[self.at] ^= 1 << chance.randrange(8)
        elif self.kind == "byte":
            data[self.at] ^= chance.randrange(1, 256)
        elif self.kind == "zeros":
            data[self.at : self.at + self.size] = bytes(len(data[self.at : self.at + self.size]))
        elif self.kind == "noise":
            data[self.at : self.at + self.size] = chance.randbytes(len(data[self.at : self.at + self.size]))
        else:
            del data[self.at :]
        place.write_bytes(data)


def flips(home: Path, file: str, seed: int, *, only: tuple[str, ...] = KINDS) -> Iterator[Flip]:
    """Endless damages of a file, always the same for a seed; small ones are likelier, and so is what is in use."""
    chance = random.Random(seed)
    data = (home / file).read_bytes()
    used = [at for at in range(0, len(data), 64) if any(data[at : at + 64])]
    while True:
        kind = chance.choice([each for each in ("bit", "bit", "byte", "byte", "zeros", "noise", "cut") if each in only])
        at = min(len(data) - 1, chance.choice(used) + chance.randrange(64))
        if chance.random() < 0.1:
            at = chance.randrange(min(100, len(data)))  # the header
        size = chance.choice((2, 16, 200, 4096)) if kind in ("zeros", "noise") else 0
        yield Flip(file, kind, at, size, chance.randrange(1 << 30))


def log_home(home: Home, to: Path) -> Home:
    """A copy of a home whose log holds changes that are not yet in the base, as after a kill."""
    made = home.copied(to)

    def change_and_die() -> None:
        from rekall.app import App
        from rekall.entry.fields import Draft
        from rekall.entry.types import EntryType

        steady_clock(1_000)
        base = App().open_base(to_write=True)
        for number in range(LOGGED):
            base.add(Draft(EntryType.TIL, f"In the log {number}", f"says logword{number}"))
        os.kill(os.getpid(), signal.SIGKILL)

    ended = forked(change_and_die, made.folder, made.environ())
    assert ended.was_killed, ended
    assert (made.home / "rekall.db-wal").stat().st_size
    return made


def commands(home: Home, out: Path) -> list[tuple[str, tuple[str, ...]]]:
    """What is asked of a damaged base, in this order."""
    some = home.ids[TITLES[0]]
    return [
        ("list", ("list", "--all", "--json")),
        ("show", ("show", some, "--json")),
        ("search words", ("search", "--mode", "words", "--json", "sequential scan")),
        ("search", ("search", "--json", "cookies in safari")),
        ("similar", ("similar", some, "--json")),
        ("export", ("export", str(out / "all.jsonl"), "--json")),
        ("stats", ("stats", "--json")),
        ("index status", ("index", "status", "--json")),
        ("restore", ("restore", "--json")),
        ("check", ("check", "--json")),
        ("add", ("add", "til", "Added to a damaged base", "-c", "says afterword", "--json")),
        ("check --repair", ("check", "--repair", "--json")),
        ("list repaired", ("list", "--all", "--json")),
        ("check repaired", ("check", "--json")),
        ("add repaired", ("add", "til", "Added to a repaired base", "-c", "says afterword", "--json")),
    ]


def try_flips(home: Home, found: Iterator[Flip], count: int, scratch: Path, kind: str) -> Tally:
    """Try so many damages on copies of a home."""
    tally = Tally(kind)
    place = scratch / "damaged"
    whole = entries_of(_asked(home, _fresh(home, place), scratch)["list"])
    for _ in range(count):
        flip = next(found)
        flip.apply(_fresh(home, place))
        answers = _asked(home, place, scratch)
        case = _Case(answers, whole, flip, tally)
        problems = list(case.broken())
        tally.count("broke" if problems else case.outcome())
        problems = problems or [*case.hidden(), *case.not_mended()]
        tally.problems += [f"{flip}: {problem}" for problem in problems]
    return tally


def _fresh(home: Home, place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    return Path(shutil.copytree(home.home, place))


Answers = dict[str, tuple[int, str, str]]


def _asked(home: Home, place: Path, scratch: Path) -> Answers:
    """What every command said, by name; one that did not end, or took the process with it, is there as such."""
    asked = commands(home, scratch)

    def ask() -> None:
        for name, arguments in asked:
            os.write(1, json.dumps([name, *in_this_process(arguments)]).encode() + b"\n")
            if name == "check --repair":
                os.write(1, json.dumps(["file", 0, "", "\n".join(faults_of(place))]).encode() + b"\n")

    ended = forked(ask, scratch, home.environ(place))
    lines = [json.loads(line) for line in ended.out.splitlines()]
    answers: Answers = {name: (code, out, err) for name, code, out, err in lines}
    missing = [name for name, _ in asked if name not in answers]
    if missing:
        said = "hung" if ended.hung else f"took the process with it ({ended.code})"
        answers[missing[0]] = (-1, "", f"{said}: {ended.err[-1500:]}")
    return answers


@dataclass
class _Case:
    """What a damaged home answered, beside what it held when it was whole."""

    answers: Answers
    whole: dict[str, str]
    flip: Flip
    tally: Tally

    def code(self, name: str) -> int:
        return self.answers[name][0]

    @property
    def is_log(self) -> bool:
        return self.flip.file.endswith("-wal")

    @property
    def listed(self) -> dict[str, str]:
        return entries_of(self.answers["list"])

    def broken(self) -> Iterator[str]:
        """Ends that no command may have."""
        for name, (code, out, err) in self.answers.items():
            if name != "file" and (code not in DOCUMENTED or "Traceback" in err + out):
                yield f"{name} ends with {code}: {err[-900:] or out[-600:]}"

    def hidden(self) -> Iterator[str]:
        """What list lacks, or shows changed, where nothing says so."""
        listed = self.listed
        wrong = sum(listed.get(id_, said) != said for id_, said in self.whole.items())
        gone = len(self.whole.keys() - listed.keys())
        if self.code("list"):
            return
        if self.is_log:  # as after a crash, what follows the damage never was: a beginning stays, whole
            titles = [f"In the log {number}" for number in range(LOGGED)]
            there = [any(f'"title": "{title}"' in said for said in listed.values()) for title in titles]
            if there != sorted(there, reverse=True) or wrong or gone > LOGGED:
                yield f"list lacks {gone} and changed {wrong} entries; of the log there are {there}"
        elif self.flip.kind in ("bit", "byte") and (wrong > 1 or gone) and not self.answers["list"][2].strip():
            self.tally.note("list said nothing of what it lacks")
            if self.code("check") == 0:
                yield f"list lacks {gone} and changed {wrong} entries, and neither list nor check says so"

    def not_mended(self) -> Iterator[str]:
        """What is wrong after a repair."""
        if not self.flip.file.startswith("rekall.db"):
            return
        if self.code("check --repair"):
            self.tally.note(f"not repaired, exit {self.code('check --repair')}")
            return
        for name in ("list repaired", "check repaired", "add repaired"):
            if self.code(name):
                yield f"after the repair, {name} ends with {self.code(name)}: {_said(self.answers[name])}"
        before, after, whole = self.listed, entries_of(self.answers["list repaired"]), self.whole
        texts = {_without_id(said) for said in after.values()}  # a damaged id is made anew
        lost = [
            id_
            for id_, said in before.items()
            if (id_ not in after and _without_id(said) not in texts) or (said == whole.get(id_) != after.get(id_))
        ]
        if lost:
            yield f"the repair lost or changed {len(lost)} entries that list could read"
        if self.answers["file"][2]:
            yield f"after the repair, {self.answers['file'][2]}"
        self.tally.note("entries read after the repair", len(whole.keys() & after.keys()))
        self.tally.note("entries there were", len(whole))

    def outcome(self) -> str:
        """How it came out, in words."""
        if self.code("list"):
            return "refused, and said why"
        if self.code("check"):
            return "answered, and check says what is wrong"
        if self.listed == self.whole:
            return "harmless"
        return "a beginning of the log" if self.is_log else "a text changed, which nobody can tell"


def _without_id(said: str) -> str:
    return json.dumps({name: value for name, value in json.loads(said).items() if name != "id"}, sort_keys=True)


def _said(answer: tuple[int, str, str]) -> str:
    """What a command said of a failure, in short."""
    _, out, err = answer
    found = [line.strip() for line in out.splitlines() if '"error"' in line or '"damage"' in line or '"text"' in line]
    return (err.strip() or " ".join(found) or out)[-500:]


def entries_of(answer: tuple[int, str, str]) -> dict[str, str]:
    """The entries a list shows, by id, each as one text."""
    if answer[0]:
        return {}
    found = json.loads(answer[1])["entries"]
    return {entry["id"]: json.dumps(entry, sort_keys=True) for entry in found if "afterword" not in entry["content"]}
