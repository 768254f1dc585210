"""`rekall bench`: how well searches find what is known to be right, and what they cost here."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.progress import progress_bar
from rekall.cli.render import columns, out, out_json, talk
from rekall.errors import InvalidInput, NotFound, UsageError
from rekall.wording import count_text, size_text

if TYPE_CHECKING:
    from rekall.entry.fields import Entry
    from rekall.knowledge.judged import Document, Judged
    from rekall.knowledge.measuring import Figures
    from rekall.knowledge_base import KnowledgeBase
    from rekall.search.results import Mode

_PAGE = 500
"""Entries read at once where their titles are wanted."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A base to search, and queries whose answers are known there by id."""

    name: str
    database: Path
    entries: int
    queries: list[Judged]


@dataclass(frozen=True, slots=True)
class _Row:
    """What one mode found, and what it took."""

    mode: Mode
    figures: Figures
    query_s: float
    peak_bytes: int


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--own", is_flag=True, help="Ask your own base for a sample of its titles.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Measure the speed and memory of a model instead, as `rekall model bench` does; all for every installed one.",
)
@json_option
@pass_app
def bench(app: App, folder: Path | None, own: bool, models: tuple[str, ...], as_json: bool) -> None:
    """Measure what searches find, and what they cost on this machine.

    Without FOLDER, the sample notes are asked for what is known to be in them. FOLDER is a set in the BEIR format:
    corpus.jsonl, queries.jsonl and qrels/test.tsv. Either is imported into a base of its own, which is deleted
    afterwards; with --own, your base is searched as it is, and nothing in it changes. Each mode is a process of its own.

    To try another model, give it to the command: rekall --set engine.model=NAME bench FOLDER.
    """
    if (folder is not None) + own + bool(models) > 1:
        raise UsageError("FOLDER, --own and --model measure different things", "give one of them")
    if models:
        measure_models(app, () if "all" in models else models, as_json=as_json)
        return
    with contextlib.ExitStack() as stack:
        if own:
            prepared = _own(app)
        else:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rekall-bench-")))
            prepared = _set(app, folder, scratch) if folder else _samples(app, scratch)
        rows, remarks = _measure(app, prepared)
    if as_json:
        out_json(_fields(prepared, rows, remarks))
        return
    queries = count_text(len(prepared.queries), "query", "queries")
    out(f"{prepared.name}: {count_text(prepared.entries, 'entry', 'entries')}, {queries}\n")
    out(columns([_HEAD, *map(_cells, rows)]))
    for remark in remarks:
        talk(f"\nnote: {remark}")


def measure_models(app: App, names: Sequence[str], *, as_json: bool) -> None:
    """Measure what models cost, each in its own process; without names, all installed ones."""
    from rekall.models.bench import bench as measure

    folders = [app.library.folder(name) for name in names] or list(app.library.folders())
    costs = {}
    with progress_bar("measuring") as progress:
        for done, folder in enumerate(folders):
            progress(done, len(folders))
            costs[folder.name] = measure(folder, app.settings.whole("engine.threads"), app.engine_backend)
    if as_json:
        out_json({"models": [{"name": name, **asdict(cost)} for name, cost in costs.items()]})
        return
    head = ["model", "cold start", "query", "bulk", "RAM, query", "RAM, bulk", "fidelity"]
    rows = [
        [
            name,
            f"{cost.cold_s:.2f} s",
            f"{cost.query_s * 1000:.2f} ms",
            f"{cost.texts_per_s:,.0f} texts/s",
            size_text(cost.query_peak_bytes),
            size_text(cost.bulk_peak_bytes),
            f"{cost.min_cosine:.5f}",
        ]
        for name, cost in costs.items()
    ]
    out(columns([head, *rows]))


def _own(app: App) -> _Prepared:
    """The user's base, asked for a sample of its titles."""
    from rekall.knowledge.judged import known_answers

    base = app.open_base()
    queries = known_answers(_active(base))
    if not queries:
        raise InvalidInput("the base holds no active entry", "add or import some first, or run `rekall bench` alone")
    return _Prepared("your base", app.places.database, base.count(), queries)


def _active(base: KnowledgeBase) -> Iterator[Entry]:
    """The entries that still hold, some at a time."""
    from rekall.entry.filters import Filters
    from rekall.entry.types import Status

    active = Filters(status=Status.ACTIVE)
    for offset in range(0, base.count(), _PAGE):
        yield from base.list_entries(active, _PAGE, offset).entries


