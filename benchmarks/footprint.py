"""Rekall beside fastembed, sentence-transformers, llama.cpp, model2vec and a plain onnxruntime script.

    python benchmarks/footprint.py [--data FOLDER] [--texts N] [--rounds N] [--json] [--out FILE]
    python benchmarks/footprint.py --draw [--out FILE]

All of them run the same weights over the same notes with a limit of 256 tokens, each measurement in a fresh
process, the engines in turn. FOLDER is a BEIR set, from which N texts are taken at even distances; without it the
sample notes are used. Times are medians over the rounds, memory is the most that any round needed, cosines are to
sentence-transformers' vectors of this run. What is not installed is left out and named. --out keeps the results,
--draw makes the picture from them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from footprint_engines import CONTENDERS, TOKENS, Work
from footprint_picture import draw
from footprint_sizes import is_installed, sizes

from rekall.system.files import write_atomically

CHECKOUT = Path(__file__).parent.parent
RESULTS = CHECKOUT / "docs" / "footprint.json"
PICTURE = CHECKOUT / "docs" / "pictures" / "footprint.svg"
WORKER = Path(__file__).with_name("footprint_engines.py")
FILE_MAKER = Path(__file__).with_name("footprint_files.py")
REFERENCE = "sentence-transformers"
TEXT_CHARACTERS = 2400
QUERIES = 50


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio of Rekall's figure to another engine's, and its bound: at most for costs, at least for speed."""

    what: str
    field: str
    other: str
    bound: float

    def holds(self, ratio: float) -> bool:
        """Whether a measured ratio is within the bound."""
        return ratio >= self.bound if self.field == "texts_per_s" else ratio <= self.bound


