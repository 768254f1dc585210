"""`rekall backup` and `rekall restore-base`: copies of the whole base, and one of them in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import json_option, on_terminal, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.entry.times import local_time, written
from rekall.errors import Interrupted, NotFound, UsageError
from rekall.wording import count_text, printable, shell_word, size_text

if TYPE_CHECKING:
    from rekall.store.findings import BaseCopy

_KINDS = {
    "backup": "backup",
    "before-restore": "what was there before a restore",
    "before-migration": "what an earlier Rekall left",
    "before-repair": "what was there before a repair",
}


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--keep", type=click.IntRange(1, 1_000), metavar="N", help="Keep N copies in the folder of backups.")
@click.option("--force", is_flag=True, help="Replace FILE, whatever it is.")
@click.option("--list", "listing", is_flag=True, help="List the copies that there are, and make none.")
@json_option
@pass_app
def backup(app: App, file: Path | None, keep: int | None, force: bool, listing: bool, as_json: bool) -> None:
    """Copy the whole base into one file, while it is in use.

    FILE may be a folder; without it, the backup goes into the folder of backups. An earlier backup of that name is replaced, anything else is not. Without FILE, the oldest
    backups are removed: five stay, or as many as `--keep` or the setting backup.keep says.
    """
    base = app.base_file()
    if listing:
        _list(app, base.copies(), as_json=as_json)
        return
    if file is not None and str(file) == "-":
        raise UsageError(
            "a base cannot be written to stdout",
            "name a file; `rekall export --format jsonl -` writes every entry to stdout",
        )
    if file is not None and keep is not None:
        raise UsageError("--keep is for the folder of backups", "leave out FILE, or --keep")
    copy, removed = base.back_up(file, keep or app.settings.whole("backup.keep"), replace=force)
    if as_json:
        out_json({"backup": _fields(copy), "removed": [str(path) for path in removed]})
        return
    out(printable(str(copy.path)))
    talk(f"{count_text(copy.entries or 0, 'entry', 'entries')}, {size_text(copy.bytes)}, verified")
    if removed:
        talk(f"removed {count_text(len(removed), 'older backup')}")


@click.command("restore-base")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@pass_app
def restore_base(app: App, file: Path, yes: bool, as_json: bool) -> None:
    """Put a backup in the place of the base.

    A copy of what is there is made first, and named. The file is looked at first: only a whole base is taken. Programs that have the base open see the restored one.
    """
    if not file.exists():
        raise NotFound(f"{printable(str(file))} does not exist", "`rekall backup --list` names the copies there are")
    if not yes and not on_terminal():
        raise UsageError("restore-base asks before it replaces the base, and there is no terminal", "add --yes")

    def agreed(found: BaseCopy) -> bool:
        if yes:
            return True
        what = f"{count_text(found.entries or 0, 'entry', 'entries')} of {local_time(found.made_at)}"
        return click.confirm(f"replace {printable(str(app.places.database))} with {what}?", err=True)

    done = app.base_file().restore(file, app.settings.whole("backup.keep"), agreed)
    if done is None:
        raise Interrupted("nothing was restored", "")
    restored, kept = done
    if as_json:
        out_json({"restored": _fields(restored), "before": _fields(kept) if kept else None})
        return
    out(f"restored {count_text(restored.entries or 0, 'entry', 'entries')} from {printable(str(restored.path))}")
    if kept is not None:
        talk(f"what was there before: {printable(str(kept.path))}")
        talk(f"\nhint: to undo this, `rekall restore-base {printable(shell_word(kept.path))}`")


def _list(app: App, copies: Any, *, as_json: bool) -> None:
    """The copies that there are, the latest first."""
    if as_json:
        out_json({"folder": str(app.places.backups), "backups": [_fields(copy) for copy in copies]})
    elif copies:
        rows = [
            [local_time(copy.made_at), size_text(copy.bytes), _KINDS[copy.reason], printable(str(copy.path))]
            for copy in copies
        ]
        out(columns(rows))
    else:
        talk("there are no backups yet; `rekall backup` makes one")


def _fields(copy: BaseCopy) -> dict[str, Any]:
    """A copy for programs."""
    return {
        "path": str(copy.path),
        "reason": copy.reason,
        "made_at": written(copy.made_at),
        "bytes": copy.bytes,
        "entries": copy.entries,
    }
