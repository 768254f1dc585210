"""The one table of what an entry has. A field is added here and nowhere else.

Each attribute of `Draft` carries its `Field`: what kind it is, what people and files call it, how it counts in the
words index, whether it is embedded, where it is shown and how long it may be. The database, files, options, forms, tools,
views, passages and the words index read `FIELDS` (docs/adr/0012).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, replace
from dataclasses import fields as attributes_of
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, get_type_hints

from rekall.entry.other import OtherField
from rekall.entry.types import EntryType, Status

MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_LIST_ITEMS = 200


class Kind(Enum):
    """How a field is written, checked and edited."""

    CHOICE = "choice"
    """One of a closed set."""
    LINE = "line"
    """Text on one line."""
    TEXT = "text"
    """Text of several lines."""
    TAGS = "tags"
    """Short labels in lower case, written between commas."""
    LIST = "list"
    """Items without commas; a file may write them on one line between commas."""
    ITEMS = "items"
    """Items that may hold commas and line breaks."""
    NUMBER = "number"
    """A whole number from 0 to `Field.most`."""
    TIME = "time"
    """UTC, whole seconds."""
    ID = "id"
    """The id of an entry."""
    OTHER = "other"
    """Fields that a file gave and that are none of these: a tuple of `OtherField`."""

    def __init__(self, value: str) -> None:
        """Note whether the value is a tuple; a property would cost an import a twentieth of its time."""
        self.is_list = value in ("tags", "list", "items", "other")


class Column(Enum):
    """A column of the words index, with its weight in a score."""

    TITLE = ("title", 3.0)
    LABELS = ("labels", 2.0)
    ERRORS = ("errors", 1.5)
    CONTENT = ("content", 1.0)
    CONTEXT = ("context", 1.0)

    @property
    def weight(self) -> float:
        """How much a word counts here."""
        return self.value[1]


class Place(Enum):
    """Where something stands: before the content or after it."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Field:
    """What there is to know of one field of an entry.

    Attributes:
        kind: How it is written, checked and edited.
        help: What it says, one sentence; shown by options, forms and tools.
        label: Its heading where an entry is read; empty for what stands in the head.
        item_help: The same for one item of a list, for an option that is given several times.
        option: The name of that option; by default the field's own.
        aliases: Other names of it in files.
        words: Its column in the words index; None for what is not searched by word.
        embedded: Whether the model reads it before or after the content; None for not at all.
        shown: Whether it is a section of its own, before or after the content; None for what stands in the head.
        most: The largest number, or the most characters of a line or an item; 0 for no limit but the text's.
        choices: The closed set of a CHOICE.
        name: The attribute's own name.
        default: What a draft has that says nothing.
        is_required: Whether a draft must say it.
    """

    kind: Kind
    help: str
    label: str = ""
    item_help: str = ""
    option: str = ""
    aliases: tuple[str, ...] = ()
    words: Column | None = None
    embedded: Place | None = None
    shown: Place | None = None
    most: int = 0
    choices: type[Enum] | None = None
    name: str = ""
    default: Any = None
    is_required: bool = False

    @property
    def option_name(self) -> str:
        """The command line's name for it, without the dashes."""
        return (self.option or self.name).replace("_", "-")

    @property
    def noun(self) -> str:
        """Its name as people read it."""
        return self.name.replace("_", " ")

    def texts(self, entry: Draft) -> tuple[str, ...]:
        """What an entry has here as texts, one an item; empty when it has nothing."""
        value = getattr(entry, self.name)
        if not value and value != 0:
            return ()
        if self.kind.is_list:
            return tuple(map(str, value))
        return (str(value),)

    def words_of(self, entry: Draft) -> tuple[str, ...]:
        """What the words index takes of it: all but the number that a database gave a record."""
        if self.kind is not Kind.OTHER:
            return self.texts(entry)
        return tuple(str(other) for other in entry.other_fields if other.name != RECORD_NUMBER)


