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
)
"""The answers."""

GRAPH_COMMANDS = (Answer("related", "Related"), Answer("graph", "Around"))
"""Which command answers what."""
