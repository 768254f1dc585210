"""What each tool takes: the schemas that clients see, and the messages when a call does not fit them."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from rekall.entry import fields
from rekall.entry.changes import Changes
from rekall.entry.fields import BY_NAME, CONTEXT, Kind
from rekall.entry.filters import FILTERS, Filters
from rekall.entry.types import EntryType, LinkType, Status
from rekall.errors import InvalidInput
from rekall.mcp import meant
from rekall.search.results import Mode

MOST_RESULTS = 50
MOST_ENTRIES = 20


Text = Annotated[str, BeforeValidator(meant.joined)]
Words = Annotated[list[str], BeforeValidator(meant.listed)]
Texts = Annotated[list[str], BeforeValidator(meant.one_text)]  # error messages hold commas

Id = Annotated[str, Field(min_length=1, description="An entry's id."), BeforeValidator(meant.bare_id)]
Budget = Annotated[int, meant.at_most(50_000), Field(ge=100, description="Most tokens to answer with.")]
Limit = Annotated[int, meant.at_most(MOST_RESULTS), Field(ge=1)]
Cursor = Annotated[Text, Field(description="From the previous answer.")]
Type = Annotated[EntryType, BeforeValidator(meant.word)]
State = Annotated[Status, BeforeValidator(meant.word)]

ANY_PROJECT, NO_PROJECT = "all", "-"
"""Said as a project: none, where otherwise the one that is open would count."""

_IN_SHORT = {
    "types": "Any of these types.",
    "tags": "All of these tags.",
    "project": f'Only this project; "{ANY_PROJECT}" prefers none.',
    "since": 'Changed since: "yesterday", "2w", "2026-11".',
    "until": "Changed until then.",
    "created": "Written then.",
    "status": "Only active, or only obsolete.",
}
"""Filters in as few words as a model needs: every one is paid for in every conversation."""

_DATES = {"since", "until", "created", "changed"}
_UNLISTED = "unlisted"


class Input(BaseModel):
    """Arguments of a tool. What is not named here is refused by name."""

    model_config = ConfigDict(extra="forbid", defer_build=True, str_strip_whitespace=False, coerce_numbers_to_str=True)

    def check(self) -> None:
        """Look at what no schema says. Raises InvalidInput."""


def _filter_arguments(unlisted: Collection[str]) -> dict[str, Any]:
    """An argument for each filter of the table; clients are not told of those that are seldom of use."""
    arguments: dict[str, Any] = {}
    for each in FILTERS:
        kind: Any = {"types": Type, "status": State}.get(each.name, Text)
        if each.is_list:
            kind = Annotated[list[kind], BeforeValidator(meant.listed)]
        arguments[each.name] = (
            kind if each.is_list else kind | None,
            Field(
                [] if each.is_list else None,
                description=_IN_SHORT.get(each.name, each.help),
                json_schema_extra={_UNLISTED: True} if each.name in unlisted else None,
            ),
        )
    return arguments


def _is_none(project: str | None) -> bool:
    return project is not None and project.strip() in (ANY_PROJECT, NO_PROJECT)


class _Filtered(Input):
    """What every input with filters can do."""

    if TYPE_CHECKING:  # made from the table
        project: str | None

    def filters(self) -> Filters:
        """The conditions, as the base takes them."""
        typed: dict[str, list[str]] = {}
        for each in FILTERS:
            value = getattr(self, each.name)
            values = value if isinstance(value, list) else [value] if value else []
            typed[each.name] = [str(getattr(item, "value", item)) for item in values]
        if _is_none(self.project):
            typed["project"] = []
        return Filters.read(typed)

    def near(self, project: str | None) -> str | None:
        """The project whose entries are preferred: the one that is open, unless another or none was asked for."""
        return project if self.project is None else None


FilterInput: Any = create_model("FilterInput", __base__=_Filtered, **_filter_arguments({"changed"}))
"""Conditions that every result meets."""

_FilterInput: Any = create_model("_FilterInput", __base__=_Filtered, **_filter_arguments(_DATES))
"""The same for a tool that seldom goes by dates."""


class SearchInput(FilterInput):  # type: ignore[misc]  # made from the table of filters
    """Arguments of `search`."""

    query: Text = Field(
        min_length=1,
        max_length=20_000,
        description='Words, a question or an error; "phrases" must occur, NOT word leaves out.',
    )
    mode: Annotated[Mode, BeforeValidator(meant.word)] = Field(Mode.HYBRID, description="hybrid: words and meaning.")
    literal: bool = Field(False, description="Query as plain text: for pasted errors.")
    min: Annotated[Literal["strong", "likely"], BeforeValidator(meant.word)] | None = Field(
        None, description="Leave out less sure hits."
    )
    limit: Limit = Field(8, description=f"Most hits, up to {MOST_RESULTS}.")
    max_tokens: Budget = 1_500
    cursor: Cursor | None = None


class GetInput(Input):
    """Arguments of `get`."""

    ids: Annotated[list[str], BeforeValidator(meant.bare_ids)] = Field(
        min_length=1, max_length=MOST_ENTRIES, description="Ids of entries."
    )
    max_tokens: Budget = 6_000
    cursor: Cursor | None = None


class HistoryInput(Input):
    """Arguments of `history`."""

    id: Id | None = Field(None, description="An entry's id; without one, what was done to the base.")
    version: Annotated[int, Field(ge=0)] | None = Field(None, description="Its text then, by its number.")
    diff: bool = Field(False, description="What changed since that version, in place of its text.")
    max_tokens: Budget = 1_500
    cursor: Cursor | None = None


def _argument(field: fields.Field, described: bool) -> tuple[Any, Any]:
    """A field of an entry as an argument that may be left out."""
    if field.kind is Kind.ITEMS:
        kind: Any = Texts
    elif field.kind.is_list:
        kind = Words
    elif field.kind is Kind.NUMBER:
        kind = Annotated[int, Field(ge=0, le=field.most)]
    else:
        kind = Annotated[field.choices, BeforeValidator(meant.word)] if field.choices else Text
    return (kind | None, Field(None, description=field.help if described else None))


class _Writing(Input):
    """What every input that writes an entry can do."""

    if TYPE_CHECKING:  # made from the table
        project: str | None

    def changes(self, **instead: Any) -> Changes:
        """What is to be different; what was not given stays as it is.

        Args:
            instead: Values that take the place of those given.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set if name in BY_NAME and name != "id"}
        given |= {"project": ""} if _is_none(given.get("project")) else {}
        values = {name: value for name, value in {**given, **instead}.items() if value is not None}
        return Changes.of(
            add_tags=getattr(self, "add_tags", ()), remove_tags=getattr(self, "remove_tags", ()), **values
        )


