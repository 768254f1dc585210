"""The shapes of what tools answer as data (structured content): docs/json.md is written from them.

No door imports this while it answers: it only states what is promised.
"""

from __future__ import annotations

from rekall.knowledge.shapes import ID, NOTHING_CLOSE, SECRETS, TITLE, WARNING, Answer, Member, shape

_CURSOR = Member("text or null", "What to pass as `cursor` for the rest; null at the end.")

SHAPES = (
    shape(
        "FoundPage",
        "A page of a search.",
        hits=("list of brief Hit", "What was found, best first."),
        next_cursor=_CURSOR,
        mode=("Mode", "How it was answered."),
        nothing_close=NOTHING_CLOSE,
        notes=("list of text", "What to know about how the query was read."),
        left_out=("list of LeftOut", "What the query leaves out.", "if anything"),
    ),
    shape(
        "SimilarPage",
        "A page of similar entries.",
        hits=("list of brief Hit", "What was found, nearest first."),
        next_cursor=_CURSOR,
    ),
    shape(
        "RecentPage",
        "A page of a list.",
        entries=("list of brief Summary", "Most recently changed first."),
        next_cursor=_CURSOR,
        total=("whole", "How many match in all."),
    ),
    shape(
        "Texts",
        "Entries to read.",
        entries=("list of Text", "One per entry, in the order asked for."),
        next_cursor=_CURSOR,
    ),
    shape(
        "Text",
        "An entry in full as Markdown, or the part of it that fits the budget.",
        id=ID,
        title=TITLE,
        updated_at=("time", "When it was last changed; `update` takes it as `if_updated_at`."),
        text=("text", "The text, or this part of it."),
    ),
    shape(
        "AddedItem",
        "An entry that was written, and those that it resembles.",
        entry=("brief Summary", "The entry."),
        warning=WARNING,
        secrets=SECRETS,
        alike=("list of brief Hit", "Entries that may say the same."),
    ),
    shape(
        "ChangedItem", "An entry as it is now.", entry=("brief Summary", "The entry."), warning=WARNING, secrets=SECRETS
    ),
    shape(
        "GoneItem",
        "What was deleted.",
        deleted=("Deleted", "The entry."),
        restore_with=("text", "The command that brings it back."),
    ),
    shape(
        "Usage",
        "What the base holds.",
        entries=("whole", "Entries."),
        by_type=("map of whole", "Entries of each type."),
        by_project=("map of whole", "Entries of each project."),
    ),
)
"""The shapes that only tools have."""

TOOLS = (
    Answer("search", "FoundPage"),
    Answer("get", "Texts"),
    Answer("add", "AddedItem"),
    Answer("update", "ChangedItem"),
    Answer("link", "Linked"),
    Answer("similar", "SimilarPage"),
    Answer("recent", "RecentPage"),
    Answer("deprecate", "ChangedItem"),
    Answer("delete", "GoneItem"),
    Answer("usage", "Usage"),
)
"""Which tool answers what, in the order in which clients show them."""
