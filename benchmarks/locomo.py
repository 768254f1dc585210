"""How well search finds where something was said: the ten long dialogues of LoCoMo, one base for each.

    python benchmarks/locomo.py locomo10.json [--keys errors.json] [--unit session|turn|both] [--keep FOLDER]

locomo10.json is data/locomo10.json of github.com/snap-research/LoCoMo, errors.json the audited keys of
github.com/dial481/locomo-audit (both CC BY-NC 4.0: for measuring only). Every question with evidence is asked
through `KnowledgeBase.search`, with the product's defaults, beside plain BM25 and grep. Each row is a process
of its own, whose peak memory stands beside it. --keep lets the bases stay, so that embedding is done once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dialogues import CATEGORIES, Dialogue, Question, read_dialogues
from plain import Bm25, Grep

from rekall.app import App
from rekall.search.measures import K, found_all, found_any, ndcg, recall, reciprocal_rank
from rekall.search.results import Mode
from rekall.system.resident import peak_bytes

UNITS = ("session", "turn")
PLAIN: Mapping[str, type[Bm25] | type[Grep]] = {"bm25": Bm25, "grep": Grep}
ROWS = (*(mode.value for mode in (Mode.WORDS, Mode.MEANING, Mode.HYBRID)), *PLAIN)
PLACES = (1, 5, 10)

Ask = Callable[[str], Sequence[str]]
"""The names of the best notes for a question."""


@dataclass(frozen=True, slots=True)
class Task:
    """The questions of one dialogue, and what they are asked of: a base, or bare texts by name."""

    home: Path
    questions: tuple[str, ...]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answers:
    """What one way of searching answered: the best notes of every question, what they took, and its peak."""

    ranked: tuple[tuple[str, ...], ...]
    seconds: tuple[float, ...]
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    """What one way of searching reached, in the mean over all questions.

    Attributes:
        name: The way.
        keys: Which keys it was judged by, "original" or "corrected".
        questions: How many were asked.
        figures: R@n any, all and mean, MRR and nDCG@10.
        query_ms: The median of a question.
        peak_mb: The most memory its process had, in 10^6 bytes.
    """

    name: str
    keys: str
    questions: int
    figures: Mapping[str, float]
    query_ms: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="PATH", help="locomo10.json")
    parser.add_argument("--keys", type=Path, help="errors.json of the audit: adds the rows with corrected keys")
    parser.add_argument("--unit", choices=[*UNITS, "both"], default="both", help="what an entry is (both)")
    parser.add_argument("--categories", default="1,2,3,4,5", help="of the questions (1,2,3,4,5)")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"which ways to search ({','.join(ROWS)})")
    parser.add_argument("--keep", type=Path, help="where the bases stay; questions.json is written beside them")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    options = parser.parse_args()
    categories = tuple(int(each) for each in options.categories.split(","))
    dialogues = read_dialogues(options.data, options.keys)
    with tempfile.TemporaryDirectory() as scratch:
        home = options.keep or Path(scratch)
        for unit in UNITS if options.unit == "both" else [options.unit]:
            make_bases(dialogues, unit, home)
            if not options.json:
                print_head(unit, categories)
            asked = [
                (dialogue, [each for each in dialogue.questions if each.original and each.category in categories])
                for dialogue in dialogues
            ]
            for name in options.rows.split(","):
                answers = apart(name, [task(name, unit, home, *each) for each in asked])
                questions = [question for _, several in asked for question in several]
                for keys in ("original", *(["corrected"] if options.keys else [])):
                    print_row(unit, judged(name, unit, questions, answers, keys), as_json=options.json)


def make_bases(dialogues: Sequence[Dialogue], unit: str, home: Path) -> None:
    """Import and embed what is not there yet, one base a dialogue."""
    questions = []
    for dialogue in dialogues:
        folder = home_of(home, dialogue.name, unit)
        folder.mkdir(parents=True, exist_ok=True)
        notes = folder / "notes.jsonl"
        lines = [json.dumps({"title": note.title, "text": note.text}) for note in dialogue.notes(unit)]
        notes.write_text("\n".join(lines), "utf-8")
        with contextlib.closing(App({"REKALL_HOME": str(folder)})) as app:
            base = app.open_base(to_write=True)
            if base.count() != len(lines) or base.stats().vectors < base.stats().passages:
                base.files.import_paths([notes], embedding=progress(dialogue.name))
            if base.count() != len(lines):
                sys.exit(f"error: {folder} holds {base.count()} entries, not {len(lines)}; remove it")
            ids = {entry.title.split()[0]: entry.id for entry in base.list_entries().entries}
        questions += [
            {
                "dialogue": dialogue.name,
                "question": asked.text,
                "evidence": [ids[name] for name in asked.evidence(unit, corrected=False)],
                "corrected": [ids[name] for name in asked.evidence(unit, corrected=True)],
                "category": asked.category,
            }
            for asked in dialogue.questions
            if asked.original
        ]
    print("\r\033[K", end="", file=sys.stderr)
    name = "questions.json" if unit == "session" else f"questions-{unit}.json"
    (home / name).write_text(json.dumps(questions, indent=1), "utf-8")


def progress(name: str) -> Callable[[int, int], None]:
    """Says on stderr how far the embedding is."""
    return lambda done, total: print(f"\r{name}: embedded {done} of {total}\033[K", end="", file=sys.stderr)


def home_of(home: Path, dialogue: str, unit: str) -> Path:
    """The folder of a dialogue's base."""
    return home / dialogue if unit == "session" else home / f"{dialogue}-{unit}s"


