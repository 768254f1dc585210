"""`rekall sync --watch`: stays, and syncs whenever there is something to sync."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.render import error_text, talk
from rekall.cli.sync_report import embed_what_came, print_report
from rekall.errors import Interrupted, RekallError, UsageError, in_our_words
from rekall.sync.doing import synced
from rekall.sync.git_files import is_part
from rekall.sync.watching import Watch, Why, can_hear
from rekall.system.one_by_one import one_by_one
from rekall.wording import install_command, printable

if TYPE_CHECKING:
    from rekall.sync.doing import Wanted

_EVERY_S = 300.0
_LEAST_EVERY_S = 5.0


def watch_folder(app: App, folder: Path, wanted: Wanted, every_s: float | None) -> None:
    """Sync a folder until the process is told to end.

    Raises:
        UsageError: Another process watches it.
        RekallError: The first sync already cannot be done.
    """
    from dataclasses import replace

    with (
        contextlib.closing(app.long_lived(app.door)) as staying,
        _alone(staying, folder),
        _ended_by_hand(),
    ):
        base = staying.open_base(to_write=True)
        watch = Watch(folder, is_part, base.version, every_s=max(every_s or _EVERY_S, _LEAST_EVERY_S))
        remarks = Remarks()
        with contextlib.closing(watch):
            for why in watch.turns():
                try:
                    done = synced(base.sync, folder, replace(wanted, asks_remote=why in (Why.START, Why.TIME)))
                except (RekallError, OSError) as error:
                    if why is Why.START:
                        raise
                    remarks.say("sync", error_text(in_our_words(error)))
                    continue
                remarks.say("sync", "")
                print_report(base, folder, done.report, done.git, is_quiet=why is not Why.START)
                problem = done.git.problem if done.git is not None else None
                remarks.say("git", error_text(problem) if problem is not None else "")
                remarks.say("vectors", embed_what_came(base))
                base.index.drop_model()  # nobody else asks here, and it is more than twice what waits
                if why is Why.START:
                    talk(_how(folder, watch))


class Remarks:
    """What is wrong while a folder is watched, said when it begins and not at every turn."""

    def __init__(self) -> None:
        """Say nothing yet."""
        self._said: dict[str, str] = {}

    def say(self, about: str, text: str) -> None:
        """Say what is wrong with something; an empty text says that nothing is any more."""
        if text and text != self._said.get(about):
            talk(text)
        self._said[about] = text


def _how(folder: Path, watch: Watch) -> str:
    """How changes are noticed, and how it ends."""
    said = f"watching {printable(str(folder))}; Ctrl-C ends it"
    if watch.has_events:
        return said
    if can_hear():
        return f"{said}\nnote: the system does not tell of changes on this file system, so it is looked at every few seconds"
    return f"{said}\nnote: the folder is looked at every few seconds; `{install_command('watch')}` hears of changes at once"


@contextlib.contextmanager
def _ended_by_hand() -> Iterator[None]:
    """Let Ctrl-C be what it is here: the way to end it, and no mistake."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(Interrupted.exit_code) from None


@contextlib.contextmanager
def _alone(app: App, folder: Path) -> Iterator[None]:
    """Keep a second process from watching the same folder for the same base."""
    place = f"{zlib.crc32(str(folder.resolve()).encode('utf-8', 'surrogateescape')):08x}"
    try:
        with one_by_one(app.places.database.with_name(f"watch-{place}"), 0.0):
            yield
    except TimeoutError as error:
        raise UsageError(f"{folder} is watched already", "end the other `rekall sync --watch` first") from error