def _samples(app: App, scratch: Path) -> _Prepared:
    """The sample notes, imported as `rekall import` does."""
    from rekall.knowledge.judged import read_samples, sample_folder

    notes = sample_folder() / "notes"
    if not notes.is_dir():
        raise NotFound("this installation has no sample notes", "name a BEIR folder, or use --own")
    with contextlib.closing(app.over(scratch / "rekall.db")) as beside:
        base = _imported(beside, notes)
        ids = {Path(base.get(entry.id).origin).stem: entry.id for entry in base.list_entries().entries}
        queries = [query.renamed(ids) for query in read_samples()]
        return _Prepared("sample notes", beside.places.database, base.count(), queries)


def _set(app: App, folder: Path, scratch: Path) -> _Prepared:
    """A BEIR folder, imported with ids of our own making."""
    from rekall.knowledge.judged import read_documents, read_judged

    judged = read_judged(folder)
    ids: dict[str, str] = {}
    corpus = scratch / "corpus.jsonl"
    with corpus.open("w", encoding="utf-8") as file:
        for number, document in enumerate(read_documents(folder)):
            ids[document.name] = f"{number:026d}"  # a ULID of the first milliseconds of 1970
            file.write(_line(document, ids[document.name]))
    queries = [query for query in (query.renamed(ids) for query in judged) if query.grades]
    if not queries:
        hint = "qrels/test.tsv has to name documents of corpus.jsonl"
        raise InvalidInput(f"{folder}: no document answers a judged query", hint)
    with contextlib.closing(app.over(scratch / "rekall.db")) as beside:
        base = _imported(beside, corpus)
        if missing := len(ids) - base.count():
            talk(f"note: {count_text(missing, 'document')} left out: nothing in there, or nothing that can be stored")
        return _Prepared(folder.resolve().name, beside.places.database, base.count(), queries)


def _line(document: Document, entry_id: str) -> str:
    return json.dumps({"id": entry_id, "title": document.title, "content": document.text}) + "\n"


def _imported(app: App, path: Path) -> KnowledgeBase:
    """A new base with what lies at a path, embedded."""
    base = app.open_base(to_write=True)
    with progress_bar("embedding") as progress:
        report = base.files.import_paths([path], embedding=progress)
    if report.warning:
        talk(f"note: {report.warning}")
    return base


def _measure(app: App, prepared: _Prepared) -> tuple[list[_Row], list[str]]:
    """A row for each mode that can answer, and what there is to know of them."""
    from rekall.cli.asking_apart import ask_apart
    from rekall.knowledge.measuring import ASKED, judge, mean
    from rekall.search.results import Mode

    rows, remarks = [], []
    texts = [query.text for query in prepared.queries]
    with progress_bar("searching") as progress:
        for done, mode in enumerate((Mode.WORDS, Mode.MEANING, Mode.HYBRID)):
            progress(done, 3)
            asked = ask_apart(prepared.database, app.flags, mode, texts, ASKED)
            if asked.remark:
                remarks.append(asked.remark)
            if asked.used is not mode:
                continue
            figures = mean([judge(query, found) for query, found in zip(prepared.queries, asked.found)])
            rows.append(_Row(mode, figures, median(asked.seconds), asked.peak_bytes))
    return rows, list(dict.fromkeys(remarks))


_HEAD = ["search by", "first hit", "recall@10", "nDCG@10", "MRR@10", "median", "peak RAM"]


def _cells(row: _Row) -> list[str]:
    found = row.figures
    shares = [f"{value:.3f}" for value in (found.first_hit, found.recall, found.ndcg, found.mrr)]
    return [row.mode.value, *shares, f"{row.query_s * 1000:.1f} ms", size_text(row.peak_bytes)]


def _fields(prepared: _Prepared, rows: Sequence[_Row], remarks: Sequence[str]) -> dict[str, Any]:
    return {
        "set": prepared.name,
        "entries": prepared.entries,
        "queries": len(prepared.queries),
        "modes": [
            {"mode": row.mode.value, **asdict(row.figures), "query_s": row.query_s, "peak_bytes": row.peak_bytes}
            for row in rows
        ],
        "notes": list(remarks),
    }
