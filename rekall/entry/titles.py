"""A title for a text that was written without one: its first line, or the beginning of a line that is too long."""

from __future__ import annotations

import re

MOST_TITLE_CHARS = 100
"""A longer line is no title: it is the content, and its beginning the title."""

_LEAST_SENTENCE = 15
_SENTENCE_END = re.compile(r"[.!?](?=[ \t]+[^\Wa-z])|[。！？]")
_FENCE = re.compile(r" {0,3}(?:`{3,}[^`]*$|~{3,})")
_RULE = re.compile(r"[-=+*_~#|][-=+*_~#|\s]*")
_TRACEBACK = re.compile(r"Traceback \(most recent call last\):?")
_MARKDOWN_HEADING = re.compile(r"#{1,6}[ \t]+(?=\S)")


def titled(text: str) -> tuple[str, str]:
    """A text as a title and the content: its first line and the rest, or all of it where that line is too long.

    Of a text that begins with a block of code or a rule the title is the first line behind that, of a traceback the error,
    and the text stays whole.
    """
    text = text.strip("\n")
    while text and not text.partition("\n")[0].strip():
        text = text.partition("\n")[2]
    first, _, rest = text.partition("\n")
    if _says_nothing(first):
        line = next((_line(line) for line in rest.split("\n") if line.strip() and not _says_nothing(line)), "")
        return (line if len(line) <= MOST_TITLE_CHARS else shortened(line)) or first.strip(), text if rest else ""
    head = _line(first)
    if rest and _TRACEBACK.fullmatch(head) and (error := _error_of(rest)):
        return error if len(error) <= MOST_TITLE_CHARS else shortened(error), text
    if len(head) <= MOST_TITLE_CHARS:
        return head, rest.strip("\n")
    return shortened(head), text


def _says_nothing(line: str) -> bool:
    """Whether a line only begins a block of code, or is a rule."""
    return bool(_FENCE.match(line) or _RULE.fullmatch(line))


def _error_of(trace: str) -> str:
    """The error that a traceback of Python ends with: its last line that stands at the margin and names one."""
    lines = (line.strip() for line in trace.split("\n") if line[:1].isalpha() and not _TRACEBACK.match(line))
    return next(reversed([line for line in lines if re.match(r"[\w.]+(?::|\Z)", line)]), "")


def _line(text: str) -> str:
    return _MARKDOWN_HEADING.sub("", text.strip(), count=1)


def shortened(line: str) -> str:
    """The beginning of a line that is too long for a title: its first sentence, or as many whole words as there is room."""
    ends = (found for found in _SENTENCE_END.finditer(line, 0, MOST_TITLE_CHARS + 2))
    for found in ends:
        if _LEAST_SENTENCE <= found.end() <= MOST_TITLE_CHARS:
            return line[: found.end()].removesuffix(".")
    cut = line[: MOST_TITLE_CHARS - 1]
    words = cut.rpartition(" ")[0].rstrip(" ,;:-–(") if line[MOST_TITLE_CHARS - 1] != " " else cut
    return f"{(words if len(words) >= _LEAST_SENTENCE else cut).rstrip()}…"
