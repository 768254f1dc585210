"""Conversations with ChatGPT and Claude, as their exports give them out: `conversations.json`, one note a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import (
    LISTS,
    Ids,
    as_name,
    as_text,
    document_of,
    file_words,
    first_line,
    strings_in,
    without,
)
from rekall.exchange.record_shapes import has_text, is_prose

_NO_TEXT = ("content_type", "type", "language", "asset_pointer", "start_timestamp", "stop_timestamp")
"""Of a part of a message: what only says what kind of part it is."""


class Chats:
    """Conversations, each with its turns in order."""

    name = "chats"
    title = "Conversations with ChatGPT and Claude"
    suffixes: tuple[str, ...] = (".json",)
    keys: Mapping[str, str] = {"create_time": "created_at", "update_time": "updated_at", "conversation_id": "id"}
    hint = "Settings → Data controls (or Privacy) → Export data, unpacked: import conversations.json."

    def fits(self, source: Source) -> bool:
        """Whether a file holds conversations."""
        found = [item for item in _conversations(document_of(source)) if isinstance(item, dict)]
        return bool(found) and all(_turns_name(item) for item in found[:5])

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every conversation in which something was said."""
        ids = Ids()
        for number, item in enumerate(_conversations(source.document), 1):
            record = item if isinstance(item, dict) else {"content": item}
            turns = _turns_name(record)
            if not turns and not has_text(record):
                continue
            said = list(_said(record[turns])) if turns else []
            content = "\n\n".join(f"**{who}:** {text}" for who, text in said) or as_text(record.get("content"))
            fields = without(record, *((turns,) if turns else ()), "id", "uuid", "conversation_id", "current_node")
            title = as_name(fields.get("title")) or as_name(fields.pop("name", ""))
            told = {line.strip() for _who, text in said for line in text.split("\n")}
            beside = [
                text
                for text in strings_in(record.get(turns))
                if is_prose(text) and any(line.strip() not in told for line in as_text(text).strip().split("\n"))
            ]
            if beside:
                fields["said_beside"] = list(dict.fromkeys(beside))
            if not (content.strip() or title or fields):
                continue
            yield Note(
                fields=fields,
                content=content,
                title=title or (first_line(said[0][1]) if said else first_line(content)),
                name=f"{file_words(source)} {number}",
                record_id=ids.once(record.get("conversation_id") or record.get("uuid") or record.get("id")),
                part=f"record {number}",
            )


def _conversations(document: Any) -> Iterable[Any]:
    """The conversations of a document: a list of them, one, or an object around the list."""
    if isinstance(document, dict) and isinstance(document.get("conversations"), LISTS):
        document = document["conversations"]
    return document if isinstance(document, LISTS) else [document] if isinstance(document, dict) else []


def _turns_name(record: Mapping[str, Any]) -> str:
    """Where a conversation has its turns; empty for what is none."""
    if isinstance(record.get("chat_messages"), list):
        return "chat_messages"
    found = record.get("mapping")
    nodes: Mapping[str, Any] = found if isinstance(found, dict) else {}
    is_tree = bool(nodes)
    return "mapping" if is_tree and all(isinstance(node, dict) and "message" in node for node in nodes.values()) else ""


def _said(turns: Any) -> Iterator[tuple[str, str]]:
    """Who said what, in order."""
    for message in _messages(turns):
        author = message.get("author")
        who = as_name(message.get("sender")) or as_name(author.get("role") if isinstance(author, dict) else author)
        text = as_text(message.get("text")).strip() or "\n\n".join(_texts_of(message.get("content")))
        files = [
            as_name(item.get("file_name") or item.get("name"))
            for name in ("attachments", "files")
            for item in _listed(message.get(name))
            if isinstance(item, dict)
        ]
        text = "\n\n".join([text, *(f"[{name}]" for name in dict.fromkeys(files) if name)]).strip()
        if text:
            yield who or "?", text


def _messages(turns: Any) -> Iterator[dict[str, Any]]:
    """The messages of a list, or of a tree from its root on; every branch of it."""
    if isinstance(turns, list):
        yield from (turn for turn in turns if isinstance(turn, dict))
        return
    waiting = [name for name, node in reversed(turns.items()) if node.get("parent") not in turns]
    seen: set[str] = set()
    while waiting or len(seen) < len(turns):
        name = waiting.pop() if waiting else next(name for name in turns if name not in seen)
        if name in seen or name not in turns:
            continue
        seen.add(name)
        children = _listed(turns[name].get("children"))
        waiting += [child for child in reversed(children) if isinstance(child, str)]
        if isinstance(turns[name]["message"], dict):
            yield turns[name]["message"]


def _texts_of(content: Any) -> Iterator[str]:
    """The texts of a message's parts."""
    waiting = [content]
    while waiting:
        top = waiting.pop()
        if isinstance(top, str) and top.strip():
            yield as_text(top).strip()
        elif isinstance(top, list):
            waiting.extend(reversed(top))
        elif isinstance(top, dict):
            waiting.extend(value for name, value in reversed(top.items()) if name not in _NO_TEXT)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


DIALECT = Chats()
