"""`rekall stats` and `rekall version`."""

from __future__ import annotations

import contextlib
import platform
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.cli.where import location
from rekall.wording import count_text, installed_version, printable, size_text

if TYPE_CHECKING:
    from rekall.knowledge.reports import MemoryReport

_TOP = 8
_MOST_SEARCHES = 10


@click.command()
@click.option(
    "--memory",
    is_flag=True,
    help="Also load the model and measure the memory of a command, and of a server with its engine.",
)
@click.option("--searches", is_flag=True, help="Show what was looked for and not found, and what is read most.")
@click.option("--forget", is_flag=True, help="Forget what was looked for and read.")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help=f"At most N of each, with --searches ({_MOST_SEARCHES}).",
)
@json_option
@pass_app
def stats(app: App, memory: bool, searches: bool, forget: bool, limit: int | None, as_json: bool) -> None:
    """Show what the base holds and how large it is."""
    if searches or forget:
        from rekall.cli.lookups import forget_searches, print_searches

        if forget:
            forget_searches(app, as_json=as_json)
        else:
            print_searches(app, limit or _MOST_SEARCHES, as_json=as_json)
        return
    served = None
    if memory:  # first, before this process has loaded anything
        with contextlib.closing(app.long_lived()) as server:
            served = server.open_base().index.memory()
    base = app.open_base()
    report = base.index.memory() if memory else None
    figures = base.stats()
    counts = figures.counts
    to_review = base.review.left_today(app.settings.whole("review.per_day"))
    versions, version_bytes = base.past.size()
    if as_json:
        out_json(
            {
                "entries": counts.entries,
                "by_type": counts.by_type,
                "by_status": counts.by_status,
                "by_project": counts.by_project,
                "tags": counts.tags,
                "links": counts.links,
                "to_review": to_review,
                "passages": figures.passages,
                "vectors": figures.vectors,
                "history": {"versions": versions, "bytes": version_bytes},
                "database": {"path": location(app), "bytes": figures.database_bytes},
                **(
                    {"memory": {**_memory_fields(report), "served": _memory_fields(served)}}
                    if report and served
                    else {}
                ),
            }
        )
        return
    rows = [
        [
            "entries",
            f"{counts.entries:,}"
            + (f"  ({counts.by_status['obsolete']:,} obsolete)" if "obsolete" in counts.by_status else ""),
        ],
        ["types", ", ".join(f"{name} {number:,}" for name, number in counts.by_type.items())],
        [
            "projects",
            printable(", ".join(f"{name} {number:,}" for name, number in list(counts.by_project.items())[:_TOP])),
        ],
        ["tags, links", f"{counts.tags:,}, {counts.links:,}"],
        ["to review", f"{to_review:,} today" + ("  (`rekall review`)" if to_review else "")],
        [
            "vectors",
            f"{figures.vectors:,} of {count_text(figures.passages, 'passage')}"
            + (f"  ({figures.embedder.text})" if figures.embedder else ""),
        ],
        ["history", f"{count_text(versions, 'earlier version')}, {size_text(version_bytes)}"],
        ["database", f"{size_text(figures.database_bytes)}  {printable(location(app))}"],
    ]
    if report and served:
        rows.append(["memory, a command", _memory_text(report)])
        rows.append(["memory, a server", _memory_text(served)])
    out(columns(rows))
    if report and report.problem:
        talk(f"\nproblem: {report.problem}")


def _memory_fields(report: MemoryReport) -> dict[str, int | str | None]:
    return {
        "before_bytes": report.before_bytes,
        "loaded_bytes": report.loaded_bytes,
        "child_bytes": report.child_bytes,
        "dropped_bytes": report.dropped_bytes,
        "peak_bytes": report.peak_bytes,
        "problem": report.problem or None,
    }


def _memory_text(report: MemoryReport) -> str:
    child = f" and {size_text(report.child_bytes)} in its engine" if report.child_bytes else ""
    return (
        f"{size_text(report.before_bytes)} before the model, {size_text(report.loaded_bytes)}{child} with it, "
        f"{size_text(report.dropped_bytes)} after dropping it, peak {size_text(report.peak_bytes)}"
    )


@click.command()
@json_option
def version(as_json: bool) -> None:
    """Show the versions of Rekall and its dependencies."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    def found(package: str) -> str:
        try:
            return version_of(package)
        except PackageNotFoundError:
            return "not installed"

    versions = {"rekall": installed_version()}
    versions |= {name: found(name) for name in ("onnxruntime", "tokenizers", "numpy", "apsw", "sqlite-vec")}
    versions["python"] = platform.python_version()
    versions["platform"] = platform.platform()
    if as_json:
        out_json({"versions": versions})
    else:
        out(columns([[name, number] for name, number in versions.items()]))