def _context(*, described: bool) -> dict[str, Any]:
    return {field.name: _argument(field, described) for field in (*CONTEXT, BY_NAME["confidence"], BY_NAME["project"])}


_AddInput: Any = create_model("_AddInput", __base__=_Writing, **_context(described=True))
_UpdateInput: Any = create_model("_UpdateInput", __base__=_Writing, **_context(described=False))
"""Of the fields that `add` has too it says nothing again."""


class AddInput(_AddInput):  # type: ignore[misc]  # made from the table of fields
    """Arguments of `add`: a title, or content whose first line becomes one."""

    content: Text = Field("", description=BY_NAME["content"].help)
    title: Text = Field("", description="The point in one line, not the topic; default: content's first line.")
    type: Type | None = Field(None, description="Default: til.")
    project: Text | None = Field(None, description=f'Default: the open one; "{NO_PROJECT}" for none.')
    base: Text | None = Field(None, description="Of several bases, which; ask first.")
    tags: Words = Field([], description=BY_NAME["tags"].help)

    def check(self) -> None:
        """Raises InvalidInput: there is neither title nor content."""
        if not self.title.strip() and not self.content.strip():
            raise InvalidInput("there is nothing to store", "give content, or a title")

    def project_of(self, open_one: str | None) -> str | None:
        """The project to store it under: the one that is open, unless another or none was asked for."""
        if self.project is None:
            return open_one
        return "" if _is_none(self.project) else self.project


class UpdateInput(_UpdateInput):  # type: ignore[misc]  # made from the table of fields
    """Arguments of `update`: what is not given stays, lists replace."""

    id: Id
    type: Type | None = Field(None, description="Another type.")
    title: Text | None = Field(None, description="Another title.")
    content: Text | None = Field(None, description="The whole new text.")
    add_tags: Words = Field([], description="Tags to add.")
    remove_tags: Words = Field([], description="Tags to remove.")
    status: State | None = Field(None, description="active revives an obsolete one.")
    if_updated_at: Text | None = Field(None, description="updated_at as read; refused if it changed since.")


class DeleteInput(Input):
    """Arguments of `delete`."""

    id: Id
    confirm: bool = Field(False, description="true only after the person agreed to delete this very entry.")


class LinkInput(Input):
    """Arguments of `link`."""

    source: Id
    target: Id
    type: Annotated[LinkType, BeforeValidator(meant.word)] = Field(
        LinkType.RELATED,
        validation_alias=AliasChoices("type", "kind"),
        description="How source bears on target. supersedes makes target obsolete.",
    )
    reason: Text = Field("", max_length=1_000, description="Why.")


class SimilarInput(_FilterInput):  # type: ignore[misc]  # made from the table of filters
    """Arguments of `similar`."""

    to: Text = Field(min_length=1, max_length=20_000, description="An entry's id, or any text.")
    limit: Limit = Field(5, description=f"Most hits, up to {MOST_RESULTS}.")
    max_tokens: Budget = 1_000
    cursor: Cursor | None = None


