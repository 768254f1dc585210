"""`rekall check`: what is wrong with the base, and its repair."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import out, out_json, talk
from rekall.errors import RekallError, StorageError
from rekall.wording import count_text, printable, shell_word

if TYPE_CHECKING:
    from rekall.knowledge.checking import Report
    from rekall.store.findings import Finding, Mended


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repair", is_flag=True, help="Mend what is wrong; a copy of the base as it is is made first.")
@json_option
@pass_app
def check(app: App, file: Path | None, repair: bool, as_json: bool) -> None:
    """Look at everything in the base, and mend what is wrong.

    Every page, row and index is looked at, and files, model and backups around it; with FILE, another base or a backup.
    Nothing is changed without --repair. Ends with 5 when something is wrong.
    """
    checker = (app if file is None else app.over(file.absolute())).checker()
    try:
        report = checker.repair() if repair else checker.check()
    except RekallError as error:
        error.hint = _of_file(error.hint, file)
        raise
    report = replace(report, findings=tuple(replace(each, hint=_of_file(each.hint, file)) for each in report.findings))
    if as_json:
        out_json(_fields(report))
    else:
        _print(report, _of_file("`rekall check --repair`", file))
    if report.problems:
        raise click.exceptions.Exit(StorageError.exit_code)


def _of_file(hint: str, file: Path | None) -> str:
    """A hint with commands that look at the same file."""
    if file is None:
        return hint
    named = shell_word(file)
    return hint.replace("`rekall check --repair`", f"`rekall check --repair {named}`").replace(
        "`rekall check`", f"`rekall check {named}`"
    )


def _print(report: Report, repair: str) -> None:
    """The report for people: a line for each thing that was looked at."""
    wide = max((len(finding.topic) for finding in report.findings), default=0)
    for finding in report.findings:
        out(f"{finding.level.value:<7}  {finding.topic:<{wide}}  {printable(finding.text)}")
        for line in (*finding.details, *([f"-> {finding.hint}"] if finding.hint else [])):
            out(f"{'':<{wide + 11}}{printable(line)}")
    if report.mended is not None:
        out("")
        for line in _what_was_mended(report.mended):
            out(printable(line))
    if report.swept:
        out(f"swept: {count_text(len(report.swept), 'file')} of processes that have ended")
    talk("")
    if report.problems:
        found = count_text(report.problems, "problem")
        mends = any(_is_mended_here(finding) for finding in report.findings)
        talk(f"{found}; {repair} mends what it can" if mends else f"{found}; see the lines that begin with ->")
    else:
        talk("mended: everything is fine now" if report.mended else "everything is fine")


def _what_was_mended(mended: Mended) -> list[str]:
    lines = [
        f"mended: {count_text(mended.entries, 'entry', 'entries')} in the base",
        f"the base as it was: {mended.copy}",
    ]
    if mended.set_aside is not None:
        lines.append(f"what could not stay as it was ({count_text(mended.lines, 'line')}): {mended.set_aside}")
    if mended.changed_count:
        lines.append(f"kept, but not as they were ({mended.changed_count}):")
        lines += [f"  {line}" for line in mended.changed]
        if mended.changed_count > len(mended.changed):
            lines.append(f"  and {mended.changed_count - len(mended.changed)} more")
    if mended.lost_count:
        lines.append(f"lost, with nothing left of them ({mended.lost_count}); a backup may hold them:")
        lines += [f"  {entry_id}" for entry_id in mended.lost]
        if mended.lost_count > len(mended.lost):
            lines.append(f"  and {mended.lost_count - len(mended.lost)} more")
    return lines


def _is_mended_here(finding: Finding) -> bool:
    return "check --repair" in finding.hint


def _fields(report: Report) -> dict[str, Any]:
    """The report for programs."""
    mended = report.mended
    return {
        "ok": not report.problems,
        "problems": report.problems,
        "path": str(report.database),
        "entries": report.entries,
        "findings": [
            {
                "topic": finding.topic,
                "level": finding.level.value,
                "text": finding.text,
                "hint": finding.hint or None,
                "details": list(finding.details),
            }
            for finding in report.findings
        ],
        "repaired": {
            "copy": str(mended.copy),
            "entries": mended.entries,
            "set_aside": str(mended.set_aside) if mended.set_aside else None,
            "set_aside_lines": mended.lines,
            "changed": list(mended.changed),
            "changed_count": mended.changed_count,
            "lost": list(mended.lost),
            "lost_count": mended.lost_count,
        }
        if mended
        else None,
        "swept": [str(each.path) for each in report.swept],
    }
