"""How well search finds what people judged relevant: words, meaning and both, in the states that a base is found in.

    python benchmarks/quality.py --data FOLDER [--state STATE]... [--keep FOLDER] [--out FILE] [--against FILE]

FOLDER is a BEIR set (corpus.jsonl, queries.jsonl, qrels/test.tsv, perhaps meta.json) or holds several. The
corpus is imported and searched by the product itself, in a base of its own; --keep lets that base stay for
the next run, which then skips the embedding. States:

    embedded      every entry has its vectors (the default)
    pending       three fifths of the entries have none yet
    typos         one slip in the longest word of each query
    versions      three hundred titles that differ by a version; needs no set
    scripts       notes and queries in ten scripts among English ones; needs no set
    unanswerable  queries of other sets, and queries whose answers were deleted
    all           one after the other

Shell lines are another script's: benchmarks/lines.py. --out keeps what each query found; --against reads such a file
of an earlier run and says what changed, with 95 % intervals of the paired bootstrap over queries.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pending
import typos
import unanswerable
import versions
from intervals import difference, mean_difference
from judging import MODES, Bed, ByQuery, beds, find_sets, means, opened, queries_of

import scripts
from rekall.knowledge.measuring import Figures, mean
from rekall.search.results import Mode

MEASURES = {"nDCG": "ndcg", "recall": "recall", "MRR": "mrr"}

Found = dict[str, dict[str, ByQuery]]
"""What each query found, by set and by the way it was asked."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a BEIR set, or a folder of several")
    parser.add_argument("--state", choices=[*STATES, "all"], action="append", help="the states to measure (embedded)")
    parser.add_argument("--queries", type=int, default=300, help="of each set in every state but embedded (300)")
    parser.add_argument("--keep", type=Path, help="where the bases stay")
    parser.add_argument("--out", type=Path, help="a file for what each query found")
    parser.add_argument("--against", type=Path, help="such a file of an earlier run")
    options = parser.parse_args()
    states = options.state or ["embedded"]
    before = json.loads(options.against.read_text("utf-8")) if options.against else {}
    kept: dict[str, Found] = json.loads(options.out.read_text("utf-8")) if options.out and options.out.exists() else {}
    with beds(find_sets(options.data), options.keep) as made:
        for state in STATES if "all" in states else states:
            print(f"\n{state}\n", flush=True)
            found = STATES[state](made, options.queries)
            if found and options.out:
                kept[state] = found
                options.out.write_text(json.dumps(kept, default=asdict), "utf-8")
            if found and state in before:
                print_against(found, read_found(before[state]))


def measure_embedded(made: Sequence[Bed], most: int) -> Found:
    """All queries of all sets; the last column is hybrid's nDCG@10 against the better leg."""
    head = [f"{name} {mode.value}" for name in MEASURES for mode in MODES]
    print_head(f"| set | {' | '.join(head)} | hybrid against the better leg |")
    found: Found = {}
    for bed in made:
        with opened(bed) as each:
            found[bed.name] = {mode.value: each.by_query(queries_of(bed), mode) for mode in MODES}
        print_row(bed.name, {way: means(figures) for way, figures in found[bed.name].items()}, against_legs(found, bed))
    if len(made) > 1:
        ways = {mode.value: mean([means(each[mode.value]) for each in found.values()]) for mode in MODES}
        print_row("mean", ways, str(mean_difference([legs_and_hybrid(each) for each in found.values()])))
    return found


def measure_pending(made: Sequence[Bed], most: int) -> Found:
    """Every set with most of its vectors missing."""
    print_head(pending.HEAD)
    found: Found = {}
    for bed in made:
        measured = pending.measure(bed, most)
        print(measured.row(bed.name), flush=True)
        found[bed.name] = {"words": measured.words, "hybrid": measured.hybrid}
    return found


def measure_typos(made: Sequence[Bed], most: int) -> Found:
    """Queries as they are, and each with a slip."""
    print_head(typos.HEAD)
    found: Found = {}
    for bed in made:
        found[bed.name] = typos.measure(bed, most)
        print(typos.row(bed.name, found[bed.name]), flush=True)
    if len(made) > 1:
        print(typos.row("mean", *found.values()), flush=True)
    return found


def measure_versions(made: Sequence[Bed], most: int) -> Found:
    """Titles that differ by a version."""
    print_head(versions.HEAD)
    for share in versions.measure():
        print(share.row(), flush=True)
    return {}


def measure_scripts(made: Sequence[Bed], most: int) -> Found:
    """Queries whose first hit is their note, of ten scripts."""
    print_head(scripts.HEAD)
    for script in scripts.measure():
        print(script.row(), flush=True)
    return {}


def measure_unanswerable(made: Sequence[Bed], most: int) -> Found:
    """What first hits look like where there is no answer."""
    print_head(unanswerable.HEAD)
    for bed in made:
        print(unanswerable.measure(bed, made, most).row(bed.name), flush=True)
    return {}


STATES: Mapping[str, Callable[[Sequence[Bed], int], Found]] = {
    "embedded": measure_embedded,
    "pending": measure_pending,
    "typos": measure_typos,
    "versions": measure_versions,
    "scripts": measure_scripts,
    "unanswerable": measure_unanswerable,
}


def legs_and_hybrid(found: Mapping[str, ByQuery]) -> tuple[dict[str, float], dict[str, float]]:
    """NDCG of each query by both, and by the leg that is better on this set."""
    words, meaning = (found[mode.value] for mode in (Mode.WORDS, Mode.MEANING))
    better = words if means(words).ndcg > means(meaning).ndcg else meaning
    return ndcg_of(found[Mode.HYBRID.value]), ndcg_of(better)


def against_legs(found: Found, bed: Bed) -> str:
    """What hybrid gains over the better leg of a set."""
    return str(difference(*legs_and_hybrid(found[bed.name])))


def ndcg_of(figures: ByQuery) -> dict[str, float]:
    """NDCG by query."""
    return {query: each.ndcg for query, each in figures.items()}


def read_found(stored: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]) -> Found:
    """What `--out` wrote of one state."""
    return {
        name: {way: {query: Figures(**each) for query, each in figures.items()} for way, figures in ways.items()}
        for name, ways in stored.items()
    }


def print_against(after: Found, before: Found) -> None:
    """What nDCG@10 gained since an earlier run."""
    shared = [name for name in after if name in before]
    ways = [way for way in next(iter(after.values())) if all(way in before[name] for name in shared)]
    print()
    print_head(f"| nDCG@10 against before | {' | '.join(ways)} |")
    for name in shared:
        gains = (difference(ndcg_of(after[name][way]), ndcg_of(before[name][way])) for way in ways)
        print(f"| {name} | {' | '.join(map(str, gains))} |")
    if len(shared) > 1:
        pairs = {way: [(ndcg_of(after[name][way]), ndcg_of(before[name][way])) for name in shared] for way in ways}
        print(f"| mean | {' | '.join(str(mean_difference(pairs[way])) for way in ways)} |")


def print_row(name: str, ways: Mapping[str, Figures], last: str) -> None:
    """A line of the table of `embedded`."""
    cells = [f"{getattr(ways[mode.value], measure):.3f}" for measure in MEASURES.values() for mode in MODES]
    print(f"| {name} | {' | '.join(cells)} | {last} |", flush=True)


def print_head(head: str) -> None:
    """The head of a Markdown table."""
    print(f"{head}\n|{'---|' * (head.count('|') - 1)}", flush=True)


if __name__ == "__main__":
    main()
