"""The shapes of what `conflicts` and `stats --searches` answer; see `shapes`."""

from __future__ import annotations

from rekall.knowledge import shapes
from rekall.knowledge.shapes import Answer, Member, Shape, shape

_SUMMARY = next(each for each in shapes.SHAPES if each.name == "Summary").members
_IDS = ("list of text", "The ids of the two entries.")

OF_CONFLICTS = (
    Shape(
        "ConflictEntry",
        "An entry of a pair, and what it says in the place where the two differ.",
        {
            "said": Member("text", "The number, the words; of two that say the same the title."),
            "statement": Member("text or null", "The sentence or line in which that stands."),
            **_SUMMARY,
        },
    ),
    Shape(
        "MayContradict",
        "An entry that a new one may contradict.",
        {
            "conflict": Member("text", "negation, version or number."),
            "here": Member("text", "What the new one says in the place where they differ."),
            "there": Member("text", "What this one says."),
            **_SUMMARY,
        },
    ),
    shape(
        "Conflict",
        "Two entries that contradict or repeat each other.",
        conflict=("text", "contradicts (a link says so), negation, version, number or repeat."),
        score=("number", "How sure that is, 0 to 1."),
        similarity=("number or null", "Their cosine; null where that is not known."),
        reason=("text or null", "What the link says."),
        entries=("list of ConflictEntry", "Both, of copies of one text all, what was changed later first."),
    ),
    shape(
        "Unfound",
        "Something that was looked for and not found.",
        query=("text", "As it was typed last."),
        times=("whole", "How often."),
        last=("time", "When last."),
    ),
    Shape(
        "Used",
        "An entry that is read.",
        {**_SUMMARY, "times": Member("whole", "How often it was."), "last": Member("time", "When last.")},
    ),
    shape("Dismissed", "Two entries that are fine.", ids=_IDS, judged_at=("time", "Since when.")),
)
"""What is in the answers."""

CONFLICT_ANSWERS = (
    shape(
        "Conflicts",
        "Entries that contradict or repeat each other.",
        total=("whole", "How many pairs there are; copies of one text are one."),
        compared=("whole", "How many entries were compared with the others."),
        entries=("whole", "How many entries there are to compare with."),
        by_words=("whole", "How many of the compared ones have no vector, so that their words were compared."),
        conflicts=("list of Conflict", "The pairs, what a link says first, then the surest."),
    ),
    shape(
        "Searches",
        "What was looked for and read.",
        kept=("flag", "Whether that is kept."),
        since=("time or null", "Since when; null where nothing was kept."),
        searches=("whole", "How many searches there were."),
        readings=("whole", "How often entries were read, copied or edited."),
        unfound=("list of Unfound", "What was not found, what was looked for most often first."),
        used=("list of Used", "The entries that were read most."),
    ),
    shape("Forgotten", "What was forgotten of it.", forgotten_bytes=("whole", "How many bytes it was.")),
    shape("Settled", "What was said of two entries.", dismissed=("flag", "Whether they are fine."), ids=_IDS),
    shape(
        "DismissedPairs",
        "The pairs that are fine, what was said last first.",
        dismissed=("list of Dismissed", "One each."),
    ),
)
"""The answers."""

CONFLICT_COMMANDS = (
    Answer("conflicts", "Conflicts"),
    Answer("conflicts --dismiss", "Settled"),
    Answer("conflicts --dismissed", "DismissedPairs"),
    Answer("stats --searches", "Searches"),
    Answer("stats --forget", "Forgotten"),
    Answer("merge", "Saved"),
    Answer("supersede", "Saved"),
)
"""Which command answers what."""
