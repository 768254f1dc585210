"""How many of the links that are suggested are worth making: what `rekall.knowledge.suggesting` stands on.

    python benchmarks/suggestions.py --base FOLDER

Prints how many there are of each kind, then pairs to be judged by hand: the first fifty as they are listed, the first fifty of which
only nearness speaks, and some about the line below which nothing is suggested.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
from collections.abc import Iterable
from pathlib import Path

from rekall.app import App
from rekall.knowledge.suggesting import LEAST, Suggestion

ABOUT_THE_LINE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="a REKALL_HOME with entries")
    parser.add_argument("--pairs", type=int, default=50, help="pairs of each list")
    options = parser.parse_args()
    with contextlib.closing(App({**os.environ, "REKALL_HOME": str(options.base)})) as app:
        found = app.open_base().graph.suggester.find(limit=None)
    near = [each for each in found.links if all(reason.startswith("near") for reason in each.reasons)]
    print(f"{found.total} suggestions, {len(near)} by nearness alone; {found.repeats} left out as repeats")
    line = [each for each in near if each.score < LEAST + ABOUT_THE_LINE]
    _print("The first", found.links[: options.pairs])
    _print("The first by nearness alone", near[: options.pairs])
    chance = random.Random(3)  # noqa: S311  # the same pairs each time, nothing secret
    _print("About the line", chance.sample(line, min(options.pairs, len(line))))


def _print(heading: str, links: Iterable[Suggestion]) -> None:
    print(f"\n{heading}\n\n| score | from | to | why |\n|---|---|---|---|")
    for each in links:
        print(f"| {each.score:.2f} | {each.source.title[:60]} | {each.target.title[:60]} | {'; '.join(each.reasons)} |")


if __name__ == "__main__":
    main()
