"""Rekall beside fastembed, sentence-transformers, llama.cpp, model2vec and a plain onnxruntime script.

    python benchmarks/footprint.py [--data FOLDER] [--python PATH]... [--texts N] [--rounds N] [--json] [--out FILE]
    python benchmarks/footprint.py --only rekall,rekall-floats [--data FOLDER] [--texts N] [--rounds N]
    python benchmarks/footprint.py --draw [--out FILE]

All of them run the same weights over the same notes with a limit of 256 tokens, each measurement in a fresh
process, the engines in turn. FOLDER is a BEIR set, from which N texts are taken at even distances; without it the
sample notes are used. What cannot be installed beside the rest is looked for in the Python of each PATH, and what is
nowhere is left out and named. Times are the best of the rounds, so that what else runs on the machine counts least;
memory is the most that any round needed; cosines are to sentence-transformers' vectors of this run. Speed in bulk is
compared by the time of processors with one thread: the clock also measures what else runs, and threads that wait for each
other use a processor too. --only measures the named ones: as above it is Rekall's two graphs. --out keeps the results, --draw makes the picture
from them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from footprint_engines import CONTENDERS, TOKENS, Work
from footprint_files import MAKERS
from footprint_picture import draw
from footprint_sizes import INSTALLED

from rekall.system.files import write_atomically

CHECKOUT = Path(__file__).parent.parent
RESULTS = CHECKOUT / "docs" / "footprint.json"
PICTURE = CHECKOUT / "docs" / "pictures" / "footprint.svg"
WORKER = Path(__file__).with_name("footprint_engines.py")
FILE_MAKER = Path(__file__).with_name("footprint_files.py")
SIZER = Path(__file__).with_name("footprint_sizes.py")
REFERENCE = "sentence-transformers"
TEXT_CHARACTERS = 2400
QUERIES = 50


TASKS = ("query", "bulk", "one")


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio of Rekall's figure to another engine's, and its bound: at most for costs, at least for speed."""

    what: str
    field: str
    other: str
    bound: float

    def holds(self, ratio: float) -> bool:
        """Whether a measured ratio is within the bound."""
        return ratio >= self.bound if "_per_" in self.field else ratio <= self.bound


BUDGET = "140 MB"
FIXED: Mapping[str, Mapping[str, float]] = {BUDGET: {"bulk_peak_bytes": 140e6, "one_peak_bytes": 140e6}}
"""What is compared beside engines."""

