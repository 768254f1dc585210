"""Markdown as one text: a widget for each paragraph and table cell would cost 25 kB each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from textual.content import Content, Span
from textual.style import Style

from rekall.wording import printable

if TYPE_CHECKING:
    from markdown_it.token import Token

_QUOTE, _BULLET, _GAP = "▏ ", "• ", "  "
_STYLES = {"em": "italic", "strong": "bold", "s": "strike"}
_CODE, _HEADING, _FAINT = "$secondary", "bold $primary", "$foreground 55%"


class Block(Protocol):
    """A piece of text that can be laid out for a width."""

    def lines(self, width: int) -> list[Content]:
        """Its lines, each at most `width` cells wide."""
        ...


@dataclass(frozen=True, slots=True)
class _Text:
    """A paragraph or heading."""

    content: Content

    def lines(self, width: int) -> list[Content]:
        return [line.rstrip() for line in self.content.wrap(width)]


@dataclass(frozen=True, slots=True)
class _Code:
    """Code; only lines that are too wide are wrapped."""

    text: str

    def lines(self, width: int) -> list[Content]:
        style = f"{_CODE} on $panel"
        whole = (Content(line).expand_tabs(4) for line in self.text.split("\n"))
        folded = (
            part for line in whole for part in ([line] if line.cell_length <= width - 2 else line.wrap(width - 2))
        )
        return [Content.assemble((f" {part.plain.ljust(width - 2 - _wide(part))} ", style)) for part in folded]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A horizontal line."""

    def lines(self, width: int) -> list[Content]:
        return [Content.assemble(("─" * width, _FAINT))]


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows of cells: in columns if they fit, otherwise one row after another."""

    rows: list[list[Content]]

    def lines(self, width: int) -> list[Content]:
        columns = max((len(row) for row in self.rows), default=0)
        widths = [max((row[at].cell_length for row in self.rows if at < len(row)), default=0) for at in range(columns)]
        if sum(widths) + len(_GAP) * (columns - 1) > width:
            return [line for row in self.rows for line in _Text(Content(" │ ").join(row)).lines(width)]
        shown = [
            Content(_GAP).join(cell.pad_right(size - cell.cell_length) for cell, size in zip(row, widths)).rstrip()
            for row in self.rows
        ]
        rule = Content.assemble((_GAP.join("─" * size for size in widths), _FAINT))
        return [shown[0].stylize("bold"), rule, *shown[1:]]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A block, and what precedes its first line and the others."""

    block: Block
    first: str
    rest: str
    is_close: bool

    def lines(self, width: int) -> list[Content]:
        inner = self.block.lines(max(width - len(self.rest), 8))
        return [
            Content.assemble((self.first if place == 0 else self.rest, _FAINT), line)
            for place, line in enumerate(inner)
        ]


@dataclass(slots=True)
class _Frame:
    """An open list item or quote. What precedes its first line is used for that line only."""

    first: str
    rest: str


class MarkdownText:
    """A Markdown text, laid out for any width. HTML stays text: `Vec<String>` in a note is not a tag."""

    def __init__(self, source: str) -> None:
        """Parse a text without control characters."""
        from markdown_it import MarkdownIt  # 3 MB

        parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
        self._blocks = _Reader().read(parser.parse(source))

    def laid_out(self, width: int) -> list[Content]:
        """Its lines for a width in cells."""
        lines: list[Content] = []
        for placed in self._blocks:
            if lines and not placed.is_close:
                lines.append(Content(""))
            lines += placed.lines(width)
        return lines


class _Reader:
    """Turns the parser's tokens into blocks, each with what precedes its lines."""

    def __init__(self) -> None:
        self.blocks: list[_Placed] = []
        self._frames: list[_Frame] = []
        self._numbers: list[int | None] = []
        self._rows: list[list[Content]] = []
        self._is_close = False

    def read(self, tokens: Sequence[Token]) -> list[_Placed]:
        """The blocks of all tokens."""
        before: Token | None = None
        for token in tokens:
            if token.type == "inline" and before is not None:
                self._take_inline(_inline(token.children or ()), before)
            elif token.type in ("fence", "code_block"):
                self._place(_Code(token.content.rstrip("\n")))
            elif token.type == "hr":
                self._place(_Rule())
            else:
                self._take_frame(token)
            before = token
        return self.blocks

    def _take_inline(self, content: Content, before: Token) -> None:
        if before.type in ("th_open", "td_open"):
            self._rows[-1].append(content)
        elif before.type == "heading_open":
            self._place(_Text(content.stylize(_HEADING)))
        else:
            self._place(_Text(content))
            self._is_close = before.hidden  # an item of a tight list

    def _take_frame(self, token: Token) -> None:
        """Handle a token that opens or closes something around blocks."""
        kind = token.type
        if kind == "ordered_list_open":
            self._numbers.append(int(token.attrs.get("start", 1)))
        elif kind == "bullet_list_open":
            self._numbers.append(None)
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._numbers.pop()
            self._is_close = bool(self._numbers) and self._is_close
        elif kind == "list_item_open":
            self._frames.append(_Frame(mark := self._next_mark(), " " * len(mark)))
        elif kind == "blockquote_open":
            self._frames.append(_Frame(_QUOTE, _QUOTE))
        elif kind in ("list_item_close", "blockquote_close"):
            self._frames.pop()
        elif kind == "tr_open":
            self._rows.append([])
        elif kind == "table_close":
            self._place(_Table(self._rows))
            self._rows = []

    def _next_mark(self) -> str:
        number = self._numbers[-1]
        if number is None:
            return _BULLET
        self._numbers[-1] = number + 1
        return f"{number}. "

    def _place(self, block: Block) -> None:
        first = "".join(frame.first for frame in self._frames)
        rest = "".join(frame.rest for frame in self._frames)
        self.blocks.append(_Placed(block, first, rest, self._is_close))
        self._is_close = False
        for frame in self._frames:
            frame.first = frame.rest


def _inline(tokens: Iterable[Token]) -> Content:
    """A text with its emphasis, code and links."""
    text: list[str] = []
    spans: list[Span] = []
    opened: list[tuple[int, str | Style]] = []
    length = 0
    for token in tokens:
        if token.nesting > 0:
            opened.append((length, _style_of(token)))
        elif token.nesting < 0:
            start, style = opened.pop()
            spans.append(Span(start, length, style))
        else:
            part = _words_of(token)
            if token.type == "code_inline":
                spans.append(Span(length, length + len(part), _CODE))
            text.append(part)
            length += len(part)
    return Content("".join(text), spans)


def _style_of(token: Token) -> str | Style:
    """The style from an opening token up to its closing one."""
    if token.type != "link_open":
        return _STYLES.get(token.type.removesuffix("_open"), "")
    address = str(token.attrs.get("href", ""))
    return Style(underline=True) + Style.from_meta({"@click": f"copy_address({address!r})"})


def _words_of(token: Token) -> str:
    if token.type == "image":
        return printable(f"[image: {token.content or token.attrs.get('src', '')}]")
    return {"softbreak": " ", "hardbreak": "\n"}.get(token.type) or printable(
        token.content
    )  # `&#8238;` is a character now


def _wide(content: Content) -> int:
    """How many more cells than characters a text has."""
    return content.cell_length - len(content.plain)
