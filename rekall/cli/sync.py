"""`rekall sync`: the base and a folder become the same."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import Duration, json_option, on_terminal, pass_app
from rekall.cli.render import ANSWERS, columns, out, out_json, talk
from rekall.errors import GitError, NotFound, PartialSync, RekallError, SyncConflicted, UsageError
from rekall.wording import age_text, count_text, printable, shell_word

if TYPE_CHECKING:
    from rekall.knowledge_base import KnowledgeBase
    from rekall.sync.doing import Done, Wanted
    from rekall.sync.reports import SyncedFolder

_STATUS = "status"
"""As the first word it asks for the status; a folder of that name is ./status."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the sync of a folder ended: what was done, what went wrong, or both."""

    folder: Path
    done: Done | None = None
    error: RekallError | None = None


@click.command()
@click.argument("words", nargs=-1, metavar="[FOLDER]")
@click.option(
    "--status", "is_status", is_flag=True, help="List the folders, and what a sync would do; `rekall sync status` too."
)
@click.option("--dry-run", is_flag=True, help="Only report what would happen.")
@click.option(
    "--git/--no-git", "git", default=None, help="Go through git, making the folder a repository; or leave git out."
)
@click.option("--watch", is_flag=True, help="Stay, and sync whenever the folder or the base changes.")
@click.option(
    "--every",
    type=Duration(),
    metavar="DURATION",
    help="With --watch: how often git's remote is asked, and everything looked at (5m).",
)
@click.option("--with-secrets", is_flag=True, help="Write and commit what looks like a key or token too.")
@click.option("--allow-many-deletions", is_flag=True, help="Delete even where much of one side is gone.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing, and delete even where much of one side is gone.")
@click.option("--forget", is_flag=True, help="Keep the base and FOLDER as they are, and sync them no more.")
@json_option
@pass_app
@click.pass_context
def sync(
    context: click.Context,
    app: App,
    words: tuple[str, ...],
    is_status: bool,
    dry_run: bool,
    git: bool | None,
    watch: bool,
    every: float | None,
    with_secrets: bool,
    allow_many_deletions: bool,
    yes: bool,
    forget: bool,
    as_json: bool,
) -> None:
    """Make the base and a folder of notes the same, whoever changed what.

    Every entry is a Markdown file in FOLDER; changes, deletions and restorations go both ways, and what both changed is merged. Without FOLDER, every
    folder is synced that was before. A folder that is a git repository is committed, merged with its remote and pushed.
    """
    from rekall.sync.doing import Wanted

    if words[:1] == (_STATUS,):
        is_status, words = True, words[1:]
    folder = _folder(words)
    _check(folder, is_status=is_status, dry_run=dry_run, watch=watch, every=every, forget=forget, as_json=as_json)
    wanted = Wanted(git, with_secrets, allow_many_deletions or yes, dry_run or is_status)
    base = app.open_base(to_write=not (dry_run or is_status))
    if folder is not None and not (dry_run or is_status or forget or yes or as_json) and on_terminal():
        _ask_about_strangers(base, folder)
    if is_status:
        if ANSWERS in context.meta:
            context.meta[ANSWERS].takes_effect = False
        _status(base, folder, wanted, as_json=as_json)
    elif forget and folder is not None:
        _forget(base, folder, as_json=as_json)
    elif watch:
        from rekall.cli.sync_watch import watch_folder

        watch_folder(app, folder or _only(base), wanted, every)
    else:
        places = [folder] if folder is not None else _known(base)
        _end(_sync_all(base, places, wanted, as_json=as_json), dry_run=dry_run, as_json=as_json)


def _ask_about_strangers(base: KnowledgeBase, folder: Path) -> None:
    """Ask before a first sync changes the files of somebody who may not expect it."""
    from rekall.cli.asking import ask
    from rekall.cli.progress import progress_line
    from rekall.sync.doing import strangers

    with progress_line() as tell:
        count = strangers(base.sync, folder, tell)
    if count:
        what = count_text(count, "note")
        question = f"{printable(str(folder))} holds {what} that Rekall does not know. Take {'it' if count == 1 else 'them'} in, and write an `id` into each file?"
        ask(question, "nothing done; `--dry-run` shows what would be", as_json=False)


def _folder(words: Sequence[str]) -> Path | None:
    if len(words) > 1:
        raise UsageError(
            "one folder at a time",
            f"for example `rekall sync {shell_word(words[0])}`; without a folder, all known ones",
        )
    if words and not words[0].strip():
        raise UsageError("the name of the folder is empty", "for example `rekall sync ~/notes`")
    return Path(os.path.expanduser(words[0])) if words else None


def _check(
    folder: Path | None,
    *,
    is_status: bool,
    dry_run: bool,
    watch: bool,
    every: float | None,
    forget: bool,
    as_json: bool,
) -> None:
    """Refuse options that make no sense together."""
    chosen = [
        name for name, is_given in (("--status", is_status), ("--watch", watch), ("--forget", forget)) if is_given
    ]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other", "give one of them")
    if forget and folder is None:
        raise UsageError("--forget needs a folder", "`rekall sync --status` lists them")
    if every is not None and not watch:
        raise UsageError("--every needs --watch", "add --watch, or let cron call `rekall sync`")
    if watch and (dry_run or as_json):
        raise UsageError(f"--watch does not go with {'--dry-run' if dry_run else '--json'}", "leave one of them out")


def _known(base: KnowledgeBase) -> list[Path]:
    """The folders that were synced before. Raises UsageError: There is none."""
    found = [Path(each.place) for each in base.sync.folders()]
    if not found:
        raise UsageError("no folder is synced yet", "name one: `rekall sync ~/notes`")
    return found


