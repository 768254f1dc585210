"""An entry as the text that a person edits, and back: a short head, the content, and headings for the structured context.

What `text_to_edit` writes, `edited_draft` reads back the same, whatever the texts hold. A field is read from its heading only
where the head does not name it; so a text that holds such a heading itself keeps it, and the field stands in the head.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rekall.entry import rules
from rekall.entry.fields import BY_NAME, CONTEXT, EDITED, FIELDS, Draft, Field, Place
from rekall.entry.record import draft_record, edited_record, means, strictly
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.exchange.front_matter import FrontMatter, split
from rekall.exchange.markdown import read_parts, with_numbers
from rekall.exchange.markdown_writing import dump_head

HEADED: Mapping[str, Field] = {field.name: field for field in CONTEXT if field.shown is Place.BEFORE}
"""The fields that are written under a heading of their own."""

_READ_IN_ORDER = ("situation", "error_messages", "what_failed", "solution")
_ALWAYS = ("title", "type", "tags", "project")
"""What the head names even when it is empty."""

_TEMPLATES: Mapping[EntryType, tuple[str, ...]] = {
    EntryType.BUG: _READ_IN_ORDER,
    EntryType.PITFALL: _READ_IN_ORDER,
    EntryType.DECISION: ("situation", "solution", "what_failed"),
    EntryType.PATTERN: ("situation", "solution"),
}
"""The headings that a new entry of a type begins with; the others begin with an empty page."""

_HELP_BEGINS = "<!-- rekall:"
_HELP_ENDS = "-->"


@dataclass(frozen=True, slots=True)
class Template:
    """A person's own template for the entries of a type.

    Attributes:
        fields: What its front matter says.
        body: The text to begin with.
    """

    fields: Mapping[str, Any]
    body: str


def text_to_edit(what: Draft) -> str:
    """All that can be edited of an entry or a draft; `edited_draft` reads it back.

    Every door begins with this very text, so that what one keeps of it in a draft file is taken up by the others.
    """
    in_head = _colliding(what)
    text = _text(what, in_head)
    if not _says(text, what):
        text = _text(what, HEADED)
    return text


def text_to_write(draft: Draft, template: Template | None = None) -> str:
    """What a new entry is written in: the headings that fit its type, or the person's own template.

    Args:
        draft: What is known of it.
        template: Their template for its type, whose front matter is in the draft already.
    """
    if template is not None:
        content = "\n\n".join(part for part in (draft.content, template.body.strip("\n")) if part)
        return _joined(dump_head(_head(draft, ())), content, _filled(draft, HEADED))
    in_head = _colliding(draft)
    empty = [name for name in _TEMPLATES.get(draft.type, ()) if name not in in_head and not getattr(draft, name)]
    wanted = [name for name in _READ_IN_ORDER if name in empty or name not in in_head]
    sections = [
        (HEADED[name].label, text)
        for name in wanted
        for text in (HEADED[name].texts(draft) or (("",) if name in empty else ()))
    ]
    text = _joined(dump_head(_head(draft, in_head)), draft.content, sections)
    return text if _says(text, draft) else text_to_edit(draft)


def read_template(text: str) -> Template:
    """A person's template: front matter and a text, of which either may be missing.

    Raises:
        InvalidInput: Its front matter cannot be read.
    """
    found = split(_plain(text))
    if found.problem:
        raise InvalidInput(f"its front matter is not valid YAML: {found.problem}")
    return Template(found.fields, found.body)


def filled_in(draft: Draft, template: Template, keep: Iterable[str]) -> Draft:
    """A draft with what the front matter of a template says, but for fields that somebody named.

    Raises:
        InvalidInput: A value of it cannot be read.
    """
    named = {*keep, "title", "type"}
    fields = {name: value for name, value in template.fields.items() if means(name) not in named}
    read = read_parts(FrontMatter(fields), draft.title, draft.type)
    for problem in read.problems:
        strictly(problem, fields)
    said = {means(name) for name, value in fields.items() if value not in (None, "")} & {field.name for field in EDITED}
    values = {name: getattr(read.draft, name) for name in said - {"content", "other_fields"}}
    return replace(draft, **values, other_fields=read.draft.other_fields or draft.other_fields)


def edited_draft(text: str, kind: EntryType, title: str = "") -> Draft:
    """What a text of `text_to_edit` says after somebody has edited it.

    Args:
        text: The text.
        kind: The type of a text that names none.
        title: The title of a text that has none.

    Raises:
        InvalidInput: A field cannot be read, or names what does not exist: whoever sits there can mend it.
    """
    try:
        rules.text(text, "text")
    except InvalidInput as error:
        raise InvalidInput(error.message, "let your editor save it as UTF-8") from error
    found = split(_plain(text))
    if found.problem:
        raise InvalidInput(
            f"the front matter is not valid YAML: {found.problem}", "quote values that contain `: ` or `#`"
        )
    if not found.kind and text.lstrip().startswith("---\n"):
        raise InvalidInput("the front matter is not closed, or not `key: value` lines", "end it with a line of ---")
    headings = {name: field for name, field in HEADED.items() if name not in set(map(means, found.fields))}
    content, sections = _taken_apart(_without_help(found.body), headings)
    read = read_parts(replace(with_numbers(found), body=content), title, kind)
    if read.unknown_type:
        rules.entry_type(read.unknown_type)
    for problem in read.problems:
        strictly(problem, found.fields)
    return replace(read.draft, **sections)


def line_of_content(text: str, place: int = 0, content: str = "") -> int:
    """The line, from 1, at which the content stands in a text of `text_to_edit`.

    Args:
        text: The text.
        place: A character of the content; its line is meant.
        content: The content that it is a character of.
    """
    body = split(text).body
    begin = text.count("\n", 0, len(text) - len(body)) + 1
    blank = len(body) - len(body.lstrip("\n"))
    return begin + min(blank, 1 if not content else blank) + content.count("\n", 0, place)


def line_to_write(text: str) -> int:
    """The line, from 1, on which a person begins to write in a text of `text_to_write`."""
    lines = text.split("\n")
    if "title:" in lines:
        return lines.index("title:") + 1
    for number, line in enumerate(lines, 1):
        if _heading(line, HEADED) and not "".join(lines[number : number + 1]).strip():
            return number + 1
    return line_of_content(text)


def _text(what: Draft, in_head: Iterable[str]) -> str:
    names = set(in_head)
    shown = {name: HEADED[name] for name in _READ_IN_ORDER if name not in names}
    return _joined(dump_head(_head(what, names)), what.content, _filled(what, shown))


def _filled(what: Draft, shown: Mapping[str, Field]) -> list[tuple[str, str]]:
    """The headings and texts of what an entry has of these fields, an item of a list a heading."""
    return [(field.label, text) for field in shown.values() for text in field.texts(what)]


def _joined(head: str, content: str, sections: Sequence[tuple[str, str]]) -> str:
    parts = [content] if content else []
    parts += [f"## {label}\n\n{text}" if text else f"## {label}\n" for label, text in sections]
    body = "\n\n".join((*parts, "")) if parts else "\n\n"
    return f"{head}\n{body}{_help()}"


def _head(what: Draft, in_head: Iterable[str]) -> dict[str, Any]:
    """The fields of the head: the few that everybody fills, what else is filled, and what may not stand under a heading."""
    names = set(in_head)
    empty = draft_record(Draft(what.type, ""))
    return {
        name: value
        for name, value in edited_record(what).items()
        if name in _ALWAYS or name in names or (name not in HEADED and (name not in empty or value != empty[name]))
    }


def _colliding(what: Draft) -> set[str]:
    """The headed fields that may not be read from under a heading: it is a line of a text of the entry, or their text has others."""
    texts = (what.content, *(text for field in HEADED.values() for text in field.texts(what)))
    found = {_heading(line, HEADED) for text in texts for line in text.split("\n") if line.startswith("##")}
    divided = {
        name
        for name, field in HEADED.items()
        if any(mark is None for text in field.texts(what) for _, mark in _headings(text.split("\n"), {}))
    }
    return {*found, *divided} - {""}


def _says(text: str, what: Draft) -> bool:
    """Whether a text is read as what it was made of."""
    try:
        read = edited_draft(text, what.type)
    except InvalidInput:
        return False
    return all(getattr(read, field.name) == getattr(what, field.name) for field in EDITED)


def _heading(line: str, known: Mapping[str, Field]) -> str:
    """The name of the field whose heading a line is, or empty."""
    found = _HEADING.fullmatch(line)
    if found is None:
        return ""
    label = " ".join(found["label"].lower().split())
    return next((name for name, field in known.items() if label in _labels(field)), "")


_HEADING = re.compile(r"##[ \t]+(?P<label>[A-Za-z_ ]+?)[ \t]*:?[ \t]*#*[ \t]*")


def _labels(field: Field) -> set[str]:
    label = field.label.lower()
    return {label, f"{label}s", field.noun}


def _headings(lines: Iterable[str], known: Mapping[str, Field]) -> Iterator[tuple[str, str | None]]:
    """Each line, with the name of the field whose heading it is; None for another heading like these, outside code."""
    fence = ""
    for line in lines:
        name: str | None = _heading(line, known)
        mark = _FENCE.match(line)
        if name:
            fence = ""
        elif mark and not (fence and line.strip().strip(fence[0])):
            fence = mark[1] if not fence else "" if mark[1].startswith(fence) else fence
        elif not fence and _OTHER_HEADING.match(line):
            name = None
        yield line, name


_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_OTHER_HEADING = re.compile(r"##[ \t]+\S")


def _taken_apart(body: str, headings: Mapping[str, Field]) -> tuple[str, dict[str, Any]]:
    """The content of a body, and the values of the fields whose headings stand in it."""
    content: list[str] = []
    parts: list[tuple[str, list[str]]] = []
    into = content
    for line, name in _headings(body.split("\n"), headings):
        if name:
            into = []
            parts.append((name, into))
            continue
        if name is None and into is not content:
            into = content
            into.extend([""] if content else [])
        into.append(line)
    texts = [(name, "\n".join(lines).strip("\n")) for name, lines in parts]
    values: dict[str, Any] = {}
    for name, text in texts:
        if not text.strip():
            continue
        if BY_NAME[name].kind.is_list:
            values[name] = (*values.get(name, ()), text)
        else:
            values[name] = f"{values[name]}\n\n{text}" if name in values else text
    return "\n".join(content).strip("\n"), values


def _without_help(body: str) -> str:
    """A body without the comment that we put there; what somebody wrote behind that stays."""
    begin = f"\n{body}".rfind(f"\n{_HELP_BEGINS}")
    end = body.find(_HELP_ENDS, begin)
    if begin < 0 or end < 0:
        return body
    before, after = body[:begin].rstrip("\n"), body[end + len(_HELP_ENDS) :].strip("\n")
    return f"{before}\n\n{after}" if after.strip() else before


def _help() -> str:
    """What may be written, in a comment that is left out again."""
    choices = (
        f"{name}: {_any_of([each.value for each in field.choices])}" for name, field in BY_NAME.items() if field.choices
    )
    numbers = (f"{field.name}: 0 to {field.most}" for field in FIELDS if field.kind.value == "number")
    more = ("superseded_by", *(field.name for field in CONTEXT if field.name not in HEADED))
    headings = _any_of([f"## {HEADED[name].label}" for name in _READ_IN_ORDER], "and")
    return "\n".join(
        (
            f"{_HELP_BEGINS} this comment is not stored.",
            *choices,
            *numbers,
            f"The lines at the top may also name {_any_of(list(more))}.",
            f"Text under {headings} becomes a field; the rest is the content.",
            f"Every error message has a ## {HEADED['error_messages'].label} of its own. {_HELP_ENDS}",
            "",
        )
    )


def _any_of(names: list[str], last: str = "or") -> str:
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
