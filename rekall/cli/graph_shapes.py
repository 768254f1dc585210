"""The shapes of what `related` and `graph` answer; see `shapes`."""

from __future__ import annotations

from rekall.knowledge import shapes
from rekall.knowledge.shapes import Answer, Member, Shape, shape

_SUMMARY = next(each for each in shapes.SHAPES if each.name == "Summary").members
_LINK = next(each for each in shapes.SHAPES if each.name == "Link").members

OF_GRAPHS = (
    Shape(
        "SaidLink",
        "A link as it is seen from one of its ends.",
        {**_LINK, "said": Member("text", "How that end bears on the other: supersedes, superseded by, source of.")},
    ),
    Shape(
        "Step",
        "An entry that was reached along links.",
        {
            **_SUMMARY,
            "distance": Member("whole", "How many links lie between."),
            "through": Member("Reference", "The entry before it on the way."),
            "links": Member("list of SaidLink", "The links between these two, as the one before says them."),
        },
    ),
    shape(
        "Day",
        "What was done on a day.",
        day=("text", "The day, where the reader is."),
        added=("list of Summary", "What was written down."),
        changed=("list of Summary", "What was there before and was changed."),
        obsolete=("list of Summary", "What of either holds no longer."),
        deleted=("list of Tombstone", "What was deleted."),
    ),
    shape(
        "Suggestion",
        "A link worth making.",
        source=("Summary", "The entry at which it would start."),
        target=("Summary", "The other."),
        reasons=("list of text", "Why, in words."),
        score=("number", "How sure it is, 0 to 1."),
        similarity=("number or null", "Their cosine, where that was looked at."),
    ),
    shape(
        "Group",
        "Entries that are all near each other.",
        entries=("list of Summary", "The newest first."),
        least_similarity=("number", "The cosine of the two that are farthest apart."),
        shared=("Shared", "What they have in common."),
    ),
    shape(
        "Shared",
        "What entries have in common: of each thing what all have, else what at least two have.",
        words=("list of text", "Words of their titles."),
        tags=("list of text", "Tags."),
        projects=("list of text", "Every project of theirs."),
        keywords=("list of text", "Keywords."),
        files=("list of text", "Files."),
        error_messages=("list of text", "Error messages."),
    ),
    Shape(
        "Near",
        "An entry that is near in meaning.",
        {**_SUMMARY, "similarity": Member("number", "Their cosine.")},
    ),
)
"""What is in the answers."""

_LINKED = {
    "entry": ("Summary", "Where one began."),
    "linked_total": ("whole", "How many entries are linked, within so many steps."),
    "linked": ("list of Step", "These, the nearest first, each once, by a shortest way."),
}

GRAPH_ANSWERS = (
    shape("Around", "What is linked around an entry.", **_LINKED),
    shape(
        "Related",
        "What bears on an entry.",
        **_LINKED,
        near=("list of Near", "What is near in meaning and not linked, the nearest first."),
        why_no_near=("text or null", "Why nothing is said of that."),
    ),
    shape(
        "Suggested",
        "Links worth making.",
        total=("whole", "How many there are."),
        repeats=("whole", "How many pairs were left out, for they say nearly the same."),
        links=("list of Suggestion", "The surest first."),
    ),
    shape("Accepted", "Links that were made.", made=("list of Link", "One each.")),
    shape("NotSuggested", "Links that are not suggested again.", set_aside=("whole", "How many.")),
    shape("Reopened", "Links that may be suggested again.", reopened=("whole", "How many.")),
    shape("Groups", "Groups that are worth a pattern.", groups=("list of Group", "The largest first.")),
    shape(
        "Drafted",
        "The draft of a pattern.",
        draft=("any", "Its fields, as `add --from-json` takes them."),
        derived_from=("list of text", "The ids of the entries that it is drafted from."),
    ),
    shape(
        "Days",
        "What was learned when.",
        span=("text", "The time that was asked for, as it is typed."),
        days=("list of Day", "The days on which anything was done, the last first."),
    ),
    shape(
        "PageWritten",
        "A page that was written.",
        exported=("whole", "How many entries are on it."),
        left_out=("whole", "How many were too many."),
        secrets=("list of text", "Ids of those that hold what looks like a key or token."),
        path=("text", "The file."),
    ),
)
"""The answers."""

GRAPH_COMMANDS = (
    Answer("related", "Related"),
    Answer("graph", "Around"),
    Answer("graph --html", "PageWritten"),
    Answer("today --page", "Days"),
    Answer("suggest", "Suggested"),
    Answer("suggest --accept", "Accepted"),
    Answer("suggest --dismiss", "NotSuggested"),
    Answer("suggest --reopen", "Reopened"),
    Answer("suggest --dismissed", "DismissedPairs"),
    Answer("generalize", "Groups"),
    Answer("generalize ID", "Saved"),
    Answer("generalize --dry-run", "Drafted"),
)
"""Which command answers what."""
