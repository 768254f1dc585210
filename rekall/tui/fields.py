"""An entry's parts as the texts of a form, and back, without losing what a text cannot show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rekall.entry import rules
from rekall.entry.types import Context, Draft
from rekall.errors import InvalidInput
from rekall.wording import printable

LISTS = ("error_messages", "files", "trigger_keywords", "sources")
_FURTHER = "  "
"""Begins the further lines of one item, as a stack trace's own lines do."""


def texts_of(draft: Draft) -> dict[str, str]:
    """The text of every field: tags between commas, other lists an item a line, further lines of an item indented."""
    context = draft.context
    texts = {
        "type": draft.type.value,
        "title": draft.title,
        "tags": ", ".join(draft.tags),
        "project": draft.project or "",
        "status": draft.status.value,
        "superseded_by": draft.superseded_by or "",
        "confidence": str(draft.confidence),
        "content": draft.content,
        "situation": context.situation,
        "solution": context.solution,
        "what_failed": context.what_failed,
        **{name: lines_of(getattr(context, name)) for name in LISTS},
    }
    return {name: printable(text) for name, text in texts.items()}


def draft_of(begun: Draft, texts: Mapping[str, str], onto: Draft | None = None) -> Draft:
    """A draft from the texts of a form.

    Args:
        begun: What the form began with. A field whose text is as it was keeps its value: the text may show less, as
            control characters are not shown.
        texts: The texts now.
        onto: What the fields that were touched are put onto, when that is no longer what the form began with.

    Raises:
        InvalidInput: The confidence is no number, or the status is unknown.
    """
    before = texts_of(begun)
    new = {name: text for name, text in texts.items() if text != before[name]}
    onto = onto or begun
    draft = replace(
        onto,
        title=new.get("title", onto.title),
        content=new.get("content", onto.content),
        context=_context(onto.context, new),
    )
    if "type" in new:
        draft = replace(draft, type=rules.entry_type(new["type"]))
    if "tags" in new:
        draft = replace(draft, tags=tuple(tag.strip() for tag in new["tags"].split(",")))
    if "project" in new:
        draft = replace(draft, project=new["project"].strip() or None)
    if "status" in new:
        draft = replace(draft, status=rules.status(new["status"]))
    if "superseded_by" in new:
        draft = replace(draft, superseded_by=new["superseded_by"].strip() or None)
    if "confidence" in new:
        draft = replace(draft, confidence=_whole(new["confidence"]))
    return draft


def lines_of(items: tuple[str, ...]) -> str:
    """Items a line each; the further lines of one item are indented."""
    return "\n".join(item.replace("\n", f"\n{_FURTHER}") for item in items)


def items_of(text: str) -> tuple[str, ...]:
    """The items of such a text."""
    items: list[str] = []
    for line in text.split("\n"):
        if items and line.startswith(_FURTHER):
            items[-1] += "\n" + line.removeprefix(_FURTHER)
        else:
            items.append(line)
    return tuple(item for item in items if item.strip())


def _context(onto: Context, new: Mapping[str, str]) -> Context:
    lists = {name: items_of(new[name]) for name in LISTS if name in new}
    return replace(
        onto,
        situation=new.get("situation", onto.situation),
        solution=new.get("solution", onto.solution),
        what_failed=new.get("what_failed", onto.what_failed),
        error_messages=lists.get("error_messages", onto.error_messages),
        files=lists.get("files", onto.files),
        trigger_keywords=lists.get("trigger_keywords", onto.trigger_keywords),
        sources=lists.get("sources", onto.sources),
    )


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInput(f"confidence is {text!r}, expected a whole number", "it goes from 0 to 5") from None