GOALS = (
    Goal("peak of a query", "query_peak_bytes", "fastembed", 0.45),
    Goal("peak of a query", "query_peak_bytes", "sentence-transformers", 0.2),
    Goal("cold start", "cold_s", "fastembed", 0.4),
    Goal("texts a second", "texts_per_s", "fastembed", 2.0),
    Goal("texts a second", "texts_per_s", "sentence-transformers", 1.7),
    Goal("peak in bulk", "bulk_peak_bytes", "fastembed", 0.25),
    Goal("peak in bulk", "bulk_peak_bytes", "sentence-transformers", 0.25),
)
COLUMNS = (
    ("cold start s", "cold_s", 1.0, 2),
    ("query ms", "query_s", 1e3, 1),
    ("texts/s", "texts_per_s", 1.0, 1),
    ("query peak MB", "query_peak_bytes", 1e-6, 0),
    ("bulk peak MB", "bulk_peak_bytes", 1e-6, 0),
    ("dropped MB", "dropped_bytes", 1e-6, 0),
    ("packages MB", "package_bytes", 1e-6, 0),
    ("model MB", "model_bytes", 1e-6, 0),
    ("mean cosine", "mean_cosine", 1.0, 5),
    ("least cosine", "min_cosine", 1.0, 5),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a BEIR set")
    parser.add_argument("--texts", type=int, default=350, help="how many texts (350)")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--source", type=Path, default=CHECKOUT / "build" / "all-MiniLM-L6-v2", help="the checkpoint")
    parser.add_argument(
        "--build", type=Path, default=CHECKOUT / "build" / "footprint", help="where ONNX files are made"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--out", type=Path, help="keep the results in this file")
    parser.add_argument("--draw", action="store_true", help=f"only draw {PICTURE.relative_to(CHECKOUT)}")
    options = parser.parse_args()
    if options.draw:
        results = json.loads((options.out or RESULTS).read_text("utf-8"))
        PICTURE.parent.mkdir(exist_ok=True)
        write_atomically(PICTURE, draw(results["engines"], CONTENDERS["rekall"].name).encode())
        return
    work = Work(*read_texts(options.data, options.texts), str(options.source), *onnx_folders(options))
    results = measure(work, options.rounds)
    if options.out:
        write_atomically(options.out, (json.dumps(results, indent=2) + "\n").encode())
    print(json.dumps(results) if options.json else "\n".join(tables(results)))


def measure(work: Work, rounds: int) -> dict[str, Any]:
    """Everything the page and the picture show."""
    facts = setting(work, rounds)  # first: the load must not be our own
    skipped = {contender.name: reason for key, contender in CONTENDERS.items() if (reason := obstacle(key, work))}
    names = [key for key, contender in CONTENDERS.items() if contender.name not in skipped]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "work.json").write_text(json.dumps(asdict(work)), "utf-8")
        for number in range(rounds):
            for task in ("query", "bulk"):
                for name in names:  # in turn, so that a busy moment hits all of them
                    print(
                        f"\r\033[Kround {number + 1} of {rounds}: {task}, {name}", end="", file=sys.stderr, flush=True
                    )
                    runs[name].append(run(name, task, Path(scratch)))
        print("\r\033[K", end="", file=sys.stderr)
        cosines = {name: cosines_of(name, Path(scratch)) for name in names}
    engines = {CONTENDERS[name].name: {**summary(runs[name]), **sizes(name, work), **cosines[name]} for name in names}
    return {"setting": facts, "engines": engines, "skipped": skipped, "goals": list(ratios(engines))}


def run(name: str, task: str, scratch: Path) -> dict[str, float]:
    """The figures of one process. A cold start is the time until its first line."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REKALL_")}
    env = {**kept, "REKALL_HOME": str(scratch / "home"), "ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(WORKER), name, task, str(scratch)]
    with (scratch / "stderr").open("w+", encoding="utf-8") as complaints:  # a file never fills up, as a pipe does
        started = time.perf_counter()
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=complaints, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            cold_s = time.perf_counter() - started
            rest = process.stdout.read()
        if process.returncode != 0:
            complaints.seek(0)
            sys.exit(f"error: {name} ended with code {process.returncode}\n{complaints.read()}")
    figures: dict[str, float] = json.loads(rest)
    return {**figures, "cold_s": cold_s} if task == "query" else figures


def summary(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of every time; of memory the most, because that is what a machine must have."""
    gathered: dict[str, list[float]] = {}
    for figures in runs:
        for field, value in figures.items():
            gathered.setdefault(field, []).append(value)
    return {
        field: max(values) if field.endswith("_bytes") else round(statistics.median(values), 4)
        for field, values in gathered.items()
    }


def cosines_of(name: str, scratch: Path) -> dict[str, float | None]:
    """Mean and least cosine to the reference, when that could run."""
    if not (scratch / f"{REFERENCE}.npy").exists():
        return {"mean_cosine": None, "min_cosine": None}
    import numpy as np

    ours, reference = (np.load(scratch / f"{key}.npy").astype(np.float64) for key in (name, REFERENCE))
    cosines = (ours * reference).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(reference, axis=1)
    return {"mean_cosine": round(float(cosines.mean()), 6), "min_cosine": round(float(cosines.min()), 6)}


def ratios(engines: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every goal whose other engine ran, with what was measured."""
    ours = engines[CONTENDERS["rekall"].name]
    for goal in GOALS:
        if goal.other in engines:
            ratio = ours[goal.field] / engines[goal.other][goal.field]
            yield {**asdict(goal), "ratio": round(ratio, 3), "holds": goal.holds(ratio)}


def obstacle(name: str, work: Work) -> str:
    """Why an engine cannot run here; empty when it can."""
    missing = [wanted for wanted in CONTENDERS[name].distributions if not is_installed(wanted)]
    if missing:
        return f"{' and '.join(missing)} not installed"
    files = CONTENDERS[name].files
    if name == "llama.cpp" and not list(Path(work.checkpoint).glob("*.gguf")):
        return "there is no GGUF file of the checkpoint"
    if files == "static" and not Path(work.static).is_dir():
        return "`--build` holds no folder `static` with a model of it"
    if files and not Path(getattr(work, files)).is_dir():
        return "its model files are missing; `make model` and the extra `bench` bring what makes them"
    return ""


def onnx_folders(options: argparse.Namespace) -> Iterator[str]:
    """The folders of the float32 and the int8 file, which are made when they can be, and that of a static model."""
    folders = [options.build / kind for kind in ("onnx", "int8")]
    can_make = options.source.is_dir() and all(map(is_installed, ("torch", "transformers", "onnx")))
    if can_make and not all(folder.is_dir() for folder in folders):
        print("making the ONNX files of the other engines", file=sys.stderr)
        # in a process of its own: torch would make this one large, and children begin with their parent's peak
        subprocess.run([sys.executable, str(FILE_MAKER), str(options.source), str(options.build)], check=True)
    yield from map(str, [*folders, options.build / "static"])


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


def setting(work: Work, rounds: int) -> dict[str, Any]:
    """What the figures depend on."""
    shown = (
        "rekall",
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
    return {
        "texts": len(work.texts),
        "characters": sum(map(len, work.texts)),
        "token_limit": TOKENS,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": {name: metadata.version(name) for name in shown if is_installed(name)},
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
            "–" if row[field] is None else f"{row[field] * scale:,.{digits}f}" for _, field, scale, digits in COLUMNS
        ]
        yield f"| {name} | {' | '.join(cells)} |"
    if results["goals"]:
        yield "\n| Rekall's | against | ratio | goal | |\n|---|---|---|---|---|"
    for goal in results["goals"]:
        bound = f"{'at least' if goal['field'] == 'texts_per_s' else 'at most'} {goal['bound']:g}"
        yield f"| {goal['what']} | {goal['other']} | {goal['ratio']:.2f} | {bound} | {'holds' if goal['holds'] else 'short'} |"
    if results["skipped"]:
        yield ""
    for name, reason in results["skipped"].items():
        yield f"Left out: {name} ({reason})."


if __name__ == "__main__":
    main()