RECORD_NUMBER = "_id"
"""Nobody searches by it, and where it is made of words it says again what stands elsewhere."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it is stored. `id` and the times are given only when they are known from elsewhere."""

    type: Annotated[EntryType, Field(Kind.CHOICE, "What kind of knowledge it is.", choices=EntryType)]
    title: Annotated[str, Field(Kind.LINE, "The point in one line, not the topic.", words=Column.TITLE, most=500)]
    content: Annotated[
        str, Field(Kind.TEXT, "The text, in Markdown.", aliases=("text", "body"), words=Column.CONTENT)
    ] = ""
    tags: Annotated[
        tuple[str, ...],
        Field(
            Kind.TAGS,
            "Tags.",
            item_help="A tag; repeat for more.",
            option="tag",
            aliases=("tag",),
            words=Column.LABELS,
            most=100,
        ),
    ] = ()
    project: Annotated[str | None, Field(Kind.LINE, "The project it belongs to.", words=Column.LABELS)] = None
    status: Annotated[Status, Field(Kind.CHOICE, "active or obsolete.", choices=Status)] = Status.ACTIVE
    superseded_by: Annotated[
        str | None, Field(Kind.ID, "The id of the entry to read instead; it makes this one obsolete.")
    ] = None
    confidence: Annotated[int, Field(Kind.NUMBER, "How sure you are, from 0 to 5.", most=5)] = 2
    situation: Annotated[
        str,
        Field(
            Kind.TEXT,
            "When it happens.",
            "Situation",
            words=Column.CONTEXT,
            embedded=Place.BEFORE,
            shown=Place.BEFORE,
        ),
    ] = ""
    error_messages: Annotated[
        tuple[str, ...],
        Field(
            Kind.ITEMS,
            "Error messages, word for word.",
            "Error",
            item_help="An error message, word for word.",
            option="error",
            aliases=("errors", "error"),
            words=Column.ERRORS,
            embedded=Place.BEFORE,
            shown=Place.BEFORE,
        ),
    ] = ()
    solution: Annotated[
        str,
        Field(Kind.TEXT, "What helped.", "Solution", words=Column.CONTEXT, embedded=Place.AFTER, shown=Place.BEFORE),
    ] = ""
    what_failed: Annotated[
        str,
        Field(
            Kind.TEXT,
            "What was tried without success.",
            "What failed",
            words=Column.CONTEXT,
            embedded=Place.AFTER,
            shown=Place.BEFORE,
        ),
    ] = ""
    files: Annotated[
        tuple[str, ...],
        Field(
            Kind.LIST,
            "Files it is about.",
            "Files",
            item_help="A file it is about.",
            option="file",
            words=Column.LABELS,
            shown=Place.AFTER,
        ),
    ] = ()
    keywords: Annotated[
        tuple[str, ...],
        Field(
            Kind.LIST,
            "Other words people would search it by.",
            "Keywords",
            item_help="An extra search word.",
            option="keyword",
            aliases=("keyword", "trigger_keywords", "aliases", "alias"),
            words=Column.LABELS,
            embedded=Place.AFTER,
            shown=Place.AFTER,
        ),
    ] = ()
    sources: Annotated[
        tuple[str, ...],
        Field(
            Kind.ITEMS,
            "Where it comes from: links, books, people.",
            "Sources",
            item_help="Where it comes from: a link, a book.",
            option="source",
            aliases=("source", "url", "source_url"),
            words=Column.CONTEXT,
            shown=Place.AFTER,
        ),
    ] = ()
    other_fields: Annotated[
        tuple[OtherField, ...],
        Field(
            Kind.OTHER,
            "Fields of an imported file that are none of these, under their own names.",
            "Other fields",
            words=Column.CONTEXT,
            shown=Place.AFTER,
        ),
    ] = ()
    id: Annotated[str | None, Field(Kind.ID, "Its id, a ULID.", aliases=("_id",))] = None
    created_at: Annotated[
        datetime | None,
        Field(
            Kind.TIME,
            "When it was written.",
            aliases=("created", "date", "created_on", "date_created", "creation_date", "published"),
        ),
    ] = None
    updated_at: Annotated[
        datetime | None,
        Field(
            Kind.TIME,
            "When it was last changed.",
            aliases=(
                "updated",
                "modified",
                "lastmod",
                "last_modified",
                "updated_on",
                "date_modified",
                "date_updated",
                "last_edited",
            ),
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Draft):
    """One piece of knowledge, as stored. Times are UTC, whole seconds.

    `superseded_by` says what the links say: the latest entry that supersedes this one.
    """

    id: str
    created_at: datetime
    updated_at: datetime

    def as_draft(self) -> Draft:
        """What it says, as the beginning of an edit: without id and times."""
        values = values_of(self)
        return Draft(**{name: value for name, value in values.items() if name not in _OWN})


_OWN = ("id", "created_at", "updated_at")
"""Fields that no one edits."""


def values_of(draft: Draft) -> dict[str, Any]:
    """The value of every field, by name."""
    return {field.name: getattr(draft, field.name) for field in FIELDS}


def _table() -> tuple[Field, ...]:
    hints = get_type_hints(Draft, include_extras=True)
    return tuple(
        replace(
            hints[attribute.name].__metadata__[0],
            name=attribute.name,
            default=None if attribute.default is MISSING else attribute.default,
            is_required=attribute.default is MISSING,
        )
        for attribute in attributes_of(Draft)
    )


FIELDS: tuple[Field, ...] = _table()
"""Every field of an entry."""

BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS}

SECTIONS: tuple[Field, ...] = tuple(field for field in FIELDS if field.shown is not None)
"""What is shown under a heading, in the order in which it is read."""

CONTEXT: tuple[Field, ...] = tuple(field for field in SECTIONS if field.kind is not Kind.OTHER)
"""The structured context, which people write."""

EDITED: tuple[Field, ...] = tuple(field for field in FIELDS if field.name not in _OWN)
"""What a person may change."""
