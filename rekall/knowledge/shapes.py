"""The shapes that answers share, as data: docs/json.md is made from them, and every answer is tested against them.

No door imports this while it answers: it only states what is promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rekall.entry.fields import BY_NAME, Field, Kind
from rekall.entry.record import CONTENT, ORDER
from rekall.knowledge import answers


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object.

    Attributes:
        type: A name of `PLAIN_TYPES` or of a shape; "list of X"; "map of X", values by name; "brief X", without its null
            and empty members; "X or Y"; "X or null".
        meaning: What it says.
        only: When it is there; empty for always.
    """

    type: str
    meaning: str
    only: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """An object: its name, what it stands for, and its members in order."""

    name: str
    meaning: str
    members: Mapping[str, Member]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call answers.

    Attributes:
        call: A command without `rekall`, or a tool; with what leads to this answer.
        shape: The name of the shape.
    """

    call: str
    shape: str


PLAIN_TYPES: Mapping[str, str] = {
    "text": "a string",
    "time": "a string such as `2026-01-31T09:00:00Z`: UTC, whole seconds",
    "whole": "a number without a fraction",
    "number": "any number",
    "flag": "`true` or `false`",
    "any": "any JSON value; another program decides",
}

_KINDS = {Kind.NUMBER: "whole", Kind.TIME: "time"}


def shape(name: str, meaning: str, /, **members: tuple[str, ...] | Member) -> Shape:
    """A shape; a member may be given as a tuple."""
    made = {key: each if isinstance(each, Member) else Member(*each) for key, each in members.items()}
    return Shape(name, meaning, made)


def _of_field(field: Field) -> Member:
    """A field of an entry, as answers have it."""
    if field.name == "superseded_by":
        return Member("Reference or null", "The entry to read instead.")
    if field.kind is Kind.OTHER:
        return Member("any", f"{field.help} An object, a value a name.")
    kind = "list of text" if field.kind.is_list else _KINDS.get(field.kind, "text")
    values = [choice.value for choice in field.choices or ()]
    among = "" if all(value in field.help for value in values) else f" One of {', '.join(values)}."
    return Member(f"{kind} or null" if field.name in answers.NULLABLE else kind, field.help + among)


_FIELDS = {field.name: _of_field(field) for field in ORDER}
_SUMMARY = {name: _FIELDS[name] for name in answers.SUMMARY}
_CONTENT = _of_field(BY_NAME[CONTENT])
ID, TITLE, TYPE = (_FIELDS[name] for name in ("id", "title", "type"))
NOTHING_CLOSE = Member("flag", "Whether something was found and all of it is weak: the nearest, and not about it.")
WARNING = Member("text or null", "Why it is found by words only, for now.")
SECRETS = Member("list of Secret", "What in it looks like a key or token, and was not there before.")

SHAPES = (
    Shape(
        "Entry",
        "An entry in full.",
        {
            **_FIELDS,
            "links": Member("list of Link", "Links from it and to it.", "not in `list`"),
            "content": _CONTENT,
            "origin": Member(
                "text or null", "The file it was imported from, and after a # the record in it.", "not in `list`"
            ),
        },
    ),
    Shape("Summary", "An entry among others.", _SUMMARY),
    shape("Reference", "An entry that another one names.", id=ID, title=TITLE),
    shape(
        "Link",
        "How one entry bears on another. It is the same from both ends.",
        source=("text", "The id of the entry that bears on the other."),
        target=("text", "The id of the other."),
        type=("text", "related, supersedes, derived_from or contradicts."),
        reason=("text", "Why; may be empty."),
    ),
    Shape(
        "Hit",
        "An entry that a search found.",
        {
            **_SUMMARY,
            "base": Member(
                "text", "The base in which it lives.", "where that is another than the one that was asked first"
            ),
            "match": Member(
                "text or null",
                "How sure it is that the entry is about what was asked: strong, likely or weak; null where nothing was asked in words.",
            ),
            "score": Member("number", "What it is ranked by; comparable only within one answer."),
            "similarity": Member("number or null", "Cosine to the query; null if the search was not by meaning."),
            "snippet": Member("text", "The stretch of its text that fits best; may be empty."),
            "why": Member("Why", "What the score consists of."),
            "entry": Member("Entry", "The whole entry.", "with `--full`"),
        },
    ),
    shape(
        "Why",
        "Why a hit is ranked where it is.",
        coverage=("number", "The share of the query's words that it holds, rare words counting more; 0 to about 1."),
        words_rank=("whole or null", "Its place among the candidates by words, from 1."),
        matched=("list of text", "The words of the query that it holds, without very common ones."),
        lacks=("list of text", "Numbers that were typed and that it holds nowhere, which keep it from being strong."),
        exact_title=("flag", "Whether its title is what was typed, which puts it first."),
        head=("number or null", "The cosine of its title and context."),
        best_passage=("number or null", "The cosine of the nearest passage."),
        meaning_rank=("whole or null", "Its place among the candidates by meaning, from 1."),
        parts=("Parts", "What its score is added up from.", "with `--explain`"),
    ),
    shape(
        "Parts",
        "What a score is added up from; null where a part was not looked at.",
        clear=("number or null", "The similarity above that of texts that have nothing to do with each other."),
        near=("number or null", "The similarity above that of an unrelated entry of this base, or an estimate."),
        pieces=("number or null", "The share of the pieces of the query's words."),
        pairs=("number or null", "The share of the query's neighbouring words that stand side by side."),
        whole=("number", "1 if the whole line stands in it as it was typed."),
        keywords=("number", "1 if it holds all of up to three words that were typed."),
        lacking=("number", "The share of typed numbers that it lacks and another candidate holds."),
        feedback=("number", "What it gained by being near the best."),
        crowding=("number", "How much closer than others it lies to the rest; this counts against it."),
        near_project=("number", "What it gained by belonging to the project that was asked from."),
    ),
    shape(
        "LeftOut",
        "A text that a query leaves out.",
        text=("text", "The text."),
        entries=("whole", "How many entries hold it, of those that pass the filters and hold the phrases."),
    ),
    shape(
        "Repair",
        "A word of a query that no entry holds.",
        typed=("text", "The word as it was typed."),
        searched=("text", "The word of the base that was searched for instead."),
    ),
    shape(
        "Mode",
        "How a search was answered.",
        requested=("text", "What was asked for: hybrid, words or meaning."),
        used=("text", "What answered: words only if the model cannot be used."),
        reason=("text or null", "Why these differ, or what is missing."),
    ),
    shape(
        "Stage",
        "One stage of a search.",
        name=("text", "The stage."),
        did=("text", "What it did, in a few words."),
        took_s=("number", "Seconds."),
    ),
    shape(
        "Tombstone",
        "What is kept of a deleted entry.",
        id=ID,
        type=TYPE,
        title=TITLE,
        deleted_at=("time", "When it was deleted."),
    ),
    shape(
        "Error",
        "What went wrong.",
        kind=("text", "The kind of error; programs branch on it."),
        message=("text", "What happened, for people."),
        hint=("text", "What to do; may be empty."),
        retryable=("flag", "Whether the same call may succeed later."),
        candidates=("list of text", "What may have been meant.", "when there are any"),
    ),
    shape("Deleted", "An entry that was deleted.", id=ID, type=TYPE, title=TITLE),
)
"""The shapes that answers of every door share."""
