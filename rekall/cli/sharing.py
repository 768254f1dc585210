"""`rekall share` and `rekall take`: copies of entries in another base, and what changed in them since."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from rekall.app import OWN, App
from rekall.cli.naming import METAVAR
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import out, out_json, talk
from rekall.cli.where import in_base
from rekall.errors import PartialSync, SyncConflicted, UsageError
from rekall.wording import count_text, in_a_row, printable

if TYPE_CHECKING:
    from rekall.sync.sharing import Copied, CopyReport, Sharing

_DRY = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


@click.command()
@click.argument("names", metavar=f"{METAVAR}...", nargs=-1, required=True)
@click.option("--to", "base", metavar="NAME", required=True, help="The base that they are copied to.")
@click.option("--with-secrets", is_flag=True, help="Copy entries that hold what looks like a secret, too.")
@_DRY
@json_option
@pass_app
def share(app: App, names: tuple[str, ...], base: str, with_secrets: bool, dry_run: bool, as_json: bool) -> None:
    """Copy entries of your own to another base, or what changed in them since.

    A copy has the id of its original, and lives on by itself. Sharing it again gives what you changed since, merged by field with what was
    changed there; what both changed in the same place is left alone until you take it. Links come along where their other ends are there.
    """
    _check(base)
    ids = in_base(app, OWN, names)
    _copy(
        app, base, ids, lambda sharing: sharing.share(ids, is_dry=dry_run, with_secrets=with_secrets), as_json=as_json
    )


@click.command()
@click.argument("names", metavar=f"{METAVAR}...", nargs=-1, required=True)
@click.option("--from", "base", metavar="NAME", required=True, help="The base that they are copied from.")
@_DRY
@json_option
@pass_app
def take(app: App, names: tuple[str, ...], base: str, dry_run: bool, as_json: bool) -> None:
    """Copy entries of another base to your own, or what changed in them since.

    A copy has the id of its original. Taking it again takes what was changed there since, merged by field with what you changed; of what
    both changed in the same place yours stays, and an entry that contradicts it keeps the other.
    """
    _check(base)
    ids = in_base(app, base, names)
    _copy(app, base, ids, lambda sharing: sharing.take(ids, is_dry=dry_run), as_json=as_json)


def _check(base: str) -> None:
    if base == OWN:
        raise UsageError("your own base is the one end of it", "name the other: `rekall base list` shows them")


def _copy(app: App, base: str, ids: list[str], copy: Callable[[Sharing], CopyReport], *, as_json: bool) -> None:
    """Copy, make vectors of what came, and say what was done."""
    from rekall.beside import sharing
    from rekall.cli.sync_report import embed_what_came

    if not ids:
        talk("nothing to copy: no ids on stdin")
        return
    report = copy(sharing(app, base))
    is_shared = click.get_current_context().info_name == "share"
    origin, to = (OWN, base) if is_shared else (base, OWN)
    came = [each.entry_id for each in report.copied]
    to_go_on = f"rekall -b {to} index rebuild --vectors" if is_shared else "rekall index rebuild --vectors"
    remark = "" if report.is_dry else embed_what_came(app.open_base(to), came, to_go_on, app.open_base(origin))
    if as_json:
        out_json(_fields(report))
    else:
        _print(app, report, base, is_shared=is_shared)
        if remark:
            talk(remark)
    _end(report, as_json=as_json)


def _print(app: App, report: CopyReport, base: str, *, is_shared: bool) -> None:
    end = "to" if is_shared else "from"
    back = f"rekall take {{}} --from {base}" if is_shared else f"rekall share {{}} --to {base}"
    short = app.open_base(OWN if is_shared else base).short_ids([each.entry_id for each in report.copied])
    for each in report.copied:
        out(f"{short[each.entry_id]}  {in_a_row(each.title)}: {_said(each, is_dry=report.is_dry)}")
        if each.was_deleted:
            was = f"it had been deleted in {base} since" if is_shared else "you had deleted it"
            talk(f"  {was}; this {'would bring' if report.is_dry else 'brings'} it back")
        if each.left_links:
            talk(
                f"  {count_text(each.left_links, 'link')} left out: what they lead to is not {'there' if is_shared else 'here'}"
            )
        if each.ahead and each.what.value != "added":
            side = f"{base} has" if is_shared else "you have"
            talk(
                f"  {side} changes in {_names(each.ahead)}; `{back.format(short[each.entry_id])}` copies them {'here' if is_shared else 'there'}"
            )
        if each.kept_as:
            talk(f"  both changed {_names(each.conflicts)}: yours stays, {each.kept_as} keeps what {base} says")
    for refused in report.refused:
        talk(f"  left alone: {printable(refused.path)}: {refused.why}; {refused.hint}")
    copied = sum(each.what.value != "same" for each in report.copied)
    would = "would be " if report.is_dry else ""
    talk(f"{count_text(copied, 'entry', 'entries')} {would}copied {end} {base}")


def _said(copied: Copied, *, is_dry: bool) -> str:
    would = "would be " if is_dry else ""
    if copied.what.value == "changed":
        return f"{would}changed: {_names(copied.fields)}" if copied.fields else f"{would}kept beside"
    return f"{would}added" if copied.what.value == "added" else "nothing new"


def _names(fields: tuple[str, ...]) -> str:
    return ", ".join(fields).replace("_", " ")


def _fields(report: CopyReport) -> dict[str, Any]:
    return {
        "dry_run": report.is_dry,
        "copied": [
            {
                "id": each.entry_id,
                "title": each.title,
                "what": each.what.value,
                "fields": list(each.fields),
                "ahead": list(each.ahead),
                "left_links": each.left_links,
                "kept_as": each.kept_as or None,
                "conflicts": list(each.conflicts),
                "was_deleted": each.was_deleted,
            }
            for each in report.copied
        ],
        "refused": [{"where": each.path, "message": each.why, "hint": each.hint} for each in report.refused],
    }


def _end(report: CopyReport, *, as_json: bool) -> None:
    """End with an exit code of its own where something was left alone, or is in conflict."""
    conflicts = sum(bool(each.conflicts) for each in report.copied)
    error: PartialSync | SyncConflicted | None = None
    if report.refused:
        error = PartialSync(f"{count_text(len(report.refused), 'entry', 'entries')} left alone", "see above why")
    elif conflicts and not report.is_dry:
        error = SyncConflicted(
            f"{count_text(conflicts, 'entry', 'entries')} changed here and there in the same place; both versions are kept",
            "`rekall merge A B` makes one of them; then share it again",
        )
    if error is not None and as_json:
        raise SystemExit(error.exit_code)
    if error is not None:
        raise error