def task(row: str, unit: str, home: Path, dialogue: Dialogue, questions: Sequence[Question]) -> Task:
    """What a row needs of a dialogue, and no more: its peak is measured."""
    texts = {note.name: f"{note.title}\n{note.text}" for note in dialogue.notes(unit)} if row in PLAIN else {}
    return Task(home_of(home, dialogue.name, unit), tuple(asked.text for asked in questions), texts)


def apart(row: str, tasks: Sequence[Task]) -> Answers:
    """Ask in a fresh process, so that its peak is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(answer, [row, tasks])


def answer(row: str, tasks: Sequence[Task]) -> Answers:
    """All questions of all dialogues, asked one way."""
    ranked, seconds = [], []
    for each in tasks:
        with contextlib.closing(App({"REKALL_HOME": str(each.home)})) as app:
            ask = way(row, app, each.texts)
            for question in each.questions:
                start = time.perf_counter()
                ranked.append(tuple(ask(question)))
                seconds.append(time.perf_counter() - start)
    return Answers(tuple(ranked), tuple(seconds), peak_bytes())


def way(row: str, app: App, texts: Mapping[str, str]) -> Ask:
    """One way to search a dialogue."""
    if row in PLAIN:
        plain = PLAIN[row](texts)
        return lambda text: plain.search(text, K)
    base = app.open_base()
    return lambda text: [
        hit.entry.title.split()[0] for hit in base.search(text, mode=Mode(row), limit=K, literal=True).hits
    ]


def judged(row: str, unit: str, questions: Sequence[Question], answers: Answers, keys: str) -> Row:
    """A row by one set of keys."""
    evidence = (dict.fromkeys(asked.evidence(unit, corrected=keys == "corrected"), 1) for asked in questions)
    each = [figures(ranked, grades) for ranked, grades in zip(answers.ranked, evidence)]
    means = {name: statistics.fmean(figure[name] for figure in each) for name in each[0]}
    return Row(row, keys, len(each), means, 1000 * statistics.median(answers.seconds), answers.peak_bytes / 1e6)


def figures(ranked: Sequence[str], grades: Mapping[str, int]) -> dict[str, float]:
    """All measures of one question."""
    return {
        **{f"any@{most}": found_any(ranked, grades, most) for most in PLACES},
        **{f"all@{most}": found_all(ranked, grades, most) for most in PLACES},
        **{f"mean@{most}": recall(ranked, grades, most) for most in PLACES},
        "mrr": reciprocal_rank(ranked, grades),
        f"ndcg@{K}": ndcg(ranked, grades),
    }


def print_head(unit: str, categories: Sequence[int]) -> None:
    """The head of a Markdown table."""
    named = ", ".join(CATEGORIES[each] for each in categories)
    print(f"\n{unit}s ({named})\n")
    places = " | ".join(f"R@{most} any / all / mean" for most in PLACES)
    print(f"| row | keys | questions | {places} | MRR | nDCG@{K} | peak MB | ms |")
    print("|---|---|---|" + "---|" * (len(PLACES) + 4))


def print_row(unit: str, row: Row, *, as_json: bool) -> None:
    """A row as a line of the table, or as JSON."""
    if as_json:
        fields = {"unit": unit, "row": row.name, "keys": row.keys, "questions": row.questions, **row.figures}
        print(json.dumps({**fields, "query_ms": row.query_ms, "peak_mb": row.peak_mb}), flush=True)
        return
    found = row.figures
    cells = [" / ".join(f"{100 * found[f'{kind}@{most}']:.1f}" for kind in ("any", "all", "mean")) for most in PLACES]
    cells += [f"{found['mrr']:.3f}", f"{found[f'ndcg@{K}']:.3f}", f"{row.peak_mb:.0f}", f"{row.query_ms:.1f}"]
    print(f"| {row.name} | {row.keys} | {row.questions} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
