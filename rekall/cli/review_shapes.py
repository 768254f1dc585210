"""The shapes of what `review` and `stale` answer; see `shapes`."""

from __future__ import annotations

from rekall.knowledge import shapes
from rekall.knowledge.shapes import Answer, Shape, shape

_SUMMARY = next(each for each in shapes.SHAPES if each.name == "Summary").members

OF_REVIEW = (
    Shape(
        "Standing",
        "An entry, and how it stands with its review.",
        {
            **_SUMMARY,
            **shape(
                "",
                "",
                seen_at=("time", "When it was written, changed or reviewed last."),
                due_at=("time or null", "When it comes up; null for never."),
                reviewed_at=("time or null", "When it was reviewed last; null if it never was."),
                times=("whole", "How often it was reviewed."),
            ).members,
        },
    ),
    shape(
        "Reviewed",
        "An answer that was taken.",
        entry=("Standing", "The entry as it is now."),
        answer=("text", "holds, outdated, never or again."),
    ),
    Shape(
        "StaleEntry",
        "An entry that seems to hold no longer.",
        {
            **_SUMMARY,
            **shape(
                "",
                "",
                seen_at=("time", "When it was written, changed or reviewed last."),
                weight=("number", "How much speaks against it; what is listed first has most."),
                reasons=("list of Reason", "Why, the strongest first."),
            ).members,
        },
    ),
    shape(
        "Reason",
        "Why an entry seems to hold no longer.",
        sign=(
            "text",
            "file_gone, file_moved, date_passed, old_version, superseded, source_gone, unsure, never_found or old.",
        ),
        text=("text", "What was seen."),
        hint=("text", "What to do."),
    ),
)
"""What is in the answers."""

REVIEW_ANSWERS = (
    shape(
        "Review",
        "What is to be reviewed.",
        due=("whole", "How many entries are due in all.", "where none is named"),
        answered_today=("whole", "How many were reviewed today.", "where none is named"),
        per_day=("whole", "How many are asked about in a day at most: review.per_day.", "where none is named"),
        entries=(
            "list of Standing",
            "Those of today, or those that were named; what most probably holds no longer first.",
        ),
    ),
    shape(
        "StaleList",
        "Entries that seem to hold no longer.",
        total=("whole", "How many there are in all."),
        entries=("list of StaleEntry", "The worst first."),
    ),
    shape("SeveralReviewed", "Answers that were taken.", reviewed=("list of Reviewed", "One each.")),
)

REVIEW_COMMANDS = (
    Answer("review", "Review"),
    Answer("review ID --holds", "SeveralReviewed"),
    Answer("stale", "StaleList"),
)
"""Which command answers what."""