def _only(base: KnowledgeBase) -> Path:
    found = _known(base)
    if len(found) > 1:
        raise UsageError(
            "a process watches one folder",
            f"name it: `rekall sync {shell_word(str(found[0]))} --watch`; `rekall sync --status` lists them",
        )
    return found[0]


def _sync_all(base: KnowledgeBase, places: Sequence[Path], wanted: Wanted, *, as_json: bool) -> list[_Ended]:
    """Sync folders one after the other; what goes wrong with one keeps nobody from the next."""
    from rekall.cli.progress import progress_line
    from rekall.cli.sync_report import embed_what_came, print_report, report_fields
    from rekall.sync.doing import synced
    from rekall.sync.reports import SyncReport

    ended: list[_Ended] = []
    for folder in places:
        try:
            with progress_line() as tell:
                done = synced(base.sync, folder, wanted, tell)
        except (RekallError, OSError) as error:
            if len(places) == 1:
                raise
            from rekall.errors import in_our_words

            ended.append(_Ended(folder, error=in_our_words(error)))
            continue
        ended.append(_Ended(folder, done, done.git.problem if done.git else None))
        if not as_json:
            print_report(base, folder, done.report, done.git)
            if done.remark:
                talk(f"note: {done.remark}")
            if wanted.git and done.git is not None and not done.git.remote and done.git.problem is None:
                talk("note: git has no remote yet; `git remote add origin ADDRESS` in the folder names one")
    remark = "" if wanted.is_dry else embed_what_came(base)
    if as_json:
        rows = [
            report_fields(
                each.folder,
                each.done.report if each.done else SyncReport(),
                each.done.git if each.done else None,
                each.error,
            )
            for each in ended
        ]
        out_json({"dry_run": wanted.is_dry, "folders": rows})
    elif remark:
        talk(remark)
    return ended


def _end(ended: Sequence[_Ended], *, dry_run: bool, as_json: bool) -> None:
    """End with an exit code of its own where something was left alone, is in conflict, or went wrong."""
    errors = list(_errors(ended, dry_run=dry_run))
    if not errors:
        return
    if as_json:
        raise SystemExit(errors[0].exit_code)
    for error in errors[1:]:
        talk(f"error: {error.message}\n\nhint: {error.hint}\n")
    raise errors[0]


def _errors(ended: Sequence[_Ended], *, dry_run: bool) -> Sequence[RekallError]:
    """What the command ends with: of several, the first tells its exit code."""
    refused = sum(len(each.done.report.refused) for each in ended if each.done)
    conflicts = sum(len(each.done.report.conflicts) for each in ended if each.done)
    found: list[RekallError] = [each.error for each in ended if each.error and not isinstance(each.error, GitError)]
    if refused:
        what = count_text(refused, "item")
        found.append(
            PartialSync(
                f"{what} would be left alone"
                if dry_run
                else f"{what} left alone; everything else is the same on both sides",
                "mend what is named above, and sync again",
            )
        )
    if conflicts:
        what = count_text(conflicts, "entry", "entries")
        found.append(
            SyncConflicted(
                f"{what} changed here and there in the same place; both versions are kept",
                "look at both; `rekall merge A B` makes one of them, `rekall supersede A B` keeps B, `rekall delete B` keeps A; `rekall conflicts` lists what is open",
            )
        )
    return found + [each.error for each in ended if isinstance(each.error, GitError)]


def _status(base: KnowledgeBase, folder: Path | None, wanted: Wanted, *, as_json: bool) -> None:
    """What there is, and what a sync would do."""
    from rekall.cli.sync_report import print_report, report_fields
    from rekall.sync.doing import is_same_place, synced

    known = base.sync.folders()
    chosen = [each for each in known if folder is None or is_same_place(Path(each.place), folder)]
    if folder is not None and not chosen:
        raise NotFound(f"{folder} is not synced", f"`rekall sync {shell_word(str(folder))}` begins with it")
    rows = []
    for each in chosen:
        place = Path(each.place)
        done = synced(base.sync, place, wanted) if place.is_dir() else None
        if as_json:
            waiting = report_fields(place, done.report, done.git, None) if done else None
            rows.append({**_known_fields(each), "there": done is not None, "waiting": waiting})
            continue
        out(columns([[printable(each.place), _when(each), count_text(each.entries, "entry", "entries")]]))
        if done is not None:
            print_report(base, place, done.report, None)
        else:
            talk("  it is not there; `rekall sync --forget` drops it, once it is gone for good")
    if as_json:
        out_json({"folders": rows})
    elif not chosen:
        talk("no folder is synced yet; `rekall sync ~/notes` begins")


def _known_fields(each: SyncedFolder) -> dict[str, Any]:
    from rekall.entry.times import written

    return {
        "folder": each.place,
        "synced_at": written(each.synced_at) if each.synced_at else None,
        "entries": each.entries,
    }


def _when(each: SyncedFolder) -> str:
    from datetime import datetime, timezone

    if each.synced_at is None:
        return "never synced to its end"
    age = age_text(each.synced_at, datetime.now(timezone.utc))
    return "synced now" if age == "now" else f"synced {age} ago"


def _forget(base: KnowledgeBase, folder: Path, *, as_json: bool) -> None:
    base.sync.forget(folder)
    if as_json:
        out_json({"forgotten": str(folder)})
    else:
        talk(f"{printable(str(folder))} is synced no more; base and folder stay as they are")
