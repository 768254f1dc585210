"""How sure a hit is: whether the figure behind strong, likely and weak compares across queries, bases of any size, and models.

    python benchmarks/calibration.py --data FOLDER [--keep FOLDER] [--queries 150] [--size 30] [--model FOLDER] [--draw] [--out FILE]

FOLDER holds several BEIR sets. Each is asked four kinds of queries, by words and meaning and by words alone: its own, those of sets
of other subjects, its own over copies of the base from which the product deleted their answers, and everyday questions. Then
the thresholds are chosen anew with each set left out, and applied to the one left out (without exact titles and hits that lack a
number, of which no figure decides whether they are strong). --size takes bases of so many notes of each set instead, imported anew; --model a model folder instead of the
shipped model; --draw makes the picture of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from evidence import Evidence, Seen, foreign_queries, measure, measure_small
from intervals import auroc
from judging import beds, find_sets
from labels_picture import draw

from rekall.search import labels
from rekall.search.results import Match, Mode

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "labels.svg"
DRAWS = 3
RIGHT = 0.9
"""How often a strong hit has to be right: more is out of reach where one of many that say the same is judged right."""
FIGURES = [place / 100 for place in range(30, 160)]
FEWEST = 5
"""First hits of a set above a figure by which it is judged."""
PASSES = 0.1
"""How many queries of other subjects may find something likely."""

THRESHOLDS = {
    Mode.HYBRID: (labels.STRONG, labels.likely(1000)),
    Mode.WORDS: (labels.STRONG_WORDS, labels.likely(1000, by_words=True)),
}
"""Strong, and likely in a base of a thousand entries."""

FOUND_HEAD = (
    "| set | first hit right | AUROC, other subjects | AUROC, answers gone | at most | own: strong / likely / weak "
    "| other subjects | answers gone | strong is right | likely is right "
    "| *nothing here is about this*: first hit right | other subjects | everyday |"
)
CHOSEN_HEAD = (
    "| set left out | strong from | is right there | given to | likely from | other subjects weak | right and weak |"
)

BySet = Mapping[str, Evidence]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of BEIR sets")
    parser.add_argument("--keep", type=Path, help="where the bases stay")
    parser.add_argument("--queries", type=int, default=150, help="of each kind and set (150)")
    parser.add_argument("--size", type=int, help="bases of so many notes of each set, three draws of each")
    parser.add_argument("--model", type=Path, help="a model folder, as `rekall model export` makes it")
    parser.add_argument("--sets", nargs="*", help="measure only these; foreign queries come from all")
    parser.add_argument("--draw", action="store_true", help=f"draw {PICTURE.name} as well")
    parser.add_argument("--out", type=Path, help="a file for what every query found")
    options = parser.parse_args()
    every = find_sets(options.data)
    folders = [each for each in every if not options.sets or each.resolve().name in options.sets]
    keep = use_model(folders, options.model, options.keep) if options.model else options.keep
    found: dict[str, dict[Mode, Evidence]] = {}
    with beds(folders, keep) as made:
        for bed in made:
            foreign = foreign_queries(bed.folder, every, options.queries)
            found[bed.name] = (
                measure_small(bed, foreign, options.size, DRAWS)
                if options.size
                else measure(bed, foreign, options.queries)
            )
    for mode in THRESHOLDS:
        print_mode(mode, {name: each[mode] for name, each in found.items()})
    if options.out:
        kept = {name: {mode.value: asdict(each) for mode, each in modes.items()} for name, modes in found.items()}
        options.out.write_text(json.dumps(kept), "utf-8")
    if options.draw:
        seen = {name: each[Mode.HYBRID] for name, each in found.items()}
        PICTURE.write_text(draw(seen, *THRESHOLDS[Mode.HYBRID]), "utf-8")


def use_model(folders: Sequence[Path], model: Path, keep: Path | None) -> Path:
    """Give the home of every set a model of its own to use, and say where the homes are."""
    if keep is None:
        raise SystemExit("error: --model needs --keep FOLDER")
    for folder in folders:
        home = keep / folder.resolve().name
        shutil.copytree(model, home / "models" / model.name, dirs_exist_ok=True)
        (home / "config.toml").write_text(f'[engine]\nmodel = "{model.name}"\n', "utf-8")
    return keep


def print_mode(mode: Mode, found: BySet) -> None:
    """The two tables of a mode."""
    print(f"\n{mode.value}\n\n{FOUND_HEAD}\n|{'---|' * (FOUND_HEAD.count('|') - 1)}")
    rows = {name: figures(each) for name, each in found.items()}
    for name, row in rows.items():
        print_row(name, row)
    print_row("mean", mean_rows(list(rows.values())))
    if len(found) > 1:
        strong, likely = THRESHOLDS[mode]
        print(f"\n{CHOSEN_HEAD}\n|{'---|' * (CHOSEN_HEAD.count('|') - 1)}")
        for name in found:
            print(chosen_row(name, found))
        print(applied_row("as it is", list(found.values()), strong, likely))


def figures(each: Evidence) -> list[list[float]]:
    """The cells of a set, each one number or three; an empty one has nothing to say."""
    strong, likely = (labelled(each.own, match) for match in (Match.STRONG, Match.LIKELY))
    right = [seen for seen in each.own if seen.is_right]
    return [
        [each.top1],
        separated(each.own, each.other),
        separated(each.own, each.gone),
        [(1 + each.top1) / 2],
        *(shares(kind) for kind in (each.own, each.other, each.gone)),
        share(strong, lambda seen: seen.is_right),
        share(likely, lambda seen: seen.is_right),
        *(share(kind, lambda seen: seen.nothing_close) for kind in (right, each.other, each.everyday)),
    ]


def separated(own: Sequence[Seen], others: Sequence[Seen]) -> list[float]:
    """How well the figure of the first hit tells two kinds of queries apart."""
    return [auroc([seen.figure for seen in own], [seen.figure for seen in others])] if own and others else []


def labelled(seen: Sequence[Seen], match: Match) -> list[Seen]:
    """Those with a word."""
    return [each for each in seen if each.match is match]


def shares(seen: Sequence[Seen]) -> list[float]:
    """How many have each word, the surest first."""
    counts = Counter(each.match for each in seen)
    return [counts[match] / len(seen) for match in Match] if seen else []


def share(seen: Sequence[Seen], holds: Callable[[Seen], bool]) -> list[float]:
    """For how many something holds."""
    return [sum(map(holds, seen)) / len(seen)] if seen else []


def mean_rows(rows: Sequence[list[list[float]]]) -> list[list[float]]:
    """The mean of each cell over the sets that have it."""
    return [[sum(numbers) / len(numbers) for numbers in zip(*(cell for cell in cells if cell))] for cells in zip(*rows)]


def print_row(name: str, row: Sequence[Sequence[float]]) -> None:
    """A line of the first table."""
    cells = [" / ".join(f"{number:.{2 if len(cell) > 1 else 3}f}" for number in cell) or "–" for cell in row]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def chosen_row(left_out: str, found: BySet) -> str:
    """The thresholds that the other sets choose, and what they do to the one left out."""
    others = [each for name, each in found.items() if name != left_out]
    return applied_row(left_out, [found[left_out]], strong_from(others), likely_from(others))


def applied_row(name: str, sets: Sequence[Evidence], strong: float | None, likely: float) -> str:
    """What two thresholds do, where it is they that decide."""
    own = [seen for each in sets for seen in each.own if counts(seen)]
    sure = [seen for seen in own if strong is not None and seen.figure >= strong]
    cells = [
        "–" if strong is None else f"{strong:.2f}",
        *(f"{number:.3f}" for number in share(sure, lambda seen: seen.is_right) or [float("nan")]),
        f"{len(sure) / len(own):.2f}",
        f"{likely:.2f}",
        f"{sum(seen.figure < likely for each in sets for seen in each.other) / sum(len(each.other) for each in sets):.3f}",
        *(f"{weak:.3f}" for weak in share([seen for seen in own if seen.is_right], lambda seen: seen.figure < likely)),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def strong_from(sets: Sequence[Evidence]) -> float | None:
    """The least figure from which on enough first hits are right, each set counting alike; None if there is none."""
    counted = [[(seen.figure, seen.is_right) for seen in each.own if counts(seen)] for each in sets]
    for figure in FIGURES:
        above = [[is_right for own, is_right in each if own >= figure] for each in counted]
        precise = [sum(each) / len(each) for each in above if len(each) >= FEWEST]
        if precise and sum(precise) / len(precise) >= RIGHT:
            return figure
    return None


def counts(seen: Seen) -> bool:
    """Whether it is the figure that decides if a hit is strong."""
    return not seen.is_exact and not seen.lacks


def likely_from(sets: Sequence[Evidence]) -> float:
    """The least figure that few queries of other subjects reach, each set counting alike."""
    weighed = sorted(((seen.figure, 1 / len(each.other)) for each in sets for seen in each.other), reverse=True)
    allowed = PASSES * sum(weight for _, weight in weighed) + 1e-9  # sums of fractions are not exact
    least, passed = math.inf, 0.0
    for figure, weight in weighed:
        passed += weight
        if passed > allowed:
            break
        least = figure
    return least


if __name__ == "__main__":
    main()
