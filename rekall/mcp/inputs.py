"""What each tool takes: the schemas that clients see, and the messages when a call does not fit them."""

from __future__ import annotations

import difflib
import json
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from rekall.entry import fields
from rekall.entry.changes import Changes
from rekall.entry.fields import BY_NAME, CONTEXT, Kind
from rekall.entry.filters import FILTERS, Filters
from rekall.entry.types import EntryType, LinkType, Status
from rekall.errors import InvalidInput
from rekall.search.results import Mode

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

Id = Annotated[str, Field(min_length=1, description="An entry's id, or a unique prefix of it.")]
Budget = Annotated[int, Field(ge=100, le=50_000, description="Roughly the most tokens to answer with.")]
Cursor = Annotated[str, Field(description="next_cursor from the previous answer.")]


class Input(BaseModel):
    """Arguments of a tool. What is not named here is refused by name."""

    model_config = ConfigDict(extra="forbid", defer_build=True, str_strip_whitespace=False)


def _filter_arguments() -> dict[str, Any]:
    """An argument for each filter of the table."""
    arguments: dict[str, Any] = {}
    for each in FILTERS:
        kind: Any = {"types": EntryType, "status": Status}.get(each.name, str)
        if each.is_list:
            several: Any = Annotated[list[kind], BeforeValidator(_listed)]
            arguments[each.name] = (several, Field([], description=each.help))
        else:
            arguments[each.name] = (kind | None, Field(None, description=each.help))
    return arguments


class _Filtered(Input):
    """What every input with filters can do."""

    def filters(self) -> Filters:
        """The conditions, as the base takes them."""
        typed: dict[str, list[str]] = {}
        for each in FILTERS:
            value = getattr(self, each.name)
            values = value if isinstance(value, list) else [value] if value else []
            typed[each.name] = [str(getattr(item, "value", item)) for item in values]
        return Filters.read(typed)


FilterInput: Any = create_model("FilterInput", __base__=_Filtered, **_filter_arguments())
"""Conditions that every result meets."""


class SearchInput(FilterInput):  # type: ignore[misc]  # made from the table of filters
    """Arguments of `search`."""

    query: str = Field(
        min_length=1,
        max_length=20_000,
        description='Words, a question, a command or error; "phrases" must occur, NOT word leaves out.',
    )
    mode: Mode = Field(Mode.HYBRID, description="hybrid is words and meaning together.")
    literal: bool = Field(False, description="Take the query as plain text: for pasted errors.")
    min: Literal["strong", "likely"] | None = Field(None, description="Leave out less sure hits.")
    limit: int = Field(8, ge=1, le=MOST_RESULTS, description="The most hits to return.")
    max_tokens: Budget = 1_500
    cursor: Cursor | None = None


class GetInput(Input):
    """Arguments of `get`."""

    ids: Words = Field(min_length=1, max_length=MOST_ENTRIES, description="Ids of entries, or prefixes of them.")
    max_tokens: Budget = 6_000
    cursor: Cursor | None = None


def _argument(field: fields.Field, default: Any = None) -> tuple[Any, Any]:
    """A field of an entry as an argument that may be left out."""
    if field.kind is Kind.ITEMS:
        kind: Any = Texts
    elif field.kind.is_list:
        kind = Words
    elif field.kind is Kind.NUMBER:
        kind = Annotated[int, Field(ge=0, le=field.most)]
    else:
        kind = field.choices or str
    return (kind | None if default is None else kind, Field(default, description=field.help))


class _Writing(Input):
    """What every input that writes an entry can do."""

    def changes(self) -> Changes:
        """What is to be different; what was not given stays as it is."""
        given = {name: getattr(self, name) for name in self.model_fields_set if name in BY_NAME and name != "id"}
        values = {name: value for name, value in given.items() if value is not None}
        return Changes.of(
            add_tags=getattr(self, "add_tags", ()), remove_tags=getattr(self, "remove_tags", ()), **values
        )


_CONTEXT: dict[str, Any] = {
    field.name: _argument(field) for field in (*CONTEXT, BY_NAME["confidence"], BY_NAME["project"])
}

_AddInput: Any = create_model("_AddInput", __base__=_Writing, **_CONTEXT)
_UpdateInput: Any = create_model("_UpdateInput", __base__=_Writing, **_CONTEXT)


class AddInput(_AddInput):  # type: ignore[misc]  # made from the table of fields
    """Arguments of `add`."""

    type: EntryType = Field(description=BY_NAME["type"].help)
    title: str = Field(min_length=1, description=BY_NAME["title"].help)
    content: str = Field("", description=BY_NAME["content"].help)
    tags: Words = Field([], description=BY_NAME["tags"].help)


class UpdateInput(_UpdateInput):  # type: ignore[misc]  # made from the table of fields
    """Arguments of `update`: what is not given stays, lists replace."""

    id: Id
    type: EntryType | None = Field(None, description="Another type.")
    title: str | None = Field(None, description="Another title.")
    content: str | None = Field(None, description="The whole new text; replaces the old one.")
    add_tags: Words = Field([], description="Tags to add.")
    remove_tags: Words = Field([], description="Tags to remove.")
    status: Status | None = Field(None, description="active makes an obsolete entry valid again.")
    if_updated_at: str | None = Field(
        None, description="updated_at as you read it; the update is refused if the entry has changed since."
    )


class DeleteInput(Input):
    """Arguments of `delete`."""

    id: str = Field(min_length=1, description="The full id of the entry.")
    confirm: bool = Field(False, description="true only after the person said yes to deleting this very entry.")


class LinkInput(Input):
    """Arguments of `link`."""

    source: Id
    target: Id
    type: LinkType = Field(
        LinkType.RELATED,
        validation_alias=AliasChoices("type", "kind"),
        description="How source bears on target. supersedes makes target obsolete.",
    )
    reason: str = Field("", max_length=1_000, description="Why.")


class SimilarInput(FilterInput):  # type: ignore[misc]  # made from the table of filters
    """Arguments of `similar`."""

    to: str = Field(min_length=1, max_length=20_000, description="An entry's id, or any text.")
    limit: int = Field(5, ge=1, le=MOST_RESULTS, description="The most hits to return.")
    max_tokens: Budget = 1_000
    cursor: Cursor | None = None


class RecentInput(FilterInput):  # type: ignore[misc]  # made from the table of filters
    """Arguments of `recent`."""

    limit: int = Field(10, ge=1, le=MOST_RESULTS, description="The most entries to return.")
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
    schema = kind.model_json_schema(by_alias=False)
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
