"""How well search finds what people judged relevant: nDCG@10, recall@10 and MRR@10 by words, meaning and both.

    python benchmarks/quality.py --data FOLDER [--json] [--keep FOLDER]

FOLDER is a BEIR set (corpus.jsonl, queries.jsonl, qrels/test.tsv, perhaps meta.json) or holds several. The
corpus is imported and searched by the product itself, in a base of its own; --keep lets that base stay for
the next run, which then skips the embedding.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from measures import K, ndcg, recall, reciprocal_rank

from rekall.app import App
from rekall.entry.filters import Filters
from rekall.knowledge_base import KnowledgeBase
from rekall.search.results import Mode
from rekall.store.sqlite import SqliteStore

MEASURES: Mapping[str, Callable[..., float]] = {f"ndcg@{K}": ndcg, f"recall@{K}": recall, f"mrr@{K}": reciprocal_rank}
MODES = (Mode.WORDS, Mode.MEANING, Mode.HYBRID)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a BEIR set, or a folder of several")
    parser.add_argument("--json", action="store_true", help="one JSON object a set")
    parser.add_argument("--keep", type=Path, help="where the bases stay")
    options = parser.parse_args()
    sets = (
        [options.data]
        if (options.data / "corpus.jsonl").exists()
        else sorted(path.parent for path in options.data.glob("*/queries.jsonl"))
    )
    if not sets:
        sys.exit(f"error: no BEIR set in {options.data}")
    results = []
    for folder in sets:
        with tempfile.TemporaryDirectory() as scratch:
            results.append(measure_set(folder, (options.keep or Path(scratch)) / folder.resolve().name))
        if options.json:
            print(json.dumps(results[-1]), flush=True)
        else:
            print_row(results[-1])
    if len(results) > 1 and not options.json:
        mean = {
            mode.value: {name: sum(result[mode.value][name] for result in results) / len(results) for name in MEASURES}
            for mode in MODES
        }
        print_row({"set": "mean", **mean})


def measure_set(folder: Path, home: Path) -> dict[str, Any]:
    """All three modes on one set."""
    app = App(environ={"REKALL_HOME": str(home)})
    base = app.open_base(to_write=True)
    try:
        base.files.import_paths(
            [folder / "corpus.jsonl"],
            embedding=lambda done, total: print(
                f"\r{folder.name}: embedded {done} of {total}", end="", file=sys.stderr
            ),
        )
        print("\r\033[K", end="", file=sys.stderr)
        names = names_by_id(home / "rekall.db", folder)
        judged = list(read_queries(folder))
        return {
            "set": folder.resolve().name,
            **{mode.value: measure_mode(base, names, judged, mode, skip_self=skips_self(folder)) for mode in MODES},
        }
    finally:
        app.close()


def measure_mode(
    base: KnowledgeBase,
    names: Mapping[str, str],
    judged: list[tuple[str, str, dict[str, int]]],
    mode: Mode,
    *,
    skip_self: bool,
) -> dict[str, float]:
    """The means over all judged queries."""
    totals = dict.fromkeys(MEASURES, 0.0)
    for query_id, text, grades in judged:
        found = [names[hit.entry.id] for hit in base.search(text, Filters(), mode, K + 1, literal=True).hits]
        ranked = [name for name in found if not (skip_self and name == query_id)]
        for name, function in MEASURES.items():
            totals[name] += function(ranked, grades)
    return {name: round(total / len(judged), 4) for name, total in totals.items()}


def names_by_id(database: Path, folder: Path) -> dict[str, str]:
    """From the entries' ids to the ids of the set: the import keeps the order of the corpus."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as file:
        names = [str(json.loads(line)["_id"]) for line in file if line.strip()]
    with contextlib.closing(SqliteStore(database)) as store:
        ids = store.entries.ids_in_order()
    if len(ids) != len(names):
        sys.exit(f"error: {len(names)} documents, but {len(ids)} entries in the base; remove the kept base")
    return dict(zip(ids, names))


def read_queries(folder: Path) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Id, text and grades of every query that was judged."""
    grades: dict[str, dict[str, int]] = {}
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as file:
        for row in list(csv.reader(file, delimiter="\t"))[1:]:
            if int(row[2]) > 0:
                grades.setdefault(row[0], {})[row[1]] = int(row[2])
    with (folder / "queries.jsonl").open(encoding="utf-8") as file:
        for line in file:
            query = json.loads(line)
            if str(query["_id"]) in grades:
                yield str(query["_id"]), query["text"], grades[str(query["_id"])]


def skips_self(folder: Path) -> bool:
    """Whether queries are documents themselves, to be skipped in their own results."""
    path = folder / "meta.json"
    return path.exists() and bool(json.loads(path.read_text("utf-8")).get("exclude_self"))


def print_row(result: dict[str, Any]) -> None:
    """A line of a Markdown table."""
    cells = [f"{result[mode.value][name]:.3f}" for name in MEASURES for mode in MODES]
    best = max(result["words"][f"ndcg@{K}"], result["meaning"][f"ndcg@{K}"])
    print(f"| {result['set']} | {' | '.join(cells)} | {result['hybrid'][f'ndcg@{K}'] - best:+.3f} |", flush=True)


if __name__ == "__main__":
    main()