GOALS = (
    Goal("peak of a query", "query_peak_bytes", "fastembed", 0.45),
    Goal("peak of a query", "query_peak_bytes", "sentence-transformers", 0.2),
    Goal("cold start", "cold_s", "fastembed", 0.4),
    Goal("bulk, one thread", "one_texts_per_cpu_s", "fastembed", 2.2),
    Goal("bulk, one thread", "one_texts_per_cpu_s", "fastembed, batches of 8", 1.6),
    Goal("bulk, one thread", "one_texts_per_cpu_s", "fastembed, one by one", 1.6),
    Goal("bulk, one thread", "one_texts_per_cpu_s", "sentence-transformers", 1.7),
    Goal("bulk, all processors", "bulk_texts_per_s", "fastembed", 2.2),
    Goal("bulk, all processors", "bulk_texts_per_s", "fastembed, batches of 8", 1.6),
    Goal("bulk, all processors", "bulk_texts_per_s", "fastembed, one by one", 1.6),
    Goal("bulk, all processors", "bulk_texts_per_s", "sentence-transformers", 1.7),
    Goal("peak in bulk", "bulk_peak_bytes", BUDGET, 1.0),
    Goal("peak in bulk, one thread", "one_peak_bytes", BUDGET, 1.0),
    Goal("peak in bulk", "bulk_peak_bytes", "fastembed", 0.25),
    Goal("peak in bulk", "bulk_peak_bytes", "sentence-transformers", 0.25),
)
COLUMNS = (
    ("cold start s", "cold_s", 1.0, 2),
    ("query ms", "query_s", 1e3, 1),
    ("texts/s", "bulk_texts_per_s", 1.0, 1),
    ("texts/processor s", "bulk_texts_per_cpu_s", 1.0, 1),
    ("with one thread", "one_texts_per_cpu_s", 1.0, 1),
    ("query peak MB", "query_peak_bytes", 1e-6, 0),
    ("bulk peak MB", "bulk_peak_bytes", 1e-6, 0),
    ("dropped MB", "dropped_bytes", 1e-6, 0),
    ("packages MB", "package_bytes", 1e-6, 0),
    ("model MB", "model_bytes", 1e-6, 0),
    ("mean cosine", "mean_cosine", 1.0, 5),
    ("least cosine", "min_cosine", 1.0, 5),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A Python, and the versions of what is installed for it, by name."""

    python: str
    versions: Mapping[str, str]

    def has(self, distributions: Sequence[str]) -> bool:
        """Whether all of them are installed."""
        return all(name in self.versions for name in distributions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a BEIR set")
    parser.add_argument("--texts", type=int, default=350, help="how many texts (350)")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--source", type=Path, default=CHECKOUT / "build" / "all-MiniLM-L6-v2", help="the checkpoint")
    parser.add_argument(
        "--build", type=Path, default=CHECKOUT / "build" / "footprint", help="where the files of other engines are made"
    )
    parser.add_argument("--python", action="append", default=[], help="another Python with further engines")
    parser.add_argument("--only", default=",".join(CONTENDERS), help="engines, with commas between (all of them)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--out", type=Path, help="keep the results in this file")
    parser.add_argument("--draw", action="store_true", help=f"only draw {PICTURE.relative_to(CHECKOUT)}")
    options = parser.parse_args()
    if options.draw:
        results = json.loads((options.out or RESULTS).read_text("utf-8"))
        PICTURE.parent.mkdir(exist_ok=True)
        write_atomically(PICTURE, draw(results["engines"], CONTENDERS["rekall"].name).encode())
        return
    work = Work(*read_texts(options.data, options.texts), str(options.source), str(options.build))
    places = [place_of(python) for python in (sys.executable, *options.python)]
    asked = options.only.split(",")
    if unknown := [name for name in asked if name not in CONTENDERS]:
        parser.error(f"no engine {unknown[0]}; there are {', '.join(CONTENDERS)}")
    make_files(work, places, {CONTENDERS[name].files for name in asked})
    for results in measure(work, options.rounds, places, asked):
        if options.out:  # after each round: an interrupted run keeps those that were whole
            write_atomically(options.out, (json.dumps(results, indent=2) + "\n").encode())
    print(json.dumps(results) if options.json else "\n".join(tables(results)))


def place_of(python: str) -> Place:
    """What is installed for a Python."""
    answer = subprocess.run([python, "-c", INSTALLED], check=True, stdout=subprocess.PIPE, text=True)
    return Place(python, json.loads(answer.stdout))


def make_files(work: Work, places: Sequence[Place], forms: Collection[str]) -> None:
    """Make each of these forms of the checkpoint that is not there yet, where a Python has what makes it."""
    for form, maker in ((form, maker) for form, maker in MAKERS.items() if form in forms):
        able = [place for place in places if place.has(maker.distributions)]
        if able and Path(work.checkpoint).is_dir() and not work.folder(form).is_dir():
            print(f"making the form {form} of the checkpoint", file=sys.stderr)
            # in a process of its own: torch would make this one large, and children begin with their parent's peak
            command = [able[0].python, str(FILE_MAKER), form, work.checkpoint, work.build]
            subprocess.run(command, check=True, env=environment(), stdout=sys.stderr)


def environment() -> dict[str, str]:
    """That of the processes: no settings of ours, no network, and Rekall for a Python that has it not."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REKALL_")}
    return {**kept, "PYTHONPATH": str(CHECKOUT), "ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}


def measure(work: Work, rounds: int, places: Sequence[Place], asked: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Everything the page and the picture show, after each round."""
    facts = setting(work, places)  # first: the load must not be our own
    found = {name: place_for(name, work, places) for name in asked}
    skipped = {CONTENDERS[name].name: place for name, place in found.items() if isinstance(place, str)}
    pythons = {name: place.python for name, place in found.items() if isinstance(place, Place)}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in pythons}
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "work.json").write_text(json.dumps(asdict(work)), "utf-8")
        for number in range(rounds):
            for task in TASKS:
                for name, python in pythons.items():  # in turn, so that a busy moment hits all of them
                    print(
                        f"\r\033[Kround {number + 1} of {rounds}: {task}, {name}", end="", file=sys.stderr, flush=True
                    )
                    if CONTENDERS[name].name in skipped:
                        continue
                    figures = run(python, name, task, Path(scratch))
                    if isinstance(figures, str):
                        skipped[CONTENDERS[name].name] = figures
                    else:
                        runs[name].append(figures)
            print("\r\033[K", end="", file=sys.stderr)
            engines = {
                CONTENDERS[name].name: {
                    **summary(runs[name]),
                    **sizes_of(python, name, Path(scratch)),
                    **cosines_of(name, Path(scratch)),
                }
                for name, python in pythons.items()
                if CONTENDERS[name].name not in skipped
            }
            done = {"rounds": number + 1}
            yield {"setting": facts | done, "engines": engines, "skipped": skipped, "goals": list(ratios(engines))}


def run(python: str, name: str, task: str, scratch: Path) -> dict[str, float] | str:
    """The figures of one process, or why there are none. A cold start is the time until its first line."""
    env = {**environment(), "REKALL_HOME": str(scratch / "home")}
    if task == "one":
        env |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    command = [python, str(WORKER), name, task, str(scratch)]
    with (scratch / "stderr").open("w+", encoding="utf-8") as complaints:  # a file never fills up, as a pipe does
        started = time.perf_counter()
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=complaints, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            cold_s = time.perf_counter() - started
            rest = process.stdout.read()
        if process.returncode != 0:
            complaints.seek(0)
            said = complaints.read().strip().splitlines() or [f"ended with code {process.returncode}"]
            return f"{task} failed: {said[-1]}"
    figures: dict[str, float] = json.loads(rest)
    return {**figures, "cold_s": cold_s} if task == "query" else figures


def summary(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The best of every time; of memory the most, because that is what a machine must have."""
    gathered: dict[str, list[float]] = {}
    for figures in runs:
        for field, value in figures.items():
            gathered.setdefault(field, []).append(value)
    return {
        field: max(values) if field.endswith("_bytes") else round((max if "_per_" in field else min)(values), 4)
        for field, values in gathered.items()
    }


def sizes_of(python: str, name: str, scratch: Path) -> dict[str, int]:
    """Bytes of packages and model, as the Python that has them counts them."""
    command = [python, str(SIZER), name, str(scratch)]
    answer = subprocess.run(command, check=True, env=environment(), stdout=subprocess.PIPE, text=True)
    sizes: dict[str, int] = json.loads(answer.stdout)
    return sizes


def cosines_of(name: str, scratch: Path) -> dict[str, float | None]:
    """Mean and least cosine to the reference, when that could run."""
    if not (scratch / f"{REFERENCE}.npy").exists():
        return {"mean_cosine": None, "min_cosine": None}
    import numpy as np

    if CONTENDERS[name].files == "static":
        return {"mean_cosine": None, "min_cosine": None}  # another kind of model
    ours, reference = (np.load(scratch / f"{key}.npy").astype(np.float64) for key in (name, REFERENCE))
    cosines = (ours * reference).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(reference, axis=1)
    return {"mean_cosine": round(float(cosines.mean()), 6), "min_cosine": round(float(cosines.min()), 6)}


def ratios(engines: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every goal whose other engine ran, with what was measured."""
    ours = engines.get(CONTENDERS["rekall"].name)
    if ours is None:
        return
    others = {**engines, **FIXED}
    for goal in GOALS:
        if goal.other in others:
            ratio = ours[goal.field] / others[goal.other][goal.field]
            yield {**asdict(goal), "ratio": round(ratio, 3), "holds": goal.holds(ratio)}
    floats = engines.get(CONTENDERS["rekall-floats"].name)
    if floats:
        bound = Goal("bulk, one thread", "one_texts_per_cpu_s", CONTENDERS["rekall-floats"].name, 1.0)
        ratio = ours[bound.field] / floats[bound.field]
        yield {**asdict(bound), "ratio": round(ratio, 3), "holds": bound.holds(ratio)}


def place_for(name: str, work: Work, places: Sequence[Place]) -> Place | str:
    """The first Python that can run an engine, or why none can."""
    wanted, files = CONTENDERS[name].distributions, CONTENDERS[name].files
    able = [place for place in places if place.has(wanted)]
    if not able:
        best = max(places, key=lambda place: sum(each in place.versions for each in wanted))
        missing = [each for each in wanted if each not in best.versions]
        return f"{' and '.join(missing)} not installed"
    if files and not work.folder(files).is_dir():
        return f"its model file is missing: there was no checkpoint, or nothing here makes the form {files}"
    return able[0]


def read_texts(data: Path | None, count: int) -> tuple[list[str], list[str]]:
    """Texts of notes, and titles of some as queries."""
    notes = list(read_corpus(data) if data else read_samples())
    chosen = [notes[place * len(notes) // count] for place in range(count)] if count < len(notes) else notes
    return [f"{title}\n{text}"[:TEXT_CHARACTERS] for title, text in chosen], [title for title, _ in chosen[:QUERIES]]


def read_corpus(folder: Path) -> Iterator[tuple[str, str]]:
    with (folder / "corpus.jsonl").open(encoding="utf-8") as file:
        for line in file:
            note = json.loads(line)
            yield note["title"], note["text"]


def read_samples() -> Iterator[tuple[str, str]]:
    import frontmatter

    for path in sorted((CHECKOUT / "examples" / "notes").glob("*.md")):
        note = frontmatter.loads(path.read_text("utf-8"))
        yield str(note.get("title", path.stem.replace("-", " "))), note.content


def setting(work: Work, places: Sequence[Place]) -> dict[str, Any]:
    """What the figures depend on."""
    shown = (
        "rekall-memory",
        "onnxruntime",
        "tokenizers",
        "numpy",
        "fastembed",
        "sentence-transformers",
        "transformers",
        "torch",
        "optimum-onnx",
        "optimum-intel",
        "openvino",
        "llama-cpp-python",
        "model2vec",
    )
    versions = {name: version for place in reversed(places) for name, version in place.versions.items()}
    return {
        "texts": len(work.texts),
        "characters": sum(map(len, work.texts)),
        "token_limit": TOKENS,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": {name: versions[name] for name in shown if name in versions},
    }


def tables(results: Mapping[str, Any]) -> Iterator[str]:
    """The results as Markdown."""
    facts = results["setting"]
    yield (
        f"{facts['texts']} texts of {facts['characters'] // facts['texts']} characters, at most {facts['token_limit']} tokens; "
        f"{facts['rounds']} rounds; {facts['cores']} cores, {facts['system']}, Python {facts['python']}; "
        + ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
        + "."
    )
    yield "\n| engine | " + " | ".join(title for title, *_ in COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|"
    for name, row in results["engines"].items():
        cells = [
            "–" if row.get(field) is None else f"{row[field] * scale:,.{digits}f}"
            for _, field, scale, digits in COLUMNS
        ]
        yield f"| {name} | {' | '.join(cells)} |"
    if results["goals"]:
        yield "\n| Rekall's | against | ratio | goal | |\n|---|---|---|---|---|"
    for goal in results["goals"]:
        bound = f"{'at least' if '_per_' in goal['field'] else 'at most'} {goal['bound']:g}"
        yield f"| {goal['what']} | {goal['other']} | {goal['ratio']:.2f} | {bound} | {'holds' if goal['holds'] else 'short'} |"
    if results["skipped"]:
        yield ""
    for name, reason in results["skipped"].items():
        yield f"Left out: {name} ({reason})."


if __name__ == "__main__":
    main()
