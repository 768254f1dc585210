"""The shapes of what an import and an export answer; see `shapes`."""

from __future__ import annotations

from rekall.knowledge.shapes import WARNING, Member, shape

_SECRET = {
    "looks_like": Member("text", "What it looks like: GitHub token, password."),
    "field": Member("text", "The field of the entry."),
    "line": Member("whole", "The line there, from 1."),
    "begins": Member("text", "Its first characters, at most four."),
    "masked": Member("flag", "Whether it was masked before it was stored."),
}

OF_EXCHANGE = (
    shape("Secret", "Something in an entry that looks like a key or token.", **_SECRET),
    shape(
        "Problem",
        "A kind of field that could not be read as what it names.",
        problem=("text", "What is wrong."),
        count=("whole", "How often."),
        files=("list of text", "Where."),
    ),
    shape(
        "Refused",
        "Something that could not be imported.",
        where=("text", "The file, and the line of a record."),
        message=("text", "What is wrong."),
        hint=("text", "What to do; may be empty."),
    ),
    shape(
        "FoundSecret",
        "Something that looks like a key or token.",
        where=("text", "The file, and the part of it."),
        **_SECRET,
    ),
    shape(
        "Imported",
        "What an import did.",
        dry_run=("flag", "Whether it was a dry run, which only reports what would happen."),
        added=("whole", "Entries that are new."),
        updated=("whole", "Entries that changed."),
        unchanged=("whole", "Entries that were already here."),
        moved=("whole", "Entries whose file lies elsewhere now; they are counted as unchanged or updated too."),
        kept=("list of text", "Where the entry here was changed later than the record that brings its id; it stays."),
        conflicts=("list of text", "Where entry and source changed the same fields; both versions are kept."),
        problems=("list of Problem", "What could not be read as what it names, and was kept beside."),
        left_out=("map of whole", "Files that hold no note, by kind."),
        ignored=("whole", "Files and folders left out by `.gitignore`, `--exclude`, or because a tool fills them."),
        deleted=("whole", "Entries that were deleted because their source says so."),
        deleted_here=("whole", "Sources whose entry was deleted here; they were not taken in again."),
        gone=("list of text", "Sources that are gone; their entries stay without `--prune`."),
        pruned=("whole", "Entries that were deleted because their source is gone."),
        restored=("whole", "Entries that came back with their source, which had been gone."),
        pending=("whole", "Passages that have no vector yet."),
        note=("text or null", "Who embeds them, or how it goes on."),
        refused=("list of Refused", "What was not stored; the exit code is 4 if there is any."),
        unknown_types=("map of whole", "Unknown types, and how many entries named each."),
        lost_links=("whole", "Links to entries that are not here."),
        secrets=("list of FoundSecret", "What looks like a key or token in what was written."),
        embedded=("whole", "Passages that got a vector."),
        warning=WARNING,
    ),
    shape(
        "Exported",
        "What was written.",
        exported=("whole", "How many entries."),
        deleted=("whole", "How many deleted ones beside them."),
        removed=("list of text", "Files of earlier exports whose entry has another name now, or was deleted."),
        secrets=("list of text", "The ids of the entries that hold what looks like a key or token."),
        format=("text", "jsonl, json, markdown, obsidian or html."),
        path=("text", "The file or folder."),
    ),
)
"""What `rekall import` and `rekall export` answer."""
