"""The shapes of what tools answer as structured content, with `rekall mcp --structured`: docs/json.md is written from them.

No door imports this while it answers: it only states what is promised.
"""

from __future__ import annotations

from rekall.knowledge.shapes import ID, NOTHING_CLOSE, Answer, Member, shape

_UPDATED = Member("time", "When it was last changed; `update` takes it as `if_updated_at`.")
_CURSOR = Member("text or null", "What to pass as `cursor` for the rest; null at the end.")

_MATCH = Member(
    "text or null",
    "strong, likely or weak: how sure it is that it is about what was asked; null for a list that answers no text.",
)

SHAPES = (
    shape("FoundItem", "An entry that was found.", id=ID, match=_MATCH),
    shape("ListedItem", "An entry of a list.", id=ID),
    shape("ReadItem", "An entry whose text stands in the answer.", id=ID, updated_at=_UPDATED),
    shape(
        "FoundPage",
        "A page of a search.",
        hits=("list of FoundItem", "What was found, best first."),
        next_cursor=_CURSOR,
        mode=("text", "What was searched by: hybrid, words or meaning."),
        nothing_close=NOTHING_CLOSE,
    ),
    shape(
        "SimilarPage",
        "A page of similar entries.",
        hits=("list of FoundItem", "What was found, nearest first."),
        next_cursor=_CURSOR,
    ),
    shape(
        "RecentPage",
        "A page of a list.",
        entries=("list of ListedItem", "Most recently changed first."),
        next_cursor=_CURSOR,
        total=("whole", "How many match in all."),
    ),
    shape(
        "Texts",
        "Entries to read.",
        entries=("list of ReadItem", "One each, in the order asked for."),
        next_cursor=_CURSOR,
        missing=("list of text", "What was asked for and names no entry.", "if anything"),
    ),
    shape("OperationItem", "Something that was done.", number=("whole", "Its number, which `rekall undo` takes.")),
    shape(
        "VersionItem",
        "A version of an entry.",
        version=("whole", "Its number; 0 is what nobody remembers the making of."),
    ),
    shape(
        "PastPage",
        "What was done, the versions of an entry, or one of them.",
        id=Member(ID.type, ID.meaning, "of an entry"),
        operations=("list of OperationItem", "What was done, the last first.", "of the base"),
        versions=("list of VersionItem", "The present one first.", "of an entry"),
        version=("whole", "The version whose text, or what changed since, stands in the answer.", "of a version"),
        next_cursor=_CURSOR,
    ),
    shape(
        "AddedItem",
        "An entry that was written.",
        id=ID,
        updated_at=_UPDATED,
        alike=("list of text", "Entries that may say the same, or the opposite."),
        contradicts=("list of text", "Those that it may contradict.", "if any"),
    ),
    shape("ChangedItem", "An entry that was changed.", id=ID, updated_at=_UPDATED),
    shape(
        "JoinedItems",
        "Two entries that were linked.",
        source=ID,
        target=ID,
        type=("text", "How the source bears on the target."),
    ),
    shape("GoneItem", "What was deleted.", id=ID, restore_with=("text", "The command that brings it back.")),
    shape(
        "Usage",
        "What there is.",
        entries=("whole", "Entries."),
        projects=("list of text", "What the client has open."),
    ),
    shape("RefusedCall", "What went wrong.", error=("Refusal", "The error.")),
    shape(
        "Refusal",
        "An error; the text says what to do about it.",
        kind=("text", "What kind."),
        retryable=("flag", "Whether the same call may work later."),
    ),
)
"""The shapes that only tools have."""

TOOLS = (
    Answer("search", "FoundPage"),
    Answer("get", "Texts"),
    Answer("add", "AddedItem"),
    Answer("update", "ChangedItem"),
    Answer("link", "JoinedItems"),
    Answer("similar", "SimilarPage"),
    Answer("recent", "RecentPage"),
    Answer("history", "PastPage"),
    Answer("deprecate", "ChangedItem"),
    Answer("delete", "GoneItem"),
    Answer("usage", "Usage"),
)
"""Which tool answers what, in the order in which clients show them."""
