"""What each tool takes: the schemas that clients see, and the messages when a call does not fit them."""

from __future__ import annotations

import difflib
import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rekall.entry import rules
from rekall.entry.types import EntryType, Filters, LinkType, Mode, Status
from rekall.errors import InvalidInput

MOST_RESULTS = 50
MOST_ENTRIES = 20


def _listed(value: object) -> object:
    """Assistants send `"a, b"`, `"a"` or `'["a", "b"]'` where a list is asked for."""
    listed = _one_text(value)
    if listed == [value]:
        return [part.strip() for part in str(value).split(",") if part.strip()]
    return listed


def _one_text(value: object) -> object:
    """A list, also from its JSON; any other text is its one item."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("["):
        try:
            items = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return items
    return [value]


Words = Annotated[list[str], BeforeValidator(_listed)]
Texts = Annotated[list[str], BeforeValidator(_one_text)]  # error messages hold commas
Types = Annotated[list[EntryType], BeforeValidator(_listed)]

Id = Annotated[str, Field(min_length=1, description="Id of an entry, or a beginning that no other shares.")]
Budget = Annotated[int, Field(ge=100, le=50_000, description="About so many tokens at most.")]
Cursor = Annotated[str, Field(description="next_cursor of the answer before.")]


class Input(BaseModel):
    """Arguments of a tool. What is not named here is refused by name."""

    model_config = ConfigDict(extra="forbid", defer_build=True, str_strip_whitespace=False)


class FilterInput(Input):
    """Conditions that every result meets."""

    types: Types = Field([], description="Only entries of any of these types.")
    tags: Words = Field([], description="Only entries with all of these tags.")
    project: str | None = Field(None, description="Only entries of this project.")
    status: Status | None = Field(None, description="Only active, or only obsolete entries.")
    since: str | None = Field(None, description="Only entries changed since, 2026-01-31.")

    def filters(self) -> Filters:
        """The conditions, as the base takes them."""
        since: datetime | None = rules.moment(self.since) if self.since else None
        return Filters(tuple(self.types), tuple(self.tags), self.project or None, since, self.status)


class SearchInput(FilterInput):
    """Arguments of `search`."""

    query: str = Field(
        min_length=1,
        max_length=20_000,
        description='Words, a question, or a pasted error. "phrases" and -exclusions count.',
    )
    mode: Mode = Field(Mode.HYBRID, description="What to go by; hybrid is words and meaning together.")
    literal: bool = Field(
        False, description="Take the query as text, without phrases and exclusions: for pasted errors."
    )
    limit: int = Field(8, ge=1, le=MOST_RESULTS, description="At most so many results.")
    max_tokens: Budget = 1_500
    cursor: Cursor | None = None


class GetInput(Input):
    """Arguments of `get`."""

    ids: Words = Field(min_length=1, max_length=MOST_ENTRIES, description="Ids of entries, or beginnings of ids.")
    max_tokens: Budget = 6_000
    cursor: Cursor | None = None


class ContextInput(Input):
    """The structured parts of an entry, each of which is searched."""

    situation: str | None = Field(None, description="When it happens.")
    solution: str | None = Field(None, description="What helped.")
    what_failed: str | None = Field(None, description="What was tried in vain, so that nobody tries it again.")
    error_messages: Texts | None = Field(None, description="Error messages, word for word.")
    files: Words | None = Field(None, description="Files it is about.")
    keywords: Words | None = Field(None, description="Other words people would search it by.")
    sources: Texts | None = Field(None, description="Where it comes from: links, books, people.")
    confidence: int | None = Field(None, ge=0, le=5, description="How sure, from 0 to 5.")
    project: str | None = Field(None, description="The project it belongs to; an empty text takes it away.")

    def parts(self) -> dict[str, Any]:
        """What was given of these parts, by the names of `rules.Changes`."""
        lists = {"error_messages": self.error_messages, "files": self.files, "sources": self.sources}
        lists["trigger_keywords"] = self.keywords
        return {
            "situation": self.situation,
            "solution": self.solution,
            "what_failed": self.what_failed,
            "confidence": self.confidence,
            "project": self.project,
            **{name: None if values is None else tuple(values) for name, values in lists.items()},
        }


class AddInput(ContextInput):
    """Arguments of `add`."""

    type: EntryType = Field(description="What kind of knowledge it is.")
    title: str = Field(min_length=1, description="One line that says the point, not the topic.")
    content: str = Field("", description="The text, in Markdown.")
    tags: Words = Field([], description="Tags.")

    def changes(self) -> rules.Changes:
        """The entry as changes to an empty one."""
        return rules.Changes(content=self.content, tags=tuple(self.tags), **self.parts())


class UpdateInput(ContextInput):
    """Arguments of `update`: what is not given stays, lists replace."""

    id: Id
    type: EntryType | None = Field(None, description="Another type.")
    title: str | None = Field(None, description="Another title.")
    content: str | None = Field(None, description="The whole new text; replaces the old one.")
    add_tags: Words = Field([], description="Tags to add.")
    remove_tags: Words = Field([], description="Tags to take away.")
    status: Status | None = Field(None, description="active takes an obsolete entry back.")
    if_updated_at: str | None = Field(
        None, description="updated_at as you read it; refuses the update when the entry changed since."
    )

    def changes(self) -> rules.Changes:
        """What shall be different."""
        return rules.Changes(
            type=self.type,
            title=self.title,
            content=self.content,
            add_tags=tuple(self.add_tags),
            remove_tags=tuple(self.remove_tags),
            status=self.status,
            **self.parts(),
        )


class DeleteInput(Input):
    """Arguments of `delete`."""

    id: str = Field(min_length=1, description="The whole id of the entry.")
    confirm: bool = Field(False, description="true only after the person said yes to deleting this very entry.")


class LinkInput(Input):
    """Arguments of `link`."""

    source: Id
    target: Id
    kind: LinkType = Field(
        LinkType.RELATED, description="How source bears on target. supersedes makes target obsolete."
    )
    reason: str = Field("", max_length=1_000, description="Why.")


class SimilarInput(FilterInput):
    """Arguments of `similar`."""

    to: str = Field(min_length=1, max_length=20_000, description="An entry's id, or a text.")
    limit: int = Field(5, ge=1, le=MOST_RESULTS, description="At most so many results.")
    max_tokens: Budget = 1_000
    cursor: Cursor | None = None


class RecentInput(FilterInput):
    """Arguments of `recent`."""

    limit: int = Field(10, ge=1, le=MOST_RESULTS, description="At most so many entries.")
    max_tokens: Budget = 1_000
    cursor: Cursor | None = None


class DeprecateInput(Input):
    """Arguments of `deprecate`."""

    id: Id
    superseded_by: str | None = Field(None, description="Id of the entry to read instead.")
    reason: str = Field("", max_length=1_000, description="Why it no longer holds.")


class UsageInput(Input):
    """`usage` takes nothing."""


def schema_of(kind: type[Input]) -> dict[str, Any]:
    """The JSON Schema of a tool's arguments, without what costs tokens and says nothing."""
    schema = kind.model_json_schema()
    definitions = schema.pop("$defs", {})
    flat = _flattened(schema, definitions)
    flat.pop("description", None)
    assert isinstance(flat, dict)
    required = flat.get("required", [])
    flat["properties"] = dict(sorted(flat["properties"].items(), key=lambda item: item[0] not in required))
    return flat


