"""The parts of the harness, each with how much it does in full and within the tests."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from support import servers

from faults import (
    crafted,
    crowd,
    flips,
    fuzz_archives,
    fuzz_notes,
    fuzz_queries,
    fuzz_tools,
    points,
    random_kills,
    team,
    traced,
)
from faults.homes import Home, empty_home, filled_home, make_models
from faults.operations import Operation, operations
from faults.tally import Tally

SEED = 20261126

Part = Callable[[Path, bool], list[Tally]]
"""Does its work in a folder, all of it or a bounded form, and says what came of it."""


_only: list[str] = []
"""Words of which one stands in the name of a command that is tried; none tries all."""


def only_with(words: Sequence[str]) -> None:
    """Let the parts that try every command that writes try those with one of these words in their name."""
    _only[:] = words


def _chosen(folder: Path) -> list[Operation]:
    found = operations(make_models(folder / "models"))
    return [each for each in found if not _only or any(word in each.name.split() for word in _only)]


def _chosen_text() -> str:
    return f": {', '.join(_only)}" if _only else ""


def _home(folder: Path, name: str) -> Home:
    return filled_home(folder / name, make_models(folder / "models"))


def _each_operation(folder: Path, name: str, attempt: Callable[[points.Workshop], Tally], *, is_bounded: bool) -> Tally:
    """What came of an attempt at every command that writes; bounded, at every second, without the migrations between the oldest and newest."""
    whole = Tally(f"{name}{_chosen_text()}")
    found = _chosen(folder)
    migrations = [each.name for each in found if each.name.startswith("migrate")]
    tried = list(enumerate(found))
    if is_bounded:
        tried = [each for each in tried if each[1].name not in migrations[1:-1]][random.randrange(2) :: 2]
    for number, operation in tried:
        whole.add(attempt(points.Workshop(operation, folder / f"{name.split()[0]}{number}")))
    whole.note("commands", len(tried))
    return whole


def kills(folder: Path, is_bounded: bool) -> list[Tally]:
    """Kills before, and in the middle of, calls that change a file."""
    most = 2 if is_bounded else 42

    def attempt(workshop: points.Workshop) -> Tally:
        faults = list(points.kill_faults(workshop.reference.calls, most))
        if is_bounded:
            faults = [faults[place - 1] for place in points.spread_over(len(faults), 3)]
        return points.try_points(workshop, faults, "")

    return [
        _each_operation(
            folder, "kill -9 at calls that write, sync, truncate, rename, unlink", attempt, is_bounded=is_bounded
        )
    ]


def power(folder: Path, is_bounded: bool) -> list[Tally]:
    """A power loss: what was written and not synced is lost, or half of it."""
    most = 1 if is_bounded else 16

    def attempt(workshop: points.Workshop) -> Tally:
        return points.try_points(workshop, list(points.power_faults(workshop.reference.calls, most)), "")

    return [
        _each_operation(
            folder,
            "the power goes, and writes that were not synced are lost, all or half",
            attempt,
            is_bounded=is_bounded,
        )
    ]


def errors(folder: Path, is_bounded: bool) -> list[Tally]:
    """A full disk, and a broken one, from a call on or once."""

    def attempt(workshop: points.Workshop) -> Tally:
        faults = list(points.error_faults(workshop.reference.calls, 2 if is_bounded else 12))
        if is_bounded:  # other faults at other commands, always the same
            start = zlib.crc32(workshop.operation.name.encode()) % 6
            faults = faults[start::6]
        return points.try_points(workshop, faults, "")

    return [_each_operation(folder, "ENOSPC and EIO from such a call on, or once", attempt, is_bounded=is_bounded)]


def strace(folder: Path, is_bounded: bool) -> list[Tally]:
    """The same from outside."""
    reason = traced.why_not()
    if reason:
        return [Tally("the same by strace", notes={f"left out: {reason}": 1})]
    wanted = ("add", "import") if is_bounded else None
    whole = Tally(f"kills and errors by strace, in true processes{_chosen_text()}")
    for number, operation in enumerate(_chosen(folder)):
        if operation.tool or (wanted and operation.name not in wanted):
            continue
        whole.add(traced.try_traced(points.Workshop(operation, folder / f"strace{number}"), 2 if is_bounded else 4))
    return [whole]


def moments(folder: Path, is_bounded: bool) -> list[Tally]:
    """Kills at moments nobody chose."""
    rounds = (8, 2, 2, 2) if is_bounded else (200, 60, 80, 80)
    return [
        random_kills.try_writer(_home(folder, "writer"), SEED, rounds[0]),
        random_kills.try_imports(_home(folder, "imports"), SEED, rounds[1]),
        random_kills.try_switches(_home(folder, "switches"), SEED, rounds[2]),
        random_kills.try_server(_home(folder, "server"), SEED, rounds[3]),
    ]


def damage(folder: Path, is_bounded: bool) -> list[Tally]:
    """Flipped bits, zeros, noise and cuts."""
    home = _home(folder, "base")
    logged = flips.log_home(home, folder / "log")
    model = "models/tiny"
    found = []
    for kind, where, file, count, few in (
        ("damaged bases", home, "rekall.db", 420, 7),
        ("damaged logs", logged, "rekall.db-wal", 120, 3),
        ("damaged models: the table", home, f"{model}/table.npy", 60, 1),
        ("damaged models: the tokenizer", home, f"{model}/tokenizer.json", 40, 1),
        ("damaged models: the card", home, f"{model}/model.json", 40, 1),
    ):
        damages = flips.flips(where.home, file, SEED + len(found))
        found.append(flips.try_flips(where, damages, few if is_bounded else count, where.folder, kind))
    return found


def together(folder: Path, is_bounded: bool) -> list[Tally]:
    """Writers and readers at once."""
    return [crowd.try_crowd(_home(folder, "crowd"), 4 if is_bounded else 60)]


def queries(folder: Path, is_bounded: bool) -> list[Tally]:
    """Queries of all kinds."""
    return [fuzz_queries.try_queries(_home(folder, "queries"), SEED, 1_000 if is_bounded else 100_000)]


def notes(folder: Path, is_bounded: bool) -> list[Tally]:
    """Front matter of all kinds."""
    return [fuzz_notes.try_notes(_home(folder, "notes"), SEED, 75 if is_bounded else 5_000)]


def archives(folder: Path, is_bounded: bool) -> list[Tally]:
    """Archives of models."""
    return [fuzz_archives.try_archives(_home(folder, "archives"), SEED, 25 if is_bounded else 800)]


def tools(folder: Path, is_bounded: bool) -> list[Tally]:
    """Tool calls."""
    return [fuzz_tools.try_tools(_home(folder, "tools"), SEED, 100 if is_bounded else 5_000)]


def bases(folder: Path, is_bounded: bool) -> list[Tally]:
    """Bases that somebody crafted."""
    home = _home(folder, "crafted")
    scripts, rows = crafted.schemas(), crafted.values(SEED, 10 if is_bounded else 400)
    return [
        crafted.try_crafted(
            home, scripts[:: 12 if is_bounded else 1], "bases with triggers, views, tables of their own"
        ),
        crafted.try_crafted(home, rows, "bases with values that Rekall never writes"),
    ]


def team_bases(folder: Path, is_bounded: bool) -> list[Tally]:
    """A team's server killed, cut off, and without room."""
    if servers.missing():
        return [Tally("a team's base under writers", notes={f"left out: {servers.missing()}": 1})]
    models = make_models(folder / "models")
    kinds = ((team.try_kills, 1, 20), (team.try_cuts, 2, 60), (team.try_full_disk, 0, 10))
    return [
        attempt(empty_home(folder / f"team{number}", models), SEED + number, few if is_bounded else count)
        for number, (attempt, few, count) in enumerate(kinds)
        if few or not is_bounded
    ]


PARTS: dict[str, Part] = {
    "kills": kills,
    "power": power,
    "errors": errors,
    "strace": strace,
    "moments": moments,
    "damage": damage,
    "together": together,
    "queries": queries,
    "notes": notes,
    "archives": archives,
    "tools": tools,
    "bases": bases,
    "team": team_bases,
}
"""By the name that `make faults PART=...` takes."""
