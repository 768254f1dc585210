"""The shapes of what `rekall sync` answers; see `shapes`."""

from __future__ import annotations

from rekall.knowledge.shapes import Answer, Member, shape

_ID = Member("text", "The id of the entry.")
_TITLE = Member("text", "Its title.")
_FOLDER = Member("text", "The path of the folder.")

OF_SYNC = (
    shape(
        "SyncChange",
        "What became of an entry.",
        id=_ID,
        title=_TITLE,
        path=("text", "Its file, below the folder."),
        what=(
            "text",
            "added_here, changed_here, deleted_here or restored_here in the base; the same with _there in the folder; merged, kept (one side deleted it, the other changed it) or moved.",
        ),
        fields=("list of text", "The fields that changed, where it was there before."),
    ),
    shape(
        "SyncConflict",
        "An entry that both sides changed in the same place.",
        id=_ID,
        title=_TITLE,
        kept_as=("text", "The id of the entry that keeps what the other side said."),
        fields=("list of text", "What both changed."),
    ),
    shape(
        "SyncedByGit",
        "What git did.",
        remote=("text or null", "The remote and its branch; null where there is none."),
        commits=("whole", "Commits that were made."),
        received=("whole", "Commits that came from the remote."),
        sent=("whole", "Commits that it got."),
    ),
    shape(
        "SyncedOne",
        "What the sync of a folder did.",
        folder=_FOLDER,
        changes=("list of SyncChange", "One each."),
        conflicts=("list of SyncConflict", "One each; the exit code is 8 if there is any."),
        refused=("list of Refused", "What could not be done; the exit code is 4 if there is any."),
        left_alone=("list of Refused", "Files that are no notes of the base and become none."),
        unchanged=("whole", "Entries that both sides said alike."),
        git=("SyncedByGit or null", "What git did; null where it has no part."),
        error=("Error or null", "What went wrong; everything else was done."),
    ),
    shape(
        "KnownFolder",
        "A folder that the base is synced with.",
        folder=_FOLDER,
        synced_at=("time or null", "When it was last."),
        entries=("whole", "Entries that both have."),
        there=("flag", "Whether the folder is there."),
        waiting=("SyncedOne or null", "What a sync would do; null where the folder is not there."),
    ),
)

SYNC_ANSWERS = (
    shape(
        "Synced",
        "What a sync did.",
        dry_run=("flag", "Whether it only says what would happen."),
        folders=("list of SyncedOne", "One each."),
    ),
    shape("SyncStatus", "The folders that the base is synced with.", folders=("list of KnownFolder", "One each.")),
    shape("FolderForgotten", "A folder that is not synced any more.", forgotten=_FOLDER),
)

SYNC_COMMANDS = (
    Answer("sync", "Synced"),
    Answer("sync --status", "SyncStatus"),
    Answer("sync --forget", "FolderForgotten"),
)
