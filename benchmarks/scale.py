"""Time and memory of searches and commands, and bytes a note, at 1,000 to 1,000,000 notes that nobody wrote.

    python benchmarks/scale.py FOLDER [--sizes 1000,10000,100000] [--vectors] [--verbs] [--upkeep] [--draw]
    python benchmarks/scale.py --make SIZE FOLDER [--vectors]

FOLDER keeps a base a size and what was measured, so that a run that was stopped goes on. Each measure is a process of its own:
"cold" its first search, "warm" the median of the others, in milliseconds of processor time, which other work on the machine does not change
much; peak is the most memory of that process. With --vectors every note gets a vector near its subject, and searches go by meaning,
too; an encoder that takes neither time nor memory stands in for the model. --make fills FOLDER alone, a REKALL_HOME.
--verbs measures commands as a shell starts them, the model that ships included, and the terminal UI until its list is drawn;
--upkeep what looks after a whole base: `check`, `index rebuild --words`, `index prune` and VACUUM, which needs three times the file on the disk.
--draw keeps what FOLDER holds as docs/scale.json and draws docs/pictures/scale.svg of it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from scale_worker import LINES, Figures, measure, shipped

DOCS = Path(__file__).resolve().parent.parent / "docs"
RESULTS, PICTURE = DOCS / "scale.json", DOCS / "pictures" / "scale.svg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--make", nargs=2, metavar=("SIZE", "FOLDER"))
    parser.add_argument("--vectors", action="store_true", help="a vector for every note, and searches by meaning")
    parser.add_argument("--verbs", action="store_true", help="commands, as a shell starts them")
    parser.add_argument("--upkeep", action="store_true", help="check, rebuild, prune and VACUUM")
    parser.add_argument("--draw", action="store_true", help="draw docs/pictures/scale.svg")
    parser.add_argument("--measure", nargs=3, metavar=("HOME", "MODE", "LINE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    model = shipped() if options.vectors else None
    if options.measure:
        home, mode, line = options.measure
        print(json.dumps(measure(Path(home), mode, line).plain()))
    elif options.make:
        from scale_base import fill  # with numpy, which is not to be measured

        fill(Path(options.make[1]), int(options.make[0]), model)
    elif options.folder is None:
        parser.error("name a folder that keeps the bases")
    else:
        from scale_base import fill

        print("| notes | asked | mode | cold ms | warm ms | peak MB |\n|---|---|---|---|---|---|")
        for size in map(int, options.sizes.split(",")):
            home = options.folder / str(size)
            fill(home, size, model)
            for mode in ("words", "meaning", "hybrid") if options.vectors else ("words",):
                for name in LINES:
                    figures = kept(options.folder / "measured.json", home, mode, name)
                    print(f"| {size:,} | {name} | {mode} | {figures.row()} |", flush=True)
            print_commands(options, home)
            print(f"| {size:,} | {(home / 'rekall.db').stat().st_size / size:,.0f} bytes a note | | | | |", flush=True)
        if options.draw:
            from scale_picture import draw

            measured = (options.folder / "measured.json").read_text("utf-8")
            RESULTS.write_text(measured + "\n", "utf-8")
            PICTURE.write_text(draw(json.loads(measured)), "utf-8")


def print_commands(options: argparse.Namespace, home: Path) -> None:
    """The rows of the commands that are asked for."""
    for kind, is_wanted in (("verb", options.verbs), ("upkeep", options.upkeep)):
        if is_wanted:
            for name, cost in costs(options.folder / "measured.json", home, kind).items():
                row = f"{name} | command | {cost['cpu_ms']:,.0f} | | {cost['peak_mb']:.0f} |"
                print(f"| {int(home.name):,} | {row}", flush=True)


def costs(file: Path, home: Path, kind: str) -> dict[str, dict[str, float]]:
    """What was measured of commands of a kind, "verb" or "upkeep"; measured now where it was not."""
    from scale_verbs import measured as measured_of

    measured: dict[str, dict[str, float]] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    begins = f"{home.name} {kind} "
    if not any(key.startswith(begins) for key in measured):
        measured |= {begins + name: cost for name, cost in measured_of(home, kind).items()}
        file.write_text(json.dumps(measured, indent=1), "utf-8")
    return {key.removeprefix(begins): each for key, each in measured.items() if key.startswith(begins)}


def kept(file: Path, home: Path, mode: str, name: str) -> Figures:
    """What was measured of a kind of line, measured now where it was not."""
    measured: dict[str, dict[str, float]] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    key = f"{home.name} {mode} {name}"
    if key not in measured:
        command = [sys.executable, __file__, "--measure", str(home), mode, name]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        measured[key] = json.loads(answer.stdout)
        file.write_text(json.dumps(measured, indent=1), "utf-8")
    return Figures(**measured[key])


if __name__ == "__main__":
    main()
