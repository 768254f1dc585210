"""Changes fields in the front matter of a file, and nothing else of it: block by block, each a key with what belongs to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rekall.entry import rules
from rekall.entry.fields import BY_NAME
from rekall.exchange.front_matter import FrontMatter
from rekall.exchange.markdown_note import without_brackets
from rekall.exchange.markdown_writing import dump_field

_KEY = re.compile(
    r"(?:\"(?P<double>[^\"\n]+)\"|'(?P<single>[^'\n]+)'|(?P<plain>[^\s#:\-\[\]{}\"'&*!|>%@`][^:\n]*?))[ \t]*:(?:[ \t]|$)"
)
_TOML_KEY = re.compile(r"(?:\"(?P<double>[^\"\n]+)\"|'(?P<single>[^'\n]+)'|(?P<plain>[\w-]+))[ \t]*=")
_ITEM = re.compile(r"(?P<indent>[ \t]*)-[ \t]+\S")
_BELOW = (" ", "\t", "-", "]", "}")
_SHORT_ITEM = 60


_OPENS = {"yaml": re.compile(r"\A(?:[ \t]*\n)*---[ \t]*\n"), "toml": re.compile(r"\A(?:[ \t]*\n)*\+\+\+[ \t]*\n")}


class CannotWrite(Exception):
    """A file is written in a way in which the change has no place."""


@dataclass
class Block:
    """A field of the front matter: its name, empty for a comment or a blank line, and its lines."""

    name: str
    lines: list[str]


@dataclass
class Head:
    """The front matter of a file.

    Attributes:
        kind: "yaml", "toml", or empty where there is none yet.
        blocks: Its lines.
        fields: What it says, by name.
        meaning: Which field of an entry a name in it means, or empty.
        order: Where fields stand; those that are not in it come last. Empty for a file of somebody else.
    """

    kind: str
    blocks: list[Block]
    fields: Mapping[str, Any]
    meaning: Callable[[str], str]
    order: Sequence[str] = ()
    written: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls, kind: str, raw: str, fields: Mapping[str, Any], meaning: Callable[[str], str], order: Sequence[str] = ()
    ) -> Head:
        """Take front matter apart."""
        blocks: list[Block] = []
        pattern = _TOML_KEY if kind == "toml" else _KEY
        in_table = False
        for line in raw.split("\n")[:-1] if raw.endswith("\n") else raw.split("\n") if raw else []:
            in_table = in_table or (kind == "toml" and line.startswith("["))
            found = None if in_table else pattern.match(line)
            if found:
                blocks.append(Block(found["double"] or found["single"] or found["plain"], [line]))
            elif blocks and blocks[-1].name and (line.startswith(_BELOW) or (not line.strip() and kind == "yaml")):
                blocks[-1].lines.append(line)
            else:
                blocks.append(Block("", [line]))
        return cls(kind, blocks, fields, meaning, order)

    @property
    def raw(self) -> str:
        """Its lines."""
        return "".join(f"{line}\n" for block in self.blocks for line in block.lines)

    def meant(self, name: str) -> list[Block]:
        """The blocks that mean a field; its own name comes first."""
        found = [block for block in self.blocks if block.name and name in (block.name, self.meaning(block.name))]
        return sorted(found, key=lambda block: block.name != name)

    def set(self, name: str, value: Any) -> None:
        """Let a field say something else; nothing takes it away."""
        blocks = self.meant(name)
        if value == "" or (value in (None, []) and name in BY_NAME):
            self.blocks = [block for block in self.blocks if all(block is not other for other in blocks)]
        elif blocks:
            blocks[0].lines = [*self._dumped(blocks[0].name, value), *_blank_end(blocks[0].lines)]
        else:
            self._insert(Block(name, self._dumped(name, value)))

    def set_list(self, name: str, before: Sequence[str], after: Sequence[str]) -> None:
        """Let a list hold other items. What the text of the file adds to it stands nowhere here."""
        blocks = self.meant(name)
        normal = rules.tag if name == "tags" else str.strip
        given = {id(block): [normal(item) for item in _items(self.fields.get(block.name), name)] for block in blocks}
        all_given = [item for items in given.values() for item in items]
        if blocks and set(all_given) == set(before):
            self._put_list(blocks[0], given[id(blocks[0])], after)
            for block in blocks[1:]:
                self._put_list(block, given[id(block)], ())
            return
        added = [item for item in after if item not in before]
        gone = {*before} - {*after}
        for number, block in enumerate(blocks):
            kept = [item for item in given[id(block)] if item not in gone]
            self._put_list(block, given[id(block)], [*kept, *(added if not number else ())])
        if added and not blocks:
            self._insert(Block(name, self._dumped(name, added)))

    def _put_list(self, block: Block, given: Sequence[str], items: Sequence[str]) -> None:
        if list(given) == list(items):
            return
        if not items:
            self.blocks = [other for other in self.blocks if other is not block]
            return
        marks = [_ITEM.match(line) for line in block.lines[1:]]
        body = [line for line in block.lines[1:] if line.strip()]
        if self.kind == "yaml" and body and all(marks[: len(body)]) and len(body) == len(given):
            line_of = dict(zip(given, body))
            indent = (marks[0] or _ITEM.match("- x"))["indent"]  # type: ignore[index]
            made = [line_of.get(item) for item in items]
            block.lines = [
                block.lines[0],
                *(
                    line
                    for item, old in zip(items, made)
                    for line in ([old] if old is not None else _item_lines(item, indent))
                ),
                *_blank_end(block.lines),
            ]
            return
        is_flow = not body and all(len(item) <= _SHORT_ITEM and "\n" not in item for item in items)
        block.lines = [*self._dumped(block.name, list(items), is_flow=is_flow), *_blank_end(block.lines)]

    def _dumped(self, name: str, value: Any, *, is_flow: bool = False) -> list[str]:
        if self.kind == "toml":
            if not isinstance(value, (str, int, bool)) and not all(isinstance(item, str) for item in value):
                raise CannotWrite("its front matter is TOML")
            key = name if re.fullmatch(r"[\w-]+", name) else json.dumps(name)
            return [f"{key} = {json.dumps(value, ensure_ascii=False)}"]
        return dump_field(name, value, is_flow=is_flow).split("\n")[:-1]

    def _insert(self, block: Block) -> None:
        """Put a new field where it belongs: at the end of somebody else's, before the tables of TOML."""
        at = len(self.blocks)
        if self.kind == "toml":
            at = next((n for n, each in enumerate(self.blocks) if each.lines[0].startswith("[")), at)
        elif self.order:
            place = self._place(block.name)
            before = [n for n, each in enumerate(self.blocks) if each.name and self._place(each.name) <= place]
            at = before[-1] + 1 if before else 0
        self.blocks.insert(at, block)

    def _place(self, name: str) -> int:
        return self.order.index(name) if name in self.order else len(self.order) + (name == "links")


