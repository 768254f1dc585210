"""What `rekall doctor` looks at in the base and beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from rekall.app import App
from rekall.cli.looks import Health, Look
from rekall.errors import EngineError, InvalidInput, NotFound, RekallError
from rekall.store.findings import REMEMBERED, Glance
from rekall.wording import age_text, count_text, shell_word, size_text

_LONG_LOG_BYTES = 64_000_000
_LITTLE_ROOM_BYTES = 200_000_000
_WORTH_A_BACKUP = 20


def _base(app: App) -> Iterator[Look]:
    """The file, its entries, its words."""
    path = app.places.database
    glance = app.glance()
    if glance is None:
        from rekall.config import find_original_base

        wrong = list(_place(path.parent))
        if wrong:
            yield from wrong
            return
        original = find_original_base()
        hint = (
            f"`rekall import {original}` takes in the base of the original Rekall"
            if original
            else "`rekall add` or `rekall import` makes it"
        )
        yield Look("base", Health.GOOD, f"none yet, at {path}", hint)
        return
    deleted = f", {count_text(glance.deleted, 'deleted one')} to restore" if glance.deleted else ""
    yield Look(
        "base",
        Health.GOOD,
        f"{count_text(glance.entries, 'entry', 'entries')}{deleted}, {size_text(glance.bytes)}: {path}",
    )
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        yield Look("base", Health.BAD, "it can be read and not written", f"check the permissions of {path.parent}")
    if glance.is_older:
        yield Look(
            "base", Health.WARN, "an earlier Rekall made it", "the next command brings it up to date, and keeps a copy"
        )
        return
    yield from _words(glance)
    yield from _vectors(app, glance)
    yield from _log(glance)


def _place(folder: Path) -> Iterator[Look]:
    """Whether the base could be made."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        yield Look("base", Health.BAD, f"{there} is no folder", "point REKALL_HOME at another one, or move it away")
    elif not os.access(there, os.W_OK):
        yield Look("base", Health.BAD, f"{there} cannot be written", "check its permissions, or set REKALL_HOME")


def _words(glance: Glance) -> Iterator[Look]:
    if glance.indexed == glance.entries:
        yield Look("words", Health.GOOD, "every entry is in the words index")
    else:
        text = f"the words index holds {glance.indexed:,} of {count_text(glance.entries, 'entry', 'entries')}"
        yield Look("words", Health.BAD, text, "run `rekall index rebuild --words`")


def _vectors(app: App, glance: Glance) -> Iterator[Look]:
    """What waits for a vector, and who works at it."""
    if glance.pending:
        text = f"{count_text(glance.pending, 'passage')} wait for a vector: found by words only until then"
        yield Look(
            "vectors",
            Health.WARN,
            text,
            "`rekall index rebuild --vectors`, unless an import is at work: `rekall index` says",
        )
    elif glance.entries:
        aside = f"; the model cannot embed {count_text(glance.aside, 'passage')}" if glance.aside else ""
        yield Look("vectors", Health.GOOD, f"every passage has its vector, or needs none{aside}")


def _log(glance: Glance) -> Iterator[Look]:
    if glance.log_bytes > _LONG_LOG_BYTES:
        text = f"{size_text(glance.log_bytes)} of writes wait in the file -wal: a program keeps the base open"
        yield Look("log", Health.WARN, text, "it shrinks once `rekall mcp`, `rekall tui` and the like have ended")
    elif glance.log_bytes:
        yield Look(
            "log",
            Health.GOOD,
            f"{size_text(glance.log_bytes)} of writes are in the file -wal: copy the base with `rekall backup`, not by hand",
        )


def _model_name(app: App) -> str:
    """The model that searches use: the base's, or the one that is set."""
    glance = _seen(app)
    return glance.model if glance is not None and glance.model else app.settings.text("engine.model")


def _model(app: App) -> Iterator[Look]:
    """Whether the model that searches use is there; its files are not read (`rekall model verify` does)."""
    from rekall.models.engine.card import read_card

    name = _model_name(app)
    try:
        card = read_card(app.library.folder(name))
    except EngineError as error:
        yield Look("model", Health.BAD, error.message, error.hint)
        return
    yield Look("model", Health.GOOD, f"{name}, {card.dimensions} dimensions; `rekall model verify` reads its files")


def _engine(app: App) -> Iterator[Look]:
    """What runs the model; tried in a process of its own."""
    from rekall.models.engine.runtimes import is_installed

    try:
        engine = app.runtime(_model_name(app))
    except EngineError:  # the line of the model says so
        return
    if not engine.works:
        hint = f"`rekall config unset engine.backend`, or {engine.hint}"
        yield Look("engine", Health.BAD, f"engine.backend is onnxruntime: {engine.reason}", hint)
    elif not engine.reason:
        yield Look("engine", Health.GOOD, f"{engine} runs the model")
    elif is_installed():
        text = f"numpy runs the model, which is slower in bulk: {engine.reason}"
        yield Look("engine", Health.WARN, text, engine.hint)
    else:
        text = f"numpy runs the model, which is slower in bulk: {engine.reason}"
        yield Look("engine", Health.GOOD, text, "`pip install onnxruntime`, if there is one for this system")


