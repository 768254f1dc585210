"""`rekall import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.apart import is_large, store_apart
from rekall.cli.options import json_option, on_terminal, pass_app
from rekall.cli.progress import progress_line
from rekall.cli.render import out, out_json, talk
from rekall.errors import BothChanged, InvalidInput, NotFound, PartialImport, UsageError
from rekall.knowledge import answers
from rekall.system.homes import below_home
from rekall.system.spelling import fitting
from rekall.wording import count_text, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rekall.knowledge.import_report import ImportReport

_SHOWN = 3
"""Files named for each kind of problem; `--report` and `--json` name all."""

_ASSISTANTS = ("claude-code", "copilot", "cursor", "gemini")


@click.command("import")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--type", "-t", "kind", metavar="TYPE", help="The type for notes that name none, or an unknown one (reference)."
)
@click.option(
    "--project",
    "-p",
    default="",
    metavar="NAME",
    help="The project for notes that name none; auto takes each one's folder.",
)
@click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave out what matches, as in a .gitignore; repeat for more."
)
@click.option(
    "--from", "assistant", metavar="ASSISTANT", help=f"The memories of an assistant: {', '.join(_ASSISTANTS)}."
)
@click.option("--dry-run", is_flag=True, help="Only report what would happen.")
@click.option(
    "--overwrite", is_flag=True, help="Take the file's version where both changed, and what was deleted here."
)
@click.option(
    "--prune", is_flag=True, help="Delete entries whose file or record is gone; `rekall restore` brings them back."
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the whole report to a file, as JSON.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask before reading an assistant's memories.")
@json_option
@pass_app
def import_files(
    app: App,
    paths: tuple[Path, ...],
    kind: str | None,
    project: str,
    exclude: tuple[str, ...],
    assistant: str | None,
    dry_run: bool,
    overwrite: bool,
    prune: bool,
    report_file: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Import notes: Markdown, JSON, Org, text, and what other tools export.

    Folders are walked. Run it again as often as you like: what is unchanged is skipped, what changed is updated, a file that
    moved stays the same entry.

    \b
    rekall import ~/notes
    rekall import ~/vault --project auto --exclude 'archive/'
    rekall import --from claude-code
    """  # noqa: D301  # click reads the \b
    from rekall.entry import rules
    from rekall.entry.types import EntryType
    from rekall.knowledge.files import ImportOptions

    unknown = rules.entry_type(kind) if kind else EntryType.REFERENCE
    named = [Path(each) for path in paths for each in fitting(str(path))]
    wanted = [*named, *(_memories(assistant, yes=yes) if assistant else ())]
    if not wanted:
        raise UsageError("name a file or a folder to import", "for example `rekall import ~/notes`")
    if report_file is not None:
        _check_report_file(report_file)
    options = ImportOptions(unknown, project, exclude, dry_run, overwrite, prune)
    with progress_line() as show:
        if is_large(wanted):
            report = store_apart(wanted, options, app.flags, app.door)
            base = app.open_base(to_write=not dry_run)
        else:
            base = app.open_base(to_write=not dry_run)
            report = base.files.store_texts(wanted, options, lambda done, total: show("reading", done, total))
        show("", 0, 0)
        if not as_json:  # said before the model begins, which may take minutes
            print_report(report, unknown.value, dry_run=dry_run, is_pruning=prune)
        if not dry_run:
            base.files.embed(report, lambda done, total: show("embedding (ctrl-c is safe)", done, total))
    fields = {"dry_run": dry_run, **report_fields(report)}
    if report_file is not None:
        import json

        from rekall.system.files import write_atomically

        write_atomically(report_file, json.dumps(fields, ensure_ascii=False, indent=2).encode() + b"\n", is_named=True)
    if as_json:
        out_json(fields)
    else:
        print_embedded(report)
    _end(report, dry_run=dry_run, is_silent=as_json)


def _check_report_file(path: Path) -> None:
    """Say before a long import that its report could not be written."""
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder", "name a file for the report")
    if not path.absolute().parent.is_dir():
        raise NotFound(f"{path.absolute().parent} does not exist", "name a file in a folder that is there")


def _end(report: ImportReport, *, dry_run: bool, is_silent: bool) -> None:
    """End with an exit code of its own where something could not be taken in, or both sides changed."""
    error: PartialImport | BothChanged | None = None
    if report.refused:
        what = count_text(len(report.refused), "item")
        error = PartialImport(
            f"{what} would be refused" if dry_run else f"{what} could not be taken in; the rest is stored",
            "mend them and run the same import again; it skips what is already stored",
        )
    elif report.conflicts:
        error = BothChanged(
            f"{count_text(len(report.conflicts), 'entry was', 'entries were')} changed here and in the file; both versions are kept",
            "`rekall show ID` names the other version; keep one, then delete the other",
        )
    if error is not None and is_silent:
        raise SystemExit(error.exit_code)
    if error is not None:
        raise error


def _memories(assistant: str, *, yes: bool) -> list[Path]:
    """The files in which an assistant keeps what it remembers, when the person agrees that they are read."""
    import os

    from rekall.entry.rules import nearest
    from rekall.exchange.assistants import find_memories

    if assistant not in _ASSISTANTS:
        near = nearest(assistant, _ASSISTANTS)
        raise UsageError(
            f"no assistant {assistant!r}", f"did you mean {near}?" if near else f"known: {', '.join(_ASSISTANTS)}"
        )
    found = find_memories(assistant, below_home(), Path.cwd(), os.environ)
    if not found:
        raise NotFound(
            f"no memories of {assistant} in its usual places", "name the folder instead: `rekall import FOLDER`"
        )
    if not yes:
        talk(f"{count_text(len(found), 'place')} where {assistant} keeps what it remembers:")
        for path in found:
            talk(f"  {printable(str(path))}")
        if not on_terminal():
            raise UsageError("nobody is there to say whether these may be read", "add --yes to read them")
        if not click.confirm("Read them?", default=True, err=True):
            raise SystemExit(0)
    return found