def validated(kind: type[Input], arguments: dict[str, Any] | None) -> Any:
    """The arguments of a call, as an instance of `kind`.

    Raises:
        InvalidInput: They do not fit; every problem is named, and what is taken instead.
    """
    optional = {name for name, field in kind.model_fields.items() if not field.is_required()}
    given = {name: value for name, value in (arguments or {}).items() if value is not None or name not in optional}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        problems = dict.fromkeys(_problem(kind, problem) for problem in error.errors(include_url=False))
        raise InvalidInput("; ".join(problems), f"arguments: {', '.join(_signature(kind)) or 'none'}") from None


def _flattened(part: Any, definitions: dict[str, Any]) -> Any:
    """A schema without titles, references and the null of what may be left out."""
    if isinstance(part, list):
        return [_flattened(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        target = definitions[part["$ref"].rpartition("/")[2]]
        own = {name: value for name, value in part.items() if name != "$ref"}
        return _flattened({"type": target["type"], "enum": target["enum"], **own}, definitions)
    choices = [choice for choice in part.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        rest = {name: value for name, value in part.items() if name not in ("anyOf", "default")}
        return _flattened({**choices[0], **rest}, definitions)
    flat = {}
    for name, value in part.items():
        if name == "properties":
            flat[name] = {field: _flattened(schema, definitions) for field, schema in value.items()}
        elif not (name == "title" and isinstance(value, str)) and not (name == "default" and value in ([], "")):
            flat[name] = _flattened(value, definitions)
    return flat


def _problem(kind: type[Input], problem: Any) -> str:
    where = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where, kind.model_fields, n=1)
        return f"no argument {where!r}" + (f", did you mean {near[0]!r}?" if near else "")
    if problem["type"] == "missing":
        return f"{where!r} is missing"
    message = problem["msg"].partition(" should ")[2].partition(" after validation")[0]
    given = "null" if problem["input"] is None else repr(problem["input"])
    return f"{where!r} should {message or 'be something else'}, not {given if len(given) <= 80 else given[:79] + '…'}"


def _signature(kind: type[Input]) -> list[str]:
    """The arguments by name, those that must be given first."""
    fields = sorted(kind.model_fields.items(), key=lambda item: not item[1].is_required())
    return [f"{name} (required)" if field.is_required() else name for name, field in fields]