def _backend(app: App) -> Iterator[Look]:
    import importlib.util

    wanted = app.settings.text("performance.vector_index_backend")
    has_extension = importlib.util.find_spec("sqlite_vec") is not None
    if wanted == "sqlite-vec" and not has_extension:
        yield Look(
            "backend",
            Health.BAD,
            "sqlite-vec is set and not installed",
            "`rekall config unset performance.vector_index_backend`",
        )
        return
    used = "numpy" if wanted == "numpy" or not has_extension else "sqlite-vec"
    yield Look("backend", Health.GOOD, f"vectors are searched by {used} ({wanted})")


def _backups(app: App) -> Iterator[Look]:
    try:
        days = app.settings.number("backup.remind_days")
    except (InvalidInput, NotFound):  # the line of the settings says so
        days = 30.0
    glance = _seen(app)
    last = next((copy for copy in app.base_file().copies() if copy.reason == "backup"), None)
    now = datetime.now(timezone.utc)
    if last is None:
        if glance is not None and glance.entries > _WORTH_A_BACKUP and days:
            yield Look("backup", Health.WARN, "there is no backup of this base yet", "`rekall backup` makes one")
        else:
            yield Look("backup", Health.GOOD, "none yet, and little to lose")
        return
    changed = sum(moment > last.made_at for moment in glance.changed_at) if glance else 0
    many = (
        f"{changed}{' or more' if changed == REMEMBERED else ''} {'entry' if changed == 1 else 'entries'} changed since"
    )
    age = age_text(last.made_at, now)
    text = f"the last one was made {'just now' if age == 'now' else f'{age} ago'}, {many}: {last.path}"
    is_old = bool(days) and (now - last.made_at).days > days and changed > _WORTH_A_BACKUP
    yield Look("backup", Health.WARN if is_old else Health.GOOD, text, "`rekall backup` makes one" if is_old else "")


def _synced(app: App) -> Iterator[Look]:
    """The folders that the base is synced with, and whether they are there."""
    glance = _seen(app)
    folders = glance.synced if glance else ()
    gone = [place for place in folders if not os.path.isdir(place)]
    for place in gone:
        hint = f"attach its disk, or `rekall sync {shell_word(place)} --forget` if it is gone for good"
        yield Look("sync", Health.WARN, f"a folder that the base is synced with is gone: {place}", hint)
    if len(folders) > len(gone):
        text = f"{count_text(len(folders) - len(gone), 'folder')} synced"
        yield Look("sync", Health.GOOD, text, "`rekall sync --status` says what waits")


def _drafts(app: App) -> Iterator[Look]:
    """What editors held when something went wrong, and what dead processes left."""
    from rekall.system.leftovers import find_leftovers

    left = find_leftovers(app.places.folders)
    names = {each.path for each in left}
    drafts = [path for path in _files(app.places.drafts) if path not in names and path.suffix == ".md"]
    if drafts:
        newest = max(drafts, key=lambda path: path.stat().st_mtime)
        text = f"{count_text(len(drafts), 'draft')} not stored, the newest {newest}"
        yield Look(
            "drafts",
            Health.WARN,
            text,
            "the same `rekall add` or `rekall edit` goes on with it; remove the file to drop it",
        )
    else:
        yield Look("drafts", Health.GOOD, "none left")
    if left:
        size = size_text(sum(each.size for each in left))
        yield Look(
            "leftovers",
            Health.WARN,
            f"{count_text(len(left), 'file')} of ended processes, {size}",
            "`rekall check --repair` removes them; so does the next `rekall add`",
        )


def _seen(app: App) -> Glance | None:
    """The base at a glance, None where it cannot be looked at: its own line says why."""
    try:
        return app.glance()
    except RekallError:
        return None


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []


def _disk(app: App) -> Iterator[Look]:
    folder = app.places.database.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_ROOM_BYTES:
        yield Look("disk", Health.WARN, f"{size_text(free)} free where the base lies", "free some space")
    else:
        yield Look("disk", Health.GOOD, f"{size_text(free)} free where the base lies")


def _review(app: App) -> Iterator[Look]:
    """How many entries are asked about today; said of a base that is as it should be, and never a warning."""
    glance = _seen(app)
    if glance is None or glance.is_older or not glance.entries:
        return
    left = app.to_review()
    text = (
        f"{count_text(left, 'entry', 'entries')} to review today: `rekall review`"
        if left
        else "nothing to review today"
    )
    yield Look("review", Health.GOOD, text)


def _open(app: App) -> Iterator[Look]:
    """What links leave open: a person or a sync says that two contradict each other; a round is knowledge that nobody reads."""
    from rekall.knowledge.open_pairs import IN_A_ROUND

    glance = _seen(app)
    links = app.open_links() if glance is not None and not glance.is_older else ()
    rounds = sum(link.reason == IN_A_ROUND for link in links)
    if rounds:
        text = f"{count_text(rounds, 'pair')} of entries supersede each other, so that neither holds"
        yield Look(
            "rounds", Health.WARN, text, "`rekall conflicts` shows them, `rekall edit ID --status active` lets one hold"
        )
    if len(links) > rounds:
        text = f"{count_text(len(links) - rounds, 'pair')} of entries contradict each other, as links say"
        yield Look("conflicts", Health.WARN, text, "`rekall conflicts --kind contradicts` shows them")


OF_BASE: tuple[tuple[str, Callable[[App], Iterator[Look]]], ...] = (
    ("base", _base),
    ("review", _review),
    ("conflicts", _open),
    ("model", _model),
    ("engine", _engine),
    ("backend", _backend),
    ("backup", _backups),
    ("sync", _synced),
    ("drafts", _drafts),
    ("disk", _disk),
)
"""In the order of the page."""
