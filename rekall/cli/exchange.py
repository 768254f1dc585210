"""`rekall import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.progress import progress_bar
from rekall.cli.render import LATER, out, out_json, talk
from rekall.errors import PartialImport
from rekall.wording import count_text, printable

if TYPE_CHECKING:
    from rekall.knowledge.importing import ImportReport

_SHOWN = 10


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--type", "-t", "kind", metavar="TYPE", help="The type for entries that name none, or an unknown one (reference)."
)
@click.option("--dry-run", is_flag=True, help="Only report what would happen.")
@click.option("--overwrite", is_flag=True, help="Take the file's version where both changed.")
@json_option
@pass_app
def import_files(
    app: App, paths: tuple[Path, ...], kind: str | None, dry_run: bool, overwrite: bool, as_json: bool
) -> None:
    """Import Markdown files, folders of them, .json and .jsonl.

    Files imported before are skipped if unchanged, and update their entry if not.
    """
    from rekall.entry import rules
    from rekall.entry.types import EntryType

    unknown = rules.entry_type(kind) if kind else EntryType.REFERENCE
    base = app.open_base(to_write=not dry_run)
    with progress_bar("reading") as reading, progress_bar("embedding") as embedding:
        report = base.files.import_paths(
            paths,
            unknown,
            dry_run=dry_run,
            overwrite=overwrite,
            reading=lambda count: reading(count, 0),
            embedding=embedding,
        )
    if as_json:
        out_json({"dry_run": dry_run, **_report_fields(report)})
    else:
        _print_report(report, unknown.value, dry_run=dry_run)
    if report.refused:
        if not as_json:
            raise PartialImport(
                f"{count_text(len(report.refused), 'item was', 'items were')} refused; the rest is stored"
                if not dry_run
                else f"{count_text(len(report.refused), 'item')} would be refused",
                "correct them and run the same import again; it skips what is already stored",
            )
        raise SystemExit(PartialImport.exit_code)


def _report_fields(report: ImportReport) -> dict[str, Any]:
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "kept": report.kept,
        "refused": [
            {"where": item.where, "message": item.error.message, "hint": item.error.hint} for item in report.refused
        ],
        "unknown_types": dict(report.unknown_types),
        "lost_links": report.lost_links,
        "embedded": report.embedded,
        "warning": report.warning or None,
    }


def _print_report(report: ImportReport, unknown: str, *, dry_run: bool) -> None:
    counts = (
        (report.added, "added"),
        (report.updated, "updated"),
        (report.unchanged, "unchanged"),
        (len(report.kept), "kept"),
        (len(report.refused), "refused"),
    )
    line = ", ".join(f"{number:,} {name}" for number, name in counts if number) or "nothing to import"
    out(f"{'would be: ' if dry_run else ''}{line}")
    for name, number in report.unknown_types.most_common():
        talk(
            f"type {printable(name)!r} does not exist: {count_text(number, 'entry', 'entries')} became {unknown} (--type chooses another)"
        )
    for where in report.kept[:_SHOWN]:
        talk(
            f"kept the entry, which was edited here after its import: {printable(where)} (--overwrite takes the file's version)"
        )
    if report.lost_links:
        talk(f"{count_text(report.lost_links, 'link')} left out: the other entry is not in this base")
    for item in report.refused[:_SHOWN]:
        hint = f" ({item.error.hint})" if item.error.hint else ""
        talk(f"refused {printable(item.where)}: {printable(item.error.message + hint)}")
    for number in (len(report.kept) - _SHOWN, len(report.refused) - _SHOWN):
        if number > 0:
            talk(f"… and {number:,} more")
    if report.warning:
        talk(f"\nwarning: stored, but without vectors for now: {report.warning}\n\nhint: {report.hint or LATER}")