class RecentInput(FilterInput):  # type: ignore[misc]  # made from the table of filters
    """Arguments of `recent`."""

    limit: Limit = Field(10, description=f"Most entries, up to {MOST_RESULTS}.")
    max_tokens: Budget = 1_000
    cursor: Cursor | None = None


class DeprecateInput(Input):
    """Arguments of `deprecate`."""

    id: Id
    superseded_by: Annotated[str, BeforeValidator(meant.bare_id)] | None = Field(
        None, description="Id of the entry to read instead."
    )
    reason: Text = Field("", max_length=1_000, description="Why it no longer holds.")


class UsageInput(Input):
    """`usage` takes nothing; some clients cannot send that, and what they make up means nothing."""

    model_config = ConfigDict(extra="ignore")


def schema_of(kind: type[Input]) -> dict[str, Any]:
    """The JSON Schema of a tool's arguments, without what costs tokens and says nothing."""
    schema = kind.model_json_schema(by_alias=False)
    definitions = schema.pop("$defs", {})
    flat = _flattened(schema, definitions)
    assert isinstance(flat, dict)
    for name in ("description", "additionalProperties"):  # what it refuses, it refuses by name
        flat.pop(name, None)
    listed = {name: part for name, part in flat["properties"].items() if not part.get(_UNLISTED)}
    flat["properties"] = dict(sorted(listed.items(), key=lambda item: _rank(kind, item[0])))
    return flat


def validated(kind: type[Input], arguments: dict[str, Any] | None) -> Any:
    """The arguments of a call, as an instance of `kind`.

    Raises:
        InvalidInput: They do not fit; every problem is named, and what is taken instead.
    """
    optional = {name for name, field in kind.model_fields.items() if not field.is_required()}
    given = meant.named(arguments or {}, [*kind.model_fields, *_aliases(kind)])
    given = {name: value for name, value in given.items() if value is not None or name not in optional}
    try:
        read = kind.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = dict.fromkeys(_problem(kind, problem) for problem in found)
        is_named = not any(problem["type"] in ("missing", "extra_forbidden") for problem in found)
        hint = "" if is_named else f"arguments: {', '.join(_signature(kind)) or 'none'}"
        raise InvalidInput("; ".join(problems), hint) from None
    read.check()
    return read


_BOUNDS = ("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum")
"""A call beyond them is told so; in the list of tools they cost more than such a call."""


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
        elif not (
            (name == "title" and isinstance(value, str))
            or (name == "default" and value in ([], "", False))
            or name in _BOUNDS
        ):
            flat[name] = _flattened(value, definitions)
    return flat


def _aliases(kind: type[Input]) -> list[str]:
    choices = [field.validation_alias for field in kind.model_fields.values()]
    return [str(name) for each in choices if isinstance(each, AliasChoices) for name in each.choices]


_SHOULD = {
    "int": "be a whole number",
    "bool": "be true or false",
    "string_type": "be a text",
    "list_type": "be a list of texts",
    "string_too_short": "not be empty",
}
"""What a value should do, by the kind of problem, where the library's words say it less well."""


def _problem(kind: type[Input], problem: Any) -> str:
    where = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where, kind.model_fields, n=1)
        return f"no argument {where!r}" + (f", did you mean {near[0]!r}?" if near else "")
    if problem["type"] == "missing":
        return f"{where!r} is missing"
    about = problem.get("ctx", {})
    said = problem["msg"].partition(" should ")[2].partition(" after validation")[0]
    should = _SHOULD.get(problem["type"]) or _SHOULD.get(problem["type"].partition("_")[0]) or said
    should = should.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    given = "null" if problem["input"] is None else repr(problem["input"])
    if "actual_length" in about:
        given = f"{about['actual_length']:,}"
    elif problem["type"] == "string_too_long":
        given = f"{len(problem['input']):,}"
    of = BY_NAME.get(where)
    bounds = f" from 0 to {of.most}" if of and of.kind is Kind.NUMBER and should == _SHOULD["int"] else ""
    return f"{where!r} should {should or 'be something else'}{bounds}, not {given if len(given) <= 80 else given[:79] + '…'}"


def _signature(kind: type[Input]) -> list[str]:
    """The arguments by name, those that must be given first."""
    names = sorted(kind.model_fields, key=lambda name: _rank(kind, name))
    return [f"{name} (required)" if kind.model_fields[name].is_required() else name for name in names]


def _rank(kind: type[Input], name: str) -> tuple[bool, int]:
    """Where an argument stands: what must be given, what a tool has of its own, in the order of its class; then the rest."""
    own = list(kind.__annotations__)
    return not kind.model_fields[name].is_required(), own.index(name) if name in own else len(own)
