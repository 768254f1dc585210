"""The shapes of what `history`, `diff` and `undo` answer; see `shapes`."""

from __future__ import annotations

from rekall.knowledge.shapes import Answer, Member, shape

_OPERATION = {
    "number": Member("whole", "Its number, which `rekall undo` takes."),
    "done_at": Member("time", "When."),
    "verb": Member("text", "What, in a word: add, edit, delete, restore, link, import, undo, sync, and more."),
    "author": Member("text or null", "Who, in a team's base: the role that its server let in."),
    "door": Member("text", "How it came: shell, tui, mcp, hook or python."),
    "client": Member("text or null", "The program or the person behind that."),
    "source": Member("text or null", "What it was done with: the paths of an import, a line each."),
    "undoes": Member("whole or null", "The operation that it took back."),
    "undone_by": Member("whole or null", "The one that took it back."),
    "can_be_undone": Member("flag", "Whether it holds, and all that it changed is still kept."),
}
_ID = Member("text", "The id of the entry.")

OF_HISTORY = (
    shape(
        "Kept",
        "Earlier versions.",
        versions=("whole", "How many there are that say something."),
        bytes=("whole", "How many bytes that takes."),
    ),
    shape("Operation", "Something that was done.", **_OPERATION),
    shape(
        "Done",
        "The same with what it was done to.",
        **_OPERATION,
        entries=("whole", "How many entries it changed."),
        links=("whole", "How many links it changed."),
        id=("text or null", "The entry, where it is one."),
        title=("text or null", "The title of one of the entries."),
    ),
    shape(
        "Version",
        "What an entry said after an operation.",
        number=("whole", "The number of the operation; 0 is what was there before anything was remembered."),
        operation=("Operation or null", "The operation; null where nobody remembers it."),
        is_there=("flag", "Whether there was such an entry then."),
        title=("text or null", "Its title then."),
        changed=("list of text", "The fields that the operation changed; links is one of them."),
    ),
    shape(
        "Difference",
        "A field that two versions say differently.",
        field=("text", "The field, or links."),
        before=("any", "What it said in the first; null where it had none."),
        after=("any", "The same in the second."),
        lines=(
            "list of text",
            "Both line by line, each behind its mark: - went, + came, a blank stayed, @ where it is.",
        ),
    ),
    shape(
        "UndoneEntry",
        "What undoing does to an entry.",
        id=_ID,
        title=("text", "Its title."),
        does=("text", "removes, deletes, brings back or changes back."),
        fields=("list of text", "The fields that it changes."),
    ),
)
"""What is in the answers."""

HISTORY_ANSWERS = (
    shape("Operations", "What was done, the last first.", operations=("list of Done", "One each.")),
    shape(
        "History",
        "The versions of an entry, the present one first.",
        id=_ID,
        total=("whole", "How many are known."),
        versions=("list of Version", "One each."),
    ),
    shape(
        "ForgottenPast",
        "What was dropped of an entry's past.",
        id=_ID,
        forgotten=("whole", "How many versions."),
        traces=("flag", "Whether the file still holds traces of them."),
        why_traces=("text or null", "Why they could not be removed now."),
        backups=("list of text", "Copies of the base that were made before and hold the entry."),
    ),
    shape(
        "Compared",
        "What differs between two versions of an entry.",
        id=_ID,
        before=("Version", "The first."),
        after=("Version", "The second."),
        differences=("list of Difference", "One a field."),
    ),
    shape(
        "Undone",
        "What an undo did, or would do.",
        operation=("Operation", "What is undone, as it was before."),
        changes=("list of UndoneEntry", "What becomes of the entries."),
        links=("whole", "How many links change."),
        undone_by=("whole or null", "The operation that took it back; null of a dry run."),
    ),
)
"""The answers."""

HISTORY_COMMANDS = (
    Answer("undo", "Undone"),
    Answer("history", "Operations"),
    Answer("history ID", "History"),
    Answer("history ID --forget", "ForgottenPast"),
    Answer("diff", "Compared"),
)
"""Which command answers what."""
