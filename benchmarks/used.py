"""Whether a search would find better if entries that were read before gained a little: a log of clicks is simulated.

    python benchmarks/used.py --data FOLDER --keep FOLDER [--queries 300]

Of each BEIR set half of the queries are asked and clicked, and the other half is tested, twice: as it is, and after the interest has drifted,
so that the clicks are on what nobody asks for now. Four clicks in five go to what is relevant, the others to one of the first three hits; common
queries are asked often. The hits of a tested query are ordered again with weight × ln(1 + clicks) added to each score.
The last columns are nDCG@10 less that without it; the set's own queries are asked again, too, which a log knows and a test must not count.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from judging import SEED, Opened, beds, find_sets, opened, queries_of

from rekall.knowledge.judged import Judged
from rekall.search.measures import ndcg
from rekall.search.results import Mode

WEIGHTS = (0.01, 0.02, 0.05, 0.1)
_DEEP = 30
_RIGHT = 0.8

Scored = list[tuple[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a BEIR set, or a folder of several")
    parser.add_argument("--keep", type=Path, help="where the bases stay")
    parser.add_argument("--queries", type=int, default=300, help="of each set (300)")
    parser.add_argument("--set", dest="only", action="append", help="only sets of this name")
    options = parser.parse_args()
    print(f"| set | tested on | without | {' | '.join(f'{weight:+}' for weight in WEIGHTS)} |")
    print(f"|---|---|---|{'---|' * len(WEIGHTS)}")
    folders = [each for each in find_sets(options.data) if not options.only or each.name in options.only]
    gains: dict[str, list[list[float]]] = {}
    with beds(folders, options.keep) as made:
        for bed in made:
            with opened(bed) as each:
                for name, row in measured(each, queries_of(bed, options.queries)).items():
                    plain, *others = row
                    shown = " | ".join(f"{value - plain:+.4f}" for value in others)
                    print(f"| {bed.name} | {name} | {plain:.3f} | {shown} |", flush=True)
                    gains.setdefault(name, []).append([value - plain for value in others])
    for name, rows in gains.items():
        means = [sum(column) / len(column) for column in zip(*rows)]
        worst = [min(column) for column in zip(*rows)]
        print(f"| mean | {name} | | {' | '.join(f'{value:+.4f}' for value in means)} |")
        print(f"| worst | {name} | | {' | '.join(f'{value:+.4f}' for value in worst)} |")


def measured(bed: Opened, queries: Sequence[Judged]) -> dict[str, list[float]]:
    """nDCG@10 of the tested queries without a log, and with each weight, by what is tested."""
    chance = random.Random(SEED)  # noqa: S311
    shuffled = list(queries)
    chance.shuffle(shuffled)
    asked, tested = shuffled[: len(shuffled) // 2], shuffled[len(shuffled) // 2 :]
    found = {
        query.name: [
            (name, hit.score)
            for hit in bed.ask(query.text, Mode.HYBRID, _DEEP)
            if (name := bed.names[hit.entry.id]) != query.itself
        ]
        for query in queries
    }
    log = clicks(asked, found, chance)
    old_interest = {query.name for query in asked if chance.random() < 0.5}
    drifted = clicks([query for query in asked if query.name in old_interest], found, chance)
    return {
        "other queries": figures(tested, found, log),
        "other queries, drifted": figures(tested, found, drifted),
        "the same queries": figures(asked, found, log),
    }


def clicks(queries: Sequence[Judged], found: Mapping[str, Scored], chance: random.Random) -> Counter[str]:
    """What was clicked: a few queries are asked often, as in any log."""
    log: Counter[str] = Counter()
    for place, query in enumerate(queries, 1):
        for _ in range(max(1, round(20 / place))):
            shown = [name for name, _ in found[query.name][:10]]
            right = [name for name in shown if query.grades.get(name, 0) > 0]
            pool = right if right and chance.random() < _RIGHT else shown[:3]
            if pool:
                log[chance.choice(pool)] += 1
    return log


def figures(queries: Sequence[Judged], found: Mapping[str, Scored], log: Counter[str]) -> list[float]:
    """The mean nDCG@10 without and with each weight."""
    return [
        sum(
            ndcg(
                [
                    name
                    for name, _ in sorted(
                        found[query.name], key=lambda hit: -(hit[1] + weight * math.log1p(log[hit[0]]))
                    )
                ],
                query.grades,
            )
            for query in queries
        )
        / max(1, len(queries))
        for weight in (0.0, *WEIGHTS)
    ]


if __name__ == "__main__":
    main()
