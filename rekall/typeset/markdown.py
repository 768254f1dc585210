"""Markdown as lines of styled text, for the shell and the terminal UI: a widget a paragraph would cost 25 kB each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from rekall.typeset.text import Cells, Line, Run, Span, Style, StyledText, expanded, joined
from rekall.wording import printable

if TYPE_CHECKING:
    from markdown_it.token import Token

_QUOTE, _BULLET, _GAP = "▏ ", "• ", "  "
_STYLES = {"em": Style.EMPHASIS, "strong": Style.STRONG, "s": Style.STRUCK}
_LEAST_COLUMN = 6
_DEEPEST = 60
"""Quotes and lists inside one another; a text with more is shown as it stands. The parser leaves out what lies deeper, and
recurses on the way."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a text is laid out for.

    Attributes:
        width: Cells a line.
        cells: How many a text takes.
        margin: Blanks before a line of code.
        fills: Whether a line of code is as wide as the page, for a background.
        folds: Whether a line of code that is too wide is cut; else it stays as it is.
    """

    width: int
    cells: Cells
    margin: int = 1
    fills: bool = False
    folds: bool = True

    def narrower(self, by: int) -> Page:
        """The same with less room."""
        return replace(self, width=max(self.width - by, 8))


class Block(Protocol):
    """A piece of text that can be laid out for a page."""

    @property
    def texts(self) -> Sequence[StyledText]:
        """What can be searched in it."""
        ...

    def with_texts(self, texts: Sequence[StyledText]) -> Block:
        """The same of other texts, as many as there are."""
        ...

    def lines(self, page: Page) -> list[tuple[Run, ...]]:
        """Its lines."""
        ...


@dataclass(frozen=True, slots=True)
class _Text:
    """A paragraph or heading."""

    text: StyledText

    @property
    def texts(self) -> Sequence[StyledText]:
        return (self.text,)

    def with_texts(self, texts: Sequence[StyledText]) -> Block:
        return _Text(texts[0])

    def lines(self, page: Page) -> list[tuple[Run, ...]]:
        return self.text.lines(page.width, page.cells)


@dataclass(frozen=True, slots=True)
class _Code:
    """Code; only lines that are too wide are cut."""

    rows: tuple[StyledText, ...]

    @property
    def texts(self) -> Sequence[StyledText]:
        return self.rows

    def with_texts(self, texts: Sequence[StyledText]) -> Block:
        return _Code(tuple(texts))

    def lines(self, page: Page) -> list[tuple[Run, ...]]:
        room = page.width - 2 * page.margin
        before = (Run(" " * page.margin, (Style.BLOCK,)),) if page.margin else ()
        lines = []
        for row in self.rows:
            fits = not page.folds or page.cells(row.plain) <= room
            for runs in [row.runs()] if fits else row.lines(room, page.cells):
                missing = room - sum(page.cells(run.text) for run in runs) + page.margin if page.fills else 0
                after = (Run(" " * missing, (Style.BLOCK,)),) if missing > 0 else ()
                lines.append((*before, *(replace(run, styles=(Style.BLOCK, *run.styles)) for run in runs), *after))
        return lines


@dataclass(frozen=True, slots=True)
class _Rule:
    """A horizontal line."""

    @property
    def texts(self) -> Sequence[StyledText]:
        return ()

    def with_texts(self, texts: Sequence[StyledText]) -> Block:
        return self

    def lines(self, page: Page) -> list[tuple[Run, ...]]:
        return [(Run("─" * page.width, (Style.FAINT,)),)]


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows of cells: in columns, the widest of them folded, or one row after another where there is no room for that."""

    rows: tuple[tuple[StyledText, ...], ...]

    @property
    def texts(self) -> Sequence[StyledText]:
        return [cell for row in self.rows for cell in row]

    def with_texts(self, texts: Sequence[StyledText]) -> Block:
        left = iter(texts)
        return _Table(tuple(tuple(next(left) for _ in row) for row in self.rows))

    def lines(self, page: Page) -> list[tuple[Run, ...]]:
        columns = max((len(row) for row in self.rows), default=0)
        widths = [
            max((page.cells(row[at].plain) for row in self.rows if at < len(row)), default=0) for at in range(columns)
        ]
        room = page.width - len(_GAP) * (columns - 1)
        if columns * _LEAST_COLUMN > room and sum(widths) > room:
            return [runs for row in self.rows for runs in joined(row, " │ ").lines(page.width, page.cells)]
        while sum(widths) > room:
            widest = max(widths)
            second = max((width for width in widths if width < widest), default=_LEAST_COLUMN)
            many = widths.count(widest)
            less = max(second, widest - -(-(sum(widths) - room) // many), _LEAST_COLUMN)
            widths = [less if width == widest else width for width in widths]
        head, *rest = [self._row(row, widths, page, is_head=not place) for place, row in enumerate(self.rows)]
        rule = (Run(_GAP.join("─" * width for width in widths), (Style.FAINT,)),)
        return [*head, rule, *(runs for row in rest for runs in row)]

    @staticmethod
    def _row(row: Sequence[StyledText], widths: Sequence[int], page: Page, *, is_head: bool) -> list[tuple[Run, ...]]:
        """A row, as many lines high as its highest cell."""
        shown = [cell.styled(Style.STRONG) if is_head else cell for cell in row]
        cells = [cell.lines(width, page.cells) for cell, width in zip(shown, widths)]
        lines = []
        for at in range(max(map(len, cells), default=0)):
            runs: list[Run] = []
            blanks = ""
            for cell, width in zip(cells, widths):
                part = cell[at] if at < len(cell) else ()
                if part:
                    runs += [Run(blanks), *part] if blanks else part
                    blanks = ""
                blanks += " " * (width - sum(page.cells(run.text) for run in part)) + _GAP
            lines.append(tuple(runs))
        return lines


@dataclass(frozen=True, slots=True)
class _Placed:
    """A block, what precedes its first line and the others, and the line of the source where it begins."""

    block: Block
    first: str
    rest: str
    is_close: bool
    source: int

    def lines(self, page: Page) -> list[Line]:
        lines = []
        for place, runs in enumerate(self.block.lines(page.narrower(page.cells(self.rest)) if self.rest else page)):
            before = self.first if place == 0 else self.rest
            lines.append(Line(((Run(before, (Style.FAINT,)), *runs) if before else runs), self.source))
        return lines


class MarkdownText:
    """A Markdown text, laid out for any page. HTML stays text: `Vec<String>` in a note is not a tag."""

    def __init__(self, source: str, *, addresses: bool = False) -> None:
        """Parse a text without control characters.

        Args:
            source: The text.
            addresses: Whether the address of a link is shown behind it, where nobody can click.
        """
        from markdown_it import MarkdownIt  # 3 MB

        parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
        tokens = parser.parse(source)
        if any(token.level >= _DEEPEST - 2 for token in tokens):  # what lies deeper is not among them
            self._blocks = [_Placed(_Text(StyledText(source)), "", "", False, 0)]
        else:
            self._blocks = _Reader(addresses).read(tokens)

    @property
    def plain(self) -> str:
        """Everything that is read, without the marks: what `marked` counts in."""
        return "\n".join(text.plain for placed in self._blocks for text in placed.block.texts)

    def marked(self, places: Sequence[tuple[int, int]]) -> MarkdownText:
        """The same with what was searched for marked, by its places in `plain`."""
        if not places:
            return self
        made = object.__new__(MarkdownText)
        made._blocks, at = [], 0
        waiting = sorted(places, reverse=True)
        for placed in self._blocks:
            texts = []
            for text in placed.block.texts:
                end, inside = at + len(text.plain), []
                while waiting and waiting[-1][0] < end:
                    start, behind = waiting.pop()
                    inside.append((start - at, behind - at))
                    if behind > end + 1:  # it goes on in the next text
                        waiting.append((end + 1, behind))
                        break
                texts.append(text.marked(inside))
                at = end + 1
            made._blocks.append(replace(placed, block=placed.block.with_texts(texts)) if texts else placed)
        return made

    def laid_out(self, page: Page) -> list[Line]:
        """Its lines for a page."""
        lines: list[Line] = []
        for placed in self._blocks:
            if lines and not placed.is_close:
                lines.append(Line((), lines[-1].source))
            lines += placed.lines(page)
        return lines


@dataclass(slots=True)
class _Frame:
    """An open list item or quote. What precedes its first line is used for that line only."""

    first: str
    rest: str


class _Reader:
    """Turns the parser's tokens into blocks, each with what precedes its lines."""

    def __init__(self, addresses: bool) -> None:
        self.blocks: list[_Placed] = []
        self._addresses = addresses
        self._frames: list[_Frame] = []
        self._numbers: list[int | None] = []
        self._rows: list[list[StyledText]] = []
        self._is_close = False
        self._source = 0

    def read(self, tokens: Sequence[Token]) -> list[_Placed]:
        """The blocks of all tokens."""
        before: Token | None = None
        for token in tokens:
            if token.map and not self._rows:
                self._source = token.map[0]
            if token.type == "inline" and before is not None:
                self._take_inline(_inline(token.children or (), addresses=self._addresses), before)
            elif token.type in ("fence", "code_block"):
                rows = token.content.rstrip("\n").split("\n")
                self._place(_Code(tuple(StyledText(expanded(row)) for row in rows)))
            elif token.type == "hr":
                self._place(_Rule())
            else:
                self._take_frame(token)
            before = token
        return self.blocks

    def _take_inline(self, text: StyledText, before: Token) -> None:
        if before.type in ("th_open", "td_open"):
            self._rows[-1].append(text)
        elif before.type == "heading_open":
            self._place(_Text(text.styled(Style.HEADING)))
        else:
            self._place(_Text(text))
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
            self._place(_Table(tuple(map(tuple, self._rows))))
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
        self.blocks.append(_Placed(block, first, rest, self._is_close, self._source))
        self._is_close = False
        for frame in self._frames:
            frame.first = frame.rest


def _inline(tokens: Iterable[Token], *, addresses: bool) -> StyledText:
    """A text with its emphasis, code and links."""
    text: list[str] = []
    spans: list[Span] = []
    opened: list[tuple[int, int, Style | None, str]] = []
    length = 0

    def put(part: str) -> None:
        nonlocal length
        text.append(part)
        length += len(part)

    for token in tokens:
        if token.nesting > 0:
            opened.append((len(text), length, *_style_of(token)))
        elif token.nesting < 0:
            part, start, style, address = opened.pop()
            if token.markup == "__" and _is_name(text[part:]) and not (spans and spans[-1].end > start):
                text[part:] = [f"__{text[part]}__"]
                length += 4
            elif style is not None:
                spans.append(Span(start, length, style, address))
            if addresses and address and "".join(text[part:]) not in (address, address.removeprefix("mailto:")):
                behind = length
                put(f" <{printable(address)}>")
                spans.append(Span(behind, length, Style.FAINT))
        else:
            start = length
            put(_words_of(token))
            if token.type == "code_inline":
                spans.append(Span(start, length, Style.CODE))
    return StyledText("".join(text), tuple(spans))


def _is_name(parts: Sequence[str]) -> bool:
    """Whether what stands between two underscores is a name of a programming language: `__init__`, but not __Note__."""
    return len(parts) == 1 and parts[0].isidentifier() and (parts[0].islower() or parts[0].isupper())


def _style_of(token: Token) -> tuple[Style | None, str]:
    """The style from an opening token up to its closing one, and where a link leads."""
    if token.type != "link_open":
        return _STYLES.get(token.type.removesuffix("_open")), ""
    return Style.LINK, str(token.attrs.get("href", ""))


def _words_of(token: Token) -> str:
    if token.type == "image":
        return printable(f"[image: {token.content or token.attrs.get('src', '')}]")
    if token.type in ("softbreak", "hardbreak"):
        return " " if token.type == "softbreak" else "\n"
    return printable(token.content.replace("\t", " "))  # `&#8238;` is a character now
