"""The shapes of what `check`, `backup` and `restore-base` answer; see `shapes`."""

from __future__ import annotations

from rekall.knowledge.shapes import Answer, Member, shape

_PATH = Member("text", "The path of the file.")
_MADE = Member("time", "When it was made.")

OF_BASES = (
    shape(
        "Finding",
        "One thing that was looked at.",
        topic=(
            "text",
            "What was looked at: base, log, schema, pages, entries, words, vectors, files, model, backup, and more.",
        ),
        level=("text", "ok, note (nothing is wrong) or problem."),
        text=("text", "What was found."),
        hint=("text or null", "What mends it."),
        details=("list of text", "What it is about; not all of it where there is much."),
    ),
    shape(
        "Repaired",
        "What a repair did.",
        copy=("text", "The path of the base as it was."),
        entries=("whole", "How many entries there are now."),
        set_aside=("text or null", "The file with everything that could not stay as it was, a line of JSON each."),
        set_aside_lines=("whole", "How many lines that has."),
        changed=("list of text", "Entries that are kept but are not what they were: id and title; at most 20."),
        changed_count=("whole", "How many these are."),
        lost=("list of text", "Ids of entries of which nothing was left, as far as an index names them; at most 20."),
        lost_count=("whole", "How many these are."),
    ),
    shape(
        "Copy",
        "A copy of a base.",
        path=_PATH,
        reason=("text", "Why it was made: backup, before-restore, before-migration or before-repair."),
        made_at=_MADE,
        bytes=("whole", "Its size."),
        entries=("whole or null", "How many entries it holds; null where nobody looked."),
    ),
)
"""What is in the answers."""

BASE_ANSWERS = (
    shape(
        "Checked",
        "What a look at everything found.",
        ok=("flag", "Whether nothing is wrong."),
        problems=("whole", "How many findings are problems."),
        path=_PATH,
        entries=("whole or null", "How many entries there are; null where that cannot be known."),
        findings=("list of Finding", "Everything that was looked at; after a repair, as it is then."),
        repaired=("Repaired or null", "What `--repair` did; null where nothing in the base had to be mended."),
        swept=("list of text", "What processes that have ended had left, and `--repair` removed."),
    ),
    shape(
        "BackedUp",
        "A backup that was made.",
        backup=("Copy", "The backup."),
        removed=("list of text", "The older ones that were removed for it."),
    ),
    shape(
        "Backups",
        "The copies that there are, the latest first.",
        folder=("text", "Where they lie; a backup into another file is listed while it is the latest."),
        backups=("list of Copy", "One each."),
    ),
    shape(
        "RestoredBase",
        "A base that was put in the place of another.",
        restored=("Copy", "What was restored."),
        before=("Copy or null", "What was there before; null where nothing was."),
    ),
)
"""The answers."""

BASE_COMMANDS = (
    Answer("check", "Checked"),
    Answer("backup", "BackedUp"),
    Answer("backup --list", "Backups"),
    Answer("restore-base", "RestoredBase"),
)
"""Which command answers what."""