def report_fields(report: ImportReport) -> dict[str, Any]:
    """The report as JSON."""
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "moved": report.moved,
        "kept": report.kept,
        "conflicts": report.conflicts,
        "refused": [
            {"where": item.where, "message": item.error.message, "hint": item.error.hint} for item in report.refused
        ],
        "problems": [
            {"problem": problem, "count": len(files), "files": files}
            for problem, files in sorted(report.problems.items(), key=lambda item: -len(item[1]))
        ],
        "unknown_types": dict(report.unknown_types),
        "left_out": dict(report.left_out.most_common()),
        "ignored": report.ignored,
        "lost_links": report.lost_links,
        "deleted": report.deleted,
        "deleted_here": report.deleted_here,
        "gone": report.gone,
        "pruned": report.pruned,
        "restored": report.restored,
        "secrets": [{"where": where, **fields} for where, one in report.secrets for fields in answers.secrets([one])],
        "embedded": report.embedded,
        "pending": report.pending,
        "note": report.note or None,
        "warning": report.warning or None,
    }


def print_report(report: ImportReport, unknown: str, *, dry_run: bool, is_pruning: bool) -> None:
    """The report as a person reads it: one line of figures, then one a kind of problem."""
    counts = (
        (report.added, "added"),
        (report.updated, "updated"),
        (report.unchanged, "unchanged"),
        (len(report.kept), "kept"),
        (len(report.conflicts), "changed on both sides"),
        (report.deleted, "deleted"),
        (report.pruned, "deleted with their files"),
        (report.restored, "back with their files"),
        (len(report.refused), "refused"),
    )
    line = ", ".join(f"{number:,} {name}" for number, name in counts if number) or "nothing to import"
    moved = f" ({report.moved:,} of them moved)" if report.moved else ""
    out(f"{'would be: ' if dry_run else ''}{line}{moved}")
    for name, number in report.unknown_types.most_common(_SHOWN):
        talk(
            f"type {printable(name)!r} does not exist: {count_text(number, 'entry', 'entries')} became {unknown} (--type chooses another)"
        )
    _rest(len(report.unknown_types), "unknown types")
    for problem, files in sorted(report.problems.items(), key=lambda item: -len(item[1])):
        kept = "" if problem.startswith("encoding ") else "; kept as it was"
        talk(f"{printable(problem)}{kept}: {_files(files)}")
    _named("kept the entry here, which was changed later", report.kept)
    _named("changed here and in the file, both versions are kept", report.conflicts)
    if report.lost_links:
        talk(f"{count_text(report.lost_links, 'link')} left out: the other note is not in this base")
    if report.deleted_here:
        talk(
            f"{count_text(report.deleted_here, 'note')} left out: the entry was deleted here (`rekall restore` brings it back)"
        )
    if report.gone and not is_pruning:
        talk(
            f"{count_text(len(report.gone), 'entry has', 'entries have')} lost the file: {_files(report.gone)} (--prune deletes them)"
        )
    if report.secrets:
        places = [f"{where} ({secret.kind})" for where, secret in report.secrets]
        what = count_text(len(places), "text that looks", "texts that look")
        done = "masked" if report.secrets[0][1].is_masked else "stored; capture.secrets can mask or refuse them"
        talk(f"warning: {what} like a key or token ({done}): {_files(places)}")
    _print_left_out(report)
    for item in report.refused[:_SHOWN]:
        hint = f" ({item.error.hint})" if item.error.hint else ""
        talk(f"refused {printable(item.where)}: {printable(item.error.message + hint)}")
    _rest(len(report.refused), "refused")


def print_embedded(report: ImportReport) -> None:
    """What has no vector yet, and who or what makes that."""
    if report.note:
        talk(f"note: {report.note}")
    if report.warning:
        talk(f"\nwarning: stored, but without vectors for now: {report.warning}\n\nhint: {report.hint}")


def _print_left_out(report: ImportReport) -> None:
    templates = report.left_out.get("template", 0)
    if templates:
        talk(f"{count_text(templates, 'template')} left out")
    empty = report.left_out.get("empty", 0)
    if empty:
        talk(f"{count_text(empty, 'empty file')} left out")
    named = ("template", "empty")
    others = [(kind, number) for kind, number in report.left_out.most_common() if kind not in named]
    if others:
        kinds = ", ".join(f"{number:,} {printable(kind)}" for kind, number in others[:6])
        more = f" and {len(others) - 6:,} more kinds" if len(others) > 6 else ""
        talk(f"{count_text(sum(number for _, number in others), 'file')} of other kinds left out: {kinds}{more}")
    if report.ignored:
        talk(
            f"{count_text(report.ignored, 'file or folder', 'files and folders')} ignored (.gitignore, --exclude, made by tools)"
        )


def _named(what: str, files: Sequence[str]) -> None:
    if files:
        talk(f"{what}: {_files(files)}")


def _files(files: Sequence[str]) -> str:
    shown = ", ".join(printable(file) for file in files[:_SHOWN])
    return f"{shown} and {len(files) - _SHOWN:,} more" if len(files) > _SHOWN else shown


def _rest(number: int, what: str) -> None:
    if number > _SHOWN:
        talk(f"… and {number - _SHOWN:,} more {what} (--report FILE names all)")
