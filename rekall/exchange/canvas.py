"""A canvas of Obsidian (JSON Canvas): cards of text, files and addresses, with arrows between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rekall.entry.types import NamedLink
from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Source, parsed_json
from rekall.exchange.markdown_names import date_of, name_of
from rekall.exchange.markdown_note import links_of
from rekall.exchange.markdown_text import inline_tags, is_media, masked
from rekall.system.decoding import decoded

_SHAPE = frozenset(
    [
        "id",
        "type",
        "x",
        "y",
        "width",
        "height",
        "color",
        "fromNode",
        "toNode",
        "fromSide",
        "toSide",
        "fromEnd",
        "toEnd",
        "text",
        "file",
        "subpath",
        "url",
        "label",
        "background",
        "backgroundStyle",
        "styleAttributes",
    ]
)


def canvas_note(source: Source) -> Iterator[Note]:
    """The note that a canvas is: its cards one below the other, from top to bottom; nothing for an empty one."""
    text = decoded(source.data).text  # not as the text of the source: where a card lies is nothing to keep
    try:
        document = parsed_json(text)
    except InvalidInput:
        document = None
    if not isinstance(document, Mapping) or not isinstance(document.get("nodes", []), list):
        if text.strip():
            yield Note(content=text.strip("\n"), name=name_of(source))
        return
    cards = [card for card in document.get("nodes", []) if isinstance(card, Mapping)]
    cards.sort(key=lambda card: (_number(card.get("y")), _number(card.get("x"))))
    edges = document.get("edges")
    arrows = [edge for edge in edges if isinstance(edge, Mapping)] if isinstance(edges, list) else []
    parts = [part for card in cards if (part := _words(card))]
    content = "\n\n".join((*parts, *_arrows(cards, arrows)))
    others = {name: value for name, value in document.items() if name not in ("nodes", "edges") and value}
    if not content and not others:
        return
    shown = masked(content)
    files = [card["file"] for card in cards if isinstance(card.get("file"), str)]
    links = (*(NamedLink(file) for file in files if not is_media(file)), *links_of(shown))
    yield Note(
        fields=others,
        content=content,
        name=name_of(source),
        created_at=date_of(source),
        tags=inline_tags(shown),
        links=tuple({link.target: link for link in links}.values()),
    )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _words(card: Mapping[str, Any]) -> str:
    """What a card says."""
    said = []
    for name in ("label", "text", "file", "url"):
        value = card.get(name)
        if isinstance(value, str) and value.strip():
            said.append({"label": f"## {value}", "file": f"- {value}{card.get('subpath') or ''}"}.get(name, value))
    said += [
        f"{name}: {value}" for name, value in card.items() if name not in _SHAPE and isinstance(value, str) and value
    ]
    return "\n".join(said)


def _arrows(cards: list[Mapping[str, Any]], arrows: list[Mapping[str, Any]]) -> Iterator[str]:
    """What is written on arrows, with the beginnings of the cards at their ends."""
    by_id = {str(card.get("id")): _words(card).strip("#- ").split("\n")[0][:80] for card in cards}
    for arrow in arrows:
        label = arrow.get("label")
        if isinstance(label, str) and label.strip():
            ends = (by_id.get(str(arrow.get(end)), "") for end in ("fromNode", "toNode"))
            yield f"- {' → '.join(ends)}: {label}"