def with_head(text: str, found: FrontMatter, head: Head, body: str) -> str:
    """A text with other front matter and another body; without any where it had none and gets none.

    Args:
        text: The text as it was.
        found: It, taken apart.
        head: The front matter that it gets.
        body: The body that it gets.
    """
    if not found.kind:
        return f"---\n{head.raw}---\n{body}" if head.blocks else body
    opened = _OPENS[found.kind].match(text)
    start = opened.end() if opened else 0
    return text[:start] + head.raw + text[start + len(found.raw) : len(text) - len(found.body)] + body


def _items(value: Any, name: str) -> list[str]:
    """The items of a list as a file has it."""
    if isinstance(value, (list, tuple)):
        return [
            without_brackets(str(item)) if name == "tags" else str(item) for item in value if item not in (None, "")
        ]
    if value in (None, ""):
        return []
    text = str(value)
    if name == "tags":
        return [
            without_brackets(part)
            for part in re.split("[,;]" if "," in text or ";" in text else r"\s+", text)
            if part.strip()
        ]
    return [text] if name in ("sources", "error_messages") else [part for part in text.split(",") if part.strip()]


def _item_lines(item: str, indent: str) -> list[str]:
    lines = dump_field("x", [item]).split("\n")[1:-1]
    return [f"{indent}{line}" if line else line for line in lines]


def _blank_end(lines: Sequence[str]) -> list[str]:
    """The blank lines behind a field."""
    count = 0
    while count < len(lines) - 1 and not lines[len(lines) - 1 - count].strip():
        count += 1
    return [*lines[len(lines) - count :]] if count else []
