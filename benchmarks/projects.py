"""What the soft boost of a project does: entries dealt out to ten projects, and queries asked from the judged note's own or another.

    python benchmarks/projects.py --data FOLDER [--queries N] [--keep FOLDER]

FOLDER is a BEIR set or holds several. For each way to search: nDCG@10 without a project, and what is won or lost where the
query comes from the project of its judged note, from another one, and from one taken at random.
"""

from __future__ import annotations

import argparse
import contextlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from judging import MODES, SEED, Bed, Opened, beds, copied, find_sets, opened, queries_of

from rekall.entry.filters import Filters
from rekall.knowledge.judged import Judged
from rekall.knowledge.measuring import ASKED, judge
from rekall.search.results import Mode
from rekall.store.sqlite import SqliteStore

PROJECTS = 10
WAYS = ("own", "another", "any")
HEAD = (
    "| set | " + " | ".join(f"{mode.value} | {' | '.join(f'{way} project' for way in WAYS)}" for mode in MODES) + " |"
)

Gained = Mapping[Mode, Mapping[str, float]]
"""nDCG@10 by the way to search: without a project, and what each of `WAYS` adds to that."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a BEIR set, or a folder of several")
    parser.add_argument("--queries", type=int, default=120, help="of each set (120)")
    parser.add_argument("--keep", type=Path, help="where the bases stay")
    options = parser.parse_args()
    print(HEAD)
    print("|" + "---|" * HEAD.count(" | ") + "---|")
    rows: list[Gained] = []
    with beds(find_sets(options.data), options.keep) as made:
        for bed in made:
            rows.append(measure(bed, options.queries))
            print(row(bed.name, rows[-1:]), flush=True)
    if len(rows) > 1:
        print(row("mean", rows))


def measure(bed: Bed, most: int) -> Gained:
    """The figures of a set, over a copy of its base in which every entry has a project."""
    with copied(bed.home) as home:
        projects = dealt(home / "rekall.db")
        with opened(bed, home) as each:
            of_name = {name: projects[entry_id] for entry_id, name in each.names.items()}
            return {mode: gained(each, queries_of(bed, most), of_name, mode) for mode in MODES}


def dealt(database: Path) -> dict[str, str]:
    """Give each entry one of the projects by chance; by its id."""
    chance = random.Random(SEED)  # noqa: S311
    with contextlib.closing(SqliteStore(database)) as store, store.transaction():
        projects = {entry_id: f"project-{chance.randrange(PROJECTS)}" for entry_id in store.entries.ids_in_order()}
        for entry_id, project in projects.items():
            store.db.run("UPDATE entry SET project = ? WHERE id = ?", (project, entry_id))
    return projects


def gained(each: Opened, queries: Sequence[Judged], of_name: Mapping[str, str], mode: Mode) -> dict[str, float]:
    """nDCG@10 without a project, and what a project adds to it."""
    chance = random.Random(SEED)  # noqa: S311
    found: dict[str, list[float]] = {"": [], **{way: [] for way in WAYS}}
    for query in queries:
        own = {of_name[name] for name, grade in query.grades.items() if grade > 0 and name in of_name}
        others = [name for number in range(PROJECTS) if (name := f"project-{number}") not in own]
        asked = {"": None, "own": chance.choice(sorted(own)), "another": chance.choice(others or sorted(own))}
        asked["any"] = f"project-{chance.randrange(PROJECTS)}"
        for way, near in asked.items():
            hits = each.base.search(query.text, Filters(), mode, ASKED, literal=True, near=near).hits
            found[way].append(judge(query, [each.names[hit.entry.id] for hit in hits]).ndcg)
    plain = fmean(found[""])
    return {way: fmean(values) - (plain if way else 0.0) for way, values in found.items()}


def row(name: str, rows: Sequence[Gained]) -> str:
    """A line of the table: a set, or the mean of several."""
    cells = [name]
    for mode in MODES:
        cells.append(f"{fmean(each[mode][''] for each in rows):.3f}")
        cells += [f"{fmean(each[mode][way] for each in rows):+.3f}" for way in WAYS]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
